"""Phones over connections: each thing that a phone does, certificates, and those who only hold connections."""
import re
import subprocess
import sys

from acceptance import BINARY, ROOT, Result, check, integration, shown


@check("matrix", "scripts/test-matrix: access {UDP, TCP, TLS} x {register, call out, be called, hold and resume, blind and attended transfer, be transferred, "
       "cancel, busy, early media, remote BYE, in-dialog after restart}; core UDP", slow=True)
def matrix():
    command = [sys.executable, ROOT / "scripts" / "test-matrix", BINARY]
    run = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=900)
    good = re.search(r"^(\d+) of (\d+) cells ok$", run.stdout, re.M)
    return Result(shown(command), good.group(0) if good else run.stdout[-400:], "all cells", run.returncode == 0)


@check("certificates", "The certificate is swapped under 100 live TLS connections: none drops, new ones get the new one; a bad one leaves the old in use")
def certificates():
    return integration("tls_test", limit="0 dropped")


@check("hostile-streams", "Slow loris, half-open, garbage, HTTP, TLS on the TCP port and the reverse, Content-Length 1e9, 64 KB of pipelined tiny messages: "
       "cut off by their limits while calls go on, memory flat")
def hostile_streams():
    return integration("streams_test", limit="passes")
