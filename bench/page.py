#!/usr/bin/env python3
"""All benchmarks that a change is judged by, as a page: build/bench/report.md.

    ./dev bench [--quick] [--only NAME,...] [--a9a FILE] [--docs]      some ten minutes; --quick: two
    ./dev bench --against REV [--quick] [--only NAME,...]              ratios of this checkout to REV

Figures are medians over rounds. What is compared runs in turn within each round, so that a busy machine slows all alike; times are of the processor, of whole
processes where nothing else is said, on one thread. --only measures some sections again; the others stay on the page as they were measured before (report.json beside it). --quick has a page of its own, report-quick.md.
--against builds REV in a git worktree under build/against (kept for the next time; `git worktree remove --force` takes it away) and shows head over REV, of every figure
the median of the ratios of the rounds and, in brackets, the least and the largest of them: a ratio of times whose brackets hold 1 tells nothing. --a9a, or the
environment variable TACIT_A9A, names the LIBSVM file of a9a, which is not downloaded. --docs writes the page into docs/performance.md too.

The data are made by bench/workloads.py, which needs NumPy, and for some scikit-learn; what is missing is left out with a word.
"""
import argparse
import csv
import datetime
import itertools
import json
import math
import os
import statistics
import subprocess
import sys

from processes import ONE_THREAD, run

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PROGRAMS = ["kernel_ratio", "gram", "unroll_cost", "pass_counts"]

# What a user of scikit-learn runs: the files, ten values on the same hold-out, the final fit on all rows. Prints loss, processor seconds of the
# fit, and the BLAS.
SKLEARN = """
import sys, time, warnings
warnings.filterwarnings("ignore")
import numpy as np
from sklearn.model_selection import PredefinedSplit
kind, train, valid = sys.argv[1:4]
if train.endswith(".svm"):
    import scipy.sparse
    from sklearn.datasets import load_svmlight_files
    x, y, v, t = load_svmlight_files([train, valid])
    x = scipy.sparse.vstack([x, v])
else:
    import pandas
    from sklearn.preprocessing import StandardScaler
    parts = [pandas.read_csv(f) for f in (train, valid)]
    (x, y), (v, t) = [(p.drop(columns="y").values, p["y"].values) for p in parts]
    scale = StandardScaler().fit(x)
    x = np.vstack([scale.transform(x), scale.transform(v)])
split = PredefinedSplit(np.r_[-np.ones(len(y)), np.zeros(len(t))])
y = np.r_[y, t]
begin = time.process_time()
if kind == "logistic":
    from sklearn.linear_model import LogisticRegressionCV
    m = LogisticRegressionCV(Cs=10, cv=split, scoring="neg_log_loss", max_iter=1000).fit(x, y)
    loss = -max(m.scores_.items())[1].max()
else:
    from sklearn.linear_model import RidgeCV
    m = RidgeCV(alphas=np.logspace(-3, 6, 10), cv=split, scoring="neg_mean_squared_error").fit(x, y)
    loss = -m.best_score_ / 2
fit = time.process_time() - begin
from threadpoolctl import threadpool_info
blas = {i["internal_api"] + " " + str(i["version"]) for i in threadpool_info() if i["user_api"] == "blas"}
print(loss, fit, ", ".join(sorted(blas)) or "reference BLAS", sep="\\t")
"""


def say(text):
    print("bench: " + text, file=sys.stderr, flush=True)


class Build:
    """A checkout that is built: the figures of `label`."""

    def __init__(self, label, root):
        self.label, self.root = label, root
        self.tacit = os.path.join(root, "build", "release", "tacit")

    def figures(self, program, *arguments):
        """What a benchmark prints with --json; empty where it is too old to know the word."""
        path = os.path.join(self.root, "build", "release", "bench", program)
        if not os.path.exists(path):
            say(f"{self.label} has no benchmark {program}")
            return {}
        try:
            return json.loads(run([path, *map(str, arguments), "--json"]).out)
        except json.JSONDecodeError:
            say(f"{program} of {self.label} prints no figures; left out")
            return {}


