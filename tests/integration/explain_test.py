"""`postern explain` and `policy_tests`: what they say is what the running daemon does."""
import collections
import json
import os
import re

from support import case
from support.door import ACCESS, ADMIN, CORE, Postern, run
from support.geo import write_country_database
from support.pbx import ADDRESS
from support.pcap import pcap
from support.proc import Process, wait_for
from support.sip import Message, Socket, answer

SECOND = (ACCESS[0], 5062)
BARRIER = "127.200.0.1"
DESK = "Yealink SIP-T46U 108.86.0.20"

RICH = f"""\
listeners:
  - {{address: "udp://{ACCESS[0]}:{ACCESS[1]}", name: public}}
  - {{address: "udp://{SECOND[0]}:{SECOND[1]}", name: second}}
pbx: {{address: "udp://{ADDRESS[0]}:{ADDRESS[1]}", bind: "{CORE[0]}:{CORE[1]}"}}
state: state
admin: http://{ADMIN[0]}:{ADMIN[1]}
networks:
  office: [127.10.0.0/16]
  vpn: [127.11.1.0/24, 127.11.2.7]
  blocklist: {{file: blocklist.txt}}
trusted: [office]
geo: {{country: country.mmdb}}
user_agents:
  evil: ["^evilphone/", "sipcli"]
  desk: ["^Yealink", "^Grandstream"]
rules:
  - {{name: the barrier, source: {BARRIER}, action: allow}}
  - {{name: options are looked at, methods: OPTIONS, action: drop, log_only: on}}
  - {{name: block list, source: blocklist, action: drop}}
  - {{name: scanners of the office, source: office, user_agent: builtin, action: ban}}
  - name: no calls abroad
    source: office
    methods: INVITE
    request_user: "00*"
    action: reject
    status: 603
  - {{name: the office, source: office, action: allow}}
  - {{name: evil agents, user_agent: evil, action: ban, ban_time: 1d}}
  - {{name: the vpn, source: vpn, methods: {{not: [SUBSCRIBE]}}, action: allow}}
  - {{name: registered only, methods: [SUBSCRIBE, PUBLISH], registered: off, action: reject, status: 480}}
  - {{name: desk phones only, listener: second, user_agent: {{not: desk}}, action: drop}}
  - {{name: no messages from CN, country: CN, methods: MESSAGE, action: drop}}
  - name: from home only
    methods: [REGISTER, INVITE]
    unless: {{country: [US, private]}}
    action: reject
  - {{name: admins, from_user: "admin*", action: ban}}
  - {{name: fax, to_user: "9??", methods: INVITE, action: reject, status: 488}}
  - {{name: premium numbers, request_user: ["0900*", "1900*"], action: reject, status: 603}}
  - {{name: notify, transport: udp, methods: NOTIFY, action: reject, status: 405}}
  - {{name: desk phones, user_agent: desk, action: allow}}
  - {{name: registered phones, registered: on, action: allow}}
default_action: reject
"""

Packet = collections.namedtuple("Packet", "source data listener registered", defaults=(ACCESS, False))


def request(source, method="OPTIONS", user="1001", to="1002", uri=None, agent=DESK, headers=(), cut=(), version="SIP/2.0", body=""):
    """A request's bytes; `cut` leaves out headers by name."""
    host = f"{source}:5070"
    mark = re.sub(r"\W", "-", f"{source}-{method}")
    lines = [("Via", f"SIP/2.0/UDP {host};branch=z9hG4bK{mark};rport"), ("Max-Forwards", "70"), ("From", f"<sip:{user}@{ACCESS[0]}>;tag=t{mark}"),
             ("To", f"<sip:{to}@{ACCESS[0]}>"), ("Call-ID", mark), ("CSeq", f"1 {method}"), ("Contact", f"<sip:{user}@{host}>"), ("User-Agent", agent),
             ("Content-Length", len(body))]
    text = f"{method} {uri or f'sip:{to}@{ACCESS[0]}'} {version}\r\n"
    text += "".join(f"{name}: {value}\r\n" for name, value in lines if name not in cut) + "".join(f"{header}\r\n" for header in headers)
    return (text + "\r\n" + body).encode()


