"""The browser phone of scripts/run in a real browser: its page, and the origins that the wss listener lets in."""
from support import browser, case
from support.browser import BrowserPhone, Chromium, PagePhone, PageServer
from support.door import ACCESS, ADMIN, CORE, Postern
from support.pbx import ADDRESS, Pbx
from support.proc import wait_for
from support.sip import host_port
from support.stream import make_certificate
from support.talk import TONE_1001

WSS = (ACCESS[0], 8089)
OTHER_PORT = 8444


class BrowserCase(case.Case):
    def setUp(self):
        super().setUp()
        self.certificate, self.key = make_certificate(self.folder)
        self.pbx = self.run_until_end(Pbx(self.folder))
        self.page = self.run_until_end(PageServer(self.folder, self.certificate, self.key, WSS[1]))
        self.chromium = self.run_until_end(Chromium(self.folder, self.certificate))
        self.starts = 0
        self.addCleanup(lambda: self.postern.stop_if_alive())
        self.start(self.certificate, self.key)

    def start(self, certificate, key):
        self.starts += 1
        self.postern = Postern(
            self.folder, f"listeners:\n  - {{address: 'wss://{host_port(WSS)}', origins: [{self.page.url.rstrip('/')}], "
            f"tls: {{certificate: {certificate}, private_key: {key}}}}}\n"
            f"pbx: {{address: 'udp://{host_port(ADDRESS)}', bind: '{host_port(CORE)}'}}\nstate: state\nadmin: http://{host_port(ADMIN)}\n", name=f"postern{self.starts}")

    def other_page(self):
        return self.run_until_end(PageServer(self.folder, self.certificate, self.key, WSS[1], OTHER_PORT))


class Origins(BrowserCase):
    def test_only_an_allowed_page_registers(self):
        refused = BrowserPhone(self.chromium, self.other_page(), "1002", WSS[1], TONE_1001)
        refused.wait_event("DISCONNECTED")
        phone = BrowserPhone(self.chromium, self.page, "1001", WSS[1], TONE_1001)
        phone.wait_registered()
        self.assertEqual(self.postern.metric("postern_messages_received_total", transport="wss", method="REGISTER"), 2, "1001's, of which one was challenged")
        self.assertEqual((len(self.pbx.contacts("1001")), self.pbx.contacts("1002")), (1, []))
        self.postern.wait_metric("postern_connections_ended_total", 1, reason="origin_refused")
        self.postern.wait_log("event=connection_refused")
        case.measured("1 contact at the PBX, of the page at the allowed origin; 0 messages of the other")


class Page(BrowserCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        browser.add_ice_addresses()

    def open(self, user, password=None, page=None):
        return PagePhone(self.chromium, (page or self.page).url, user, password)

    def registered(self, user):
        tab = self.open(user)
        tab.wait_text("registration", f"Registered as {user} over wss://{browser.HOST}:{WSS[1]}/")
        return tab

    def test_calls_and_their_ends(self):
        one, two = self.registered("1001"), self.registered("1002")
        one.dial("1002")
        one.wait_text("state", "1002: 180 Ringing")
        two.wait_text("state", "1001 calls.")
        two.click("answer")
        for tab, other in ((one, "1002"), (two, "1001")):
            tab.wait_text("state", f"In a call with {other}.")
            tab.wait_audio()
        case.measured("audio both ways between two pages")
        two.click("hangup")
        one.wait_text("state", "The call with 1002 ended, by 1002.")
        two.wait_text("state", "The call with 1001 ended, by you.")
        one.dial("1002")
        two.wait_text("state", "1001 calls.")
        two.click("hangup")
        one.wait_text("state", "The call with 1002 failed: 480 Temporarily Unavailable.")
        one.dial("1003")
        one.wait_text("state", "The call with 1003 failed: 404 Not Found.")
        two.click("unregister")
        two.wait_text("registration", "Not registered.")
        wait_for(lambda: not self.pbx.contacts("1002"), "1002 to be gone")

    def test_why_it_is_not_registered(self):
        self.open("1001", "wrong").wait_text("registration", "Not registered: 401")
        self.open("1001", page=self.other_page()).wait_text("registration", "is there and trusted, and refuses the connection")
        phone = self.registered("1001")
        self.postern.kill()
        phone.wait_text("registration", "was lost; trying again")
        self.start(*make_certificate(self.folder, prefix="another"))  # of an authority that the browser does not know
        untrusting = self.open("1002")
        untrusting.wait_text("registration", f"Not registered: no connection to wss://{browser.HOST}:{WSS[1]}/.")
        self.assertFalse(untrusting.run("document.getElementById('no-connection').hidden"))
        self.assertEqual(untrusting.text("listener"), f"https://{browser.HOST}:{WSS[1]}/")
        self.postern.stop()
        self.start(self.certificate, self.key)
        for tab, user in ((phone, "1001"), (untrusting, "1002")):
            tab.wait_text("registration", f"Registered as {user}", 40)
        self.assertTrue(untrusting.run("document.getElementById('no-connection').hidden"))
        case.measured("the page told a wrong password, a refused origin, a lost connection and an untrusted certificate apart")


if __name__ == "__main__":
    case.need("kamailio", "kamcmd", "openssl")
    browser.need_browser()
    case.main()
