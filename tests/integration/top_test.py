"""`postern top`: who sends and what becomes of it, told by the running daemon while floods go on; its live view gives the terminal back."""
import fcntl
import json
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import termios
import time

from support import case
from support.case import postern_binary
from support.door import ACCESS, Postern, config, run
from support.geo import write_country_database
from support.pbx import Pbx
from support.proc import Process, wait_for
from support.sip import Phone
from support.stream import StreamPhone, closed

# Rules alone refuse, so that the reason is known beforehand.
RULES = """\
geo: {country: country.mmdb}
rules: [{name: denied network, source: 127.66.0.0/16, action: drop}]
limits: {per_source: off, unknown_sources: off, per_source_methods: off, pbx: off}
jail: off
builtin_scanners: off
"""
LOUD, STREAM, CLOSED = "127.66.0.1", "127.1.0.9", "127.66.9.9"
KEYS = ["time", "uptime_s", "warnings", "received", "forwarded", "answered", "refused", "would_refuse", "responses", "registrations", "calls", "bans", "blocks",
        "connections", "pbx", "pbx_response_seconds", "forward_seconds", "sources", "countries", "workers", "rates"]
ENTER, LEAVE = b"\x1b[?1049h", b"\x1b[?1049l"
TIMES = int(os.environ.get("POSTERN_TOP_TIMES", "3"))
PACE = float(os.environ.get("POSTERN_TOP_PACE", "0"))  # seconds from one look to the next
FLOOD = int(os.environ.get("POSTERN_TOP_FLOOD", "2000"))
LIMIT = os.environ.get("POSTERN_TOP_LIMIT_MS")  # what an answer may take; not given: whatever this machine makes of it


def pace(until):
    """Of a measurement: the operator who looks every so often."""
    while (left := until - time.monotonic()) > 0:
        time.sleep(left)


def template(user_agent="Yealink SIP-T46U 108.86.0.20"):
    """A datagram of the flood; {n} is its number."""
    return (f"OPTIONS sip:100@{ACCESS[0]} SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK{{n}};rport\r\nMax-Forwards: 70\r\n"
            f"From: <sip:100@{ACCESS[0]}>;tag={{n}}\r\nTo: <sip:100@{ACCESS[0]}>\r\nCall-ID: top-{{n}}\r\nCSeq: 1 OPTIONS\r\n"
            f"User-Agent: {user_agent}\r\nContent-Length: 0\r\n\r\n")


class Top(case.Case):
    EXTRA = RULES

    def setUp(self):
        super().setUp()
        write_country_database(os.path.join(self.folder, "country.mmdb"), {"127.66.0.0/16": "CN", "127.1.0.0/16": "US"})
        self.run_until_end(Pbx(self.folder))
        listeners = f"listeners: ['udp://{ACCESS[0]}:{ACCESS[1]}', 'tcp://{ACCESS[0]}:{ACCESS[1]}']\n"
        self.text = listeners + "".join(line + "\n" for line in config(extra=self.EXTRA).splitlines() if not line.startswith("listeners"))
        self.postern = Postern(self.folder, self.text)
        self.addCleanup(lambda: self.postern.stop_if_alive())

    def flood(self, network, rate, seconds=60, text=template()):
        path = self.write("flood.txt", text)
        name = "flood-" + network.replace("/", "-")
        return self.run_until_end(Process(name, [os.environ["POSTERN_FLOOD"], *ACCESS, rate * seconds, network, path, rate], self.folder))

    def top(self, *arguments):
        return run("top", "--once", "--interval", "500ms", "-c", self.postern.path, *arguments)

    def answer(self):
        done = self.top("--json")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return json.loads(done.stdout)

    def source(self, address):
        return next((source for source in self.answer()["sources"] if source["address"] == address), None)


