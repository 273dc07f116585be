"""The scenarios that rise in rate by steps, and what each has to hold."""
import collections
import subprocess
import time

from stage import ACCESS, BUSY_PCT, GOOD, ProxyEnded, cores, pinned, wait_quiet
from storm_phones import phones_command, read_lines, seen_at_end

# What a step must keep to (lost and refused %, p99 ms, % of a processor), which rate has to be reached so at least, and what memory may come to (MB).
# For floods the rates are those of the flood, beside good traffic of GOOD_RATE.
Threshold = collections.namedtuple("Threshold", "loss_pct p99_ms cpu_pct rate memory_mb")
THRESHOLDS = {
    "registrations": Threshold(0.1, 5, 95, 10_000, 128),
    "calls":         Threshold(0.1, 10, 95, 4_000, 128),
    "calls-sipp":    Threshold(0.1, 50, 95, 500, 128),
    "mixed":         Threshold(0.1, 10, 95, 5_000, 160),
    "floods":        Threshold(0.1, 5, None, 150_000, 128),
    "tls":           Threshold(0.1, 10, 95, 5_000, 160),
}
RATES = {
    "registrations": [1000, 2500, 5000, 10_000, 15_000, 20_000, 25_000, 30_000, 40_000],
    "calls":         [500, 1000, 2000, 4000, 6000, 8000, 10_000, 12_000, 15_000, 20_000],
    "calls-sipp":    [100, 250, 500, 1000, 1500],
    "mixed":         [500, 1000, 2500, 5000, 7500, 10_000, 15_000, 20_000],
    "floods":        [0, 20_000, 50_000, 100_000, 150_000],
    "tls":           [500, 1000, 2500, 5000, 7500, 10_000, 15_000, 20_000],
}
QUICK_RATES = {"registrations": [100, 200], "calls": [50, 100], "calls-sipp": [20], "mixed": [50, 100], "floods": [0, 1000], "tls": [50, 100]}

GOOD_RATE, QUICK_GOOD_RATE = 3000, 100
# The harness's attacks: kind of datagram, where from. What each meets is in its README.
ATTACKS = {
    "scanner-ua": ("scanner", "127.20.0.0/16"),
    "acl-denied": ("plain", "127.67.0.0/16"),
    "geo-denied": ("plain", "127.9.0.0/16"),
    "one-source": ("plain", "127.21.0.1/32"),
    "garbage":    ("garbage", "127.20.0.0/16"),
}
QUICK_ATTACKS = ("scanner-ua", "garbage")
# Beside floods the limits are those that are shipped, but for what the PBX takes; so the good ones are 4,094, which are known before.
FLOOD_LIMITS, FLOOD_GOOD, QUICK_FLOOD_GOOD = "{pbx: {rate: 10000/s, burst: 20000}}", "127.1.0.0/20", "127.1.0.0/24"
CONNECTIONS, QUICK_CONNECTIONS = 1000, 50
REFRESHING, REFRESH_S, FIRST = 1000, 5, 10_000  # phones of a mixed day that keep registering again; their first extension
HOLD_MS = 2000
TRIES = 3  # of a step


class Steps:
    """Runs steps of rising rate at one target, prints each, and stops when one breaks its threshold."""

    def __init__(self, scenario, target, threshold, options):
        self.scenario, self.target, self.threshold, self.options = scenario, target, threshold, options
        self.steps = []

    def run(self, rates, measure, label=None):
        """measure(rate) gives what was measured. A step that others disturbed, and one that broke a threshold, is taken again."""
        for rate in rates:
            taken = []
            while not taken or len(taken) < TRIES and (taken[-1]["broke"] or taken[-1]["foreign_pct"] > BUSY_PCT and not self.options.quick):
                if not self.options.quick:
                    wait_quiet()
                taken.append(self._finish(rate, self._measure(measure, rate), label))
            step = min(taken, key=lambda one: (len(one["broke"]), one["foreign_pct"]))
            step["tries"] = len(taken)
            self.steps.append(step)
            print(line_of(step), flush=True)
            if step["broke"] and (step["foreign_pct"] <= BUSY_PCT or step["loss_pct"] > self.threshold.loss_pct):
                break  # latency while others use the machine may be theirs: the next step tells
        return self.steps

    def _measure(self, measure, rate):
        try:
            return measure(rate)
        except ProxyEnded:  # nothing passes any more
            return dict.fromkeys(("done_per_s", "p50_ms", "p99_ms", "p999_ms", "cpu_pct", "cpu_us", "foreign_pct"), 0.0) | {"loss_pct": 100.0, "failures": 1, "ended": True}

    def add(self, measured, label):
        """A step that has no rate to keep: as much as passes."""
        step = {**self._finish(0, measured, label), "broke": []}
        self.steps.append(step)
        print(line_of(step), flush=True)

    def _finish(self, rate, measured, label):
        step = {"scenario": self.scenario, "target": self.target.name, "label": label or "", "offered_per_s": rate, "pss_mb": self.target.memory_mb(), **measured}
        step["broke"] = broke(step, self.threshold, self.options.quick)
        return step


