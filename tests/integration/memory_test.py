"""A flood of forged sources costs no more memory than the tables' bound, and a known source stays known through it.

What asks is no registered flow but another port of the phone's address: it is served while strangers' allowance is used up only as long
as the table of sources still knows the address.
The same with ten million sources is a line of scripts/accept."""
import os

from support import case
from support.door import ACCESS, WORKERS, Postern, config
from support.pbx import Pbx
from support.proc import Process, wait_for
from support.sip import Phone

TRACKED = 16384
LIMITS = f"limits: {{per_source: {{rate: 100000/s, burst: 100000}}, tracked_sources: {TRACKED}, unknown_sources: {{rate: 10/s, burst: 10}}}}\n"
FORGED = int(os.environ.get("POSTERN_FORGED", "200000"))
TEMPLATE = (f"OPTIONS sip:{ACCESS[0]} SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK{{n}};rport\r\nMax-Forwards: 70\r\n"
            f"From: <sip:{{n}}@192.0.2.1>;tag={{n}}\r\nTo: <sip:{ACCESS[0]}>\r\nCall-ID: {{n}}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n")


class Memory(case.Case):
    def flood(self, count, network, name):
        return self.run_until_end(Process(name, [os.environ["POSTERN_FLOOD"], ACCESS[0], ACCESS[1], count, network, self.template, 40000], self.folder))

    def test_flat_and_the_good_source_stays_known(self):
        self.template = self.write("template", TEMPLATE)
        self.run_until_end(Pbx(self.folder))
        postern = self.run_until_end(Postern(self.folder, config(extra=LIMITS)))
        phone = self.run_until_end(Phone(("127.200.0.1", 5080), ACCESS))
        self.assertEqual(phone.register().status, 200)
        neighbour = self.run_until_end(Phone((phone.host, 5081), ACCESS))
        self.assertEqual(self.flood(100000, "127.0.0.0/9", "first").wait_end(), 0)
        before = postern.memory_kib()
        second = self.flood(FORGED, "127.0.0.0/8" if FORGED > 4000000 else "127.128.0.0/10", "second")
        answered = 0
        evicted = lambda: postern.metric("postern_evictions_total", table="sources")
        while second.alive():
            response, _ = neighbour.ask("OPTIONS", f"sip:{ACCESS[0]}", f"<sip:{ACCESS[0]}>", f"good-{answered}", 1)
            self.assertEqual(response.status, 200)
            answered += 1
            # as many strangers as the table has places come between two requests: the longest idle source is the known one
            due = evicted() + TRACKED
            wait_for(lambda: evicted() >= due or not second.alive(), "the table's next turn", timeout=60, interval=0.1)
        self.assertEqual(second.wait_end(600), 0)
        after = postern.memory_kib()
        case.measured(f"{FORGED} forged sources; resident {before} KiB before, {after} KiB after; {answered} of {answered} requests of the known source answered")
        self.assertGreater(answered, 0)
        bound = TRACKED * int(WORKERS or 1)  # each has a table of its own
        wait_for(lambda: postern.metric("postern_sources_tracked") <= bound, "the tables to keep their bound")
        self.assertGreater(evicted(), 100000)
        self.assertGreater(postern.metric("postern_messages_refused_total", reason="unknown_sources_limit"), 100000)
        # a sanitizer keeps freed memory back for a while
        allowed = 65536 if os.environ.get("POSTERN_SANITIZE") else 4096
        self.assertLess(after - before, allowed)
        self.assertEqual(phone.register().status, 200)


if __name__ == "__main__":
    case.need("kamailio", "kamcmd")
    case.main()
