"""The admin listener: /metrics in Prometheus' text format and /healthz."""
import re
import shutil
import subprocess

from support import case
from support.door import ACCESS, Postern
from support.pbx import ADDRESS
from support.sip import Phone, Socket, answer

SAMPLE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\"n])*",?)*\})? (NaN|[+-]?Inf|[-+0-9.eE]+)$')
NAMED = """postern_messages_received_total postern_messages_forwarded_total postern_messages_refused_total postern_responses_sent_total
postern_bans_active postern_bans_total postern_registrations postern_sources_tracked postern_evictions_total postern_pbx_response_seconds
postern_build_info""".split()


class Admin(case.Case):
    def setUp(self):
        super().setUp()
        self.pbx = self.run_until_end(Socket(ADDRESS))
        self.postern = self.run_until_end(Postern(self.folder))
        phone = self.run_until_end(Phone(("127.1.0.1", 5080), ACCESS))
        phone.send(phone.build("OPTIONS", f"sip:{ACCESS[0]}", f"<sip:{ACCESS[0]}>", "one", 1), ACCESS)
        request, source = self.pbx.request("OPTIONS")
        self.pbx.send(answer(request, 200, "OK", "pbx"), source)
        phone.response("one", (1, "OPTIONS"))
        phone.send(b"not SIP at all\r\n\r\n", ACCESS)
        self.postern.wait_metric("postern_messages_refused_total", 1, reason="garbage")
        self.text = self.postern.get("/metrics")[1]

    def families(self):
        """{name: (type, [sample lines])}, in the order in which they stand."""
        families, name = {}, None
        for line in self.text.splitlines():
            if line.startswith("# TYPE "):
                name, kind = line.split()[2:4]
                self.assertNotIn(name, families, "a family stands once")
                families[name] = (kind, [])
            elif line and not line.startswith("#"):
                self.assertRegex(line, SAMPLE)
                self.assertTrue(name and line.startswith(name), f"{line} stands outside of its family {name}")
                families[name][1].append(line)
        return families

    def test_text_format(self):
        families = self.families()
        self.assertTrue(families)
        self.assertTrue(self.text.endswith("\n"))
        helped = {line.split()[2] for line in self.text.splitlines() if line.startswith("# HELP ")}
        for name, (kind, samples) in families.items():
            self.assertIn(name, helped)
            self.assertTrue(name.startswith("postern_"), name)
            self.assertEqual(kind == "counter", name.endswith("_total"), f"{name} is a {kind}")
            self.assertEqual(len(samples), len({s.rsplit(" ", 1)[0] for s in samples}), "a sample stands once")

    def test_promtool_is_content(self):
        if shutil.which("promtool") is None:
            self.skipTest("promtool is not installed")
        result = subprocess.run(["promtool", "check", "metrics"], input=self.text, text=True, capture_output=True, timeout=30)
        self.assertEqual((result.returncode, result.stdout + result.stderr), (0, ""))

    def test_the_contracts_names(self):
        families = self.families()
        self.assertEqual([name for name in NAMED if name not in families], [])

    def test_what_happened_is_counted(self):
        labels = {"transport": "udp", "method": "OPTIONS"}
        self.assertEqual(self.postern.metric("postern_messages_received_total", side="access", **labels), 1)
        self.assertEqual(self.postern.metric("postern_messages_forwarded_total", side="core", **labels), 1)
        self.assertEqual(self.postern.metric("postern_responses_sent_total", status="200"), 1)
        self.assertEqual(self.postern.metric("postern_pbx_response_seconds_count"), 1)

    def test_healthz(self):
        self.assertEqual(self.postern.get("/healthz")[0], 200)
        self.assertEqual(self.postern.get("/nothing-here")[0], 404)


if __name__ == "__main__":
    case.main()
