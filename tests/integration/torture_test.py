"""Messages made to break a parser, sent to a running Postern: RFC 4475's, and those that smuggle or that cost."""
import csv
import os
import re

from support import case
from support.door import ACCESS, Postern, config
from support.pbx import ADDRESS
from support.proc import wait_for
from support.sip import Socket, answer, new_branch

OPEN = "jail: off\nbuiltin_scanners: off\nlimits: {per_source: off, per_source_methods: off, unknown_sources: off, pbx: off}\n"
CPU_LIMIT_US = int(os.environ.get("POSTERN_CPU_LIMIT_US", "0"))  # scripts/accept sets it: no test is timed
TRIES = 5


class Sent(case.Case):
    def setUp(self):
        super().setUp()
        self.pbx = self.run_until_end(Socket(ADDRESS))
        self.postern = self.run_until_end(Postern(self.folder, config(extra=OPEN)))
        self.sources = 0

    def handled(self):
        return self.postern.metric("postern_packets_total")

    def send(self, data):
        """What becomes of a datagram from a source of its own: "forward", a status, or "drop"."""
        self.sources += 1
        source = self.run_until_end(Socket((f"127.9.{self.sources // 200}.{self.sources % 200 + 1}", 5080)))
        before = self.handled()
        source.send(data, ACCESS)
        wait_for(lambda: self.handled() > before, "the packet to be handled")
        forwarded = self.pbx.drain()
        self.pbx.inbox.clear()
        answers = source.drain()
        self.assertTrue(self.postern.alive())
        if forwarded:
            self.assertEqual(len(forwarded), 1)
            return "forward", forwarded[0]
        return (str(answers[0].status), answers[0]) if answers else ("drop", None)


