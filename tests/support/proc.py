"""Processes that end with the test, and waiting for a condition instead of for a time."""
import glob
import os
import re
import subprocess
import time


class Timeout(AssertionError):
    """A condition did not come true before its deadline."""


def wait_for(condition, what, timeout=30.0, interval=0.02):
    """Polls `condition` until it returns something true, which is returned."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Timeout(f"waited {timeout:g} s for: {what}")
        time.sleep(interval)


class Process:
    """A child in the foreground whose output goes to a file."""

    def __init__(self, name, command, folder, env=None, stdin=subprocess.DEVNULL, pass_fds=()):
        self.name = name
        self.log_path = os.path.join(folder, f"{name}.log")
        self._log = open(self.log_path, "ab")
        self._popen = subprocess.Popen([str(part) for part in command], stdout=self._log, stderr=self._log, stdin=stdin,
                                       cwd=folder, env=dict(os.environ, **(env or {})), pass_fds=pass_fds)

    @property
    def pid(self):
        return self._popen.pid

    @property
    def stdin(self):
        return self._popen.stdin

    def log(self):
        with open(self.log_path, "rb") as file:
            return file.read().decode(errors="replace")

    def alive(self):
        return self._popen.poll() is None

    def status(self):
        return self._popen.poll()

    def wait_log(self, text, timeout=30.0):
        """Waits until `text` stands in the output; fails at once when the process ended without it."""
        def seen():
            if text in self.log():
                return True
            if not self.alive() and text not in self.log():
                raise AssertionError(f"{self.name} ended with {self.status()} before it said {text!r}:\n{self.log()[-3000:]}")
            return False
        wait_for(seen, f"{self.name} to say {text!r}; so far:\n{self.log()[-1500:]}", timeout)

    def wait_end(self, timeout=30.0):
        try:
            return self._popen.wait(timeout)
        except subprocess.TimeoutExpired:
            raise Timeout(f"{self.name} did not end within {timeout:g} s:\n{self.log()[-3000:]}") from None

    def signal(self, number):
        self._popen.send_signal(number)

    def stop(self, timeout=10.0):
        if self.alive():
            self._popen.terminate()
            try:
                self._popen.wait(timeout)
            except subprocess.TimeoutExpired:
                self._popen.kill()
                self._popen.wait()
        self._log.close()
        return self.status()


def own_memory_kib(pid):
    """What a process and those that it has started hold in memory, shared memory included and counted once (the Pss of smaps_rollup). Without what is
    mapped from files: that is shared with whatever else runs, and goes up and down with it."""
    try:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            own = sum(int(value) for value in re.findall(r"^Pss_(?:Anon|Shmem):\s+(\d+) kB", file.read(), re.M))
        children = [child for path in glob.glob(f"/proc/{pid}/task/*/children") for child in open(path).read().split()]
    except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
        return 0
    return own + sum(own_memory_kib(int(child)) for child in children)


def memory_kib(pid, field="VmRSS"):
    """A memory figure of /proc/PID/status in KiB."""
    with open(f"/proc/{pid}/status") as file:
        for line in file:
            if line.startswith(field + ":"):
                return int(line.split()[1])
    raise AssertionError(f"no {field} for process {pid}")
