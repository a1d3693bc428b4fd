#include <tacit/cli/model/elsewhere_scripts.hpp>

namespace tacit {

const char* const kElsewherePython = R"python(
import csv
import gzip
import inspect
import io
import json
import os
import re
import sys
import warnings

try:
    import numpy as np
    import scipy.io
    import scipy.sparse as sp
    from sklearn.datasets import load_svmlight_file
    from sklearn.linear_model import LogisticRegression, Ridge
except ImportError as error:
    print("elsewhere.py needs numpy, scipy and scikit-learn:", error, file=sys.stderr)
    sys.exit(2)


def read_bytes(path):
    with open(path, "rb") as file:
        raw = file.read()
    return gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw


def read_text(path):
    return read_bytes(path).decode("utf-8-sig", errors="surrogateescape")


def number(cell):
    """The cell as a finite float, else None."""
    if "_" in cell or (DECIMAL == "," and "." in cell):
        return None
    try:
        value = float(cell.replace(",", ".") if DECIMAL == "," else cell)
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def label(cell):
    """What makes two cells the same label: the number, so that 1 is 1.0, else the text."""
    value = number(cell)
    return cell.strip() if value is None else value


def find_delimiter(path, text):
    name = path.lower()
    name = name[:-3] if name.endswith(".gz") else name
    if name.endswith(".tsv"):
        return "\t"
    plain = "".join(text.split('"')[::2])  # without what is in quotation marks
    plain = [line for line in plain.split("\n") if line.strip()][:10]
    seen = [d for d in "\t;," if d != DECIMAL and plain[0].count(d)]
    same = [d for d in seen if len({line.count(d) for line in plain}) == 1]
    blank = " " if " " in plain[0] and not name.endswith(".csv") else ";" if DECIMAL == "," else ","
    return (same + seen + [blank])[0]


def read_table(path):
    """Column name -> cells as text, rows in the order of the file."""
    lines = read_text(path).split("\n")[SKIP_ROWS:]
    delimiter = DELIMITER or find_delimiter(path, "\n".join(lines))
    if delimiter == " ":
        lines = [line.replace("\t", " ").strip() for line in lines]
    csv.field_size_limit(2**31 - 1)
    reader = csv.reader((line + "\n" for line in lines), delimiter=delimiter, skipinitialspace=True, strict=True)
    rows = [[cell.strip() for cell in row] for row in reader if row and not (len(row) == 1 and not row[0].strip())]
    names = rows[0] if HEADER else ["x%d" % (j + 1) for j in range(len(rows[0]))]
    names = [name or "column%d" % (j + 1) for j, name in enumerate(names)]
    return dict(zip(names, zip(*rows[1 if HEADER else 0:])))


def chosen(ranges):
    """Row numbers from 0."""
    return np.concatenate([np.arange(first - 1, last) for first, last in ranges])


def encode(table, rows):
    missing_numbers = {number(word) for word in MISSING} - {None}

    def missing(cell):
        return cell in MISSING or number(cell) in missing_numbers

