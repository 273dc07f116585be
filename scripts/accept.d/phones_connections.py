"""Very many phones that hold a connection each and do nothing."""
import os
import re
import subprocess

from acceptance import BINARY, ROOT, Result, check, harness, shown


@check("connections", "10,000 idle registered TLS connections: memory a connection at or below Kamailio's in ../shared/bench in the same run; none lost over 10 minutes; "
       "a call reaches a random one within 50 ms", slow=True)
def connections():
    command = [ROOT / "load-tests" / "connections" / "run"]
    run = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=2400,
                         env=dict(os.environ, SIPBENCH=str(harness()), POSTERN_BINARY=str(BINARY)))
    measured = re.findall(r"^measured: (.*)$", run.stdout, re.M)
    if run.returncode != 0:
        measured.append(f"exit status {run.returncode}: {run.stderr[-400:]}")
    return Result(shown(command), "; ".join(measured), "KiB a connection at most Kamailio's; 0 lost; 50 ms, the PBX's challenge included", run.returncode == 0)
