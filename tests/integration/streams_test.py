"""TCP and TLS at the access side: phones, and those who only hold connections."""
import os
import re
import socket
import ssl
import time

from support import case
from support.baresip import Baresip
from support.door import ACCESS, CORE, ADMIN, Postern
from support.pbx import ADDRESS, TRUNK, Pbx
from support.proc import memory_kib, wait_for
from support.sip import Phone, Socket, answer, host_port
from support.sipp import Sipp
from support.stream import StreamPhone, WebSocketPhone, closed, connect, make_certificate
from support import talk

TLS = (ACCESS[0], 5061)
WSS = (ACCESS[0], 8089)
MOST_GROWTH_KIB = 65536 if os.environ.get("POSTERN_SANITIZE") else 4096  # a sanitizer keeps for a while what is freed


def config(certificate, key, extra=""):
    return (f"listeners:\n  - udp://{host_port(ACCESS)}\n  - tcp://{host_port(ACCESS)}\n"
            f"  - {{address: 'tls://{host_port(TLS)}', name: secure, tls: {{certificate: {certificate}, private_key: {key}}}}}\n"
            f"  - {{address: 'wss://{host_port(WSS)}', origins: ['https://pbx.test'], tls: {{certificate: {certificate}, private_key: {key}}}}}\n"
            f"pbx: {{address: 'udp://{host_port(ADDRESS)}', bind: '{host_port(CORE)}'}}\n"
            f"state: state\nadmin: http://{ADMIN[0]}:{ADMIN[1]}\n{extra}")


class Streams(case.Case):
    def setUp(self):
        super().setUp()
        self.certificate, self.key = make_certificate(self.folder)
        self.pbx = self.run_until_end(Pbx(self.folder))
        self.postern = self.run_until_end(Postern(self.folder, config(self.certificate, self.key)))

    def phone(self, number, tls=False, port=0):
        source = (f"127.1.0.{number}", port)
        return self.run_until_end(StreamPhone(source, TLS if tls else ACCESS, f"100{number}", self.certificate if tls else None))

    def ended(self, reason, least=1):
        self.postern.wait_metric("postern_connections_ended_total", least, reason=reason)


class Phones(Streams):
    def test_register_and_be_called_over_each_transport(self):
        caller = self.run_until_end(Phone(("127.1.0.3", 5080), ACCESS, "1003"))
        browser = self.run_until_end(WebSocketPhone(("127.1.0.2", 0), WSS, "1002", self.certificate, "https://pbx.test"))
        for phone in (self.phone(1), self.phone(2, tls=True), browser):
            self.assertEqual(phone.register().status, 200)
            call = caller.invite(phone.user)
            invite, _ = phone.request("INVITE")
            self.assertIn(f"SIP/2.0/{phone.via} ", invite.get("Via"))
            self.assertIn("transport=" + ("ws" if phone is browser else phone.via.lower()), invite.get("Contact").lower())
            phone.send(answer(invite, 603, "Decline", "one"))
            self.assertEqual(call.wait().status, 603)
            phone.request("ACK")

    def test_a_call_for_a_phone_whose_connection_is_gone(self):
        phone = self.phone(1)
        self.assertEqual(phone.register().status, 200)
        phone.stop()
        self.ended("peer_closed")
        caller = self.run_until_end(Phone(("127.1.0.3", 5080), ACCESS, "1003"))
        self.assertEqual(caller.invite("1001").wait().status, 480)

    def test_a_phone_that_is_gone_while_it_rings(self):
        phone = self.phone(1)
        self.assertEqual(phone.register().status, 200)
        caller = self.run_until_end(Phone(("127.1.0.3", 5080), ACCESS, "1003"))
        call = caller.invite("1001")
        invite, _ = phone.request("INVITE")
        phone.send(answer(invite, 180, "Ringing", "one"))
        self.assertEqual(call.wait_status(180).status, 180)
        phone.stop()
        self.assertEqual(call.wait().status, 480)

    def test_sipp_calls_over_tcp(self):
        uas = self.run_until_end(Sipp(self.folder, "uas", TRUNK)).wait_bound()
        self.run_until_end(Sipp(self.folder, "uac", ("127.1.0.3", 5080), ACCESS, caller="1001", number="2001", transport="t1")).finish()
        uas.finish()

    def test_baresip_over_tls_talks_to_one_over_tcp(self):
        one = self.run_until_end(Baresip(self.folder, "1001", "127.1.0.1", TLS, talk.TONE_1001, transport="tls"))
        two = self.run_until_end(Baresip(self.folder, "1002", "127.1.0.2", ACCESS, talk.TONE_1002, transport="tcp"))
        one.wait_registered()
        two.wait_registered()
        talk.both_hang_up_ways(one, two)


