"""SIGHUP: all of the configuration or nothing, and nothing is lost by it."""
import os
import random
import re
import signal
import socket
import time
import urllib.request

from support import case
from support.door import ACCESS, ADMIN, CORE, Postern, config
from support.load import AnsweringPbx, Caller
from support.pbx import ADDRESS
from support.proc import wait_for
from support.sip import Phone, Socket

SECOND = ("127.3.0.2", 5070)
BROKEN = int(os.environ.get("POSTERN_BROKEN", "0"))  # how many reloads with a broken piece: each kind once, or so many
ROUNDS = int(os.environ.get("POSTERN_RELOADS", "60"))


def lines(log, result):
    return [line for line in log.splitlines() if f"event=reload result={result}" in line]


class Reloading(case.Case):
    text = config()

    def setUp(self):
        super().setUp()
        self.pbx = self.run_until_end(AnsweringPbx(ADDRESS))
        self.postern = self.run_until_end(Postern(self.folder, self.text))

    def phone(self, number, server=ACCESS):
        return self.run_until_end(Phone((f"127.1.0.{number}", 5080), server, f"10{number:02}"))

    def answers(self, phone, to=ACCESS, timeout=8.0, name="asked"):
        """Whether an OPTIONS of this phone is answered by the PBX; one that is not takes `timeout`."""
        self.asked = getattr(self, "asked", 0) + 1
        call_id = f"{name}-{self.asked}"
        phone.send(phone.build("OPTIONS", f"sip:{to[0]}", f"<sip:{to[0]}>", call_id, 1), to)
        try:
            return phone.response(call_id, (1, "OPTIONS"), timeout=timeout).status == 200
        except AssertionError:
            return False

    def refused(self, text):
        """The lines that tell why, each as {key: value}; nothing has changed."""
        before = len(lines(self.postern.log(), "refused"))
        self.assertEqual(self.postern.reload(text), "refused")
        told = wait_for(lambda: (now := lines(self.postern.log(), "refused")[before:]) and "message=" in now[-1] and "file=" not in now[-1] and now,
                        "the lines of the refusal")
        self.assertIn("nothing has changed", told[-1])
        return [dict(re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|\S+)', line)) for line in told[:-1]]


class Reload(Reloading):
    def test_a_rule_takes_effect_and_the_log_tells_what_changed(self):
        phone = self.phone(1)
        self.assertTrue(self.answers(phone))
        self.assertEqual(self.postern.reload(config(extra="rules: [{name: nobody asks, methods: OPTIONS, action: reject, status: 488}]\n")), "applied")
        phone.send(phone.build("OPTIONS", f"sip:{ACCESS[0]}", f"<sip:{ACCESS[0]}>", "refused", 1), ACCESS)
        self.assertEqual(phone.response("refused", (1, "OPTIONS")).status, 488)
        self.assertEqual(self.postern.reload(config(extra="log: {level: debug}\n")), "applied")
        self.assertTrue(self.answers(phone))
        self.assertEqual(self.postern.reload(), "applied")
        told = wait_for(lambda: (now := lines(self.postern.log(), "applied")) and len(now) == 3 and now, "three reloads to be told")
        self.assertIn('changes="rules 1 -> 2 (+nobody asks)"', told[0])
        self.assertIn('changes="rules 2 -> 1 (-nobody asks), log.level"', told[1])
        self.assertIn("changes=nothing", told[2])

    def test_log_level_and_format(self):
        phone = self.phone(1)
        self.assertEqual(self.postern.reload(config(extra="log: {level: debug, format: json}\n")), "applied")
        phone.send(b"not SIP at all\r\n\r\n", ACCESS)
        wait_for(lambda: re.search('"event":"refused","reason":"garbage",.*"id":"', self.postern.log()), "a line of level debug, as JSON")
        for line in self.postern.log().splitlines():
            self.assertRegex(line, r'^(\{"time".*\}|\S+ \w+ event=.*)$')

    def test_listeners_come_and_go(self):
        one, two = self.phone(1), self.phone(2, SECOND)
        both = config(extra="").replace("listeners: [", f"listeners: [udp://{SECOND[0]}:{SECOND[1]}, ")
        self.assertFalse(self.answers(two, SECOND, 0.3))
        self.assertEqual(self.postern.reload(both), "applied")
        self.assertTrue(self.answers(two, SECOND))
        self.assertEqual(two.register().status, 200)
        self.assertTrue(self.pbx.reaches("1002", two, CORE))
        self.assertEqual(self.postern.reload(config()), "applied")
        self.assertFalse(self.answers(two, SECOND, 0.3))
        self.assertTrue(self.answers(one))
        self.assertEqual(self.pbx.response(self.pbx.send_request("MESSAGE", self.pbx.contact_of("1002"), CORE)).status, 480)
        self.assertEqual(self.postern.metric("postern_registrations"), 1)
        self.assertEqual(self.postern.reload(both), "applied")
        self.assertTrue(self.pbx.reaches("1002", two, CORE))
        self.assertEqual(two.register().status, 200)

    def test_the_admin_address_moves_and_stays_when_it_cannot(self):
        taken = socket.create_server((ADMIN[0], 9470))
        self.addCleanup(taken.close)
        told = self.refused(config().replace(f":{ADMIN[1]}\n", ":9470\n"))
        self.assertEqual([problem["path"] for problem in told], ["admin"])
        # The wildcard is the same port: the old one makes room for it.
        self.assertEqual(self.postern.reload(config().replace(f"http://{ADMIN[0]}:", "http://0.0.0.0:")), "applied")
        with urllib.request.urlopen(f"http://127.0.0.9:{ADMIN[1]}/healthz", timeout=5) as page:
            self.assertEqual(page.status, 200)

    def test_a_thousand_signals_make_few_reloads(self):
        phone = self.phone(1)
        for _ in range(1000):
            self.postern.signal(signal.SIGHUP)
        self.assertTrue(self.answers(phone))
        self.postern.wait_metric("postern_config_reloads_total", 1, result="applied")
        self.assertEqual(self.postern.metric("postern_config_reloads_total", result="refused"), 0)
        self.assertLess(self.postern.metric("postern_config_reloads_total"), 1001)


class Broken(Reloading):
    """Each broken piece changes nothing and names the line."""
    GOOD = "networks:\n  bad: {file: bad.txt}\nrules:\n  - name: bad networks\n    source: bad\n    action: reject\n    status: 488\n"

    def setUp(self):
        super().setUp()
        self.write("bad.txt", "127.66.0.0/16\n127.1.0.9\n")
        self.good = config(extra=self.GOOD)
        self.assertEqual(self.postern.reload(self.good), "applied")
        self.bad, self.fine = self.phone(9), self.phone(1)

    def still(self):
        """The rule of the good file holds, and the phone is served."""
        self.bad.send(self.bad.build("OPTIONS", f"sip:{ACCESS[0]}", f"<sip:{ACCESS[0]}>", f"bad-{time.monotonic()}", 1), ACCESS)
        self.assertEqual(self.bad.take(lambda m: m.is_response, "a refusal")[0].status, 488)
        self.assertTrue(self.answers(self.fine))

    def check(self, text, file, line, path, message):
        told = self.refused(text)
        self.assertEqual([(os.path.basename(p["file"]), int(p["line"]), p["path"]) for p in told], [(file, line, path)], told)
        self.assertIn(message, told[0]["message"])
        self.still()

    def test_each_piece(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(SECOND)
            here = self.good.count("\n") + 1
            pieces = [(self.good + "colour: red\n", "postern.yaml", here, "colour", "unknown key"),
                      (self.good + "default_action: perhaps\n", "postern.yaml", here, "default_action", "must be"),
                      (self.good.replace("source: bad", "source: badd"), "postern.yaml", 10, "rules[0].source", "did you mean"),
                      (self.good + "geo: {country: bad.txt}\n", "postern.yaml", here, "geo.country", "bad.txt"),
                      (self.good + "user_agents: {x: ['(']}\n", "postern.yaml", here, "user_agents.x[0]", "missing"),
                      (self.good.replace("bad.txt", "none.txt"), "postern.yaml", 7, "networks.bad.file", "No such file"),
                      (self.good.replace("listeners: [", f"listeners: [udp://{SECOND[0]}:{SECOND[1]}, "), "postern.yaml", 1, "listeners[0]", "ss -ulpn"),
                      (self.good.replace("listeners: [", "listeners: [udp://192.0.2.1:5060, "), "postern.yaml", 1, "listeners[0]", "does not have the address"),
                      (self.good.replace(f"{CORE[0]}:{CORE[1]}", f"{CORE[0]}:5081"), "postern.yaml", 2, "pbx.bind", "restart needed"),
                      (self.good + "policy_tests: [{source: 127.1.0.9, method: OPTIONS, expect: allow}]\n", "postern.yaml", here, "policy_tests[0]", "expected allow"),
                      (self.good.replace("state: state", "state: other"), "postern.yaml", 3, "state", "restart needed"),
                      (self.good.replace("control: control.sock", "control: other.sock"), "postern.yaml", 4, "control.path", "restart needed")]
            # each once, and then any of them
            rounds = [*pieces, *random.choices(pieces, k=max(0, BROKEN - len(pieces)))]
            for piece in rounds:
                with self.subTest(piece[3]):
                    self.check(*piece)
        self.write("bad.txt", "127.66.0.0/16\n127.1.0.9\nnonsense\n")
        self.check(self.good, "bad.txt", 3, "networks.bad.file", "nonsense")
        self.assertEqual(self.postern.metric("postern_config_reloads_total", result="applied"), 1)
        case.measured(f"{len(rounds) + 1} reloads with a broken piece, {len(pieces) + 1} kinds of them, each refused with its line, and each time the old configuration held")


class Load(Reloading):
    """Reloads that change rules, limits, listeners and the log, every tenth one broken, while phones ask as fast as they can."""
    PHONES = 4
    BASE = ("networks: {nowhere: [192.0.2.0/24], bad: [127.9.0.0/16]}\n"
            "limits: {per_source: off, unknown_sources: off, pbx: off, per_source_methods: {MESSAGE: {rate: 1/h, burst: 20}}}\n")
    SCANNERS = "{name: scanners, source: bad, action: ban}"
    text = config(extra=BASE + f"rules: [{SCANNERS}]\n")

    def variant(self, number):
        if number % 10 == 9:
            return self.text + "colour: red\n"
        more = f"{{name: rule {number % 7}, source: nowhere, action: drop}}, " if number % 2 else ""
        text = config(extra=self.BASE + f"rules: [{more}{self.SCANNERS}]\n" + ("log: {level: warning}\n" if number % 3 == 0 else ""))
        if number % 4 < 2:
            text = text.replace("listeners: [", f"listeners: [udp://{SECOND[0]}:{SECOND[1]}, ")
        return text.replace("pbx: {", f"pbx: {{timeout: {3 + number % 3}s, ")

    def test_nothing_is_lost(self):
        callers = [self.run_until_end(Caller((f"127.1.0.{n}", 5080), ACCESS, f"100{n}")) for n in range(1, self.PHONES + 1)]
        for caller in callers:
            self.assertEqual(caller.register().status, 200)
        talker = self.phone(8)
        self.assertEqual(talker.register().status, 200)
        call = talker.invite("1002", challenged=False)
        self.assertEqual(call.wait().status, 200)
        call.ack()
        spent = self.run_until_end(Socket(("127.20.0.1", 5080)))
        scanner = self.run_until_end(Socket(("127.9.0.1", 5080)))
        self.spend(spent)
        self.forbidden(scanner)
        matches = self.postern.metric("postern_rule_matches_total", rule="scanners")
        for caller in callers:
            caller.start()
        began, results = time.monotonic(), []
        for number in range(ROUNDS):
            results.append(self.postern.reload(self.variant(number)))
            if number % 50 == 0:
                self.forbidden(scanner)
                self.assertFalse(self.asked_through(spent), "what a source has spent came back")
        took = time.monotonic() - began
        lost = [call_id for caller in callers for call_id in caller.finish()]
        sent = sum(caller.sent for caller in callers)
        case.measured(f"{ROUNDS} reloads ({results.count('refused')} of them broken) in {took:.1f} s; of {sent} requests {len(lost)} unanswered")
        self.assertEqual(results, ["refused" if number % 10 == 9 else "applied" for number in range(ROUNDS)])
        self.assertEqual(lost, [])
        self.assertGreater(sent, ROUNDS)
        self.assertEqual(self.postern.metric("postern_registrations"), self.PHONES + 1)
        self.assertGreaterEqual(self.postern.metric("postern_rule_matches_total", rule="scanners"), matches)
        for name in ("postern_receive_failures_total", "postern_send_failures_total"):
            self.assertEqual((name, self.postern.metric(name)), (name, 0))
        for table in ("sources", "methods", "bans", "registrations", "tokens"):  # of transactions those that are answered may go
            self.assertEqual((table, self.postern.metric("postern_evictions_total", table=table)), (table, 0))
        self.assertEqual(call.bye().status, 200)
        self.assertTrue(self.pbx.reaches("1008", talker, CORE))

    def asked_through(self, source):
        """Whether one more request of a stranger reaches the PBX; the refusal is seen in the metrics."""
        before = self.postern.metric("postern_messages_refused_total", reason="method_limit")
        source.send(Phone.build(_Stranger(source), "MESSAGE", "sip:x", "<sip:x>", f"spent-{time.monotonic()}", 1), ACCESS)
        return not wait_for(lambda: self.postern.metric("postern_messages_refused_total", reason="method_limit") > before, "a refusal", 5)

    def spend(self, source):
        for number in range(25):
            source.send(Phone.build(_Stranger(source), "MESSAGE", "sip:x", "<sip:x>", f"spending-{number}", 1), ACCESS)
        self.postern.wait_metric("postern_messages_refused_total", 5, reason="method_limit")

    def forbidden(self, scanner):
        """A ban is renewed when its minute is over, never lifted before."""
        words = ("rule_ban", "silenced")
        before = sum(self.postern.metric("postern_messages_refused_total", reason=word) for word in words)
        scanner.send(Phone.build(_Stranger(scanner), "OPTIONS", "sip:x", "<sip:x>", f"scan-{time.monotonic()}", 1), ACCESS)
        wait_for(lambda: sum(self.postern.metric("postern_messages_refused_total", reason=word) for word in words) > before, "a refusal", 5)
        self.assertEqual(self.postern.metric("postern_bans_active"), 1)


class _Stranger:
    """What Phone.build() needs to know of who asks."""
    via, user, domain, tag, user_agent, contact = "UDP", "x", "x", "t", "x", "<sip:x@127.0.0.1>"

    def __init__(self, socket_):
        self.host, self.port, self.address = socket_.host, socket_.port, socket_.address
        self.via = "UDP"


if __name__ == "__main__":
    case.main()
