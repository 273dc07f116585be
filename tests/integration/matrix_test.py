"""Each thing that a phone does, over each transport: a baresip over the transport talks to one over UDP. A class is a column, a test a row.
POSTERN_MATRIX=all runs each cell; without it each row runs in one column, which differs from row to row (scripts/test-matrix prints the table)."""
import os
import unittest
import urllib.parse

from support import browser, case, talk
from support.baresip import Baresip
from support.door import ACCESS, ADMIN, CORE, Postern
from support.pbx import ADDRESS, Pbx
from support.proc import wait_for
from support.sip import Phone, answer, host_port
from support.stream import StreamPhone, make_certificate
from support.talk import TONE_1001, TONE_1002, TONE_1003

TLS = (ACCESS[0], 5061)
WSS = (ACCESS[0], 8089)


class Column:
    """What all columns share: 1001 speaks `transport`, 1002 and 1003 UDP."""
    transport, server = "udp", ACCESS

    def setUp(self):
        super().setUp()
        self.certificate, self.key = make_certificate(self.folder)
        self.pbx = self.run_until_end(Pbx(self.folder))
        self.starts = 0
        self.start()
        self.addCleanup(lambda: self.postern.stop_if_alive())
        self.one = self.one_of_the_column()

    def start(self):
        self.starts += 1
        self.postern = Postern(self.folder, "listeners:\n"
                               f"  - udp://{host_port(ACCESS)}\n"
                               f"  - tcp://{host_port(ACCESS)}\n"
                               f"  - {{address: tls://{host_port(TLS)}, tls: {{certificate: {self.certificate}, private_key: {self.key}}}}}\n"
                               f"  - {{address: wss://{host_port(WSS)}, tls: {{certificate: {self.certificate}, private_key: {self.key}}}}}\n"
                               f"pbx: {{address: udp://{host_port(ADDRESS)}, bind: {host_port(CORE)}}}\n"
                               f"state: state\nadmin: http://{host_port(ADMIN)}\n", name=f"postern{self.starts}")

    def phone(self, user, address, tone, **more):
        phone = self.run_until_end(Baresip(self.folder, user, address, more.pop("server", ACCESS), tone, **more))
        phone.wait_registered()
        return phone

    def one_of_the_column(self):
        return self.phone("1001", "127.1.0.1", TONE_1001, server=self.server, transport=self.transport)

    def two(self, **more):
        return self.phone("1002", "127.1.0.2", TONE_1002, **more)

    def both(self, other, event):
        for phone in (self.one, other):
            phone.wait_event(event)

    def test_register(self):
        self.assertEqual(len(self.pbx.contacts("1001")), 1)
        self.assertGreater(self.postern.metric("postern_messages_received_total", side="access", transport=self.transport, method="REGISTER"), 0)

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

    def reinvite(self, command):
        before = self.acknowledged()
        command()
        wait_for(lambda: self.acknowledged() > before, "the re-INVITE to be answered and acknowledged")

    def acknowledged(self):
        return self.postern.metric("postern_messages_forwarded_total", side="access", method="ACK")

    def test_blind_transfer(self):
        two, three = self.two(), self.phone("1003", "127.1.0.3", TONE_1003)
        talk.call(self.one, two, TONE_1001, TONE_1002)
        self.one.transfer("1003")
        three.wait_event("CALL_ESTABLISHED")
        three.wait_tone(TONE_1002)
        two.wait_tone(TONE_1003)

    def test_be_transferred(self):
        two, three = self.two(), self.phone("1003", "127.1.0.3", TONE_1003)
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
        self.one.wait_event("CALL_CLOSED")

    def test_early_media(self):
        two = self.two(answer="early")
        self.one.dial("1002")
        self.one.wait_event("CALL_PROGRESS")
        self.one.hang_up()
        two.wait_event("CALL_CLOSED")

    def test_in_a_call_after_a_restart(self):
        two = self.two()
        talk.call(self.one, two, TONE_1001, TONE_1002)
        self.postern.kill()
        self.start()
        self.one.hang_up()
        self.both(two, "CALL_CLOSED")

    def test_attended_transfer(self):
        """1004 over the transport talks to 1002 and to 1003, and asks 1002 to take its place in the call with 1003."""
        one = self.run_until_end(self.by_hand(("127.1.0.11", 0), "1004"))
        two, three = (self.run_until_end(Phone((f"127.1.0.{n}", 5080), ACCESS, f"100{n}")) for n in (2, 3))
        for phone in (one, two, three):
            self.assertEqual(phone.register().status, 200)
        first, second = talk.call_by_hand(one, two), talk.call_by_hand(one, three)
        dialog = f"{second.call_id};to-tag=1003;from-tag={second.tag}"
        first.in_dialog("REFER", [f"Refer-To: <{second.target}?Replaces={urllib.parse.quote(dialog)}>"])
        refer, source = two.request("REFER")
        two.send(answer(refer, 202, "Accepted"), source)
        self.assertEqual(one.response(first.call_id, (first.cseq, "REFER")).status, 202)
        self.assertIn("Replaces=", refer.get("Refer-To"))

    def by_hand(self, address, user):
        return StreamPhone(address, self.server, user)


