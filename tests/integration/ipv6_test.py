"""IPv6 with real phones: outside, inside, on both sides, and beside IPv4."""
from support import case, talk
from support.door import ADMIN, Postern, config
from support.pbx import ADDRESS, Pbx
from support.sip import Phone, host_port
from support.sipp import Sipp

ACCESS, CORE, PBX = ("fd03::1", 5060), ("fd77::2", 5080), ("fd77::5", 15077)
ONE, TWO = "fd01::1", "fd01::2"
ACCESS_V4, CORE_V4 = ("127.3.0.1", 5060), ("127.77.0.2", 5080)


class Ipv6(case.Case):
    def setUp(self):
        super().setUp()
        case.add_addresses(ACCESS[0], CORE[0], PBX[0], ONE, TWO)

    def call(self, pbx, caller, server, callee, callee_server):
        """A SIPp phone calls another, through a whole dialog."""
        phone = Phone(callee, callee_server, "1002")
        self.addCleanup(phone.stop)
        self.assertEqual(phone.register().status, 200)
        phone.stop()  # its address goes to SIPp, which takes the call
        self.assertEqual(len(pbx.contacts("1002")), 1)
        called = self.run_until_end(Sipp(self.folder, "dialog_called", callee)).wait_bound()
        self.run_until_end(Sipp(self.folder, "dialog_caller", caller, server, caller="1001", number="1002")).finish()
        called.finish()

    def test_phones_of_ipv6_talk_through_a_pbx_of_ipv4(self):
        self.run_until_end(Pbx(self.folder))
        self.run_until_end(Postern(self.folder, config(access=ACCESS)))
        talk.call(*talk.phones(self, ACCESS, (ONE, TWO)), talk.TONE_1001, talk.TONE_1002)

    def test_ipv6_on_both_sides(self):
        pbx = self.run_until_end(Pbx(self.folder, PBX))
        self.run_until_end(Postern(self.folder, config(PBX, ACCESS, CORE)))
        self.call(pbx, (ONE, 5080), ACCESS, (TWO, 5080), ACCESS)

    def test_phones_of_ipv4_and_a_pbx_of_ipv6(self):
        pbx = self.run_until_end(Pbx(self.folder, PBX))
        self.run_until_end(Postern(self.folder, config(PBX, ACCESS_V4, CORE)))
        self.call(pbx, ("127.1.0.1", 5080), ACCESS_V4, ("127.1.0.2", 5080), ACCESS_V4)

    def test_both_families_side_by_side(self):
        pbx = self.run_until_end(Pbx(self.folder))
        self.run_until_end(Postern(self.folder, f"listeners: ['udp://0.0.0.0:5060', 'udp://[::]:5060']\n"
                                                f"pbx: {{address: 'udp://{host_port(ADDRESS)}', bind: '{host_port(CORE_V4)}'}}\n"
                                                f"state: state\ncontrol: control.sock\nadmin: http://{host_port(ADMIN)}\n"))
        self.call(pbx, ("127.1.0.1", 5080), ACCESS_V4, (TWO, 5080), ACCESS)
        case.measured("a call from an IPv4 phone to an IPv6 phone, both on wildcard listeners")


if __name__ == "__main__":
    case.need("kamailio", "kamcmd", "baresip", "sipp", "ip")
    case.main()