    features = []
    for column in COLUMNS:
        cells = [table[column["name"]][i] for i in rows]
        if "levels" not in column:
            features.append([column["fill"] if missing(c) and "fill" in column else number(c) for c in cells])
            continue
        labels = [None if missing(c) else label(c) for c in cells]
        levels = [label(level) for level in column["levels"]] + ([None] if column["missing_level"] else [])
        features += [[float(found == level) for found in labels] for level in levels]
    return np.array(features, dtype=float).T


def read_numbers(path, kind):
    """The array of a .npy, MatrixMarket or IDX file, what lies beyond the second dimension flat in the row."""
    raw = read_bytes(path)
    if kind == "npy":
        a = np.load(io.BytesIO(raw))
    elif kind == "mtx":
        a = scipy.io.mmread(io.BytesIO(raw))
        if sp.issparse(a):
            return sp.csr_matrix(a, dtype=float)
    else:
        shape = np.frombuffer(raw, ">u4", raw[3], 4)
        a = np.frombuffer(raw, {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}[raw[2]], offset=4 + 4 * raw[3])
        a = a.reshape(shape)
    return np.asarray(a, dtype=float).reshape(len(a), -1)


def encode_numbers(a, rows):
    """The columns of a dense file, missing numbers filled."""
    a = a[rows]
    if LIBSVM:
        return sp.csr_matrix(a[:, KEPT] if KEPT else a)
    x = a[:, [int(column["name"][1:]) - 1 for column in COLUMNS]]
    fills = np.array([column.get("fill", np.nan) for column in COLUMNS])
    return np.where(np.isnan(x), fills, x)


def read_part(path, kind, name, ranges, weights, targets):
    """Features, labels or targets, row weights."""
    rows = chosen(ranges)
    weight = np.ones(len(rows)) if weights is None else np.array(weights)
    targets = None if targets is None else [label(t) for t in targets]
    if kind in ("npy", "mtx", "idx"):
        a = read_numbers(path, kind)
        dense = a.toarray() if sp.issparse(a) and not LIBSVM else a
        column = lambda which: np.asarray(a[rows][:, [int(which[1:]) - 1]].todense() if sp.issparse(a) else a[rows, int(which[1:]) - 1]).ravel()
        if WEIGHT and weights is None:
            weight = column(WEIGHT)
        x = (a[rows][:, KEPT] if KEPT else a[rows]) if sp.issparse(dense) else encode_numbers(dense, rows)
        return x, list(column(name)) if targets is None else targets, weight
    if LIBSVM:
        text = re.sub(rb":[ \t]+", b":", read_bytes(path))  # blanks that LIBLINEAR reads
        x, target = load_svmlight_file(io.BytesIO(text), n_features=FEATURES_TOTAL, zero_based=INDEX_BASE == 0)
        x = x[rows][:, KEPT] if KEPT else x[rows]
        return x, list(target[rows]) if targets is None else targets, weight
    table = read_table(path)
    if WEIGHT in table:
        weight = np.array([number(table[WEIGHT][i]) for i in rows])
    return encode(table, rows), [label(table[name][i]) for i in rows] if targets is None else targets, weight


if LIBSVM:
    DECIMAL = "."
try:
    parts = [read_part(*part) for part in DATA]
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "model.json"), encoding="utf-8") as file:
        model = json.load(file)
except OSError as error:
    print("elsewhere.py:", error, file=sys.stderr)
    sys.exit(2)

x = (sp.vstack if LIBSVM else np.vstack)([part[0] for part in parts])
target = sum((part[1] for part in parts), [])
weight = np.concatenate([part[2] for part in parts])
if POSITIVE is None:
    y = np.array(target, dtype=float)
else:
    y = np.array([float(t == label(POSITIVE)) for t in target])
    weight = weight * np.where(y > 0, CLASS_WEIGHTS[1], CLASS_WEIGHTS[0])
counts = np.flatnonzero(weight > 0)  # rows of weight 0 are not there
x, y, weight = x[counts], y[counts], weight[counts]
if LIBSVM and (CENTRE or x.shape[0] * x.shape[1] <= 2e7):
    x = x.toarray()  # the same numbers, and exact solvers for them
dense = not sp.issparse(x)
n = weight.sum()

# Standardized by the weighted mean and standard deviation (with 1/n); columns that are stored sparse are scaled, not centred.
low, high = (x.min(axis=0), x.max(axis=0)) if dense else (x.min(axis=0).toarray().ravel(), x.max(axis=0).toarray().ravel())
share = weight / n
mean = np.where(low == high, low, np.asarray(share @ x).ravel())
spread = share @ (x - mean) ** 2 if dense else np.maximum(np.asarray(share @ x.power(2)).ravel() - mean**2, 0)
spread = np.where(low == high, 0.0, np.sqrt(spread))
centre, scale = np.zeros(x.shape[1]), np.ones(x.shape[1])
if STANDARDIZE:
    scale = np.where(spread > 0, spread, 1.0)
    centre = mean if CENTRE else centre
prepared = (x - centre) / scale if dense else x @ sp.diags(1 / scale)

# The penalty in the units of scikit-learn: Ridge alpha = n l2, LogisticRegression C = 1/(n l2). One penalty per feature: the column is
# divided by sqrt(alpha_j), so that alpha = 1 is right for all of them, and so is the coefficient afterwards.
alpha = np.array(L2) * (n if MEAN else 1.0)
shrink = np.ones(x.shape[1])
if len(alpha) > 1:
    shrink = np.sqrt(np.maximum(alpha, 1e-14 * alpha.max()))
    alpha = np.ones(1)
