"""Who is refused never reaches the PBX, while a phone goes on calling."""
import os

from support import case
from support.capture import Capture
from support.door import ACCESS, ANY_CORE, Postern, config
from support.geo import write_country_database
from support.pbx import ADDRESS, Pbx
from support.proc import Process
from support.sip import Phone, answer

RULES = """
geo: {country: country.mmdb}
networks:
  denied: {file: denied.txt}
rules:
  - name: denied networks
    source: denied
    action: drop
  - name: banned country
    country: [CN, RU]
    action: ban
"""


def template(user_agent="Yealink SIP-T46U 108.86.0.20", method="OPTIONS", mark="attack"):
    """A datagram of the flood; {n} is its number."""
    return (f"{method} sip:{mark}@{ACCESS[0]} SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK{{n}}{mark};rport\r\nMax-Forwards: 70\r\n"
            f"From: <sip:{mark}@{ACCESS[0]}>;tag={{n}}\r\nTo: <sip:{mark}@{ACCESS[0]}>\r\nCall-ID: {{n}}-{mark}\r\nCSeq: 1 {method}\r\n"
            f"Contact: <sip:{mark}@192.0.2.1:5060>\r\nUser-Agent: {user_agent}\r\nContent-Length: 0\r\n\r\n")


# What is spent does not come back within a test.
ALLOWANCE, REGISTERS = 100, 20
LIMITS = f"limits: {{per_source: {{rate: 1/h, burst: {ALLOWANCE}}}, per_source_methods: {{REGISTER: {{rate: 1/h, burst: {REGISTERS}}}}}}}\n"


class Flooded(case.Case):
    limits = ""

    def setUp(self):
        super().setUp()
        write_country_database(os.path.join(self.folder, "country.mmdb"), {"127.9.0.0/16": "CN", "127.1.0.0/16": "US", "127.20.0.0/15": "US"})
        self.write("denied.txt", "# nobody good\n127.66.0.0/16\n127.67.1.0/24\n")
        self.pbx = self.run_until_end(Pbx(self.folder))
        self.postern = self.run_until_end(Postern(self.folder, config(extra=RULES + self.limits)))
        self.capture = self.run_until_end(Capture())

    def flood(self, network, count, rate, text, name):
        path = self.write(f"{name}.template", text)
        return self.run_until_end(Process(name, [os.environ["POSTERN_FLOOD"], ACCESS[0], ACCESS[1], count, network, path, rate], self.folder))

    def reached(self, mark):
        self.capture.settle()
        return len([d for d in self.capture.between(source=ANY_CORE, destination=ADDRESS) if mark.encode() in d.payload])

    def calls_reached(self, mark):
        """The Call-IDs that reached the PBX: repetitions count once."""
        self.capture.settle()
        return {bytes(line) for d in self.capture.between(source=ANY_CORE, destination=ADDRESS) for line in d.payload.split(b"\r\n")
                if line.startswith(b"Call-ID: ") and mark.encode() in line}

    def answered(self, mark):
        return len([d for d in self.capture.between(source=ACCESS) if mark.encode() in d.payload])

    def phones(self):
        one, two = (self.run_until_end(Phone((f"127.1.0.{n}", 5080), ACCESS, f"100{n}")) for n in (1, 2))
        for phone in (one, two):
            self.assertEqual(phone.register().status, 200)
        return one, two

    def talk(self, one, two):
        """One whole call."""
        call = one.invite(two.user)
        invite, source = two.request("INVITE")
        two.send(answer(invite, 200, "OK", "two", [f"Contact: {two.contact}"]), source)
        self.assertEqual(call.wait().status, 200)
        call.ack()
        two.request("ACK")
        self.assertEqual(call.hang_up(two).status, 200)


class Refused(Flooded):
    def test_a_country_a_network_and_scanners_meet_silence_while_a_phone_calls(self):
        one, two = self.phones()
        floods = [self.flood("127.9.0.0/16", 3000, 1500, template(mark="banned-country"), "country"),
                  self.flood("127.66.0.0/16", 3000, 1500, template(mark="denied-network"), "network"),
                  self.flood("127.20.0.0/16", 3000, 1500, template("friendly-scanner", mark="a-scanner"), "scanner")]
        calls = 0
        while any(flood.alive() for flood in floods) and calls < 8:  # each takes two INVITEs of the phone's allowance of 20
            self.talk(one, two)
            calls += 1
        self.assertGreater(calls, 0)
        for flood in floods:
            self.assertEqual(flood.wait_end(), 0)
        marks = ("banned-country", "denied-network", "a-scanner")
        case.measured(f"{calls} calls meanwhile; of 9000 packets {sum(map(self.reached, marks))} reached the PBX and {sum(map(self.answered, marks))} were answered")
        for mark in marks:
            self.assertEqual((mark, self.reached(mark), self.answered(mark)), (mark, 0, 0))
        refused = sum(self.postern.metric("postern_messages_refused_total", reason=r) for r in
                      ("rule_drop", "rule_ban", "banned", "silenced", "source_limit", "unknown_sources_limit"))
        self.assertGreater(refused, 1000)
        self.assertGreater(self.postern.metric("postern_messages_refused_total", reason="rule_drop"), 0)
        self.assertGreater(self.postern.metric("postern_messages_refused_total", reason="rule_ban"), 0)


class Allowance(Flooded):
    limits = LIMITS

    def test_one_sources_flood_is_cut_to_its_allowance_while_a_phone_calls(self):
        one, two = self.phones()
        flood = self.flood("127.21.0.1/32", 6000, 3000, template(mark="flooding"), "flood")
        self.talk(one, two)
        self.assertEqual(flood.wait_end(), 0)
        self.postern.wait_metric("postern_messages_refused_total", 3000, reason="source_limit")
        reached = len(self.calls_reached("flooding"))
        case.measured(f"of 6000 packets of one source {reached} reached the PBX, allowed were {ALLOWANCE}")
        self.assertLessEqual(reached, ALLOWANCE)
        self.assertGreater(reached, ALLOWANCE // 2, "what is within the allowance passes")

    def test_a_flood_of_registers_is_cut_to_its_allowance(self):
        flood = self.flood("127.21.0.2/32", 400, 2000, template(method="REGISTER", mark="guessing"), "flood")
        self.assertEqual(flood.wait_end(), 0)
        self.postern.wait_metric("postern_messages_refused_total", 300)
        self.assertGreater(self.postern.metric("postern_messages_refused_total", reason="method_limit"), 50)
        reached = len(self.calls_reached("guessing"))
        self.assertLessEqual(reached, REGISTERS)
        self.assertGreater(reached, REGISTERS // 2, "what is within the allowance passes")


if __name__ == "__main__":
    case.need("kamailio", "kamcmd", "perl")
    case.main()