class Bench:
    """What is measured: figures[section][row][column][label] is a list of one number a round."""

    def __init__(self, options, builds, work):
        self.options, self.builds, self.work = options, builds, work
        self.quick = options.quick
        self.compares = len(builds) > 1
        self.python = python_with("numpy")
        self.sklearn = self.python is not None and has_module(self.python, "sklearn")
        self.figures, self.notes, self.files = {}, {}, {}

    def add(self, section, row, column, label, value):
        if value is not None and math.isfinite(value):
            self.figures.setdefault(section, {}).setdefault(row, {}).setdefault(column, {}).setdefault(label, []).append(value)

    def note(self, section, text):
        notes = self.notes.setdefault(section, [])
        if text not in notes:
            notes.append(text)

    def rounds(self, full, quick):
        return range(quick if self.quick else full)

    def data(self, *words):
        """The run file of a workload, made once; None where its makers are missing, with a word."""
        if words in self.files:
            return self.files[words]
        path = None
        a9a = self.options.a9a
        if self.python is None:
            say(f"{words[0]} is left out: NumPy is not installed (Debian: python3-numpy)")
        elif words[0] in ("w2", "w3", "w3_breast") and not self.sklearn:
            say(f"{words[0]} is left out: scikit-learn is not installed (Debian: python3-sklearn)")
        elif words[0] == "w2_a9a" and not (a9a and os.path.exists(a9a)):
            say("w2_a9a is left out: name the file with --a9a or TACIT_A9A (LIBSVM data sets, a9a)")
        else:
            say(f"making the data {' '.join(words)}")
            more = ["--a9a", os.path.abspath(a9a)] if words[0] == "w2_a9a" else []
            maker = os.path.join(ROOT, "bench", "workloads.py")
            path = run([self.python, maker, words[0], os.path.join(self.work, "data"), *words[1:], *more]).out.strip()
        self.files[words] = path
        return path

    def tune(self, build, config, *overrides):
        """One run of `tacit tune`: its process, run.json and the folder."""
        out = os.path.join(self.work, "run")
        ran = run([build.tacit, "tune", config, "-o", out, "--force", "-q", "limits.threads=1", *overrides])
        with open(os.path.join(out, "run.json")) as f:
            return ran, json.load(f), out


def has_module(python, name):
    return subprocess.run([python, "-c", f"import {name}"], capture_output=True).returncode == 0


def python_with(module):
    for python in (sys.executable, "/usr/bin/python3"):
        if os.path.exists(python) and has_module(python, module):
            return python
    return None


def passes_of(record):
    """Of the whole command; None of a program that does not count them."""
    return record.get("work_in_all", {}).get("data_passes")


def phases_of(record):
    """By name; none of a program that does not tell them."""
    return {p["name"]: p for p in record.get("phases", [])}


# --- sections: each measures, and adds figures ---


def kernels(bench):
    sizes = [(20000, 500), (100000, 100)]
    for _ in bench.rounds(3, 1):
        for (n, d), threads in itertools.product(sizes, (1, 2)):
            for b in bench.builds:
                figures = b.figures("kernel_ratio", n, d, 15 if bench.quick else 60, threads)
                if figures.pop("threads", 1) != threads:
                    continue  # a program that has one alone
                row = f"{n} x {d}" + (f", {threads} threads" if threads > 1 else "")
                for name, value in figures.items():
                    if name.startswith("reading"):
                        bench.add("kernels", row, name, b.label, value)
                    elif name != "read X":
                        bench.add("kernels", row, name, b.label, 1 / value)


def gram(bench):
    for _ in bench.rounds(3, 1):
        for b in bench.builds:
            for name, value in b.figures("gram", 2 if bench.quick else 5).items():
                size, kernel = name.split("/")
                bench.add("gram", size, kernel, b.label, value)
    for row in bench.figures.get("gram", {}).values():
        for label, ours in row["standardized"].items():
            if "A'B by dgemm" in row:
                for mine, theirs in zip(ours, row["A'B by dgemm"][label]):
                    row.setdefault("standardized / dgemm", {}).setdefault(label, []).append(mine / theirs)
            else:
                bench.note("gram", "No BLAS was found beside (Debian: libopenblas0-pthread).")


