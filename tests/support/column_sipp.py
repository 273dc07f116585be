"""The rows of SIPp: a caller that goes by the letter of its scenario."""
from .column import Column
from .sipp import Sipp, TlsTunnel

TUNNEL = ("127.1.0.20", 5061)


class SippColumn(Column):
    def sipp(self, scenario, number=None):
        """SIPp as 1001, over the column's access."""
        more = {"transport": "u1" if self.access.scheme == "udp" else "t1", "scheme": self.access.scheme}
        if self.access.scheme == "tls":
            self.run_until_end(TlsTunnel(self.folder, TUNNEL, self.server, self.certificate))
            more["through"] = TUNNEL
        return self.run_until_end(Sipp(self.folder, scenario, (self.address_of(1), 5080), self.server, caller="1001", number=number, **more))

    def test_register(self):
        self.sipp("register").finish()
        self.assert_registered()

    def test_call_out_and_remote_bye(self):
        two = self.two()
        caller = self.sipp("uac_remote_bye", "1002")
        two.wait_event("CALL_ESTABLISHED")
        two.hang_up()
        caller.finish()
        two.wait_event("CALL_CLOSED")

    def test_cancel(self):
        two = self.two(answer="manual")
        self.sipp("uac_cancel", "1002").finish()
        two.wait_event("CALL_CLOSED")

    def test_busy(self):
        two = self.two(answer="manual")
        caller = self.sipp("uac_busy", "1002")
        two.wait_event("CALL_INCOMING")
        two.hang_up()
        caller.finish()
