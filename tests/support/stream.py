"""SIP over TCP and TLS for tests: a phone on one connection, and certificates."""
import base64
import os
import re
import secrets
import select
import socket
import ssl
import subprocess

from .sip import Message, Phone


def make_certificate(folder, name="sbc.test", prefix="server", days=90):
    """(certificate, key): files of a certificate that signs itself."""
    certificate, key = os.path.join(folder, f"{prefix}.pem"), os.path.join(folder, f"{prefix}.key")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", str(days), "-keyout", key,
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


def unread(connection):
    """What has come, without waiting."""
    connection.setblocking(False)
    try:
        return connection.recv(65536)
    except BlockingIOError:
        return b""


class StreamPhone(Phone):
    """A phone on one connection of TCP or TLS."""

    def __init__(self, source, server, user="1001", trust=None, name="sbc.test", password=None):
        self.via = "TCP" if trust is None else "TLS"
        self.socket = connect(server, source, trust, name)
        self.host, self.port = self.socket.getsockname()[:2]
        self.inbox, self.seen, self._held = [], [], b""
        self._init_user(server, user, password)
        self.contact = f"<sip:{user}@{self.address};transport={self.via.lower()}>"

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


class WebSocketPhone(StreamPhone):
    """A browser's phone: SIP over WebSocket (RFC 7118), of as much of RFC 6455 as it needs."""

    def __init__(self, source, server, user="1001", trust=None, origin=None):
        super().__init__(source, server, user, trust)
        self.via = "WS" if trust is None else "WSS"
        self.contact = f"<sip:{user}@{secrets.token_hex(6)}.invalid;transport=ws>"
        asked = [f"GET / HTTP/1.1", f"Host: {server[0]}", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
                 f"Sec-WebSocket-Key: {base64.b64encode(secrets.token_bytes(16)).decode()}", "Sec-WebSocket-Protocol: sip"]
        asked += [f"Origin: {origin}"] if origin else []
        self.socket.sendall(("\r\n".join(asked) + "\r\n\r\n").encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self.socket.recv(1)
        self.accepted = int(answer.split()[1])

    @property
    def address(self):
        return "192.0.2.1:5060"  # what stands in a browser's Via is no address

    def send(self, data, to=None):
        data = data if isinstance(data, bytes) else data.encode("utf-8", "surrogateescape")
        mask = secrets.token_bytes(4)
        masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))
        self.socket.sendall(b"\x81" + bytes([0x80 | 126]) + len(data).to_bytes(2, "big") + mask + masked)

    def _take_messages(self):
        while len(self._held) >= 4:
            opcode, size, begin = self._held[0] & 15, self._held[1], 2
            if size == 126:
                size, begin = int.from_bytes(self._held[2:4], "big"), 4
            if len(self._held) < begin + size:
                return
            payload, self._held = self._held[begin:begin + size], self._held[begin + size:]
            if opcode in (1, 2) and payload.strip():
                self.inbox.append((Message(payload), self.server))
                self.seen.append(self.inbox[-1])
