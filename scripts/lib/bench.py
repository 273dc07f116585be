"""Measurements with the shared benchmark harness: interleaved rounds over targets, and what of them is compared."""
import json
import os
import statistics
import subprocess
import sys

from acceptance import ROOT, harness, shown

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
TARGETS = ROOT / "load-tests" / "bench"
FOREIGN_PCT = 20  # of a core that others used: such a run is left out where enough others remain
_measured = {}


def shown_command(suite, targets, *options):
    return " ".join(["bench.py", suite, *targets, *options, "--rounds", str(ROUNDS)])


def measure(suite, targets, *options):
    """{(target, label): [runs]}, measured once for the same arguments. A target that has a file in load-tests/bench is Postern's or ours."""
    key = (suite, targets, options)
    if key in _measured:
        return _measured[key]
    folder = harness()
    out = folder.parent / f"{suite}.jsonl"
    out.unlink(missing_ok=True)
    files = [str(TARGETS / f"{name}.json") if (TARGETS / f"{name}.json").is_file() else name for name in targets]
    command = [sys.executable, str(folder / "bench.py"), suite, *files, *options, "--rounds", str(ROUNDS), "--out", str(out)]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=5000, env=dict(os.environ, SIPBENCH=str(folder)))
    print(run.stdout, flush=True)
    if run.returncode != 0 or not out.exists():
        raise RuntimeError(f"bench.py: {run.stderr[-800:]}")
    runs = {}
    for line in out.read_text().splitlines():
        entry = json.loads(line)
        runs.setdefault((entry["target"], entry["label"]), []).append(entry)
    _measured[key] = runs
    return runs


def beside_the_floor(target, attack, attacks):
    """[(of the target, of the floor)] in microseconds a packet of that attack, and the command: load-tests/bench/side_by_side, which measures all `attacks` once. Its rounds take
    seconds: there are three in the place of one."""
    key = ("side_by_side", target, *attacks)
    command = [str(TARGETS / "side_by_side"), target, str(3 * ROUNDS), *attacks]
    if key not in _measured:
        folder = harness()
        run = subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ, SIPBENCH=str(folder)))
        try:
            out, errors = run.communicate(timeout=3000)
        finally:
            run.terminate()  # it ends what it started
            run.wait()
        if run.returncode != 0:
            raise RuntimeError(f"side_by_side: {errors[-800:]}")
        print(out, flush=True)
        _measured[key] = [json.loads(line) for line in out.splitlines()]
    found = _quiet([(entry,) for entry in _measured[key] if entry["attack"] == attack])
    return [(entry["target"], entry["floor"]) for (entry,) in found], shown(command)


def _rounds(runs, target, label):
    found = runs.get((target, label), [])
    if len(found) < ROUNDS:
        raise RuntimeError(f"{target} {label}: {len(found)} runs of {ROUNDS}")
    return found


def _quiet(rounds):
    """Those without a run that others disturbed."""
    quiet = [runs for runs in rounds if all(run["foreign_pct"] <= FOREIGN_PCT for run in runs)]
    return quiet if len(quiet) >= 3 else rounds


def values(runs, target, label, field):
    """Of the proxy, in the order of the rounds."""
    return [run["proxy"][field] for (run,) in _quiet(list(zip(_rounds(runs, target, label))))]


def ratios(runs, target, base, label, field):
    """How many times what `base` takes, round by round: where the machine gets slower for a while it does so for both."""
    return [ours["proxy"][field] / theirs["proxy"][field]
            for ours, theirs in _quiet(list(zip(_rounds(runs, target, label), _rounds(runs, base, label))))]


def median(runs, target, label, field):
    return statistics.median(values(runs, target, label, field))


def spread(found):
    """As it is written beside a median."""
    return f"{statistics.median(found):.2f} ({min(found):.2f}..{max(found):.2f})"
