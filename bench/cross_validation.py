#!/usr/bin/env python3
"""Five-fold cross-validation: what it does for the choice of one penalty, and what it costs beside scikit-learn.

    python3 bench/cross_validation.py --tacit build/release/tacit --data DIR [--work DIR] [--only NAME,...] spread | cost

spread  colon and leukemia, ten seeds: standard deviation of ln l2 on a hold-out and with 5 folds drawn 5 times, choices at an edge
cost    a9a, covtype (20000 rows) and made data of 20000 x 500: CPU seconds on one thread of `tacit tune` as a whole process,
        against scikit-learn on the same five folds with 10 values: LogisticRegressionCV, RidgeCV(cv=...), refit included, its
        reading of the file apart; and the mean loss of the held-out rows that each reached. Columns are standardized once
        before, so that both fit the same numbers.

DIR holds a9a.svm, covtype_20k.csv.gz, colon-cancer.svm, leukemia_X.npy and leukemia_y.npy. Needs numpy, pandas, scikit-learn.
"""
import argparse, gzip, json, os, subprocess, sys
import numpy as np

from processes import ONE_THREAD, run
from starts import convert

SKLEARN = r"""
import sys, time, warnings
warnings.filterwarnings("ignore")
import numpy as np
kind, file, folds = sys.argv[1:4]
fold = np.loadtxt(folds, dtype=int)
if file.endswith(".svm"):
    from sklearn.datasets import load_svmlight_file
    X, y = load_svmlight_file(file)
else:
    import pandas as pd
    d = pd.read_csv(file)
    X, y = d.drop(columns="y").values, d["y"].values
from sklearn.model_selection import PredefinedSplit
begin = time.process_time()
split = PredefinedSplit(fold)
if kind == "logistic":
    from sklearn.linear_model import LogisticRegressionCV
    m = LogisticRegressionCV(Cs=10, cv=split, scoring="neg_log_loss", max_iter=1000).fit(X, y)
    size = np.bincount(fold)
    loss = -(max(m.scores_.items())[1] * size[:, None]).sum(0).max() / size.sum()
else:
    from sklearn.linear_model import RidgeCV
    m = RidgeCV(alphas=np.logspace(-3, 6, 10), cv=split, scoring="neg_mean_squared_error").fit(X, y)
    loss = -m.best_score_ / 2
print(loss, time.process_time() - begin)
"""


def tune(a, run_file, *overrides):
    r = subprocess.run([a.tacit, "tune", run_file, *overrides, *a.override, "-o", os.path.join(a.work, "out"), "--force", "--json", "-q"],
                       capture_output=True, text=True)
    if r.returncode != 0:
        sys.exit(f"{run_file} {' '.join(overrides)}: exit {r.returncode}: {r.stderr[:500]}")
    return json.loads(r.stdout)


def spread(a):
    convert(a.data, a.work)
    for name, file in (("colon", os.path.join(a.data, "colon-cancer.svm")), ("leukemia", os.path.join(a.work, "leukemia.csv"))):
        if a.only and name not in a.only:
            continue
        for kind in ("logistic", "ridge"):
            run_file = os.path.join(a.work, "spread.yaml")
            open(run_file, "w").write(f"tacit: 1\ndata: {{train: {json.dumps(os.path.abspath(file))}}}\nmodel: {{kind: {kind}}}\n"
                                 "prepare: {standardize: true}\ndiagnostics: {reference: 0}\n")
            found = {}
            for what, keys in (("hold-out", ["validation.scheme=holdout"]), ("5 x 5 folds", ["validation.folds=5", "validation.repeats=5"])):
                got = [tune(a, run_file, *keys, f"seed={seed}") for seed in range(10)]
                l2 = np.log([g["best"]["hyperparameters"]["l2"] for g in got])
                edges = sum(any(w["code"] == "W310" for w in g["warnings"]) for g in got)
                found[what] = l2.std(ddof=1)
                print(f"{name:9s} {kind:8s} {what:11s} sd of ln l2 {l2.std(ddof=1):.3f}  range {l2.min():.2f} .. {l2.max():.2f}  at an edge {edges}",
                      flush=True)
            print(f"{name:9s} {kind:8s} ratio {found['5 x 5 folds'] / found['hold-out']:.3f}", flush=True)


