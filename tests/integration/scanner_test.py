"""A scanner gets silence, whatever it calls itself; an ordinary OPTIONS does not."""
import json
import subprocess

from support import case, sipvicious
from support.capture import Capture
from support.door import ACCESS, ANY_CORE, Postern, run
from support.pbx import ADDRESS, Pbx
from support.proc import wait_for
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

    def tool(self, *command):
        """Runs it until its first packets are out: most of them wait long for answers that do not come."""
        self.capture.settle()  # what the one before has sent
        before = len(self.capture.between(destination=ACCESS))
        process = subprocess.Popen(command, cwd=self.folder, env={"PATH": "/usr/bin:/bin", "HOME": self.folder}, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_for(lambda: self.capture.between(destination=ACCESS)[before:], f"a packet of {command}")
        finally:
            process.kill()
            process.wait()
        return self.capture.between(destination=ACCESS)[before]

    def score_of(self, packet):
        """What `explain` says of it, from a stranger."""
        path = self.write("message.sip", packet.payload.decode())
        explained = run("explain", "-c", self.postern.path, "--json", "--source", "203.0.113.7", "--message", path)
        score = json.loads(explained.stdout)["score"]
        case.measured(f"{score['sum']}: {packet.payload.split(b' ')[0].decode()} {' '.join(sign['sign'] for sign in score['signs'])}")
        return score

    def test_a_tool_with_an_ordinary_user_agent_is_known_by_its_form(self):
        target, port, agent = ACCESS[0], f"-p{ACCESS[1]}", "Yealink SIP-T46U 108.86.0.20"
        stranger = "127.66.0.1"
        packets = [self.tool(*sipvicious.command("svmap", agent), port, "-b", stranger, "--fromname", "Anna", target),
                   self.tool(*sipvicious.command("svwar", agent), port, "-e1001-1003", "-m", "REGISTER", "--force", target),
                   self.tool(*sipvicious.command("svcrack", agent), port, "-u1001", "-r1-5", target)]
        for packet in packets:
            self.assertGreaterEqual(self.score_of(packet)["sum"], 100)
        self.postern.wait_metric("postern_messages_refused_total", 3, reason="scanner_score")
        self.postern.wait_metric("postern_bans_total", 1, cause="scanner_score")  # the host's own address is never banned
        self.postern.wait_log(f"event=ban reason=scanner_score source={stranger}")
        self.assertEqual(self.capture.between(source=ANY_CORE, destination=ADDRESS), [])

    def test_what_people_monitor_with_is_no_scanner(self):
        score = self.score_of(self.tool("sipsak", "-s", f"sip:1001@{ACCESS[0]}:{ACCESS[1]}"))
        self.assertIn("test_program", [sign["sign"] for sign in score["signs"]])
        self.assertLess(score["sum"], 100)

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
    case.need("kamailio", "kamcmd", "svmap", "svwar", "svcrack", "sipsak")
    case.main()