columns = prepared / shrink if dense else prepared @ sp.diags(1 / shrink)
back = None
if dense and columns.shape[1] > columns.shape[0]:
    # More columns than rows: the coefficients are sums of rows, so as many numbers as there are rows tell them.
    left, size, back = np.linalg.svd(columns, full_matrices=False)
    columns = left * size
if columns.shape[0] * columns.shape[1] > 1e6:
    print("fitting %d rows, %d columns ..." % columns.shape, file=sys.stderr)


def objective(w, b):
    margin = x @ w + b
    loss = (y - margin) ** 2 / 2 if KIND == "ridge" else np.logaddexp(0, margin) - y * margin
    return weight @ loss / (n if MEAN else 1.0) + np.sum(np.array(L2) * (w * scale) ** 2) / 2


def solution(estimator):
    """Coefficients and intercept in the units of the data."""
    fit = estimator.fit(columns, y, sample_weight=weight)
    w = np.ravel(fit.coef_)
    w = (w if back is None else w @ back) / shrink / scale
    return w, (float(np.ravel(fit.intercept_)[0]) if INTERCEPT else 0.0) - centre @ w


def logistic():
    """The best fit of the ways in which this scikit-learn can be asked: later ones take alpha in place of C."""
    known = inspect.signature(LogisticRegression).parameters
    strengths = [{"alpha": alpha[0] / n}, {"alpha": alpha[0]}] if "alpha" in known else [{"C": 1 / max(alpha[0], 1e-300)}]
    fits = []
    for strength in strengths:
        for solver in ("newton-cholesky", "newton-cg", "lbfgs") if dense else ("newton-cg", "lbfgs"):
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always")
                try:
                    fits.append(solution(LogisticRegression(solver=solver, fit_intercept=INTERCEPT, tol=1e-12, max_iter=2000, **strength)))
                except ValueError:  # newton-cholesky before scikit-learn 1.2
                    continue
            if not any("onverge" in str(w.message) or "Line Search" in str(w.message) for w in said):
                break
    return min(fits, key=lambda fit: np.nan_to_num(objective(*fit), nan=np.inf))


if KIND == "ridge":
    exact = {"solver": "svd"} if dense else {"solver": "sparse_cg", "tol": 1e-14, "max_iter": 100000}
    coefficients, intercept = solution(Ridge(alpha=alpha[0], fit_intercept=INTERCEPT, **exact))
else:
    coefficients, intercept = logistic()

# Compared where a unit is one standard deviation of the column, so that no feature hides behind another's units.
tacit = np.array([model["coefficients"][name] for name in model["features"]])
unit = np.where(spread > 0, spread, 1.0)
largest = max(np.abs(tacit * unit).max(), np.abs(coefficients * unit).max(), 1e-300)
shift = abs(intercept + mean @ coefficients - model["intercept"] - mean @ tacit)  # the prediction at the mean row
difference = max(np.abs((coefficients - tacit) * unit).max() / largest, shift / max(largest, abs(intercept + mean @ coefficients)))


width = max(map(len, model["features"] + ["(intercept)"]))
print("%-*s  %24s  %24s" % (width, "feature", "scikit-learn", "Tacit"))
for name, a, b in list(zip(model["features"], coefficients, tacit))[:50] + [("(intercept)", intercept, model["intercept"])]:
    print("%-*s  %24.16g  %24.16g" % (width, name, a, b))
if len(tacit) > 50:
    print("... and %d more features" % (len(tacit) - 50))
print("rows %d, n %.17g" % (len(y), n))
print("objective at both: %.17g  %.17g" % (objective(coefficients, intercept), objective(tacit, model["intercept"])))
print("largest difference, relative to the largest coefficient: %.2e" % difference)
if not difference <= 1e-6:
    print("the coefficients differ by more than 1e-6; the smaller objective is the better fit", file=sys.stderr)
    sys.exit(1)
)python";

const char* const kElsewhereR = R"glmnet(
if (!requireNamespace("glmnet", quietly = TRUE)) {
  message("elsewhere.R needs the package glmnet: install.packages(\"glmnet\")")
  quit(status = 2)
}

