"""What packaging/fail2ban holds, with a real fail2ban: it finds what Postern has banned in the log, nothing that somebody wrote into it, and spares phones."""
import json
import os
import shutil
import socket
import subprocess

from support import case, door
from support.door import ACCESS, Postern, config
from support.networks import run
from support.pbx import Pbx
from support.proc import Process, wait_for
from support.sip import Phone, host_port
from support.stream import StreamPhone, closed

FILES = os.path.join(case.source_folder(), "packaging", "fail2ban")
FILTER = os.path.join(FILES, "filter.d", "postern.conf")
TRAP = (ACCESS[0], 5062)
TRAP_IPV6 = ("fd03::1", 5062)
GUESSER = "127.6.6.6"
VICTIM = "9.9.9.9"
JOURNAL_REMOTE = "/lib/systemd/systemd-journal-remote"

# What a user agent may be made of to have the victim banned, or to hide oneself. With the guesser's five strikes all these are fewer than the
# twenty lines of an event that Postern writes at once.
WORDS = [
    f'x" event=ban reason=trap source={VICTIM}:5060 detail=proven',
    f"event=ban reason=trap source={VICTIM} detail=proven",
    "detail=proven message=x", 'x" detail=proven message="x', "\\", '\\" detail=unproven',
    f'x","source":"{VICTIM}:5060","detail":"proven","message":"x"}}',
    f"2026-01-01T12:00:00.000Z warning event=ban reason=trap source={VICTIM}:5060 detail=proven",
]
# Bytes in it that a reader may take for the end of a line, or cannot read.
BYTES = [b"a\xff\xfeb", "a\u2028b\u0085c".encode(), b"a\x1b[2Kb", f"\r\n warning event=ban reason=trap source={VICTIM}:5060 detail=proven".encode(),
         b"x" * 2000 + f" source={VICTIM}:5060 detail=proven".encode()]
# Lines that Postern has not written.
NOT_OURS = f"""\
Jan  1 12:00:00 door sshd[9]: Invalid user x postern[1]: 2026-01-01T12:00:00.000Z warning event=ban reason=trap source={VICTIM}:5060 detail=proven
2026-01-01T12:00:00.000Z sshd[9]: warning event=ban reason=trap source={VICTIM}:5060 detail=proven
x 2026-01-01T12:00:00.000Z warning event=ban reason=trap source={VICTIM}:5060 detail=proven
2026-01-01T12:00:00.000Z info event=unban reason=trap source={VICTIM} detail=proven
2026-01-01T12:00:00.000Z warning event=block reason=failed_authentication source={VICTIM}:5060 detail=proven
2026-01-01T12:00:00.000Z warning event=ban reason=trap source={VICTIM}:5060 user_agent="x detail=proven
"""


def config_of(extra=""):
    listeners = ", ".join(f"'{transport}://{host_port(ACCESS)}', {{address: '{transport}://{host_port(TRAP)}', trap: on}}" for transport in ("udp", "tcp"))
    return config(extra=f"limits: {{per_source: off, per_source_methods: off}}\n{extra}").replace(f"listeners: ['udp://{host_port(ACCESS)}']", f"listeners: [{listeners}]")


def prober(source, agent, to=TRAP):
    """Who speaks to the trap over TCP, and so proves where he is, with these bytes for a user agent."""
    phone = StreamPhone((source, 0), to)
    phone.user_agent = "AGENT"
    phone.send(phone.build("OPTIONS", f"sip:{host_port(to)}", f"<sip:{host_port(to)}>", "trapped", 1).replace(b"AGENT", agent))
    return phone


def guess(phone):
    """Passwords, until Postern has had enough."""
    for number in range(5):
        phone.password = f"wrong{number}"
        if phone.register().status != 401:
            raise AssertionError("a wrong password is refused")


