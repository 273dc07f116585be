"""Attackers of all kinds beside phones that register and call: no legit request is refused or lost, every proven attacker is banned with its cause, memory is flat.
POSTERN_JAIL_SECONDS, _PHONES and _FLOOD (packets a second) make of the short turn a long one: scripts/accept jail."""
import collections
import json
import os
import queue
import socket
import struct
import subprocess
import threading
import time

from support import case
from support.case import postern_binary
from support.door import ACCESS, Postern, config
from support.explaining import Explaining
from support.pbx import ADDRESS, Pbx
from support.proc import Process, Timeout
from support.sip import Message, Phone, answer, new_branch, sdp
from support.stream import StreamPhone

SECONDS = float(os.environ.get("POSTERN_JAIL_SECONDS", "12"))
PHONES = int(os.environ.get("POSTERN_JAIL_PHONES", "10"))
FLOOD = int(os.environ.get("POSTERN_JAIL_FLOOD", "2000"))
KIB_A_CONTENT = 0.4     # of a token; a table with a bound of its own
FORGED_A_PHONE = 20  # packets a second in each phone's name
TRAP = (ACCESS[0], 5062)
OFFICE = "127.20.0.1"     # three phones and a guesser behind one address
TRUSTED = "127.30.0.1"
LISTENERS = (f"listeners: ['udp://{ACCESS[0]}:{ACCESS[1]}', 'tcp://{ACCESS[0]}:{ACCESS[1]}', {{address: 'udp://{TRAP[0]}:{TRAP[1]}', trap: on}}, "
             f"{{address: 'tcp://{TRAP[0]}:{TRAP[1]}', trap: on}}]\n")
RULES = f"""trusted: [{TRUSTED}]
jail: {{trap_extensions: ["8888"]}}
calls:
  classes: {{internal: ["1XXX", "1XXXX"], international: ["00."], premium: ["0900."]}}
  allow: [{{classes: [internal]}}]
"""


def configuration():
    return LISTENERS + "".join(line + "\n" for line in config(extra=RULES).splitlines() if not line.startswith("listeners"))


