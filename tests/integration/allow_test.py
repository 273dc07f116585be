"""`postern allow`: a device that is abroad comes through the rules that name countries, and nobody else does."""
import json
import os

from support import case
from support.door import ACCESS, Postern, config, run
from support.geo import write_country_database
from support.pbx import Pbx
from support.pcap import pcap
from support.proc import wait_for
from support.sip import Phone

RULES = """\
geo: {country: country.mmdb}
rules:
  - {name: home alone, country: {not: [US, private]}, action: drop}
  - {name: no messages, methods: MESSAGE, action: reject}
"""


class Allow(case.Case):
    def setUp(self):
        super().setUp()
        write_country_database(os.path.join(self.folder, "country.mmdb"), {"127.9.0.0/16": "JP", "127.1.0.0/16": "US", "127.8.0.0/16": "DE"})
        self.pbx = self.run_until_end(Pbx(self.folder))
        self.postern = Postern(self.folder, config(extra=RULES))
        self.addCleanup(lambda: self.postern.stop_if_alive())

    def allow(self, *arguments):
        return run("allow", *arguments, "-c", self.postern.path)

    def phone(self, address, user="1001"):
        return self.run_until_end(Phone((address, 5080), ACCESS, user, f"secret{user}"))

    def registers(self, phone):
        """Whether it is let in: something answers its REGISTER, or that is counted among what a rule drops."""
        dropped = lambda: self.postern.metric("postern_messages_refused_total", reason="rule_drop")
        before, heard = dropped(), len(phone.seen)
        phone.register_cseq += 1
        phone.send(phone.build("REGISTER", f"sip:{phone.domain}", f"<sip:{phone.user}@{phone.domain}>", phone.register_call_id, phone.register_cseq,
                               ["Expires: 3600"]), phone.server)
        wait_for(lambda: phone.drain() and len(phone.seen) > heard or dropped() > before, "the REGISTER to be answered or dropped")
        return len(phone.seen) > heard and phone.register().status == 200

    def test_a_pass_is_for_one_device_in_one_country(self):
        traveller, colleague, elsewhere = self.phone("127.9.0.1"), self.phone("127.9.0.2", "1002"), self.phone("127.8.0.1")
        self.assertFalse(self.registers(traveller))
        for country in ("UK", "XX", "Japan"):
            refused = self.allow("add", "1001", "--country", country, "--for", "14d")
            self.assertEqual((refused.returncode, "no ISO 3166 country code" in refused.stderr), (1, True), refused)
        self.assertEqual(self.allow("add", "1001", "--country", "JP", "--for", "14d").returncode, 0)
        wait_for(lambda: self.registers(traveller), "the traveller to register")
        self.assertFalse(self.registers(colleague))
        self.assertFalse(self.registers(elsewhere))
        explained = run("explain", "-c", self.postern.path, "--source", "127.9.0.1", "--method", "INVITE", "--from", "sip:1001@sip.test")
        self.assertIn("verdict: allow", explained.stdout)
        self.assertIn("a travel pass stands", explained.stdout)
        explained = run("explain", "-c", self.postern.path, "--source", "127.9.0.1", "--method", "MESSAGE", "--from", "sip:1001@sip.test", "--json")
        self.assertEqual(json.loads(explained.stdout)["rule"], "no messages", "a pass opens no rule but those of countries")
        capture = os.path.join(self.folder, "made.pcap")
        pcap(capture, [(10 + n, (phone.host, phone.port), ACCESS, phone.build("INVITE", f"sip:1002@{phone.domain}", f"<sip:1002@{phone.domain}>", f"pcap-{n}", 1))
                       for n, phone in enumerate((traveller, colleague))])
        verdicts = lambda *more: json.loads(run("explain", "-c", self.postern.path, "--pcap", capture, "--json", *more).stdout)
        self.assertEqual([entry["verdict"] for entry in verdicts()], ["allow", "drop"])
        other = self.write("other.yaml", config(extra=RULES.replace("home alone", "none abroad")))
        self.assertEqual(verdicts("--compare", other), [])
        self.postern.kill()
        self.postern = Postern(self.folder, config(extra=RULES), name="again")
        self.assertEqual([(each["device"], each["country"]) for each in json.loads(self.allow("list", "--json").stdout)], [("1001", "JP")])
        again = self.phone("127.9.0.3")
        wait_for(lambda: self.registers(again), "the pass to hold after a restart")
        self.assertEqual(self.allow("remove", "1001").returncode, 0)
        gone = self.phone("127.9.0.4")
        wait_for(lambda: not self.registers(gone), "the pass to hold no more")
        self.assertEqual(self.allow("remove", "1001").returncode, 1)
        passes = os.path.join(self.folder, "state", "passes")
        os.remove(passes)
        os.symlink("passes", passes)  # nobody can read it, not even root
        explained = run("explain", "-c", self.postern.path, "--source", "127.9.0.1", "--method", "REGISTER")
        self.assertIn("verdict: drop", explained.stdout)
        self.assertIn("judged as if no travel pass stood", explained.stderr)

    def test_what_makes_no_pass_is_told(self):
        for arguments in (("1001", "--country", "Japan", "--for", "1d"), ("1001", "--country", "private", "--for", "1d"),
                          ("1001", "--country", "JP", "--for", "2000d"), ("1001", "--country", "JP", "--for", "soon")):
            refused = self.allow("add", *arguments)
            self.assertEqual(refused.returncode, 1, arguments)
            self.assertTrue(refused.stderr, arguments)
        self.assertEqual(json.loads(self.allow("list", "--json").stdout), [])


if __name__ == "__main__":
    case.need("kamailio", "kamcmd", "perl")
    case.main()