def unroll(bench):
    for _ in bench.rounds(2, 1):
        for b in bench.builds:
            for name, value in b.figures("unroll_cost", 10000, 500, 100, 1 if bench.quick else 3).items():
                kind, method = name.split("/")
                bench.add("unroll", kind, method, b.label, value)


def solves(bench):
    for b in bench.builds:
        for name, value in b.figures("pass_counts", 4000, 100).items():
            what, column = name.split("/")
            bench.add("solves", what, column, b.label, value)


def shipped(bench):
    folder = os.path.join(ROOT, "configs")
    for name in sorted(f for f in os.listdir(folder) if f.endswith(".yaml") and not f.startswith(("compare", "curve"))):
        for b in bench.builds:
            _, record, _ = bench.tune(b, os.path.join(folder, name))
            for part, p in phases_of(record).items():
                if part not in ("reading", "preparation"):
                    bench.add("shipped", name[:-5], part, b.label, p["gradients"] + p["hessian_products"])
            bench.add("shipped", name[:-5], "passes in all", b.label, passes_of(record))


WHOLE = {"w1": [], "w2": [], "w2_a9a": [], "w2_sparse": [], "w3": ["outer.max_steps=40"]}
LOSSES = {"w3": (0.6197, 0.617)}


def beside(bench, config, name):
    """The same files through scikit-learn: process, loss, seconds of the fit; None where there is no such program."""
    if not bench.sklearn or bench.compares or name == "w3":
        return None
    stem, end = config.removesuffix(".yaml"), "svm" if "_a9a" in name or "_sparse" in name else "csv"
    kind = "ridge" if name.startswith("w1") else "logistic"
    ran = run([bench.python, "-c", SKLEARN, kind, f"{stem}_train.{end}", f"{stem}_valid.{end}"], environment=ONE_THREAD)
    loss, fit, blas = ran.out.strip().split("\t")
    bench.note("whole", f"scikit-learn: LogisticRegressionCV(Cs=10) or RidgeCV with 10 values on the same files and hold-out, {blas}, one thread.")
    return ran.cpu, float(loss), float(fit)


def whole(bench):
    if not bench.sklearn and not bench.compares:
        bench.note("whole", "Nothing stands beside: scikit-learn is not installed (Debian: python3-sklearn python3-pandas libopenblas0-pthread).")
    names = ["w1", "w2", "w2_a9a", "w3"] if bench.quick else list(WHOLE)
    for name in names:
        config = bench.data(name)
        if not config:
            continue
        more = ["outer.max_steps=3"] if bench.quick and name == "w3" else WHOLE[name]
        for r in bench.rounds(5, 2):
            say(f"whole runs, {name}, round {r + 1}")
            for b in bench.builds:
                ran, record, folder = bench.tune(b, config, *more)
                phases = phases_of(record)
                bench.add("whole", name, "process [s]", b.label, ran.cpu)
                for part, p in phases.items():
                    bench.add("whole", name, part.replace("_", " "), b.label, p["cpu_seconds"])
                if phases:
                    bench.add("whole", name, "start-up, files, report", b.label, ran.cpu - sum(p["cpu_seconds"] for p in phases.values()))
                bench.add("whole", name, "passes", b.label, passes_of(record))
                bench.add("whole", name, "peak [MB]", b.label, ran.peak / 1e6)
                if phases:
                    settled(bench, b, name, folder, phases)
                if bench.compares:
                    bench.add("whole", name, "loss", b.label, record["best"]["outer_loss"])
            other = beside(bench, config, name)
            if other:
                bench.add("beside", name, "tacit [s]", "head", ran.cpu)
                bench.add("beside", name, "scikit-learn [s]", "head", other[0])
                bench.add("beside", name, "ratio", "head", ran.cpu / other[0])
                bench.add("beside", name, "its fit alone [s]", "head", other[2])
                bench.add("beside", name, "loss", "head", record["best"]["outer_loss"])
                bench.add("beside", name, "its loss", "head", other[1])
    over_fit(bench)


