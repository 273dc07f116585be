"""Class of service and the limits of devices: what phones dial, transfer and send on against what they may, and 5,000 destinations against a table."""
import json
import os
import random
import re

from support import case, talk
from support.door import ACCESS, Postern, config, run
from support.pbx import Pbx
from support.pcap import pcap
from support.sip import Phone, answer
from support.talk import call_by_hand

SERVICE = """
calls:
  classes: {internal: 1XXX, international: "00.", premium: "00881."}
  allow:
    - {classes: internal}
    - {device: "1002", classes: international}
redirects: internal
"""


class Baresip(case.Case):
    def test_a_denied_call_and_a_denied_transfer_never_reach_the_pbx(self):
        pbx = self.run_until_end(Pbx(self.folder))
        postern = self.run_until_end(Postern(self.folder, config(extra=SERVICE)))
        one, two = talk.phones(self, ACCESS)
        one.dial("008816123456")
        self.assertIn("603", one.wait_event("CALL_CLOSED")["param"])
        talk.call(one, two, talk.TONE_1001, talk.TONE_1002)
        one.transfer("008816123456")
        self.assertIn("603", one.wait_event("TRANSFER_FAILED")["param"])
        one.hang_up()
        two.wait_event("CALL_CLOSED")
        self.assertEqual(postern.metric("postern_messages_refused_total", reason="call_denied"), 2)
        self.assertNotIn("00881", pbx.log())
        self.assertIn("INVITE sip:1002@", pbx.log())
        case.measured("INVITE and REFER to 00881...: 603 each, 0 requests at the PBX; the call that was to be transferred went on")


class ByHand(case.Case):
    def setUp(self):
        super().setUp()
        self.pbx = self.run_until_end(Pbx(self.folder))

    def phones(self, *users):
        phones = [self.run_until_end(Phone((f"127.1.0.{user[-1]}", 5080), ACCESS, user)) for user in users]
        for phone in phones:
            self.assertEqual(phone.register().status, 200)
        return phones

    def test_a_phone_sends_a_call_on_as_far_as_its_own_class_goes(self):
        self.run_until_end(Postern(self.folder, config(extra=SERVICE)))
        caller, phone = self.phones("1002", "1001")
        for target, status in (("1003", 302), ("0049301234567", 480)):  # the caller could call the second one himself
            call = caller.invite("1001")
            request, source = phone.request("INVITE")
            phone.send(answer(request, 302, "Moved Temporarily", "phone", [f"Contact: <sip:{target}@elsewhere.example>"]), source)
            response = call.wait()
            self.assertEqual(response.status, status)
            self.assertEqual(re.findall(r"sip:(\w+)@", response.get("Contact", "")), [target] if status == 302 else [])
            self.assertNotIn("elsewhere", str(response))
            phone.request("ACK")

    def test_calls_are_counted_as_the_pbx_takes_them(self):
        limits = "limits: {concurrent_calls: {per_device: 1}, per_device: {calls_per_hour: 3}}\n"
        postern = self.run_until_end(Postern(self.folder, config(extra=limits)))
        one, two = self.phones("1001", "1002")
        other = self.phones("1003")[0]
        call = call_by_hand(one, two)
        self.assertEqual(one.invite("1002", challenged=False).wait().status, 486)
        call_by_hand(two, other)  # the call that it has was made by another
        self.assertEqual(call.hang_up(two).status, 200)
        for _ in range(2):
            self.assertEqual(one.invite("1999").wait().status, 404)
        refused = one.invite("1002", challenged=False).wait()
        self.assertEqual((refused.status, refused.get("Retry-After")), (503, "300"))
        self.assertEqual(postern.metric("postern_messages_refused_total", reason="device_calls"), 1)
        self.assertEqual(postern.metric("postern_messages_refused_total", reason="calls_per_hour"), 1)
        case.measured("per device: a second call at the same time 486, a fourth within the hour 503; each call counted once, whatever challenges came before it")