class Certificates(Streams):
    def test_a_broken_key_refuses_the_reload_at_its_line(self):
        with open(self.key, "w") as file:
            file.write("no key\n")
        self.assertEqual(self.postern.reload(), "refused")
        told = r"result=refused file=\S+ line=4 column=\d+ path=listeners\[2\].tls.private_key"
        wait_for(lambda: re.search(told, self.postern.log()), f"the log to tell {told}")
        connect(TLS, trust=self.certificate).close()

    def test_client_certificates(self):
        client, client_key = make_certificate(self.folder, "phone.test", "client")
        text = config(self.certificate, self.key).replace(f"private_key: {self.key}", f"private_key: {self.key}, client_ca: {client}")
        self.assertEqual(self.postern.reload(text), "applied")
        context = ssl.create_default_context(cafile=self.certificate)
        with context.wrap_socket(socket.create_connection(TLS, timeout=5), server_hostname="sbc.test") as stranger:
            with self.assertRaises((ssl.SSLError, ConnectionError)):  # TLS 1.3 tells it with the first read
                if not stranger.recv(1):
                    raise ConnectionError("closed")
        context.load_cert_chain(client, client_key)
        with context.wrap_socket(socket.create_connection(TLS, timeout=5), server_hostname="sbc.test") as phone:
            phone.sendall(b"\r\n\r\n")
            self.assertEqual(phone.recv(10), b"\r\n")


class Hostile(Streams):
    def test_what_is_no_sip_is_cut_off_while_calls_go_on(self):
        caller, called = self.phone(1), self.phone(2, tls=True)
        for phone in (caller, called):
            self.assertEqual(phone.register().status, 200)
        before = memory_kib(self.postern.pid)
        request = caller.build("OPTIONS", f"sip:{ACCESS[0]}", f"<sip:{ACCESS[0]}>", "huge", 1)
        attacks = [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\x00" * 5000, b"A" * 70000,
                   b"OPTIONS sip:a SIP/2.0\r\n" + b"X: y\r\n" * 4000, request.replace(b"Content-Length: 0", b"Content-Length: 1000000000") + b"x" * 9000,
                   request.replace(b"Content-Length: 0\r\n", b"")]
        for octets in attacks:
            with connect(ACCESS, ("127.1.1.1", 0)) as one:
                try:
                    one.sendall(octets)
                except ConnectionError:
                    continue
                told = closed(one)
                self.assertTrue(told == b"" or told.startswith(b"SIP/2.0 400 "), told)
        with connect(TLS, ("127.1.1.2", 0)) as plain:
            plain.sendall(request)
            closed(plain)
        self.ended("handshake_failed")
        stranger = self.run_until_end(WebSocketPhone(("127.1.1.4", 0), WSS, "1001", self.certificate, "https://evil.test"))
        self.assertEqual(stranger.accepted, 403)
        with connect(ACCESS, ("127.1.1.3", 0)) as tiny:
            tiny.sendall(b"\r\n\r\n" * 16000)
            tiny.settimeout(0.2)
            try:
                while tiny.recv(65536):
                    pass
            except (TimeoutError, ConnectionError):
                pass
        call = caller.invite(called.user)
        invite, _ = called.request("INVITE")
        called.send(answer(invite, 603, "Decline", "one"))
        self.assertEqual(call.wait().status, 603)
        self.assertLess(memory_kib(self.postern.pid) - before, MOST_GROWTH_KIB)

    def test_tiny_messages_in_one_go_are_cut_off_while_calls_go_on(self):
        caller, called = self.phone(1), self.phone(2, tls=True)
        for phone in (caller, called):
            self.assertEqual(phone.register().status, 200)
        message = (b"OPTIONS sip:a SIP/2.0\r\nv:SIP/2.0/TCP a;branch=z9hG4bK%d\r\nf:<sip:a@a>;tag=a\r\nt:<sip:a@a>\r\ni:%d\r\nCSeq:1 OPTIONS\r\n"
                   b"Max-Forwards:70\r\nl:0\r\n\r\n")
        with connect(ACCESS, ("127.1.1.5", 0)) as tiny:
            before = memory_kib(self.postern.pid)
            tiny.sendall(b"".join(message % (n, n) for n in range(65536 // len(message))))
            closed(tiny)
        self.ended("refused")
        call = caller.invite(called.user)
        invite, _ = called.request("INVITE")
        called.send(answer(invite, 603, "Decline", "one"))
        self.assertEqual(call.wait().status, 603)
        self.assertLess(memory_kib(self.postern.pid) - before, MOST_GROWTH_KIB)

    def test_slow_ones_are_cut_off_by_their_limits(self):
        began = time.monotonic()
        silent, loris = connect(TLS, ("127.1.1.1", 0)), connect(ACCESS, ("127.1.1.2", 0))
        text = b"OPTIONS sip:a@b SIP/2.0\r\nSubject: " + b"x" * 1000

        def drip():
            try:
                loris.sendall(text[drip.at:drip.at + 1])
            except ConnectionError:
                return True
            drip.at += 1
            return self.postern.metric("postern_connections_ended_total", reason="half_message") == 1
        drip.at = 0
        wait_for(drip, "the half message's end", 20, 0.1)
        self.assertLess(time.monotonic() - began, 14)
        self.ended("handshake_timeout")
        closed(silent)

    def test_so_many_connections_a_source(self):
        many = [connect(ACCESS, ("127.1.1.1", 0)) for _ in range(40)]
        self.ended("source_limit", 8)
        self.assertEqual(self.postern.metric("postern_connections", transport="tcp"), 32)
        other = self.phone(1)
        self.assertEqual(other.register().status, 200)
        for one in many:
            one.close()


if __name__ == "__main__":
    case.need("kamailio", "kamcmd", "baresip", "sipp", "openssl")
    case.main()
