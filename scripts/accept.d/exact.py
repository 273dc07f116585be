"""Exact: right in every detail over UDP, and able to say why. The parts that are many lines by themselves stand in exact_*.py."""
import os
import pathlib
import subprocess

from acceptance import ROOT, Result, check, integration, load_parts, shown

load_parts("exact")


@check("captured", "A captured Authorization replayed from another address with another Contact never reaches the PBX with credentials, in the same second too")
def captured():
    return integration("proof_test", "Captured", limit="0 requests of the thief with credentials at the PBX, its contact unchanged")


@check("re-registers", "An honest baresip re-registers by itself after a restart and a rebind")
def re_registers():
    return integration("proof_test", "Moved", limit="registered again, 1 contact")


@check("forged", "Forged packets in a registered phone's name (REGISTER that fetches a challenge, forged digests, malformed, scanner user agent, at 20/s) ban nobody, "
       "evict nothing and get at most three times their bytes")
def forged():
    return integration("proof_test", "Forged", environment={"POSTERN_FORGED_PACKETS": "1200"}, limit="0 bans, 0 evictions, at most 3.00 times; each refresh of the phone passes")


@check("alike", "Unknown user and wrong password look the same on the access side: status, headers; medians of interleaved pairs differ by less than 1 ms")
def alike():
    return integration("proof_test", "Alike", environment={"POSTERN_MEDIANS_LIMIT_MS": "1"}, limit="the same; 1000 us")


@check("rfc4475", "RFC 4475: 49 of 49 as EXPECTED.tsv says")
def rfc4475():
    return integration("torture_test", "Torture.test_rfc_4475", limit="49 of 49")


@check("hostile", "NUL and bare CR smuggling, two Content-Lengths, 64 KB of tiny headers or commas: refused, at most 2 ms of thread CPU time each (minimum of 5)")
def hostile():
    return integration("torture_test", "Hostile.test_what_smuggles_or_costs_is_refused", environment={"POSTERN_CPU_LIMIT_US": "2000"}, limit="refused, 2000 us")


@check("loss", "1 % and 5 % loss on either side: every SIPp call completes", slow=True)
def loss():
    return integration("loss_test", environment={"POSTERN_CALLS": "300", "POSTERN_LOSSES": "1 5"}, limit="every call", timeout=900)


FUZZ = ROOT / "build" / "dev" / "bin" / "fuzz_differential"


@check("differential", "Prescreen and sofia-sip agree on method, branch, Call-ID, CSeq and header boundaries for every message of every corpus, or the message is refused; "
       "a fuzz target holds them to it")
def differential():
    data = pathlib.Path(os.environ.get("POSTERN_TEST_DATA") or ROOT.parent / "shared" / "data")
    folders = sorted({path.parent for root in (data / "messages", data / "rfc4475", ROOT / "tests" / "fuzz" / "corpus") for path in root.rglob("*") if path.is_file()})
    build = subprocess.run(["cmake", "--build", "--preset", "dev", "--target", "fuzz_differential"], cwd=ROOT, capture_output=True, text=True)
    run = subprocess.run([str(FUZZ), *map(str, folders)], capture_output=True, text=True, timeout=300)
    return Result(shown([FUZZ, "CORPORA"]), f"{run.stdout.strip()} of {len(folders)} folders; exit status {run.returncode} {run.stderr.strip()[-200:]}", "no disagreement",
                  build.returncode == 0 and run.returncode == 0)
