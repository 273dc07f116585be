"""The images of docker/, run with what docker/compose.yaml says of them: scripts/test-docker builds them and runs this file."""
import glob
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import urllib.request

from containers import HERE, Container, Image, granted, options, podman, service
from support import case
from support.capture import Capture
from support.proc import wait_for
from support.sip import Phone
from support.stream import connect, make_certificate
from support.talk import both_hang_up_ways, call_by_hand, phones

POSTERN, PBX = os.environ.get("POSTERN_IMAGE"), os.environ.get("PBX_IMAGE")
ACCESS, CORE, HIDDEN, ADMIN = ("127.0.0.1", 5060), ("127.0.0.1", 5080), ("127.0.0.1", 15060), ("127.0.0.1", 9460)  # of docker/postern/postern.yaml
UID = 5060
NET_BIND_SERVICE, NET_ADMIN = 1 << 10, 1 << 12  # capabilities(7)


def status(pid):
    """Fields of /proc/PID/status."""
    with open(f"/proc/{pid}/status") as file:
        return {key: value.split() for key, _, value in (line.partition(":") for line in file)}


class Containers(case.Case):
    def setUp(self):
        super().setUp()
        self.etc = os.path.join(self.folder, "etc")
        shutil.copytree(os.path.join(HERE, "postern"), self.etc)
        self.folders = {"./postern": self.etc, "state": "postern-state-of-the-test"}
        self.addCleanup(podman, "volume", "rm", "--force", self.folders["state"])

    def run_pbx(self):
        self.pbx = self.run_until_end(Container(self.folder, "pbx", PBX, options("pbx", {})))
        self.wait_up(self.pbx, self.pbx.healthy)

    def run_postern(self, *more, command=(), wait=True):
        self.postern = self.run_until_end(Container(self.folder, "postern", POSTERN, [*options("postern", self.folders), *more], command))
        if wait:
            self.wait_up(self.postern, self.ready)

    def wait_up(self, container, condition):
        def up():
            self.assertTrue(container.alive(), f"{container.name} ended with {container.status()}:\n{container.log()}")
            return condition()
        wait_for(up, f"the container {container.name}; it said:\n{container.log()}", interval=0.1)

    def ready(self):
        try:
            with urllib.request.urlopen(f"http://{ADMIN[0]}:{ADMIN[1]}/readyz", timeout=5) as page:
                return page.status == 200
        except OSError:
            return False

    def phone(self, address, user):
        return self.run_until_end(Phone((address, 5070), ACCESS, user))

    def configure(self, text):
        """As an editor does it: a new file in the place of the old one."""
        path = os.path.join(self.etc, "postern.yaml")
        with open(path + ".new", "w") as file:
            file.write(text)
        os.chmod(path + ".new", 0o644)
        os.replace(path + ".new", path)

    def shipped(self):
        with open(os.path.join(HERE, "postern", "postern.yaml")) as file:
            return file.read()


