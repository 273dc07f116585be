"""The jail against real guessers: who guesses passwords, tries users or speaks to a trap is kept out, and nobody else."""
import concurrent.futures
import subprocess

from support import case, sipvicious
from support.capture import Capture
from support.door import ACCESS, ANY_CORE, Postern, config
from support.networks import Network
from support.pbx import ADDRESS, Pbx
from support.proc import Timeout
from support.sip import Phone
from support.stream import StreamPhone, closed

TRAP = (ACCESS[0], 5062)
LISTENERS = f"listeners: ['udp://{ACCESS[0]}:{ACCESS[1]}', 'tcp://{ACCESS[0]}:{ACCESS[1]}', {{address: 'udp://{TRAP[0]}:{TRAP[1]}', trap: on}}, {{address: 'tcp://{TRAP[0]}:{TRAP[1]}', trap: on}}]\n"
NO_SCANNERS = "builtin_scanners: off\njail: {score: off}\n"
ORDINARY = "Yealink SIP-T46U 108.86.0.20"
OFTEN = "limits: {per_source: off, per_source_methods: off}\n"


def config_of(*extra):
    return LISTENERS + "".join(line + "\n" for line in config(extra="".join(extra)).splitlines() if not line.startswith("listeners"))


class Jail(case.Case):
    EXTRA = (OFTEN,)

    def setUp(self):
        super().setUp()
        self.pbx = self.run_until_end(Pbx(self.folder))
        self.start()
        self.addCleanup(lambda: self.postern.stop_if_alive())
        self.capture = self.run_until_end(Capture())

    def start(self, name="postern"):
        self.postern = Postern(self.folder, config_of(*self.EXTRA), name=name)

    def phone(self, address, user="1001", **options):
        return self.run_until_end(Phone(address, ACCESS, user, **options))

    def logins_at_the_pbx(self, source):
        """Requests with credentials of that source which reached the PBX."""
        self.capture.settle()
        mark = f"X-Postern-Source: {source}:".encode()
        return [d for d in self.capture.between(source=ANY_CORE, destination=ADDRESS) if mark in d.payload and b"Authorization:" in d.payload]

    def guess(self, phone, passwords):
        """Registers with one password after the other; the statuses, until there is silence or the account is blocked."""
        statuses = []
        for password in passwords:
            phone.password = password
            try:
                statuses.append(phone.register(timeout=1.5).status)
            except Timeout:
                statuses.append(None)
            if statuses[-1] != 401:
                break
        return statuses


class Guesser(Jail):
    def test_a_guesser_is_banned_and_stays_so_after_a_kill(self):
        guesser = self.phone(("127.6.6.6", 5080))
        statuses = self.guess(guesser, [f"wrong{n}" for n in range(30)])
        self.assertEqual(statuses, [401] * 5 + [None])
        self.assertEqual(self.postern.metric("postern_bans_total", cause="failed_authentication"), 1)
        self.assertEqual(self.postern.metric("postern_jail_strikes_total", cause="failed_authentication"), 5)
        self.postern.wait_log("event=ban reason=failed_authentication source=127.6.6.6:5080")
        self.postern.kill()
        self.start("again")
        self.assertEqual(self.guess(guesser, ["secret1001"]), [None], "the right one is too late, over a kill -9, too")
        self.assertEqual(len(self.logins_at_the_pbx("127.6.6.6")), 5)
        self.assertEqual(self.phone(("127.1.0.1", 5080)).register().status, 200, "the owner elsewhere")
        case.measured("5 failures, then silence; after kill -9 the right password meets silence")

    def test_an_account_guessed_from_many_addresses_is_slow_for_all_but_its_owner(self):
        owner = self.phone(("127.1.0.1", 5080))
        self.assertEqual(owner.register().status, 200)
        tried = 0
        for number in range(12):
            tried += len(self.guess(self.phone((f"127.6.7.{number + 1}", 5080)), ["a", "b"]))
        reached = sum(len(self.logins_at_the_pbx(f"127.6.7.{number + 1}")) for number in range(12))
        self.assertLessEqual(reached, 21, "of 24")
        self.assertGreater(self.postern.metric("postern_messages_refused_total", reason="account_guessed"), 0)
        self.assertEqual(owner.register().status, 200, "where it was accepted")
        again = self.phone(("127.1.0.1", 6080))
        self.assertEqual(again.register().status, 200, "there from another port, too")


class BehindOneAddress(Jail):
    OFFICE = "127.20.0.1"

    def setUp(self):
        super().setUp()
        self.phones = [self.phone((self.OFFICE, 5080 + n), f"100{n}") for n in (1, 2)]
        for phone in self.phones:
            self.assertEqual(phone.register().status, 200)

    def test_a_wrong_password_blocks_only_itself(self):
        wrong = self.phone((self.OFFICE, 5090), "1003", password="wrong")
        statuses = [wrong.register().status for _ in range(8)]
        self.assertEqual(statuses, [401] * 5 + [403] * 3)
        self.assertEqual(self.postern.metric("postern_blocks_active"), 1)
        self.assertEqual(self.postern.metric("postern_bans_active"), 0)
        for phone in self.phones:
            self.assertEqual(phone.register().status, 200)
        self.assertEqual(self.phone((self.OFFICE, 5091), "1004").register().status, 200, "a phone that is new there")
        elsewhere = self.phone(("127.1.0.3", 5080), "1003")
        self.assertEqual(elsewhere.register().status, 200, "the account elsewhere")

    def test_phones_keep_their_flows_when_the_address_is_banned(self):
        for user in ("1003", "1004"):
            self.guess(self.phone((self.OFFICE, 0), user), [f"wrong{n}" for n in range(8)])
        self.assertEqual(self.postern.metric("postern_bans_active"), 1)
        for number, phone in enumerate(self.phones):
            self.assertEqual(phone.register().status, 200, "its flow")
            moved = self.phone((self.OFFICE, 6080 + number), phone.user)
            self.assertEqual(moved.register().status, 200, "an account that was accepted there, from another port")
        with self.assertRaises(Timeout):
            self.phone((self.OFFICE, 0), "1003").register(timeout=1)


