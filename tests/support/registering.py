"""Very many phones behind one socket, and a registrar of a few lines: registrations faster than a real PBX takes them."""
import re
import select
import socket
import struct
import time

from .proc import Timeout
from .sip import Message, answer, digest, new_branch

PORT = 5062          # of every phone
OTHER_PORT = 5063    # nobody is registered from here
EXPIRES = 3600
CHALLENGED = "guest"  # a user whose REGISTER the registrar challenges
AGENT = "Desk SIP-T48 66.86.0.15"
IP_PKTINFO = 8      # ip(7); Python 3.11 has no name for it
CALL_ID = re.compile(rb"^(?:Call-ID|i)\s*:\s*([^\s]+)", re.I | re.M)
CHALLENGE = re.compile(rb"^WWW-Authenticate\s*:\s*([^\r]+)", re.I | re.M)
CSEQ = re.compile(rb"^CSeq\s*:\s*(\d+)", re.I | re.M)


def address_of(number):
    """The address of a phone; each has one of its own."""
    return f"127.{20 + (number >> 16)}.{(number >> 8) & 255}.{number & 255}"


class Many:
    """A UDP socket that sends from any loopback address."""

    def __init__(self, port):
        self.port = port
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind(("0.0.0.0", port))
        self.socket.setblocking(False)

    def send(self, data, source, to):
        info = struct.pack("=I4s4s", 0, socket.inet_aton(source), socket.inet_aton("0.0.0.0"))
        self.socket.sendmsg([data], [(socket.IPPROTO_IP, IP_PKTINFO, info)], 0, to)

    def take(self):
        """What has come, as bytes."""
        found = []
        while True:
            try:
                found.append(self.socket.recv(65535))
            except BlockingIOError:
                return found

    def stop(self):
        self.socket.close()


class Registering:
    """Phones 0, 1, 2 ... with the user u0, u1, u2 ...; `registered` are those that got their 200, `gone` those that took themselves off."""

    def __init__(self, access, pbx):
        self.access = access
        self.phones, self.others = Many(PORT), Many(OTHER_PORT)
        self.pbx = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.pbx.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.pbx.bind(pbx)
        self.pbx.setblocking(False)
        self.registered, self.gone = set(), set()
        self.doubtful = set()  # asked, and not answered
        self.next, self.cseq = 0, 0
        self.answers = {}      # (Call-ID, CSeq): status
        self.challenges = {}   # Call-ID: WWW-Authenticate

    def request(self, method, number, port=PORT, headers=(), user=None, agent=AGENT):
        """Sends a request of a phone; what its answer will be known by."""
        self.cseq += 1
        host, call_id, user = address_of(number), f"{method}-{number}-{port}", user or f"u{number}"
        lines = [f"{method} sip:{self.access[0]} SIP/2.0", f"Via: SIP/2.0/UDP {host}:{port};branch={new_branch()};rport", "Max-Forwards: 70",
                 f"From: <sip:{user}@{self.access[0]}>;tag=t{number}", f"To: <sip:{user}@{self.access[0]}>", f"Call-ID: {call_id}",
                 f"CSeq: {self.cseq} {method}", f"User-Agent: {agent}", *headers, "Content-Length: 0", "", ""]
        (self.phones if port == PORT else self.others).send("\r\n".join(lines).encode(), host, self.access)
        return call_id.encode(), self.cseq

    def register(self, number, expires=EXPIRES):
        self.doubtful.add(number)
        self.registered.discard(number)
        self.gone.discard(number)
        return self.request("REGISTER", number, headers=[f"Contact: <sip:u{number}@192.168.1.20:5062>", f"Expires: {expires}"])

    def attack(self, numbers):
        """A scanner at each of these addresses, which proves that it is there: it answers a challenge."""
        asked = [self.request("REGISTER", number, user=CHALLENGED) for number in numbers]
        self.statuses(asked)
        for number, (call_id, _) in zip(numbers, asked):
            answered = digest(self.challenges.pop(call_id), "REGISTER", f"sip:{self.access[0]}", CHALLENGED, "guessed")
            self.request("REGISTER", number, headers=[f"Authorization: {answered}"], user=CHALLENGED, agent="friendly-scanner")

    def pump(self, seconds=0.0):
        """The registrar answers, and answers are taken note of; how many of either came."""
        ready = select.select([self.pbx, self.phones.socket, self.others.socket], [], [], seconds)[0]
        if not ready:
            return 0
        came = 0
        while True:
            try:
                data, source = self.pbx.recvfrom(65535)
            except BlockingIOError:
                break
            came += 1
            self._registrar(Message(data), source)
        for data in self.phones.take() + self.others.take():
            if data.startswith(b"SIP/2.0 ") and (call_id := CALL_ID.search(data)) and (cseq := CSEQ.search(data)):
                self.answers[(call_id.group(1), int(cseq.group(1)))] = int(data[8:11])
                if challenge := CHALLENGE.search(data):
                    self.challenges[call_id.group(1)] = challenge.group(1).decode()
                came += 1
        return came

    def _registrar(self, request, source):
        if request.is_response or request.method == "ACK":
            return
        headers = []
        if f"sip:{CHALLENGED}" in request.get("From") and not request.get("Authorization"):
            challenge = f'WWW-Authenticate: Digest realm="pbx", nonce="{request.get("Call-ID")}", opaque="0", algorithm=MD5, qop="auth"'
            self.pbx.sendto(answer(request, 401, "Unauthorized", "pbx", [challenge]), source)
            return
        if request.method == "REGISTER" and request.get("Expires") != "0":
            headers = [f"Contact: {request.get('Contact')};expires={EXPIRES}"]
        self.pbx.sendto(answer(request, 200, "OK", "pbx", headers), source)

    def settle(self, asked):
        """Takes note of what became of REGISTERs: `asked` is {what register() gave: (number, expires)}; what has no answer yet is left there."""
        for key in [key for key in asked if key in self.answers]:
            number, expires = asked.pop(key)
            status = self.answers.pop(key)
            self.doubtful.discard(number)
            if status == 200:
                (self.registered if expires else self.gone).add(number)

    def statuses(self, keys, timeout=10.0):
        """{key: status} once each of these requests has its answer."""
        deadline = time.monotonic() + timeout
        while True:
            missing = [key for key in keys if key not in self.answers]
            if not missing:
                return {key: self.answers.pop(key) for key in keys}
            if time.monotonic() > deadline:
                raise Timeout(f"{len(missing)} of {len(keys)} requests were not answered, the first: {missing[0]}")
            self.pump(0.1)

    def stop(self):
        self.phones.stop()
        self.others.stop()
        self.pbx.close()