def packets():
    """Forty of them, each from an address of its own."""
    registrar = f"sip:{ACCESS[0]}"
    made = []

    def add(source, listener=ACCESS, registered=False, data=None, **about):
        made.append(Packet(source, data if data is not None else request(source, **about), listener, registered))

    add("127.1.0.1")
    add("127.1.0.2", method="REGISTER", to="1001", uri=registrar)
    add("127.1.0.3", method="INVITE")
    add("127.1.0.4", method="MESSAGE")
    add("127.1.0.5", agent="an unknown phone")
    add("127.1.0.6", method="REGISTER", to="1001", uri=registrar, agent="an unknown phone")
    add("127.1.0.7", agent="friendly-scanner")
    add("127.1.0.8", cut=("User-Agent",))
    add("127.66.0.1")
    add("127.66.0.2", method="REGISTER", to="1001", uri=registrar)
    add("127.10.0.1", agent="an unknown phone")
    add("127.10.0.2", agent="friendly-scanner")
    add("127.10.0.3", method="INVITE", to="0044207")
    add("127.10.0.4", method="INVITE", to="%30044207")
    add("127.10.0.5", method="INVITE", to="440044")
    add("127.12.0.1", agent="evilphone/1.0")
    add("127.12.0.2", agent="a SIPCLI of some kind")
    add("127.11.1.1", agent="an unknown phone", method="PUBLISH")
    add("127.11.2.7", agent="an unknown phone", method="INVITE")
    add("127.11.1.2", method="SUBSCRIBE", headers=("Event: presence",))
    add("127.11.2.8", agent="an unknown phone")
    add("127.1.0.9", method="SUBSCRIBE", headers=("Event: presence",))
    add("127.1.0.10", method="SUBSCRIBE", headers=("Event: presence",), registered=True)
    add("127.1.0.11", method="INFO", agent="an unknown phone", registered=True)
    add("127.1.0.12", listener=SECOND)
    add("127.1.0.13", listener=SECOND, agent="an unknown phone")
    add("127.9.0.1", method="MESSAGE")
    add("127.9.0.2", method="INVITE")
    add("127.9.0.3")
    add("127.8.0.1", method="REGISTER", to="1001", uri=registrar)
    add("127.1.0.14", user="administrator")
    add("127.1.0.15", method="INVITE", to="911")
    add("127.1.0.16", method="INVITE", to="1002", uri=f"sip:0900123@{ACCESS[0]}")
    add("127.1.0.17", method="NOTIFY", headers=("Event: presence",))
    add("127.1.0.18", headers=("Proxy-Require: time-travel",))
    add("127.1.0.19", headers=("Max-Forwards: 0",), cut=("Max-Forwards",))
    add("127.1.0.20", version="SIP/3.0")
    add("127.1.0.21", cut=("CSeq",), headers=("CSeq: one OPTIONS",))
    add("127.1.0.22", method="CANCEL")
    add("127.1.0.23", data=b"GET / HTTP/1.1\r\n\r\n")
    return made


class Bench(case.Case):
    """Postern with the rich file before a PBX of a few lines that accepts everything."""

    def setUp(self):
        super().setUp()
        write_country_database(os.path.join(self.folder, "country.mmdb"), {"127.9.0.0/16": "CN", "127.1.0.0/16": "US", "127.8.0.0/16": "DE"})
        self.write("blocklist.txt", "127.66.0.0/16\n")
        self.pbx = self.run_until_end(Socket(ADDRESS))
        self.postern = self.run_until_end(Postern(self.folder, RICH))
        self.barrier = self.run_until_end(Socket((BARRIER, 5070)))
        self.barriers = 0

    def explain(self, *arguments):
        result = run("explain", "-c", self.postern.path, "--json", *arguments)
        self.assertEqual(result.returncode, 0, result.stderr)
        return json.loads(result.stdout)

    def settle(self, listener):
        """Whatever was sent to that listener before has been dealt with: a request behind it has reached the PBX."""
        self.barriers += 1
        call_id = f"barrier-{self.barriers}"
        self.barrier.send(request(BARRIER).replace(b"127-200-0-1-OPTIONS", call_id.encode()), listener)
        message, source = self.pbx.request("OPTIONS", call_id=call_id)
        self.pbx.send(answer(message, 200, "OK", "pbx"), source)
        self.barrier.take(lambda m: m.get("Call-ID") == call_id, "the barrier's answer")

    def outcomes(self):
        return collections.Counter({outcome: int(float(value)) for outcome, value in
                                    re.findall(r'^postern_packets_total\{outcome="(\w+)"\} (\S+)$', self.postern.get("/metrics")[1], re.M)})

    def register(self, phone):
        """Makes the phone's flow a live registration."""
        phone.send(request(phone.host, "REGISTER", to="1001", uri=f"sip:{ACCESS[0]}").replace(b"z9hG4bK", b"z9hG4bKr"), ACCESS)
        message, source = self.pbx.request("REGISTER", call_id=re.sub(r"\W", "-", f"{phone.host}-REGISTER"))
        self.pbx.send(answer(message, 200, "OK", "pbx", [f"Contact: {message.get('Contact')};expires=3600"]), source)
        phone.take(lambda m: m.status == 200, "the registration's answer")

    def done_to(self, packet):
        """What the daemon does with a packet: (forwarded, status of its answer or None, its outcome)."""
        phone = self.run_until_end(Socket((packet.source, 5070)))
        if packet.registered:
            self.register(phone)
        self.settle(packet.listener)
        before = self.outcomes()
        phone.send(packet.data, packet.listener)
        self.settle(packet.listener)
        changed = self.outcomes() - before
        changed["forwarded"] -= 2  # the barrier and its answer
        answers = [m.status for m in phone.drain() if m.status != 100]
        forwarded = self.answered(Message(packet.data).get("Call-ID"))
        self.assertEqual(sum(changed.values()), 1, changed)
        return forwarded, answers[0] if answers else None, next(iter(+changed))

    def answered(self, call_id):
        """Whether such a request has reached the PBX, which answers it."""
        self.pbx.drain()
        forwarded = [(m, source) for m, source in self.pbx.inbox if not m.is_response and m.get("Call-ID") == call_id]
        for message, source in forwarded:
            self.pbx.send(answer(message, 486 if message.method == "INVITE" else 200, "Answered", "pbx"), source)
        return bool(forwarded)


