#!/usr/bin/python3
"""usage: plots.py FOLDER: draws what FOLDER/results.json holds, as SVG files beside it, and prints their names. Run by Debian's own python, for which
python3-matplotlib is."""
import json
import os
import sys

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot  # noqa: E402  (after the choice above)


def curves(steps):
    """{name: steps of one target and label, by rate; of several rounds the last}."""
    found = {}
    for step in steps:
        if step["offered_per_s"] or step["scenario"] == "floods":
            found.setdefault(f"{step['target']} {step['label']}".strip(), {})[step["offered_per_s"]] = step
    return {name: [by_rate[rate] for rate in sorted(by_rate)] for name, by_rate in found.items()}


class Folder:
    def __init__(self, path):
        self.path, self.names = path, []

    def draw(self, name, x_label, y_label, series, log=False):
        """series: {name: (xs, ys)}."""
        figure, axes = pyplot.subplots(figsize=(8, 4.5))
        for number, (label, (xs, ys)) in enumerate(series.items()):
            axes.plot(xs, ys, marker="." if len(xs) < 40 else None, linestyle="-" if number < 10 else "--", label=label)
        if log:
            axes.set_yscale("log")
        else:
            axes.set_ylim(bottom=0)
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        axes.grid(True, alpha=0.3)
        axes.legend(fontsize="small")
        figure.tight_layout()
        figure.savefig(os.path.join(self.path, f"{name}.svg"))
        pyplot.close(figure)
        self.names.append(f"{name}.svg")


def ladder(folder, name, part):
    lines = curves(part["steps"])
    rate = "flood, packets/s" if name == "floods" else "offered, transactions/s"
    rates = {key: [step["offered_per_s"] for step in steps] for key, steps in lines.items()}
    folder.draw(f"{name}-latency", rate, "ms", {f"{key} {which}": (rates[key], [step[f"{which}_ms"] for step in steps]) for which in ("p50", "p99")
                                                for key, steps in lines.items()}, log=True)
    folder.draw(f"{name}-cpu", rate, "% of a processor", {key: (rates[key], [step["cpu_pct"] for step in steps]) for key, steps in lines.items()})
    memory(folder, name, part)


def memory(folder, name, part):
    folder.draw(f"{name}-memory", "s", "MB", {key: ([sample[0] for sample in samples], [sample[1] for sample in samples]) for key, samples in part["samples"].items() if samples})


def storm(folder, name, part):
    storms = {f"{one['target']} {one['label']}": one for one in part["steps"]}
    folder.draw("storm-phones", "s after the power came back", "phones registered",
                {key: ([line["t"] for line in one["seconds"]], [line["registered"] for line in one["seconds"]]) for key, one in storms.items()})
    folder.draw("storm-pbx", "s after the power came back", "REGISTERs at the PBX in this second",
                {key: (range(len(one["pbx_per_s"])), one["pbx_per_s"]) for key, one in storms.items()})
    memory(folder, name, part)


def main():
    folder = Folder(sys.argv[1])
    with open(os.path.join(folder.path, "results.json")) as file:
        data = json.load(file)
    for name, part in data["scenarios"].items():
        (storm if name == "storm" else ladder)(folder, name, part)
    print("\n".join(folder.names))


if __name__ == "__main__":
    main()
