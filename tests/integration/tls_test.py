"""TLS as clients see it: whose certificate they accept, and a certificate that changes under them."""
import shutil
import ssl

from support import case, linphone
from support.door import ACCESS, ADMIN, CORE, Postern
from support.linphone import Linphone
from support.networks import Network
from support.pbx import ADDRESS, Pbx
from support.sip import host_port
from support.stream import StreamPhone, make_certificate

TLS = (ACCESS[0], 5061)
CONNECTIONS = 100


class Certificates(case.Case):
    def setUp(self):
        super().setUp()
        self.run_until_end(Pbx(self.folder))
        self.certificate, self.key = make_certificate(self.folder)
        self.trust = self.write("trust.pem", "")
        shutil.copy(self.certificate, self.trust)
        self.postern = self.run_until_end(Postern(
            self.folder, f"listeners: [{{address: tls://{host_port(TLS)}, tls: {{certificate: {self.certificate}, private_key: {self.key}}}}}]\n"
            f"pbx: {{address: udp://{host_port(ADDRESS)}, bind: {host_port(CORE)}}}\n"
            f"limits: {{per_source: off, connections_per_source: 200}}\nstate: state\nadmin: http://{host_port(ADMIN)}\n"))

    def connect(self, index=0, **more):
        return self.run_until_end(StreamPhone((f"127.1.1.{index % 250 + 1}", 0), TLS, **{"trust": self.trust, **more}))

    def lives(self, phone):
        phone.register_cseq += 1
        response, _ = phone.ask("OPTIONS", f"sip:{ACCESS[0]}", f"<sip:{ACCESS[0]}>", phone.register_call_id, phone.register_cseq, authenticate=False)
        self.assertLess(response.status, 500)
        return phone.socket.getpeercert(True)

    def replace(self, certificate, key):
        shutil.copy(certificate, self.certificate)
        shutil.copy(key, self.key)
        return self.postern.reload()

    def test_only_the_right_name_and_authority_are_accepted(self):
        self.lives(self.connect())
        with self.assertRaises(ssl.SSLCertVerificationError):
            self.connect(name="other.test")
        with self.assertRaises(ssl.SSLCertVerificationError):
            self.connect(trust=make_certificate(self.folder, prefix="another")[0])

    def test_a_certificate_changes_under_live_connections(self):
        phones = [self.connect(index) for index in range(CONNECTIONS)]
        before = {self.lives(phone) for phone in phones}
        other = make_certificate(self.folder, prefix="second")
        self.assertEqual(self.replace(*other), "applied")
        self.assertEqual({self.lives(phone) for phone in phones}, before, "they go on with what they began with")
        new = self.lives(self.connect(1, trust=other[0]))
        self.assertNotIn(new, before)
        # One whose key is another's changes nothing.
        self.assertEqual(self.replace(make_certificate(self.folder, prefix="third")[0], other[1]), "refused")
        self.assertEqual(self.lives(self.connect(2, trust=other[0])), new)
        self.assertEqual({self.lives(phone) for phone in phones}, before)
        case.measured(f"{CONNECTIONS} TLS connections through two reloads: none ended, new ones get the new certificate")


class Linphonec(case.Case):
    """The phone that looks at the certificate by itself."""
    server = (linphone.ROUTER, 5061)

    def setUp(self):
        super().setUp()
        self.network = self.run_until_end(Network(self.folder, "phone", linphone.ADDRESS, linphone.ROUTER, gateway=True))
        self.pbx = self.run_until_end(Pbx(self.folder))
        self.certificate, key = make_certificate(self.folder, linphone.NAME)
        self.postern = self.run_until_end(Postern(
            self.folder, f"listeners: [{{address: tls://{host_port(self.server)}, tls: {{certificate: {self.certificate}, private_key: {key}}}}}]\n"
            f"pbx: {{address: udp://{host_port(ADDRESS)}, bind: {host_port(CORE)}}}\nstate: state\ncontrol: control.sock\nadmin: http://{host_port(ADMIN)}\n"))

    def phone(self, **more):
        return self.run_until_end(Linphone(self.folder, self.network, "1001", "tls", self.server[1], 440, **more))

    def refuses(self, phone, finding):
        phone.wait_debug(rf"Found certificate depth=\[0\], flags=\[{finding} \]")
        phone.wait_debug("to .LinphoneRegistrationFailed")
        self.postern.wait_metric("postern_connections_ended_total", 1, reason="handshake_failed")
        self.assertEqual(self.postern.metric("postern_messages_received_total", side="access"), 0)
        self.assertEqual(self.pbx.contacts("1001"), [])

    def test_a_certificate_of_an_unknown_authority_is_refused(self):
        self.refuses(self.phone(trust=make_certificate(self.folder, linphone.NAME, prefix="another")[0]), "not-trusted")
        case.measured("linphonec refuses a certificate of an unknown authority")

    def test_a_certificate_of_another_name_is_refused(self):
        self.refuses(self.phone(trust=self.certificate, name="other.test"), "CN-mismatch")
        case.measured("linphonec refuses a certificate for another name")

    def test_the_right_one_is_accepted_by_name(self):
        self.phone(trust=self.certificate).wait_registered()
        self.assertEqual(len(self.pbx.contacts("1001")), 1)
        case.measured(f"linphonec registers at {linphone.NAME}, which the certificate names")


if __name__ == "__main__":
    case.need("kamailio", "kamcmd", "openssl", "linphonec", "ip", "nsenter")
    case.main()