class Sources(Top):
    def floods_seen(self):
        """An answer that has them all; each of the few may have to wait for its turn to be the sample of a batch."""
        answer = self.answer()
        seen = {source["address"] for source in answer["sources"]}
        return {f"127.66.1.{n}" for n in range(4)} < seen and answer["sources"][0]["packets_per_second"] > 300 and answer["rates"]["refused"]["rule_drop"] > 300 and answer

    def test_the_loudest_is_first_and_it_is_told_what_became_of_each(self):
        phone = self.run_until_end(Phone(("127.1.0.1", 5080), ACCESS))
        self.assertEqual(phone.register().status, 200)
        stream = self.run_until_end(StreamPhone((STREAM, 5080), ACCESS, "1002"))
        self.assertEqual(stream.register().status, 200)
        for _ in range(3):
            with socket.create_connection(ACCESS, source_address=(CLOSED, 0)) as connection:
                self.assertEqual(closed(connection), b"")
        self.flood(f"{LOUD}/32", 1500)
        self.flood("127.66.1.0/30", 300)
        found = wait_for(self.floods_seen, "the floods to be seen")
        self.assertEqual(list(found), KEYS)
        first = found["sources"][0]
        self.assertEqual((first["address"], first["country"], first["outcome"], first["refused"]), (LOUD, "CN", "rule_drop", 1))
        self.assertGreater(first["share"], 0.5)
        by_address = {source["address"]: source for source in found["sources"]}
        for address in ("127.1.0.1", STREAM):
            self.assertEqual([by_address[address][key] for key in ("country", "outcome", "refused")], ["US", "forwarded", 0], address)
        self.assertEqual([by_address[CLOSED][key] for key in ("country", "outcome", "refused")], ["CN", "rule_drop", 1])
        self.assertEqual(found["countries"][0]["country"], "CN")
        self.assertEqual((found["registrations"], found["connections"]["tcp"], found["pbx"][0]["up"]), (2, 1, True))
        self.assertEqual(list(found["refused"]), ["rule_drop"])
        self.assertGreater(found["received"], found["refused"]["rule_drop"])
        self.assertGreater(found["workers"][0]["cpu_seconds"], 0)
        self.assertEqual(sum(found["pbx_response_seconds"]["counts"]), self.postern.metric("postern_pbx_response_seconds_count"))

        text = self.top().stdout.splitlines()
        self.assertNotIn("\x1b", "".join(text))
        self.assertRegex(text[0], r"^postern  up for \d+ min \d+ s  .*Z$")
        self.assertRegex(text[1], r"^packets  received [\d,]+/s  forwarded [\d,.]+/s  refused [\d,.]+/s$")
        table = next(n for n, line in enumerate(text) if line.startswith("SOURCE "))
        self.assertRegex(text[table + 1], rf"^{re.escape(LOUD)} +CN +[\d,]+ +\d+ % +100 % +rule_drop$")

    def test_what_has_to_be_known_first_stands_on_top(self):
        self.assertEqual(self.postern.reload(self.text + "enforce: off\n"), "applied")
        self.flood(f"{LOUD}/32", 300)
        text = wait_for(lambda: "ONLY COUNTED" in (out := self.top().stdout) and out.splitlines(), "what would be refused to be told")
        self.assertTrue(text[1].startswith("!! enforce is off"), text)

    def test_who_cannot_be_told_anything(self):
        for interval in ("5ms", "2h", "soon"):
            done = run("top", "--once", "--interval", interval, "-c", self.postern.path)
            self.assertEqual((done.returncode, done.stdout), (2, ""), interval)
            self.assertIn("--interval wants a duration", done.stderr)
        self.postern.kill()
        done = self.top()
        self.assertEqual((done.returncode, done.stdout), (3, ""))
        self.assertIn("no daemon answers", done.stderr)


class Terminal:
    """`postern top` on a terminal of so many columns and rows."""

    def __init__(self, path, columns=100, rows=30, **environment):
        self._master, self._slave = pty.openpty()
        self.resize(columns, rows)
        self.before = termios.tcgetattr(self._slave)
        self.output = b""
        self._popen = subprocess.Popen([postern_binary(), "top", "--interval", "200ms", "-c", path], stdin=self._slave, stdout=self._slave, stderr=self._slave,
                                       env={**os.environ, "TERM": "xterm", **environment}, preexec_fn=self._take)

    def _take(self):
        os.setsid()
        fcntl.ioctl(self._slave, termios.TIOCSCTTY, 0)

    def resize(self, columns, rows):
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def press(self, keys):
        os.write(self._master, keys)

    def signal(self, number):
        self._popen.send_signal(number)

    def read(self):
        while select.select([self._master], [], [], 0)[0]:
            self.output += os.read(self._master, 65536)
        return self.output

    def screen(self):
        """The last one that is whole, without escape sequences."""
        whole = [frame.partition(b"\x1b[J")[0] for frame in self.read().split(b"\x1b[H")[1:] if b"\x1b[J" in frame]
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", whole[-1].decode()).replace("\r", "").split("\n") if whole else []

    def wait_screen(self, condition, what):
        return wait_for(lambda: (screen := self.screen()) and condition(screen) and screen, f"{what}; it shows:\n" + "\n".join(self.screen()))

    def wait_end(self):
        wait_for(lambda: (self.read(), self._popen.poll() is not None)[1], "top to end")
        self.read()
        return self._popen.returncode

    def stopped(self):
        return os.waitid(os.P_PID, self._popen.pid, os.WSTOPPED | os.WNOHANG) is not None

    def attributes(self):
        return termios.tcgetattr(self._slave)

    def stop(self):
        if self._popen.poll() is None:
            self._popen.kill()
            self._popen.wait()
        os.close(self._master)
        os.close(self._slave)


