#!/usr/bin/env python3
"""Reading a data set: speed and memory, beside pandas, NumPy and scikit-learn.

    ./dev build && python3 bench/reading.py --build build/release [--before OTHER_TACIT] [--megabytes 100] [--columns 100] [--repeat 3]

Writes made-up files of about so many megabytes of numbers into --work: a table, .npy (C and Fortran order) and LIBSVM text, each also
packed with gzip. For every file and reader, taken in turn: MB of the file as text or numbers (unpacked) a second, the median of the
repetitions, and the most resident memory less that of the same program without a file, over the size of the numbers: 8 bytes each, or
12 a stored entry of sparse rows. `tacit check` does all that comes before the first step of a run, split and preparation included,
and is timed as a whole; the others are timed around the call that reads: that of Tacit is load_dataset in bench/reading. A reader that is not installed is left out with a word. Processes are started by a
parent that holds no data, so that its memory is not counted as theirs.
"""
import argparse, os, statistics, subprocess, sys

from processes import run

MAKE = """
import gzip, shutil, sys
import numpy as np
folder, megabytes, columns = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
rng = np.random.default_rng(0)
rows = int(megabytes * 1e6 / 8 / columns)
x = rng.normal(size=(rows, columns)).round(6)
np.save(folder + "/c.npy", x)
np.save(folder + "/fortran.npy", np.asfortranarray(x))
with open(folder + "/table.csv", "w") as f:
    f.write(",".join(f"c{j}" for j in range(columns)) + "\\n")
    for row in x:
        f.write(",".join(map(repr, row.tolist())) + "\\n")
width, stored = 5000, 80
with open(folder + "/sparse.svm", "w") as f:
    for i in range(int(megabytes * 1e6 / 12 / stored)):
        at = np.sort(rng.choice(width, stored, replace=False)) + 1
        f.write(f"{rng.normal():.6f} " + " ".join(f"{a}:{v:.6f}" for a, v in zip(at, rng.normal(size=stored))) + "\\n")
for name in ("c.npy", "table.csv", "sparse.svm"):
    with open(f"{folder}/{name}", "rb") as plain, gzip.open(f"{folder}/{name}.gz", "wb", 6) as packed:
        shutil.copyfileobj(plain, packed)
"""

# Reader: what is imported, the call on the path FILE, and the files it is for.
OTHERS = [
    ("pandas.read_csv", "import pandas", "pandas.read_csv(FILE)", (".csv", ".csv.gz")),
    ("numpy.load", "import numpy", "numpy.load(FILE)", (".npy",)),
    ("sklearn load_svmlight_file", "from sklearn.datasets import load_svmlight_file", "load_svmlight_file(FILE)", (".svm", ".svm.gz")),
]
FILES = ["table.csv", "table.csv.gz", "c.npy", "c.npy.gz", "fortran.npy", "sparse.svm", "sparse.svm.gz"]


def tacit_reader(tacit, folder):
    def read(name):
        with open(os.path.join(folder, "run.yaml"), "w") as f:
            target = "" if ".svm" in name else ", target: last"
            f.write("tacit: 1\ndata: {train: " + name + target + "}\n")
        ran = run([tacit, "check", "run.yaml"], folder)
        return ran.seconds, ran.peak

    return read, run([tacit, "schema"], folder).peak


def library_reader(program, folder):
    def read(name):
        ran = run([program, name, *([] if ".svm" in name else ["last"])], folder)
        return float(ran.out), ran.peak

    return read, run([program], folder).peak


def other_reader(setup, call, python, folder):
    def read(name):
        code = f"import time\n{setup}\nFILE = {name!r}\nstart = time.time()\nx = {call}\nprint(time.time() - start)"
        ran = run([python, "-c", code], folder)
        return float(ran.out), ran.peak

    return read, run([python, "-c", setup], folder).peak


def bytes_of_numbers(megabytes, columns, name):
    if ".svm" in name:
        rows = int(megabytes * 1e6 / 12 / 80)
        return rows * (80 * 12 + 4)
    return int(megabytes * 1e6 / 8 / columns) * columns * 8


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", required=True)
    p.add_argument("--before", help="another tacit to compare with")
    p.add_argument("--megabytes", type=float, default=100)
    p.add_argument("--columns", type=int, default=100)
    p.add_argument("--repeat", type=int, default=3)
    p.add_argument("--work", default="reading_work")
    p.add_argument("--python", default="/usr/bin/python3", help="one that has the other readers")
    a = p.parse_args()
    folder = os.path.abspath(a.work)
    os.makedirs(folder, exist_ok=True)
    if subprocess.run([a.python, "-c", MAKE, folder, str(a.megabytes), str(a.columns)]).returncode != 0:
        sys.exit("the files could not be made: NumPy is needed (--python)")
    build = os.path.abspath(a.build)
    readers = [("Tacit", FILES, library_reader(os.path.join(build, "bench", "reading"), folder)),
               ("tacit check", FILES, tacit_reader(os.path.join(build, "tacit"), folder))]
    if a.before:
        readers.append(("tacit check, before", FILES, tacit_reader(os.path.abspath(a.before), folder)))
    for name, setup, call, endings in OTHERS:
        if subprocess.run([a.python, "-c", setup], stderr=subprocess.DEVNULL).returncode != 0:
            print(f"{name}: not installed", file=sys.stderr)
            continue
        files = [f for f in FILES if f.endswith(endings)]
        readers.append((name, files, other_reader(setup, call, a.python, folder)))
    print("| file | MB | reader | MB/s | peak over the numbers |\n| --- | ---: | --- | ---: | ---: |", flush=True)
    for file in FILES:
        plain = os.path.getsize(os.path.join(folder, file.removesuffix(".gz"))) / 1e6
        mine = [(name, *reader) for name, files, reader in readers if file in files]
        rounds = [[read(file) for _, read, _ in mine] for _ in range(a.repeat)]
        for k, (name, _, bare) in enumerate(mine):
            seconds = statistics.median(r[k][0] for r in rounds)
            peak = max(r[k][1] for r in rounds) - bare
            share = peak / bytes_of_numbers(a.megabytes, a.columns, file)
            print(f"| {file} | {plain:.0f} | {name} | {plain / seconds:.0f} | {share:.2f} |", flush=True)


if __name__ == "__main__":
    main()
