"""What packaging/prometheus and packaging/grafana hold fits a running Postern: a real Prometheus scrapes it, takes the alerts and answers each query."""
import json
import os
import re
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import yaml

from support import case
from support.door import ACCESS, ADMIN, Postern, config
from support.pbx import Pbx
from support.proc import Process, wait_for
from support.sip import Phone
from support.stream import make_certificate

PROMETHEUS = os.path.join(case.source_folder(), "packaging", "prometheus")
RULES = os.path.join(PROMETHEUS, "postern.rules.yml")
RULE_TESTS = [os.path.join(case.source_folder(), "tests", "integration", "monitoring", f"postern.{name}.test.yml") for name in ("rules", "bans")]
DASHBOARD = os.path.join(case.source_folder(), "packaging", "grafana", "postern.json")
WEB = ("127.0.0.1", 9090)
INSTANCE = f"{ADMIN[0]}:{ADMIN[1]}"
SAMPLE = re.compile(r"^([a-z_]+)(?:\{(.*)\})? \S+$")
LABEL = re.compile(r'(\w+)="([^"]*)"')
SELECTOR = re.compile(r"\b(postern_\w+)(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"([^"]*)"')
OF_THE_SCRAPE = {"job", "instance", "le"}
SEEN_ONLY = {"status"}  # a label whose values stand on the page once they were seen


def rules():
    with open(RULES) as file:
        return [rule for group in yaml.safe_load(file)["groups"] for rule in group["rules"]]


def dashboard():
    with open(DASHBOARD) as file:
        return json.load(file)


def panel_targets():
    return [(panel["title"], target) for panel in dashboard()["panels"] for target in panel.get("targets", [])]


def interpolated(expression):
    """As Grafana sends it, once its variables have values."""
    for variable, value in {"$job": "postern", "$instance": INSTANCE, "$__rate_interval": "1m"}.items():
        expression = expression.replace(variable, value)
    return expression


def promtool(*arguments, text=None):
    return subprocess.run(["promtool", *arguments], capture_output=True, text=True, input=text, timeout=120)


class Files(case.Case):
    def test_the_alerts_are_valid_and_fire_when_they_should_and_only_then(self):
        checked = promtool("check", "rules", RULES)
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)
        tested = promtool("test", "rules", *RULE_TESTS)
        self.assertEqual(tested.returncode, 0, tested.stdout + tested.stderr)
        tests = []
        for path in RULE_TESTS:
            with open(path) as file:
                tests += yaml.safe_load(file)["tests"]
        expected = {name for test in tests for query in test["promql_expr_test"] for sample in query["exp_samples"]
                    for name in re.findall(r'alertname="(\w+)"', sample["labels"] + query["expr"])}
        self.assertEqual(expected, {rule["alert"] for rule in rules()}, "each alert fires in some test")
        quiet = {metric for test in tests[:1] for series in test["input_series"] for metric in re.findall(r"^\w+", series["series"])}
        used = {metric for rule in rules() for metric in re.findall(r"\bpostern_\w+", rule["expr"])}
        self.assertEqual(used - quiet, set(), "the ordinary day has all that alerts look at")
        case.measured(f"{len(rules())} alerts, {len(tests)} scenarios")

    def test_each_alert_says_how_grave_it_is_and_where_to_read_on(self):
        with open(os.path.join(case.source_folder(), "docs", "operations.md")) as file:
            headings = re.findall(r"^#+ (.+)$", file.read(), re.M)
        sections = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
        for rule in rules():
            with self.subTest(rule["alert"]):
                self.assertIn(rule["labels"]["severity"], ("critical", "warning", "info"))
                self.assertEqual(set(rule["annotations"]), {"summary", "description", "runbook"})
                document, _, section = rule["annotations"]["runbook"].partition("#")
                self.assertEqual(document, "docs/operations.md")
                self.assertIn(section, sections)

    def test_the_dashboard_is_laid_out_as_grafana_wants_it(self):
        board = dashboard()
        self.assertEqual([variable["name"] for variable in board["templating"]["list"]], ["datasource", "job", "instance"])
        panels = board["panels"]
        self.assertEqual(len({panel["id"] for panel in panels}), len(panels))
        taken = {}
        for panel in panels:
            place = panel["gridPos"]
            self.assertLessEqual(place["x"] + place["w"], 24, panel["title"])
            for cell in ((x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])):
                self.assertNotIn(cell, taken, f"{panel['title']} lies over {taken.get(cell)}")
                taken[cell] = panel["title"]
            if panel["type"] == "row":
                continue
            self.assertTrue(panel["description"] and panel["targets"], panel["title"])
            for part in [panel, *panel["targets"]]:
                self.assertEqual(part["datasource"], {"type": "prometheus", "uid": "${datasource}"}, panel["title"])
            self.assertEqual(len({target["refId"] for target in panel["targets"]}), len(panel["targets"]), panel["title"])


class Running(case.Case):
    def setUp(self):
        super().setUp()
        certificate, key = make_certificate(self.folder)
        listeners = (f"listeners: ['udp://{ACCESS[0]}:{ACCESS[1]}', {{address: 'tls://{ACCESS[0]}:5061', tls: {{certificate: {certificate}, private_key: {key}}}}}]\n"
                     "rules: [{name: nobody at all, source: 192.0.2.1, action: drop}]\n")
        self.good = config().replace(f"listeners: ['udp://{ACCESS[0]}:{ACCESS[1]}']\n", listeners)
        self.pbx = self.run_until_end(Pbx(self.folder))
        self.postern = Postern(self.folder, self.good)
        self.addCleanup(self.postern.stop_if_alive)
        phone = self.run_until_end(Phone(("127.1.0.1", 5080), ACCESS))
        self.assertEqual(phone.register().status, 200)
        phone.send(b"not SIP at all\r\n\r\n", ACCESS)
        self.postern.wait_metric("postern_messages_refused_total", 1, reason="garbage")
        with open(os.path.join(PROMETHEUS, "scrape.yml")) as file:
            scrape = file.read()
        self.assertIn(INSTANCE, scrape)
        path = self.write("prometheus.yml", "global: {evaluation_interval: 1s}\n" + scrape.replace("15s", "1s").replace("/usr/share/postern/prometheus", PROMETHEUS))
        self.prometheus = self.run_until_end(Process("prometheus", ["prometheus", f"--config.file={path}", f"--storage.tsdb.path={self.folder}/tsdb",
                                                                    f"--web.listen-address={WEB[0]}:{WEB[1]}", "--log.level=warn"], self.folder))
        wait_for(lambda: self.prometheus.alive() and self.answers(), f"Prometheus to answer; it said:\n{self.prometheus.log()[-2000:]}")

    def api(self, path, **arguments):
        """The data that it answers with; an error of it fails the test."""
        try:
            with urllib.request.urlopen(f"http://{WEB[0]}:{WEB[1]}/api/v1/{path}?{urllib.parse.urlencode(arguments)}", timeout=10) as page:
                answer = json.load(page)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{path} {arguments}: {error.read().decode()}") from None
        self.assertEqual(answer["status"], "success", arguments)
        return answer["data"]

    def answers(self):
        try:
            with urllib.request.urlopen(f"http://{WEB[0]}:{WEB[1]}/-/ready", timeout=5) as page:
                return page.status == 200
        except OSError:
            return False

    def query(self, expression):
        return self.api("query", query=expression)["result"]

    def page(self):
        """{sample's name: {label: its values}} of what Postern shows."""
        found = {}
        for line in self.postern.get("/metrics")[1].splitlines():
            if match := SAMPLE.match(line):
                labels = found.setdefault(match[1], {})
                for label, value in LABEL.findall(match[2] or ""):
                    labels.setdefault(label, set()).add(value)
        return found

    def check_names(self, page, expression, shown):
        """That each metric in it is on the page, with the labels and values that it is asked for; `shown`: the labels that are shown of the result."""
        labels = set(OF_THE_SCRAPE)
        for name, matchers in SELECTOR.findall(expression):
            self.assertIn(name, page, expression)
            labels |= set(page[name])
            for label, _, values in MATCHER.findall(matchers):
                if label in OF_THE_SCRAPE:
                    continue
                self.assertIn(label, page[name], expression)
                for value in values.split("|") if label not in SEEN_ONLY else ():
                    self.assertIn(value, page[name][label], expression)
        for by in re.findall(r"\b(?:by|on) \(([^)]*)\)", expression):
            self.assertLessEqual(set(by.split(", ")), labels, expression)
        self.assertLessEqual(set(shown), labels, expression)

    def test_prometheus_takes_the_page_the_alerts_and_each_query_of_the_dashboard(self):
        checked = promtool("check", "metrics", text=self.postern.get("/metrics")[1])
        self.assertEqual((checked.returncode, checked.stdout + checked.stderr), (0, ""))
        page = self.page()
        for rule in rules():
            self.check_names(page, rule["expr"], re.findall(r"\$labels\.(\w+)", str(rule["annotations"])))
        for _, target in panel_targets():
            self.check_names(page, target["expr"].replace("$", ""), re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))

        wait_for(lambda: self.query(f'up{{job="postern", instance="{INSTANCE}"}} == 1'), "the target to be up")
        wait_for(lambda: self.query('count_over_time(postern_registrations{job="postern"}[1m]) >= 3'), "three scrapes")
        loaded = wait_for(lambda: (have := [rule for group in self.api("rules")["groups"] for rule in group["rules"]])
                          and all(rule["health"] == "ok" for rule in have) and have, "all alerts to have been looked at")
        self.assertEqual({rule["name"] for rule in loaded}, {rule["alert"] for rule in rules()})
        self.assertEqual(self.api("alerts")["alerts"], [])
        for title, target in panel_targets():
            with self.subTest(title):
                result = self.query(interpolated(target["expr"]))
                if not target["expr"].endswith("> 0"):
                    self.assertTrue(result, target["expr"])
        case.measured(f"{len(page)} names on the page, {len(loaded)} alerts taken, {len(panel_targets())} queries of the dashboard answered")

    def alert(self, name, state):
        wait_for(lambda: any(alert["labels"]["alertname"] == name and alert["state"] == state for alert in self.api("alerts")["alerts"]),
                 f"{name} to be {state}; there are {self.api('alerts')}")

    def test_a_refused_reload_and_a_postern_that_is_down_are_told(self):
        wait_for(lambda: self.query('postern_config_reloads_total{result="refused"} == 0'), "the first scrape")
        self.assertEqual(self.postern.reload(self.good + "nonsense: here\n"), "refused")
        self.alert("PosternReloadRefused", "firing")
        self.postern.stop()
        self.alert("PosternDown", "pending")


if __name__ == "__main__":
    case.need("prometheus", "promtool", "openssl", "kamailio", "kamcmd")
    case.main()