class Tools(Jail):
    """They send from their machine's own address, so each has a machine: as they come, and with an ordinary user agent."""
    EXTRA = (OFTEN, NO_SCANNERS)
    PLACES = {False: ("plain", "198.51.100.66", "198.51.100.1"), True: ("disguised", "203.0.113.66", "203.0.113.1")}  # by disguise: network, its machine, the edge there

    def start(self, name="postern"):
        self.networks = {disguised: self.run_until_end(Network(self.folder, *place)) for disguised, place in self.PLACES.items()}
        edges = ", ".join(f"'udp://{edge}:{ACCESS[1]}'" for _, _, edge in self.PLACES.values())
        self.postern = Postern(self.folder, config_of(*self.EXTRA).replace("listeners: [", f"listeners: [{edges}, "), name=name)

    def dictionary(self, right_at):
        path = f"{self.folder}/dictionary.txt"
        with open(path, "w") as file:
            file.write("".join(("secret1001" if n == right_at else f"guess{n}") + "\n" for n in range(1, 40)))
        return path

    def tool(self, name, disguised, *arguments):
        """What it said."""
        command = sipvicious.command(name, ORDINARY) if disguised else [name]
        done = subprocess.run([*self.networks[disguised].enter, *command, *arguments, f"-p{ACCESS[1]}", self.PLACES[disguised][2]], cwd=self.folder,
                              env={"PATH": "/usr/bin:/bin", "HOME": self.folder}, capture_output=True, text=True, timeout=120)
        return done.stdout + done.stderr

    def test_svcrack_is_jailed_before_the_right_password(self):
        logins = []
        for disguised, (_, machine, _) in self.PLACES.items():
            said = self.tool("svcrack", disguised, "-u1001", "-d", self.dictionary(11), "--maximumtime=5")
            self.assertNotIn("secret1001", said)
            logins.append(len(self.logins_at_the_pbx(machine)))
            self.postern.wait_log(f"event=ban reason=failed_authentication source={machine}:")
        case.measured(f"password 11 of 39 not found; {logins} logins reached the PBX")
        self.assertLess(max(logins), 11)
        self.assertGreater(min(logins), 0)

    def test_svwar_learns_nothing(self):
        tried = [(method, disguised) for method in ("REGISTER", "INVITE", "OPTIONS") for disguised in self.PLACES]
        with concurrent.futures.ThreadPoolExecutor() as pool:  # each waits for answers that do not come
            for (method, disguised), said in zip(tried, pool.map(lambda each: self.tool("svwar", each[1], "-e998-1010", "-m", each[0], "--force"), tried)):
                rows = [line.split("|") for line in said.splitlines() if line.startswith("| ") and line.split("|")[1].strip().isdigit()]
                case.measured(f"svwar {method}{' disguised' if disguised else ''}: {len(rows)} of 13 extensions told")
                self.assertLessEqual(len({row[2] for row in rows}), 1, f"one answer to all, or none: {said}")
                self.assertIn(len(rows), (0, 13), said)


class Traps(Jail):
    EXTRA = (OFTEN, "jail: {trap_extensions: ['8888']}\n")

    def test_who_speaks_to_a_trap_is_banned(self):
        over_udp, over_tcp = self.run_until_end(Phone(("127.6.8.1", 5080), TRAP)), ("127.6.8.2", 0)
        over_udp.send(over_udp.build("OPTIONS", f"sip:{TRAP[0]}", f"<sip:{TRAP[0]}>", "trapped", 1), TRAP)
        self.postern.wait_metric("postern_messages_refused_total", 1, reason="trap")
        with self.assertRaises(Timeout):
            self.phone(("127.6.8.1", 5081)).register(timeout=1)
        prober = StreamPhone(over_tcp, TRAP)
        self.addCleanup(prober.stop)
        prober.send(prober.build("OPTIONS", f"sip:{TRAP[0]}", f"<sip:{TRAP[0]}>", "trapped", 1))
        self.assertEqual(closed(prober.socket), b"")
        self.postern.wait_log("event=ban reason=trap source=127.6.8.2")
        again = StreamPhone(over_tcp, ACCESS)
        self.addCleanup(again.stop)
        self.assertEqual(closed(again.socket), b"", "elsewhere, too")

    def test_a_trap_extension(self):
        caller = StreamPhone(("127.6.8.3", 0), ACCESS)
        self.addCleanup(caller.stop)
        caller.send(caller.build("INVITE", f"sip:8888@{ACCESS[0]}", f"<sip:8888@{ACCESS[0]}>", "trapped", 1))
        self.assertEqual(closed(caller.socket), b"")
        self.postern.wait_log("event=ban reason=trap source=127.6.8.3")
        self.capture.settle()
        self.assertEqual(self.capture.between(source=ANY_CORE, destination=ADDRESS), [])


if __name__ == "__main__":
    case.need("kamailio", "kamcmd", "svwar", "svcrack")
    case.main()
