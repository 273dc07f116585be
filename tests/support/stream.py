"""SIP over TCP and TLS for tests: a phone on one connection, and certificates."""
import os
import re
import select
import socket
import ssl
import subprocess

from .sip import Message, Phone


def make_certificate(folder, name="sbc.test", prefix="server"):
    """(certificate, key): files of a certificate that signs itself."""
    certificate, key = os.path.join(folder, f"{prefix}.pem"), os.path.join(folder, f"{prefix}.key")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "90", "-keyout", key,
                    "-out", certificate, "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"], check=True, capture_output=True)
    return certificate, key


def connect(server, source=None, trust=None, name="sbc.test", timeout=5.0):
    """A connection, by TLS where `trust` names the certificate to believe."""
    plain = socket.create_connection(server, timeout=timeout, source_address=source)
    if trust is None:
        return plain
    return ssl.create_default_context(cafile=trust).wrap_socket(plain, server_hostname=name)


def closed(connection, timeout=8.0):
    """All that came before the other end closed the connection, which it has to."""
    connection.settimeout(timeout)
    data = b""
    try:
        while chunk := connection.recv(65536):
            data += chunk
    except ConnectionResetError:
        pass
    except TimeoutError:
        raise AssertionError(f"not closed within {timeout:g} s; so far: {data!r}") from None
    return data


class StreamPhone(Phone):
    """A phone on one connection of TCP or TLS."""

    def __init__(self, source, server, user="1001", trust=None, name="sbc.test", password=None):
        self.transport = "TCP" if trust is None else "TLS"
        self.socket = connect(server, source, trust, name)
        self.host, self.port = self.socket.getsockname()[:2]
        self.inbox, self.seen, self._held = [], [], b""
        self._init_user(server, user, password)
        self.contact = f"<sip:{user}@{self.address};transport={self.transport.lower()}>"

    def build(self, *arguments, **named):
        return super().build(*arguments, **named).replace(b"Via: SIP/2.0/UDP", b"Via: SIP/2.0/" + self.transport.encode(), 1)

    def send(self, data, to=None):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode("utf-8", "surrogateescape"))

    def _fill(self, seconds):
        pending = getattr(self.socket, "pending", lambda: 0)
        while pending() or select.select([self.socket], [], [], max(0, seconds))[0]:
            data = self.socket.recv(65536)
            if not data:
                raise AssertionError(f"{self.address}: the connection was closed")
            seconds = 0
            self._held += data
            self._take_messages()

    def _take_messages(self):
        while True:
            self._held = self._held.lstrip(b"\r\n")
            head, gap, rest = self._held.partition(b"\r\n\r\n")
            length = re.search(rb"^(?:Content-Length|l)\s*:\s*(\d+)", head, re.I | re.M)
            if not gap:
                return
            if not length:
                raise AssertionError(f"no Content-Length in {head!r}")
            size = int(length.group(1))
            if len(rest) < size:
                return
            self.inbox.append((Message(head + gap + rest[:size]), self.server))
            self.seen.append(self.inbox[-1])
            self._held = rest[size:]