def broke(step, threshold, quick):
    """Which thresholds a step does not keep. A quick turn, on whatever machine, is held to loss alone."""
    limits = [("loss_pct", threshold.loss_pct)] + ([] if quick else [("p99_ms", threshold.p99_ms), ("cpu_pct", threshold.cpu_pct)])
    return [f"{name} {step[name]:.2f} > {limit:g}" for name, limit in limits if limit is not None and step[name] > limit]


def line_of(step):
    """As it is printed while the scenario goes on."""
    place = f"{step['target']:8.8s} {step['scenario']} {step['label']}".strip()
    return (f"{place:38s} offered {step['offered_per_s']:7.0f}/s done {step['done_per_s']:8.0f}/s  p50 {step['p50_ms']:7.3f} p99 {step['p99_ms']:8.3f} "
            f"p999 {step['p999_ms']:8.3f} ms  CPU {step['cpu_pct']:5.1f} % {step['cpu_us']:7.1f} us  {step['pss_mb']:6.1f} MB  failures {step['failures']}"
            + (f"  others {step['foreign_pct']:.0f} %" if step["foreign_pct"] > BUSY_PCT else "") + (f"  BROKE {'; '.join(step['broke'])}" if step["broke"] else ""))


def of_bench(result):
    """A step of what sipbench says of itself."""
    failures, started = result["lost"] + result["rejected"] + result["bad"] + result["overrun"], max(1, result["started"])
    latency, proxy = result["lat_us"], result["proxy"]
    return {"done_per_s": result["per_s"], "p50_ms": latency["p50"] / 1000, "p99_ms": latency["p99"] / 1000, "p999_ms": latency["p999"] / 1000,
            "cpu_pct": proxy["cpu_pct"], "cpu_us": proxy.get("cpu_us_per_txn", 0.0), "failures": failures, "loss_pct": 100 * failures / started,
            "foreign_pct": result["foreign_pct"], **{kind: result[kind] for kind in ("lost", "rejected", "bad", "overrun", "codes")}}


def seconds(options):
    return (0.7, 0.2) if options.quick else (options.seconds, 0.7)


def bench(stage, target, mode, options, *more, source=GOOD):
    measured, warm_up = seconds(options)
    return lambda rate: of_bench(stage.tool("sipbench", target, "--mode", mode, "--src", source, "--rate", rate, "--time", measured, "--warmup", warm_up, *more))


def prime(stage, target, mode, options, source=GOOD, rate=0):
    """Full load, or that rate, until memory has been touched; then a rest, for what is left behind of it."""
    if options.quick and not rate:
        return
    stage.tool("sipbench", target, "--mode", mode, "--src", source, "--rate", rate, "--time", 1 if options.quick else 7, "--warmup", 0.2)
    if target.name != "postern":
        time.sleep(7)  # Kamailio frees transactions for five seconds; this is of the harness (settle_s)


def registrations(stage, start, options, rates):
    return one_target(start(), "registrations", options, rates, lambda target: bench(stage, target, "register", options),
                      lambda target: prime(stage, target, "register", options))


def calls(stage, start, options, rates):
    return one_target(start(), "calls", options, rates, lambda target: bench(stage, target, "call", options),
                      lambda target: prime(stage, target, "call", options))


def one_target(target, scenario, options, rates, measure, before=lambda target: None, label=None):
    """Steps at a target that is ended after them: (steps, samples)."""
    try:
        before(target)
        steps = Steps(scenario, target, THRESHOLDS[scenario], options).run(rates, measure(target), label)
    finally:
        samples = target.stop()
    return steps, {label or "": samples}


def mixed(stage, start, options, rates):
    """Of ten transactions six are registrations, two OPTIONS and two calls that are held; beside them phones that keep registering again from where they are."""
    def measure(target):
        return lambda rate: with_refreshes(stage, target, options, rate)
    return one_target(start(), "mixed", options, rates, measure, lambda target: prime(stage, target, "mixed", options))