class Explain(Bench):
    def told(self, packet):
        path = os.path.join(self.folder, "packet.sip")
        with open(path, "wb") as file:
            file.write(packet.data)
        name = "public" if packet.listener == ACCESS else "second"
        flags = ["--registered"] if packet.registered else []
        return self.explain("--message", path, "--source", f"{packet.source}:5070", "--listener", name, *flags)

    def test_forty_verdicts_are_what_the_daemon_does(self):
        sent = packets()
        self.assertEqual(len({p.source for p in sent}), 40)
        rules = collections.Counter()
        for packet in sent:
            verdict = self.told(packet)
            rules[verdict["rule"]] += 1
            forwarded, status, outcome = self.done_to(packet)
            about = f"{packet.source} {packet.data[:60]!r}: {verdict}; the daemon: forwarded {forwarded}, answered {status}, {outcome}"
            self.assertEqual(verdict["reason"], outcome, about)
            self.assertEqual(verdict["status"], status, about)
            self.assertEqual(verdict["reason"] == "forwarded", forwarded, about)
            self.assertEqual(verdict["verdict"] == "reject", status is not None, about)
            bans = self.postern.metric("postern_bans_active")
            self.assertEqual(verdict["verdict"] == "ban", bans > self.bans, about)
            self.bans = bans
        names = set(re.findall(r"name: ([^,}\n]+)", RICH.split("rules:")[1]))
        self.assertEqual(names - set(rules), {"the barrier", "options are looked at"}, "each other rule has decided")
        case.measured(f"{len(sent)} packets, {len(sent)} verdicts as the daemon's, by {len(rules)} rules and reasons")

    bans = 0

    def test_a_capture_of_it_says_the_same(self):
        capture = os.path.join(self.folder, "run.pcapng")
        tshark = self.run_until_end(Process("tshark", ["tshark", "-q", "-i", "lo", "-w", capture], self.folder))
        tshark.wait_log("Capturing on")
        sent = packets()
        told = {packet.source: self.told(packet) for packet in sent}
        for packet in sent:
            phone = self.run_until_end(Socket((packet.source, 5070)))
            if packet.registered:
                self.register(phone)
            phone.send(packet.data, packet.listener)
            self.settle(packet.listener)
            self.answered(Message(packet.data).get("Call-ID"))
        wait_for(lambda: self.captured(capture, f"barrier-{self.barriers}"), "the capture to be written")
        tshark.stop()
        result = run("explain", "-c", self.postern.path, "--json", "--pcap", capture)
        self.assertEqual(result.returncode, 0, result.stderr)
        entries = {}
        for entry in json.loads(result.stdout):
            entries[entry.pop("source").split(":")[0]] = entry
        for packet in sent:
            if told[packet.source]["reason"] == "garbage":
                self.assertNotIn(packet.source, entries)
                continue
            entry = entries[packet.source]
            self.assertEqual({key: entry[key] for key in told[packet.source]}, told[packet.source], packet.source)
        self.assertRegex(result.stderr, r"1 not SIP")
        self.assertRegex(result.stderr, r"\n +2  block list \(.*postern\.yaml:\d+\)\n")
        self.assertRegex(result.stderr, r"\n +\d\d  options are looked at \(.*\), log_only")

    @staticmethod
    def captured(path, text):
        if not os.path.exists(path):
            return False
        with open(path, "rb") as file:
            return text.encode() in file.read()


