#!/usr/bin/env python3
"""The final fit of this run once more, with scikit-learn: the same rows, encoding, weights and penalty.

python3 elsewhere.py prints its coefficients beside those of model.json. It ends with 0 when they agree to 1e-6 of the largest,
with 1 when they do not, with 2 when a package or a file is missing. Needs numpy, scipy and scikit-learn.
"""
# ---- this run
KIND = "ridge"
L2 = [2.069514794011896]  # the penalty l2/2 |w|^2
MEAN = True  # the loss is divided by the sum of the weights
INTERCEPT = True
STANDARDIZE = True
LIBSVM = False
POSITIVE = None  # the class that has y = 1
CLASS_WEIGHTS = []  # of the other classes, of the positive one
WEIGHT = None
DELIMITER = ""  # found from the first lines
DECIMAL = "."
HEADER = True
SKIP_ROWS = 0
MISSING = ["", "NA", "NaN", "?"]
COLUMNS = [
    {"name": "a"},
    {"name": "b"},
    {"name": "c"},
    {"name": "d"},
    {"name": "e"},
    {"name": "f"},
]
DATA = [  # file, target column, rows (from 1, both ends included), weights where no column holds them
    ("/work/wt/h1/ys.csv", "y", [(1, 60)], None),
]
# ---- the same for every run

import csv
import gzip
import json
import os
import sys

try:
    import numpy as np
    import scipy.sparse as sp
    from sklearn.datasets import load_svmlight_file
    from sklearn.linear_model import LogisticRegression, Ridge
except ImportError as error:
    print("elsewhere.py needs numpy, scipy and scikit-learn:", error, file=sys.stderr)
    sys.exit(2)


def read_text(path):
    with open(path, "rb") as file:
        raw = file.read()
    if raw[:2] == b"\x1f\x8b":
        raw = gzip.decompress(raw)
    return raw.decode("utf-8-sig", errors="surrogateescape")


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


def read_part(path, name, ranges, weights):
    """Features, labels or targets, row weights."""
    rows = chosen(ranges)
    weight = np.ones(len(rows)) if weights is None else np.array(weights)
    if LIBSVM:
        x, target = load_svmlight_file(path, n_features=FEATURES_TOTAL, zero_based=INDEX_BASE == 0)
        x = x[rows][:, KEPT] if KEPT else x[rows]
        return x, list(target[rows]), weight
    table = read_table(path)
    if WEIGHT in table:
        weight = np.array([number(table[WEIGHT][i]) for i in rows])
    return encode(table, rows), [label(table[name][i]) for i in rows], weight


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
if LIBSVM and x.shape[0] * x.shape[1] <= 2e7:
    x = x.toarray()  # the same numbers, and exact solvers for them
dense = not sp.issparse(x)
n = weight.sum()

# Standardized by the weighted mean and standard deviation (with 1/n); columns of a LIBSVM file are scaled, not centred.
low, high = (x.min(axis=0), x.max(axis=0)) if dense else (x.min(axis=0).toarray().ravel(), x.max(axis=0).toarray().ravel())
share = weight / n
mean = np.where(low == high, low, np.asarray(share @ x).ravel())
spread = share @ (x - mean) ** 2 if dense else np.maximum(np.asarray(share @ x.power(2)).ravel() - mean**2, 0)
spread = np.where(low == high, 0.0, np.sqrt(spread))
centre, scale = np.zeros(x.shape[1]), np.ones(x.shape[1])
if STANDARDIZE:
    scale = np.where(spread > 0, spread, 1.0)
    centre = centre if LIBSVM else mean
prepared = (x - centre) / scale if dense else x @ sp.diags(1 / scale)

# The penalty in the units of scikit-learn: Ridge alpha = n l2, LogisticRegression C = 1/(n l2). One penalty per feature: the column is
# divided by sqrt(alpha_j), so that alpha = 1 is right for all of them, and so is the coefficient afterwards.
alpha = np.array(L2) * (n if MEAN else 1.0)
shrink = np.ones(x.shape[1])
if len(alpha) > 1:
    shrink = np.sqrt(np.maximum(alpha, 1e-14 * alpha.max()))
    alpha = np.ones(1)
columns = prepared / shrink if dense else prepared @ sp.diags(1 / shrink)
if KIND == "ridge":
    exact = {"solver": "svd"} if dense else {"solver": "sparse_cg", "tol": 1e-14, "max_iter": 100000}
    fit = Ridge(alpha=alpha[0], fit_intercept=INTERCEPT, **exact).fit(columns, y, sample_weight=weight)
else:
    options = dict(C=1 / max(alpha[0], 1e-300), fit_intercept=INTERCEPT, tol=1e-12, max_iter=1000)
    try:
        fit = LogisticRegression(solver="newton-cholesky" if dense else "newton-cg", **options).fit(columns, y, sample_weight=weight)
    except ValueError:  # before scikit-learn 1.2
        fit = LogisticRegression(solver="newton-cg", **options).fit(columns, y, sample_weight=weight)
coefficients = np.ravel(fit.coef_) / shrink / scale
intercept = (float(np.ravel(fit.intercept_)[0]) if INTERCEPT else 0.0) - centre @ coefficients

# Compared where a unit is one standard deviation of the column, so that no feature hides behind another's units.
tacit = np.array([model["coefficients"][name] for name in model["features"]])
unit = np.where(spread > 0, spread, 1.0)
largest = max(np.abs(tacit * unit).max(), np.abs(coefficients * unit).max(), 1e-300)
shift = abs(intercept + mean @ coefficients - model["intercept"] - mean @ tacit)  # the prediction at the mean row
difference = max(np.abs((coefficients - tacit) * unit).max() / largest, shift / max(largest, abs(intercept + mean @ coefficients)))


def objective(w, b):
    margin = x @ w + b
    loss = (y - margin) ** 2 / 2 if KIND == "ridge" else np.logaddexp(0, margin) - y * margin
    return weight @ loss / (n if MEAN else 1.0) + np.sum(np.array(L2) * (w * scale) ** 2) / 2


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
