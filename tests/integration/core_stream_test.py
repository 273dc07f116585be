"""A PBX that is reached over TCP or TLS: one connection that is made again whenever it ends."""
import re
import subprocess

from support import case
from support.door import ACCESS, ADMIN, CORE, CORES, Postern, run
from support.pbx import ADDRESS, Pbx
from support.proc import wait_for
from support.sip import Phone, answer, host_port, sdp, uri_of
from support.stream import StreamPhone, make_certificate

AGAIN = "a"  # the to-tag of who is called


def text(transport, more=""):
    return (f"listeners: ['udp://{host_port(ACCESS)}']\n"
            f"pbx: {{address: '{transport}://{host_port(ADDRESS)}', bind: '{host_port(CORE)}', health_check: 1s{more}}}\n"
            f"state: state\ncontrol: control.sock\nadmin: http://{host_port(ADMIN)}\n")


class CoreStream(case.Case):
    def start(self, transport, more="", **pbx):
        self.pbx = self.run_until_end(Pbx(self.folder, transport=transport, **pbx))
        self.postern = self.run_until_end(Postern(self.folder, text(transport, more)))

    def phone(self, number):
        return self.run_until_end(Phone((f"127.1.0.{number}", 5062), ACCESS, f"100{number}"))

    def up(self):
        return self.postern.metric("postern_pbx_up")

    def connections(self):
        """Those between Postern's core address and the PBX, as the system lists them."""
        listed = subprocess.run(["ss", "-Htn", "state", "established", "src", CORE[0]], capture_output=True, text=True, check=True).stdout
        return sorted(line.split()[2] for line in listed.splitlines())

    def calls_both_ways(self):
        one, two = self.phone(1), self.phone(2)
        for phone in (one, two):
            response = phone.register()
            self.assertEqual(response.status, 200)
            self.assertEqual(int(re.search(r"expires=(\d+)", response.get("Contact")).group(1)), 90)
        for caller, callee in ((one, two), (two, one)):
            call = caller.invite(callee.user)
            invite, source = callee.request("INVITE")
            callee.send(answer(invite, 200, "OK", AGAIN, [f"Contact: {callee.contact}"], sdp(callee.host, 30000)), source)
            call.wait_status(200)
            call.ack()
            callee.request("ACK")
            self.assertEqual(call.hang_up(callee).status, 200)

    def test_calls_over_tcp_use_one_connection_from_our_port(self):
        self.start("tcp")
        self.calls_both_ways()
        contact = self.pbx.contacts("1001")[0]
        self.assertIn(contact.partition("@")[2], [f"{host_port(core)};transport=tcp" for core in CORES])
        self.assertEqual(self.connections(), [host_port(core) for core in CORES])
        case.measured("registers for 90 s and calls both ways over one TCP connection to the PBX")

    def test_calls_over_tls_where_the_certificate_is_the_pbxs(self):
        certificate = make_certificate(self.folder, "pbx.test", "pbx")
        self.start("tls", f", domain: pbx.test, ca: {certificate[0]}", certificate=certificate)
        self.calls_both_ways()
        self.assertEqual(self.connections(), [host_port(core) for core in CORES])
        self.assertNotIn("without `ca`", run("check", "-c", self.postern.path).stderr)
        case.measured("registers and calls both ways over TLS to the PBX, whose certificate is looked at")

    def test_another_certificate_is_no_pbx(self):
        certificate = make_certificate(self.folder, "pbx.test", "pbx")
        other, _ = make_certificate(self.folder, "pbx.test", "other")
        self.run_until_end(Pbx(self.folder, transport="tls", certificate=certificate))
        for number, more in enumerate((f", domain: pbx.test, ca: {other}", f", domain: other.test, ca: {certificate[0]}", f", ca: {certificate[0]}")):
            with self.subTest(more):
                postern = Postern(self.folder, text("tls", more), name=f"postern{number}")
                self.addCleanup(postern.stop_if_alive)
                wait_for(lambda: postern.metric("postern_pbx_up") == 0, "the PBX not to be believed", 10)
                postern.wait_log("its certificate is not accepted")
                postern.stop()

    def test_a_pbx_that_restarts_is_missed_at_once_and_found_again(self):
        self.start("tcp")
        one = self.phone(1)
        self.assertEqual(one.register().status, 200)
        self.pbx.stop()
        wait_for(lambda: self.up() == 0, "the PBX to be known as gone", 5, 0.02)
        self.postern.wait_log("event=pbx_down")
        refused = one.register(authenticate=False, timeout=0.9)
        self.assertEqual(refused.status, 503)
        self.assertIsNotNone(refused.get("Retry-After"))
        self.pbx = self.run_until_end(Pbx(self.folder, transport="tcp"))
        wait_for(lambda: self.up() == 1, "the PBX to be known as alive", 15, 0.02)
        self.assertEqual(one.register().status, 200)
        self.assertEqual(len(self.pbx.contacts("1001")), 1)

    def test_the_pbx_may_connect_and_nobody_else(self):
        self.start("tcp")
        one = self.phone(1)
        self.assertEqual(one.register().status, 200)
        # each worker has a port of its own: the PBX goes to the one that the phone's Contact names
        token, host, port = re.match(r"sip:(.*)@([^:;]*):([0-9]*)", self.pbx.contacts("1001")[0]).groups()
        trunk = self.run_until_end(StreamPhone((ADDRESS[0], 0), (host, int(port)), "asterisk"))
        call = trunk.invite(token, challenged=False)
        invite, source = one.request("INVITE")
        self.assertEqual(invite.request_uri, uri_of(one.contact))
        one.send(answer(invite, 486, "Busy Here", AGAIN), source)
        call.wait_status(486)
        stranger = self.run_until_end(StreamPhone(("127.77.0.66", 0), CORE, "asterisk"))
        self.assertEqual(stranger.socket.recv(1), b"")

    def test_check_says_what_it_costs(self):
        path = f"{self.folder}/costs.yaml"
        with open(path, "w") as file:
            file.write(text("tls"))
        said = run("check", "-c", path)
        output = said.stdout + said.stderr
        self.assertEqual(said.returncode, 0, output)
        self.assertIn("Asterisk forgets every phone", output)
        self.assertIn("without `ca` any certificate", output)


if __name__ == "__main__":
    case.need("kamailio", "kamcmd", "openssl", "ss")
    case.main()