SMALL = """\
listeners: [{address: "udp://0.0.0.0:5060", name: public}]
pbx: udp://10.0.0.5:15060
limits: {per_source: {rate: 1/s, burst: 2}}
rules:
  - name: calls
    methods: INVITE
    action: reject
    status: 480
  - {name: "odd \\"name\\"", methods: MESSAGE, action: drop}
"""


class Command(case.Case):
    """Needs no daemon."""

    def setUp(self):
        super().setUp()
        self.path = self.write("small.yaml", SMALL)

    def explain(self, *arguments, status=0):
        result = run("explain", "-c", self.path, *arguments)
        self.assertEqual(result.returncode, status, result.stdout + result.stderr)
        return result

    def test_a_verdict_in_words(self):
        self.assertEqual(self.explain("--source", "203.0.113.7", "--method", "INVITE").stdout,
                         f"verdict: reject 480\nreason:  rule_reject (a rule with action reject)\nrule:    calls\nat:      {self.path}:5\n")

    def test_json_has_the_contracts_members(self):
        told = lambda *arguments: json.loads(self.explain("--json", "--source", "203.0.113.7", *arguments).stdout)
        self.assertEqual(told("--method", "INVITE"), {"verdict": "reject", "reason": "rule_reject", "rule": "calls", "file": self.path, "line": 5, "status": 480, "score": None})
        allowed = told()
        score = allowed.pop("score")
        self.assertEqual(allowed, {"verdict": "allow", "reason": "forwarded", "rule": "default_action", "file": None, "line": None, "status": None})
        self.assertEqual(([sign["sign"] for sign in score["signs"]], score["ban"]), (["sample_host", "no_user_agent"], 100))
        self.assertEqual(told("--user-agent", "friendly-scanner"),
                         {"verdict": "ban", "reason": "rule_ban", "rule": "builtin scanners", "file": None, "line": None, "status": None, "score": None})
        self.assertEqual(told("--method", "MESSAGE")["rule"], 'odd "name"')

    def test_bad_usage(self):
        for arguments in ([], ["--source", "nobody"], ["--source", "203.0.113.7", "--method", "register"], ["--source", "203.0.113.7", "--listener", "other"],
                          ["--source", "203.0.113.7", "--transport", "tls"], ["--source", "203.0.113.7", "--from", "1001"],
                          ["--source", "203.0.113.7", "--from", "sip:a@b>\r\nX: <sip:c@d"], ["--pcap", "a.pcap", "--source", "203.0.113.7"],
                          ["--message", "a.sip"], ["--message", "a.sip", "--source", "203.0.113.7", "--method", "BYE"], ["--nonsense"]):
            self.assertTrue(self.explain(*arguments, status=2).stderr.strip(), arguments)

    def test_a_file_that_is_not_there_or_wrong(self):
        self.assertIn("none.sip", self.explain("--message", f"{self.folder}/none.sip", "--source", "203.0.113.7", status=1).stderr)
        self.assertEqual(self.explain("--pcap", f"{self.folder}/none.pcap", status=1).stderr,
                         f"postern explain: {self.folder}/none.pcap: cannot open: No such file or directory\n")
        self.assertIn("small.yaml: cannot be read as a capture (pcap or pcapng): ", self.explain("--pcap", self.path, status=1).stderr)
        bad = self.write("bad.yaml", SMALL + "nonsense: 1\n")
        result = run("explain", "-c", bad, "--source", "203.0.113.7")
        self.assertEqual(result.returncode, 1)
        self.assertIn("bad.yaml:10:1: nonsense: unknown key", result.stderr)

    def test_a_message_without_crlf_is_told(self):
        path = self.write("lf.sip", "OPTIONS sip:a SIP/2.0\nVia: x\n\n")
        self.assertIn("CRLF", self.explain("--message", path, "--source", "203.0.113.7").stderr)

    def capture(self):
        path = os.path.join(self.folder, "made.pcap")
        phone, door, other = ("203.0.113.7", 5060), ("192.0.2.1", 5060), ("192.0.2.1", 53)
        options = lambda n: request("203.0.113.7").replace(b"203-0-113-7-OPTIONS", b"o%d" % n)
        pcap(path, [(10, phone, door, options(1)), (10, door, phone, b"SIP/2.0 200 OK\r\n\r\n"), (10, phone, door, b"\r\n\r\n"), (10, phone, door, options(2)),
                    (20, phone, door, request("203.0.113.7", "INVITE")), (30, phone, other, b"dns"), (40, phone, door, b"BYE sip:x SIP/2.0\r\nbroken\r\n\r\n")])
        return path

    def test_a_capture(self):
        result = self.explain("--pcap", self.capture(), "--json")
        self.assertEqual([(e["packet"], e["source"], e["method"], e["verdict"], e["reason"], e["line"]) for e in json.loads(result.stdout)],
                         [(1, "203.0.113.7:5060", "OPTIONS", "allow", "forwarded", None), (4, "203.0.113.7:5060", "OPTIONS", "drop", "source_limit", None),
                          (5, "203.0.113.7:5060", "INVITE", "reject", "rule_reject", 5), (7, "203.0.113.7:5060", "BYE", "drop", "malformed", None)])
        text = self.explain("--pcap", self.capture()).stdout
        self.assertIn("4 messages: 1 allow, 2 drop, 1 reject, 0 ban\n", text)
        self.assertRegex(text, r"\n +1  calls \(.*small\.yaml:5\)\n +0  odd \"name\" \(.*small\.yaml:9\)\n +0  builtin scanners\n +1  default_action\n")
        self.assertIn("7 packets in the capture; besides: 1 keep-alives, 0 not SIP, 0 of the PBX to the core port, 1 sent by a listener, 1 for other ports", text)

    def test_what_another_file_would_change(self):
        other = self.write("other.yaml", SMALL.replace("status: 480", "status: 486").replace("limits:", "#"))
        changes = json.loads(self.explain("--pcap", self.capture(), "--compare", other, "--json").stdout)
        self.assertEqual([(c["packet"], c["source"], c["method"], c["before"]["reason"], c["before"]["status"], c["after"]["reason"], c["after"]["status"]) for c in changes],
                         [(4, "203.0.113.7:5060", "OPTIONS", "source_limit", None, "forwarded", None), (5, "203.0.113.7:5060", "INVITE", "rule_reject", 480, "rule_reject", 486)])
        self.assertEqual(set(changes[0]), {"packet", "source", "method", "before", "after"})
        self.assertIn("2 of 4 verdicts change", self.explain("--pcap", self.capture(), "--compare", other).stdout)
        self.assertEqual(json.loads(self.explain("--source", "203.0.113.7", "--compare", other, "--json").stdout), [])
        change, = json.loads(self.explain("--source", "203.0.113.7", "--method", "INVITE", "--compare", other, "--json").stdout)
        self.assertEqual((change["source"], change["before"]["status"], change["after"]["file"]), ("203.0.113.7:5060", 480, other))

    def test_help_has_an_example_of_each_form(self):
        text = run("explain", "--help").stdout
        for part in ("--source 203", "--message invite.sip", "--pcap yesterday.pcap\n", "--compare new.yaml"):
            self.assertIn(part, text.split("Examples:")[1])


