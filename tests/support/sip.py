"""SIP for tests: just enough to write and read messages byte by byte, with digest."""
import collections
import hashlib
import itertools
import re
import secrets
import select
import socket
import time

from .proc import Timeout

COMPACT = {"v": "via", "f": "from", "t": "to", "m": "contact", "i": "call-id", "l": "content-length", "c": "content-type", "s": "subject",
           "k": "supported", "e": "content-encoding", "o": "event", "r": "refer-to", "u": "allow-events", "b": "referred-by"}


def canonical(name):
    """Lower case, long form."""
    name = name.strip().lower()
    return COMPACT.get(name, name)


Header = collections.namedtuple("Header", "name value raw")  # name canonical; raw: the exact bytes with folds, without the last line end


class Message:
    """A parsed datagram. Header values are str, `raw` lines and the body are bytes."""

    def __init__(self, data):
        self.data = data
        head, gap, self.body = data.partition(b"\r\n\r\n")
        if not gap:
            head, self.body = data.rstrip(b"\r\n"), b""
        lines = []
        for line in head.split(b"\r\n"):
            if line[:1] in (b" ", b"\t") and lines:
                lines[-1] += b"\r\n" + line
            else:
                lines.append(line)
        self.start_line = lines[0].decode("utf-8", "surrogateescape")
        self.headers = []
        for raw in lines[1:]:
            name, _, value = raw.partition(b":")
            text = re.sub(r"\r\n[ \t]+", " ", value.decode("utf-8", "surrogateescape")).strip()
            self.headers.append(Header(canonical(name.decode("latin-1")), text, raw))

    def get(self, name, default=None):
        return next((h.value for h in self.headers if h.name == canonical(name)), default)

    def all(self, name):
        return [h.value for h in self.headers if h.name == canonical(name)]

    @property
    def is_response(self):
        return self.start_line.startswith("SIP/2.0 ")

    @property
    def status(self):
        return int(self.start_line.split()[1]) if self.is_response else None

    @property
    def method(self):
        return self.get("CSeq", "0 ?").split()[-1] if self.is_response else self.start_line.split()[0]

    @property
    def request_uri(self):
        return self.start_line.split()[1]

    @property
    def to_tag(self):
        return parameter(self.get("To", ""), "tag")

    @property
    def from_tag(self):
        return parameter(self.get("From", ""), "tag")

    def contact_uri(self):
        return uri_of(self.get("Contact", ""))

    def __str__(self):
        return self.data.decode("utf-8", "replace")


def uri_of(value):
    """The URI of a name-addr."""
    match = re.search(r"<([^>]*)>", value)
    return match.group(1) if match else value.split(";")[0].strip()


def parameter(value, name):
    """A header parameter after the URI; quoted values are no place to look in."""
    match = re.search(r";\s*" + name + r"\s*=\s*([^;,\s]+)", re.sub(r'"[^"]*"', '""', value).split(">")[-1], re.I)
    return match.group(1) if match else None


def host_port_of(uri):
    """(host, port) of a SIP URI; the port is 5060 where none stands."""
    match = re.match(r"sips?:(?:[^@]*@)?(\[[^\]]*\]|[^:;>?]+)(?::(\d+))?", uri)
    return match.group(1).strip("[]"), int(match.group(2) or 5060)


def uri_host(host):
    """A host as it stands in a URI."""
    return f"[{host}]" if ":" in host else host


def host_port(address):
    """(host, port) as it stands in a URI."""
    return f"{uri_host(address[0])}:{address[1]}"


def digest(challenge, method, uri, user, password, cnonce=None):
    """The Authorization value that answers a WWW-Authenticate or Proxy-Authenticate value (MD5, with or without qop)."""
    fields = {k.lower(): v.strip('"') for k, v in re.findall(r'(\w+)\s*=\s*("[^"]*"|[^,\s]+)', challenge)}
    md5 = lambda text: hashlib.md5(text.encode()).hexdigest()
    ha1, ha2 = md5(f"{user}:{fields['realm']}:{password}"), md5(f"{method}:{uri}")
    out = f'Digest username="{user}", realm="{fields["realm"]}", nonce="{fields["nonce"]}", uri="{uri}", algorithm=MD5'
    if "qop" in fields:
        cnonce = cnonce or secrets.token_hex(8)
        out += f', response="{md5(":".join((ha1, fields["nonce"], "00000001", cnonce, "auth", ha2)))}", qop=auth, nc=00000001, cnonce="{cnonce}"'
    else:
        out += f', response="{md5(":".join((ha1, fields["nonce"], ha2)))}"'
    if "opaque" in fields:
        out += f', opaque="{fields["opaque"]}"'
    return out


def sdp(host, port):
    """An offer or answer of one audio stream."""
    family = "IP6" if ":" in host else "IP4"
    return (f"v=0\r\no=- 1 1 IN {family} {host}\r\ns=-\r\nc=IN {family} {host}\r\nt=0 0\r\n"
            f"m=audio {port} RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n")


_branches = itertools.count(1)


def new_branch():
    return f"z9hG4bK{secrets.token_hex(6)}{next(_branches)}"


