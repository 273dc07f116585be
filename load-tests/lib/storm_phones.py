"""The phones of load-tests/storm as a scenario starts them, and what they say."""
import json
import os
import pathlib

from support.sip import host_port

ROOT = pathlib.Path(__file__).resolve().parents[2]


def phones_command(server, count, first, *options):
    binary = os.environ.get("POSTERN_STORM_PHONES", ROOT / "build" / "dev" / "bin" / "storm_phones")
    return [str(part) for part in (binary, host_port(server), count, first, *options)]


def read_lines(output):
    """What they have said: an object a line; the last may not be there whole."""
    return [json.loads(line) for line in output.splitlines() if line.startswith("{") and line.endswith("}")]


def seen_at_end(lines):
    ends = [line for line in lines if line["phase"] == "end"]
    if not ends:
        raise RuntimeError(f"the phones did not say what they saw; their last words: {lines[-1:]}")
    return ends[-1]
