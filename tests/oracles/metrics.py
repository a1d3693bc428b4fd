"""Metrics in run.json are those of scikit-learn on the rows of predictions.csv.

    metrics.py TACIT SOURCE

Out-of-fold predictions of K-fold cross-validation, with one and with two draws of folds, and the validation rows of a hold-out. Averages over
draws are averages of the metrics of each. Exit code 77 where scikit-learn or pandas is not there.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import pandas as pd
    from sklearn import metrics
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)


def of_numbers(rows):
    y, p = rows.target, rows.prediction
    return {"rmse": float(np.sqrt(metrics.mean_squared_error(y, p))), "mae": metrics.mean_absolute_error(y, p), "r2": metrics.r2_score(y, p)}


def of_classes(rows):
    labels = [name.removeprefix("probability_") for name in rows.columns if name.startswith("probability_")]
    target, predicted = rows.target.astype(str), rows.prediction.astype(str)
    positive = (target == labels[1]).astype(int)
    p = rows["probability_" + labels[1]]
    return {"log_loss": metrics.log_loss(positive, p), "accuracy": metrics.accuracy_score(target, predicted),
            "auc": metrics.roc_auc_score(positive, p),
            "f1": metrics.f1_score(positive, (predicted == labels[1]).astype(int), zero_division=0)}


def expected(rows, of):
    """The mean over the draws of folds."""
    draws = [of(part) for _, part in rows.groupby("repeat")] if "repeat" in rows else [of(rows)]
    return {name: float(np.mean([d[name] for d in draws])) for name in draws[0]}


def check(tacit, out, of, arguments):
    subprocess.run([tacit, "tune", *arguments, "output.predictions=true", "-o", str(out), "-q", "--progress", "none"], check=True)
    record = json.loads((out / "run.json").read_text())
    rows = pd.read_csv(out / "predictions.csv")
    wanted = expected(rows, of)
    compared = 0
    for name, value in record["metrics"].items():
        if name not in wanted:
            continue
        compared += 1
        if not abs(value - wanted[name]) <= 1e-10 * max(1, abs(wanted[name])):
            sys.exit(f"{out.name}: {name} is {value!r}, scikit-learn has {wanted[name]!r}")
        print(f"{out.name}: {name} {value:.12g}, scikit-learn {wanted[name]:.12g}")
    if compared < 3:
        sys.exit(f"{out.name}: only {compared} metrics to compare")
    return rows


def main():
    tacit, source = sys.argv[1], pathlib.Path(sys.argv[2])
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        data = {"ridge": (of_numbers, f"{{train: {source}/data/diabetes.csv, target: target}}"),
                "logistic": (of_classes, f"{{train: {source}/data/breast_cancer.csv, header: absent, skip_rows: 1, target: last}}")}
        for kind, (of, block) in data.items():
            config = work / f"{kind}.yaml"
            config.write_text(f"tacit: 1\ndata: {block}\nmodel: {{kind: {kind}}}\n")
            check(tacit, work / f"{kind}-holdout", of, [str(config), "validation.scheme=holdout"])
            folds = [str(config), "validation.scheme=kfold", "validation.folds=5"]
            rows = check(tacit, work / f"{kind}-kfold", of, folds)
            if rows.row.duplicated().any() or set(rows.fold.astype(str)) != set("12345"):
                sys.exit(f"{kind}: not every row is in one of 5 folds")
            check(tacit, work / f"{kind}-repeats", of, [*folds, "validation.repeats=2"])


if __name__ == "__main__":
    main()
