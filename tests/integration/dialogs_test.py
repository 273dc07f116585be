"""Dialogs with all that is in them, between SIPp and SIPp, through Postern and a PBX that is a proxy and rewrites Contacts."""
import re
import urllib.parse

from support import case
from support.capture import Capture
from support.door import ACCESS, CORE, Postern
from support.edge import Edge
from support.hiding import leaks
from support.pbx import ADDRESS, TRUNK, Pbx
from support.sip import Phone, answer
from support.sipp import Sipp
from support.talk import call_by_hand

EDGE = ("127.4.0.1", 5062)


class Dialogs(case.Case):
    def setUp(self):
        super().setUp()
        self.run_until_end(Pbx(self.folder))
        self.run_until_end(Postern(self.folder))
        self.capture = self.run_until_end(Capture())

    def assert_nothing_leaked(self):
        self.capture.settle()
        left = [datagram.payload for datagram in self.capture.between(source=ACCESS)]
        self.assertGreater(len(left), 7)
        self.assertEqual([payload for payload in left if leaks(payload, [ADDRESS[0].encode(), str(ADDRESS[1]).encode(), CORE[0].encode()])], [])

    def register(self, address, server=ACCESS):
        """SIPp is the phone that this one registers."""
        phone = Phone(address, server)
        self.addCleanup(phone.stop)
        self.assertEqual(phone.register().status, 200)
        phone.stop()

    def test_phone_calls(self):
        called = self.run_until_end(Sipp(self.folder, "dialog_called", TRUNK)).wait_bound()
        self.run_until_end(Sipp(self.folder, "dialog_caller", ("127.1.0.3", 5080), ACCESS, caller="1001", number="2001")).finish()
        called.finish()
        self.assert_nothing_leaked()

    def test_phone_is_called(self):
        self.register(("127.1.0.1", 5080))
        called = self.run_until_end(Sipp(self.folder, "dialog_called", ("127.1.0.1", 5080))).wait_bound()
        self.run_until_end(Sipp(self.folder, "dialog_caller", TRUNK, ADDRESS, caller="7000", number="1001")).finish()
        called.finish()
        self.assert_nothing_leaked()

    def test_phone_subscribes(self):
        notifier = self.run_until_end(Sipp(self.folder, "notifier", TRUNK)).wait_bound()
        self.run_until_end(Sipp(self.folder, "subscriber", ("127.1.0.3", 5080), ACCESS, caller="1001", number="2001")).finish()
        notifier.finish()
        self.assert_nothing_leaked()

    def test_phone_behind_a_proxy_calls(self):
        self.run_until_end(Edge(self.folder, EDGE, ACCESS))
        called = self.run_until_end(Sipp(self.folder, "dialog_called", TRUNK)).wait_bound()
        self.run_until_end(Sipp(self.folder, "dialog_caller", ("127.1.0.3", 5080), EDGE, caller="1001", number="2001")).finish()
        called.finish()
        self.assert_nothing_leaked()

    def test_phone_behind_a_proxy_is_called(self):
        self.run_until_end(Edge(self.folder, EDGE, ACCESS))
        self.register(("127.1.0.1", 5080), EDGE)
        called = self.run_until_end(Sipp(self.folder, "dialog_called", ("127.1.0.1", 5080))).wait_bound()
        self.run_until_end(Sipp(self.folder, "dialog_caller", TRUNK, ADDRESS, caller="7000", number="1001")).finish()
        called.finish()
        self.assert_nothing_leaked()


class AttendedTransfer(case.Case):
    """1001 talks to 1002 and to 1003, and asks 1002 to take its place in the call with 1003."""

    def setUp(self):
        super().setUp()
        self.run_until_end(Pbx(self.folder))
        self.run_until_end(Postern(self.folder))
        self.one, self.two, self.three = (self.run_until_end(Phone((f"127.1.0.{n}", 5080), ACCESS, f"100{n}")) for n in (1, 2, 3))
        for phone in (self.one, self.two, self.three):
            self.assertEqual(phone.register().status, 200)

    def transfer(self, refer_to_uri):
        first, second = call_by_hand(self.one, self.two), call_by_hand(self.one, self.three)
        dialog = f"{second.call_id};to-tag=1003;from-tag={second.tag}"
        first.in_dialog("REFER", [f"Refer-To: <{refer_to_uri(second)}?Replaces={urllib.parse.quote(dialog)}>"])
        refer, source = self.two.request("REFER")
        self.two.send(answer(refer, 202, "Accepted"), source)
        self.assertEqual(self.one.response(first.call_id, (first.cseq, "REFER")).status, 202)
        user, replaces = re.fullmatch(r"<sip:([^@]*)@127\.3\.0\.1(?::5060)?\?Replaces=([^>]*)>", refer.get("Refer-To")).groups()
        self.two.invite(user, [f"Replaces: {urllib.parse.unquote(replaces)}"])
        self.assertEqual(self.three.request("INVITE")[0].get("Replaces"), dialog)

    def test_to_the_contact(self):
        self.transfer(lambda call: call.target)

    def test_to_the_aor(self):
        self.transfer(lambda call: f"sip:1003@{ACCESS[0]}:{ACCESS[1]}")


if __name__ == "__main__":
    case.need("kamailio", "kamcmd", "sipp")
    case.main()
