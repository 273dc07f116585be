"""linphonec as a phone that a test drives: the client that looks at the certificate's authority and name."""
import os
import re
import struct
import subprocess

from .baresip import wait_tone, write_tone
from .proc import Process, wait_for

NAME = "sbc.test"
ROUTER, ADDRESS = "198.51.100.1", "198.51.100.2"  # it wants a default route: Network(folder, NAME, ADDRESS, ROUTER, gateway=True)


class Linphone:
    """A phone in a Network, for which `name` is the router, and which registers there by itself. `trust`: the file of the authorities that it believes."""

    def __init__(self, folder, network, user, transport, port, tone, trust=None, name=NAME):
        self.user, self.name = user, name
        self.folder = os.path.join(folder, f"linphone-{user}")
        os.makedirs(os.path.join(self.folder, ".local", "share", "linphone"))
        self._heard, self._debug = self._path("heard.wav"), self._path("debug.log")
        hosts, names, settings = self._path("hosts"), self._path("resolv.conf"), self._path("linphonerc")
        write_tone(self._path("tone.wav"), tone)
        with open(hosts, "w") as file:
            file.write(f"{ROUTER} {name}\n")
        with open(names, "w") as file:
            file.write("nameserver 127.0.0.1\n")  # where nobody answers, which it hears at once
        with open(settings, "w") as file:
            file.write("\n".join([
                "[sip]", "sip_port=5080", "sip_tcp_port=5080", "sip_tls_port=5081", "default_proxy=0", "verify_server_certs=1", "verify_server_cn=1",
                *([f"root_ca={trust}"] if trust else []), "[net]", "dns_srv_enabled=0",
                "[proxy_0]", f"reg_proxy=<sip:{name}:{port};transport={transport}>", f"reg_identity=sip:{user}@{name}", "reg_sendregister=1",
                "[auth_info_0]", f"username={user}", f"passwd=secret{user}", "realm=asterisk", f"domain={name}", ""]))
        self._process = Process(f"linphone-{user}", [
            *network.enter, "unshare", "--mount", "sh", "-c", 'mount --bind "$1" /etc/hosts && mount --bind "$2" /etc/resolv.conf && exec linphonec -c "$3" -d 6 -l "$4"',
            "sh", hosts, names, settings, self._debug],
            folder, env={"HOME": self.folder}, stdin=subprocess.PIPE)
        self.command("soundcard use files")
        self.command(f"play {self._path('tone.wav')}")
        self.command(f"record {self._heard}")
        self._said = 0

    def _path(self, name):
        return os.path.join(self.folder, name)

    def command(self, text):
        self._process.stdin.write(f"{text}\n".encode())
        self._process.stdin.flush()

    def wait_said(self, pattern, timeout=45.0):
        """Waits until it says something new that matches, and takes it with what came before."""
        def look():
            if not self._process.alive():
                raise AssertionError(f"linphonec ended:\n{self.log()[-3000:]}")
            if match := re.compile(pattern).search(self.log(), self._said):
                self._said = match.end()
            return match
        return wait_for(look, f"linphonec to say {pattern}; it said:\n{self.log()[self._said:][-2000:]}", timeout)

    def wait_debug(self, pattern, timeout=45.0):
        """Waits until its own debug log has this; the match."""
        return wait_for(lambda: re.search(pattern, self.debug()), f"linphonec's debug log to have {pattern}", timeout, 0.1)

    def wait_registered(self):
        self.wait_debug("to .LinphoneRegistrationOk")

    def debug(self):
        if not os.path.exists(self._debug):
            return ""
        with open(self._debug, errors="replace") as file:
            return file.read()

    def dial(self, number):
        self.command(f"call sip:{number}@{self.name}")

    def answer(self):
        self.wait_said("Receiving new incoming call")
        self.command("answer")

    def hang_up(self):
        self.command("terminate all")

    def wait_connected(self):
        self.wait_said(r"Media streams established")

    def wait_closed(self, why="No error"):
        self.wait_said(rf"Call \d+ with \S+ ended \({why}\)")

    def wait_tone(self, frequency, seconds=1.0, timeout=60.0):
        """As Baresip's."""
        return wait_tone(self._received, frequency, "linphonec", seconds, timeout)

    def _received(self):
        """The samples so far; it writes the header, of 44 bytes, when the call is over."""
        if not os.path.exists(self._heard):
            return ()
        with open(self._heard, "rb") as file:
            data = file.read()[44:]
        return struct.unpack(f"<{len(data) // 2}h", data[:len(data) // 2 * 2])

    def log(self):
        return self._process.log()

    def stop(self):
        self._process.stdin.close()
        self._process.stop()