PLAN = {
    "internal": ["1XXX", "*XX", "#[1-5]", "20[13579]X"],
    "emergency-desk": ["1234", "199[0-4]"],
    "local": ["NXXXXXX", "0ZXXXXX!"],
    "national": ["0ZXXXXXXXX", "0[1-4]XXXXXXXXX", "01800NXXXXXX"],
    "mobile": ["01[5-7].", "07[1-57-9]XXXXXXXX"],
    "international": ["00.", "011."],
    "neighbours": ["0041.", "0043XXXXXX!", "004[23]1."],
    "premium": ["0900.", "09001!", "00881.", "0088[23].", "00[2]46X.", "190[0-9].", "0137XXXX!", "018[0-7]X.", "118XX", "118XXX"],
    "free": ["0800.", "00800XXXXXXXX", "0080[0].", "116[01]XX", "0-800-1-X."],
}
ALLOW = {"1001": {"internal", "local", "free", "emergency-desk"}, "1002": set(PLAN) - {"premium"}, "1003": {"premium", "national"}}
SETS = {"X": "0123456789", "Z": "123456789", "N": "23456789"}


def places(pattern):
    """[(characters, ...)], end of a pattern in Asterisk's letters."""
    found, at = [], 0
    while at < len(pattern) and pattern[at] not in ".!":
        if pattern[at] == "[":
            end = pattern.index("]", at)
            inside = re.sub(r"(.)-(.)", lambda m: "".join(chr(c) for c in range(ord(m[1]), ord(m[2]) + 1)), pattern[at + 1:end])
            found.append("".join(sorted(set(inside))))
            at = end
        elif pattern[at] != "-":
            found.append(SETS.get(pattern[at], pattern[at]))
        at += 1
    return found, pattern[at:]


def order(pattern):
    """Asterisk's order: what is no pattern first; then place by place fewer characters, then the lower ones; `.`, `!`, nothing."""
    sets, end = places(pattern)
    plain = all(len(s) == 1 for s in sets) and not end
    rank = [(len(s), *(ord(c) for c in s)) for s in sets] + [({".": 1000, "!": 2000, "": 3000}[end],)]
    return (not plain, rank)


def expression(pattern):
    sets, end = places(pattern)
    return re.compile("".join(f"[{re.escape(s)}]" for s in sets) + {".": ".+", "!": ".*", "": ""}[end], re.S)


TABLE = [(expression(p), name) for _, p, name in sorted((order(p), p, name) for name, patterns in PLAN.items() for p in patterns)]


def class_of(number):
    return next((name for pattern, name in TABLE if pattern.fullmatch(number)), None)


def destinations(count):
    """(number, as it is written in a URI): each pattern's numbers and their neighbours, written in every way that is read as the same."""
    chance = random.Random(11)
    patterns = [p for all_of in PLAN.values() for p in all_of]
    for index in range(count):
        sets, end = places(patterns[index % len(patterns)])
        number = "".join(chance.choice(s) for s in sets) + "".join(chance.choice("0123456789") for _ in range(chance.randrange(0, 5) if end else 0))
        change = chance.randrange(6)
        if change == 1:
            number = number[:-1]
        elif change == 2:
            number += chance.choice("0123456789")
        elif change == 3 and number:
            at = chance.randrange(len(number))
            number = number[:at] + chance.choice("0123456789*#") + number[at + 1:]
        elif change == 4:
            number = "00881" + number[-4:]
        yield number, written(number, chance)


def written(number, chance):
    rest, text = number, ""
    if number.startswith("00") and chance.randrange(2):
        rest, text = number[2:], chance.choice(["+", "%2B", "%2b"])
    for c in rest:
        text += chance.choice(["", "", "", "", "-", ".", "(", ")", "%20", "%2D"])
        text += f"%{ord(c):02x}" if c == "#" or chance.randrange(8) == 0 else c
    return text + chance.choice(["", "", ";phone-context=example.com", "."])


