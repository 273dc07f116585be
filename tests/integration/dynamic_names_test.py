"""`networks: {anna: {name: ...}}`: a rule follows a home worker's dynamic name, and what is registered stays so."""
from support import case
from support.dns import Dns
from support.door import ACCESS, Postern, config
from support.pbx import Pbx
from support.proc import wait_for
from support.sip import Phone

RULES = """\
networks: {anna: {name: anna.dyn.test, refresh: 1s}}
rules: [{name: anna calls, source: anna, action: allow}]
default_action: drop
"""


class DynamicNames(case.Case):
    def setUp(self):
        super().setUp()
        self.pbx = self.run_until_end(Pbx(self.folder))
        self.dns = self.run_until_end(Dns(self.folder, anna_dyn_test=["127.1.0.1"]))
        self.starts = 0

    def start(self):
        self.starts += 1
        postern = Postern(self.folder, config(extra=RULES), name=f"postern{self.starts}", prefix=self.dns.prefix())
        self.addCleanup(postern.stop_if_alive)
        return postern

    def served(self, phone):
        """Whether its OPTIONS reaches the PBX: silence otherwise."""
        self.asked = getattr(self, "asked", 0) + 1
        try:
            return phone.ask("OPTIONS", f"sip:{ACCESS[0]}", f"<sip:{ACCESS[0]}>", f"served-{self.asked}", 1, timeout=0.3)[0].status == 200
        except AssertionError:
            return False

    def test_a_rule_follows_the_name(self):
        postern = self.start()
        here, there = (self.run_until_end(Phone((address, 5080), ACCESS, "1001", "secret1001")) for address in ("127.1.0.1", "127.1.0.2"))
        wait_for(lambda: self.served(here), "the name's address to be let in")
        self.assertFalse(self.served(there))
        self.assertEqual(here.register().status, 200)
        with open(postern.path, "a") as file:
            file.write("not yet: finished\n")  # a file that is being edited is not read for a name's sake
        self.dns.records["anna.dyn.test"] = ["127.1.0.2"]
        wait_for(lambda: self.served(there), "its next address to be let in")
        self.assertFalse(self.served(here))
        self.assertEqual(postern.metric("postern_registrations"), 1)
        self.dns.failing = True
        postern.wait_log("event=name_not_found")
        self.assertTrue(self.served(there), "the last good answer holds")
        postern.kill()
        postern = self.start()
        self.assertTrue(self.served(there), "and over a restart")
        self.dns.failing = False
        self.dns.records["anna.dyn.test"] = ["127.1.0.1", "127.1.0.2"]
        wait_for(lambda: self.served(here), "both addresses to be let in")
        postern.stop()

    def test_a_name_that_was_never_found_lets_nobody_in(self):
        self.dns.records.clear()
        postern = self.start()
        postern.wait_log("event=name_not_found name=anna.dyn.test")
        self.assertFalse(self.served(self.run_until_end(Phone(("127.1.0.1", 5080), ACCESS))))
        postern.stop()


if __name__ == "__main__":
    case.need("kamailio", "kamcmd")
    case.main()
