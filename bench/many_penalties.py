#!/usr/bin/env python3
"""One penalty per feature against the single one, on test rows that no choice has seen.

    python3 bench/many_penalties.py --tacit build/release/tacit --data DIR [--work DIR] [--only NAME,...] [--seeds N]
                                    [--set key.path=value ...] real | synthetic

real       ten small data sets of DIR (those that are missing are left out), --seeds draws (5) of 30 % test rows each
synthetic  made data, 20 draws: 200 rows, 40 standard normal columns of which 4 are useful (coefficients 1), noise of
           variance 4, and 4000 test rows; ridge

Everything else is the program's default. A pair is one run: the gain of the many over the single penalty on the test rows,
a mean of paired differences, in units of its own standard error. A line a data set, then how many pairs are worse by more
than one standard error, and how many better.
"""
import argparse, json, os, random, subprocess, sys, time

SETS = {
    "diabetes": ("diabetes.csv", "ridge", []),
    "abalone": ("abalone.csv", "ridge", []),
    "cpusmall": ("cpusmall_norm.csv", "ridge", []),
    "wine, ridge": ("wine.csv", "ridge", ["data.skip_rows=1"]),
    "breast": ("breast_cancer.csv", "logistic", ["data.skip_rows=1"]),
    "wine, class 1": ("wine.csv", "logistic", ["data.skip_rows=1", "model.positive=1"]),
    "heart": ("heart_scale.svm", "logistic", []),
    "german": ("german.numer_scale.svm", "logistic", []),
    "digits, 3": ("digits.csv.gz", "logistic", ["model.positive=3"]),
    "colon": ("colon-cancer.svm", "logistic", []),
}


def made(folder, seed):
    """train.csv and test.csv of one draw."""
    rng = random.Random(seed)
    rows, useful, columns = {"train": 200, "test": 4000}, 4, 40
    for part, n in rows.items():
        with open(os.path.join(folder, f"{part}.csv"), "w") as f:
            f.write(",".join([f"x{j + 1}" for j in range(columns)] + ["y"]) + "\n")
            for _ in range(n):
                x = [rng.gauss(0, 1) for _ in range(columns)]
                f.write(",".join(repr(v) for v in x + [sum(x[:useful]) + rng.gauss(0, 2)]) + "\n")


def tune(tacit, work, overrides, limit):
    """The object that tune --json prints, and its seconds."""
    run_file = os.path.join(work, "run.yaml")
    with open(run_file, "w") as f:
        f.write("tacit: 1\n")
    start = time.time()
    done = subprocess.run([tacit, "tune", run_file, *overrides, "hyper.l2.per=feature", "-o", os.path.join(work, "out"), "--force",
                           "--json", "-q"], cwd=work, capture_output=True, text=True, timeout=limit)
    if done.returncode != 0:
        sys.exit(" ".join(overrides) + f" ended with {done.returncode}:\n" + done.stderr)
    return json.loads(done.stdout), time.time() - start


def pair(name, seed, result, seconds):
    """A run as a line: what it gained over the single penalty on the test rows."""
    gain = result["gain"]["test"]["over_single"]
    units = gain["in_standard_errors"] if gain else 0.0
    return {"name": name, "seed": seed, "units": 0.0 if units is None else units, "pull": result.get("pull"),
            "single": result["single_penalty"]["test"]["loss"], "many": result["test"]["loss"],
            "intercept": result["intercept_alone"]["test"]["loss"], "seconds": seconds}


def shown(p):
    pull = (p["pull"] or {}).get("value")
    return (f"{p['name']:14} seed {p['seed']:2d}  intercept {p['intercept']:.5g}  single {p['single']:.5g}  many {p['many']:.5g}"
            f"  {p['units']:+.2f} s.e.  pull {pull}  {p['seconds']:.1f} s")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("what", choices=["real", "synthetic"])
    p.add_argument("--tacit", default="build/release/tacit")
    p.add_argument("--data", default="data")
    p.add_argument("--work", default="/tmp/many_penalties")
    p.add_argument("--only", default="")
    p.add_argument("--seeds", type=int, default=None)
    p.add_argument("--limit", type=float, default=600)
    p.add_argument("--set", nargs="*", default=[])
    a = p.parse_args()
    a.tacit = os.path.abspath(a.tacit)
    os.makedirs(a.work, exist_ok=True)
    pairs = []
    if a.what == "synthetic":
        for seed in range(a.seeds or 20):
            made(a.work, seed)
            files = [f"data.train={a.work}/train.csv", f"data.test={a.work}/test.csv", "data.target=y", f"seed={seed}"]
            pairs.append(pair("synthetic", seed, *tune(a.tacit, a.work, files + a.set, a.limit)))
            print(shown(pairs[-1]), flush=True)
    else:
        only = [name for name in a.only.split(",") if name]
        for name, (file, kind, more) in SETS.items():
            path = os.path.join(os.path.abspath(a.data), file)
            if (only and name not in only) or not os.path.exists(path):
                print(f"{name}: left out", flush=True)
                continue
            for seed in range(a.seeds or 5):
                words = [f"data.train={path}", f"model.kind={kind}", "data.test=0.3", f"seed={seed}", *more, *a.set]
                pairs.append(pair(name, seed, *tune(a.tacit, a.work, words, a.limit)))
                print(shown(pairs[-1]), flush=True)
    if not pairs:
        sys.exit("no data set was found")
    worse, better = sum(q["units"] < -1 for q in pairs), sum(q["units"] > 1 for q in pairs)
    print(f"{len(pairs)} pairs: {worse} worse by more than one standard error, {better} better")


if __name__ == "__main__":
    main()
