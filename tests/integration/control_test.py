"""The control socket: `postern registrations` and `postern calls` against a running daemon, and clients that mean no good."""
import grp
import json
import os
import re
import select
import shutil
import socket
import stat
import subprocess
import time

from support import case, registering, talk
from support.case import postern_binary
from support.door import ACCESS, Postern, config, run
from support.pbx import ADDRESS, Pbx
from support.proc import Process, wait_for

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
BINDINGS = int(os.environ.get("POSTERN_BINDINGS", "4000"))
NOBODY = 65534


def as_nobody():
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


class Control(case.Case):
    def setUp(self):
        super().setUp()
        self.path = os.path.join(self.folder, "control.sock")

    def command(self, *arguments):
        return run(*arguments, "-c", self.postern.path)

    def listed(self, what):
        done = self.command(what, "--json")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return json.loads(done.stdout)

    def command_of_nobody(self, *arguments):
        """As a user without rights, who may not even reach the folder of the build."""
        binary = shutil.copy(postern_binary(), self.folder)
        return subprocess.run([binary, *arguments, "-c", self.postern.path], capture_output=True, text=True, timeout=30, preexec_fn=as_nobody)

    def connect(self):
        client = socket.socket(socket.AF_UNIX)
        self.addCleanup(client.close)
        client.connect(self.path)
        return client

    def registering(self):
        load = self.run_until_end(registering.Registering(ACCESS, ADDRESS))
        self.postern = self.run_until_end(Postern(self.folder, config(extra="limits: {unknown_sources: off, pbx: off}\n")))
        return load


class Phones(Control):
    def test_registered_phones_and_their_call_are_listed(self):
        self.run_until_end(Pbx(self.folder))
        self.postern = self.run_until_end(Postern(self.folder))
        self.assertEqual(self.listed("registrations"), [])
        self.assertEqual(self.command("calls").stdout, "0 calls, 0 established\n")
        one, two = talk.phones(self, ACCESS)
        found = sorted(self.listed("registrations"), key=lambda entry: entry["aor"])
        self.assertEqual([list(entry) for entry in found], [["aor", "contact", "source", "transport", "country", "expires", "since"]] * 2)
        self.assertEqual([(entry["aor"], entry["transport"], entry["country"]) for entry in found], [("1001", "udp", None), ("1002", "udp", None)])
        for entry, address in zip(found, ("127.1.0.1", "127.1.0.2")):
            self.assertTrue(entry["source"].startswith(f"{address}:"), entry)
            self.assertIn(f"@{address}", entry["contact"])
            self.assertRegex(entry["expires"], TIME)
            self.assertLess(entry["since"], entry["expires"])
        text = self.command("registrations").stdout.splitlines()
        self.assertRegex(text[0], r"^AOR +SOURCE +TRANSPORT +COUNTRY +EXPIRES +SINCE +CONTACT$")
        self.assertRegex(text[1], r"^1001 +127\.1\.0\.1:\d+ +udp +- ")
        self.assertEqual(text[3:], ["2 registrations of 2 devices"])

        talk.call(one, two, talk.TONE_1001, talk.TONE_1002)
        # One of the caller, one of the callee: each is a call of its device.
        calls = sorted(self.listed("calls"), key=lambda entry: entry["device"])
        self.assertEqual([(c["device"], c["from"], c["to"], c["state"]) for c in calls],
                         [("1001", "1001", "1002", "established"), ("1002", "1001", "1002", "established")])
        self.assertRegex(calls[0]["since"], TIME)
        self.assertTrue(calls[1]["source"].startswith("127.1.0.2:"))
        self.assertEqual(self.postern.metric("postern_calls"), 2)
        text = self.command("calls").stdout.splitlines()
        self.assertRegex(text[0], r"^DEVICE +FROM +TO +STATE +SINCE +SOURCE +CALL_ID$")
        self.assertEqual(text[3:], ["2 calls, 2 established"])
        one.hang_up()
        two.wait_event("CALL_CLOSED")
        wait_for(lambda: self.listed("calls") == [], "the call to end")


