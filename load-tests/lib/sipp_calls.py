"""Calls as operators know them: SIPp's own uac and uas, with the route set followed (the harness's build/uac.xml and uas.xml), at rising rates. SIPp itself
comes to its end at one or two thousand calls a second."""
import csv
import os
import time

from scenarios import one_target
from stage import ACCESS, PBX, TRUSTED, busy_seconds, cores, cpu_seconds, pinned
from support.proc import Process, wait_for
from support.sip import host_port
from support.sipp import bound

CALLER_PORT = 5095


def calls_sipp(stage, start, options, rates):
    def measure(target):
        return lambda rate: with_sipp(stage, target, options, rate)
    return one_target(start(), "calls-sipp", options, rates, measure)


def with_sipp(stage, target, options, rate):
    length = 2 if options.quick else options.seconds
    calls = int(rate * length)
    build = stage.harness / "build"
    statistics = os.path.join(target.folder, "uac.csv")
    common = ["-nostdin", "-buff_size", 1 << 20]
    with pinned(cores()[1]):
        called = Process("sipp-uas", ["sipp", "-sf", build / "uas.xml", "-i", PBX[0], "-p", PBX[1], "-timeout", int(length + 60), *common], target.folder,
                         env={"TERM": "dumb"})
        try:
            wait_for(lambda: bound(PBX), "SIPp to take calls", 10)
            cpu, busy, own, began = cpu_seconds(target.pid), busy_seconds(), own_seconds(), time.monotonic()
            caller = Process("sipp-uac", ["sipp", "-sf", build / "uac.xml", host_port(ACCESS), "-i", TRUSTED, "-p", CALLER_PORT, "-r", rate, "-m", calls,
                                          "-l", max(1000, 2 * rate), "-d", 0, "-timeout", int(length + 40), "-trace_stat", "-stf", statistics, "-fd", 1,
                                          "-trace_rtt", "-rtt_freq", 1, *common], target.folder, env={"TERM": "dumb"})
            caller.wait_end(length + 60)
            wall, used, others = time.monotonic() - began, cpu_seconds(target.pid) - cpu, busy_seconds() - busy - (own_seconds() - own)
            caller.stop()
        finally:
            called.stop()
    return step_of(statistics, target.folder, calls, wall, used, others)


def own_seconds():
    """What this process has run and all that it has started, whether that has ended or not."""
    times = os.times()
    return cpu_seconds(os.getpid()) + times.children_user + times.children_system


def step_of(statistics, folder, calls, wall, used, others):
    with open(statistics, newline="") as file:
        last = list(csv.DictReader(file, delimiter=";"))[-1]
    good, bad = int(last["SuccessfulCall(C)"]), int(last["FailedCall(C)"])
    took = sorted(response_times(folder))
    at = lambda share: took[min(len(took) - 1, int(share * len(took)))] if took else 0.0
    failures = calls - good
    return {"done_per_s": good / wall, "p50_ms": at(0.5), "p99_ms": at(0.99), "p999_ms": at(0.999), "cpu_pct": 100 * used / wall,
            "cpu_us": 1e6 * used / max(1, good), "failures": failures, "failed_calls": bad, "retransmissions": int(last["Retransmissions(C)"]),
            "loss_pct": 100 * failures / max(1, calls), "foreign_pct": max(0.0, 100 * others / wall), "codes": {}}


def response_times(folder):
    """Milliseconds from each INVITE to its 200, as SIPp wrote them down; the files are removed, for they are named by SIPp itself."""
    for name in sorted(os.listdir(folder)):
        if not name.endswith("_rtt.csv"):
            continue
        path = os.path.join(folder, name)
        with open(path, newline="") as file:
            yield from (float(row["response_time_ms"]) for row in csv.DictReader(file, delimiter=";") if row.get("response_time_ms"))
        os.remove(path)
