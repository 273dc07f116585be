"""An operator's day, from the package to three in the morning."""
import statistics
import subprocess

from acceptance import ROOT, Result, check, integration
from bench import measure, ratios, shown_command, spread, values

POLLED = ("udp", ("postern", "postern-polled"))


@check("readme", "The README's own code blocks, run by a script on a clean debootstrapped root: from the package to a registered phone", slow=True)
def readme():
    return script("scripts/test-package", "the package installs, a phone registers, purging leaves nothing")


@check("docker", "The image and the compose file, built and run without a docker daemon", slow=True)
def docker():
    return script("scripts/test-docker", "a phone registers and calls, a scanner meets silence, no root, a read-only file system")


@check("reloads", "100 reloads with a random broken piece each are refused with the right line and change nothing")
def reloads():
    return integration("reload_test", "Broken", environment={"POSTERN_BROKEN": "100"}, limit="each refused with its line, nothing changed")


@check("listeners", "Listeners added and removed under load lose nothing that was accepted")
def listeners():
    return integration("reload_test", "Load", environment={"POSTERN_RELOADS": "100"}, limit="0 lost")


@check("confirm", "`reload --confirm` rolls back unless `confirm` follows")
def confirm():
    return integration("operate_test", "Reload", limit="what held before is back")


@check("why", "Every refusal of the jail's accept run is explained by its id", slow=True)
def why():
    return integration("jail_run_test", environment={"POSTERN_JAIL_SECONDS": "120", "POSTERN_JAIL_PHONES": "100", "POSTERN_JAIL_FLOOD": "20000"}, limit="0 not explained", timeout=400)


@check("polled", "`top`, `status` and /metrics polled each second during a 150,000/s flood answer within a second")
def polled():
    return integration("top_test", "Polled", environment={"POSTERN_TOP_FLOOD": "150000", "POSTERN_TOP_TIMES": "10", "POSTERN_TOP_PACE": "1", "POSTERN_TOP_LIMIT_MS": "1000"}, limit="1,000 ms each")


@check("ratio", "The bench's ratio with them polled is at most 1.03", slow=True)
def ratio():
    runs = measure(*POLLED)
    found = {target: values(runs, target, "register", "cpu_us_per_txn") for target in POLLED[1]}
    ratio = statistics.median(ratios(runs, "postern-polled", "postern", "register", "cpu_us_per_txn"))
    return Result(shown_command(*POLLED), ", ".join(f"{target} {spread(found[target])}" for target in POLLED[1]) + f" us of CPU a REGISTER; ratio {ratio:.3f}", "at most 1.03", ratio <= 1.03)


@check("sigterm", "SIGTERM under load: no half-written state")
def sigterm():
    return integration("kill_test", "Kill.test_sigterm_under_load", environment={"POSTERN_KILLS": "10"}, limit="0 lost")


@check("calls", "SIGTERM under load: in-progress calls are controllable after the restart")
def calls():
    return integration("restart_ringing_test", environment={"POSTERN_CALLS": "50", "POSTERN_CALLS_FLOOD": "20000"}, limit="every message arrives")


@check("switches", "bypass, lockdown and block end by themselves, survive a restart and stand on top of `status`")
def switches():
    return integration("operate_test", "Switches", "ShadowMode", limit="as the contract has them")


@check("alerts", "Alerts by webhook and command")
def alerts():
    return integration("alerts_test", limit="each kind delivered")


@check("monitoring", "promtool and a real Prometheus take metrics, rules and the dashboard; fail2ban-regex takes the filter")
def monitoring():
    return integration("monitoring_test", limit="no complaint")


@check("hep", "What passes and what is refused is mirrored, decoded by an independent implementation")
def hep():
    return integration("hep_test", limit="each message once")


@check("service", "systemd: exposure at most 1.5, verify silent; notify, watchdog, privileges dropped")
def service():
    return integration("service_test", limit="1.5")


def script(path, limit):
    run = subprocess.run([str(ROOT / path)], capture_output=True, text=True, cwd=ROOT)
    told = (run.stdout + run.stderr).strip().splitlines()
    lines = [line for line in told if line.startswith("measured: ")] or told[-3:]
    return Result(path, f"exit status {run.returncode}; " + "; ".join(lines), limit, run.returncode == 0)