class Socket:
    """A bound UDP socket with an inbox, from which messages are taken in any order."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.bind(address)
        self.host, self.port = self.socket.getsockname()[:2]
        self.inbox = []  # (Message, source)
        self.seen = []   # all that ever came

    @property
    def address(self):
        return host_port((self.host, self.port))

    def send(self, data, to):
        self.socket.sendto(data if isinstance(data, bytes) else data.encode("utf-8", "surrogateescape"), to)

    def _fill(self, seconds):
        while select.select([self.socket], [], [], max(0, seconds))[0]:
            data, source = self.socket.recvfrom(65535)
            seconds = 0
            entry = (Message(data), source[:2]) if data.strip() else None
            if entry:
                self.inbox.append(entry)
                self.seen.append(entry)

    def listen_until(self, moment):
        """Collects what comes until time.monotonic() is there."""
        while (left := moment - time.monotonic()) > 0:
            self._fill(left)

    def take(self, wanted, what, timeout=24.0):
        """The first message for which `wanted(message)` is true, with its source, taken out of the inbox."""
        deadline = time.monotonic() + timeout
        while True:
            for index, (message, source) in enumerate(self.inbox):
                if wanted(message):
                    del self.inbox[index]
                    return message, source
            left = deadline - time.monotonic()
            if left <= 0:
                have = [m.start_line for m, _ in self.inbox]
                raise Timeout(f"{self.address} waited {timeout:g} s for {what}; inbox: {have}")
            self._fill(left)

    def request(self, method, timeout=24.0, call_id=None):
        return self.take(lambda m: not m.is_response and m.method == method and call_id in (None, m.get("Call-ID")), method, timeout)

    def drain(self):
        """What is in the inbox now."""
        self._fill(0)
        return [m for m, _ in self.inbox]

    def stop(self):
        self.socket.close()


def answer(request, status, reason, to_tag=None, headers=(), body=b"", content_type="application/sdp"):
    """The bytes of a response to `request`: Via, Record-Route, From, To, Call-ID and CSeq are its own."""
    lines = [f"SIP/2.0 {status} {reason}"]
    lines += [f"Via: {v}" for v in request.all("Via")] + [f"Record-Route: {v}" for v in request.all("Record-Route")]
    to = request.get("To")
    if to_tag and not request.to_tag:
        to += f";tag={to_tag}"
    lines += [f"From: {request.get('From')}", f"To: {to}", f"Call-ID: {request.get('Call-ID')}", f"CSeq: {request.get('CSeq')}"]
    lines += list(headers)
    body = body if isinstance(body, bytes) else body.encode()
    if body:
        lines.append(f"Content-Type: {content_type}")
    lines += [f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + body


class Phone(Socket):
    """A phone of a few lines on one UDP port: registers with digest and makes and takes calls step by step."""
    via = "UDP"

    def __init__(self, address, server, user="1001", password=None, user_agent="Yealink SIP-T46U 108.86.0.20"):
        super().__init__(address)
        self._init_user(server, user, password, user_agent)

    def _init_user(self, server, user, password, user_agent="Yealink SIP-T46U 108.86.0.20"):
        self.server = server  # (host, port)
        self.user, self.password = user, password or f"secret{user}"
        self.user_agent = user_agent
        self.domain = host_port(server) if server[1] != 5060 else uri_host(server[0])
        self.contact = f"<sip:{user}@{self.address}>"
        self.tag = secrets.token_hex(5)
        self.register_call_id = secrets.token_hex(10)
        self.register_cseq = 0

    def build(self, method, uri, to, call_id, cseq, headers=(), body=b"", branch=None, from_value=None, contact=True):
        """The bytes of a request from this phone."""
        body = body if isinstance(body, bytes) else body.encode()
        lines = [f"{method} {uri} SIP/2.0", f"Via: SIP/2.0/{self.via} {self.address};branch={branch or new_branch()};rport", "Max-Forwards: 70",
                 f"From: {from_value or f'<sip:{self.user}@{self.domain}>;tag={self.tag}'}", f"To: {to}", f"Call-ID: {call_id}", f"CSeq: {cseq} {method}"]
        if contact and method not in ("CANCEL", "ACK", "BYE"):
            lines.append(f"Contact: {contact if isinstance(contact, str) else self.contact}")
        lines += [f"User-Agent: {self.user_agent}", *headers]
        if body:
            lines.append("Content-Type: application/sdp")
        lines += [f"Content-Length: {len(body)}", "", ""]
        return "\r\n".join(lines).encode() + body

    def response(self, call_id, cseq, final=True, timeout=24.0):
        """The next (final) response of a transaction named by Call-ID and CSeq (number, method)."""
        wanted = f"{cseq[0]} {cseq[1]}"
        return self.take(lambda m: m.is_response and m.get("Call-ID") == call_id and m.get("CSeq") == wanted and (m.status >= 200 or not final),
                         f"a response to {wanted}", timeout)[0]

    def ask(self, method, uri, to, call_id, cseq, headers=(), body=b"", authenticate=True, timeout=24.0, contact=True):
        """Sends a request and answers one challenge; (final response, CSeq of it)."""
        self.send(self.build(method, uri, to, call_id, cseq, headers, body, contact=contact), self.server)
        response = self.response(call_id, (cseq, method), timeout=timeout)
        if authenticate and response.status in (401, 407):
            name, answer_name = ("WWW-Authenticate", "Authorization") if response.status == 401 else ("Proxy-Authenticate", "Proxy-Authorization")
            cseq += 1
            credentials = f"{answer_name}: {digest(response.get(name), method, uri, self.user, self.password)}"
            self.send(self.build(method, uri, to, call_id, cseq, [credentials, *headers], body, contact=contact), self.server)
            response = self.response(call_id, (cseq, method), timeout=timeout)
        return response, cseq

    def register(self, expires=3600, contact=True, headers=(), authenticate=True, timeout=24.0):
        """One REGISTER (with its challenge); the final response."""
        aor = f"<sip:{self.user}@{self.domain}>"
        response, self.register_cseq = self.ask("REGISTER", f"sip:{self.domain}", aor, self.register_call_id, self.register_cseq + 1,
                                                [f"Expires: {expires}", *headers], authenticate=authenticate, timeout=timeout, contact=contact)
        return response

    def invite(self, number, headers=(), body=None, call_id=None, challenged=True):
        """Calls, and answers the challenge that the PBX sends first; a Call in progress."""
        call = Call(self, number, headers, body, call_id)
        if challenged:
            call.answer_challenge()
        return call


class Call:
    """The caller's side of a call."""

    def __init__(self, phone, number, headers=(), body=None, call_id=None):
        self.phone = phone
        self.call_id = call_id or secrets.token_hex(10)
        self.uri = f"sip:{number}@{phone.domain}"
        self.cseq, self.headers = 1, list(headers)
        self.body = body if body is not None else sdp(phone.host, phone.port + 1000)
        self.to = f"<{self.uri}>"
        self.tag = secrets.token_hex(5)
        self.local = f"<sip:{phone.user}@{phone.domain}>;tag={self.tag}"
        self._send_invite([])

    def _send_invite(self, credentials):
        self.branch = new_branch()
        self.invite = self.phone.build("INVITE", self.uri, self.to, self.call_id, self.cseq, [*credentials, *self.headers], self.body, self.branch, self.local)
        self.phone.send(self.invite, self.phone.server)

    def resend(self):
        self.phone.send(self.invite, self.phone.server)

    def answer_challenge(self):
        response = self.wait()
        if response.status not in (401, 407):
            raise AssertionError(f"wanted a challenge, got:\n{response}")
        name, reply = ("WWW-Authenticate", "Authorization") if response.status == 401 else ("Proxy-Authenticate", "Proxy-Authorization")
        self.cseq = 2
        self._send_invite([f"{reply}: {digest(response.get(name), 'INVITE', self.uri, self.phone.user, self.phone.password)}"])

    def wait(self, final=True, timeout=24.0):
        """The next response of this INVITE; a failure is acknowledged."""
        response = self.phone.response(self.call_id, (self.cseq, "INVITE"), final, timeout)
        if response.status >= 300:
            self._ack_failure(response)
        elif response.status >= 200:
            self.accepted = response
            self.routes = list(reversed(response.all("Record-Route")))
            self.target = response.contact_uri()
            self.remote = response.get("To")
        return response

    def wait_status(self, status, timeout=24.0):
        """Skips provisional responses until this status comes."""
        deadline = time.monotonic() + timeout
        while True:
            response = self.wait(final=False, timeout=max(0.05, deadline - time.monotonic()))
            if response.status == status:
                return response
            if response.status >= 200:
                raise AssertionError(f"wanted {status}, got:\n{response}")

    def _ack_failure(self, response):
        ack = self.phone.build("ACK", self.uri, response.get("To"), self.call_id, self.cseq, [], b"", self.branch, self.local)
        self.phone.send(ack, self.phone.server)

    def cancel(self):
        self.phone.send(self.phone.build("CANCEL", self.uri, self.to, self.call_id, self.cseq, [], b"", self.branch, self.local), self.phone.server)

    def _next_hop(self):
        return host_port_of(uri_of(self.routes[0]) if self.routes else self.target)

    def hang_up(self, other):
        """Ends the call, which the phone `other` answers; the response that comes back."""
        self.in_dialog("BYE")
        bye, source = other.request("BYE")
        other.send(answer(bye, 200, "OK"), source)
        return self.phone.response(self.call_id, (self.cseq, "BYE"))

    def in_dialog(self, method, headers=(), body=b"", branch=None):
        """Sends an in-dialog request the way that the dialog's routes and target say; its bytes and where it went."""
        if method != "ACK":
            self.cseq += 1
        data = self.phone.build(method, self.target, self.remote, self.call_id, self.cseq, [*(f"Route: {r}" for r in self.routes), *headers], body,
                                branch, self.local)
        self.phone.send(data, self._next_hop())
        return data, self._next_hop()

    def ack(self):
        return self.in_dialog("ACK")

    def bye(self, timeout=24.0):
        self.in_dialog("BYE")
        return self.phone.response(self.call_id, (self.cseq, "BYE"), timeout=timeout)