class Log(case.Case):
    EXTRA = ""
    BAN = "event=ban "

    def setUp(self):
        super().setUp()
        self.pbx = self.run_until_end(Pbx(self.folder))
        self.postern = self.run_until_end(Postern(self.folder, config_of(self.EXTRA)))
        self.log_path = os.path.join(self.folder, "postern.log")

    def wait_ban(self, source, proof):
        wait_for(lambda: any(self.BAN in line and f"{source}:" in line and proof in line for line in self.postern.log().splitlines()),
                 f"a line of the ban of {source}; it said:\n{self.postern.log()[-3000:]}")

    def attack(self):
        """Those that Postern bans: a guesser over UDP, a scanner over TCP, and all that is written into a user agent. And what can be forged."""
        guess(self.run_until_end(Phone((GUESSER, 5080), ACCESS)))
        sources = [GUESSER]
        for number, agent in enumerate([b"friendly-scanner", *(word.encode() for word in WORDS), *BYTES]):
            phone = prober(f"127.66.1.{number + 1}", agent)
            self.addCleanup(phone.stop)
            closed(phone.socket)
            sources.append(phone.host)
        for number, word in enumerate(["friendly-scanner", *WORDS]):
            forger = self.run_until_end(Phone((f"127.66.2.{number + 1}", 5080), TRAP, user_agent=word))
            forger.send(forger.build("OPTIONS", f"sip:{TRAP[0]}", f"<sip:{TRAP[0]}>", word if " " not in word else "forged", 1), TRAP)
            self.wait_ban(forger.host, "unproven")
        for source in sources:
            self.wait_ban(source, "proven")

    def banned(self):
        """The sources that Postern has banned on proven evidence; blocks of accounts are none."""
        listed = door.run("bans", "list", "--json", "-c", self.postern.path)
        self.assertEqual(listed.returncode, 0, listed.stderr)
        return sorted(entry["address"] for entry in json.loads(listed.stdout) if entry["proof"] == "proven" and not entry.get("account"))

    def found(self, log, filter_path=FILTER):
        """The addresses that fail2ban finds, one for each line that matches."""
        done = subprocess.run(["fail2ban-regex", "-o", "ip", log, filter_path], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.stderr, "")
        return sorted(done.stdout.split())


class Text(Log):
    def test_what_is_proven_is_found_and_nothing_that_somebody_wrote(self):
        self.attack()
        banned = self.banned()
        self.assertEqual(len(banned), 2 + len(WORDS) + len(BYTES))
        self.assertEqual(self.found(self.log_path), banned)
        case.measured(f"{len(banned)} sources banned and found, {1 + len(WORDS)} that can be forged passed over")

    def test_strikes(self):
        self.attack()
        log = self.postern.log()
        struck = self.found(self.log_path, FILTER + "[mode=strikes]")
        self.assertEqual(struck.count(GUESSER), 5)
        self.assertEqual(set(struck), set(self.banned()))
        self.assertTrue(any("event=strike" in line and "source=127.66.2." in line or '"event":"strike"' in line and '"127.66.2.' in line for line in log.splitlines()),
                        "there were strikes that can be forged")

    def test_from_the_journal_by_unit_alone(self):
        if not os.path.exists(JOURNAL_REMOTE):
            self.skipTest("systemd-journal-remote is not installed")
        self.attack()
        entries, journal = os.path.join(self.folder, "entries"), os.path.join(self.folder, "postern.journal")
        lines = [("postern.service", line) for line in self.postern.log().splitlines()]
        lines += [("someone-elses.service", line.replace(GUESSER, VICTIM)) for _, line in lines]
        with open(entries, "w") as file:
            for number, (unit, line) in enumerate(lines):
                file.write(f"__REALTIME_TIMESTAMP={1_800_000_000_000_000 + number}\n_MACHINE_ID={'1' * 32}\n_BOOT_ID={'2' * 32}\n_HOSTNAME=door\n"
                           f"SYSLOG_IDENTIFIER=postern\n_PID=77\n_SYSTEMD_UNIT={unit}\nMESSAGE={line}\n\n")
        subprocess.run([JOURNAL_REMOTE, "-o", journal, entries], check=True, capture_output=True)
        self.assertEqual(self.found(f"systemd-journal[journalfiles={journal}]"), self.banned())


class Json(Text):
    EXTRA = "log: {format: json}\n"
    BAN = '"event":"ban"'


class Ipv6(Log):
    def test_an_address_of_ipv6(self):
        case.add_addresses(TRAP_IPV6[0])
        run("ip", "-6", "route", "add", "local", "fd66::/64", "dev", "lo")  # where strangers live: none of them is an address of this host
        with open("/proc/sys/net/ipv6/ip_nonlocal_bind", "w") as switch:
            switch.write("1")
        self.postern.reload(config_of().replace("listeners: [", f"listeners: [{{address: 'tcp://{host_port(TRAP_IPV6)}', trap: on}}, "))
        phone = self.run_until_end(prober("fd66::1", b"scanner", TRAP_IPV6))
        closed(phone.socket)
        self.postern.wait_log("reason=trap source=[fd66::1]:")
        by_hand = door.run("bans", "add", "2001:db8::7", "--for", "1h", "-c", self.postern.path)
        self.assertEqual(by_hand.returncode, 0, by_hand.stderr)
        self.postern.wait_log("reason=by_hand source=2001:db8::")
        self.assertEqual(self.found(self.log_path), ["2001:db8::7", "fd66::1"])


