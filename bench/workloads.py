#!/usr/bin/env python3
"""Data and run files that the figures of the benchmarks are measured on, the same bits from the same seed.

    python3 bench/workloads.py NAME FOLDER [--seed 0] [--a9a FILE]

A workload is written as three parts of the rows, half of them for training, a quarter each for validation and for test, in a random order, and as
FOLDER/NAME.yaml, whose path is printed:

w1         20000 x 500 numbers: columns of falling variance, a fifth of them with an effect, noise of three times its deviation; ridge, one penalty
w1b        2000 x 1000 numbers, as many rows as columns; ridge, one penalty
w2         20000 x 500, two classes (make_classification: 30 informative columns, 50 redundant, a tenth of the labels turned); logistic, one penalty
w2_a9a     the rows of the LIBSVM file --a9a; logistic, one penalty
w2_sparse  20000 x 50000, some 50 entries a row, in columns by a law like Zipf's, rows of length 1; LIBSVM; logistic, one penalty
w3         the data of w2, a penalty for each column
w3_breast  breast cancer, as scikit-learn has it, a penalty for each column

Columns of tables are scaled to mean 0 and deviation 1 on the training rows and a target of numbers is centred there; sparse data stay as they are, and there is no
intercept, so that whoever reads the files fits the same numbers. With n training rows ln l2 starts at ln 10 without a range (w1), at 5 - ln n in -12 - ln n .. 12 - ln n (w2)
and at 3 - ln n in -3 - ln n .. 9 - ln n (w3).

Two more make data that grow: `--rows N --columns D` write dense_NxD (two files of NumPy, logistic) and many_NxD (LIBSVM, 50 entries a row, one penalty a column).

Needs NumPy; w2, w3 and w3_breast scikit-learn, whose generators they are.
"""
import argparse
import math
import os

import numpy as np

PENALTY = {"w1": (math.log(10), None), "w2": (5, (-12, 12)), "w3": (3, (-3, 9))}  # by the first two letters: start and range


def regression(random):
    rows, columns = 20000, 500
    x = random.standard_normal((rows, columns))
    x *= (1 / np.sqrt(1 + np.arange(columns)))[random.permutation(columns)]
    useful = random.rand(columns) < 0.2
    signal = x @ np.where(useful, random.standard_normal(columns), 0)
    return x, signal + 3 * signal.std() * random.standard_normal(rows)


def square_regression(random):
    rows, columns = 2000, 1000
    x = random.standard_normal((rows, columns))
    w = random.standard_normal(columns) / np.sqrt(columns)
    return x, x @ w + random.standard_normal(rows)


def classes(seed):
    from sklearn.datasets import make_classification

    x, y = make_classification(20000, 500, n_informative=30, n_redundant=50, flip_y=0.1, class_sep=0.5, random_state=seed)
    return x, 2.0 * y - 1


def breast_cancer():
    from sklearn.datasets import load_breast_cancer

    x, y = load_breast_cancer(return_X_y=True)
    return x, 2.0 * y - 1


def entries(random, rows, columns, each):
    """Sparse rows of length 1 as (row, column, value), entries of the same place added; earlier columns are the more frequent ones."""
    share = 1 / (10 + np.arange(columns))
    drawn = random.choice(columns, size=(rows, each), p=share / share.sum()).ravel()
    values = np.abs(random.standard_normal(rows * each)) + 0.1
    place, which = np.unique(np.repeat(np.arange(rows), each) * columns + drawn, return_inverse=True)
    row, column = np.divmod(place, columns)
    value = np.bincount(which, values)
    return row, column, value / np.sqrt(np.bincount(row, value**2, rows))[row]


def sparse_classes(random, rows, columns):
    """Two classes as LIBSVM lines; a twentieth of the columns have an effect."""
    row, column, value = entries(random, rows, columns, 50)
    useful = random.rand(columns) < 0.05
    signal = np.bincount(row, value * np.where(useful, 4 * random.standard_normal(columns), 0)[column], rows)
    positive = random.rand(rows) < 1 / (1 + np.exp(-4 * signal / signal.std()))
    ends = np.searchsorted(row, np.arange(rows + 1))
    return [("1" if positive[i] else "-1") + "".join(f" {column[k] + 1}:{float(value[k])!r}" for k in range(ends[i], ends[i + 1])) + "\n"
            for i in range(rows)]


def write_table(path, x, y):
    with open(path, "w") as f:
        f.write(",".join([f"f{j + 1}" for j in range(x.shape[1])] + ["y"]) + "\n")
        for row, target in zip(x, y):
            f.write(",".join(map(repr, row.tolist())) + f",{float(target)!r}\n")