class Permissions(Control):
    def test_who_may_ask_and_who_may_not(self):
        load = self.registering()
        load.stop()
        self.assertEqual(stat.S_IMODE(os.lstat(self.path).st_mode), 0o660)
        done = self.command_of_nobody("calls")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        group = grp.getgrgid(os.getegid()).gr_name
        self.assertIn(f"may not use {self.path}: it is for the group {group}: ask as a member of it, or as root", done.stderr)

    def test_a_group_is_given_it(self):
        other = grp.getgrgid(NOBODY).gr_name
        self.postern = self.run_until_end(Postern(self.folder, config().replace("control: control.sock", f"control: {{path: control.sock, group: {other}}}")))
        self.assertEqual(os.lstat(self.path).st_gid, NOBODY)
        done = self.command_of_nobody("calls", "--json")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "[]\n", ""))

    def test_no_daemon_is_exit_status_3(self):
        path = os.path.join(self.folder, "postern.yaml")
        with open(path, "w") as file:
            file.write(config())
        for command in ("registrations", "calls"):
            done = run(command, "-c", path)
            self.assertEqual((done.returncode, done.stdout), (3, ""))
            self.assertIn(f"no daemon answers at {self.path} (No such file or directory)", done.stderr)
            self.assertIn("Examples:\n  postern " + command, run(command, "--help").stdout)
        # One that was killed leaves its socket; the next start replaces it.
        self.postern = Postern(self.folder, config())
        self.postern.kill()
        done = run("calls", "-c", path)
        self.assertEqual(done.returncode, 3)
        self.assertIn("Connection refused", done.stderr)
        self.postern = self.run_until_end(Postern(self.folder, config()))
        self.assertEqual(self.listed("calls"), [])
        self.assertEqual(run("calls", "-c", os.path.join(self.folder, "none.yaml")).returncode, 1)

    def test_one_of_a_living_daemon_is_not_taken(self):
        self.postern = self.run_until_end(Postern(self.folder))
        text = config(access=("127.3.0.2", 5060), core=("127.77.0.3", 5080)).replace("9460", "9461").replace("state: state", "state: other")
        path = os.path.join(self.folder, "other.yaml")
        with open(path, "w") as file:
            file.write(text)
        done = run("run", "-c", path)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"control: another Postern listens on {self.path}", done.stderr)
        self.assertEqual(self.listed("calls"), [])

    def test_without_a_place_for_it_postern_runs_and_says_so(self):
        os.chmod(self.folder, 0o777)
        self.postern = self.run_until_end(Postern(self.folder))
        self.postern.wait_log("others may write into the folder")
        self.assertRegex(self.postern.log(), r"warning event=control path=\S+ message=.*others may write into the folder")
        self.assertEqual(self.command("calls").returncode, 3)


class Hostile(Control):
    def test_clients_that_mean_no_good_hold_up_nobody(self):
        load = self.registering()
        asked = {}
        for number in range(0, BINDINGS, 200):
            asked |= {load.register(n): (n, 1) for n in range(number, min(number + 200, BINDINGS))}
            deadline = time.monotonic() + 20
            while len(asked) > 400 and time.monotonic() < deadline:
                load.pump(0.1)
                load.settle(asked)
        deadline = time.monotonic() + 20
        while asked and time.monotonic() < deadline:
            load.pump(0.1)
            load.settle(asked)
        many = len(load.registered)
        self.assertGreater(many, BINDINGS * 0.95)

        silent, garbage, deaf = self.connect(), self.connect(), self.connect()
        garbage.sendall(os.urandom(512) + b"\n")
        deaf.sendall(b'{"command": "registrations"}\n')
        self.assertIn("a request is a line", self.read_all(garbage).decode())

        # While they are listed, and one does not read, packets are served.
        lister = Process("lister", [postern_binary(), "registrations", "-c", self.postern.path, "--json"], self.folder)
        self.addCleanup(lister.stop)
        slowest = 0.0
        while lister.alive():
            begun = time.monotonic()
            load.statuses([load.request("OPTIONS", 1)])
            slowest = max(slowest, time.monotonic() - begun)
        entries = json.loads(lister.log())
        self.assertEqual(len(entries), many)
        self.assertEqual(len({entry["aor"] for entry in entries}), many)
        case.measured(f"{many} registrations listed; the slowest OPTIONS meanwhile took {slowest * 1000:.1f} ms")

        # Who sends nothing and who reads nothing is let go.
        for client in (silent, deaf):
            poll = select.poll()
            poll.register(client, 0)  # POLLHUP alone
            self.assertEqual([event for _, event in poll.poll(10_000)], [select.POLLHUP])
        self.assertEqual(self.command("calls").returncode, 0)

    @staticmethod
    def read_all(client):
        client.settimeout(10)
        text = b""
        try:
            while part := client.recv(65536):
                text += part
        except ConnectionResetError:
            pass
        return text


if __name__ == "__main__":
    case.need("kamailio", "kamcmd", "baresip")
    case.main()
