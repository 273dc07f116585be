"""The package as an operator meets it, in a clean Debian that systemd has booted (scripts/test-package, which has installed it there)."""
import os
import re
import shutil
import subprocess
import sys
import urllib.request

from support import case
from support.door import ACCESS, ADMIN, CORE
from support.machine import Machine
from support.pbx import ADDRESS, Pbx
from support.proc import wait_for
from support.sip import Phone, host_port
from support.stream import StreamPhone, make_certificate

ROOT, DEB = (os.environ.get(name, "") for name in ("POSTERN_ROOT", "POSTERN_DEB"))
TLS = (ACCESS[0], 443)  # below 1024
TWO_LINES = f"listeners: ['udp://{host_port(ACCESS)}']\npbx: {{address: 'udp://{host_port(ADDRESS)}', bind: '{host_port(CORE)}'}}\n"
ALL = (f"listeners: ['udp://{host_port(ACCESS)}', 'tcp://{host_port(ACCESS)}', {{address: 'tls://{host_port(TLS)}', tls: {{certificate: tls/cert.pem, private_key: tls/key.pem}}}}]\n"
       f"pbx: {{address: 'udp://{host_port(ADDRESS)}', bind: '{host_port(CORE)}'}}\nworkers: 2\n")
DROP_IN = "/etc/systemd/system/postern.service.d/test.conf"