class PolicyTests(case.Case):
    TESTS = """\
policy_tests:
  - {name: phones register, source: 203.0.113.7, method: REGISTER, expect: allow}
  - {name: calls are refused, source: 203.0.113.7, method: INVITE, expect: 480}
  - {source: "[2001:db8::7]:5062", method: OPTIONS, user_agent: friendly-scanner, expect: ban}
"""

    def test_what_holds_is_good_and_no_warning(self):
        result = run("check", "-c", self.write("good.yaml", SMALL + self.TESTS))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertNotIn("policy_tests", result.stderr)

    def test_what_does_not_hold_is_an_error_at_its_line(self):
        wrong = self.TESTS + """\
  - {name: a call, source: 203.0.113.7, method: INVITE, expect: allow}
  - {name: another status, source: 203.0.113.7, method: INVITE, expect: 403}
  - {name: nobody hears it, source: 203.0.113.7, method: INVITE, transport: tls, expect: drop}
"""
        path = self.write("wrong.yaml", SMALL + wrong)
        result = run("check", "-c", path)
        self.assertEqual(result.returncode, 1)
        for line in (f'{path}:14:5: policy_tests[3]: "a call": expected allow, got reject 480 by the rule "calls" ({path}:5), reason rule_reject',
                     f'{path}:15:5: policy_tests[4]: "another status": expected 403, got reject 480 by the rule "calls" ({path}:5), reason rule_reject',
                     f'{path}:16:5: policy_tests[5]: "nobody hears it": no listener takes tls (there are public)'):
            self.assertIn(line, result.stderr.splitlines())
        entries = json.loads(run("check", "--json", "-c", path).stdout)
        self.assertEqual([(e["line"], e["path"]) for e in entries if e["severity"] == "error"], [(14, "policy_tests[3]"), (15, "policy_tests[4]"), (16, "policy_tests[5]")])


if __name__ == "__main__":
    case.need("perl", "tshark")
    case.main()
