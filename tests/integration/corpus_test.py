"""Every message of real devices goes through with nothing changed but what Postern writes.

Requests are sent from the access side toward a socket that plays the PBX; responses are answers of that socket to requests that
were made to fit them. Header lines that Postern does not write must be the same bytes in the same order, bodies the same bytes."""
import glob
import os
import re

from support import case
from support.door import ACCESS, Postern, config
from support.pbx import ADDRESS
from support.sip import Message, Phone, Socket, answer, host_port_of, new_branch, sdp

# No limit and no list is what is tested here.
OPEN = ("builtin_scanners: off\nlimits: {per_source: off, per_source_methods: {REGISTER: {rate: 10000/s, burst: 10000}, INVITE: {rate: 10000/s, burst: 10000}},"
        " unknown_sources: off, pbx: off}\n")
# Credentials and challenges are each source's own (credentials.replay).
WRITTEN = {"authorization", "proxy-authorization", "www-authenticate", "proxy-authenticate",
           "via", "record-route", "route", "contact", "max-forwards", "content-length", "x-postern-source"}
REMOVED_INWARD = re.compile(r"^(p-asserted-identity|remote-party-id|diversion|history-info|p-charging-.*|p-served-user|x-postern-.*|x-asterisk-.*)$")
OPTION_TAGS = {"supported", "require", "proxy-require"}
OUTBOUND_TAGS = {"outbound", "gruu", "path"}


def tells(message):
    """Who asks in vain for a registration gets a challenge instead (unknown-users.replay)."""
    return message.method == "REGISTER" and message.status in (403, 404)


def compared(message, inward):
    """The header lines that must not change, with option tags that Postern takes off left out of both sides."""
    lines = []
    for header in message.headers:
        if header.name in WRITTEN or (inward and REMOVED_INWARD.match(header.name)) or (not inward and header.name in ("server", "user-agent")):
            continue
        if inward and header.name in OPTION_TAGS:
            tags = [t.strip() for t in header.value.split(",") if t.strip().lower() not in OUTBOUND_TAGS]
            lines.append((header.name, tags))
            continue
        lines.append(header.raw)
    return [line for line in lines if not isinstance(line, tuple) or line[1]]


def body_of(message):
    """The body by Content-Length, as RFC 3261 18.3 has it for datagrams."""
    length = message.get("Content-Length")
    return message.body[:int(length)] if length is not None else message.body


