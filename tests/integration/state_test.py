"""The state folder of the real thing: what it holds is used after a kill, and nothing that is wrong with it keeps Postern from running."""
import os
import pathlib
import sqlite3
import subprocess

from support import case
from support.door import ACCESS, Postern, config
from support.pbx import Pbx
from support.proc import wait_for
from support.sip import Phone

RULES = "rules: [{name: only the registered call, methods: INVITE, registered: false, action: reject, status: 403}]\n"


class State(case.Case):
    def setUp(self):
        super().setUp()
        self.pbx = self.run_until_end(Pbx(self.folder))
        self.starts = 0
        self.start()
        self.addCleanup(lambda: self.postern.stop_if_alive())
        self.phone = self.run_until_end(Phone(("127.1.0.1", 5080), ACCESS, "1001"))
        self.other = self.run_until_end(Phone(("127.1.0.2", 5080), ACCESS, "1002"))

    def start(self):
        self.starts += 1
        self.postern = Postern(self.folder, config(extra=RULES), name=f"postern{self.starts}")

    def state(self, name=""):
        return os.path.join(self.folder, "state", name)

    def contents(self):
        return {path.name: path.read_bytes() for path in pathlib.Path(self.state()).iterdir()}

    def said(self, *texts):
        """The log is written by a thread of its own."""
        for text in texts:
            self.postern.wait_log(text)

    def may_call(self):
        """The rule lets a registered phone's call on: the PBX's challenge, or its ringing, comes back."""
        call = self.phone.invite("1002", challenged=False)
        return call.wait(final=True).status in (401, 407)

    def test_a_registered_phone_is_registered_after_a_kill(self):
        self.assertEqual(self.phone.register().status, 200)
        contacts = self.pbx.contacts("1001")
        self.postern.kill()
        self.start()
        self.assertEqual(self.postern.metric("postern_registrations"), 1)
        self.assertTrue(self.may_call())
        call = self.other.invite("1001", challenged=False)
        self.assertEqual(call.wait().status, 403, "a stranger")
        # It is called, and its refresh changes nothing at the PBX.
        self.assertEqual(self.other.register().status, 200)
        self.other.invite("1001")
        self.phone.request("INVITE")
        self.assertEqual(self.phone.register().status, 200)
        self.assertEqual(self.pbx.contacts("1001"), contacts)

    def test_a_broken_database_is_a_loud_start_without_it(self):
        self.assertEqual(self.phone.register().status, 200)
        self.postern.stop()
        with open(self.state("state.db"), "r+b") as file:
            file.write(b"x" * 4096)
        for name in ("spool.0", "spool.1"):
            with open(self.state(name), "wb") as file:
                file.write(b"no spool of anybody's")
        self.start()
        self.said("error event=state", "file=state.db", "is broken: registrations, bans and trust in it are lost", "spool.0")
        self.assertTrue(os.path.exists(self.state("state.db.broken-1")))
        self.assertEqual(self.postern.metric("postern_registrations"), 0)
        self.assertEqual(self.postern.metric("postern_state_durable"), 1)
        self.assertEqual(self.phone.register().status, 200)
        self.assertTrue(self.may_call())

    def test_a_newer_database_is_left_alone(self):
        self.assertEqual(self.phone.register().status, 200)
        self.postern.stop()
        with sqlite3.connect(self.state("state.db")) as database:
            database.execute("pragma user_version = 99")
        database.close()
        before = self.contents()
        self.start()
        self.said("written by a newer Postern")
        self.assertEqual(self.phone.register().status, 200)
        self.postern.kill()
        self.assertEqual(self.contents(), before)

    def test_a_read_only_folder_is_used_and_not_written(self):
        self.assertEqual(self.phone.register().status, 200)
        self.postern.kill()
        subprocess.run(["mount", "--bind", self.state(), self.state()], check=True)
        self.addCleanup(lambda: subprocess.run(["umount", self.state()], check=True))
        self.addCleanup(lambda: self.postern.stop_if_alive())
        subprocess.run(["mount", "-o", "remount,bind,ro", self.state()], check=True)
        self.start()
        self.said("warning event=state", "nothing is written in this run")
        self.assertEqual(self.postern.metric("postern_registrations"), 1)
        self.assertEqual(self.postern.metric("postern_state_durable"), 0)
        self.assertTrue(self.may_call())
        self.assertEqual(self.other.register().status, 200)

    def test_a_full_disk_stops_nothing_and_is_got_over(self):
        self.postern.stop()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "none", self.state()], check=True)
        self.addCleanup(lambda: subprocess.run(["umount", self.state()], check=True))
        self.addCleanup(lambda: self.postern.stop_if_alive())
        self.start()
        self.assertEqual(self.phone.register().status, 200)
        # Until the phone's registration is in the database, the spool has room of its own.
        wait_for(lambda: not any(os.path.getsize(self.state(name)) for name in ("spool.0", "spool.1")), "the spool to be emptied")
        filler = open(self.state("filler"), "wb", buffering=0)
        try:
            while filler.write(b"x" * 4096):
                pass
        except OSError:
            pass
        filler.close()
        self.assertEqual(self.other.register().status, 200)
        self.assertEqual(self.postern.metric("postern_state_durable"), 0)
        self.said("error event=state", "cannot be written")
        self.assertEqual(self.phone.register(expires=0).status, 200)
        os.remove(self.state("filler"))
        self.postern.wait_metric("postern_state_durable", 1, timeout=20)
        self.postern.kill()
        self.start()
        self.assertEqual(self.postern.metric("postern_registrations"), 1)


if __name__ == "__main__":
    case.need("kamailio", "kamcmd")
    case.main()