def with_refreshes(stage, target, options, rate):
    count = 50 if options.quick else REFRESHING
    measured, warm_up = seconds(options)[0], 1 if options.quick else 3
    with pinned(cores()[1]):
        phones = subprocess.Popen(phones_command(ACCESS, count, FIRST, "--rate", count, "--refresh", 1 if options.quick else REFRESH_S), stdout=subprocess.PIPE, text=True)
    try:
        result = stage.tool("sipbench", target, "--mode", "mixed", "--hold-ms", 200 if options.quick else HOLD_MS, "--src", "127.1.128.0/17", "--rate", rate,
                            "--time", measured, "--warmup", warm_up)
    finally:
        phones.terminate()
        output = phones.communicate(timeout=30)[0]
    step, end = of_bench(result), seen_at_end(read_lines(output))
    refreshes = max(0, end["200"] - count) / measured
    step["refreshes_per_s"], step["refresh_p99_ms"] = round(refreshes, 1), end["answered_ms"]["p99"]
    step["cpu_us"] = 1e4 * step["cpu_pct"] / max(1, step["done_per_s"] + refreshes)
    step["failures"] += end["failed"] + end["503"] + end["timeouts"]
    step["loss_pct"] = 100 * step["failures"] / max(1, result["started"] + end["sent"])
    return step


def floods(stage, start, options, rates):
    """Good REGISTERs beside each flood of the harness; anew for each flood, so that no ban is left of the one before."""
    steps, samples = [], {}
    source, good, first = (QUICK_FLOOD_GOOD, QUICK_GOOD_RATE, 250) if options.quick else (FLOOD_GOOD, GOOD_RATE, 1500)
    for attack in QUICK_ATTACKS if options.quick else ATTACKS:
        def measure(target, attack=attack):
            return lambda rate: beside_flood(stage, target, options, attack, rate, good, source)
        got, sampled = one_target(start(limits=FLOOD_LIMITS), "floods", options, rates, measure,
                                  lambda target: prime(stage, target, "register", options, source, first), attack)
        steps += got
        samples.update(sampled)
    return steps, samples


def beside_flood(stage, target, options, attack, rate, good, source):
    kind, attackers = ATTACKS[attack]
    flood = ["--flood-kind", kind, "--flood-src", attackers, "--flood-rate", rate] if rate else []
    measured, warm_up = seconds(options)
    result = stage.tool("sipbench", target, "--mode", "register", "--src", source, "--rate", good, "--time", measured, "--warmup", warm_up, *flood)
    return {**of_bench(result), "good_per_s": good, "flood_per_s": result.get("flood_per_s", 0), "flood_leaked": result.get("flood_leaked", 0),
            "receive_buffer_full": result["rcvbuf_errors"]}


def tls(stage, start, options, rates):
    """REGISTERs over connections that stay open, and at last what handshakes cost. Anew for each step: Kamailio's TLS does not stand several of these runs in
    one process (the harness's README)."""
    conns = QUICK_CONNECTIONS if options.quick else CONNECTIONS
    steps, samples = [], []
    for rate in rates:
        got, sampled = one_target(start(tls=True), "tls", options, [rate], lambda target: lambda rate: of_stream(
            stream(stage, target, options, "--mode", "rps", "--rate", rate, "--conns", conns), rate))
        steps += got
        samples += [[moment + (samples[-1][0] if samples else 0), *values] for moment, *values in sampled[""]]
        if got[-1]["loss_pct"] > THRESHOLDS["tls"].loss_pct:
            break
    target = start(tls=True)
    try:
        handshakes = Steps("tls", target, THRESHOLDS["tls"], options)
        if target.name == "postern":
            handshakes.add(of_stream(stream(stage, target, options, "--mode", "handshake", "--ask")), "handshakes, as many as pass")
    finally:
        target.stop()
    return steps + handshakes.steps, {"": samples}


def stream(stage, target, options, *arguments):
    measured, warm_up = seconds(options)
    return stage.tool("sipstream", target, "--tls", "--src", GOOD, "--time", measured, "--warmup", warm_up, *arguments)


def of_stream(result, rate=0):
    failures, latency, proxy = result["failed"] + result["dropped"] + result["lost"] + result["bad"] + sum(result["codes"].values()), result["lat_us"], result["proxy"]
    done = result["per_s"] * result["secs"]
    if done < 0.99 * rate * result["secs"]:  # it asks no more than there are connections that wait for nothing
        failures = max(failures, int(rate * result["secs"] - done))
    return {"done_per_s": result["per_s"], "p50_ms": latency["p50"] / 1000, "p99_ms": latency["p99"] / 1000, "p999_ms": latency["p999"] / 1000,
            "cpu_pct": proxy["cpu_pct"], "cpu_us": proxy["cpu_us_per_txn"], "failures": failures, "loss_pct": 100 * failures / max(1, done + failures),
            "foreign_pct": result["foreign_pct"], "codes": result["codes"]}
