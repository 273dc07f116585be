"""What a scenario plays on: the proxy under test on one processor, generators and PBX side on another, and what is read of the proxy meanwhile."""
import contextlib
import glob
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import threading
import time

from support.door import ADMIN, Postern
from support.proc import Process, own_memory_kib, wait_for
from support.sip import host_port
from support.sipp import bound
from support.stream import make_certificate

ROOT = pathlib.Path(__file__).resolve().parents[2]
# as the harness has them
ACCESS, TLS, PBX, CORE = ("127.0.0.1", 5060), ("127.0.0.1", 5061), ("127.0.0.1", 5070), ("127.0.0.1", 5080)
GOOD = "127.1.0.0/16"     # where the good ones come from
TRUSTED = "127.200.0.1"   # a neighbour, for SIPp
FIRST_PORT = 10_000       # of the generator
BUSY_PCT = 20             # of a processor, taken by others: the step is measured again
QUIET_PCT, QUIET_WAIT_S = 25, 4.0


class ProxyEnded(Exception):
    """The proxy under test is gone."""


def cores():
    """(the proxy's processor, everything else's)."""
    have = sorted(os.sched_getaffinity(0))
    return have[0], have[-1]


@contextlib.contextmanager
def pinned(core):
    """What is started within runs on this processor."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def tree(pid):
    """A process and all that it has started."""
    found = [pid]
    for path in glob.glob(f"/proc/{pid}/task/*/children"):
        with contextlib.suppress(OSError), open(path) as file:
            found += [part for child in file.read().split() for part in tree(int(child))]
    return found


def cpu_seconds(pid):
    """What a process, and those that it has started, have run, by the scheduler's own count."""
    total = 0
    for one in tree(pid):
        for path in glob.glob(f"/proc/{one}/task/*/schedstat"):
            with contextlib.suppress(OSError), open(path) as file:
                total += int(file.read().split()[0])
    return total / 1e9


def busy_seconds():
    """What all processors together have been busy."""
    with open("/proc/stat") as file:
        values = [int(value) for value in file.readline().split()[1:9]]
    return sum(values[i] for i in (0, 1, 2, 5, 6, 7)) / os.sysconf("SC_CLK_TCK")


def wait_quiet():
    """Others use the machine too: waits a while for a moment with little foreign load, and goes on without."""
    end = time.monotonic() + QUIET_WAIT_S
    while time.monotonic() < end:
        before = busy_seconds()
        time.sleep(0.25)
        if (busy_seconds() - before) / 0.25 * 100 < QUIET_PCT:
            return


class Sampler:
    """Memory and processor time of the proxy, each second: [seconds since the start, MB, % of a processor]."""

    def __init__(self, pid):
        self.samples = []
        self._pid, self._over = pid, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        begun, cpu = time.monotonic(), cpu_seconds(self._pid)
        last = begun
        while not self._over.wait(1.0):
            now, used = time.monotonic(), cpu_seconds(self._pid)
            self.samples.append([round(now - begun, 2), round(own_memory_kib(self._pid) / 1024, 2), round(100 * (used - cpu) / (now - last), 1)])
            last, cpu = now, used

    def stop(self):
        self._over.set()
        self._thread.join()
        return self.samples


class Target:
    """A proxy under test: `name`, `pid`, the folder of what belongs to it, stop()."""

    def __init__(self, name, process, folder):
        self.name, self.folder, self._process = name, folder, process
        self.sampler = Sampler(process.pid)

    @property
    def pid(self):
        return self._process.pid

    def alive(self):
        return self._process.alive()

    def memory_mb(self):
        return round(own_memory_kib(self.pid) / 1024, 1)

    def metrics(self):
        """What Postern counts; nothing of Kamailio."""
        return self._process.get("/metrics")[1] if isinstance(self._process, Postern) else ""

    def reload(self, text):
        """A new configuration; only Postern is given one."""
        if self._process.reload(text) != "applied":
            raise RuntimeError(f"the reload was refused:\n{self._process.log()[-2000:]}")

    def stop(self):
        """Ends it, once; what was sampled."""
        samples = self.sampler.stop()
        if self.alive():
            self._process.stop()
        return samples