def over_fit(bench):
    """The unit in which compute is told from machine to machine."""
    fits = bench.figures.get("beside", {}).get("w2", {}).get("its fit alone [s]")
    for name, columns in bench.figures.get("settled", {}).items() if fits else []:
        for value in columns["compute [s]"]["head"]:
            bench.add("settled", name, "over the fit of LogisticRegressionCV on w2", "head", value / statistics.median(fits["head"]))


def settled(bench, build, name, folder, phases):
    """Seconds of inner solves and hypergradients up to the row from which on the loss stays within 1e-3 of the best; and up to given losses. The
    moments of ridge regression, which are all that its solves need, are made before: its preparation counts. And what all rows take beside that."""
    with open(os.path.join(folder, "trace.csv"), newline="") as f:
        rows = list(csv.DictReader(f))
    losses = [float(row["outer_loss"] or "inf") for row in rows]
    best = min(losses)
    off = [k for k, loss in enumerate(losses) if loss > best + 1e-3 * abs(best)]
    ends = {name: off[-1] + 1 if off else 0}
    for target in LOSSES.get(name, []):
        ends.update({f"{name}, to {target}": k for k, loss in reversed(list(enumerate(losses))) if loss <= target})
    outer_steps = phases["outer_steps"]
    busy = min(1.0, outer_steps["cpu_seconds"] / outer_steps["seconds"])
    before = phases.get("preparation", {}).get("cpu_seconds", 0.0) if name[:2] == "w1" else 0.0
    computing = [float(r["inner_seconds"] or 0) + float(r["hypergradient_seconds"] or 0) for r in rows]
    for row, end in ends.items():
        bench.add("settled", row, "compute [s]", build.label, before + busy * sum(computing[: end + 1]))
        bench.add("settled", row, "rows", build.label, end + 1)
    compute = before + busy * sum(computing)
    diagnostics = busy * sum(float(r["outer_seconds"]) for r in rows) - busy * sum(computing)
    bench.add("diagnostics", name, "compute [s]", build.label, compute)
    bench.add("diagnostics", name, "diagnostics [s]", build.label, diagnostics)
    bench.add("diagnostics", name, "ratio", build.label, diagnostics / compute)


def grow(bench, section, sizes, config_of, overrides_of=lambda size: []):
    for r in bench.rounds(3, 1):
        for size in sizes:
            config = config_of(size)
            if not config:
                return
            say(f"{section}, {size}, round {r + 1}")
            for b in bench.builds:
                ran, record, folder = bench.tune(b, config, *overrides_of(size))
                row = str(size)
                bench.add(section, row, "process [s]", b.label, ran.cpu)
                bench.add(section, row, "outer steps [s]", b.label, phases_of(record).get("outer_steps", {}).get("cpu_seconds"))
                bench.add(section, row, "passes", b.label, passes_of(record))
                bench.add(section, row, "peak [MB]", b.label, ran.peak / 1e6)
                if section == "many":
                    bytes_left = sum(os.path.getsize(os.path.join(at, f)) for at, _, names in os.walk(folder) for f in names)
                    bench.add(section, row, "run folder [MB]", b.label, bytes_left / 1e6)


def dense(bench, n, d):
    return bench.data("dense", "--rows", str(n), "--columns", str(d))


def rows_grow(bench):
    grow(bench, "rows", [10000, 20000, 40000] + ([] if bench.quick else [80000]), lambda n: dense(bench, n, 50))


def columns_grow(bench):
    grow(bench, "columns", [50, 100, 200] + ([] if bench.quick else [400]), lambda d: dense(bench, 10000, d))


def fixed_steps(steps):
    return ["outer.optimizer=adam", f"outer.max_steps={steps}", "outer.tolerance=0", "hyper.l2.start=1e-2"]


