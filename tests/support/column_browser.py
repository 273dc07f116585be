"""The rows of a browser, JsSIP in Chromium. Its far ends speak its kind of media, DTLS-SRTP with ICE: 1002 is a baresip over UDP, 1003 another browser."""
from . import browser, talk
from .column_baresip import BaresipColumn
from .talk import TONE_1001, TONE_1002, TONE_1003


class BrowserColumn(BaresipColumn):
    def prepare(self):
        browser.add_ice_addresses()

    def address_of(self, number):
        return f"{browser.ADDRESSES}.{number}"

    def client(self):
        self.page = self.run_until_end(browser.PageServer(self.folder, self.certificate, self.key, self.access.port))
        self.chromium = self.run_until_end(browser.Chromium(self.folder, self.certificate))
        return self.browser_phone(1, TONE_1001)

    def browser_phone(self, number, tone):
        phone = browser.BrowserPhone(self.chromium, self.page, f"100{number}", self.access.port, tone)
        phone.wait_registered()
        return phone

    def two(self, **more):
        return super().two(webrtc=True, **more)

    def three(self):
        """No baresip: two of them find no way to each other by ICE."""
        return self.browser_phone(3, TONE_1003)

    def test_hold_and_resume(self):
        """With ears, which baresip has none of after a hold (it records no more): who is held hears nothing, and the tone again after it."""
        three = self.three()
        talk.call(self.one, three, TONE_1001, TONE_1003)
        for holder, held, tone in ((self.one, three, TONE_1001), (three, self.one, TONE_1003)):
            self.reinvite(holder.hold)
            held.wait_silence()
            self.reinvite(holder.resume)
            held.wait_tone(tone)
        self.one.hang_up()
        self.both(three, "CALL_CLOSED")

    def test_attended_transfer(self):
        """1001 talks to 1002 and to 1003, all of them browsers, and leaves them to each other: 1002's new call replaces 1001's with 1003."""
        two, three = self.browser_phone(2, TONE_1002), self.three()
        talk.call(self.one, two, TONE_1001, TONE_1002)
        self.one.hold()
        two.wait_silence()
        self.one.dial("1003")
        three.wait_event("CALL_ESTABLISHED")
        self.one.transfer_attended()
        three.wait_event("CALL_CLOSED")
        three.wait_tone(TONE_1002)
        two.wait_tone(TONE_1003)

    def test_in_a_call_after_a_restart(self):
        """Each side's re-INVITEs pass, and the other's BYE, once the browser has connected again; before that it can say nothing."""
        two = self.two()
        talk.call(self.one, two, TONE_1001, TONE_1002)
        self.restart()
        self.one.wait_registered()
        for command in (self.one.hold, self.one.resume, two.hold, two.resume):
            self.reinvite(command)
        two.hang_up()
        self.both(two, "CALL_CLOSED")
