"""Workers and speed: what a transaction, a refused packet and a registration cost beside Kamailio and beside the floor of the machine."""
import functools
import json
import statistics
import subprocess
import sys
import tempfile

from acceptance import ROOT, Result, check, integration, shown
from bench import beside_the_floor, measure, median, ratios, shown_command, spread, values

# What is compared stands side by side: the machine may change its speed within a round.
UDP = ("udp", ("minifwd", "postern-workers", "postern", "kamailio-sbc", "kamailio-bare"))


def of_kamailio(label, most):
    runs = measure(*UDP)
    found = {target: values(runs, target, label, "cpu_us_per_txn") for target in UDP[1]}
    ratio = ratios(runs, "postern", "kamailio-sbc", label, "cpu_us_per_txn")
    lost = max(run.get("loss_pct", 0) for run in runs[("postern", label)])
    return Result(shown_command(*UDP), ", ".join(f"{target} {spread(found[target])}" for target in UDP[1]) + f" us of CPU a transaction; ratio {spread(ratio)}; loss at most {lost:.3f} %",
                  f"at most {most:.2f} of kamailio-sbc; loss under 0.1 %", statistics.median(ratio) <= most and lost < 0.1)


for name, what in {"register": "REGISTER", "options": "OPTIONS", "call": "A call"}.items():
    check(name, f"{what}: at most half of kamailio-sbc's CPU a transaction, with everything on that a two-line file turns on", slow=True)(functools.partial(of_kamailio, name, 0.5))


def of_floor(attack, most, target):
    rounds, command = beside_the_floor(target, attack, [attack for attack, _, at in REFUSED.values() if at == target])
    ours, floor = zip(*rounds)
    ratio = [mine / least for mine, least in rounds]
    return Result(command, f"{spread(ours)}, floor {spread(floor)} us of CPU a packet; ratio {spread(ratio)}", f"at most {most:.2f} of the floor",
                  statistics.median(ratio) <= most)


REFUSED = {  # what it is: the harness's attack (banned: a scanner, silenced after its first packet), the most times the floor, and at which Postern
    "banned":  ("scanner-ua", 1.25, "postern"),
    "acl":     ("acl-denied", 1.25, "postern-flood"),
    "rate":    ("one-source", 1.25, "postern-flood"),
    "scanner": ("scanner-ua", 1.6, "postern-flood"),
    "geo":     ("geo-denied", 1.6, "postern-flood"),
}
for name, (attack, most, target) in REFUSED.items():
    check(f"refused-{name}", f"Refused packets at 150,000/s ({name}): at most {most} times the floor's full-queue receive-and-drop", slow=True)(functools.partial(of_floor, attack, most, target))


def load(*arguments):
    """results.json of a run of load-tests/run, and the command."""
    command = ["load-tests/run", *arguments]
    with tempfile.TemporaryDirectory(prefix="postern-load-results-") as folder:
        run = subprocess.run([sys.executable, *command, "--out", folder], cwd=ROOT, capture_output=True, text=True, timeout=3000)
        print(run.stdout, flush=True)
        with open(f"{folder}/results.json") as file:
            return json.load(file), shown(command)


@check("floods", "3,000 good REGISTER/s beside 150,000/s of each flood of the bench on one worker: loss under 0.1 %, p99 under 5 ms", slow=True)
def floods():
    results, command = load("floods", "--rates", "150000")
    steps = [step for step in results["scenarios"]["floods"]["steps"] if step["offered_per_s"] == 150_000]
    measured = "; ".join(f"{s['label']} loss {s['loss_pct']:.3f} %, p99 {s['p99_ms']:.2f} ms, {s['flood_per_s']:.0f}/s" for s in steps)
    return Result(command, measured, "loss under 0.1 %, p99 under 5 ms, all five", len(steps) == 5 and all(s["loss_pct"] < 0.1 and s["p99_ms"] < 5 for s in steps))


@check("memory", "Memory: under 64 MB at full rate", slow=True)
def memory():
    runs = measure(*UDP)
    found = {label: median(runs, "postern", label, "pss_mb") for label in ("register", "options", "call")}
    return Result(shown_command(*UDP), ", ".join(f"{label} {mb:.0f} MB" for label, mb in found.items()), "64 MB", max(found.values()) < 64)


@check("storm", "A re-registration storm of 20,000 phones never asks more of the PBX than its limit, the last phone is back in the time that this rate allows; memory under 100 MB", slow=True)
def storm():
    results, command = load("storm")
    storms = results["scenarios"]["storm"]["steps"]
    measured = "; ".join(f"{s['label']}: last back after {s['last_back_s']:.0f} s of {s['allowed_s']:.0f}, bucket {s['pbx_bucket_needed']:.0f} of {s['burst']}, {s['pss_mb']:.0f} MB" for s in storms)
    return Result(command, measured, "within the limit and the time; 100 MB", results["ok"] and all(s["pss_mb"] < 100 for s in storms))


@check("workers-cost", "`workers: 2`: CPU a transaction at most 1.1 times one worker's", slow=True)
def workers_cost():
    runs = measure(*UDP)
    found = {label: ratios(runs, "postern-workers", "postern", label, "cpu_us_per_txn") for label in ("register", "options", "call")}
    return Result(shown_command(*UDP), ", ".join(f"{label} {spread(ratio)}" for label, ratio in found.items()), "1.10", max(map(statistics.median, found.values())) <= 1.1)


@check("steering", "`workers: 2`: steering within 45-55 %")
def steering():
    return integration("workers_test", "Workers.test_sources_are_spread", limit="45-55 % of 2,000 sources at each of two workers")
