"""The rows of baresip, which does all of them."""
import urllib.parse

from . import talk
from .baresip import Baresip
from .column import Column
from .sip import Phone, answer
from .stream import StreamPhone
from .talk import TONE_1001, TONE_1002, TONE_1003


class BaresipColumn(Column):
    def setUp(self):
        super().setUp()
        self.one = self.client()

    def client(self):
        """1001, registered."""
        phone = self.run_until_end(Baresip(self.folder, "1001", self.address_of(1), self.server, TONE_1001, transport=self.access.scheme))
        phone.wait_registered()
        return phone

    def both(self, other, event):
        for phone in (self.one, other):
            phone.wait_event(event)

    def test_register(self):
        self.assert_registered()

    def test_call_out_and_remote_bye(self):
        two = self.two()
        talk.call(self.one, two, TONE_1001, TONE_1002)
        two.hang_up()
        self.both(two, "CALL_CLOSED")

    def test_be_called_and_hang_up(self):
        two = self.two()
        talk.call(two, self.one, TONE_1002, TONE_1001)
        self.one.hang_up()
        self.both(two, "CALL_CLOSED")

    def test_hold_and_resume(self):
        two = self.two()
        talk.call(self.one, two, TONE_1001, TONE_1002)
        for command in (self.one.hold, self.one.resume, two.hold, two.resume):
            self.reinvite(command)
        self.one.hang_up()
        self.both(two, "CALL_CLOSED")

    def test_blind_transfer(self):
        two, three = self.two(), self.three()
        talk.call(self.one, two, TONE_1001, TONE_1002)
        self.one.transfer("1003")
        three.wait_event("CALL_ESTABLISHED")
        three.wait_tone(TONE_1002)
        two.wait_tone(TONE_1003)

    def test_be_transferred(self):
        two, three = self.two(), self.three()
        talk.call(two, self.one, TONE_1002, TONE_1001)
        two.transfer("1003")
        three.wait_event("CALL_ESTABLISHED")
        three.wait_tone(TONE_1001)
        self.one.wait_tone(TONE_1003)

    def test_cancel(self):
        two = self.two(answer="manual")
        self.one.dial("1002")
        two.wait_event("CALL_INCOMING")
        self.one.wait_event("CALL_RINGING")
        self.one.hang_up()
        two.wait_event("CALL_CLOSED")

    def test_busy(self):
        two = self.two(answer="manual")
        self.one.dial("1002")
        two.wait_event("CALL_INCOMING")
        two.hang_up()
        self.assertIn("486", self.one.wait_event("CALL_CLOSED")["param"])

    def test_early_media(self):
        two = self.two(answer="early")
        self.one.dial("1002")
        self.one.wait_event("CALL_PROGRESS")
        self.one.hang_up()
        two.wait_event("CALL_CLOSED")

    def test_in_a_call_after_a_restart(self):
        two = self.two()
        talk.call(self.one, two, TONE_1001, TONE_1002)
        self.restart()
        self.one.hang_up()
        self.both(two, "CALL_CLOSED")

    def test_attended_transfer(self):
        """1004 over the transport talks to 1002 and to 1003, and asks 1002 to take its place in the call with 1003."""
        one = self.run_until_end(self.by_hand("1004"))
        two, three = (self.run_until_end(Phone((self.address_of(n), 5080), self.far_server, f"100{n}")) for n in (2, 3))
        for phone in (one, two, three):
            self.assertEqual(phone.register().status, 200)
        first, second = talk.call_by_hand(one, two), talk.call_by_hand(one, three)
        dialog = f"{second.call_id};to-tag=1003;from-tag={second.tag}"
        first.in_dialog("REFER", [f"Refer-To: <{second.target}?Replaces={urllib.parse.quote(dialog)}>"])
        refer, source = two.request("REFER")
        two.send(answer(refer, 202, "Accepted"), source)
        self.assertEqual(one.response(first.call_id, (first.cseq, "REFER")).status, 202)
        self.assertIn("Replaces=", refer.get("Refer-To"))

    def by_hand(self, user):
        address = (self.address_of(4), 0)
        if self.access.scheme == "udp":
            return Phone(address, self.server, user)
        return StreamPhone(address, self.server, user, trust=self.certificate if self.access.scheme == "tls" else None)