class Udp(Column, case.Case):
    def by_hand(self, address, user):
        return Phone(address, self.server, user)


class Tcp(Column, case.Case):
    transport = "tcp"


class Tls(Column, case.Case):
    transport, server = "tls", TLS

    def by_hand(self, address, user):
        return StreamPhone(address, self.server, user, trust=self.certificate)


class Wss(Column, case.Case):
    """1001 is a browser; the others speak its kind of media, DTLS-SRTP with ICE."""
    transport, server = "wss", WSS

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        browser.add_ice_addresses()

    def one_of_the_column(self):
        self.page = self.run_until_end(browser.PageServer(self.folder, self.certificate, self.key, WSS[1]))
        self.browser = self.run_until_end(browser.Chromium(self.folder, self.certificate))
        return self.browser_phone("1001", TONE_1001)

    def phone(self, user, address, tone, **more):
        if user == "1003":  # baresip has no ICE with itself
            return self.browser_phone(user, tone)
        return super().phone(user, address.replace("127.1.0", browser.ADDRESSES), tone, webrtc=True, **more)

    def browser_phone(self, user, tone):
        phone = browser.BrowserPhone(self.browser, self.page, user, WSS[1], tone)
        phone.wait_registered()
        return phone

    def test_hold_and_resume(self):
        """With ears, which baresip has none of after a hold (it records no more): who is held hears nothing, and the tone again after it."""
        three = self.browser_phone("1003", TONE_1003)
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
        two, three = self.browser_phone("1002", TONE_1002), self.browser_phone("1003", TONE_1003)
        talk.call(self.one, two, TONE_1001, TONE_1002)
        self.one.hold()
        self.one.dial("1003")
        three.wait_event("CALL_ESTABLISHED")
        self.one.transfer_attended()
        three.wait_event("CALL_CLOSED")
        three.wait_tone(TONE_1002)
        two.wait_tone(TONE_1003)

    def test_in_a_call_after_a_restart(self):
        two = self.two()
        talk.call(self.one, two, TONE_1001, TONE_1002)
        self.postern.kill()
        self.start()
        self.one.wait_registered()  # over a new connection, before which a browser can say nothing
        for command in (self.one.hold, self.one.resume, two.hold, two.resume):
            self.reinvite(command)
        two.hang_up()
        self.both(two, "CALL_CLOSED")


COLUMNS = (Tcp, Tls, Udp, Wss)


def load_tests(loader, tests, pattern):
    if os.environ.get("POSTERN_MATRIX") == "all" or tests.countTestCases() < len(COLUMNS):  # fewer: named on the command line
        return tests
    rows = loader.getTestCaseNames(Udp)
    return unittest.TestSuite(COLUMNS[i % len(COLUMNS)](row) for i, row in enumerate(rows))


if __name__ == "__main__":
    case.need("kamailio", "kamcmd", "baresip", "openssl")
    browser.need_browser()
    case.main()