def made(work):
    path = os.path.join(work, "made.npz")
    if not os.path.exists(path):
        from sklearn.datasets import make_classification
        X, y = make_classification(20000, 500, n_informative=30, n_redundant=50, flip_y=.1, class_sep=.5, random_state=1000)
        np.savez(path, X=X, y=2.0 * y - 1)
    d = np.load(path)
    return d["X"], d["y"]


def write_csv(path, X, y):
    with open(path, "w") as f:
        f.write(",".join([f"f{j + 1}" for j in range(X.shape[1])] + ["y"]) + "\n")
        for row, v in zip(X, y):
            f.write(",".join(map(repr, row.tolist())) + f",{float(v)!r}\n")


def dense(a, name, X, y, kind):
    X = X[:, X.std(0) > 0]
    path = os.path.join(a.work, f"{name}_{kind}.csv")
    if not os.path.exists(path):
        write_csv(path, (X - X.mean(0)) / X.std(0), y)
    return path


def workload(a, name, kind):
    if name == "a9a":
        if kind == "logistic":
            return os.path.abspath(os.path.join(a.data, "a9a.svm")), 32561
        path = os.path.join(a.work, "a9a_ridge.svm")
        if not os.path.exists(path):
            open(path, "w").write(open(os.path.join(a.data, "a9a.svm")).read())
        return path, 32561
    if name == "covtype":
        import pandas as pd
        d = pd.read_csv(gzip.open(os.path.join(a.data, "covtype_20k.csv.gz")))
        y = d.iloc[:, -1].values
        y = np.where(y == 2, 1.0, -1.0) if kind == "logistic" else y.astype(float)
        return dense(a, name, d.iloc[:, :-1].values.astype(float), y, kind), len(y)
    X, y = made(a.work)
    if kind == "ridge":
        y = X @ np.random.RandomState(0).standard_normal(X.shape[1]) / 20 + y
    return dense(a, name, X, y, kind), len(y)


def cost(a):
    for name in ("a9a", "covtype", "made"):
        for kind in ("logistic", "ridge"):
            if a.only and name not in a.only and f"{name}_{kind}" not in a.only:
                continue
            file, n = workload(a, name, kind)
            folds = os.path.join(a.work, f"{name}.folds")
            np.savetxt(folds, np.random.RandomState(0).permutation(n) % 5, fmt="%d")
            run_file = os.path.join(a.work, "cost.yaml")
            target = "" if file.endswith(".svm") else ", target: y"
            open(run_file, "w").write(f"tacit: 1\ndata: {{train: {json.dumps(file)}{target}}}\nprepare: {{standardize: false}}\n"
                                 f"validation: {{split_column: {json.dumps(folds)}}}\nmodel: {{kind: {kind}}}\n"
                                 "limits: {threads: 1}\n")
            ours, theirs, whole = [], [], []
            for _ in range(a.times):
                ran = run([a.tacit, "tune", run_file, *a.override, "-o", os.path.join(a.work, "out"), "--force", "--json", "-q"])
                mine = json.loads(ran.out)
                ours.append(ran.cpu)
                other = run([sys.executable, "-c", SKLEARN, kind, file, folds], environment=ONE_THREAD)
                loss, fit = map(float, other.out.split())
                theirs.append(fit)
                whole.append(other.cpu)
            t, f, w = np.median(ours), np.median(theirs), np.median(whole)
            print(f"{name:8s} {kind:8s} tacit {t:.2f} s (whole)  scikit-learn {f:.2f} s fit, {w:.2f} s whole  ratio to the fit {t / f:.2f}, to "
                  f"the whole {t / w:.2f}  loss {mine['best']['outer_loss']:.8g} against {loss:.8g}", flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("what", choices=["spread", "cost"])
    p.add_argument("--tacit", default="build/release/tacit")
    p.add_argument("--data", default=".")
    p.add_argument("--work", default="/tmp/tacit_folds")
    p.add_argument("--only", default="")
    p.add_argument("--times", type=int, default=3)
    p.add_argument("--override", action="append", default=[])
    a = p.parse_args()
    a.only = a.only.split(",") if a.only else []
    os.makedirs(a.work, exist_ok=True)
    (spread if a.what == "spread" else cost)(a)


if __name__ == "__main__":
    main()