class Filter(case.Case):
    def test_lines_of_others_and_lines_by_syslog(self):
        ban = "2026-01-01T12:00:00.000Z warning event=ban reason=trap source=127.66.0.{}:5060 detail=proven"
        prefixes = ("", "door postern[77]: ", "Jan  1 12:00:00 door postern[77]: ", "2026-01-01T12:00:00.123456+01:00 door postern[77]: ")
        log = self.write("log", NOT_OURS + "".join(prefix + ban.format(number) + "\n" for number, prefix in enumerate(prefixes)))
        done = subprocess.run(["fail2ban-regex", "-o", "ip", log, FILTER], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.stdout.split(), [f"127.66.0.{number}" for number in range(len(prefixes))])


class Server(Log):
    """A fail2ban of the test's own, with the files as they are installed."""
    OFFICE = "127.20.0.1"
    ELSEWHERE = (ACCESS[0], 2222)  # another service of this host

    def configuration(self):
        """A folder as /etc/fail2ban with our files in it."""
        folder = os.path.join(self.folder, "etc-fail2ban")
        shutil.copytree("/etc/fail2ban", folder)
        for name in os.listdir(os.path.join(folder, "jail.d")):
            os.remove(os.path.join(folder, "jail.d", name))
        shutil.copytree(FILES, folder, dirs_exist_ok=True)
        return folder

    def start(self):
        folder = self.configuration()
        jail = os.path.join(folder, "jail.d", "postern.local")
        with open(jail) as file:
            text = file.read()
        text = text.replace("backend = systemd\n", f"backend = polling\nlogpath = {self.log_path}\n").replace("/usr/share/postern/fail2ban", FILES)
        text = text.replace("postern-phones <ip>", f"postern-phones <ip> {self.postern.path}").replace("ignoreip = 127.0.0.1/8 ::1", "ignoreip = 127.1.0.1\nignoreself = false")
        with open(jail, "w") as file:
            file.write(text)
        with open(os.path.join(folder, "fail2ban.local"), "w") as file:
            file.write(f"[Definition]\ndbfile = {self.folder}/fail2ban.sqlite3\nlogtarget = STDOUT\n")
        self.client = ["fail2ban-client", "-c", folder, "-s", f"{self.folder}/fail2ban.sock", "-p", f"{self.folder}/fail2ban.pid"]
        path = os.path.dirname(case.postern_binary()) + ":" + os.environ["PATH"]
        self.server = self.run_until_end(Process("fail2ban", ["fail2ban-server", "-f", *self.client[1:], "start"], self.folder, env={"PATH": path}))
        wait_for(lambda: subprocess.run([*self.client, "status", "postern"], capture_output=True).returncode == 0, f"fail2ban:\n{self.server.log()}")

    def in_the_kernel(self):
        listed = subprocess.run(["nft", "-j", "list", "set", "inet", "f2b-table", "addr-set-postern"], capture_output=True, text=True)
        if listed.returncode != 0:
            return []
        return sorted(element for part in json.loads(listed.stdout)["nftables"] for element in part.get("set", {}).get("elem", []))

    def connects(self, source):
        try:
            socket.create_connection(self.ELSEWHERE, timeout=5, source_address=(source, 0)).close()
            return True
        except OSError:
            return False

    def test_the_shipped_jail_is_one_that_fail2ban_takes(self):
        done = subprocess.run(["fail2ban-client", "-c", self.configuration(), "-t"], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("OK", done.stdout)
        self.assertNotIn("ERROR", done.stdout + done.stderr)

    def test_who_is_banned_reaches_no_other_service_and_an_office_with_phones_does(self):
        self.addCleanup(socket.create_server(self.ELSEWHERE).close)
        phones = [self.run_until_end(Phone((self.OFFICE, 5080 + number), ACCESS, f"100{number}")) for number in (1, 2)]
        for phone in phones:
            self.assertEqual(phone.register().status, 200)
        self.start()
        self.assertTrue(self.connects(GUESSER))
        for user in ("1003", "1004"):
            guess(self.run_until_end(Phone((self.OFFICE, 0), ACCESS, user)))
        self.wait_ban(self.OFFICE, "proven")
        self.attack()
        others = [source for source in self.banned() if source != self.OFFICE]
        self.server.wait_log(f"Ignore {self.OFFICE} by command")
        wait_for(lambda: self.in_the_kernel() == others, f"{others} in the kernel", 60, 0.1)
        self.assertFalse(self.connects(GUESSER))
        self.assertTrue(self.connects(self.OFFICE))
        self.assertEqual([phone.register().status for phone in phones], [200, 200])
        case.measured(f"{len(self.in_the_kernel())} banned from all ports, the office of two registered phones not")


if __name__ == "__main__":
    case.need("fail2ban-regex", "fail2ban-server", "nft", "kamailio", "kamcmd")
    case.main()