class Calls(Containers):
    def test_phones_register_and_call(self):
        self.run_pbx()
        self.run_postern()
        one, two = self.phone("127.1.0.1", "1001"), self.phone("127.1.0.2", "1002")
        self.assertEqual([one.register().status, two.register().status], [200, 200])
        self.assertEqual(call_by_hand(one, two).hang_up(two).status, 200)
        listed = self.postern.run("postern", "registrations", "--json")
        self.assertEqual(sorted(entry["aor"] for entry in json.loads(listed.stdout)), ["1001", "1002"])
        case.measured("2 phones registered, 1 call")

    def test_baresip_talks(self):
        self.run_pbx()
        self.run_postern()
        both_hang_up_ways(*phones(self, ACCESS))
        case.measured("2 calls with audio both ways")

    def test_a_scanner_gets_silence(self):
        self.run_pbx()
        self.run_postern()
        capture = self.run_until_end(Capture())
        found = subprocess.run(["svmap", f"-p{ACCESS[1]}", ACCESS[0]], cwd=self.folder, env={"PATH": "/usr/bin:/bin", "HOME": self.folder}, capture_output=True, text=True,
                               timeout=60)
        self.assertIn("found nothing", found.stdout + found.stderr)
        capture.settle()
        packets = [d for d in capture.between(destination=ACCESS) if b"friendly-scanner" in d.payload]
        self.assertTrue(packets, "the scanner must have sent something")
        for packet in packets:
            self.assertEqual(capture.between(source=ACCESS, destination=packet.source), [])
        self.assertEqual(capture.between(source=CORE, destination=HIDDEN), [])
        case.measured(f"{len(packets)} packets of a scanner, none answered, none at the PBX")

    def test_a_new_container_knows_what_the_old_one_knew(self):
        self.run_pbx()
        self.run_postern()
        one, two = self.phone("127.1.0.1", "1001"), self.phone("127.1.0.2", "1002")
        self.assertEqual([one.register().status, two.register().status], [200, 200])
        self.assertEqual(self.postern.stop(), 0)
        self.run_postern()
        self.assertEqual(call_by_hand(one, two).hang_up(two).status, 200)
        case.measured("a call after the container was replaced, without a new REGISTER")


