#!/usr/bin/env python3
"""Where runs start and stop, on real data: `start: auto` against given starts, and against a grid.

    python3 bench/starts.py --tacit build/release/tacit --data DIR [--work DIR] [--only NAME,...] many | one | scales

many    one penalty per feature: validation loss from `start: auto` against the best of the starts 1e-3, 1e-2, 1e-1, 1
one     one penalty, `start: auto`, against a grid of 100 penalties spread over the default range (outer.optimizer=grid)
scales  made data, one raw column whose mean is 1e1 ... 1e6 times its spread, CSV and LIBSVM, three solvers: validation
        loss reached, against that with the mean at 0

DIR holds the data sets as they are named below (those that are missing are left out); npy, mtx and idx files are
written as LIBSVM first. Seed 0; a hold-out of 25 %, or five folds (--scheme kfold). A line a data set, then how many are off by more than
1 % (many) or 1e-4 (one) and by more than 1e-6 of the intercept's loss. Needs numpy; scipy for the mtx file.
"""
import argparse, gzip, json, os, subprocess, sys, time
import numpy as np

# name: file, kind, more overrides
SETS = {
    "abalone": ("abalone.csv", "ridge", []),
    "cal_housing": ("cal_housing.csv", "ridge", []),
    "cpusmall": ("cpusmall_norm.csv", "ridge", []),
    "diabetes": ("diabetes.csv", "ridge", []),
    "digits_r": ("digits.csv.gz", "ridge", []),
    "wine_r": ("wine.csv", "ridge", ["data.skip_rows=1"]),
    "breast_r": ("breast_cancer.csv", "ridge", ["data.skip_rows=1"]),
    "covtype_r": ("covtype_20k.csv.gz", "ridge", []),
    "heart_r": ("heart_scale.svm", "ridge", []),
    "german_r": ("german.numer_scale.svm", "ridge", []),
    "phishing_r": ("phishing.svm", "ridge", []),
    "mushrooms_r": ("mushrooms.svm", "ridge", []),
    "a9a_r": ("a9a.svm", "ridge", []),
    "colon_r": ("colon-cancer.svm", "ridge", []),
    "colon_std_r": ("colon-cancer.svm", "ridge", ["prepare.standardize=true"]),
    "leukemia_r": ("leukemia.csv", "ridge", []),
    "rcv1_r": ("rcv1_sample.svm", "ridge", []),
    "heart": ("heart_scale.svm", "logistic", []),
    "german": ("german.numer_scale.svm", "logistic", []),
    "breast": ("breast_cancer.csv", "logistic", ["data.skip_rows=1"]),
    "wine": ("wine.csv", "logistic", ["data.skip_rows=1", "model.positive=1"]),
    "digits3": ("digits.csv.gz", "logistic", ["model.positive=3"]),
    "covtype2": ("covtype_20k.csv.gz", "logistic", ["model.positive=2"]),
    "phishing": ("phishing.svm", "logistic", []),
    "mushrooms": ("mushrooms.svm", "logistic", []),
    "a9a": ("a9a.svm", "logistic", []),
    "colon": ("colon-cancer.svm", "logistic", []),
    "colon_std": ("colon-cancer.svm", "logistic", ["prepare.standardize=true"]),
    "leukemia": ("leukemia.csv", "logistic", []),
    "rcv1": ("rcv1_sample.svm", "logistic", []),
    "mnist3": ("mnist.svm", "logistic", ["model.positive=3"]),
    "news7": ("news.svm", "logistic", ["model.positive=7"]),
}


def svm_line(label, columns, values):
    return f"{label} " + " ".join(f"{j + 1}:{v:.17g}" for j, v in zip(columns, values)) + "\n"


