"""Postern as a service: what systemd is told, what its unit leaves it, and root's rights that are given up."""
import ctypes
import glob
import os
import pathlib
import pwd
import shutil
import stat
import subprocess
import time
from unittest import mock

from support import case, door
from support.case import postern_binary
from support.door import ACCESS, ADMIN, CORE, Postern, config
from support.pbx import ADDRESS, Pbx
from support.proc import wait_for
from support.service import UNIT, Manager, allowed_calls
from support.sip import Phone, host_port
from support.stream import StreamPhone, make_certificate

WATCHDOG = 0.6  # seconds
NOBODY = pwd.getpwnam("nobody")
BIND_SERVICE, NET_ADMIN = 1 << 10, 1 << 12  # capabilities(7), as /proc shows them
LOW, LOWER, TLS = (ACCESS[0], 600), (ACCESS[0], 601), (ACCESS[0], 602)
HIGH_TLS = (ACCESS[0], 5061)
PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 17, 0x4206, 0x4207


class Service(case.Case):
    def start(self, text=None, watchdog=None):
        self.manager = self.run_until_end(Manager(self.folder, watchdog))
        self.postern = Postern(self.folder, text, prefix=["env", *self.manager.environment])
        self.addCleanup(self.postern.stop_if_alive)

    def test_it_tells_that_it_is_ready_reloads_and_stops(self):
        self.start()
        self.assertEqual(self.manager.wait("READY")["STATUS"], "Running")
        self.assertEqual(self.postern.get("/readyz")[0], 200)
        for text, result, status in ((config(extra="keepalive: 20s\n"), "applied", "Running"), ("nonsense", "refused", "Running as before: the last reload was refused, the log says why")):
            before = time.monotonic_ns() // 1000
            self.assertEqual(self.postern.reload(text), result)
            told = self.manager.wait("RELOADING")
            self.assertTrue(before <= int(told["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000, told)
            self.assertEqual(self.manager.wait("READY")["STATUS"], status)
        self.postern.stop()
        self.manager.wait("STOPPING")
        self.assertIsNone(self.manager.told(0))

    def test_it_pings_at_half_of_the_time_that_the_watchdog_has(self):
        began = time.monotonic()
        self.start(watchdog=WATCHDOG)
        self.manager.wait("READY")
        for number in range(1, 7):
            self.manager.wait("WATCHDOG")
            self.assertGreaterEqual(time.monotonic() - began, number * WATCHDOG / 2)

    def test_a_worker_that_is_stuck_ends_the_pings(self):
        self.start(config(extra="workers: 2\n"), watchdog=WATCHDOG)
        self.manager.wait("READY")
        self.manager.wait("WATCHDOG")
        worker = self.stop_thread("postern/1")
        while self.manager.told(2 * WATCHDOG):
            pass  # what was on its way
        self.assertEqual(self.postern.get("/healthz")[0], 200, "the main thread is well")
        self.assertIsNone(self.manager.told(2 * WATCHDOG))
        worker()
        self.manager.wait("WATCHDOG")
        self.manager.wait("WATCHDOG")

    def stop_thread(self, name):
        """Stops one thread of Postern, and returns what lets it go on."""
        libc = ctypes.CDLL(None, use_errno=True)
        (thread,) = [int(path.parent.name) for path in pathlib.Path(f"/proc/{self.postern.pid}/task").glob("*/comm") if path.read_text().strip() == name]
        self.assertEqual(libc.ptrace(PTRACE_SEIZE, thread, None, None), 0)
        self.assertEqual(libc.ptrace(PTRACE_INTERRUPT, thread, None, None), 0)
        os.waitpid(thread, 0x40000000)  # __WALL
        return lambda: libc.ptrace(PTRACE_DETACH, thread, None, None)


class Unit(case.Case):
    """packaging/systemd/postern.service, with the binary under test in it."""

    def setUp(self):
        super().setUp()
        with open(UNIT) as file:
            self.unit = self.write("postern.service", file.read().replace("/usr/bin/postern", postern_binary()))

    def analyze(self, *arguments):
        return subprocess.run(["systemd-analyze", *arguments, self.unit], capture_output=True, text=True, timeout=60)

    def test_systemd_understands_all_of_it(self):
        done = self.analyze("verify", "--man=no")
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_its_exposure_is_low(self):
        done = self.analyze("security", "--offline=yes", "--threshold=15")
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_what_the_filter_leaves_is_enough(self):
        """Any other system call ends the process here, where systemd has it fail."""
        if os.environ.get("POSTERN_SANITIZE"):
            self.skipTest("a sanitizer makes calls of its own")
        pbx = self.run_until_end(Pbx(self.folder))
        certificate, key = make_certificate(self.folder)
        for path in (key, self.folder):
            os.chown(path, NOBODY.pw_uid, NOBODY.pw_gid)
        text = (f"listeners: ['udp://{host_port(ACCESS)}', 'tcp://{host_port(ACCESS)}', {{address: 'tls://{host_port(HIGH_TLS)}', tls: {{certificate: {certificate}, private_key: {key}}}}}]\n"
                f"pbx: {{address: 'udp://{host_port(ADDRESS)}', bind: '{host_port(CORE)}'}}\nworkers: 2\nnetworks: {{anna: {{name: anna.test, refresh: 1s}}}}\n"
                f"state: state\ncontrol: control.sock\nadmin: http://{host_port(ADMIN)}\n")
        self.use_within_the_filter(text, certificate, pbx, Postern.kill)
        self.use_within_the_filter(text, certificate, pbx, Postern.stop)

    def use_within_the_filter(self, text, certificate, pbx, end):
        filtered = ["/usr/bin/python3", os.path.join(case.source_folder(), "tests", "support", "filtered.py"), "nobody", ",".join(sorted(allowed_calls()))]
        with mock.patch.dict(os.environ, {"POSTERN_BINARY": shutil.copy(postern_binary(), self.folder)}):  # where that user can reach it
            postern = Postern(self.folder, text, name=f"before-{end.__name__}", prefix=filtered)
        self.addCleanup(postern.stop_if_alive)
        phones = (Phone(("127.1.0.1", 5080), ACCESS, "1001"), StreamPhone(("127.1.0.2", 0), ACCESS, "1002"), StreamPhone(("127.1.0.3", 0), HIGH_TLS, "1003", trust=certificate))
        for phone in phones:
            self.addCleanup(phone.stop)
            self.assertEqual(phone.register().status, 200)
            self.assertEqual(len(pbx.contacts(phone.user)), 1)
        for changed in (text + "keepalive: 20s\n", text):
            self.assertEqual(postern.reload(changed), "applied")
        for command in (("registrations",), ("bans", "add", "127.9.9.9"), ("audit",)):
            self.assertIn(door.run(*command, "-c", postern.path).returncode, (0, 1), command)
        self.assertEqual(postern.metric("postern_state_durable"), 1)
        end(postern)
        for phone in phones:
            phone.stop()


class Rights(case.Case):
    """`postern run --user nobody`, started by root. The user's own group is nogroup."""

    def setUp(self):
        super().setUp()
        self.pbx = self.run_until_end(Pbx(self.folder))
        self.certificate, self.key = make_certificate(self.folder)
        self.give_key()
        self.starts = 0

    def give_key(self):
        os.chown(self.key, 0, NOBODY.pw_gid)
        os.chmod(self.key, 0o640)

    def text(self, more="", listeners=(LOW,)):
        udp = "".join(f"'udp://{host_port(address)}', " for address in listeners)
        return (f"listeners: [{udp}{{address: 'tls://{host_port(TLS)}', tls: {{certificate: {self.certificate}, private_key: {self.key}}}}}]\n"
                f"pbx: {{address: 'udp://{host_port(ADDRESS)}', bind: '{host_port(CORE)}'}}\n"
                f"state: {self.folder}/lib/state\ncontrol: {self.folder}/run/control.sock\nadmin: http://{host_port(ADMIN)}\n{more}")

    def start(self, text=None, user="nobody"):
        os.makedirs(os.path.join(self.folder, "lib"), exist_ok=True)
        self.starts += 1
        self.postern = Postern(self.folder, text or self.text(), name=f"postern{self.starts}", arguments=["--user", user] if user else [])
        self.addCleanup(self.postern.stop_if_alive)

    def threads(self):
        """Of each thread the lines of its status that tell of rights."""
        found = {}
        for path in glob.glob(f"/proc/{self.postern.pid}/task/*/status"):
            with open(path) as file:
                lines = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
            found[lines["Pid"]] = {name: lines[name].split() for name in ("Uid", "Gid", "Groups", "CapPrm", "CapEff", "CapInh", "CapBnd", "CapAmb", "NoNewPrivs")}
        return found

    def assert_dropped(self, kept):
        threads = self.threads()
        self.assertGreater(len(threads), 4, threads)
        for name, rights in threads.items():
            self.assertEqual(rights, {
                "Uid": [str(NOBODY.pw_uid)] * 4, "Gid": [str(NOBODY.pw_gid)] * 4, "Groups": [str(NOBODY.pw_gid)], "CapPrm": [f"{kept:016x}"], "CapEff": [f"{kept:016x}"],
                "CapInh": ["0" * 16], "CapBnd": ["0" * 16], "CapAmb": ["0" * 16], "NoNewPrivs": ["1"]}, name)

    def phone(self, server=LOW, number=1):
        return self.run_until_end(Phone((f"127.1.0.{number}", 5080), server, f"100{number}"))

    def test_no_thread_keeps_more_than_a_port_takes(self):
        self.start(self.text("workers: 2\n"))
        self.assert_dropped(BIND_SERVICE)
        self.assertEqual(self.phone().register().status, 200)
        # A reload opens ports below 1024, beside those of the same group of sockets, and reads another certificate.
        certificate, key = make_certificate(self.folder, prefix="second")
        shutil.copy(certificate, self.certificate)
        shutil.copy(key, self.key)
        self.give_key()
        self.assertEqual(self.postern.reload(self.text("workers: 2\n", (LOW, LOWER))), "applied", self.postern.log())
        self.assertEqual(self.phone(LOWER, 2).register().status, 200)
        tls = self.run_until_end(StreamPhone(("127.1.0.3", 0), TLS, "1003", trust=certificate))
        self.assertEqual(tls.register().status, 200)
        self.assert_dropped(BIND_SERVICE)

    def test_what_root_has_made_before_is_given_to_the_user(self):
        self.start(user=None)
        phone = self.phone()
        self.assertEqual(phone.register().status, 200)
        contacts = self.pbx.contacts("1001")
        os.chmod(f"{self.folder}/run", 0o755)
        self.postern.kill()  # which leaves the socket too
        others = self.write("lib/state/precious", "")
        os.link(others, f"{self.folder}/second-name")
        os.symlink("/etc/passwd", f"{self.folder}/lib/state/link")
        self.start()
        for path in (f"{self.folder}/lib/state", *glob.glob(f"{self.folder}/lib/state/[ks]*"), f"{self.folder}/run", f"{self.folder}/run/control.sock"):
            self.assertEqual(os.lstat(path).st_uid, NOBODY.pw_uid, path)
        for path in (others, "/etc/passwd", f"{self.folder}/lib", self.folder):
            self.assertEqual(os.stat(path).st_uid, 0, path)
        self.assertEqual(stat.S_IMODE(os.stat(f"{self.folder}/lib/state").st_mode), 0o700)
        self.assertEqual(door.run("registrations", "-c", self.postern.path).stdout.splitlines()[-1], "1 registration of 1 device")
        self.assertEqual(phone.register().status, 200)
        self.assertEqual(self.pbx.contacts("1001"), contacts)

    def test_the_right_to_change_the_firewall_stays_where_it_is_needed(self):
        self.start(self.text("kernel: nftables\n"))
        self.assert_dropped(BIND_SERVICE | NET_ADMIN)
        self.assertEqual(door.run("bans", "add", "127.66.0.1", "-c", self.postern.path).returncode, 0)
        wait_for(lambda: "127.66.0.1" in subprocess.run(["nft", "list", "set", "inet", "postern", "banned4"], capture_output=True, text=True).stdout, "the ban in the set")

    def test_what_the_user_may_not_read_is_told_at_the_start(self):
        os.chmod(self.key, 0o600)
        done = self.refused("nobody")
        self.assertRegex(done.stderr, r"postern\.yaml:\d+:\d+: listeners\[1\]\.tls\.private_key: ")

    def test_who_cannot_become_that_user_does_not_start(self):
        self.assertIn("no such user", self.refused("nosuchuser").stderr)
        self.assertIn("all of root's rights", self.refused("root").stderr)
        self.assertIn("only root can", self.refused("daemon", prefix=("setpriv", "--reuid=nobody", "--clear-groups")).stderr)

    def refused(self, user, prefix=()):
        path = self.write("postern.yaml", self.text())
        done = subprocess.run([*prefix, shutil.copy(postern_binary(), self.folder), "run", "-c", path, "--user", user], capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 1, done.stderr)
        return done

    def test_a_folder_that_is_not_posterns_stays_roots(self):
        """Without a key in it, whatever else it is."""
        os.makedirs(f"{self.folder}/lib/state")
        self.write("lib/state/precious", "")
        os.makedirs(f"{self.folder}/run")
        self.write("run/precious", "")
        done = self.refused("nobody")
        self.assertIn("belongs to uid 0", done.stderr)
        for path in ("lib/state", "lib/state/precious", "run"):
            self.assertEqual(os.stat(f"{self.folder}/{path}").st_uid, 0, path)

    def test_what_another_can_put_in_its_place_is_not_given_away(self):
        """A link in the place of the folder, and a folder of root's below one of another's."""
        os.makedirs(f"{self.folder}/lib")
        os.makedirs(f"{self.folder}/roots")
        self.write("roots/key", "")
        os.symlink(f"{self.folder}/roots", f"{self.folder}/lib/state")
        self.assertIn("belongs to uid 0", self.refused("nobody").stderr)
        os.remove(f"{self.folder}/lib/state")
        os.rename(f"{self.folder}/roots", f"{self.folder}/lib/state")
        os.chown(f"{self.folder}/lib", NOBODY.pw_uid, NOBODY.pw_gid)
        self.assertIn("belongs to uid 0", self.refused("nobody").stderr)
        for path in ("lib/state", "lib/state/key"):
            self.assertEqual(os.stat(f"{self.folder}/{path}").st_uid, 0, path)


if __name__ == "__main__":
    case.need("systemd-analyze", "nft")
    case.main()