def penalties_grow(bench):
    def groups(m):
        each = 256 // m
        lists = [f"g{k}: [{', '.join(f'x{j + 1}' for j in range(k * each, (k + 1) * each))}]" for k in range(m)]
        return ["hyper.l2.per=group", "data.feature_groups={" + ", ".join(lists) + "}", "hyper.l2.pull=0", *fixed_steps(10)]

    grow(bench, "penalties", [4, 16, 64, 256], lambda m: dense(bench, 4000, 256), groups)


def steps_grow(bench):
    grow(bench, "steps", [10, 20, 40, 80], lambda t: dense(bench, 10000, 50), fixed_steps)


def many(bench):
    sizes = [1000, 10000] + ([] if bench.quick else [100000])
    grow(bench, "many", sizes, lambda m: bench.data("many", "--rows", "5000", "--columns", str(m)), lambda m: ["outer.max_steps=5"])


def threads(bench):
    for name, rounds in [("w2", 2)] if bench.quick else [("w2", 5), ("w3", 3), ("w1", 5)]:
        config = bench.data(name)
        for _ in range(rounds):
            for b in bench.builds if config else []:
                taken = {n: bench.tune(b, config, f"limits.threads={n}")[0] for n in (1, 2)}
                for n, ran in taken.items():
                    bench.add("threads", name, f"{n} thread{'s' * (n > 1)}, process [s]", b.label, ran.cpu)
                    bench.add("threads", name, f"{n} thread{'s' * (n > 1)}, wall [s]", b.label, ran.seconds)
                bench.add("threads", name, "wall, 2 over 1", b.label, taken[2].seconds / taken[1].seconds)
    bench.note("threads", f"The machine has {len(os.sched_getaffinity(0))} cores for this process; wall times mean something on one that is idle otherwise.")


# name: (title, what it is and how it is measured alone, the function or None: measured with another, whether it grows)
SECTIONS = {
    "kernels": ("Reading X over a product", "Time of reading X once over that of a product, by turns in one process; dense logistic regression, X beyond the cache, "
                "one thread. `build/release/bench/kernel_ratio 20000 500`", kernels, False),
    "gram": ("Gram matrices", "GFLOP/s on one thread: n d^2 for a symmetric sum, 2 n d^2 for a product; `standardized` is what a run takes. `build/release/bench/gram`",
             gram, False),
    "unroll": ("Differentiating the steps", "Over 100 plain steps of gradient descent, 10000 x 500. `build/release/bench/unroll_cost 10000 500 100`", unroll, False),
    "solves": ("One solve, one hypergradient", "Counts. `build/release/bench/pass_counts 4000 100`", solves, False),
    "shipped": ("Shipped runs", "Gradients plus Hessian products of the parts of `tacit tune configs/NAME.yaml`, and passes over the data of all of it; "
                "`tests/golden/pass_counts.txt` holds them to 2 %.", shipped, False),
    "whole": ("Whole runs by phase", "Processor seconds of `tacit tune NAME.yaml limits.threads=1` (w3: 40 outer steps) with NAME from `python3 bench/workloads.py NAME FOLDER`, "
              "and of its parts (`phases` in run.json).", whole, False),
    "beside": ("Beside scikit-learn", "Whole processes on the same files, by turns.", None, False),
    "settled": ("Compute until settled", "Inner solves and hypergradients up to the row from which on the loss stays within 1e-3 of the best, from the start of the workload, and up to given losses; of ridge regression with its preparation, where its moments are made.", None, False),
    "diagnostics": ("Diagnostics", "Outer steps of all rows less inner solves and hypergradients (error estimate, head start, reference), beside these; of ridge regression with its preparation.",
                    None, False),
    "threads": ("Threads", "`tacit tune` with limits.threads 1 and 2, by turns.", threads, False),
    "rows": ("Growth with rows", "Logistic regression, n x 50, everything at its default: `python3 bench/workloads.py dense FOLDER --rows N --columns 50`.", rows_grow, True),
    "columns": ("Growth with columns", "The same, 10000 x d.", columns_grow, True),
    "penalties": ("Growth with penalties", "4000 x 256, so many groups of columns with a penalty each, 10 steps of adam.", penalties_grow, True),
    "steps": ("Growth with outer steps", "10000 x 50, one penalty, so many steps of adam.", steps_grow, True),
    "many": ("One penalty per column of sparse data", "5000 rows of 50 entries, 5 outer steps: `python3 bench/workloads.py many FOLDER --rows 5000 --columns M`.", many, True),
}


