"""SIPp with a scenario of tests/integration/sipp."""
import os
import socket

from .case import source_folder
from .proc import Process, wait_for
from .sip import host_port


class Sipp:
    """One SIPp at an address of its own; `caller` is its extension (its password follows from it), `number` whom it calls. `scheme`: what the scenario says of
    its transport, where that is not SIPp's own; `through`: where its connection goes, where that is not `remote`."""

    def __init__(self, folder, scenario, address, remote=None, caller=None, number=None, calls=1, rate=1, name=None, timeout=40, transport="u1", scheme=None,
                 through=None):
        self.name = name or f"sipp-{scenario}"
        path = os.path.join(source_folder(), "tests", "integration", "sipp", f"{scenario}.xml")
        arguments = ["-key", "caller", caller, "-au", caller, "-ap", f"secret{caller}"] if caller else []
        arguments += ["-key", "number", number] if number else []
        scheme = scheme or {"u": "udp", "t": "tcp"}[transport[0]]
        arguments += ["-key", "scheme", scheme, "-key", "via", scheme.upper()]
        arguments += ["-rsa", host_port(through)] if through else []
        command = ["sipp", *([host_port(remote)] if remote else []), "-sf", path, "-i", address[0], "-p", address[1], "-m", calls, "-r", rate,
                   "-t", transport, "-nostdin", "-timeout", f"{timeout}s", "-timeout_error", "-trace_err", "-error_file", os.path.join(folder, f"{self.name}-errors.log"),
                   "-trace_msg", "-message_file", os.path.join(folder, f"{self.name}-messages.log"), *arguments]
        self._process = Process(self.name, command, folder, env={"TERM": "dumb"})
        self._folder, self._address = folder, address

    def wait_bound(self):
        wait_for(lambda: bound(self._address) or not self._process.alive(), f"{self.name} to bind {self._address}")
        return self

    def finish(self, timeout=45):
        """Waits for the end; fails with SIPp's own errors when it did not count every call as successful."""
        status = self._process.wait_end(timeout)
        if status != 0:
            raise AssertionError(f"{self.name} ended with {status}\n{self._errors()}\n{self._process.log()[-1500:]}")

    def _errors(self):
        path = os.path.join(self._folder, f"{self.name}-errors.log")
        if not os.path.exists(path):
            return ""
        with open(path, errors="replace") as file:
            return file.read()[-3000:]

    def stop(self):
        self._process.stop()


class TlsTunnel:
    """Takes one TCP connection at `address` to `server` by TLS, since Debian's SIPp has none. `trust`: the certificate that the server must have."""

    def __init__(self, folder, address, server, trust, name="sbc.test"):
        self._process = Process("tls-tunnel", ["socat", "-d", "-d", f"TCP-LISTEN:{address[1]},bind={address[0]},reuseaddr",
                                               f"OPENSSL:{host_port(server)},cafile={trust},commonname={name}"], folder)
        self._process.wait_log("listening on")

    def stop(self):
        self._process.stop()


def bound(address):
    """True once some UDP socket is bound to (host, port)."""
    family, table = (socket.AF_INET6, "/proc/net/udp6") if ":" in address[0] else (socket.AF_INET, "/proc/net/udp")
    words = socket.inet_pton(family, address[0])
    want = "".join(f"{int.from_bytes(words[i:i + 4], 'little'):08X}" for i in range(0, len(words), 4)) + f":{address[1]:04X}"
    with open(table) as file:
        return any(want in line.split()[1:2] for line in file)
