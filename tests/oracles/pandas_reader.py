"""The lines of pandas in docs/run-json.md read a whole run folder.

    pandas_reader.py TACIT SOURCE

Runs them as they stand in the page, on a run of today and on those of every release. Exit code 77 where pandas is not there.
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile

try:
    import pandas as pd
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)


def check(lines, folder):
    names = {"folder": str(folder)}
    exec(lines, names)  # the page's own words
    run = names["run"]
    trace, steps, record = run["trace"], run["steps"], json.loads((folder / "run.json").read_text())
    assert len(trace) == record["outer_steps"] + 1 == len(steps), "a row for every step"
    assert abs(steps.outer_loss - trace.outer_loss).max() == 0
    best = trace[trace.step == record["best"]["step"]].outer_loss.iloc[0]
    assert abs(best - record["best"]["outer_loss"]) <= 1e-5 * abs(best)
    assert set(run["hyper"].columns) >= {"name", "value", "start", "lower", "upper", "at_bound"}
    assert run["predictions"].fold.map(type).eq(str).all()
    coefficients = pd.Series(run["model"]["coefficients"])
    assert coefficients.notna().all() and len(coefficients) == record["features"]


def main():
    tacit, source = sys.argv[1], pathlib.Path(sys.argv[2])
    page = (source / "docs/run-json.md").read_text()
    (lines,) = re.findall(r"```python\n(.*?)```", page, re.S)
    with tempfile.TemporaryDirectory() as work:
        config = pathlib.Path(work, "run.yaml")
        config.write_text(f"tacit: 1\ndata: {{train: {source}/data/diabetes.csv, target: target}}\n")
        for name, keys in (("many", ["hyper.l2.per=feature", "validation.scheme=holdout"]), ("folds", ["validation.scheme=kfold"]),
                           ("grid", ["validation.scheme=kfold", "outer.optimizer=grid"])):
            folder = pathlib.Path(work, name)
            subprocess.run([tacit, "tune", str(config), *keys, "output.predictions=true", "-o", str(folder), "-q", "--progress", "none"],
                           check=True)
            check(lines, folder)
        for folder in sorted((source / "tests/releases").glob("*/*/model.json")):
            check(lines, folder.parent)


if __name__ == "__main__":
    main()
