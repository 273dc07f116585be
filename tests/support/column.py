"""A column of the matrix: what stands around the phone, whichever phone it is."""
from . import case
from .baresip import Baresip
from .door import ACCESS, ADMIN, CORE, Postern
from .pbx import ADDRESS, Pbx
from .proc import wait_for
from .sip import host_port
from .stream import make_certificate
from .talk import TONE_1002, TONE_1003

ACCESS_IPV6 = "fd03::1"


class Column(case.Case):
    """1001 is the client over the column's access; 1002 and 1003 are baresips over UDP. A client's class has its rows, each a test, and may put the
    phones elsewhere (`host`, `address_of`)."""
    access = core = None  # an Access and a Core of matrix.py; matrix_test.py sets them
    advertise = None      # the name by which Postern is called, where it is not its address

    def setUp(self):
        super().setUp()
        self.prepare()
        self.certificate, self.key = make_certificate(self.folder)
        self.pbx = self.run_until_end(Pbx(self.folder, transport=self.core.scheme))
        self.starts = 0
        self.start()
        self.addCleanup(lambda: self.postern.stop_if_alive())

    def prepare(self):
        """The addresses that are not there by themselves."""
        if self.access.ipv6:
            case.add_addresses(self.host, *map(self.address_of, range(1, 5)))

    @property
    def host(self):
        """Where Postern listens."""
        return ACCESS_IPV6 if self.access.ipv6 else ACCESS[0]

    def address_of(self, number):
        """Where the phone 100N is."""
        return f"fd01::{number}" if self.access.ipv6 else f"127.1.0.{number}"

    @property
    def server(self):
        return self.host, self.access.port

    @property
    def far_server(self):
        return self.host, ACCESS[1]

    def start(self):
        self.starts += 1
        listeners = [f"udp://{host_port(self.far_server)}", *([self.listener()] if self.access.scheme != "udp" else [])]
        self.postern = Postern(self.folder, "listeners:\n" + "".join(f"  - {listener}\n" for listener in listeners) +
                               f"pbx: {{address: {self.core.scheme}://{host_port(ADDRESS)}, bind: {host_port(CORE)}}}\n"
                               f"state: state\ncontrol: control.sock\nadmin: http://{host_port(ADMIN)}\n", name=f"postern{self.starts}")

    def listener(self):
        """That of the column's access."""
        settings = [f"address: {self.access.scheme}://{host_port(self.server)}"]
        settings += [f"advertise: {self.advertise}:{self.access.port}"] if self.advertise else []
        settings += [f"tls: {{certificate: {self.certificate}, private_key: {self.key}}}"] if self.access.scheme in ("tls", "wss") else []
        return f"{{{', '.join(settings)}}}"

    def restart(self):
        self.postern.kill()
        self.start()

    def far_phone(self, number, tone, **more):
        phone = self.run_until_end(Baresip(self.folder, f"100{number}", self.address_of(number), self.far_server, tone, **more))
        phone.wait_registered()
        return phone

    def two(self, **more):
        return self.far_phone(2, TONE_1002, **more)

    def three(self):
        return self.far_phone(3, TONE_1003)

    def assert_registered(self):
        """1001 is registered, and came in over the column's access."""
        self.assertEqual(len(self.pbx.contacts("1001")), 1)
        self.assertGreater(self.postern.metric("postern_messages_received_total", side="access", transport=self.access.scheme, method="REGISTER"), 0)

    def reinvite(self, command):
        """Has a phone in a call do what changes it."""
        before = self.acknowledged()
        command()
        wait_for(lambda: self.acknowledged() > before, "the re-INVITE to be answered and acknowledged")

    def acknowledged(self):
        return self.postern.metric("postern_messages_forwarded_total", side="access", method="ACK")
