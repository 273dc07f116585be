"""`networks: {anna: {name: ...}}`: a rule follows a home worker's dynamic name, and what is registered stays so."""
import os
import socket
import time

from support import case
from support.dns import ADDRESS, Dns
from support.door import ACCESS, Postern, config
from support.pbx import Pbx
from support.proc import wait_for
from support.sip import Phone

RULES = """\
networks: {anna: {name: anna.dyn.test, refresh: 1s}}
rules: [{name: anna calls, source: anna, action: allow}]
default_action: drop
"""
OTHER_SERVER = ("127.53.0.2", 53)  # where nobody answers


class DynamicNames(case.Case):
    def setUp(self):
        super().setUp()
        self.pbx = self.run_until_end(Pbx(self.folder))
        self.dns = self.run_until_end(Dns(self.folder, anna_dyn_test=["127.1.0.1"]))
        self.starts = self.asked = 0

    def start(self, rules=RULES):
        self.starts += 1
        self.postern = Postern(self.folder, config(extra=rules), name=f"postern{self.starts}", prefix=self.dns.prefix())
        self.addCleanup(self.postern.stop_if_alive)
        return self.postern

    def phone(self, host):
        return self.run_until_end(Phone((host, 5080), ACCESS, "1001", "secret1001"))

    def resolve_by(self, server, *lines):
        """What resolv.conf says from now on; the same file, for /etc/resolv.conf is a mount of it."""
        self.write(os.path.basename(self.dns.resolv_conf), "".join(f"{line}\n" for line in (f"nameserver {server[0]}", *lines)))

    def served(self, phone):
        """Whether its OPTIONS reaches the PBX, which answers. If not it meets silence, and is counted."""
        self.asked += 1
        call_id, before = f"served-{self.asked}", self.postern.metric("postern_messages_refused_total")
        phone.send(phone.build("OPTIONS", f"sip:{ACCESS[0]}", f"<sip:{ACCESS[0]}>", call_id, 1), ACCESS)

        def outcome():
            phone.listen_until(time.monotonic() + 0.02)
            if any(message.status == 200 and message.get("Call-ID") == call_id for message, _ in phone.inbox):
                return "served"
            return "refused" if self.postern.metric("postern_messages_refused_total") > before else None
        return wait_for(outcome, "OPTIONS to be answered or refused") == "served"

    def wait_served(self, phone, what):
        wait_for(lambda: self.served(phone), what, interval=0.3)

    def test_a_rule_follows_the_name(self):
        postern = self.start()
        here, there = self.phone("127.1.0.1"), self.phone("127.1.0.2")
        self.wait_served(here, "the name's address to be let in")
        self.assertFalse(self.served(there))
        self.assertEqual(here.register().status, 200)
        with open(postern.path, "a") as file:
            file.write("not yet: finished\n")  # a file that is being edited is not read for a name's sake
        self.dns.records["anna.dyn.test"] = ["127.1.0.2"]
        self.wait_served(there, "its next address to be let in")
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
        self.wait_served(here, "both addresses to be let in")
        postern.stop()

    def test_a_name_that_was_never_found_lets_nobody_in(self):
        self.dns.records = {"anna.dyn.test.corp.test": ["127.1.0.1"]}  # which is not what the operator wrote
        self.resolve_by(ADDRESS, "search corp.test")
        postern = self.start()
        postern.wait_log("event=name_not_found name=anna.dyn.test")
        self.assertFalse(self.served(self.phone("127.1.0.1")))
        postern.stop()

    def test_each_look_up_asks_the_servers_that_resolv_conf_names_then(self):
        self.resolve_by(OTHER_SERVER)
        postern = self.start()
        postern.wait_log("event=name_not_found name=anna.dyn.test")
        self.resolve_by(ADDRESS)
        self.wait_served(self.phone("127.1.0.1"), "the name's address to be let in")
        postern.stop()

    def test_a_name_is_asked_once_at_a_time(self):
        silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(silent.close)
        silent.bind(OTHER_SERVER)
        silent.settimeout(30)
        self.resolve_by(OTHER_SERVER)
        postern = self.start()
        asked = {silent.recv(512)[:2] for _ in ("A", "AAAA")}  # the ids
        self.assertIn(silent.recv(512)[:2], asked, "it asks anew after the second of `refresh` and does not wait for its answers")
        postern.stop()

    def test_a_reload_for_a_name_that_is_refused_is_made_again(self):
        path = self.write("more.txt", "127.1.0.9\n")
        postern = self.start(RULES.replace("}\nrules", ", more: {file: more.txt}}\nrules", 1).replace("source: anna", "source: [anna, more]"))
        here, there = self.phone("127.1.0.1"), self.phone("127.1.0.2")
        self.wait_served(here, "the name's address to be let in")
        os.rename(path, f"{path}.away")
        self.dns.records["anna.dyn.test"] = ["127.1.0.2"]
        postern.wait_log("event=reload result=refused")
        self.assertFalse(self.served(there))
        os.rename(f"{path}.away", path)
        self.wait_served(there, "its next address to be let in")
        self.assertFalse(self.served(here))
        postern.stop()


if __name__ == "__main__":
    case.need("kamailio", "kamcmd")
    case.main()