class Package(case.Case):
    def setUp(self):
        super().setUp()
        self.machine = self.run_until_end(Machine(self.folder, ROOT))
        self.sh = self.machine.run
        self.pbx = self.run_until_end(Pbx(self.folder))

    def state(self):
        return self.machine.property("ActiveState"), self.machine.property("SubState")

    def register(self, phone):
        self.addCleanup(phone.stop)
        self.assertEqual(phone.register().status, 200, self.machine.log()[-3000:])

    def process(self):
        """What the kernel says of it."""
        text = self.sh("cat", f"/proc/{self.machine.property('MainPID')}/status")
        return {name: " ".join(value.split()) for name, value in (line.split(":", 1) for line in text.splitlines())}

    def install_certificate(self, prefix):
        """As docs/operations.md has it: readable by the group."""
        certificate, key = make_certificate(self.folder, prefix=prefix)
        os.makedirs(f"{ROOT}/etc/postern/tls", exist_ok=True)
        shutil.copy(certificate, f"{ROOT}/etc/postern/tls/cert.pem")
        shutil.copy(key, f"{ROOT}/etc/postern/tls/key.pem")
        self.sh("chown", "root:postern", "/etc/postern/tls/key.pem")
        self.sh("chmod", "640", "/etc/postern/tls/key.pem")
        return certificate

    def tearDown(self):
        with open(os.path.join(self.folder, "postern.log"), "w") as file:  # a failure shows its end
            file.write(self.machine.log())

    def test_the_life_of_an_installation(self):
        self.installed_without_a_configuration()
        self.started_with_two_lines()
        self.everything_works_under_the_unit()
        self.certificate_is_reloaded()
        self.one_that_is_stuck_is_started_again()
        self.a_drop_in_gives_back_what_the_unit_takes()
        self.upgraded()
        self.removed_and_purged()
        self.as_the_readme_has_it()

    def installed_without_a_configuration(self):
        self.assertEqual(self.sh("systemctl", "is-enabled", "postern").strip(), "enabled")
        self.assertEqual((self.state(), self.machine.property("ConditionResult")), (("inactive", "dead"), "no"))
        self.assertNotIn("postern", self.sh("systemctl", "--failed", "--no-legend"))
        self.assertEqual(self.sh("stat", "-c", "%U:%G %a", "/var/lib/postern").strip(), "postern:postern 700")
        self.assertRegex(self.sh("postern", "--version"), r"^postern \d")
        self.assertIn("good: ", self.sh("postern", "check", "-c", "/usr/share/doc/postern/examples/postern.yaml"))
        for path in ("/usr/share/man/man1/postern.1.gz", "/usr/share/bash-completion/completions/postern", "/usr/share/postern/fail2ban", "/usr/share/postern/prometheus",
                     "/usr/share/postern/grafana", "/usr/share/doc/postern/docs/operations.md", "/usr/share/doc/postern/copyright", "/usr/share/doc/postern/changelog.gz"):
            self.sh("test", "-e", path)

    def started_with_two_lines(self):
        self.machine.write("/etc/postern/postern.yaml", TWO_LINES)
        self.assertIn("good: ", self.sh("runuser", "-u", "postern", "--", "postern", "check"))
        self.sh("systemctl", "start", "postern")  # which waits for READY=1
        self.assertEqual((self.state(), self.machine.property("StatusText")), (("active", "running"), "Running"))
        self.register(Phone(("127.1.0.1", 5080), ACCESS, "1001"))
        self.assertEqual(len(self.pbx.contacts("1001")), 1)

    def everything_works_under_the_unit(self):
        """With its filter of system calls, and what else systemd takes away."""
        self.certificate = self.install_certificate("first")
        self.machine.write("/etc/postern/postern.yaml", ALL)
        self.sh("systemctl", "restart", "postern")
        self.assertIn("1001", self.sh("postern", "registrations"), "it outlives a restart")
        self.register(StreamPhone(("127.1.0.2", 0), ACCESS, "1002"))
        self.register(StreamPhone(("127.1.0.3", 0), TLS, "1003", trust=self.certificate))
        self.assertIn("127.9.9.9", self.sh("postern", "bans", "add", "127.9.9.9") + self.sh("postern", "bans", "list"))
        self.assertIn("postern_state_durable 1", self.page("/metrics"))
        process = self.process()
        self.assertEqual((process["Seccomp"], process["NoNewPrivs"], process["CapEff"], process["CapBnd"]), ("2", "1", f"{1 << 10:016x}", f"{1 << 10:016x}"))
        self.assertNotIn("event=control error", self.machine.log())

    def page(self, path):
        with urllib.request.urlopen(f"http://{ADMIN[0]}:{ADMIN[1]}{path}", timeout=5) as page:
            return page.read().decode()

    def certificate_is_reloaded(self):
        second = self.install_certificate("second")
        self.sh("systemctl", "reload", "postern")
        wait_for(lambda: "result=applied" in self.machine.log(), "the reload")
        self.register(StreamPhone(("127.1.0.4", 0), TLS, "1004", trust=second))
        self.assertEqual(self.state(), ("active", "running"))
        self.machine.write("/etc/postern/postern.yaml", "nonsense")
        self.assertIn("exit status 1", self.sh("bash", "-c", "systemctl reload postern; echo exit status $?"))
        self.assertIn("/etc/postern/postern.yaml:1:1", self.sh("journalctl", "-u", "postern", "--no-pager"))
        wait_for(lambda: "refused" in self.machine.property("StatusText"), "the status to tell of it")
        self.assertEqual(self.state(), ("active", "running"))
        self.machine.write("/etc/postern/postern.yaml", ALL)

    def one_that_is_stuck_is_started_again(self):
        self.machine.write(DROP_IN, "[Service]\nWatchdogSec=2\nRestartSec=0\n")
        self.restart_by_hand()
        before = self.machine.property("MainPID")
        self.sh("kill", "-STOP", before)
        wait_for(lambda: self.machine.property("MainPID") not in (before, "0") and self.state() == ("active", "running"), "another one to run", 60)
        self.assertIn("watchdog", self.sh("journalctl", "-u", "postern", "--no-pager").lower())
        self.assertIn("1001", self.sh("postern", "registrations"))

    def restart_by_hand(self):
        self.sh("systemctl", "daemon-reload")
        self.sh("systemctl", "restart", "postern")

    def a_drop_in_gives_back_what_the_unit_takes(self):
        """Those of docs/operations.md: bans in the kernel, a group that may use the control socket, a state folder elsewhere, a key that only root can read."""
        self.sh("groupadd", "voip-operators")
        self.sh("install", "-d", "-o", "postern", "-m", "700", "/srv/postern")
        self.sh("chmod", "600", "/etc/postern/tls/key.pem")
        self.sh("chown", "root:root", "/etc/postern/tls/key.pem")
        self.machine.write(DROP_IN, "[Service]\nAmbientCapabilities=CAP_NET_ADMIN\nCapabilityBoundingSet=CAP_NET_ADMIN\nSupplementaryGroups=voip-operators\nSystemCallFilter=chown\n"
                           "ReadWritePaths=/srv/postern\nLoadCredential=key.pem:/etc/postern/tls/key.pem\n")
        self.machine.write("/etc/postern/postern.yaml", ALL.replace("tls/key.pem", "/run/credentials/postern.service/key.pem") +
                           "kernel: nftables\nstate: /srv/postern\ncontrol: {path: /run/postern/control.sock, group: voip-operators}\n")
        self.restart_by_hand()
        self.assertIn("127.9.9.9", self.sh("postern", "bans", "add", "127.9.9.9") + self.sh("postern", "bans", "list"))
        wait_for(lambda: "127.9.9.9" in subprocess.run(["nft", "list", "set", "inet", "postern", "banned4"], capture_output=True, text=True).stdout, "the ban in the kernel")
        self.assertEqual(self.sh("stat", "-c", "%U:%G %a", "/run/postern/control.sock", "/srv/postern/key").split("\n")[:2], ["postern:voip-operators 660", "postern:postern 600"])
        self.register(StreamPhone(("127.1.0.5", 0), TLS, "1002", trust=f"{ROOT}/etc/postern/tls/cert.pem"))
        os.unlink(ROOT + DROP_IN)
        os.rmdir(os.path.dirname(ROOT + DROP_IN))
        shutil.rmtree(f"{ROOT}/srv/postern")
        self.install_certificate("third")
        self.machine.write("/etc/postern/postern.yaml", ALL)
        self.restart_by_hand()

    def upgraded(self):
        """By the same version: it is started again, and stays off where it was switched off."""
        before = self.machine.property("MainPID")
        self.sh("dpkg", "-i", DEB)
        self.assertNotIn(self.machine.property("MainPID"), (before, "0"))
        self.assertIn("1001", self.sh("postern", "registrations"))
        self.sh("systemctl", "disable", "--now", "postern")
        self.sh("dpkg", "-i", DEB)
        self.assertEqual((self.state(), self.sh("systemctl", "is-enabled", "postern", check=False).strip()), (("inactive", "dead"), "disabled"))
        self.sh("systemctl", "enable", "--now", "postern")

    def removed_and_purged(self):
        self.sh("dpkg", "--remove", "postern")
        self.assertEqual(self.sh("systemctl", "is-active", "postern", check=False).strip(), "inactive")
        for path in ("/etc/postern/postern.yaml", "/var/lib/postern/key"):
            self.sh("test", "-e", path)
        self.sh("dpkg", "--purge", "postern")
        self.assertEqual(self.left(), ["/etc/postern", "/etc/postern/tls", "/etc/postern/tls/cert.pem", "/etc/postern/tls/key.pem"], "what the operator has put there")
        shutil.rmtree(f"{ROOT}/etc/postern")
        self.sh("dpkg", "-i", DEB)
        self.sh("dpkg", "--purge", "postern")
        self.assertEqual(self.left(), [])
        self.assertEqual(self.sh("getent", "passwd", "postern").split(":")[5:], ["/var/lib/postern", "/usr/sbin/nologin\n"], "the user stays, as Debian's do")

    def as_the_readme_has_it(self):
        """The README's own lines behind the one that has made the package: from there to a registered phone."""
        with open(os.path.join(case.source_folder(), "README.md")) as file:
            build, *lines = re.search(r"## Install it\n.*?```sh\n(.*?)```", file.read(), re.S).group(1).splitlines()
        self.assertEqual(build, "scripts/package")
        host, port = re.search(r"--pbx udp://([\d.]+):(\d+)", "\n".join(lines)).groups()
        subprocess.run(["ip", "address", "add", f"{host}/32", "dev", "lo"], check=True)
        self.pbx.stop()
        folder = os.path.join(self.folder, "readme")
        os.mkdir(folder)
        pbx = self.run_until_end(Pbx(folder, (host, int(port))))
        os.makedirs(f"{ROOT}/checkout/build", exist_ok=True)
        shutil.copy(ROOT + DEB, f"{ROOT}/checkout/build/")
        said = self.sh("bash", "-ec", "\n".join(["cd /checkout", *lines]))
        self.assertIn("listens on     udp://0.0.0.0:5060", said)
        self.register(Phone(("127.1.0.9", 5080), ("127.0.0.1", 5060), "1001"))
        self.assertEqual(len(pbx.contacts("1001")), 1)
        case.measured(f"the README's lines ({'; '.join([build, *lines])}): a phone is registered")

    def left(self):
        """What bears its name."""
        found = self.sh("find", "/etc", "/usr", "/var", "/run", "/opt", "-xdev", "-path", "*postern*", "-not", "-path", "/var/log/journal/*", "-not", "-name", os.path.basename(DEB))
        return sorted(found.splitlines())


if __name__ == "__main__":
    if not os.path.isdir(ROOT):
        sys.exit("run scripts/test-package: it makes the Debian that this takes")
    case.main()