class Live(Top):
    def terminal(self, **options):
        terminal = self.run_until_end(Terminal(self.postern.path, **options))
        terminal.wait_screen(lambda screen: "received -" not in screen[1], "rates")
        return terminal

    def given_back(self, terminal):
        self.assertEqual(terminal.attributes(), terminal.before)
        self.assertTrue(terminal.output.startswith(ENTER))
        self.assertEqual(terminal.output.count(ENTER), terminal.output.count(LEAVE))
        self.assertGreater(terminal.output.rfind(b"\x1b[?25h"), terminal.output.rfind(b"\x1b[?25l"), "the cursor is shown again")

    def test_it_shows_what_goes_on_until_it_is_left(self):
        for leave in (lambda terminal: terminal.press(b"q"), lambda terminal: terminal.press(b"\x03"), lambda terminal: terminal.signal(signal.SIGTERM)):
            terminal = self.terminal()
            self.assertNotEqual(terminal.attributes(), terminal.before)
            self.assertIn(b"\x1b[1m", terminal.output)
            leave(terminal)
            self.assertEqual(terminal.wait_end(), 0)
            self.given_back(terminal)

    def test_a_flood_appears_in_it_and_fits_the_terminal(self):
        terminal = self.terminal(NO_COLOR="1")
        self.flood(f"{LOUD}/32", 1000)
        terminal.wait_screen(lambda screen: any(line.startswith(LOUD) for line in screen), "the flood")
        terminal.resize(40, 9)
        small = terminal.wait_screen(lambda screen: len(screen) <= 9, "the smaller terminal")
        self.assertLessEqual(max(map(len, small)), 40)
        terminal.resize(120, 50)
        terminal.wait_screen(lambda screen: any(line.startswith(LOUD) for line in screen), "the larger terminal")
        self.assertNotRegex(terminal.output, rb"\x1b\[[0-9;]*m")
        terminal.press(b"q")
        self.assertEqual(terminal.wait_end(), 0)

    def test_it_stands_aside_and_comes_back(self):
        terminal = self.terminal()
        terminal.press(b"\x1a")
        wait_for(terminal.stopped, "it to be stopped")
        terminal.read()
        self.given_back(terminal)
        shown = len(terminal.output)
        terminal.signal(signal.SIGCONT)
        wait_for(lambda: ENTER in terminal.read()[shown:] and b"postern" in terminal.output[shown:], "it to show again")
        terminal.press(b"q")
        self.assertEqual(terminal.wait_end(), 0)
        self.given_back(terminal)

    def test_it_ends_and_says_so_when_the_daemon_is_gone(self):
        terminal = self.terminal()
        self.postern.kill()
        self.assertEqual(terminal.wait_end(), 3)
        self.given_back(terminal)
        self.assertIn(b"no daemon answers", terminal.output.rpartition(LEAVE)[2])


class Polled(Top):
    EXTRA = ""

    def seconds_of(self, ask):
        begun = time.monotonic()
        ask()
        return time.monotonic() - begun

    def asked(self, command):
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(30)
            client.connect(os.path.join(self.folder, "control.sock"))
            client.sendall(json.dumps({"command": command}).encode() + b"\n")
            answer = b""
            while part := client.recv(65536):
                answer += part
        self.assertNotIn("error", answer := json.loads(answer))
        return answer

    def page(self):
        status, text = self.postern.get("/metrics")
        self.assertEqual(status, 200)
        self.assertIn("postern_packets_total", text)

    def test_during_a_flood_all_that_is_asked_is_answered(self):
        self.flood("127.64.0.0/18", FLOOD, int(TIMES * PACE) + 30, template("friendly-scanner"))
        self.postern.wait_metric("postern_messages_refused_total", FLOOD)
        asks = {"top": lambda: self.asked("top"), "status": lambda: self.asked("status"), "/metrics": self.page}
        slowest = dict.fromkeys(asks, 0.0)
        before, begun = self.asked("top"), time.monotonic()
        for look in range(1, TIMES + 1):
            for name, ask in asks.items():
                slowest[name] = max(slowest[name], self.seconds_of(ask))
            pace(begun + look * PACE)
        after = wait_for(lambda: (now := self.asked("top"))["received"] - before["received"] > FLOOD / 2 and now, "more of the flood")
        rate = (after["received"] - before["received"]) / (after["uptime_s"] - before["uptime_s"])
        case.measured(f"{TIMES} times, {PACE:g} s apart, at {rate:,.0f} packets/s handled: the slowest answer of " +
                      ", ".join(f"{name} {1000 * seconds:.0f} ms" for name, seconds in slowest.items()))
        self.assertGreater(rate, FLOOD / 10, "there is a flood")
        if LIMIT:
            self.assertLess(1000 * max(slowest.values()), float(LIMIT))


if __name__ == "__main__":
    case.need("kamailio", "kamcmd", "perl")
    case.main()