# --- the page ---


def number(value):
    return f"{value:.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.3g}"


def cell(values, compares):
    """Median and, over several rounds, least and largest; of two builds their ratio."""
    if not compares:
        head = values.get("head", [])
        text = f"{statistics.median(head):.6g}" if values.get("exact") else number(statistics.median(head)) if head else ""
        spread = len(head) > 1 and max(head) > 1.005 * min(head)
        return f"{text} ({number(min(head))}-{number(max(head))})" if spread else text
    ratios = [h / b for h, b in zip(values.get("head", []), values.get("base", [])) if b]
    if not ratios:
        return ""
    median = statistics.median(ratios)
    return f"{median:.3f}" + (f" ({min(ratios):.3f}-{max(ratios):.3f})" if max(ratios) > min(ratios) else "")


def slope(section, column, label):
    """Exponent of a power of the size, by least squares on logarithms."""
    points = [(math.log(float(row)), math.log(statistics.median(columns[column][label]))) for row, columns in section.items()
              if columns.get(column, {}).get(label) and statistics.median(columns[column][label]) > 0]
    if len(points) < 2:
        return ""
    mx, my = (statistics.mean(axis) for axis in zip(*points))
    return f"{sum((x - mx) * (y - my) for x, y in points) / sum((x - mx) ** 2 for x, _ in points):.2f}"


def known_by_both(section):
    """What can be compared: figures that both builds have."""
    kept = {row: {c: v for c, v in columns.items() if v.get("head") and v.get("base")} for row, columns in section.items()}
    return {row: columns for row, columns in kept.items() if columns}


def table(section, grows, compares):
    columns = list(dict.fromkeys(c for row in section.values() for c in row))
    lines = ["| | " + " | ".join(columns) + " |", "|---|" + "---|" * len(columns)]
    for row, values in section.items():
        exact = {c: dict(values.get(c, {}), exact=True) if "loss" in c else values.get(c, {}) for c in columns}
        lines.append(f"| {row} | " + " | ".join(cell(exact[c], compares) if c in values else "" for c in columns) + " |")
    if grows:
        labels = ["head", "base"] if compares else ["head"]
        lines.append("| exponent | " + " | ".join(", ".join(filter(None, (slope(section, c, l) for l in labels))) for c in columns) + " |")
    return lines


def machine():
    facts = {}
    for line in run(["lscpu"]).out.splitlines():
        key, _, value = line.partition(":")
        facts[key.strip()] = value.strip()
    flags = facts.get("Flags", "")
    widest = "AVX-512" if "avx512f" in flags else "AVX2" if "avx2" in flags else "plain x86-64"
    return f"{facts.get('Model name', 'unknown processor')}, {len(os.sched_getaffinity(0))} cores, {widest}, last-level cache {facts.get('L3 cache', 'unknown')}"


def revision(root):
    text = run(["git", "-C", root, "describe", "--always", "--dirty"]).out.strip()
    return text + (" (with changes)" if text.endswith("-dirty") else "")


def about(builds):
    compiler = run(["c++", "--version"]).out.splitlines()[0]
    lines = [f"{machine()}; {compiler}; {datetime.date.today().isoformat()}."]
    lines += [f"{b.label}: {revision(b.root)}." for b in builds]
    return " ".join(lines)


