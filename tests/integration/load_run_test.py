"""The load tests as an operator runs them, for a short turn: what they leave behind, and that what they count can be true. Nothing is timed."""
import json
import os
import subprocess
import sys
import xml.etree.ElementTree

from support import case

RUN = os.path.join(case.source_folder(), "load-tests", "run")
LADDERS = ("registrations", "calls", "mixed", "floods", "tls")


class LoadRun(case.Case):
    def run_quick(self, *scenarios):
        """What a short turn of these wrote: (results, report, folder). It runs in this test's own namespace."""
        out = os.path.join(self.folder, "results")
        done = subprocess.run([sys.executable, RUN, *scenarios, "--quick", "--out", out], capture_output=True, text=True, timeout=240)
        self.assertEqual(done.returncode, 0, done.stdout[-4000:] + done.stderr[-4000:])
        with open(os.path.join(out, "results.json")) as results, open(os.path.join(out, "report.md")) as report:
            return json.load(results), report.read(), out

    def test_rates_rise_by_steps(self):
        results, report, out = self.run_quick(*LADDERS)
        self.assertEqual(list(results["scenarios"]), list(LADDERS))
        self.assertTrue(results["ok"])
        for name, part in results["scenarios"].items():
            self.assertIn(f"## {name}", report)
            self.assertGreaterEqual(len(part["steps"]), 2)
            for step in part["steps"]:
                with self.subTest(scenario=name, rate=step["offered_per_s"]):
                    self.plausible(step)
            self.plots(part, out)

    def plausible(self, step):
        self.assertEqual(step["failures"], 0, step)
        self.assertGreater(step["done_per_s"], 0)
        self.assertLess(0, step["p50_ms"])
        self.assertLessEqual(step["p50_ms"], step["p99_ms"])
        self.assertLessEqual(step["p99_ms"], step["p999_ms"])
        self.assertGreater(step["cpu_us"], 0)
        self.assertGreater(step["pss_mb"], 1)
        if step["scenario"] == "floods" and step["offered_per_s"]:
            self.assertGreater(step["flood_per_s"], 0)
            self.assertEqual(step["flood_leaked"], 0)

    def plots(self, part, out):
        """They are well-formed, where the plotting library is there."""
        for name in part.get("plots", ()):
            self.assertTrue(xml.etree.ElementTree.parse(os.path.join(out, name)).getroot().tag.endswith("svg"))

    def test_storm(self):
        results, report, out = self.run_quick("storm")
        (storm,) = results["scenarios"]["storm"]["steps"]
        self.assertEqual(storm["back"], storm["phones"])
        # the limit was met, and held: some were told to come later, and no more passed than a token bucket of this rate and burst lets pass
        self.assertGreater(storm["seen"]["503"], 0)
        self.assertGreater(storm["refusals"].get("pbx_limit", 0), 0)
        self.assertLessEqual(storm["pbx_bucket_needed"], storm["burst"] + 0.02 * storm["limit_per_s"])
        self.assertEqual(storm["seen"]["misrouted"], 0)
        # each phone came twice: challenged, and with credentials
        self.assertGreaterEqual(storm["pbx_requests"], 2 * storm["phones"])
        self.assertEqual(storm["seconds"][-1]["registered"], storm["phones"])
        self.assertIn("## storm", report)
        self.plots(results["scenarios"]["storm"], out)


def prepare():
    """The harness's generators are built before there is a namespace without a network."""
    if os.environ.get("POSTERN_TEST_NAMESPACE") == "1":
        return
    sys.path.insert(0, os.path.join(case.source_folder(), "scripts", "lib"))
    from acceptance import harness  # noqa: E402  (found by the line above)
    try:
        harness()
    except FileNotFoundError:
        case.skip_all("no benchmark harness: set SIPBENCH")


if __name__ == "__main__":
    case.need("sipp", "kamailio", "nft")
    prepare()
    case.main()
