"""kill -9 at random moments under load: no registration, ban or trust that was told is lost, and nothing comes back that was taken off.

POSTERN_KILLS: how often (5); POSTERN_BINDINGS: with how many registrations the start is timed (500)."""
import os
import pathlib
import random
import signal
import subprocess
import time

from support import case
from support.door import ACCESS, Postern, config, postern_binary
from support.pbx import ADDRESS
from support.proc import wait_for
from support.registering import OTHER_PORT, Registering

KILLS = int(os.environ.get("POSTERN_KILLS", "5"))
BINDINGS = int(os.environ.get("POSTERN_BINDINGS", "500"))
BANNED = 150_000  # the first number of those who are banned
WINDOW = 48  # unanswered REGISTERs at a time

# A MESSAGE tells whether its flow is registered, a second OPTIONS from another port whether its source is known: strangers get silence.
RULES = """
limits: {per_source: off, unknown_sources: off, pbx: off, per_source_methods: {REGISTER: off, INVITE: off, OPTIONS: {rate: 1/h, burst: 1}}}
rules:
  - {name: only the registered, methods: MESSAGE, registered: false, action: reject, status: 403}
"""


class Kill(case.Case):
    def setUp(self):
        super().setUp()
        self.load = self.run_until_end(Registering(ACCESS, ADDRESS))
        self.starts, self.banned = 0, set()
        self.start()
        self.addCleanup(lambda: self.postern.stop_if_alive())

    def start(self):
        self.starts += 1
        self.postern = Postern(self.folder, config(extra=RULES), name=f"postern{self.starts}")

    def under_load(self, wanted, leaving=0.1):
        """Registers new phones, refreshes some and takes some off, until `wanted` more have been answered."""
        asked, answered, end = {}, 0, time.monotonic() + 60
        while answered < wanted:
            while len(asked) < WINDOW:
                number, expires = self.load.next, 3600
                dice = random.random()
                if dice < 2 * leaving and self.load.registered:
                    number, expires = random.choice(tuple(self.load.registered)), 0 if dice < leaving else 3600
                else:
                    self.load.next += 1
                asked[self.load.register(number, expires)] = (number, expires)
            before = len(asked)
            self.load.pump(0.2)
            self.load.settle(asked)
            answered += before - len(asked)
            self.assertLess(time.monotonic(), end, f"{answered} of {wanted} answered")
        return asked

    def ban(self, count):
        """So many more sources are banned, on proven evidence."""
        numbers = range(BANNED + len(self.banned), BANNED + len(self.banned) + count)
        before = self.postern.metric("postern_bans_total", cause="rule_ban")
        self.load.attack(numbers)
        self.postern.wait_metric("postern_bans_total", before + count, cause="rule_ban")
        self.banned |= set(numbers)

    def are_banned(self):
        self.assertEqual(self.postern.metric("postern_bans_active"), len(self.banned))
        before = self.postern.metric("postern_messages_refused_total", reason="banned")
        asked = [self.load.request("OPTIONS", number, OTHER_PORT) for number in self.banned]
        self.postern.wait_metric("postern_messages_refused_total", before + len(self.banned), reason="banned")
        self.load.pump()
        self.assertEqual([key for key in asked if key in self.load.answers], [], "a banned source was answered")

    def are_registered(self, numbers):
        """Which of these phones are: asked over their own flows."""
        numbers, found = list(numbers), set()
        for first in range(0, len(numbers), 200):
            keys = {self.load.request("MESSAGE", number): number for number in numbers[first:first + 200]}
            found |= {keys[key] for key, status in self.load.statuses(keys).items() if status == 200}
        return found

    def kill(self, asked):
        self.postern.kill()
        # What it sent before its end counts.
        while self.load.pump(0.05):
            self.load.settle(asked)
        self.load.settle(asked)

    def check(self, numbers):
        wanted, gone = numbers & self.load.registered, numbers & self.load.gone
        found = self.are_registered(wanted | gone)
        self.assertEqual(wanted - found, set(), "lost")
        self.assertEqual(gone & found, set(), "come back")
        return len(wanted) + len(gone)

    def test_nothing_that_was_told_is_lost(self):
        checked = 0
        for _ in range(KILLS):
            first = self.load.next
            self.ban(3)
            asked = self.under_load(random.randint(20, 400))
            self.kill(asked)
            self.start()
            changed = set(range(first, self.load.next)) | set(random.sample(range(self.load.next), min(200, self.load.next)))
            checked += self.check(changed - self.load.doubtful)
            self.assertGreaterEqual(self.postern.metric("postern_registrations"), len(self.load.registered))
            self.assertEqual(self.postern.metric("postern_state_durable"), 1)
            self.are_banned()
            newest = sorted(self.load.registered)[-10:]
            self.assertEqual(self.known(newest), set(newest), "no longer known")
        self.check(set(range(self.load.next)) - self.load.doubtful)
        case.measured(f"{KILLS} kills, {len(self.load.registered)} registrations and {len(self.load.gone)} that were taken off, {checked} looked at after a kill: "
                      f"0 lost, 0 come back; the newest sources still known, {len(self.banned)} proven bans all in force")

    def test_sigterm_under_load(self):
        """An end as systemd makes it, at random moments: what is written is whole, and nothing that was told is lost."""
        for _ in range(KILLS):
            first = self.load.next
            self.ban(2)
            asked = self.under_load(random.randint(20, 300))
            self.postern.stop()
            while self.load.pump(0.05):
                self.load.settle(asked)
            self.load.settle(asked)
            self.start()
            self.assertNotRegex(self.postern.log(), "event=state .*(error=|could not)")
            self.check(set(range(first, self.load.next)) - self.load.doubtful)
            self.are_banned()
        case.measured(f"{KILLS} times SIGTERM under load: {len(self.load.registered)} registrations and {len(self.banned)} bans, all there, no file half written")

    def known(self, numbers):
        """Which of these sources are known: the second OPTIONS from another port of theirs is over the limit, which only they are told."""
        self.load.statuses([self.load.request("OPTIONS", number, OTHER_PORT) for number in numbers])
        keys = {self.load.request("OPTIONS", number, OTHER_PORT): number for number in numbers}
        return {keys[key] for key, status in self.load.statuses(list(keys)).items() if status == 503}

    def test_start_with_many_registrations(self):
        self.under_load(BINDINGS, leaving=0)
        stored = len(self.load.registered)
        self.postern.kill()
        path = os.path.join(self.folder, "timed.log")
        best = 1e9
        for _ in range(3):
            with open(path, "wb") as log:
                begun = time.monotonic()
                child = subprocess.Popen([postern_binary(), "run", "-c", self.postern.path], stdout=log, stderr=log, cwd=self.folder)
                try:
                    wait_for(lambda: b"event=listening" in pathlib.Path(path).read_bytes(), "postern to listen", 10, 0.002)
                    best = min(best, time.monotonic() - begun)
                finally:
                    child.send_signal(signal.SIGKILL)
                    child.wait()
        self.start()
        self.assertGreaterEqual(self.postern.metric("postern_registrations"), stored)
        self.assertLess(best, 1.0)
        case.measured(f"{best * 1000:.0f} ms from exec to listening with {stored} registrations (best of 3)")


if __name__ == "__main__":
    case.main()
