# The final fit of this run once more, with glmnet: the same rows, encoding, weights and penalty.
# Rscript elsewhere.R prints its coefficients beside those of model.json; exit code 0: they agree to 1e-6 of the largest,
# 1: they do not, 2: the package is missing. Needs glmnet (at least two features).
# ---- this run
KIND <- "ridge"
L2 <- c(2.069514794011896)  # the penalty l2/2 |w|^2
MEAN <- TRUE  # the loss is divided by the sum of the weights
INTERCEPT <- TRUE
STANDARDIZE <- TRUE
LIBSVM <- FALSE
POSITIVE <- NULL  # the class that has y = 1
CLASS_WEIGHTS <- c()  # of the other classes, of the positive one
WEIGHT <- NULL
DELIMITER <- ""  # found from the first lines
DECIMAL <- "."
HEADER <- TRUE
SKIP_ROWS <- 0
MISSING <- c("", "NA", "NaN", "?")
COLUMNS <- list(
  list(name = "a"),
  list(name = "b"),
  list(name = "c"),
  list(name = "d"),
  list(name = "e"),
  list(name = "f")
)
DATA <- list(  # file, first and last of each block of rows of it
  list(file = "/work/wt/h1/ys.csv", target = "y",
    from = c(1),
    to = c(60))
)
FEATURES <- c("a", "b", "c", "d", "e", "f")
TACIT_COEFFICIENTS <- c(4.30686417281301e-06, -2.285761312358571e-06, 1.964511968605502e-06, 1.982020649204148e-06, -1.2648130180552714e-06, 
    5.119543720657611e-07)
TACIT_INTERCEPT <- -3.0688330848315067e-06
# ---- the same for every run

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
  lines <- trimws(sub("#.*", "", readLines(path, warn = FALSE)))
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
    return(list(x = data$x[rows, , drop = FALSE], target = data$target[rows], weight = weight))
  }
  table <- read_table(part$file)[rows, , drop = FALSE]
  if (!is.null(WEIGHT) && WEIGHT %in% names(table)) weight <- number(table[[WEIGHT]])
  list(x = encode(table), target = table[[part$target]], weight = weight)
}

if (LIBSVM) DECIMAL <- "."
parts <- lapply(DATA, read_part)
x <- do.call(rbind, lapply(parts, `[[`, "x"))
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

# Standardized by the weighted mean and standard deviation (with 1/n); columns of a LIBSVM file are scaled, not centred.
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
  if (LIBSVM) {
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