def convert(data, work):
    """leukemia.csv, mnist.svm and news.svm from the npy, idx and mtx files."""
    at = lambda name: os.path.join(data, name)
    target = os.path.join(work, "leukemia.csv")
    if os.path.exists(at("leukemia_X.npy")) and not os.path.exists(target):
        X, y = np.load(at("leukemia_X.npy")), np.load(at("leukemia_y.npy"))
        with open(target, "w") as f:
            f.write(",".join([f"g{j}" for j in range(X.shape[1])] + ["y"]) + "\n")
            for row, label in zip(X, y):
                f.write(",".join(map(str, row.tolist())) + f",{label}\n")
    target = os.path.join(work, "mnist.svm")
    images = at("mnist_t10k-images-idx3-ubyte.gz")
    if os.path.exists(images) and not os.path.exists(target):
        X = np.frombuffer(gzip.open(images).read(), np.uint8, offset=16).reshape(-1, 784)
        y = np.frombuffer(gzip.open(at("mnist_t10k-labels-idx1-ubyte.gz")).read(), np.uint8, offset=8)
        with open(target, "w") as f:
            for row, label in zip(X[:5000], y):
                used = np.nonzero(row)[0]
                f.write(svm_line(label, used, row[used] / 255))
    target = os.path.join(work, "news.svm")
    if os.path.exists(at("20newsgroups.mtx.gz")) and not os.path.exists(target):
        import scipy.io
        X = scipy.io.mmread(gzip.open(at("20newsgroups.mtx.gz"))).tocsr()
        y = np.loadtxt(at("20newsgroups_labels.txt"), dtype=int)
        X.data = np.log1p(X.data)
        with open(target, "w") as f:
            for i, label in enumerate(y):
                row = X[i]
                norm = np.sqrt((row.data ** 2).sum()) or 1
                f.write(svm_line(label, row.indices, row.data / norm))


def tune(a, name, *overrides):
    """(result, intercept's loss, seconds) of `tacit tune --json`; None where it fails."""
    file, kind, more = SETS[name]
    path = os.path.join(a.work if os.path.exists(os.path.join(a.work, file)) else a.data, file)
    if not os.path.exists(path):
        return None
    run = os.path.join(a.work, "run.yaml")
    open(run, "w").write(f"tacit: 1\nname: bench\ndata: {{train: {json.dumps(os.path.abspath(path))}}}\nmodel: {{kind: {kind}}}\n"
                         f"validation: {{scheme: {a.scheme}}}\n")
    begin = time.time()
    out = os.path.join(a.work, "out")
    # A value of 100 steps at the most, since that is more than the runs need.
    r = subprocess.run([a.tacit, "tune", run, *more, *overrides, *a.override, "-o", out, "--force", "--json", "-q"],
                       capture_output=True, text=True)
    if r.returncode != 0:
        print(f"{name} {' '.join(overrides)}: exit {r.returncode}: {r.stderr.strip()[:300]}", file=sys.stderr)
        return None
    facts = json.load(open(os.path.join(out, "run.json")))
    return json.loads(r.stdout), facts["intercept_alone"]["loss"], time.time() - begin


def loss(result):
    return result[0]["best"]["outer_loss"] if result else float("inf")


def many(a, name):
    per = "hyper.l2.per=feature"
    a.override.append("diagnostics.reference=0") if "diagnostics.reference=0" not in a.override else None
    auto = tune(a, name, per)
    if not auto:
        return None
    given = {}
    for start in ("1e-3", "1e-2", "1e-1", "1"):
        low, high = a.box.split(",") if a.box else (None, None)
        given[start] = tune(a, name, per, f"hyper.l2.start={start}",
                            *([f"hyper.l2.range=[{low},{high}]"] if a.box else []))
    best = min(map(loss, given.values()))
    off = loss(auto) / best - 1
    bad = off > 0.01 and loss(auto) - best > 1e-6 * auto[1]
    print(f"{name:12s} auto {loss(auto):.6g} ({auto[0]['outer_steps']} steps, {auto[2]:.1f} s, {auto[0]['status']})  given "
          + " ".join(f"{k}: {loss(v):.6g} ({v[0]['outer_steps']}, {v[2]:.1f} s)" if v else f"{k}: -" for k, v in given.items())
          + f"  off {100 * off:+.2f} %{'  <-- WORSE' if bad else ''}", flush=True)
    return bad


def units(result):
    """Passes of the whole run, the search of the start and the fits at its end left out of neither."""
    work = result[0]["work"]
    return work["gradients"] + work["hessian_products"] if work else float("nan")


