"""Runs every Python block of docs/report.md against real run folders: redraw_figures.py docs/report.md FOLDER_THAT_HOLDS_runs

Each block must draw what its CSV holds: a legend entry for every series of it. Prints the names of the figures that were drawn."""
import os
import re
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pandas as pd

text = open(sys.argv[1], encoding="utf-8").read()
os.chdir(sys.argv[2])
for name, block in re.findall(r"\n### `([^`]+)`\n.*?```python\n(.*?)```", text, re.DOTALL):
    file = re.search(r'read_csv\("([^"]+)"\)', block).group(1)
    exec(compile(block, name, "exec"), {})
    legend = [t.get_text() for t in plt.gca().get_legend().get_texts()]
    series = list(pd.read_csv(file).series.unique())
    if sorted(legend) != sorted(series):
        sys.exit(f"{name}: drawn {legend}, in the file {series}")
    plt.savefig(name.split(",")[0] + ("-several" if "," in name else "") + ".png")
    plt.close("all")
    print(name)
