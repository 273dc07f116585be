"""The command line of load-tests/run and load-tests/compare, and what they do with it."""
import argparse
import contextlib
import os
import pathlib
import shlex
import signal
import subprocess
import sys
import traceback

import results
from acceptance import BINARY, harness
from scenarios import QUICK_RATES, RATES, THRESHOLDS, calls, floods, mixed, registrations, tls
from sipp_calls import calls_sipp
from stage import ROOT, Stage
from storm import PHONES, STORMS, storm
from support import case

SCENARIOS = {"registrations": registrations, "calls": calls, "mixed": mixed, "storm": storm, "floods": floods, "tls": tls}
PLOTS, PYTHON = pathlib.Path(__file__).with_name("plots.py"), "/usr/bin/python3"


def options_of(doc, rounds):
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter, usage=argparse.SUPPRESS)
    parser.add_argument("scenario", nargs="*", metavar="SCENARIO", choices=[[], *SCENARIOS], help="one of: " + " ".join(SCENARIOS))
    parser.add_argument("--out", help="folder of the results, build/load/DATE unless given")
    parser.add_argument("--quick", action="store_true", help="low rates and little time: whether it works")
    parser.add_argument("--list", action="store_true", help="what there is, with thresholds")
    parser.add_argument("--rates", type=lambda text: [int(rate) for rate in text.split(",")], help="1000,2000,...: these in place of the scenario's own")
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--seconds", type=float, default=4.0, help="measured at each step")
    parser.add_argument("--sipp", action="store_true", help="calls by SIPp in place of the harness's generator")
    parser.add_argument("--phones", type=int, default=PHONES, help="of the storm")
    parser.add_argument("--offices", help="NxSIZE: behind one address each; a quarter of the phones, 50 an office, unless given")
    options = parser.parse_args()
    options.scenario = options.scenario or list(SCENARIOS)
    return options


def show_list():
    for name in SCENARIOS:
        if name == "storm":
            print(f"storm          {PHONES} phones; {'; '.join(one.label for one in STORMS)}")
            continue
        limit = THRESHOLDS[name]
        print(f"{name:14s} loss {limit.loss_pct} %, p99 {limit.p99_ms} ms, CPU {limit.cpu_pct or 100} %, wanted {limit.rate}/s within {limit.memory_mb} MB; rates {RATES[name]}")


def prepared():
    """The harness; within a namespace of our own there is no network to prepare it from."""
    target = ROOT / "build" / "bench" / "harness"
    if os.environ.get("POSTERN_TEST_NAMESPACE") != "1":
        try:
            return harness()
        except FileNotFoundError as error:
            sys.exit(str(error))
    if not (target / "build" / "sipbench").is_file():
        sys.exit(f"{target} is not prepared")
    return target


@contextlib.contextmanager
def larger_share():
    """With autogroups on, a session is given as much as any other however many run in it: ours asks for more, as the harness does, so that what others do on the
    machine weighs less."""
    try:
        with open("/proc/self/autogroup") as file:
            before = file.read().split()[-1]
    except (OSError, IndexError):  # no autogroups here
        yield
        return
    set_share("-10")
    try:
        yield
    finally:
        set_share(before)


def set_share(nice):
    with contextlib.suppress(OSError), open("/proc/self/autogroup", "w") as file:
        file.write(nice)


def play(name, stage, targets, options):
    """One scenario: every target in turn, round by round."""
    play_it = calls_sipp if name == "calls" and options.sipp else SCENARIOS[name]
    key = "calls-sipp" if play_it is calls_sipp else name
    rates = options.rates or ([] if name == "storm" else (QUICK_RATES if options.quick else RATES)[key])
    steps, samples = [], {}
    for number in range(options.rounds):
        for target in targets:
            got, sampled = play_it(stage, lambda target=target, **how: stage.start(target, **how), options, rates)
            steps += [{**step, "round": number} for step in got]
            samples.update({" ".join(part for part in (target, label, f"round {number + 1}" if options.rounds > 1 else "") if part): values
                            for label, values in sampled.items()})
    verdicts = results.judge(key, steps, rates, options.quick)
    for verdict in verdicts:
        print(f"{'ok    ' if verdict['ok'] else 'FAILED'} {verdict['target']} {name} {verdict['label']}: {verdict['what']}", flush=True)
    return key, {"steps": steps, "samples": samples, "verdicts": verdicts, "ok": all(verdict["ok"] for verdict in verdicts)}


def draw(folder, data):
    """Plots, where Debian's matplotlib is there; results are worth having without."""
    run = subprocess.run([PYTHON, str(PLOTS), folder], capture_output=True, text=True, timeout=300)
    if run.returncode != 0:
        why = "python3-matplotlib is missing" if "No module named 'matplotlib'" in run.stderr else run.stderr[-500:]
        print(f"no plots: {why}", flush=True)
        return
    for name, part in data["scenarios"].items():
        part["plots"] = [plot for plot in run.stdout.split() if plot.startswith(f"{name.split('-')[0]}-")]


def main(doc, targets, rounds):
    options = options_of(doc, rounds)
    if options.list:
        return show_list()
    folder = prepared()
    case.enter_namespace()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # as in every first process of a namespace nothing would happen else
    os.environ.setdefault("POSTERN_BINARY", str(BINARY))
    if not os.access(os.environ["POSTERN_BINARY"], os.X_OK):
        sys.exit(f"{os.environ['POSTERN_BINARY']} is not there: build it first")
    out = os.path.abspath(options.out or ROOT / "build" / "load" / results.now())
    os.makedirs(out, exist_ok=True)
    data = {"command": shlex.join([os.path.relpath(sys.argv[0], ROOT), *sys.argv[1:]]), "at": results.now(), "quick": options.quick, "machine": results.machine(),
            "versions": results.versions(os.environ["POSTERN_BINARY"], ROOT), "scenarios": {}}
    stage = Stage(folder)
    try:
        with contextlib.nullcontext() if options.quick else larger_share():
            for name in options.scenario:
                key, part = play(name, stage, targets, options)
                data["scenarios"][key] = part
                results.write(out, data)  # what is there is there, whatever comes
    except Exception:
        traceback.print_exc()
        sys.exit(f"the logs are in {stage.folder}")
    stage.remove()
    draw(out, data)
    data["ok"] = all(part["ok"] for part in data["scenarios"].values())
    results.write(out, data)
    print(f"results: {out}/report.md", flush=True)
    sys.exit(0 if data["ok"] else 1)