class Table(case.Case):
    def test_5000_destinations_have_the_verdicts_of_a_table(self):
        allow = "".join(f"    - {{device: \"{user}\", classes: {json.dumps(sorted(classes))}}}\n" for user, classes in ALLOW.items())
        classes = "".join(f"    {name}: {json.dumps(patterns)}\n" for name, patterns in PLAN.items())
        path = os.path.join(self.folder, "table.yaml")
        with open(path, "w") as file:
            file.write("listeners: ['udp://192.0.2.1:5060']\npbx: {address: 'udp://10.0.0.5:15060', bind: '10.0.0.2:5080'}\nemergency: []\njail: off\n"
                       "limits: {per_source: off, per_source_methods: off, unknown_sources: off, pbx: off, per_device: off}\n"
                       f"calls:\n  classes:\n{classes}  allow:\n{allow}")
        asked, packets = [], []
        for number, text in destinations(5000):
            # nobody is allowed anything, so that each class is told; the others show what is passed and what is not
            for user in ("nobody", random.Random(len(asked)).choice(sorted(ALLOW))):
                refer = len(asked) % 5 == 0
                packets.append((len(packets) // 20, ("203.0.113.7", 5060), ("192.0.2.1", 5060), self.request(len(packets), user, text, refer)))
                asked.append((user, number, text))
        capture = os.path.join(self.folder, "table.pcap")
        pcap(capture, packets)
        result = run("explain", "-c", path, "--pcap", capture, "--json", timeout=200)
        self.assertEqual(result.returncode, 0, result.stderr)
        verdicts = json.loads(result.stdout)
        self.assertEqual(len(verdicts), len(asked))
        wrong = [(user, number, text, verdict) for (user, number, text), verdict in zip(asked, verdicts) if not self.as_the_table_says(user, number, verdict)]
        self.assertEqual(wrong[:5], [], f"{len(wrong)} of {len(asked)}")
        seen = {class_of(number) for _, number, _ in asked}
        self.assertEqual(seen, {*PLAN, None})
        passed = sum(verdict["verdict"] == "allow" for verdict in verdicts)
        self.assertGreater(passed, 500)
        satellite = {verdict["class"] for (user, number, _), verdict in zip(asked, verdicts) if user == "nobody" and re.fullmatch(r"00881.+", number)}
        self.assertEqual(satellite, {"premium"})
        case.measured(f"{len(asked) // 2} destinations in {len(seen) - 1} classes and in none, {len(asked)} verdicts ({passed} pass), {len(wrong)} differ from the table; 00881... is {satellite.pop()}")

    @staticmethod
    def request(n, user, text, refer):
        method, target = ("REFER", "1000") if refer else ("INVITE", text)
        lines = [f"{method} sip:{target}@192.0.2.1 SIP/2.0", f"Via: SIP/2.0/UDP 203.0.113.7:5060;branch=z9hG4bK{n};rport", "Max-Forwards: 70",
                 f"From: <sip:{user}@192.0.2.1>;tag={n}", "To: <sip:192.0.2.1>", f"Call-ID: c{n}", f"CSeq: 1 {method}", f"Contact: <sip:{user}@203.0.113.7>",
                 "User-Agent: long enough for an answer that is no larger than its request", *([f"Refer-To: <sip:{text}@192.0.2.1>"] if refer else []), "Content-Length: 0", "", ""]
        return "\r\n".join(lines).encode()

    @staticmethod
    def as_the_table_says(user, number, verdict):
        expected = class_of(number)
        if expected in ALLOW.get(user, ()):
            return verdict["verdict"] == "allow"
        return (verdict["verdict"], verdict["status"], verdict["reason"], verdict["rule"], verdict["number"], verdict["class"]) == ("reject", 603, "call_denied", "calls", number, expected)


if __name__ == "__main__":
    case.need("kamailio", "kamcmd", "baresip")
    case.main()
