"""`kernel: nftables`: proven bans stand in the kernel too, for the listeners' ports alone, and come back when somebody flushes the rules."""
import json
import os
import socket
import subprocess

from support import case
from support.door import ACCESS, ADMIN, CORE, Postern
from support.networks import run
from support.pbx import ADDRESS, Pbx
from support.proc import wait_for
from support.sip import Phone

SCANNER, BRIEF = "127.66.0.1", "127.66.0.2"
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


def scan(source):
    """A scanner over TCP, which proves where it comes from."""
    with socket.create_connection(ACCESS, timeout=5, source_address=(source, 0)) as connection:
        connection.sendall(f"OPTIONS sip:100@{ACCESS[0]} SIP/2.0\r\nVia: SIP/2.0/TCP {source};branch=z9hG4bKx\r\nMax-Forwards: 70\r\n"
                           f"From: <sip:100@{ACCESS[0]}>;tag=x\r\nTo: <sip:100@{ACCESS[0]}>\r\nCall-ID: scan-{source}\r\nCSeq: 1 OPTIONS\r\n"
                           "User-Agent: friendly-scanner\r\nContent-Length: 0\r\n\r\n".encode())
        connection.recv(1)  # it is closed


def banned():
    """The addresses in the set, each with its timeout in seconds."""
    listed = subprocess.run(["nft", "-j", "list", "set", "inet", "postern", "banned4"], capture_output=True, text=True)
    if listed.returncode != 0:
        return {}
    found = next(part["set"] for part in json.loads(listed.stdout)["nftables"] if "set" in part)
    return {part["elem"]["val"]: part["elem"]["timeout"] for part in found.get("elem", [])}


class KernelBans(case.Case):
    def setUp(self):
        super().setUp()
        self.pbx = self.run_until_end(Pbx(self.folder))
        self.postern = self.run_until_end(Postern(self.folder, CONFIG))
        self.phone = self.run_until_end(Phone(("127.1.0.1", 5080), ACCESS))

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
        self.assertEqual(again.reload(CONFIG.replace("kernel: nftables", "kernel: off")), "applied")
        wait_for(lambda: run("nft", "list", "tables") == "", "the table to go")
        self.assertEqual(again.reload(CONFIG), "applied")
        wait_for(lambda: SCANNER in banned(), "the ban once it is on again")

    def test_a_ban_that_ends_leaves_the_kernel(self):
        scan(BRIEF)
        wait_for(lambda: BRIEF in banned(), "the ban in the set")
        wait_for(lambda: BRIEF not in banned(), "its end")
        self.assert_served(self.run_until_end(Phone((BRIEF, 5080), ACCESS)), "after-it")

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