class Rights(Containers):
    def assert_rights(self, container, uid, capabilities):
        found = status(container.inner_pid())
        self.assertEqual((found["Uid"], found["Gid"]), ([str(uid)] * 4, [str(uid)] * 4))
        self.assertEqual({name: int(found[name][0], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")},
                         dict.fromkeys(("CapInh", "CapPrm", "CapEff", "CapBnd"), capabilities) | {"CapAmb": 0})  # a command that it runs gets none
        self.assertEqual((found["NoNewPrivs"], found["Seccomp"]), (["1"], ["2"]))

    def test_no_root_and_no_capability(self):
        self.run_pbx()
        self.run_postern()
        self.assert_rights(self.postern, UID, 0)
        self.assert_rights(self.pbx, UID + 1, 0)
        wanted = granted("nofile", service("postern")["ulimits"]["nofile"])
        with open(f"/proc/{self.postern.inner_pid()}/limits") as file:
            self.assertRegex(file.read(), rf"Max open files +{wanted} +{wanted} ")
        case.measured(f"uid {UID}, no capability, no new privileges, seccomp, {wanted} files")

    def test_one_capability_for_ports_below_1024(self):
        self.configure(self.shipped().replace("tcp://0.0.0.0:5060", "tcp://0.0.0.0:443"))
        self.run_postern(wait=False)
        self.assertEqual(self.postern.wait_end(), 1)
        self.assertIn("0.0.0.0:443", self.postern.log())
        self.run_postern("--cap-add", "NET_BIND_SERVICE")
        self.assert_rights(self.postern, UID, NET_BIND_SERVICE)
        connect(("127.0.0.1", 443)).close()
        case.measured("port 443 with NET_BIND_SERVICE, a start refused without")

    def test_started_as_root_it_keeps_one_capability(self):
        self.configure(self.shipped().replace("tcp://0.0.0.0:5060", "tcp://0.0.0.0:443"))
        needed = ("CHOWN", "NET_BIND_SERVICE", "SETGID", "SETPCAP", "SETUID")
        self.run_postern("--user", f"0:{UID}", *(word for name in needed for word in ("--cap-add", name)), command=("run", "--user", "postern", "-c", "/etc/postern/postern.yaml"))
        found = status(self.postern.inner_pid())
        self.assertEqual((found["Uid"], found["Gid"], found["NoNewPrivs"]), ([str(UID)] * 4, [str(UID)] * 4, ["1"]))
        self.assertEqual({name: int(found[name][0], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")},
                         {"CapInh": 0, "CapPrm": NET_BIND_SERVICE, "CapEff": NET_BIND_SERVICE, "CapAmb": 0})
        connect(("127.0.0.1", 443)).close()
        self.assertTrue(self.postern.healthy(), self.postern.log())
        case.measured("port 443 by a process that root has started, with NET_BIND_SERVICE alone")

    def test_one_capability_for_bans_in_the_kernel(self):
        self.configure(self.shipped() + "kernel: nftables\n")
        self.run_postern("--cap-add", "NET_ADMIN")
        self.assert_rights(self.postern, UID, NET_ADMIN)
        self.assertEqual(self.postern.run("postern", "bans", "add", "203.0.113.9").returncode, 0)
        kernel = lambda: subprocess.run(["nft", "list", "ruleset"], capture_output=True, text=True).stdout
        wait_for(lambda: "203.0.113.9" in kernel(), "the ban in the kernel")

    def test_nothing_but_the_state_and_run_can_be_written(self):
        self.run_postern()
        for path in ("/etc/postern/x", "/etc/x", "/usr/local/bin/x", "/var/x", "/tmp/x"):
            refused = self.postern.run("sh", "-c", f"echo x >>{path}", user="0")
            self.assertNotEqual(refused.returncode, 0, path)
            self.assertIn("Read-only file system", refused.stderr)
        self.assertEqual(self.postern.run("stat", "-c", "%u:%g %a", "/var/lib/postern", "/var/lib/postern/key").stdout.split("\n")[:2],
                         [f"{UID}:{UID} 700", f"{UID}:{UID} 600"])
        self.assertEqual(self.postern.run("stat", "-f", "-c", "%T", "/run/postern").stdout.strip(), "tmpfs")

    def test_a_key_for_the_group_of_postern(self):
        tls = os.path.join(self.etc, "tls")
        os.mkdir(tls)
        certificate, key = make_certificate(tls)
        files = f"certificate: tls/{os.path.basename(certificate)}, private_key: tls/{os.path.basename(key)}"
        self.configure(self.shipped().replace("tcp://0.0.0.0:5060", f"{{address: 'tls://0.0.0.0:5061', advertise: sbc.test, tls: {{{files}}}}}"))
        os.chmod(key, 0o600)
        self.run_postern(wait=False)
        self.assertEqual(self.postern.wait_end(), 1)
        self.assertIn("private_key", self.postern.log())
        os.chown(key, 0, UID)
        os.chmod(key, 0o640)
        self.run_postern()
        connect(("127.0.0.1", 5061), trust=certificate).close()


class Life(Containers):
    def test_health(self):
        self.run_pbx()
        self.run_postern()
        self.assertTrue(self.postern.healthy())
        for name, image in (("postern", POSTERN), ("pbx", PBX)):
            idle = self.run_until_end(Container(self.folder, f"idle-{name}", image, ["--read-only", "--cap-drop", "ALL", "--network", "host", "--entrypoint", "sleep",
                                                                                    *(["--volume", f"{self.etc}:/etc/postern:ro"] if name == "postern" else [])], ["60"]))
            wait_for(lambda: podman("container", "exists", idle.container, check=False).returncode == 0 and idle.state("Running") == "true", f"{idle.name} to run")
            self.assertFalse(idle.healthy(), f"{name} is healthy though it does not run")
            podman("kill", idle.container)

    def test_sigterm_ends_it_cleanly(self):
        self.run_postern()
        self.assertEqual(self.postern.stop(), 0, self.postern.log())
        self.assertIn("event=stop signal=SIGTERM", self.postern.log())

    def test_sighup_reloads_what_an_editor_has_written(self):
        self.run_postern()
        self.configure(self.shipped() + "rules:\n  - {name: no messages, methods: MESSAGE, action: reject}\n")
        podman("kill", "--signal", "HUP", self.postern.container)
        self.postern.wait_log("event=reload result=applied")
        self.assertIn("no messages", self.postern.log())

    def test_check_of_the_configuration(self):
        good = podman("run", "--rm", "--read-only", "--cap-drop", "ALL", "--network", "none", "--volume", f"{self.etc}:/etc/postern:ro", POSTERN, "check")
        self.assertIn("good: listens on udp://0.0.0.0:5060", good.stdout)


def hosts_of_this_machine():
    """Where it gets packages from, its own name and its name servers."""
    run = lambda *command: subprocess.run(command, capture_output=True, text=True).stdout
    urls = run("apt-get", "indextargets", "--format", "$(SITE)").split() + re.findall(r'Proxy "(https?://[^"]+)"', run("apt-config", "dump"))
    urls += [os.environ[name] for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY") if name in os.environ]
    with open("/etc/resolv.conf") as file:
        servers = re.findall(r"^nameserver\s+(\S+)", file.read(), re.M)
    hosts = {re.sub(r"^\w+://(?:[^@/]*@)?|[:/].*$", "", url) for url in urls} | {socket.gethostname()} | set(servers)
    return sorted(host for host in hosts if "." in host or len(host) > 7)


def not_of_packages(tree):
    """The files below `tree` that no package has brought: Debian's own examples name its servers."""
    brought = set()
    for path in glob.glob(f"{tree}/var/lib/dpkg/info/*.list"):
        with open(path) as file:
            brought.update(file.read().splitlines())
    for folder, _, files in os.walk(tree):
        for path in (os.path.join(folder, file) for file in files):
            if os.path.isfile(path) and not os.path.islink(path) and path[len(tree):] not in brought:
                yield path[len(tree):]


class Images(case.Case):
    def test_what_is_in_them(self):
        for name, uid in ((POSTERN, UID), (PBX, UID + 1)):
            found = json.loads(podman("image", "inspect", name).stdout)[0]
            self.assertEqual(found["Config"]["User"], f"{uid}:{uid}")
            self.assertEqual(found["Config"]["StopSignal"], "SIGTERM")
            self.assertIn("org.opencontainers.image.title", found["Config"]["Labels"])
            case.measured(f"{name}: {found['Size'] / 1e6:.0f} MB, {len(found['RootFS']['Layers'])} layers")

    def test_nothing_of_the_build_is_left(self):
        tree = self.run_until_end(Image(POSTERN)).path
        for path in ("src", "out", "usr/bin/g++", "usr/bin/git", "usr/include/boost", "root/.cache"):
            self.assertFalse(os.path.exists(os.path.join(tree, path)), path)
        packages = subprocess.run(["chroot", tree, "dpkg-query", "--show", "--showformat", "${db:Status-Abbrev} ${Package}\\n"], capture_output=True, text=True, check=True).stdout
        self.assertIn("ii  libssl3", packages)
        self.assertNotRegex(packages, r"(?m)^ii .*-dev$")
        self.assertNotIn("not found", subprocess.run(["chroot", tree, "ldd", "/usr/local/bin/postern"], capture_output=True, text=True, check=True).stdout)
        self.assertNotIn("debug_info", subprocess.run(["readelf", "--section-headers", os.path.join(tree, "usr/local/bin/postern")], capture_output=True, text=True).stdout)

    def test_nothing_tells_of_this_machine(self):
        hosts, seen = hosts_of_this_machine(), 0
        self.assertTrue(hosts)
        for name in (POSTERN, PBX):
            tree = self.run_until_end(Image(name)).path
            self.assertEqual(os.listdir(os.path.join(tree, "var/lib/apt/lists")), [])
            for path in not_of_packages(tree):
                seen += 1
                with open(tree + path, "rb") as file:
                    text = file.read()
                for host in hosts:
                    self.assertFalse(host.encode() in text, f"{host} stands in {path} of {name}")
        self.assertGreater(seen, 100)
        case.measured(f"{seen} files that no package brought name none of {len(hosts)} hosts")


if __name__ == "__main__":
    case.need("podman", "runc", "baresip", "svmap", "openssl")
    case.main()