def page(stored, facts, compares):
    lines = [facts, ""]
    for name, (title, what, _, grows) in SECTIONS.items():
        part = stored.get(name, {"figures": {}})
        figures = known_by_both(part["figures"]) if compares else part["figures"]
        if not figures:
            continue
        lines += [f"### {title}", "", what, "", *table(figures, grows, compares), ""]
        for note in part["notes"] + ([part["about"]] if part["about"] != facts else []):
            lines += [note, ""]
    return "\n".join(lines)


def into_docs(text):
    path = os.path.join(ROOT, "docs", "performance.md")
    with open(path) as f:
        old = f.read()
    begin, end = "<!-- written by ./dev bench --docs: begin -->\n", "<!-- end -->\n"
    if begin not in old:
        sys.exit(f"{path} has no place for the page: {begin.strip()}")
    head, rest = old.split(begin)
    with open(path, "w") as f:
        f.write(head + begin + text + "\n" + end + rest.split(end, 1)[1])


def built(rev):
    """REV in a worktree of its own, with all that can be compared."""
    commit = run(["git", "-C", ROOT, "rev-parse", "--verify", rev + "^{commit}"]).out.strip()
    tree = os.path.join(ROOT, "build", "against", commit[:12])
    if not os.path.exists(tree):
        run(["git", "-C", ROOT, "worktree", "add", "--detach", tree, commit])
    say(f"building {rev} in {tree}")
    if not os.path.exists(os.path.join(tree, "build", "release", "build.ninja")):
        run(["cmake", "--preset", "release"], tree)
    there = [p for p in PROGRAMS if os.path.exists(os.path.join(tree, "bench", p + ".cpp"))]
    run(["cmake", "--build", "build/release", "--target", "tacit", *there], tree)
    return Build("base", tree)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--quick", action="store_true", help="smaller, fewer rounds")
    p.add_argument("--only", default="", metavar="NAME,...", help=", ".join(n for n, s in SECTIONS.items() if s[2]))
    p.add_argument("--against", metavar="REV", help="a commit")
    p.add_argument("--a9a", default=os.environ.get("TACIT_A9A", ""), metavar="FILE", help="LIBSVM")
    p.add_argument("--docs", action="store_true", help="into docs/performance.md")
    options = p.parse_args()
    only = [n for n in options.only.split(",") if n]
    unknown = [n for n in only if n not in SECTIONS or not SECTIONS[n][2]]
    if unknown:
        p.error(f"there is no section {', '.join(unknown)} to measure")
    if options.docs and (options.against or options.quick):
        p.error("--docs is for the full page of this checkout alone")
    builds = [Build("head", ROOT)] + ([built(options.against)] if options.against else [])
    work = os.path.join(ROOT, "build", "bench")
    os.makedirs(os.path.join(work, "data"), exist_ok=True)
    bench = Bench(options, builds, work)
    stem = os.path.join(work, ("against" if options.against else "report") + ("-quick" if options.quick else ""))
    kept, report = stem + ".json", stem + ".md"
    stored = {}
    if only and os.path.exists(kept):
        with open(kept) as f:
            stored = json.load(f)
    unmeasured = [n for n, section in SECTIONS.items() if only and section[2] and n not in only and n not in stored]
    if options.docs and unmeasured:  # or the page in the documents would lose them
        p.error(f"--docs with --only goes on from a page that has all sections, and here {', '.join(unmeasured)} were never measured")
    facts = about(builds)
    for name, (title, _, measure, _) in SECTIONS.items():
        if measure and (not only or name in only):
            say(title)
            measure(bench)
            for measured, figures in bench.figures.items():
                stored[measured] = {"figures": figures, "notes": bench.notes.get(measured, []), "about": facts}
            with open(kept, "w") as f:  # whatever fails later
                json.dump(stored, f)
    text = page(stored, facts, bench.compares)
    with open(report, "w") as f:
        f.write(f"# {'Head over ' + options.against if options.against else 'Benchmarks'}\n\n{text}")
    if options.docs:
        into_docs(text)
    say(f"done: {report}")


if __name__ == "__main__":
    main()