number <- function(cells) {
  if (DECIMAL == ",") cells <- ifelse(grepl(".", cells, fixed = TRUE), NA, sub(",", ".", cells, fixed = TRUE))
  suppressWarnings(as.numeric(cells))
}
label <- function(cells) {  # the number, so that 1 is 1.0, else the text
  value <- number(cells)
  ifelse(is.finite(value), sprintf("%.17g", value), trimws(cells))
}
find_delimiter <- function(path, lines) {
  if (grepl("\\.tsv(\\.gz)?$", path, ignore.case = TRUE)) return("\t")
  plain <- strsplit(gsub("\"[^\"]*\"", "", paste(lines, collapse = "\n")), "\n")[[1]]  # without what is in quotation marks
  plain <- head(plain[nzchar(trimws(plain))], 10)
  count <- function(d) lengths(regmatches(plain, gregexpr(d, plain, fixed = TRUE)))
  seen <- Filter(function(d) d != DECIMAL && count(d)[1] > 0, c("\t", ";", ","))
  same <- Filter(function(d) length(unique(count(d))) == 1, seen)
  blank <- grepl(" ", plain[1]) && !grepl("\\.csv(\\.gz)?$", path, ignore.case = TRUE)
  c(same, seen, if (blank) "" else if (DECIMAL == ",") ";" else ",")[1]
}
read_table <- function(path) {
  lines <- readLines(path, warn = FALSE, encoding = "UTF-8")  # gzip is recognised
  lines[1] <- sub("^\ufeff", "", lines[1])
  if (SKIP_ROWS > 0) lines <- lines[-seq_len(SKIP_ROWS)]
  delimiter <- if (nzchar(DELIMITER)) DELIMITER else find_delimiter(path, lines)
  table <- utils::read.table(text = lines, sep = if (delimiter == " ") "" else delimiter, quote = "\"", header = FALSE, colClasses = "character",
                             comment.char = "", na.strings = character(0), strip.white = TRUE, blank.lines.skip = TRUE, encoding = "UTF-8")
  if (HEADER) {
    names(table) <- unlist(table[1, ])
    table <- table[-1, , drop = FALSE]
  } else {
    names(table) <- paste0("x", seq_along(table))
  }
  unnamed <- which(!nzchar(names(table)))
  names(table)[unnamed] <- paste0("column", unnamed)
  table
}
missing_cell <- function(cells) {
  numbers <- number(MISSING)
  cells %in% MISSING | number(cells) %in% numbers[is.finite(numbers)]
}
encode <- function(table) {
  parts <- lapply(COLUMNS, function(column) {
    cells <- table[[column$name]]
    absent <- missing_cell(cells)
    if (is.null(column$levels)) {
      value <- number(cells)
      if (!is.null(column$fill)) value[absent] <- column$fill
      return(matrix(value))
    }
    indicator <- outer(label(cells), label(column$levels), "==") & !absent
    if (column$missing_level) indicator <- cbind(indicator, absent)
    indicator + 0
  })
  do.call(cbind, parts)
}
read_libsvm <- function(path) {
  lines <- gsub(":[ \t]+", ":", trimws(sub("#.*", "", readLines(path, warn = FALSE))))  # blanks that LIBLINEAR reads
  fields <- strsplit(lines[nzchar(lines)], "[ \t]+")
  entries <- lapply(fields, function(f) strsplit(f[-1], ":", fixed = TRUE))
  x <- Matrix::sparseMatrix(i = rep(seq_along(fields), lengths(fields) - 1),
                            j = as.integer(unlist(lapply(entries, function(e) vapply(e, `[`, "", 1)))) + 1L - INDEX_BASE,
                            x = as.numeric(unlist(lapply(entries, function(e) vapply(e, `[`, "", 2)))),
                            dims = c(length(fields), FEATURES_TOTAL))
  if (length(KEPT)) x <- x[, KEPT + 1, drop = FALSE]
  list(x = x, target = vapply(fields, `[`, "", 1))
}
read_part <- function(part) {
  rows <- unlist(Map(seq, part$from, part$to))
  weight <- if (is.null(part$weights)) rep(1, length(rows)) else part$weights
  if (LIBSVM) {
    data <- read_libsvm(part$file)
    target <- if (is.null(part$targets)) data$target[rows] else part$targets
    return(list(x = data$x[rows, , drop = FALSE], target = target, weight = weight))
  }
  table <- read_table(part$file)[rows, , drop = FALSE]
  if (!is.null(WEIGHT) && WEIGHT %in% names(table)) weight <- number(table[[WEIGHT]])
  list(x = encode(table), target = if (is.null(part$targets)) table[[part$target]] else part$targets, weight = weight)
}