class RepeatingPhone(Phone):
    """Repeats as RFC 3261 §17 has it over UDP: requests until they are answered, answers and ACKs when what they are for comes again. A flood beside it has the kernel drop a packet now and then."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self._requests, self._replies = {}, {}  # by Call-ID and CSeq; by what came

    @staticmethod
    def _of(message):
        """What is the same in each repetition of it."""
        return message.get("Call-ID"), message.get("CSeq"), message.status if message.is_response else message.all("Via")[0]

    def send(self, data, to):
        message = Message(data if isinstance(data, bytes) else data.encode("utf-8", "surrogateescape"))
        if message.is_response:
            self._replies[self._of(message)[:2] + (message.all("Via")[0],)] = (data, to)
        elif message.method == "ACK":
            number = message.get("CSeq").split()[0]
            for status in (200, 401, 407):
                self._replies[message.get("Call-ID"), f"{number} INVITE", status] = (data, to)
        else:
            self._requests[message.get("Call-ID"), message.get("CSeq")] = (data, to)
        super().send(data, to)

    def _fill(self, seconds):
        known = len(self.inbox)
        super()._fill(seconds)
        for entry in self.inbox[known:]:
            if reply := self._replies.get(self._of(entry[0])):
                super().send(*reply)
                self.inbox.remove(entry)

    def response(self, call_id, cseq, final=True, timeout=24.0):
        asked, pause, until = self._requests[call_id, f"{cseq[0]} {cseq[1]}"], 0.5, time.monotonic() + timeout
        while True:
            try:
                return super().response(call_id, cseq, final, min(pause, max(0.0, until - time.monotonic())))
            except Timeout:
                if time.monotonic() >= until:
                    raise
                super().send(*asked)
                pause = min(2 * pause, 4)


class Pair(threading.Thread):
    """Two phones that register again and again and call each other; what failed is kept."""

    def __init__(self, one, two, until):
        super().__init__(daemon=True)
        self.one, self.two, self.until = one, two, until
        self.done, self.failed = collections.Counter(), []

    def run(self):
        while time.monotonic() < self.until:
            for phone in (self.one, self.two):
                self.attempt("REGISTER", lambda phone=phone: self.expect(phone.register(timeout=10).status, 200))
            self.attempt("call", self.call)
            self.one.listen_until(min(self.until, time.monotonic() + 3))  # below limits.per_device

    def attempt(self, what, act):
        self.done[what] += 1
        try:
            act()
        except (Timeout, AssertionError) as error:
            self.failed.append(f"{what} of {self.one.user}: {error}")

    @staticmethod
    def expect(status, wanted):
        if status != wanted:
            raise AssertionError(f"answered {status}")

    def call(self):
        call = self.one.invite(self.two.user)
        invite, source = self.two.request("INVITE", timeout=10)
        self.two.send(answer(invite, 200, "OK", self.two.user, [f"Contact: {self.two.contact}"], sdp(self.two.host, self.two.port + 1000)), source)
        self.expect(call.wait(timeout=10).status, 200)
        call.ack()
        self.two.request("ACK", timeout=10)
        self.hang_up(call)

    def hang_up(self, call):
        result = queue.Queue()
        hanging = threading.Thread(target=lambda: result.put(self._bye(call)), daemon=True)
        hanging.start()
        bye, source = self.two.request("BYE", timeout=10)
        self.two.send(answer(bye, 200, "OK"), source)
        self.expect(result.get(timeout=12), 200)
        self.one.inbox.clear()
        self.two.inbox.clear()

    @staticmethod
    def _bye(call):
        try:
            return call.bye(timeout=10).status
        except Timeout:
            return None


class Repeating(threading.Thread):
    """Acts again and again, `a_second` times a second, until the end."""

    def __init__(self, act, a_second, until):
        super().__init__(daemon=True)
        self.act, self.pause, self.until, self.count = act, 1 / a_second, until, 0

    def run(self):
        while time.monotonic() < self.until:
            try:
                self.act(self.count)
            except (OSError, AssertionError):  # closed, or silence
                pass
            self.count += 1
            time.sleep(self.pause)


class Forger:
    """Packets in the phones' own names: a scanner's, malformed ones, credentials that are made up, requests to a trap user."""

    def __init__(self, phones):
        self.phones = [(phone.host, phone.port, phone.user) for phone in phones]
        self.raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self.sent = 0

    def stop(self):
        self.raw.close()

    def round(self, number):
        for host, port, user in self.phones:
            self.send(host, port, self.message(host, port, user, number))

    def message(self, host, port, user, number):
        target = "8888" if number % 4 == 3 else user
        made_up = f'Authorization: Digest username="{user}",realm="asterisk",nonce="x{number}",uri="sip:x",response="{"0" * 32}",opaque="made up"\r\n'
        extra, agent = [("", "friendly-scanner"), ("CSeq: 2 INVITE\r\n", "phone"), (made_up, "phone"), ("", "phone")][number % 4]
        return (f"REGISTER sip:{ACCESS[0]} SIP/2.0\r\nVia: SIP/2.0/UDP {host}:{port};branch={new_branch()};rport\r\nMax-Forwards: 70\r\n"
                f"From: <sip:{target}@{ACCESS[0]}>;tag=forged\r\nTo: <sip:{target}@{ACCESS[0]}>\r\nCall-ID: forged-{user}-{number}\r\nCSeq: 1 REGISTER\r\n{extra}"
                f"Contact: <sip:{user}@192.0.2.66>\r\nUser-Agent: {agent}\r\nContent-Length: 0\r\n\r\n").encode()

    def send(self, host, port, payload):
        udp = struct.pack("!HHHH", port, ACCESS[1], 8 + len(payload), 0)
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28 + len(payload), 0, 0, 64, socket.IPPROTO_UDP, 0, socket.inet_aton(host), socket.inet_aton(ACCESS[0]))
        self.raw.sendto(ip + udp + payload, (ACCESS[0], 0))
        self.sent += 1


class JailRun(case.Case):
    def setUp(self):
        super().setUp()
        self.pbx = self.run_until_end(Pbx(self.folder, more_users=PHONES))
        self.postern = self.run_until_end(Postern(self.folder, configuration()))
        self.until = time.monotonic() + SECONDS + 3600  # set anew once all is registered

    def phone(self, host, port, user, kind=RepeatingPhone):
        return self.run_until_end(kind((host, port), ACCESS, user))

    def phones(self):
        """Pairs of registered phones: each at an address of its own."""
        users = [f"{10000 + n}" for n in range(PHONES)]
        return [self.phone(f"127.10.{n // 200}.{n % 200 + 1}", 5080, user) for n, user in enumerate(users)]

    # Each attacker goes on for the whole run.
    def guesser(self, source, user):
        phone = self.phone(source, 0, user, Phone)

        def act(number):
            phone.password = f"guess{number}"
            phone.register(timeout=0.5)
        return Repeating(act, 5, self.until)

    def over_tcp(self, source, server, message):
        """A new connection each time: a handshake proves its source."""
        def act(number):
            prober = StreamPhone((source, 0), server)
            try:
                prober.send(message(prober, number))
                prober.listen_until(time.monotonic() + 0.1)
            finally:
                prober.stop()
        return Repeating(act, 5, self.until)

    def bans(self):
        done = subprocess.run([postern_binary(), "bans", "list", "-c", self.postern.path, "--json"], capture_output=True, text=True, timeout=30)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return json.loads(done.stdout)

    def attackers(self):
        """{name: (source, cause, what acts)}."""
        uri = f"sip:{ACCESS[0]}"
        register = lambda phone, n: phone.build("REGISTER", uri, f"<sip:{7000 + n}@{ACCESS[0]}>", f"enumerate-{n}", 1, from_value=f"<sip:{7000 + n}@{ACCESS[0]}>;tag=e")
        walk = lambda phone, n: phone.build("INVITE", f"sip:{'0' * (n % 5 + 2)}4420{n}@{ACCESS[0]}", f"<sip:00@{ACCESS[0]}>", f"walk-{n}", 1)
        options = lambda phone, n: phone.build("OPTIONS", f"sip:{TRAP[0]}", f"<sip:{TRAP[0]}>", f"trap-{n}", 1)
        trap_user = lambda phone, n: phone.build("INVITE", f"sip:8888@{ACCESS[0]}", f"<sip:8888@{ACCESS[0]}>", f"trapped-{n}", 1)
        return {
            "guesser": ("127.6.0.1", "failed_authentication", self.guesser("127.6.0.1", "10000")),
            "enumerator": ("127.6.0.2", "enumeration", self.over_tcp("127.6.0.2", ACCESS, register)),
            "prefix walker": ("127.6.0.3", "refused_destination", self.over_tcp("127.6.0.3", ACCESS, walk)),
            "trap port": ("127.6.0.4", "trap", self.over_tcp("127.6.0.4", TRAP, options)),
            "trap user": ("127.6.0.5", "trap", self.over_tcp("127.6.0.5", ACCESS, trap_user)),
        }

    def flood(self):
        template = os.path.join(self.folder, "flood.txt")
        with open(template, "w") as file:
            file.write(f"OPTIONS sip:100@{ACCESS[0]} SIP/2.0\r\nVia: SIP/2.0/UDP 127.64.0.1:5060;branch=z9hG4bK{{n}}\r\nMax-Forwards: 70\r\nFrom: <sip:100@{ACCESS[0]}>;tag={{n}}\r\n"
                       f"To: <sip:100@{ACCESS[0]}>\r\nCall-ID: flood-{{n}}\r\nCSeq: 1 OPTIONS\r\nUser-Agent: friendly-scanner\r\nContent-Length: 0\r\n\r\n")
        count = str(int(FLOOD * SECONDS))
        return self.run_until_end(Process("flood", [os.environ["POSTERN_FLOOD"], ACCESS[0], ACCESS[1], count, "127.64.0.0/18", template, FLOOD], self.folder))

    def test_a_day_of_attacks(self):
        phones, office = self.phones(), [self.phone(OFFICE, 5080 + n, f"100{n}") for n in (1, 2)]
        trusted = self.phone(TRUSTED, 5080, "1004")
        for phone in [*phones, *office, trusted]:
            self.assertEqual(phone.register().status, 200)
        explaining = Explaining(self.postern.log, os.path.join(self.folder, "control.sock"))
        explaining.start()
        self.until = time.monotonic() + SECONDS
        pairs = [Pair(phones[n], phones[n + 1], self.until) for n in range(0, len(phones) - 1, 2)] + [Pair(*office, self.until)]
        attackers = self.attackers()
        behind = {"office guesser": self.guesser(OFFICE, "1003"), "trusted guesser": self.guesser(TRUSTED, "1001")}
        forger = self.run_until_end(Forger([*phones, *office]))
        forging = Repeating(forger.round, FORGED_A_PHONE, self.until)
        self.flood()
        for thread in [*pairs, *(act for _, _, act in attackers.values()), *behind.values(), forging]:
            thread.start()
        memory = self.watch_memory()
        for thread in pairs:
            thread.join(60)
        explaining.stop()
        self.judge(pairs, attackers, forger, memory)
        case.measured(f"{explaining.explained} refusals of the log explained by their id, {len(explaining.wrong)} not")
        self.assertEqual(explaining.wrong[:3], [])
        self.assertGreater(explaining.explained, 10)
        for number, phone in enumerate(office):
            self.assertEqual(self.phone(OFFICE, 6080 + number, phone.user).register().status, 200, "an office phone from another port")

    def watch_memory(self):
        """PSS in KiB, ten times over the run, and how many contents of tokens that is with: the stand-in PBX adds Record-Route, and so leaves some for each call."""
        samples = []
        while time.monotonic() < self.until:
            time.sleep(max(0.1, SECONDS / 10))
            samples.append((self.postern.memory_kib(), int(self.postern.metric("postern_token_contents"))))
        return samples

    def judge(self, pairs, attackers, forger, memory):
        bans = self.bans()
        proven = {ban["address"]: ban["cause"] for ban in bans if ban["proof"] == "proven" and ban["account"] is None}
        done = sum((pair.done for pair in pairs), collections.Counter())
        failed = [failure for pair in pairs for failure in pair.failed]
        rows = [(name, source, cause, proven.get(source, "not banned"), f"{act.count} tries") for name, (source, cause, act) in attackers.items()]
        case.measured(f"{SECONDS:g} s, {PHONES + 2} phones: {done['REGISTER']} REGISTERs and {done['call']} calls, {len(failed)} failed; {forger.sent} packets forged in their "
                      f"names; flood {FLOOD}/s")
        for name, source, cause, got, tries in rows:
            case.measured(f"{name:14} {source:12} {cause:22} {got:22} {tries}")
        case.measured(f"office         {OFFICE:12} blocked there: {[ban['account'] for ban in bans if ban['address'] == OFFICE]}; memory {[kib for kib, _ in memory]} KiB, "
                      f"with {[contents for _, contents in memory]} contents of tokens")
        self.assertEqual(failed[:5], [])
        self.assertGreater(done["call"], 0)
        for name, source, cause, got, _ in rows:
            self.assertEqual(got, cause, name)
        never = {TRUSTED, ADDRESS[0], ACCESS[0], *(phone.host for pair in pairs for phone in (pair.one, pair.two))}
        self.assertEqual([ban for ban in bans if ban["address"] in never and ban["account"] is None], [])
        self.assertEqual([ban["account"] for ban in bans if ban["address"] == OFFICE], ["1003"])
        if not os.environ.get("POSTERN_SANITIZE"):  # which keeps what was freed
            beside = [kib - contents * KIB_A_CONTENT for kib, contents in memory]
            half = len(beside) // 2
            self.assertLess(max(beside[half:]), 1.1 * max(beside[:half]) + 2048, "memory is flat, but for what calls leave in a table that is bounded")


if __name__ == "__main__":
    case.need("kamailio", "kamcmd")
    case.main()
