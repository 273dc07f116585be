"""`kernel: nftables`: proven bans stand in the kernel too, for the listeners' ports alone, and come back when somebody flushes the rules."""
import fcntl
import json
import os
import socket
import subprocess

from support import case, door
from support.door import ACCESS, ADMIN, CORE, Postern
from support.networks import run
from support.pbx import ADDRESS, Pbx
from support.proc import wait_for
from support.sip import Phone

SCANNER, BRIEF, STRANGER = "127.66.0.1", "127.66.0.2", "127.66.0.3"
CONFIG = f"""\
listeners: ["udp://{ACCESS[0]}:{ACCESS[1]}", "tcp://{ACCESS[0]}:{ACCESS[1]}"]
pbx: {{address: "udp://{ADDRESS[0]}:{ADDRESS[1]}", bind: "{CORE[0]}:{CORE[1]}"}}
rules:
  - {{name: for a moment, source: {BRIEF}, user_agent: builtin, action: ban, ban_time: 3s}}
state: state
control: control.sock
admin: http://{ADMIN[0]}:{ADMIN[1]}
kernel: nftables
"""
OFF = CONFIG.replace("kernel: nftables", "kernel: off")


def scan(source):
    """A scanner over TCP, which proves where it comes from."""
    with socket.create_connection(ACCESS, timeout=5, source_address=(source, 0)) as connection:
        connection.sendall(f"OPTIONS sip:100@{ACCESS[0]} SIP/2.0\r\nVia: SIP/2.0/TCP {source};branch=z9hG4bKx\r\nMax-Forwards: 70\r\n"
                           f"From: <sip:100@{ACCESS[0]}>;tag=x\r\nTo: <sip:100@{ACCESS[0]}>\r\nCall-ID: scan-{source}\r\nCSeq: 1 OPTIONS\r\n"
                           "User-Agent: friendly-scanner\r\nContent-Length: 0\r\n\r\n".encode())
        connection.recv(1)  # it is closed


def banned(name="banned4"):
    """The addresses in the set, each with its timeout in seconds."""
    listed = subprocess.run(["nft", "-j", "list", "set", "inet", "postern", name], capture_output=True, text=True)
    if listed.returncode != 0:
        return {}
    found = next(part["set"] for part in json.loads(listed.stdout)["nftables"] if "set" in part)
    elements = [part["elem"] for part in found.get("elem", [])]
    return {each["val"] if name == "banned4" else each["val"]["prefix"]["addr"]: each["timeout"] for each in elements}


