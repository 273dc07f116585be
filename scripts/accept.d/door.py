"""The door: a phone registers and calls through Postern to a PBX on a hidden port, and a scanner gets silence."""
import os
import sys
import tempfile

from acceptance import BINARY, Result, check, in_clone, integration, limited, shown
from bench import ROUNDS, measure, median, shown_command


@check("clean-clone-test", "A clean clone: scripts/test is green", slow=True)
def clean_clone_test():
    # all of it, and nothing from a compiler cache: what continuous integration does on a new machine
    return in_clone(["scripts/test"], 1500, "exit status 0 within 25 minutes, 100% tests passed", {"CCACHE_DISABLE": "1", "FUZZ_RUNS": "10000"})


@check("clean-clone-run", "A clean clone: scripts/run gives a door through which a baresip registers and calls", slow=True)
def clean_clone_run():
    return in_clone([sys.executable, "tests/acceptance/run_door.py"], 900, "both phones hear each other; all that was started ends")


@check("svmap", "With the two-line file svmap with its default user agent gets no packet and the PBX sees none of it")
def svmap():
    return integration("scanner_test", "Scanner.test_svmap_sees_nothing_and_the_pbx_sees_none_of_it", limit="0 packets to svmap, 0 to the PBX")


@check("refused", "A banned country, a denied network, a scanner and a flood beyond the limits never reach the PBX while a phone calls")
def refused():
    return integration("refused_test", limit="0 datagrams of the refused at the PBX; of the flood only its allowance; calls complete")


@check("hiding", "A grep over every datagram that leaves the access side finds no PBX address and no hidden port outside SDP")
def hiding():
    return integration("hiding_test", limit="0 datagrams that show it")


@check("refreshes", "20 registration refreshes leave exactly one, unchanged contact at the PBX")
def refreshes():
    return integration("register_test", "Register.test_twenty_refreshes_leave_one_unchanged_contact", limit="1 contact, unchanged")


@check("rebinding", "A rebinding leaves exactly one contact at the PBX, the new")
def rebinding():
    return integration("register_test", "Register.test_rebinding_leaves_the_new_contact_alone", "Register.test_rebinding_to_another_address_leaves_the_new_contact_alone",
                       limit="1 contact, the new")


@check("calls", "Two baresip phones register and call each other with audio both ways")
def calls():
    return integration("baresip_test", limit="both hear the other's tone, and both ends hang up")


@check("check", "check reports all errors of a file at once with the right line and column and \"did you mean\"; duplicate keys are errors")
def check_errors():
    return integration("check_test", limit="each error at its place")


HOSTILE = {
    "deep nesting": lambda: "a: " + "[" * 1_000_000,
    "deep mappings": lambda: "\n".join(" " * n + "a:" for n in range(3000)),
    "exploding aliases": lambda: "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 40)),
    "aliases in a known place": lambda: "networks:\n  n0: &n0 [10.0.0.1]\n" + "".join(f"  n{n}: &n{n} [{', '.join([f'*n{n - 1}'] * 10)}]\n" for n in range(1, 30)),
    "8 MB of keys": lambda: "networks:\n" + "".join(f"  n{n:07d}: [10.0.0.0/8]\n" for n in range(8 * 1024 * 1024 // 26)),
    "8 MB of one scalar": lambda: "state: " + "x" * (8 * 1024 * 1024),
    "8 MB of flow": lambda: "rules: [" + "{}," * (8 * 1024 * 1024 // 3) + "]",
}


@check("hostile-yaml", "Hostile YAML (deep nesting, exploding aliases, 8 MB) ends in an error within a second and 100 MB")
def hostile_yaml():
    worst, bad = (0.0, 0.0), []
    with tempfile.TemporaryDirectory(prefix="postern-yaml-") as folder:
        for name, make in HOSTILE.items():
            path = os.path.join(folder, "hostile.yaml")
            with open(path, "w") as file:
                file.write(make())
            status, seconds, megabytes, errors = limited([BINARY, "check", "-c", path])
            worst = (max(worst[0], seconds), max(worst[1], megabytes))
            if status != 1 or seconds > 1 or megabytes > 100 or not errors.strip():
                bad.append(f"{name}: exit {status}, {seconds:.2f} s, {megabytes:.0f} MB, {errors.strip()[:80]!r}")
    return Result(shown([BINARY, "check", "-c", "hostile.yaml"]) + f"  ({len(HOSTILE)} files)",
                  f"at most {worst[0]:.2f} s and {worst[1]:.0f} MB" + (": " + "; ".join(bad) if bad else ""), "exit status 1, 1 s, 100 MB", not bad)


@check("forged-sources", "Ten million forged sources: memory flat, the known good source stays known", slow=True)
def forged_sources():
    return integration("memory_test", environment={"POSTERN_FORGED": "10000000"}, limit="4 MB more than after the first part; every request of the good source answered", timeout=1500)


UDP = ("udp", ("postern", "kamailio-sbc", "minifwd"))


def dearer(label):
    runs = measure(*UDP)
    medians = {target: median(runs, target, label, "cpu_us_per_txn") for target in UDP[1]}
    lost = max(run.get("loss_pct", 0) for run in runs[("postern", label)])
    return Result(shown_command(*UDP), ", ".join(f"{t} {v:.2f}" for t, v in medians.items()) + f" us of CPU a transaction (medians of {ROUNDS}); loss of postern at most {lost:.3f} %",
                  "postern no dearer than kamailio-sbc; loss under 0.1 %", medians["postern"] <= medians["kamailio-sbc"] and lost < 0.1)


@check("bench-register", "Measured beside kamailio-sbc and minifwd in interleaved rounds: REGISTER", slow=True)
def bench_register():
    return dearer("register")


@check("bench-options", "Measured beside kamailio-sbc and minifwd in interleaved rounds: OPTIONS", slow=True)
def bench_options():
    return dearer("options")


@check("bench-call", "Measured beside kamailio-sbc and minifwd in interleaved rounds: a call", slow=True)
def bench_call():
    return dearer("call")


@check("bench-memory", "Measured beside kamailio-sbc and minifwd in interleaved rounds: memory", slow=True)
def bench_memory():
    runs = measure(*UDP)
    largest = {target: max(median(runs, target, label, "pss_mb") for label in ("register", "options", "call")) for target in UDP[1]}
    return Result(shown_command(*UDP), ", ".join(f"{t} {v:.0f}" for t, v in largest.items()) + " MB (PSS, the largest of the medians)", "postern under 100 MB", largest["postern"] < 100)
