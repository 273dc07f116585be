"""`postern check`, `--version` and bad usage: what they print and how they exit."""
import json
import re

from support import case
from support.door import run
from support.stream import make_certificate

GOOD = "listeners: [udp://127.0.0.1:5060]\npbx: udp://127.77.0.5:15077\n"
BAD = """\
listeners: [udp://127.0.0.1:5060]
pbx: {address: udp://127.77.0.5:15077, timeuot: 4s}
limits:
  per_source: {rate: 50/x, burst: 100}
rules:
  - name: one
    source: nowhere
    action: refuse
state: a
state: b
"""
# line, column, path, a part of the message
WANTED = [(2, 40, "pbx.timeuot", "timeout"), (4, 22, "limits.per_source.rate", ""), (7, 13, "rules[0].source", "nowhere"),
          (8, 13, "rules[0].action", ""), (10, 1, "state", "")]


class Check(case.Case):
    def test_good_file(self):
        result = run("check", "-c", self.write("good.yaml", GOOD))
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_all_errors_at_once_with_line_and_column(self):
        path = self.write("bad.yaml", BAD)
        result = run("check", "-c", path)
        self.assertEqual(result.returncode, 1)
        found = [re.match(r"(.+?):(\d+):(\d+): (\S+): (.+)", line).groups() for line in result.stderr.splitlines() if ": warning:" not in line and line.strip()]
        self.assertEqual([(int(f[1]), int(f[2]), f[3]) for f in sorted(found, key=lambda f: (int(f[1]), int(f[2])))], [w[:3] for w in WANTED], result.stderr)
        for (name, line, _, _, message), wanted in zip(sorted(found, key=lambda f: (int(f[1]), int(f[2]))), WANTED):
            self.assertTrue(name.endswith("bad.yaml"))
            self.assertIn(wanted[3], message, line)
        self.assertIn("did you mean", result.stderr)
        case.measured(f"{len(found)} errors of one file, each at its line and column")

    def test_certificates_are_checked_where_the_file_names_them(self):
        certificate, key = make_certificate(self.folder, days=7)
        own, other = make_certificate(self.folder, prefix="own")[0], make_certificate(self.folder, prefix="other")[1]
        text = "pbx: udp://127.77.0.5:15077\nlisteners:\n" + "".join(
            f"  - {{address: 'tls://127.0.0.1:{port}', advertise: sbc.test, tls: {{certificate: {shown}, private_key: {hidden}}}}}\n"
            for port, shown, hidden in ((5061, certificate, key), (5062, own, other), (5063, own, "nowhere.key")))
        result = run("check", "-c", self.write("tls.yaml", text))
        self.assertEqual(result.returncode, 1)
        found = re.findall(r"tls.yaml:(\d+):\d+: (\S+): (.*)", result.stderr)
        self.assertRegex(found[0][2], r"^warning: .* expires on 20")
        self.assertEqual([(int(line), path) for line, path, _ in found],
                         [(3, "listeners[0].tls.certificate"), (4, "listeners[1].tls.private_key"), (5, "listeners[2].tls.private_key")], result.stderr)

    def test_a_certificate_that_is_not_for_what_phones_are_shown_is_told(self):
        """linphonec connected to the Contact's address when its connection broke in a call, found the certificate to be another's, and lost its BYE."""
        certificate, key = make_certificate(self.folder)
        tls = f"tls: {{certificate: {certificate}, private_key: {key}}}"
        text = "\n".join([
            "pbx: udp://127.77.0.5:15077", "listeners:",
            f"  - {{address: 'tls://127.0.0.1:5061', advertise: 'sbc.test:5061', {tls}}}",
            f"  - {{address: 'tls://127.0.0.1:5062', {tls}}}",
            f"  - {{address: 'tls://0.0.0.0:5063', {tls}}}",
            f"  - {{address: 'tls://127.0.0.1:5064', advertise: {{default: sbc.test, 10.0.0.0/8: 10.0.0.2}}, {tls}}}",
            f"  - {{address: 'wss://127.0.0.1:5065', {tls}}}", ""])
        result = run("check", "-c", self.write("tls.yaml", text))
        self.assertEqual(result.returncode, 0, result.stderr)
        found = re.findall(r"tls.yaml:(\d+):\d+: \S+: warning: \S+ is not for (.*), which phones are shown", result.stderr)
        self.assertEqual(found, [("4", "127.0.0.1"), ("5", "its address"), ("6", "10.0.0.2")], result.stderr)

    def test_json(self):
        result = run("check", "--json", "-c", self.write("bad.yaml", BAD))
        self.assertEqual(result.returncode, 1)
        entries = [e for e in json.loads(result.stdout) if e["severity"] == "error"]
        self.assertEqual(sorted((e["line"], e["column"], e["path"]) for e in entries), [w[:3] for w in WANTED])
        for entry in entries:
            self.assertEqual(set(entry), {"file", "line", "column", "path", "severity", "message"})

    def test_json_of_a_good_file_is_an_empty_array(self):
        result = run("check", "--json", "-c", self.write("good.yaml", GOOD))
        self.assertEqual(result.returncode, 0)
        self.assertEqual([e for e in json.loads(result.stdout) if e["severity"] == "error"], [])

    def test_syntax_error_is_placed(self):
        result = run("check", "-c", self.write("broken.yaml", "listeners: [udp://127.0.0.1:5060\npbx: x\n"))
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr, r"broken\.yaml:\d+:\d+: \(yaml\): ")

    def test_missing_file(self):
        self.assertEqual(run("check", "-c", f"{self.folder}/none.yaml").returncode, 1)

    def test_bad_usage(self):
        for arguments in (["nonsense"], ["run", "--no-such-option"], []):
            self.assertEqual(run(*arguments).returncode, 2, arguments)

    def test_bad_usage_says_what_to_write(self):
        for arguments, said in ((["chek"], r'"chek" is no command of this version \(there are run, check, [a-z, ]+\); did you mean "check"\?'),
                                (["statsu"], r'"statsu" is no command of this version .*did you mean "status"'), (["check", "a.yaml"], r"a\.yaml; a configuration is named by -c FILE"),
                                (["explain", "--sorce", "192.0.2.1"], r'"--sorce" is no option of `postern explain`; did you mean "--source"\?')):
            result = run(*arguments)
            self.assertEqual(result.returncode, 2, arguments)
            self.assertRegex(result.stderr, said)

    def test_warnings_of_a_run_are_lines_of_the_log(self):
        # An address that no host has (RFC 5737): a warning, and then the end.
        text = "listeners: [udp://192.0.2.1:5060]\npbx: udp://127.77.0.5:15077\nlog: {format: json}\n" + f"state: {self.folder}/state\n"
        result = run("run", "-c", self.write("warned.yaml", text))
        self.assertEqual(result.returncode, 1)
        entries = [json.loads(line) for line in result.stderr.splitlines()]
        self.assertEqual([(e["line"], e["path"]) for e in entries if e["event"] == "config_warning"], [(1, "listeners[0]")])

    def test_run_with_a_bad_file_does_not_start(self):
        result = run("run", "-c", self.write("bad.yaml", BAD))
        self.assertEqual(result.returncode, 1)
        self.assertIn("did you mean", result.stderr)

    def test_version(self):
        result = run("--version")
        self.assertEqual(result.returncode, 0)
        self.assertRegex(result.stdout, r"\d+\.\d+\.\d+")

    def test_hostile_yaml_is_an_error(self):
        bombs = {"deep.yaml": "a: " + "[" * 200000,
                 "aliases.yaml": "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 30)),
                 "large.yaml": "networks:\n" + "".join(f"  n{n}: [10.0.0.0/8]\n" for n in range(400000))}
        for name, text in bombs.items():
            result = run("check", "-c", self.write(name, text), timeout=120)
            self.assertEqual(result.returncode, 1, (name, result.stderr[:500]))
            self.assertTrue(result.stderr.strip(), name)


if __name__ == "__main__":
    case.main()
