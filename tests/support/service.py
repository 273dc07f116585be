"""What systemd is to a service: the socket that it is told by (sd_notify(3)), and the filter of system calls that its unit asks for."""
import os
import select
import socket
import subprocess
import time

from .case import source_folder
from .proc import Timeout

UNIT = os.path.join(source_folder(), "packaging", "systemd", "postern.service")


class Manager:
    """`environment` is what a service that it starts has beside its own."""

    def __init__(self, folder, watchdog=None):
        path = os.path.join(folder, "notify")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(path)
        os.chmod(path, 0o666)
        self.environment = [f"NOTIFY_SOCKET={path}", *([f"WATCHDOG_USEC={round(watchdog * 1e6)}"] if watchdog else [])]

    def told(self, timeout):
        """The next that it is told, as a map; None: nothing comes in that time."""
        if not select.select([self._socket], [], [], timeout)[0]:
            return None
        return dict(line.split("=", 1) for line in self._socket.recv(65536).decode().splitlines())

    def wait(self, word, timeout=30.0):
        """Waits for what says `word`, which has to be the next but for pings."""
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            told = self.told(left)
            if told and word in told:
                return told
            if told and "WATCHDOG" not in told:
                raise AssertionError(f"not {word}: {told}")
        raise Timeout(f"not told {word} within {timeout:g} s")

    def stop(self):
        self._socket.close()


def settings(name):
    """The values of each line NAME= of the unit, in its order."""
    with open(UNIT) as file:
        return [line.split("=", 1)[1].strip() for line in file if line.startswith(f"{name}=")]


def _calls_in(name):
    """The system calls of a set such as @system-service."""
    if not name.startswith("@"):
        return {name}
    listed = subprocess.run(["systemd-analyze", "syscall-filter", name], check=True, capture_output=True, text=True).stdout
    names = [line.strip() for line in listed.splitlines()[1:] if line.strip() and not line.strip().startswith("#")]
    return {call for each in names for call in _calls_in(each)}


def allowed_calls():
    """What the unit's SystemCallFilter= lines leave, put together as systemd.exec(5) has it."""
    allowed = set()
    for line in settings("SystemCallFilter"):
        for name in line.removeprefix("~").split():
            allowed = allowed - _calls_in(name) if line.startswith("~") else allowed | _calls_in(name)
    return allowed