class Torture(Sent):
    def test_rfc_4475(self):
        folder = case.test_data("rfc4475")
        with open(os.path.join(folder, "EXPECTED.tsv"), newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
        self.assertEqual(len(rows), 49)
        good = 0
        for row in rows:
            with self.subTest(row["file"]):
                with open(os.path.join(folder, row["file"]), "rb") as file:
                    outcome, _ = self.send(file.read())
                self.assertIn(outcome, self.acceptable(row["acceptable_outcome_for_an_edge_proxy"]), row["acceptable_outcome_for_an_edge_proxy"])
                good += 1
        self.assertEqual(good, len(rows))
        case.measured(f"{good} of {len(rows)}")

    @staticmethod
    def acceptable(text):
        """The outcomes that the table's sentence names. A registrar's 200 behind a proxy means that it was forwarded."""
        text = re.sub(r"never [^;,]*", "", text)
        found = set(re.findall(r"\b[45]\d\d\b", text))
        if re.search(r"forward|normal|accept|200", text):
            found.add("forward")
        if re.search(r"drop|discard|stray|silent", text):
            found.add("drop")
        return found


def request(extra=b"", start=b"", ending=b"\r\n"):
    """An OPTIONS with header lines of the test's own."""
    return (start or b"OPTIONS sip:1002@%s SIP/2.0\r\n" % ACCESS[0].encode()) + (
        f"Via: SIP/2.0/UDP 127.9.9.9:5080;branch={new_branch()}\r\nMax-Forwards: 70\r\nFrom: <sip:1001@x>;tag=a\r\nTo: <sip:1002@x>\r\n"
        f"Call-ID: {new_branch()}\r\nCSeq: 1 OPTIONS\r\n").encode() + extra + b"Content-Length: 0\r\n" + ending


def filled(line, size=64_000):
    return line * (size // len(line))


HOSTILE = {
    "NUL in a header": lambda: request(b"Subject: a\0b\r\n"),
    "NUL in a name": lambda: request(b"Sub\0ject: a\r\n"),
    "bare CR that begins a header": lambda: request(b"Subject: a\rRoute: <sip:192.0.2.9;lr>\r\n"),
    "bare CR before the end": lambda: request(b"Subject: a\r\r\n"),
    "bare LF that begins a header": lambda: request(b"Subject: a\nContent-Length: 40\r\n"),
    "two Content-Lengths that differ": lambda: request(b"Content-Length: 4\r\n"),
    "two Content-Lengths, one compact": lambda: request(b"l: 9\r\n"),
    "two Content-Lengths that agree": lambda: request(b"Content-Length: 0\r\n"),
    "a list of Content-Lengths": lambda: request(b"Content-Length: 0, 4\r\n"),
    "two Call-IDs": lambda: request(b"i: another\r\n"),
    "two CSeqs": lambda: request(b"CSeq: 1 REGISTER\r\n"),
    "a header name with a space": lambda: request(b"Content-Length : 4\r\n"),
    "64 KB of tiny headers": lambda: request(filled(b"a:\r\n")),
    "64 KB of commas in a line": lambda: request(b"Contact: " + filled(b",") + b"\r\n"),
    "64 KB of commas in many lines": lambda: request(filled(b"k: " + b"," * 60 + b"\r\n")),
    "16 KB of commas and headers": lambda: request(filled(b"k:,,,\r\n", 15_000)),
    "64 KB of Vias": lambda: request(filled(b"v: SIP/2.0/UDP a\r\n")),
    "64 KB of Vias in a line": lambda: request(b"v: " + filled(b"SIP/2.0/UDP a,") + b"\r\n"),
    "64 KB of folds": lambda: request(b"Subject: a" + filled(b"\r\n ") + b"b\r\n"),
    "64 KB of open brackets": lambda: request(b"Contact: " + filled(b"<") + b"\r\n"),
    "64 KB of open comments": lambda: request(b"Contact: a " + filled(b"(") + b"\r\n"),
    "64 KB of quotes": lambda: request(b"Contact: " + filled(b'"\\') + b"\r\n"),
    "64 KB of parameters": lambda: request(b"Contact: <sip:a@b>" + filled(b";a=b") + b"\r\n"),
    "a Request-URI of 64 KB": lambda: request(start=b"OPTIONS sip:" + filled(b"a;") + b"@x SIP/2.0\r\n"),
    "a method of 64 KB": lambda: request(start=filled(b"A") + b" sip:x SIP/2.0\r\n"),
    "no end": lambda: request(ending=b"Subject: a"),
}


class Hostile(Sent):
    def on_cpu_ns(self):
        """What the thread of the packets has spent."""
        with open(f"/proc/{self.postern.pid}/task/{self.postern.pid}/schedstat") as file:
            return int(file.read().split()[0])

    def cost_us(self, make):
        """Thread CPU time of one such packet, the least of some tries. What reading the counter costs is taken off."""
        costs = []
        for _ in range(TRIES):
            before = self.on_cpu_ns()
            source = Socket((f"127.8.0.{len(costs) + 1}", 0))
            source.send(make(), ACCESS)
            source.stop()
            last = [before]
            def still():
                now = self.on_cpu_ns()
                quiet, last[0] = now == last[0] and now > before, now
                return quiet
            wait_for(still, "the packet to be handled", interval=0.02)
            costs.append((last[0] - before) // 1000)
        return min(costs)

    def test_what_smuggles_or_costs_is_refused(self):
        worst, dearest = 0, ""
        for name, make in HOSTILE.items():
            with self.subTest(name):
                outcome, message = self.send(make())
                self.assertNotEqual(outcome, "forward", message)
                cost = self.cost_us(make)
                worst, dearest = (cost, name) if cost > worst else (worst, dearest)
                if CPU_LIMIT_US:
                    self.assertLessEqual(cost, CPU_LIMIT_US)
        case.measured(f"{len(HOSTILE)} refused, at most {worst} us of thread CPU time ({dearest}), minimum of {TRIES} each")

    def test_a_request_with_nothing_wrong_passes(self):
        """What the others are made from is no reason to refuse them."""
        outcome, forwarded = self.send(request())
        self.assertEqual(outcome, "forward")
        self.pbx.send(answer(forwarded, 200, "OK", "pbx"), next(source for _, source in reversed(self.pbx.seen)))


if __name__ == "__main__":
    case.main()