class Corpus(case.Case):
    maxDiff = None

    def setUp(self):
        super().setUp()
        self.pbx = self.run_until_end(Socket(ADDRESS))
        self.postern = self.run_until_end(Postern(self.folder, config(extra=OPEN)))
        self.phones = 0

    def phone(self):
        self.phones += 1
        return self.run_until_end(Phone((f"127.1.0.{self.phones}", 5080), ACCESS))

    def assert_same(self, name, sent, received, inward):
        self.assertEqual(compared(received, inward), compared(sent, inward), name)
        self.assertEqual(received.body, body_of(sent), name)

    def messages(self, wanted):
        """(file name, Message) of the corpus for which `wanted` is true. Two were cut off inside their headers by the capture."""
        folder = case.test_data("messages")
        for path in sorted(glob.glob(os.path.join(folder, "*", "*.sip"))):
            with open(path, "rb") as file:
                message = Message(file.read())
            if b"\r\n\r\n" in message.data and wanted(message):
                yield os.path.basename(path), message

    def forward_request(self, name, message):
        phone = self.phone()
        phone.send(message.data, ACCESS)
        method, call_id = message.method, message.get("Call-ID")
        received, source = self.pbx.request(method, call_id=call_id)
        self.assert_same(name, message, received, inward=True)
        self.pbx.send(answer(received, 486 if method == "INVITE" else 200, "Done", "pbx"), source)
        response, _ = phone.take(lambda m: (m.status or 0) >= 200, f"an answer to {name}")
        self.assertEqual(response.all("Via")[-1].split(";")[0], message.all("Via")[-1].split(";")[0], name)
        self.assertEqual(response.get("From"), message.get("From"), name)
        if method == "INVITE":
            self.pbx.request("ACK", call_id=call_id)
            phone.send(phone.build("ACK", message.request_uri, response.get("To"), call_id, response.get("CSeq").split()[0],
                                   branch=re.search(r"branch=([^;\s,]+)", message.get("Via")).group(1), from_value=message.get("From")), ACCESS)

    def test_requests(self):
        count = 0
        for name, message in self.messages(lambda m: not m.is_response and m.method not in ("ACK", "CANCEL")):
            with self.subTest(name):
                count += 1
                self.forward_request(name, message)
        self.assertGreater(count, 30)

    def test_acknowledgements(self):
        """An ACK belongs to a call: one with its Call-ID and To tag is set up, and its Request-URI becomes the dialog's target."""
        count = 0
        for name, message in self.messages(lambda m: not m.is_response and m.method == "ACK"):
            with self.subTest(name):
                count += 1
                phone = self.phone()
                call = phone.invite("1002", call_id=message.get("Call-ID"), challenged=False)
                invite, source = self.pbx.request("INVITE", call_id=call.call_id)
                self.pbx.send(answer(invite, 200, "OK", message.to_tag, [f"Contact: <sip:1002@{ADDRESS[0]}:{ADDRESS[1]}>"]), source)
                self.assertEqual(call.wait().status, 200)
                data = message.data.replace(message.start_line.encode(), f"ACK {call.target} SIP/2.0".encode(), 1)
                phone.send(data, host_port_of(call.target))
                received, _ = self.pbx.request("ACK", call_id=call.call_id)
                self.assertEqual(received.request_uri, f"sip:1002@{ADDRESS[0]}:{ADDRESS[1]}")
                self.assert_same(name, message, received, inward=True)
        self.assertGreater(count, 3)

    def test_cancels_end_their_call(self):
        """A CANCEL is answered at each hop: the INVITE that it names is made to fit, and the PBX gets a CANCEL of Postern's."""
        count = 0
        for name, message in self.messages(lambda m: not m.is_response and m.method == "CANCEL"):
            with self.subTest(name):
                count += 1
                phone = self.phone()
                cseq = message.get("CSeq").split()[0]
                invite = [f"INVITE {message.request_uri} SIP/2.0", *(f"Via: {v}" for v in message.all("Via")), "Max-Forwards: 70", f"From: {message.get('From')}",
                          f"To: {message.get('To')}", f"Call-ID: {message.get('Call-ID')}", f"CSeq: {cseq} INVITE", f"Contact: {phone.contact}", "Content-Length: 0", "", ""]
                phone.send("\r\n".join(invite), ACCESS)
                received, source = self.pbx.request("INVITE", call_id=message.get("Call-ID"))
                self.pbx.send(answer(received, 180, "Ringing", "pbx"), source)
                phone.take(lambda m: m.status == 180, "180")
                phone.send(message.data, ACCESS)
                phone.take(lambda m: m.status == 200 and m.method == "CANCEL", f"200 to {name}")
                cancel, source = self.pbx.request("CANCEL", call_id=message.get("Call-ID"))
                self.assertEqual(cancel.get("Via"), received.get("Via"))
                self.pbx.send(answer(cancel, 200, "OK"), source)
                self.pbx.send(answer(received, 487, "Request Terminated", "pbx"), source)
                phone.take(lambda m: m.status == 487, "487")
        self.assertGreater(count, 1)

    def request_for(self, phone, response):
        """A request that `response` answers."""
        number, method = response.get("CSeq").split()
        body = sdp("127.1.0.1", 4000) if method == "INVITE" else ""
        lines = [f"{method} sip:1002@{ACCESS[0]} SIP/2.0", f"Via: SIP/2.0/UDP {phone.address};branch={new_branch()};rport", "Max-Forwards: 70",
                 f"From: {response.get('From')}", f"To: {re.sub(r';tag=[^;>]*$', '', response.get('To'))}", f"Call-ID: {response.get('Call-ID')}", f"CSeq: {number} {method}",
                 f"Contact: {phone.contact}", *(["Content-Type: application/sdp"] if body else []), f"Content-Length: {len(body)}", "", ""]
        return "\r\n".join(lines).encode("utf-8", "surrogateescape") + body.encode()

    def test_responses(self):
        count = 0
        for name, message in self.messages(lambda m: m.is_response and m.status > 100 and m.method != "CANCEL" and not tells(m)):
            with self.subTest(name):
                count += 1
                phone = self.phone()
                phone.send(self.request_for(phone, message), ACCESS)
                received, source = self.pbx.request(message.method, call_id=message.get("Call-ID"))
                vias = b"\r\n".join(b"Via: " + via.encode() for via in received.all("Via"))
                head, gap, body = message.data.partition(b"\r\n\r\n")
                lines = [message.start_line.encode(), vias, *(h.raw for h in message.headers if h.name != "via")]
                self.pbx.send(b"\r\n".join(lines) + gap + body, source)
                arrived, _ = phone.take(lambda m: m.is_response and m.status == message.status, name)
                self.assertEqual(arrived.start_line, message.start_line)
                self.assertEqual(len(arrived.all("Via")), 1)
                self.assert_same(name, message, arrived, inward=False)
        self.assertGreater(count, 20)

    def test_trying_stays_at_its_hop(self):
        """A 100 goes no further (RFC 3261 16.7), and the final answer after it does."""
        for name, message in self.messages(lambda m: m.is_response and m.status == 100):
            with self.subTest(name):
                phone = self.phone()
                phone.send(self.request_for(phone, message), ACCESS)
                received, source = self.pbx.request(message.method, call_id=message.get("Call-ID"))
                self.pbx.send(answer(received, 100, "Trying", headers=["X-Hop: one"]), source)
                self.pbx.send(answer(received, 404, "Not Found", "pbx"), source)
                phone.take(lambda m: m.status == 404, "404")
                self.assertFalse([m for m, _ in phone.seen if m.get("X-Hop")])


if __name__ == "__main__":
    case.test_data()
    case.main()
