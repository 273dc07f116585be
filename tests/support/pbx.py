"""The stand-in PBX (scripts/pbx) and its registrations."""
import os
import re
import subprocess

from .case import source_folder
from .proc import Process, wait_for
from .sip import host_port

ADDRESS = ("127.77.0.5", 15077)   # an address and a port that appear nowhere else, so that a search for them means something
TRUNK = ("127.77.0.99", 15090)    # needs no password at the PBX; extensions 2XXX ring here
USERS = ("1001", "1002", "1003", "1004")


class Pbx:
    def __init__(self, folder, address=ADDRESS, trunk=TRUNK, min_expires=60, unknown_user=401, within=(), more_users=0, transport="udp", certificate=("", "")):
        self.host, self.port = self.address = address
        self._control = os.path.join(folder, "pbx", "ctl")
        self._process = Process("pbx", [*within, os.path.join(source_folder(), "scripts", "pbx", "start"), os.path.join(folder, "pbx"),
                                        host_port(address), f"{trunk[0]}:{trunk[1]}"], folder,
                                env={"MIN_EXPIRES": str(min_expires), "UNKNOWN_USER": str(unknown_user), "MORE_USERS": str(more_users),
                                     "TRANSPORT": transport, "CERTIFICATE": certificate[0], "PRIVATE_KEY": certificate[1]})
        wait_for(self._answers, f"the stand-in PBX to come up:\n{self._process.log()}", 20)

    def _rpc(self, *command):
        return subprocess.run(["kamcmd", "-s", f"unix:{self._control}", *command], capture_output=True, text=True, timeout=10)

    def _answers(self):
        if not self._process.alive():
            raise AssertionError(f"the stand-in PBX ended:\n{self._process.log()}")
        return os.path.exists(self._control) and self._rpc("core.uptime").returncode == 0

    def set_password(self, user, password):
        """Of an extension that there is, or of a new one."""
        done = self._rpc("htable.sets", "users", f"s:{user}", f"s:{password}")  # not numbers
        if done.returncode != 0:
            raise AssertionError(done.stderr)

    def contacts(self, user):
        """The contacts registered for an extension, as the PBX would call them."""
        dump, current, found = self._rpc("ul.dump").stdout, None, []
        for line in dump.splitlines():
            if match := re.match(r"\s*AoR: (\S+)", line):
                current = match.group(1)
            elif current == user and (match := re.match(r"\s*Address: (\S+)", line)):
                found.append(match.group(1))
        return found

    def count(self):
        """How many contacts are registered in all."""
        return int(re.search(r"location_contacts = (\d+)", self._rpc("stats.get_statistics", "usrloc:").stdout).group(1))

    def log(self):
        return self._process.log()

    def stop(self):
        self._process.stop()
