"""Postern itself, run as an operator runs it."""
import os
import re
import signal
import subprocess
import urllib.error
import urllib.request

from .case import postern_binary
from .pbx import ADDRESS
from .proc import Process, memory_kib, wait_for
from .sip import host_port

ACCESS = ("127.3.0.1", 5060)   # where phones register
CORE = ("127.77.0.2", 5080)    # what the PBX sees
WORKERS = os.environ.get("POSTERN_WORKERS")  # 2 has all tests run with so many, but those that say themselves how many
CORES = [(CORE[0], CORE[1] + worker) for worker in range(int(WORKERS or 1))]
ANY_CORE = (CORE[0], None)     # for a capture
ADMIN = ("127.0.0.1", 9460)


def config(pbx=ADDRESS, access=ACCESS, core=CORE, extra=""):
    """The two-line file, plus what a test on loopback needs: a core address, a state folder of its own, and `extra`."""
    return (f"listeners: ['udp://{host_port(access)}']\n"
            f"pbx: {{address: 'udp://{host_port(pbx)}', bind: '{host_port(core)}'}}\n"
            f"state: state\ncontrol: control.sock\nadmin: http://{ADMIN[0]}:{ADMIN[1]}\n{extra}")


def with_workers(text):
    return f"{text}\nworkers: {WORKERS}\n" if WORKERS and not re.search(r"^workers:", text, re.M) else text


class Postern:
    def __init__(self, folder, text=None, name="postern", timeout=30.0, prefix=(), arguments=()):
        self.folder, self.name = folder, name
        self.path = os.path.join(folder, f"{name}.yaml")
        with open(self.path, "w") as file:
            file.write(with_workers(text if text is not None else config()))
        self._process = Process(name, [*prefix, postern_binary(), "run", "-c", self.path, *arguments], folder)
        wait_for(self._ready, f"postern to answer at {ADMIN}; it said:\n{self._process.log()[-2000:]}", timeout)

    def _ready(self):
        if not self._process.alive():
            raise AssertionError(f"postern ended with {self._process.status()}:\n{self._process.log()[-3000:]}")
        try:
            return self.get("/healthz")[0] == 200
        except OSError:
            return False

    def get(self, path):
        """(status, text) of a page of the admin listener."""
        try:
            with urllib.request.urlopen(f"http://{ADMIN[0]}:{ADMIN[1]}{path}", timeout=5) as page:
                return page.status, page.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def metric(self, name, **labels):
        """The sum of all samples of a metric whose labels include these."""
        total = 0.0
        for line in self.get("/metrics")[1].splitlines():
            match = re.match(r"([a-z_]+)(?:\{(.*)\})? (\S+)$", line)
            if match and match.group(1) == name:
                have = dict(re.findall(r'(\w+)="([^"]*)"', match.group(2) or ""))
                if all(have.get(k) == v for k, v in labels.items()):
                    total += float(match.group(3))
        return total

    def wait_metric(self, name, least, timeout=30.0, **labels):
        wait_for(lambda: self.metric(name, **labels) >= least, f"{name}{labels} >= {least}; it is {self.metric(name, **labels)}", timeout, 0.05)

    def reload(self, text=None, timeout=20.0):
        """Writes the configuration, if there is a new one, and has it taken over: `applied` or `refused`."""
        if text is not None:
            with open(self.path, "w") as file:
                file.write(with_workers(text))
        before = self._reloads()
        self._process.signal(signal.SIGHUP)
        after = wait_for(lambda: (now := self._reloads()) != before and now, f"a reload; it said:\n{self.log()[-2000:]}", timeout, 0.005)
        changed = [result for result in before if after[result] != before[result]]
        if len(changed) != 1:
            raise AssertionError(f"one reload was asked for; the counts went from {before} to {after}")
        return changed[0]

    def _reloads(self):
        """The counts by result; empty while the admin listener moves."""
        try:
            page = self.get("/metrics")[1]
        except OSError:
            return {}
        return {result: float(re.search(rf'postern_config_reloads_total{{result="{result}"}} (\S+)', page).group(1)) for result in ("applied", "refused")}

    def signal(self, number):
        self._process.signal(number)

    @property
    def pid(self):
        return self._process.pid

    def alive(self):
        return self._process.alive()

    def log(self):
        return self._process.log()

    def wait_log(self, text, timeout=30.0):
        """Its lines come some time after what they tell of."""
        self._process.wait_log(text, timeout)

    def memory_kib(self):
        return memory_kib(self.pid)

    def wait_end(self):
        """The status that it ends with by itself."""
        status = self._process.wait_end()
        self._process.stop()  # its log is closed
        return status

    def kill(self):
        """Ends it as a crash or the kernel would."""
        self._process.signal(signal.SIGKILL)
        self._process.wait_end()
        self._process.stop()  # its log is closed

    def stop_if_alive(self):
        """Of one that a test kills: only what still runs has to end cleanly."""
        if self.alive():
            self.stop()

    def stop(self):
        """Ends it and tells when it did not end cleanly, which is also how a sanitizer's finding is seen."""
        status = self._process.stop(20)
        if status != 0:
            raise AssertionError(f"postern ended with {status}:\n{self.log()[-4000:]}")


def run(*arguments, timeout=30.0, cwd=None):
    """A command of postern that ends by itself."""
    return subprocess.run([postern_binary(), *arguments], capture_output=True, text=True, timeout=timeout, cwd=cwd)
