"""The rows of linphonec, which does all of them. It is in a network behind a router, on which Postern runs."""
import urllib.parse

from .column import Column
from .linphone import ADDRESS, NAME, ROUTER, Linphone
from .networks import Network, run
from .sip import Phone, answer, uri_of
from .talk import TONE_1001, TONE_1002, TONE_1003, take_call_by_hand


class LinphoneColumn(Column):
    host, advertise = ROUTER, NAME  # it verifies the certificate of whatever the dialog's routes name

    def address_of(self, number):
        return f"198.51.100.10{number}"

    def prepare(self):
        self.network = self.run_until_end(Network(self.folder, "phone", ADDRESS, ROUTER, gateway=True))
        for number in (2, 3):
            run("ip", "address", "add", f"{self.address_of(number)}/24", "dev", "phone")

    def setUp(self):
        super().setUp()
        self.one = self.run_until_end(Linphone(self.folder, self.network, "1001", self.access.scheme, self.access.port, TONE_1001, self.certificate))
        self.one.wait_registered()

    def talk(self, two):
        """Both are in a call and hear each other."""
        two.wait_event("CALL_ESTABLISHED")
        self.one.wait_said("Media streams established")
        two.wait_tone(TONE_1001)
        self.one.wait_tone(TONE_1002)

    def call_two(self):
        two = self.two()
        self.one.dial("1002")
        self.talk(two)
        return two

    def test_register(self):
        self.assert_registered()

    def test_call_out_and_remote_bye(self):
        self.call_two().hang_up()
        self.one.wait_closed()

    def test_be_called_and_hang_up(self):
        two = self.two()
        two.dial("1001")
        self.one.answer()
        self.talk(two)
        self.one.hang_up()
        two.wait_event("CALL_CLOSED")
        self.one.wait_closed()

    def test_hold_and_resume(self):
        two = self.call_two()
        self.one.command("pause")
        self.one.wait_said("is now paused")
        self.one.command("resume")
        self.one.wait_said("Media streams established")
        self.one.wait_tone(TONE_1002)  # baresip records nothing more of what it hears once it was on hold
        for command in (two.hold, two.resume):
            self.reinvite(command)
        two.hang_up()
        self.one.wait_closed()

    def test_cancel(self):
        two = self.two(answer="manual")
        self.one.dial("1002")
        two.wait_event("CALL_INCOMING")
        self.one.wait_said("ringing")
        self.one.hang_up()
        two.wait_event("CALL_CLOSED")
        self.one.wait_closed()

    def test_busy(self):
        two = self.two(answer="manual")
        self.one.dial("1002")
        two.wait_event("CALL_INCOMING")
        two.hang_up()
        self.one.wait_said(r"Call \d+ with \S+ error")
        self.one.wait_debug("SIP/2.0 486 ")

    def test_early_media(self):
        two = self.two(answer="early")
        self.one.dial("1002")
        self.one.wait_said("early media")
        self.one.hang_up()
        two.wait_event("CALL_CLOSED")

    def test_in_a_call_after_a_restart(self):
        two = self.call_two()
        self.restart()
        self.one.hang_up()
        two.wait_event("CALL_CLOSED")

    def test_blind_transfer(self):
        two, three = self.call_two(), self.three()
        self.one.command(f"transfer 1 sip:1003@{NAME}")
        three.wait_event("CALL_ESTABLISHED")
        three.wait_tone(TONE_1002)
        two.wait_tone(TONE_1003)

    def test_be_transferred(self):
        two, three = self.call_two(), self.three()
        two.transfer("1003")
        three.wait_event("CALL_ESTABLISHED")
        three.wait_tone(TONE_1001)
        self.one.wait_tone(TONE_1003)

    def test_attended_transfer(self):
        """1001 talks to 1002 and to 1003, and asks 1002 to take its place in the call with 1003."""
        two, three = (self.run_until_end(Phone((self.address_of(n), 5080), self.far_server, f"100{n}")) for n in (2, 3))
        for phone in (two, three):
            self.assertEqual(phone.register().status, 200)
        self.one.dial("1002")
        take_call_by_hand(two)
        self.one.wait_said("Media streams established")
        self.one.command("pause")
        take_call_by_hand(two)
        self.one.wait_said("is now paused")
        self.one.dial("1003")
        invite = take_call_by_hand(three)
        self.one.wait_said("Media streams established")
        self.one.command("transfer 1 --to-call 2")
        refer, source = two.request("REFER")
        two.send(answer(refer, 202, "Accepted"), source)
        replaces = urllib.parse.unquote(uri_of(refer.get("Refer-To")).partition("?Replaces=")[2]).split(";")
        self.assertEqual([replaces[0], *sorted(replaces[1:])], [invite.get("Call-ID"), f"from-tag={invite.from_tag}", "to-tag=1003"], refer)
