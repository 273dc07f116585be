"""What a topic of scripts/accept is made of: named checks, each a line of an issue with the command that shows it."""
import dataclasses
import importlib.util
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests" / "integration"
BINARY = ROOT / "build" / "release" / "bin" / "postern"
FLOOD = ROOT / "build" / "dev" / "bin" / "flood"


@dataclasses.dataclass
class Result:
    command: str
    measured: str
    limit: str
    ok: bool


@dataclasses.dataclass
class Check:
    name: str
    line: str
    run: object
    slow: bool


CHECKS = []


def check(name, line, slow=False):
    """Registers a function that returns a Result; `line` is the issue's own sentence."""
    def register(function):
        CHECKS.append(Check(name, line, function, slow))
        return function
    return register


def load_parts(topic):
    """The files TOPIC_*.py beside TOPIC.py."""
    for part in sorted((ROOT / "scripts" / "accept.d").glob(f"{topic}_*.py")):
        spec = importlib.util.spec_from_file_location(part.stem, part)
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


def shown(command):
    """A command as a reader at the root of the checkout would type it."""
    return " ".join(os.path.relpath(str(part), ROOT) if str(part).startswith(str(ROOT) + "/") else str(part) for part in command)


def clone():
    """A clean clone of HEAD in a folder that the caller removes; what was fetched once is not fetched again."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="postern-clone-"))
    target = folder / "postern"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(target)], check=True)
    if (ROOT / "build" / "cache").is_dir():
        shutil.copytree(ROOT / "build" / "cache", target / "build" / "cache")
    return folder, target


def in_clone(command, timeout, limit, extra=None):
    folder, target = clone()
    data = os.environ.get("POSTERN_TEST_DATA") or str(ROOT.parent / "shared" / "data")
    bench = os.environ.get("SIPBENCH") or str(ROOT.parent / "shared" / "bench")
    env = dict(os.environ, POSTERN_TEST_DATA=data, SIPBENCH=bench, PYTHONPATH=str(target / "tests"), PYTHONDONTWRITEBYTECODE="1", **(extra or {}))
    try:
        run = subprocess.run(command, cwd=target, env=env, capture_output=True, text=True, timeout=timeout)
        lines = [line for line in (run.stdout + run.stderr).splitlines() if line.startswith(("measured: ", "100%")) or re.match(r"\w+ +(passed|FAILED) +\d+ s$", line) or "tests passed" in line]
        tail = "" if run.returncode == 0 else " | " + " / ".join((run.stdout + run.stderr).splitlines()[-8:])
        return Result(f"git clone . CLONE; cd CLONE; {' '.join(command)}", f"exit status {run.returncode}; " + "; ".join(lines) + tail, limit, run.returncode == 0)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def integration(file, *tests, environment=None, limit="passes", timeout=600):
    """Runs tests of one integration file against the release build; what they print as `measured:` is what was measured."""
    command = [sys.executable, TESTS / f"{file}.py", BINARY, *tests]
    env = dict(os.environ, PYTHONPATH=str(ROOT / "tests"), PYTHONDONTWRITEBYTECODE="1", POSTERN_FLOOD=str(FLOOD), **(environment or {}))
    try:
        run = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=timeout, env=env)
        output, status = run.stdout + run.stderr, run.returncode
    except subprocess.TimeoutExpired as error:
        output, status = f"{error.stdout or b''}", "no end"
    values = re.findall(r"^(?:.*\.\.\. )?measured: (.*)$", output, re.M)
    if status != 0:
        values.append(f"exit status {status}: " + " / ".join(line for line in output.splitlines() if re.match(r"(FAIL|ERROR|AssertionError|.*Timeout|SKIPPED)", line))[:600])
    shown_environment = " ".join(f"{key}={value}" for key, value in (environment or {}).items())
    return Result(f"{shown_environment} {shown(['python3', *command[1:]])}".strip(), "; ".join(values) or "passed", limit, status == 0)


def limited(command, seconds=60):
    """Runs a command; (exit status, seconds, peak resident MB, stderr). A child that takes longer than `seconds` is ended."""
    reader, writer = os.pipe()
    start = time.monotonic()
    child = subprocess.Popen([str(c) for c in command], stdout=subprocess.DEVNULL, stderr=writer)
    os.close(writer)
    os.set_blocking(reader, False)
    output, usage, status = b"", None, None
    while usage is None:
        try:
            output += os.read(reader, 1 << 20)
        except BlockingIOError:
            pass
        pid, status, spent = os.wait4(child.pid, os.WNOHANG)
        if pid:
            usage = spent
        elif time.monotonic() - start > seconds:
            child.kill()
            _, status, usage = os.wait4(child.pid, 0)
        else:
            time.sleep(0.005)
    elapsed = time.monotonic() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    try:
        output += os.read(reader, 1 << 20)
    except BlockingIOError:
        pass
    os.close(reader)
    return child.returncode, elapsed, usage.ru_maxrss / 1024, output.decode(errors="replace")


def harness():
    """The benchmark harness, copied and prepared under build/, so that the original stays as it is."""
    source = pathlib.Path(os.environ.get("SIPBENCH", ROOT.parent / "shared" / "bench"))
    target = ROOT / "build" / "bench" / "harness"
    if not (source / "bench.py").is_file():
        raise FileNotFoundError("no benchmark harness: set SIPBENCH to its folder")
    shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("results"))
    run = subprocess.run([str(target / "prepare.sh")], capture_output=True, text=True, timeout=900)
    if run.returncode != 0:
        raise RuntimeError(f"prepare.sh: {run.stderr[-500:]}")
    return target


def build():
    """The release build, and of the dev build the sender of floods and the very many phones."""
    for command in (["cmake", "--preset", "release", "-DPOSTERN_TESTS=OFF"], ["cmake", "--build", "--preset", "release", "--target", "postern"],
                    ["cmake", "--preset", "dev", "-DPOSTERN_TESTS=ON"], ["cmake", "--build", "--preset", "dev", "--target", "flood", "phones", "storm_phones"]):
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        if run.returncode != 0:
            sys.exit(f"{' '.join(command)} failed:\n{run.stdout[-3000:]}{run.stderr[-3000:]}")