def tables(x, y, parts, ridge):
    """The rows of each part, scaled by those that train."""
    train = parts["train"]
    mean, deviation = x[train].mean(0), x[train].std(0)
    deviation[deviation < 1e-12] = 1
    shift = y[train].mean() if ridge else 0.0
    return {name: ((x[rows] - mean) / deviation, y[rows] - shift) for name, rows in parts.items()}


def run_file(name, folder, end, rows, more=""):
    start, box = PENALTY[name[:2]]
    unit = 0.0 if box is None else math.log(rows)
    l2 = f"per: {'feature' if name[:2] == 'w3' else 'all'}, start: {math.exp(start - unit):.17g}"
    if box:
        l2 += f", range: [{math.exp(box[0] - unit):.17g}, {math.exp(box[1] - unit):.17g}]"
    path = os.path.join(folder, f"{name}.yaml")
    with open(path, "w") as f:
        f.write(f"tacit: 1\ndata: {{train: {name}_train.{end}{more}}}\nvalidation: {{file: {name}_valid.{end}}}\nprepare: {{standardize: false}}\n"
                f"model: {{kind: {'ridge' if name[:2] == 'w1' else 'logistic'}, intercept: false}}\nhyper: {{l2: {{{l2}}}}}\n")
    return path


def drawn_parts(rows, seed):
    order = np.random.RandomState(seed).permutation(rows)
    return {"train": order[: rows // 2], "valid": order[rows // 2 : rows // 2 + rows // 4], "test": order[rows // 2 + rows // 4 :]}


def workload(name, folder, seed, a9a):
    random = np.random.RandomState(seed + 1000)
    if name in ("w2_a9a", "w2_sparse"):
        lines = list(open(a9a)) if name == "w2_a9a" else sparse_classes(random, 20000, 50000)
        columns = 50000 if name == "w2_sparse" else max(int(line.split()[-1].split(":")[0]) for line in lines if ":" in line)
        parts = drawn_parts(len(lines), seed)
        for part, rows in parts.items():
            with open(os.path.join(folder, f"{name}_{part}.svm"), "w") as f:
                f.writelines(lines[i] for i in rows)
        return run_file(name, folder, "svm", len(parts["train"]), f", features_total: {columns}")
    x, y = (regression(random) if name == "w1" else square_regression(random) if name == "w1b"
            else breast_cancer() if name == "w3_breast" else classes(seed + 1000))
    parts = drawn_parts(len(y), seed)
    for part, (a, target) in tables(x, y, parts, name[:2] == "w1").items():
        write_table(os.path.join(folder, f"{name}_{part}.csv"), a, target)
    return run_file(name, folder, "csv", len(parts["train"]), ", target: y")


def growing_dense(rows, columns, folder):
    """Classes along one direction of independent columns whose deviations fall from 1 to 1/30."""
    random = np.random.RandomState(0)
    x = random.standard_normal((rows, columns)) * 30.0 ** (-np.arange(columns) / columns)
    signal = x @ random.standard_normal(columns)
    name = f"dense_{rows}x{columns}"
    np.save(os.path.join(folder, f"{name}.npy"), x)
    np.save(os.path.join(folder, f"{name}_y.npy"), np.where(signal + signal.std() * random.standard_normal(rows) > 0, 1.0, -1.0))
    path = os.path.join(folder, f"{name}.yaml")
    with open(path, "w") as f:
        f.write(f"tacit: 1\ndata: {{train: {name}.npy, target: {name}_y.npy}}\nvalidation: {{scheme: holdout}}\nmodel: {{kind: logistic}}\n")
    return path


def growing_many(rows, columns, folder):
    name = f"many_{rows}x{columns}"
    with open(os.path.join(folder, f"{name}.svm"), "w") as f:
        f.writelines(sparse_classes(np.random.RandomState(0), rows, columns))
    path = os.path.join(folder, f"{name}.yaml")
    with open(path, "w") as f:
        f.write(f"tacit: 1\ndata: {{train: {name}.svm, features_total: {columns}}}\nvalidation: {{scheme: holdout}}\nmodel: {{kind: logistic}}\n"
                "hyper: {l2: {per: feature}}\n")
    return path


def main():
    names = ["w1", "w1b", "w2", "w2_a9a", "w2_sparse", "w3", "w3_breast", "dense", "many"]
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("name", choices=names)
    p.add_argument("folder")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--a9a", default="a9a.svm")
    p.add_argument("--rows", type=int, default=10000)
    p.add_argument("--columns", type=int, default=100)
    a = p.parse_args()
    os.makedirs(a.folder, exist_ok=True)
    growing = {"dense": growing_dense, "many": growing_many}.get(a.name)
    print(growing(a.rows, a.columns, a.folder) if growing else workload(a.name, a.folder, a.seed, a.a9a))


if __name__ == "__main__":
    main()
