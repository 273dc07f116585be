"""A scanner gets silence; an ordinary OPTIONS does not."""
import subprocess

from support import case
from support.capture import Capture
from support.door import ACCESS, ANY_CORE, Postern
from support.pbx import ADDRESS, Pbx
from support.sip import Phone


class Scanner(case.Case):
    def setUp(self):
        super().setUp()
        self.pbx = self.run_until_end(Pbx(self.folder))
        self.postern = self.run_until_end(Postern(self.folder))
        self.capture = self.run_until_end(Capture())

    def svmap(self, *options):
        return subprocess.run(["svmap", f"-p{ACCESS[1]}", *options, ACCESS[0]], cwd=self.folder, env={"PATH": "/usr/bin:/bin", "HOME": self.folder},
                              capture_output=True, text=True, timeout=60)

    def scanner_packets(self):
        self.capture.settle()
        return [d for d in self.capture.between(destination=ACCESS) if b"friendly-scanner" in d.payload]

    def assert_silence(self):
        packets = self.scanner_packets()
        self.assertTrue(packets, "the scanner must have sent something")
        replies = sum(len(self.capture.between(source=ACCESS, destination=source)) for source in {p.source for p in packets})
        case.measured(f"{len(packets)} packets of the scanner, {replies} answered, {len(self.capture.between(source=ANY_CORE, destination=ADDRESS))} at the PBX")
        for packet in packets:
            self.assertEqual(self.capture.between(source=ACCESS, destination=packet.source), [])
        self.assertEqual(self.capture.between(source=ANY_CORE, destination=ADDRESS), [])

    def test_svmap_sees_nothing_and_the_pbx_sees_none_of_it(self):
        result = self.svmap()
        self.assertNotIn(f"{ACCESS[0]}:{ACCESS[1]}", result.stdout)
        self.assertIn("found nothing", result.stdout + result.stderr)
        self.assert_silence()
        self.postern.wait_metric("postern_messages_refused_total", 1, reason="rule_ban")

    def test_svmap_with_other_methods(self):
        for method in ("REGISTER", "INVITE"):
            self.svmap("-m", method)
        self.assert_silence()

    def test_svwar_finds_no_extension(self):
        result = subprocess.run(["svwar", f"-p{ACCESS[1]}", "-e1001-1003", "-m", "REGISTER", "--force", ACCESS[0]], cwd=self.folder,
                                env={"PATH": "/usr/bin:/bin", "HOME": self.folder}, capture_output=True, text=True, timeout=120)
        self.assertNotIn("reqauth", result.stdout)
        self.assertEqual(self.capture.between(source=ANY_CORE, destination=ADDRESS), [])

    def test_ordinary_options_reaches_the_pbx_and_is_answered(self):
        phone = self.run_until_end(Phone(("127.1.0.1", 5080), ACCESS))
        response, _ = phone.ask("OPTIONS", f"sip:{ACCESS[0]}", f"<sip:{ACCESS[0]}>", "ordinary-options", 1)
        self.assertEqual(response.status, 200)
        self.capture.settle()
        self.assertTrue([d for d in self.capture.between(source=ANY_CORE, destination=ADDRESS) if b"ordinary-options" in d.payload])


if __name__ == "__main__":
    case.need("kamailio", "kamcmd", "svmap", "svwar")
    case.main()