def one(a, name):
    auto = tune(a, name, "diagnostics.reference=0")
    if not auto:
        return None
    grid = tune(a, name, "outer.optimizer=grid", f"outer.max_steps={a.points}")
    if not grid:
        return None
    off = loss(auto) / loss(grid) - 1
    bad = off > 1e-4 and loss(auto) - loss(grid) > 1e-6 * auto[1]
    at = [r[0]["best"]["hyperparameters"]["l2"] for r in (auto, grid)]
    print(f"{name:12s} auto {loss(auto):.8g} at {at[0]:.4g} ({auto[0]['outer_steps']} steps, {auto[0]['status']}, {auto[2]:.1f} s)"
          f"  grid {loss(grid):.8g} at {at[1]:.4g} ({units(grid)} products, {grid[2]:.1f} s)  off {off:+.1e}{'  <-- WORSE' if bad else ''}",
          flush=True)
    return bad


def write_scaled(path, X, y):
    with open(path, "w") as f:
        if path.endswith(".csv"):
            f.write(",".join(f"x{j + 1}" for j in range(X.shape[1])) + ",y\n")
        for row, label in zip(X, y):
            f.write(svm_line(f"{label:.17g}", range(len(row)), row) if path.endswith(".svm")
                    else ",".join(f"{v:.17g}" for v in [*row, label]) + "\n")


def scaled_loss(a, kind, file, solver):
    run = os.path.join(a.work, "scales.yaml")
    open(run, "w").write(f"tacit: 1\ndata: {{train: {file}}}\nvalidation: {{scheme: holdout}}\n"
                         f"model: {{kind: {kind}}}\nprepare: {{standardize: false}}\ndiagnostics: {{reference: 0}}\n")
    r = subprocess.run([a.tacit, "tune", run, f"inner.solver={solver}", *a.override, "-o", os.path.join(a.work, "out"),
                        "--force", "--json", "-q"], capture_output=True, text=True)
    if r.returncode != 0:
        return None
    found = json.loads(r.stdout)
    return found["best"]["outer_loss"], found["status"]


def scales(a):
    rng = np.random.default_rng(0)
    Z = rng.standard_normal((400, 6))
    margin = Z @ np.array([1, -1, 0.5, 0, 0, 2]) + rng.standard_normal(400)
    worst = 0
    for kind, solvers in (("ridge", ("cholesky", "newton-cg", "gradient-descent")),
                          ("logistic", ("newton", "newton-cg", "gradient-descent"))):
        y = margin if kind == "ridge" else np.where(margin > 0, 1, -1)
        for solver in solvers:
            for end in ("csv", "svm"):
                cells, plain = [], None
                for ratio in (0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6):
                    X = Z.copy()
                    X[:, 1] += ratio
                    write_scaled(os.path.join(a.work, f"scales.{end}"), X, y)
                    got = scaled_loss(a, kind, f"scales.{end}", solver)
                    if ratio == 0:
                        plain = got[0]
                    off = got[0] / plain - 1 if got else float("inf")
                    worst = max(worst, off)
                    cells.append(f"{ratio:.0e}: {off:+.1e} {got[1][:4] if got else 'fail'}")
                print(f"{kind:8s} {solver:16s} {end}  {plain:.6g}  " + "  ".join(cells[1:]), flush=True)
    print(f"worst {worst:+.1e}")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("what", choices=["many", "one", "scales"])
    p.add_argument("--tacit", default="build/release/tacit")
    p.add_argument("--data", default=".")
    p.add_argument("--work", default="/tmp/tacit_starts")
    p.add_argument("--only", default="")
    p.add_argument("--skip", default="")
    p.add_argument("--box", default="", help="LOW,HIGH: range of the runs from given starts")
    p.add_argument("--scheme", default="holdout", choices=["holdout", "kfold"])
    p.add_argument("--points", type=int, default=100)
    p.add_argument("--override", action="append", default=[])
    a = p.parse_args()
    os.makedirs(a.work, exist_ok=True)
    if a.what == "scales":
        return scales(a)
    convert(a.data, a.work)
    names = [n for n in SETS if (not a.only or n in a.only.split(",")) and n not in a.skip.split(",")]
    verdicts = [v for v in ((many if a.what == "many" else one)(a, n) for n in names) if v is not None]
    print(f"{len(verdicts)} data sets, {sum(verdicts)} worse than the limit")


if __name__ == "__main__":
    main()
