"""`hep`: a capture server sees both legs of what passes and what is refused, with why; where there is none nothing is lost."""
import collections
import time

from support import case
from support.capture import Capture
from support.door import ACCESS, ANY_CORE, CORE, Postern, config
from support.homer import IPV4, IPV6, SIP, TCP, UDP, Homer, message
from support.homer import ADDRESS as HOMER
from support.networks import run
from support.pbx import ADDRESS, Pbx
from support.proc import wait_for
from support.sip import Phone, answer, host_port, sdp
from support.stream import StreamPhone, make_certificate
from support.talk import call_by_hand

HEP = f"hep: udp://{host_port(HOMER)}\n"
STRANGER = ("127.66.0.1", 5080)
SCANNER = "friendly-scanner"


class Hep(case.Case):
    def start(self, text=None, homer=HOMER):
        self.capture = self.run_until_end(Capture())
        self.homer = self.run_until_end(Homer(self.folder, homer)) if homer else None
        self.pbx = self.run_until_end(Pbx(self.folder))
        self.began = time.time()
        self.postern = self.run_until_end(Postern(self.folder, config(extra=HEP) if text is None else text))

    def phone(self, number, user_agent=None):
        phone = self.run_until_end(Phone((f"127.1.0.{number}", 5062), ACCESS, f"100{number}"))
        phone.user_agent = user_agent or phone.user_agent
        return phone

    def results(self):
        return {result: self.postern.metric("postern_hep_packets_total", result=result) for result in ("sent", "left_out", "failed")}

    def seen_on_the_wire(self):
        """What went in and out of Postern's SIP ports over UDP, each with its ends."""
        self.capture.settle()
        found = []
        for end in (ACCESS, ANY_CORE):
            found += self.capture.between(source=end) + self.capture.between(destination=end)
        return collections.Counter((packet.source, packet.destination, packet.payload) for packet in found if packet.destination != HOMER and packet.payload.strip())

    def copied(self):
        return collections.Counter((packet.source, packet.destination, packet.payload) for packet in self.homer.packets())

    def assert_all_is_copied(self):
        wait_for(lambda: self.copied() == self.seen_on_the_wire(), "all that was seen on the wire to be copied, and nothing else", 20, 0.2)

    def test_both_legs_are_told_as_they_were_on_the_wire(self):
        self.start()
        one, two = self.phone(1), self.phone(2)
        for phone in (one, two):
            self.assertEqual(phone.register().status, 200)
        call = one.invite("1002")
        invite, source = two.request("INVITE")
        two.request("INVITE", call_id=invite.get("Call-ID"))  # nobody answers, so that it is sent again
        two.send(answer(invite, 200, "OK", "b", [f"Contact: {two.contact}"], sdp(two.host, 30000)), source)
        call.wait_status(200)
        call.ack()
        two.request("ACK")
        self.assertEqual(call.hang_up(two).status, 200)
        self.assert_all_is_copied()
        packets = self.homer.packets()
        for packet in packets:
            self.assertEqual((packet.family, packet.protocol, packet.type, packet.agent, packet.node), (IPV4, UDP, SIP, 5060, "postern"))
            self.assertEqual(packet.call_id, message(packet).get("Call-ID"))
            self.assertTrue(self.began <= packet.time <= time.time(), packet)
        self.assertIn(b"Authorization: Digest", b"".join(packet.payload for packet in packets))
        way = [(packet.source, packet.destination[0]) for packet in self.homer.of_call(one.register_call_id)[:4]]
        core = way[1][0]
        self.assertEqual(core[0], CORE[0])
        self.assertEqual(way, [((one.host, one.port), ACCESS[0]), (core, ADDRESS[0]), (ADDRESS, CORE[0]), (ACCESS, one.host)])
        self.assertEqual(self.results(), {"sent": len(packets), "left_out": 0, "failed": 0})
        case.measured(f"{len(packets)} datagrams of two registrations and a call on the wire, each copied, with its ends and in its order")

    def test_what_is_refused_is_told_with_the_reason(self):
        self.start()
        scanner = self.run_until_end(Phone(STRANGER, ACCESS, "100", user_agent=SCANNER))
        ask = lambda call_id: scanner.send(scanner.build("OPTIONS", f"sip:100@{ACCESS[0]}", f"<sip:100@{ACCESS[0]}>", call_id, 1), ACCESS)
        ask("first")
        first = self.homer.wait(lambda packet: packet.call_id == "first", "the scanner's packet")
        self.assertEqual((first.source, first.destination, first.node), (STRANGER, ACCESS, "postern/rule_ban"))
        self.assertIn(SCANNER.encode(), first.payload)
        ask("second")
        second = self.homer.wait(lambda packet: packet.call_id == "second", "its next one")
        self.assertEqual(second.node, "postern/silenced")
        other = self.run_until_end(Phone(("127.66.0.2", 5080), ACCESS, "100"))
        for junk in (b"\x16\x03\x01 no SIP", b"GET / HTTP/1.1\r\n\r\n", b"\r\n\r\n"):
            other.send(junk, ACCESS)
        broken = other.build("OPTIONS", f"sip:100@{ACCESS[0]}", f"<sip:100@{ACCESS[0]}>", "broken", 1).replace(b"CSeq: 1", b"CSeq: one")
        other.send(broken, ACCESS)
        self.assertEqual(self.homer.wait(lambda packet: packet.payload == broken, "the broken one").node, "postern/malformed")
        self.assertEqual(self.postern.metric("postern_packets_total", outcome="garbage"), 2)
        self.assertFalse([packet for packet in self.homer.packets() if packet.payload.startswith((b"GET", b"\x16", b"\r"))])

    def test_a_flood_of_refused_packets_is_copied_at_a_bounded_rate(self):
        self.start()
        scanner = self.run_until_end(Phone(STRANGER, ACCESS, "100", user_agent=SCANNER))
        flood = scanner.build("OPTIONS", f"sip:100@{ACCESS[0]}", f"<sip:100@{ACCESS[0]}>", "flood", 1)
        count, began = 5000, time.monotonic()
        for number in range(count):
            scanner.send(flood, ACCESS)
            if number % 100 == 99:
                self.postern.wait_metric("postern_messages_refused_total", number + 1)
        taken = time.monotonic() - began
        wait_for(lambda: sum(self.results().values()) == count, "each to be copied or counted")
        results = self.results()
        self.assertGreaterEqual(results["sent"], 500)
        self.assertLessEqual(results["sent"], 500 + 500 * taken + 1)
        wait_for(lambda: len(self.homer.packets()) == results["sent"], "those that were sent", 20, 0.2)
        phone = self.phone(1)
        self.assertEqual(phone.register().status, 200)
        self.homer.wait(lambda packet: packet.call_id == phone.register_call_id, "what passes, meanwhile")
        case.measured(f"{count} refused packets in {taken:.1f} s, {results['sent']:.0f} of them copied")

    def check_without_server(self, text):
        self.start(text, homer=None)
        one, two = self.phone(1), self.phone(2)
        for phone in (one, two):
            self.assertEqual(phone.register().status, 200)
        call = call_by_hand(one, two)
        self.assertEqual(call.hang_up(two).status, 200)
        wait_for(lambda: self.results()["failed"] > 0, "the failures to be counted")
        self.assertEqual([line for line in self.postern.log().splitlines() if " error " in line or "hep" in line.replace("event=config_warning", "")], [])

    def test_without_a_server_nothing_is_lost_and_the_log_is_quiet(self):
        self.check_without_server(None)
        homer = self.run_until_end(Homer(self.folder))
        phone = self.phone(3)
        self.assertEqual(phone.register().status, 200)
        homer.wait(lambda packet: packet.call_id == phone.register_call_id, "copies once it is there")

    def test_a_way_that_comes_later_is_found(self):
        late = ("10.99.0.9", 9060)
        self.check_without_server(config(extra=f"hep: udp://{host_port(late)}\n"))
        self.assertEqual(self.results()["sent"], 0)
        run("ip", "address", "add", f"{late[0]}/32", "dev", "lo")
        self.addCleanup(run, "ip", "address", "del", f"{late[0]}/32", "dev", "lo")
        homer = self.run_until_end(Homer(self.folder, late))
        phone = self.phone(3)

        def arrives():
            self.assertEqual(phone.register().status, 200)
            return homer.of_call(phone.register_call_id)
        wait_for(arrives, "copies once there is a way", 20, 0.2)

    def test_connections_are_told_in_plain_with_the_ends_of_theirs(self):
        certificate = make_certificate(self.folder)
        tls = (ACCESS[0], 5061)
        self.start(f"listeners: ['udp://{host_port(ACCESS)}', 'tcp://{host_port(ACCESS)}', {{address: 'tls://{host_port(tls)}', "
                   f"tls: {{certificate: {certificate[0]}, private_key: {certificate[1]}}}}}]\n" + config(extra=HEP).partition("\n")[2])
        phones = [self.run_until_end(StreamPhone(("127.1.0.1", 0), ACCESS, "1001")),
                  self.run_until_end(StreamPhone(("127.1.0.2", 0), tls, "1002", trust=certificate[0]))]
        for phone, server in zip(phones, (ACCESS, tls)):
            self.assertEqual(phone.register().status, 200)
            wait_for(lambda: len(self.homer.of_call(phone.register_call_id)) == 8, "both requests with their answers, on both sides")
            inside = [packet for packet in self.homer.of_call(phone.register_call_id) if packet.protocol == TCP]
            end = (phone.host, phone.port)
            self.assertEqual([(packet.source, packet.destination) for packet in inside], [(end, server), (server, end)] * 2)
            self.assertEqual([message(packet).status for packet in inside], [None, 401, None, 200])
            self.assertEqual([packet.payload for packet in inside[1::2]], [got.data for got, _ in phone.seen])
            self.assertIn("Digest", message(inside[2]).get("Authorization"))

    def test_a_pbx_over_tcp_is_told_as_such(self):
        self.homer = self.run_until_end(Homer(self.folder))
        self.run_until_end(Pbx(self.folder, transport="tcp"))
        self.postern = self.run_until_end(Postern(self.folder, config(extra=HEP).replace(f"udp://{host_port(ADDRESS)}", f"tcp://{host_port(ADDRESS)}")))
        phone = self.phone(1)
        self.assertEqual(phone.register().status, 200)
        wait_for(lambda: len(self.homer.of_call(phone.register_call_id)) == 8, "both requests with their answers, on both sides")
        inside = [packet for packet in self.homer.of_call(phone.register_call_id) if packet.protocol == TCP]
        core = inside[0].source
        self.assertEqual(core[0], CORE[0])
        self.assertEqual([(packet.source, packet.destination) for packet in inside], [(core, ADDRESS), (ADDRESS, core)] * 2)

    def test_ipv6_on_all_ways(self):
        access, homer, host = ("fd03::1", 5060), ("fd90::9", 9060), "fd01::1"
        case.add_addresses(access[0], homer[0], host)
        self.start(config(access=access, extra=f"hep: 'udp://{host_port(homer)}'\n"), homer)
        phone = self.run_until_end(Phone((host, 5062), access, "1001"))
        self.assertEqual(phone.register().status, 200)
        wait_for(lambda: len(self.homer.of_call(phone.register_call_id)) == 8, "both requests with their answers, on both sides")
        outside = [packet for packet in self.homer.of_call(phone.register_call_id) if packet.family == IPV6]
        self.assertEqual([(packet.source, packet.destination) for packet in outside], [((host, 5062), access), (access, (host, 5062))] * 2)

    def test_a_reload_begins_and_ends_it(self):
        off = config()
        self.start(off)
        phone = self.phone(1)
        self.assertEqual(phone.register().status, 200)
        self.assertEqual(self.postern.reload(config(extra=HEP)), "applied")
        self.postern.wait_log("changes=hep")
        self.assertEqual(phone.register().status, 200)
        self.homer.wait(lambda packet: packet.payload.startswith(b"SIP/2.0 200") and packet.destination == (phone.host, phone.port), "its answer")
        self.assertEqual(self.postern.reload(off), "applied")
        before = self.results()
        self.assertGreater(before["sent"], 0)
        self.assertEqual(phone.register().status, 200)
        self.assertEqual(self.results(), before)


if __name__ == "__main__":
    case.need("kamailio", "kamcmd", "openssl")
    case.main()
