"""A power cut: very many registered phones fall silent and come back all at once. The PBX is never asked more than its limit, and the last phone is back in
the time that this limit allows."""
import collections
import re
import signal
import time

from pbx_watch import PbxWatch, bucket_needed, most_within, per_second
from stage import ACCESS, PBX, cores, pinned, two_lines
from storm_phones import phones_command, read_lines, seen_at_end
from support.pbx import Pbx
from support.proc import Process, wait_for

# Postern's limits.pbx; `written`: what stands in its file, `keeps`: whether a phone that was refused answers the last challenge again or starts anew.
Storm = collections.namedtuple("Storm", "label rate burst written keeps")
STORMS = [
    Storm("1000/s, as shipped", 1000, 2000, "", False),
    Storm("1000/s, phones keep challenges", 1000, 2000, "", True),
    Storm("200/s", 200, 400, "limits: {pbx: {rate: 200/s, burst: 400}}\n", False),
    Storm("200/s, phones keep challenges", 200, 400, "limits: {pbx: {rate: 200/s, burst: 400}}\n", True),
]
QUICK_STORMS = [Storm("quick", 100, 100, "limits: {pbx: {rate: 100/s, burst: 100}}\n", True)]
PHONES, RATE, FIRST = 20_000, 400, 10_000  # before the cut they register at RATE
PHONES_AN_OFFICE, OF = 50, 200  # behind one address of every so many; all others, that is most, are alone at theirs
QUICK_PHONES, QUICK_OFFICES, QUICK_RATE = 300, "6x10", 200
REQUESTS_A_PHONE = 2       # one that is challenged, and one with credentials
SLACK_S = 40               # a Retry-After of at most 34 s that the last phone has just been told, the second in which all start, and the PBX's answers
BUCKET_TOLERANCE_S = 0.02  # of the rate: so late may a request be that the limit let pass
GIVE_UP = 3                # times what the limit allows
MEMORY_MB = 128


def storm(stage, start, options, rates):
    results, samples = [], {}
    for one in QUICK_STORMS if options.quick else STORMS:
        if rates and one.rate not in rates:
            continue
        result, sampled = play(stage, start, options, one)
        results.append(result)
        samples[one.label] = sampled
        print(line_of(result), flush=True)
    return results, samples


def allowed_s(count, one):
    return max(0.0, (REQUESTS_A_PHONE * count - one.burst) / one.rate) + SLACK_S


def play(stage, start, options, one):
    count = QUICK_PHONES if options.quick else options.phones
    offices = QUICK_OFFICES if options.quick else options.offices or f"{count // OF}x{PHONES_AN_OFFICE}"
    rate = QUICK_RATE if options.quick else RATE
    give_up = int(GIVE_UP * allowed_s(count, one))
    target = start(text=two_lines())
    ending = []
    try:
        with pinned(cores()[1]):
            ending.append(Pbx(stage.folder, PBX, more_users=count))
            arguments = ["--offices", offices, "--rate", rate, "--give-up", give_up, *(["--keep-challenge"] if one.keeps else [])]
            phones = Process("phones", phones_command(ACCESS, count, FIRST, *arguments), target.folder)
            ending.append(phones)
        phones.wait_log('"phase":"registered"', count / rate + 120)
        if one.written and target.name == "postern":
            target.reload(two_lines(one.written))
        watch = PbxWatch(PBX)
        ending.append(watch)
        phones.signal(signal.SIGUSR1)
        began = wait_for(lambda: power_cut(phones), "the power cut", 10)
        wait_for(lambda: not phones.alive(), "the end of the storm", give_up + 60, 0.25)
        lines = read_lines(phones.log())
        return judge(target, offices, one, count, lines, watch.requests(), began), target.stop()
    finally:
        for thing in reversed(ending):
            thing.stop()
        target.stop()


def power_cut(phones):
    """When the first line of the storm is seen, its second is just over: the wall clock of its beginning."""
    lines = [line for line in read_lines(phones.log()) if line["phase"] == "storm" and line["t"] >= 1]
    return time.time() - lines[0]["t"] if lines else None


def judge(target, offices, one, count, lines, requests, began):
    came = [request for request in requests if request.method == "REGISTER"]
    registers = [request.at for request in came]
    counted = [request.at for request in came if not request.repeated]  # a request that Postern repeats is none more to the limit
    end = seen_at_end(lines)
    begin = min(registers, default=began)
    seconds = [line for line in lines if line["phase"] == "storm" and line["t"] > 0]
    result = {"scenario": "storm", "target": target.name, "label": one.label, "phones": count, "offices": offices, "limit_per_s": one.rate, "burst": one.burst,
              "back": end["back"], "last_back_s": end["back_s"]["last"], "allowed_s": round(allowed_s(count, one), 1), "seen": end,
              "seconds": [{"t": line["t"], **{key: line[key] for key in ("sent", "repeated", "401", "503", "200", "registered")}} for line in seconds],
              "pbx_per_s": per_second(registers, begin), "pbx_most_in_a_second": most_within(registers), "pbx_requests": len(registers),
              "pbx_repeated": len(registers) - len(counted),
              "pbx_bucket_needed": round(bucket_needed(counted, one.rate), 1),
              "pbx_bucket_needed_with_repeated": round(bucket_needed(registers, one.rate), 1), "pss_mb": target.memory_mb(), "refusals": refusals(target)}
    result["broke"] = broke(result, count, one) if target.name == "postern" else []
    return result


def refusals(target):
    """Postern's own counts of what it did not forward, by reason."""
    return {reason: int(float(value)) for reason, value in re.findall(r'^postern_messages_refused_total\{[^}]*reason="(\w+)"[^}]*\} (\S+)$', target.metrics(), re.M)
            if float(value)}


def broke(result, count, one):
    most = one.burst + one.rate * BUCKET_TOLERANCE_S
    checks = [(result["pbx_bucket_needed"] <= most, f"the PBX was asked more than {one.rate}/s with a burst of {one.burst}: it took {result['pbx_bucket_needed']}"),
              (result["back"] == count, f"{count - result['back']} phones did not come back"),
              (result["last_back_s"] <= result["allowed_s"], f"the last phone was back after {result['last_back_s']:.0f} s, {result['allowed_s']:.0f} s are allowed"),
              (result["seen"]["misrouted"] == 0, f"{result['seen']['misrouted']} answers came to another phone"),
              (result["pss_mb"] <= MEMORY_MB, f"{result['pss_mb']} MB > {MEMORY_MB}")]
    return [text for kept, text in checks if not kept]


def line_of(result):
    seen = result["seen"]
    return (f"{result['target']:8.8s} storm {result['label']}: {result['back']} of {result['phones']} phones back, half after {seen['back_s']['p50']:.1f} s, 99 % after "
            f"{seen['back_s']['p99']:.1f} s, the last after {result['last_back_s']:.1f} s (allowed {result['allowed_s']:.0f}); 503 {seen['503']}, one phone at most "
            f"{seen['refused_times']['last']:.0f}; PBX: {result['pbx_requests']} REGISTERs ({result['pbx_repeated']} "
            f"repeated), at most {result['pbx_most_in_a_second']} in a second, a burst of "
            f"{result['pbx_bucket_needed']:.0f} needed ({result['burst']}); {result['pss_mb']} MB" + (f"  BROKE {'; '.join(result['broke'])}" if result["broke"] else ""))
