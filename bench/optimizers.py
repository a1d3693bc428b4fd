#!/usr/bin/env python3
"""Work at which outer optimizers come within 1e-4 of the best loss, on the shipped run files.

    bench/optimizers.py build/release/tacit

Runs `tacit compare` with compare.mode=own-run on each run file, all from a penalty of 1: L-BFGS along hypergradients, and 100 points each of
a grid, of random search and of NLopt's methods where the program has them. Work is gradients plus Hessian products, inner solves included,
up to the row whose loss is within 1e-4 of the best that any of them found. Prints a table; needs nothing but Python.
"""
import csv
import json
import pathlib
import subprocess
import sys
import tempfile

RUNS = ["ridge_diabetes", "logistic_breast_cancer", "logistic_libsvm", "logistic_digits", "ridge_diabetes_per_feature",
        "logistic_breast_cancer_per_feature"]
POINTS, NEAR = 100, 1e-4


def entries(many: bool, nlopt: bool) -> list:
    """A grid over many penalties has too many points."""
    names = (["random"] if many else ["grid", "random"]) + (["nelder-mead", "direct", "crs"] if nlopt else [])
    return [{"label": "lbfgs", "estimator": "implicit-cg"}] + [{"label": n, "optimizer": n} for n in names]


def flow(value) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {flow(v)}" for k, v in value.items()) + "}"
    return "[" + ", ".join(map(flow, value)) + "]" if isinstance(value, list) else str(value)


def rows_of(file: pathlib.Path) -> list:
    """(work so far, least loss so far) after each row of a trace."""
    rows, work, best = [], 0, float("inf")
    with open(file, newline="") as lines:
        for row in csv.DictReader(lines):
            work += int(row["gradients"]) + int(row["hessian_products"])
            best = min(best, float(row["outer_loss"] or "inf"))
            rows.append((work, best))
    return rows


def compare(tacit: str, config: pathlib.Path, nlopt: bool) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder, "out")
        chosen = flow(entries("per_feature" in config.name, nlopt))
        subprocess.run([tacit, "compare", str(config), "-o", str(out), "-q", "--progress", "none", "hyper.l2.start=1",
                        f"outer.max_steps={POINTS}", "outer.optimizer=lbfgs", "outer.tolerance=1e-6", "inner.solver=newton-cg", "diagnostics.level=light",
                        "compare.mode=own-run", f"compare.estimators={chosen}"], check=True)
        record = json.loads((out / "run.json").read_text())
        return {own["label"]: rows_of(out / own["folder"] / "trace.csv") for own in record["own_runs"]}


def main() -> None:
    tacit = sys.argv[1] if len(sys.argv) > 1 else "build/release/tacit"
    configs = pathlib.Path(__file__).resolve().parent.parent / "configs"
    about = subprocess.run([tacit, "describe", "optimizers"], check=True, capture_output=True, text=True).stdout
    print("| run file | optimizer | rows | work in all | best loss | above the best of all | within 1e-4 of it at row | at work |")
    print("|---|---|---|---|---|---|---|---|")
    for name in RUNS:
        runs = compare(tacit, configs / f"{name}.yaml", "built with NLopt" in about)
        best = min(rows[-1][1] for rows in runs.values())
        for label, rows in runs.items():
            at = next((i for i, (_, loss) in enumerate(rows) if loss <= best * (1 + NEAR)), None)
            reached = f"{at} | {rows[at][0]}" if at is not None else "never | "
            print(f"| {name} | {label} | {len(rows)} | {rows[-1][0]} | {rows[-1][1]:.8g} | {rows[-1][1] / best - 1:.1e} | {reached} |")


if __name__ == "__main__":
    main()