class KernelBans(case.Case):
    def setUp(self):
        super().setUp()
        self.pbx = self.run_until_end(Pbx(self.folder))
        self.postern = self.run_until_end(Postern(self.folder, CONFIG))
        self.phone = self.run_until_end(Phone(("127.1.0.1", 5080), ACCESS))

    def start(self, name, config=CONFIG):
        """Another one, which the test may kill."""
        postern = Postern(self.folder, config, name=name)
        self.addCleanup(postern.stop_if_alive)
        return postern

    def ban(self, postern, *addresses):
        """By hand."""
        for address in addresses:
            done = door.run("bans", "add", address, "-c", postern.path)
            self.assertEqual(done.returncode, 0, done.stderr)

    def assert_served(self, phone, call_id):
        self.assertEqual(phone.ask("OPTIONS", f"sip:{ACCESS[0]}", f"<sip:{ACCESS[0]}>", call_id, 1)[0].status, 200)

    def test_a_proven_ban_stands_there_and_comes_back(self):
        scan(SCANNER)
        wait_for(lambda: SCANNER in banned(), "the ban in the set")
        self.assertLessEqual(banned()[SCANNER], 86400 * 365)
        self.assertGreater(banned()[SCANNER], 60)
        with self.assertRaises(OSError):
            socket.create_connection(ACCESS, timeout=0.5, source_address=(SCANNER, 0))
        with socket.create_connection(ADMIN, timeout=5, source_address=(SCANNER, 0)):
            pass  # nothing but SIP is dropped
        self.assert_served(self.phone, "beside-it")
        run("nft", "flush", "ruleset")
        wait_for(lambda: SCANNER in banned(), "the ban again")
        run("nft", "flush", "chain", "inet", "postern", "input")
        wait_for(lambda: "banned6" in run("nft", "list", "chain", "inet", "postern", "input"), "the rules again")
        self.postern.stop()
        self.assertEqual(run("nft", "list", "tables"), "", "it takes its table with it")
        again = self.run_until_end(Postern(self.folder, CONFIG, name="again"))
        wait_for(lambda: SCANNER in banned(), "the ban after a restart")
        self.assertEqual(again.reload(OFF), "applied")
        wait_for(lambda: run("nft", "list", "tables") == "", "the table to go")
        self.assertEqual(again.reload(CONFIG), "applied")
        wait_for(lambda: SCANNER in banned(), "the ban once it is on again")

    def test_a_ban_that_ends_leaves_the_kernel(self):
        scan(BRIEF)
        wait_for(lambda: BRIEF in banned(), "the ban in the set")
        wait_for(lambda: BRIEF not in banned(), "its end")
        self.assert_served(self.run_until_end(Phone((BRIEF, 5080), ACCESS)), "after-it")

    def check_addresses_of_phones(self, config):
        self.postern.stop()
        postern = self.start("first", config)
        phones = [self.run_until_end(Phone((f"127.1.1.{number}", 5080), ACCESS, f"100{number}")) for number in range(1, 5)]
        for phone in phones:
            self.assertEqual(phone.register().status, 200)
        self.ban(postern, *(phone.host for phone in phones), STRANGER)

        def check(when):
            wait_for(lambda: STRANGER in banned(), "the ban of a stranger in the set")  # the last one: the kernel has heard of all
            self.assertEqual(set(banned()), {STRANGER})
            self.assertEqual(postern.metric("postern_bans_active"), len(phones) + 1)
            for phone in phones:
                self.assert_served(phone, f"{when}-{phone.user}")
                self.assertEqual(phone.register().status, 200)
            self.assertEqual(set(banned()), {STRANGER})

        check("banned")
        postern.kill()
        run("nft", "flush", "ruleset")
        postern = self.start("killed", config)
        check("killed")
        case.measured(f"{len(phones)} phones of banned addresses served, each address out of the kernel, before and after kill -9")

    def test_an_address_that_has_a_phone_stays_out_of_it(self):
        self.check_addresses_of_phones(CONFIG)

    def test_so_it_does_with_two_workers(self):
        self.check_addresses_of_phones(CONFIG + "workers: 2\n")  # that all four phones meet one of them is one chance in eight

    def test_who_is_never_banned_stays_out_of_it(self):
        scan(SCANNER)
        self.ban(self.postern, BRIEF, STRANGER, "2001:db8:1::66", "2001:db8:2::66", "2001:db8:3::66")
        wait_for(lambda: set(banned()) == {SCANNER, BRIEF, STRANGER}, "the bans in the set")
        wait_for(lambda: set(banned("banned6")) == {"2001:db8:1::", "2001:db8:2::", "2001:db8:3::"}, "those of IPv6 in theirs")
        # A /64 with one address that is trusted is left to Postern.
        self.assertEqual(self.postern.reload(CONFIG + f"trusted: [{SCANNER}, '2001:db8:1::5']\n"), "applied")
        wait_for(lambda: set(banned()) == {BRIEF, STRANGER} and set(banned("banned6")) == {"2001:db8:2::", "2001:db8:3::"}, "the trusted ones to leave")
        self.assert_served(self.run_until_end(Phone((SCANNER, 5080), ACCESS)), "trusted")
        self.ban(self.postern, "2001:db8:1::67", "2001:db8:4::66")
        wait_for(lambda: "2001:db8:4::" in banned("banned6"), "a later ban")
        self.assertNotIn("2001:db8:1::", banned("banned6"))
        self.postern.stop()
        self.start("again", CONFIG + f"trusted: [{SCANNER}, {BRIEF}, '2001:db8:1::5', '2001:db8:2::5']\n")
        wait_for(lambda: STRANGER in banned(), "the bans after a restart")
        self.assertEqual((set(banned()), set(banned("banned6"))), ({STRANGER}, {"2001:db8:3::", "2001:db8:4::"}))

    def test_what_a_kill_has_left_is_removed_where_it_is_off(self):
        self.postern.stop()
        postern = self.start("killed")
        scan(SCANNER)
        wait_for(lambda: SCANNER in banned(), "the ban in the set")
        postern.kill()
        self.assertIn(SCANNER, banned())
        postern = self.start("off", OFF)
        self.assertEqual(run("nft", "list", "tables"), "")
        self.assertNotIn("event=kernel_bans", postern.log())
        for task in os.listdir(f"/proc/{postern.pid}/task"):
            with open(f"/proc/{postern.pid}/task/{task}/comm") as file:
                self.assertNotEqual(file.read().strip(), "postern/kernel")

    def test_it_needs_no_state(self):
        self.postern.stop()
        folder = os.open(f"{self.folder}/state", os.O_RDONLY)
        self.addCleanup(os.close, folder)
        fcntl.flock(folder, fcntl.LOCK_EX)
        postern = self.start("stateless")
        postern.wait_log("another Postern uses this folder")
        scan(SCANNER)
        wait_for(lambda: SCANNER in banned(), "the ban in the set")

    def test_without_the_right_to_it_is_said_once_and_postern_goes_on(self):
        self.postern.stop()
        postern = self.run_until_end(Postern(self.folder, CONFIG, name="bare", prefix=("setpriv", "--bounding-set=-net_admin", "--inh-caps=-all")))
        postern.wait_log("event=kernel_bans")
        self.assertIn("CAP_NET_ADMIN", postern.log())
        self.assert_served(self.phone, "without-it")
        scan(SCANNER)
        postern.wait_metric("postern_bans_total", 1, cause="rule_ban")
        self.assertEqual(postern.log().count("event=kernel_bans"), 1)


if __name__ == "__main__":
    case.need("kamailio", "kamcmd", "nft", "setpriv")
    case.main()
