"""The browser phone of scripts/run in a real browser: JsSIP in Chromium over the wss listener."""
from support import case
from support.browser import HOST, BrowserPhone, Chromium, PageServer
from support.door import ACCESS, ADMIN, CORE, Postern
from support.pbx import ADDRESS, Pbx
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
        self.postern = self.run_until_end(Postern(
            self.folder, f"listeners:\n  - {{address: 'wss://{host_port(WSS)}', origins: [{self.page.url.rstrip('/')}], "
            f"tls: {{certificate: {self.certificate}, private_key: {self.key}}}}}\n"
            f"pbx: {{address: 'udp://{host_port(ADDRESS)}', bind: '{host_port(CORE)}'}}\nstate: state\nadmin: http://{host_port(ADMIN)}\n"))

    def browser(self, **more):
        return self.run_until_end(Chromium(self.folder, **{"trust": self.certificate, **more}))


class Origins(BrowserCase):
    def test_only_an_allowed_page_registers(self):
        browser = self.browser()
        other = self.run_until_end(PageServer(self.folder, self.certificate, self.key, WSS[1], OTHER_PORT))
        refused = BrowserPhone(browser, other, "1002", WSS[1], TONE_1001)
        refused.wait_event("DISCONNECTED")
        phone = BrowserPhone(browser, self.page, "1001", WSS[1], TONE_1001)
        phone.wait_registered()
        self.assertEqual(self.postern.metric("postern_messages_received_total", transport="wss", method="REGISTER"), 2, "1001's, of which one was challenged")
        self.assertEqual((len(self.pbx.contacts("1001")), self.pbx.contacts("1002")), (1, []))
        self.postern.wait_metric("postern_connections_ended_total", 1, reason="handshake_failed")


if __name__ == "__main__":
    case.need("kamailio", "kamcmd", "openssl", "chromium", "certutil")
    case.main()