if (LIBSVM) DECIMAL <- "."
parts <- lapply(DATA, read_part)
x <- do.call(rbind, lapply(parts, `[[`, "x"))
if (LIBSVM && CENTRE) x <- as.matrix(x)
target <- unlist(lapply(parts, `[[`, "target"))
weight <- unlist(lapply(parts, `[[`, "weight"))
if (is.null(POSITIVE)) {
  y <- number(target)
} else {
  y <- as.numeric(label(target) == label(POSITIVE))
  weight <- weight * ifelse(y > 0, CLASS_WEIGHTS[2], CLASS_WEIGHTS[1])
}

counts <- weight > 0  # rows of weight 0 are not there
x <- x[counts, , drop = FALSE]
y <- y[counts]
weight <- weight[counts]
n <- sum(weight)

# Standardized by the weighted mean and standard deviation (with 1/n); columns that are stored sparse are scaled, not centred.
share <- weight / n
mean_of <- as.vector(Matrix::crossprod(x, share))
centred <- if (LIBSVM) as.vector(Matrix::crossprod(x^2, share)) - mean_of^2 else colSums(share * sweep(x, 2, mean_of)^2)
constant <- apply(x, 2, function(column) min(column) == max(column))
spread <- ifelse(constant, 0, sqrt(pmax(centred, 0)))
scale <- rep(1, ncol(x))
centre <- rep(0, ncol(x))
prepared <- x
if (STANDARDIZE) {
  scale <- ifelse(spread > 0, spread, 1)
  if (!CENTRE) {
    prepared <- x %*% Matrix::Diagonal(x = 1 / scale)
  } else {
    centre <- ifelse(constant, x[1, ], mean_of)
    prepared <- sweep(sweep(x, 2, centre), 2, scale, "/")
  }
}

# glmnet minimises 1/n sum s loss + lambda sum factor_j w_j^2 / 2, its factors rescaled to mean 1; for the gaussian family after division of y
# by its standard deviation (with 1/n), so lambda = l2 sd(y).
l2 <- rep_len(L2, ncol(x)) / (if (MEAN) 1 else n)
if (is.null(POSITIVE) && !INTERCEPT) {
  # Without intercept some versions divide by the root mean square instead: with every row mirrored the two are the same.
  prepared <- rbind(prepared, -prepared)
  y <- c(y, -y)
  weight <- c(weight, weight)
}
unit <- if (is.null(POSITIVE)) sqrt(sum(weight * (y - sum(weight * y) / sum(weight))^2) / sum(weight)) else 1
lambda <- mean(l2) * unit
glmnet::glmnet.control(fdev = 0, devmax = 1)  # no early end of the path
fit <- glmnet::glmnet(prepared, y, family = if (is.null(POSITIVE)) "gaussian" else "binomial", weights = weight, alpha = 0,
                      lambda = if (lambda > 0) lambda * c(1000, 100, 10, 1) else 0,
                      penalty.factor = if (lambda > 0) l2 / mean(l2) else rep(1, ncol(x)),
                      standardize = FALSE, intercept = INTERCEPT, thresh = 1e-26, maxit = 1e7)
last <- length(fit$lambda)
coefficients <- as.vector(fit$beta[, last]) / scale
intercept <- (if (INTERCEPT) unname(fit$a0[last]) else 0) - sum(centre * coefficients)

size <- ifelse(spread > 0, spread, 1)
largest <- max(abs(TACIT_COEFFICIENTS * size), abs(coefficients * size), 1e-300)
level <- intercept + sum(mean_of * coefficients)  # the prediction at the mean row
shift <- abs(level - TACIT_INTERCEPT - sum(mean_of * TACIT_COEFFICIENTS))
difference <- max(abs((coefficients - TACIT_COEFFICIENTS) * size) / largest, shift / max(largest, abs(level)))
print(data.frame(glmnet = c(coefficients, intercept), Tacit = c(TACIT_COEFFICIENTS, TACIT_INTERCEPT), row.names = c(FEATURES, "(intercept)")),
      digits = 16)
cat(sprintf("largest difference, relative to the largest coefficient: %.2e\n", difference))
if (!isTRUE(difference <= 1e-6)) quit(status = 1)
)glmnet";

}  // namespace tacit
