"""Phones over connections: each thing that a phone does, certificates, and those who only hold connections."""
import re
import subprocess
import sys

from acceptance import BINARY, ROOT, Result, check, in_clone, integration, shown


def run_matrix(*options):
    command = [sys.executable, ROOT / "scripts" / "test-matrix", *options, BINARY]
    run = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=3600)
    good = re.search(r"^\d+ of \d+ cells ok in (\d+) s$", run.stdout, re.M)
    return shown(["scripts/test-matrix", *options, BINARY]), run, float(good.group(1)) if good else float("inf")


@check("matrix", "scripts/test-matrix: all cells green and printed", slow=True)
def matrix():
    command, run, _ = run_matrix()
    return Result(command, "\n" + (run.stdout or run.stderr[-400:]).rstrip(), "all cells", run.returncode == 0)


@check("pairwise", "CI runs a pairwise subset of the matrix in at most 8 minutes", slow=True)
def pairwise():
    command, run, seconds = run_matrix("--pairwise", "--jobs", "1")
    return Result(command, (run.stdout or run.stderr)[-400:].rstrip().splitlines()[-1], "all cells, 480 s, which is also what ctest gives matrix_test",
                  run.returncode == 0 and seconds <= 480)


@check("browsers", "JsSIP in Chromium registers over WSS from an allowed origin and is refused from another; two pages of the browser phone talk, and "
       "say why where one is not registered")
def browsers():
    subprocess.run([str(ROOT / "scripts" / "phone" / "bundle")], stdout=subprocess.DEVNULL, check=True)
    return integration("browser_test", limit="1 contact, of the allowed; audio both ways; each reason on the page")


@check("certificates", "linphonec refuses a wrong certificate and accepts the right one by name; the certificate is swapped under 100 live TLS connections: none drops, "
       "new ones get the new one; a bad one leaves the old in use")
def certificates():
    return integration("tls_test", limit="3 answers of linphonec, 0 dropped")


@check("hostile-streams", "Slow loris, half-open, garbage, HTTP, TLS on the TCP port and the reverse, Content-Length 1e9, 64 KB of pipelined tiny messages: "
       "cut off by their limits while calls go on, memory flat")
def hostile_streams():
    return integration("streams_test", limit="passes")


@check("core-streams", "PBX over TCP and TLS: calls both ways over one connection, which is made again; a wrong certificate is no PBX; what it costs is said by `check`")
def core_streams():
    return integration("core_stream_test", limit="passes")


@check("run", "scripts/run offers UDP, TCP, TLS (self-made CA) and WSS out of the box, with a page that registers a browser phone", slow=True)
def run():
    return in_clone([sys.executable, "tests/acceptance/run_door.py", "RunDoor.test_phones_register_and_talk_through_it"], 900,
                    "a phone over each registers; two browsers and two baresips hear each other; all that was started ends")
