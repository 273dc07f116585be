"""What is left of a run: results.json with all steps, report.md with tables."""
import collections
import datetime
import json
import os
import platform
import re
import statistics
import subprocess

from scenarios import THRESHOLDS

ROWS = (("offered/s", "offered_per_s", "{:.0f}"), ("done/s", "done_per_s", "{:.0f}"), ("p50 ms", "p50_ms", "{:.3f}"), ("p99 ms", "p99_ms", "{:.3f}"),
        ("p999 ms", "p999_ms", "{:.3f}"), ("CPU %", "cpu_pct", "{:.1f}"), ("us a transaction", "cpu_us", "{:.1f}"), ("memory MB", "pss_mb", "{:.1f}"),
        ("failures", "failures", "{:.0f}"), ("loss %", "loss_pct", "{:.3f}"), ("others %", "foreign_pct", "{:.0f}"))
BESIDE = ("done_per_s", "p50_ms", "p99_ms", "cpu_pct", "cpu_us", "pss_mb", "loss_pct")  # what compare puts side by side


def output_of(*command):
    """The first line that a command says; nothing where there is no such command."""
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=20, env=dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin:/sbin"))
    except FileNotFoundError:
        return ""
    return next((line.strip() for line in (run.stdout + run.stderr).splitlines() if line.strip()), "")


def machine():
    with open("/proc/cpuinfo") as file:
        model = re.search(r"model name\s*: (.*)", file.read())
    with open("/proc/meminfo") as file:
        memory = int(re.search(r"MemTotal:\s+(\d+)", file.read()).group(1)) / 1024 / 1024
    return {"processor": model.group(1) if model else platform.machine(), "processors": len(os.sched_getaffinity(0)), "memory_gib": round(memory, 1),
            "kernel": platform.release(), "load_average": [round(value, 2) for value in os.getloadavg()]}


def versions(binary, root):
    return {"postern": output_of(binary, "--version"), "commit": output_of("git", "-C", str(root), "describe", "--always", "--dirty"),
            "kamailio": output_of("kamailio", "-v"), "sipp": output_of("sipp", "-v")}


def reached(steps):
    """{(target, label): the highest rate whose step kept its thresholds}; of several rounds the worst."""
    return {key: min(max((step["offered_per_s"] for step in group if step.get("round") == number and not step["broke"]), default=0)
                     for number in {step.get("round") for step in group}) for key, group in grouped(steps).items()}


def grouped(steps):
    groups = collections.defaultdict(list)
    for step in steps:
        groups[step["target"], step["label"]].append(step)
    return groups


def judge(name, steps, rates, quick):
    """Whether the thresholds were kept: [{target, label, what, ok}]. Only Postern is held to them."""
    if name == "storm":
        return [{"target": one["target"], "label": one["label"], "what": "; ".join(one["broke"]) or "kept", "ok": not one["broke"]} for one in steps if one["target"] == "postern"]
    threshold, verdicts = THRESHOLDS[name], []
    must = max(rates) if quick else min(threshold.rate, max(rates))
    for (target, label), rate in reached([step for step in steps if step["target"] == "postern" and step["offered_per_s"] in rates]).items():
        memory = max(step["pss_mb"] for step in steps if step["target"] == target and step["label"] == label and step["offered_per_s"] <= must)
        verdicts.append({"target": target, "label": label, "what": f"{rate:g}/s kept, {must:g}/s wanted", "ok": rate >= must})
        verdicts.append({"target": target, "label": label, "what": f"{memory} MB, at most {threshold.memory_mb} MB wanted", "ok": quick or memory <= threshold.memory_mb})
    return verdicts


def table(heads, rows):
    return ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads), *("| " + " | ".join(row) + " |" for row in rows), ""]


def ladder_tables(steps):
    lines = []
    for (target, label), group in grouped(steps).items():
        lines += [f"### {target} {label}".rstrip(), ""]
        lines += table([head for head, _, _ in ROWS] + ["broke"], [[form.format(step[key]) for _, key, form in ROWS] + ["; ".join(step["broke"])] for step in group])
    return lines


def medians(steps):
    """{(target, label, rate): {field: median over the rounds}}."""
    groups = collections.defaultdict(list)
    for step in steps:
        groups[step["target"], step["label"], step["offered_per_s"]].append(step)
    return {key: {field: statistics.median(step[field] for step in group) for field in BESIDE} for key, group in groups.items()}


def side_by_side(steps):
    """Postern / Kamailio in each cell, medians over the rounds; a dash where one of them had broken before."""
    values = medians(steps)
    names = {key: (head, form) for head, key, form in ROWS}
    rows = []
    for label, rate in sorted({(label, rate) for _, label, rate in values}):
        pair = [values.get((target, label, rate)) for target in ("postern", "kamailio-sbc")]
        rows.append([label or "-", f"{rate:g}"] + [" / ".join(names[field][1].format(one[field]) if one else "-" for one in pair) for field in BESIDE])
    return ["### Side by side: postern / kamailio-sbc, medians over the rounds", ""] + table(["", "offered/s"] + [names[field][0] for field in BESIDE], rows)


def storm_tables(results):
    rows = [[one["target"], one["label"], f"{one['back']} of {one['phones']}", f"{one['seen']['back_s']['p50']:.1f}", f"{one['seen']['back_s']['p99']:.1f}", f"{one['last_back_s']:.1f}",
             f"{one['allowed_s']:.0f}", f"{one['seen']['503']}", f"{one['seen']['refused_times']['last']:.0f}", f"{one['pbx_requests']} ({one['pbx_repeated']})",
             f"{one['pbx_most_in_a_second']}",
             f"{one['pbx_bucket_needed']:.0f} of {one['burst']}", f"{one['pss_mb']}", "; ".join(one["broke"])] for one in results]
    return table(["", "storm", "back", "half after s", "99 % after s", "last after s", "allowed s", "503", "503 to one phone at most", "REGISTERs at the PBX (repeated)",
                  "most in a second", "burst needed", "memory MB", "broke"], rows)


def report(data):
    lines = [f"# Load tests, {data['at']}", "", f"    {data['command']}", "", "One step a line; each offered rate is held open loop, latency counts from when a request was due.",
             "Memory is Pss without mapped files; CPU % of one processor; others: what anybody else took of one.", ""]
    lines += table(["", ""], [[key, str(value)] for part in ("machine", "versions") for key, value in data[part].items()])
    for name, part in data["scenarios"].items():
        lines += [f"## {name}", ""]
        if name in THRESHOLDS:
            limit = THRESHOLDS[name]
            lines += [f"A step keeps to: loss {limit.loss_pct} %, p99 {limit.p99_ms} ms, CPU {limit.cpu_pct or 100} %. Wanted: {limit.rate}/s, {limit.memory_mb} MB.", ""]
        lines += storm_tables(part["steps"]) if name == "storm" else ladder_tables(part["steps"])
        if name != "storm" and len({step["target"] for step in part["steps"]}) > 1:
            lines += side_by_side(part["steps"])
        lines += [f"- {'ok' if one['ok'] else 'FAILED'}: {one['target']} {one['label']}: {one['what']}" for one in part["verdicts"]] + [""]
        lines += [f"![{plot}]({plot})" for plot in part.get("plots", ())] + [""]
    return "\n".join(lines)


def now():
    return datetime.datetime.now().strftime("%Y-%m-%d_%H%M%S")


def write(folder, data):
    with open(os.path.join(folder, "results.json"), "w") as file:
        json.dump(data, file, indent=1)
    with open(os.path.join(folder, "report.md"), "w") as file:
        file.write(report(data))