class Stage:
    """A folder, the prepared harness, and an end for all that was started."""

    def __init__(self, harness):
        self.harness = harness
        self.folder = tempfile.mkdtemp(prefix="postern-load-")
        os.chmod(self.folder, 0o755)
        self._starts, self._runs = 0, 0

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, target, limits=None, tls=False, text=None):
        """Postern with a fresh state folder, or Kamailio as the harness has it. `limits`: those of the file, for Postern; else they are on, but let the load
        pass. `text`: a whole configuration in the place of that; Kamailio is then without its throttle, which bans an office that comes back for five minutes."""
        self._starts += 1
        folder = os.path.join(self.folder, f"{target}-{self._starts}")
        os.mkdir(folder)
        with pinned(cores()[0]):
            if target == "postern":
                return Target(target, Postern(folder, text or self.configuration(folder, limits, tls), timeout=60), folder)
            return Target(target, self._kamailio(folder, tls, throttle=text is None and not tls), folder)

    def _kamailio(self, folder, tls, throttle):
        defines = ["CHILDREN=2", "WITH_STREAM"] if tls else ["CHILDREN=1"]
        defines += [] if throttle else ["PIKE_DENSITY=1000000"]
        process = Process("kamailio-sbc", [self.harness / "kamailio" / "start.sh", "sbc", "-x", "fm", *defines], folder,
                          env={"TLS_KEY": "ec", "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"})
        wait_for(lambda: bound(ACCESS) or not process.alive(), "Kamailio to come up", 20)
        if not process.alive():
            raise RuntimeError(f"Kamailio ended:\n{process.log()[-2000:]}")
        return process

    def configuration(self, folder, limits, tls):
        """That of the benchmark (load-tests/bench): the same lists as Kamailio's, every check paid for."""
        build = self.harness / "build"
        with open(build / "address.list") as file, open(os.path.join(folder, "denied.txt"), "w") as denied:
            denied.writelines(f"{entry[1]}/{entry[2]}\n" for entry in map(str.split, file) if entry[0] == "2")
        text = (ROOT / "load-tests" / "bench" / "postern.yaml.in").read_text().replace("@GEO@", str(build / "geo.mmdb")).replace("@WORK@", folder)
        if limits is not None:
            text = re.sub(r"^limits:\n(?:  .*\n)+", f"limits: {limits}\n", text, flags=re.M)
        if tls:
            certificate, key = make_certificate(folder)
            stream = f"{{address: 'tls://{host_port(TLS)}', tls: {{certificate: {certificate}, private_key: {key}}}}}"
            text = text.replace("listeners: [", f"listeners: [{stream}, ")
        return text

    def tool(self, program, target, *arguments, timeout=120):
        """One run of a generator of the harness, on the processor that is not the proxy's; what it measured. Its own PBX side answers."""
        self._runs += 1
        # sipbench begins with the same branches each time: from another port they are of another client, else a proxy takes them for repetitions
        own = ["--src-port", FIRST_PORT + self._runs % 20_000] if program == "sipbench" else []
        command = [self.harness / "build" / program, *own, "--proxy", host_port(TLS if "--tls" in arguments else ACCESS), "--backend", host_port(PBX),
                   "--pid", target.pid, *arguments]
        with pinned(cores()[1]):
            run = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=timeout)
        if not target.alive():
            raise ProxyEnded(f"{target.name} ended while {program} ran")
        try:
            return json.loads(run.stdout.strip().splitlines()[-1])
        except (IndexError, ValueError):
            raise RuntimeError(f"{program} measured nothing: {run.stderr[-300:]}{run.stdout[-300:]}") from None


def two_lines(limits=""):
    """What a user starts with: all limits are those that are shipped, but for those that are given."""
    return (f"listeners: ['udp://{host_port(ACCESS)}']\npbx: {{address: 'udp://{host_port(PBX)}', bind: '{host_port(CORE)}'}}\n{limits}"
            f"state: state\ncontrol: control.sock\nadmin: http://{ADMIN[0]}:{ADMIN[1]}\nlog: {{level: warning}}\n")
