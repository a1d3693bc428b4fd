#!/usr/bin/env python3
"""Whole data sets, as a newcomer has them: `tacit init`, `check`, `tune` and `predict`, with no edit by hand between.

    python3 bench/data_sets.py --tacit build/release/tacit --data DIR [--work DIR] [--only NAME,...] [--limit SECONDS]

DIR holds the data sets as they are named below; those that are missing are left out with a word. Every line of the table
is one run: what stands behind `tacit init`, the rows and features of the model, the outer loss reached and that of the
intercept alone, the verdict, the wall time of `tune` and of all four commands, the most memory that one of them held, and what
the model says of the validation rows and of those of a test file: the share of right classes, or R^2.
"""
import argparse, json, os, subprocess, sys, threading, time

# name: words behind `tacit init` ({D}: the folder of the data)
SETS = [
    ("diabetes", "data.train={D}/diabetes.csv"),
    ("abalone", "data.train={D}/abalone.csv"),
    ("cal_housing", "data.train={D}/cal_housing.csv"),
    ("cpusmall", "data.train={D}/cpusmall_norm.csv"),
    ("breast_cancer", "data.train={D}/breast_cancer.csv"),
    ("wine, class 2", "logistic data.train={D}/wine.csv"),
    ("digits, 9", "logistic data.train={D}/digits.csv.gz"),
    ("digits, per feature", "logistic data.train={D}/digits.csv.gz model.positive=3 hyper.l2.per=feature"),
    ("covtype, 2", "logistic data.train={D}/covtype_20k.csv.gz model.positive=2"),
    ("heart", "data.train={D}/heart_scale.svm"),
    ("german", "data.train={D}/german.numer_scale.svm"),
    ("phishing", "data.train={D}/phishing.svm"),
    ("mushrooms", "data.train={D}/mushrooms.svm"),
    ("a9a", "data.train={D}/a9a.svm data.test={D}/a9a.t.svm"),
    ("a9a, ridge", "ridge data.train={D}/a9a.svm data.test={D}/a9a.t.svm"),
    ("rcv1", "data.train={D}/rcv1_sample.svm data.test={D}/rcv1_sample.t.svm"),
    ("colon-cancer", "data.train={D}/colon-cancer.svm"),
    ("leukemia", "data.train={D}/leukemia_X.npy data.target={D}/leukemia_y.npy data.test={D}/leukemia_test_X.npy "
     "data.test_target={D}/leukemia_test_y.npy"),
    ("MNIST, 9", "logistic data.train={D}/mnist_t10k-images-idx3-ubyte.gz data.target={D}/mnist_t10k-labels-idx1-ubyte.gz"),
    ("20 Newsgroups, 20", "logistic data.train={D}/20newsgroups.mtx.gz data.target={D}/20newsgroups_labels.txt"),
]


def run(command, work, limit, out):
    """Seconds and peak memory (MB) of one command, whose standard output goes to a file; ends the script where it fails."""
    start = time.time()
    with open(os.path.join(work, out), "w") as stdout, open(os.path.join(work, "stderr.txt"), "w") as stderr:
        process = subprocess.Popen(command, cwd=work, stdout=stdout, stderr=stderr)
        timer = threading.Timer(limit, process.terminate)
        timer.start()
        _, status, used = os.wait4(process.pid, 0)
        timer.cancel()
    if status != 0:
        sys.exit(" ".join(command) + f" ended with {status}:\n" + open(os.path.join(work, "stderr.txt")).read())
    return time.time() - start, used.ru_maxrss / 1024


def row(tacit, data, work, name, words, limit):
    """init, check, tune, predict in a folder of its own; a line of the table."""
    os.makedirs(work, exist_ok=True)
    words = words.replace("{D}", data).split()
    train = next(w for w in words if w.startswith("data.train=")).split("=")[1]
    steps = {"init": (["init", *words], "run.yaml"), "check": (["check", "run.yaml"], "check.txt"),
             "tune": (["tune", "run.yaml", "-o", "out", "--force", "-q"], "tune.txt"),
             "predict": (["predict", "out", train, "-o", "predictions.csv"], "predict.txt")}
    used = {verb: run([tacit, *command], work, limit, out) for verb, (command, out) in steps.items()}
    r = json.load(open(os.path.join(work, "out", "run.json")))
    with open(os.path.join(work, "predictions.csv")) as f:
        predicted = sum(1 for _ in f) - 1
    if predicted != sum(r["rows"].values()) - (r["rows"]["test"] if any(w.startswith("data.test=") for w in words) else 0):
        sys.exit(f"{name}: {predicted} predictions for the rows {r['rows']}")
    metric = "accuracy" if "accuracy" in r["metrics"] else "r2"
    part = lambda values: f"{values[metric]:.3f}" if values else ""
    return [name, r["model"]["kind"], f"{r['rows']['train'] + r['rows']['validation']}", f"{r['features']}",
            f"{r['model']['penalty']['count']}", f"{r['best']['outer_loss']:.5g}", f"{r['intercept_alone']['loss']:.5g}",
            r["status"], metric, part(r["metrics"]), part(r["test"]), f"{used['tune'][0]:.2f}",
            f"{sum(u[0] for u in used.values()):.2f}", f"{max(u[1] for u in used.values()):.0f}"]


HEAD = ["data", "model", "rows", "features", "penalties", "loss", "intercept alone", "verdict", "metric", "validation", "test",
        "tune, s", "all four, s", "peak, MB"]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--tacit", required=True)
    p.add_argument("--data", required=True)
    p.add_argument("--work", default="data_sets_work")
    p.add_argument("--only", default="", help="names, separated by semicolons")
    p.add_argument("--limit", type=float, default=600, help="seconds a command may take")
    a = p.parse_args()
    tacit, data, only = os.path.abspath(a.tacit), os.path.abspath(a.data), [n for n in a.only.split(";") if n]
    print("| " + " | ".join(HEAD) + " |\n|" + " --- |" * len(HEAD), flush=True)
    for name, words in SETS:
        if only and name not in only:
            continue
        files = [w.split("=")[1] for w in words.replace("{D}", data).split() if "=" + data in w]
        if not all(os.path.exists(f) for f in files):
            print(f"{name}: not there", file=sys.stderr)
            continue
        folder = os.path.join(os.path.abspath(a.work), name.replace(" ", "_").replace(",", ""))
        print("| " + " | ".join(row(tacit, data, folder, name, words, a.limit)) + " |", flush=True)


if __name__ == "__main__":
    main()
