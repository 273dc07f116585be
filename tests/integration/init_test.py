"""`postern init`: the file for each country against libphonenumber's list of numbers, options, a terminal's answers, and a phone behind what it wrote."""
import os
import pty
import re
import stat
import subprocess
import sys

import yaml

from support import case
from support.case import postern_binary, source_folder
from support.door import ACCESS, ADMIN, Postern, run
from support.pbx import ADDRESS, Pbx
from support.proc import Process, wait_for
from support.sip import Phone, host_port
from support.stream import make_certificate

sys.path.append("/usr/lib/python3/dist-packages")  # Debian's packages, whatever interpreter this is
try:
    import phonenumbers
    from phonenumbers import PhoneMetadata, PhoneNumberFormat, PhoneNumberType
except ImportError:
    case.skip_all("not installed: python3-phonenumbers")

PBX = "udp://10.0.0.5:15060"
OFFICE, STRANGER = "203.0.113.7", "198.51.100.7"
GROUP = "no-user-yet"
SATELLITE = "881612345678"
NANP = "1"


def countries():
    """Those of the table, as its source has them."""
    with open(os.path.join(source_folder(), "sbc", "commands", "dial_plan_table.cpp")) as file:
        return sorted(set(re.findall(r'(?:\.country = |america\(|island\()"([A-Z]{2})"', file.read())))


def digits(text):
    return re.sub(r"\D", "", text)


def example(country, kind):
    """(as dialled within the country, with + and calling code), or nothing."""
    number = phonenumbers.example_number_for_type(country, kind)
    if number is None:
        return ()
    within = digits(phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL))
    return within, phonenumbers.format_number(number, PhoneNumberFormat.E164)


def emergency_numbers(country):
    description = PhoneMetadata.short_metadata_for_region(country).emergency
    pattern = re.compile(description.national_number_pattern)
    return {text for size in range(2, 6) for text in (f"{n:0{size}}" for n in range(10**size)) if pattern.fullmatch(text)}


def international_prefixes(country):
    """Those that are written out, or begin a choice of them."""
    metadata = PhoneMetadata.metadata_for_region(country)
    wanted = [metadata.preferred_international_prefix or "", metadata.international_prefix]
    return {digits(prefix) for prefix in wanted if re.fullmatch(r"\d+(~\d+)?", prefix)}


class Countries(case.Case):
    def policy_tests(self, country):
        """(number, source, user, what comes of it)"""
        code = str(phonenumbers.country_code_for_region(country))
        for kind in (PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE):
            for number in example(country, kind):
                yield number, STRANGER, "1001", "allow"
        for within, abroad in [example(country, PhoneNumberType.TOLL_FREE)] if example(country, PhoneNumberType.TOLL_FREE) else []:
            yield (NANP + within if code == NANP else within), STRANGER, "1001", "allow"
        for number in example(country, PhoneNumberType.PREMIUM_RATE):
            yield number, OFFICE, GROUP, "603"
        foreign = "33123456789" if country != "FR" else "49301234567"
        for prefix in international_prefixes(country) | {"+"}:
            yield prefix + foreign, STRANGER, "1001", "603"
            yield prefix + foreign, OFFICE, "1001", "allow"
            yield prefix + foreign, STRANGER, GROUP, "allow"
            yield prefix + SATELLITE, OFFICE, GROUP, "603"
        for number in emergency_numbers(country) | {"1001", "*97"}:
            yield number, STRANGER, "1001", "allow"

    def written(self, *options, name="made.yaml"):
        path = os.path.join(self.folder, name)
        done = run("init", "-c", path, "--pbx", PBX, "--office", "203.0.113.0/24", *options)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("good: listens on udp://0.0.0.0:5060", done.stdout)
        self.assertEqual(len(done.stderr.splitlines()), 1, f"{options}: more than that it is written: {done.stderr}")
        with open(path) as file:
            return path, file.read()

    def test_numbers_of_each_country_are_in_their_classes(self):
        known, verdicts = countries(), 0
        self.assertGreaterEqual(len(known), 80)
        for country in known:
            with self.subTest(country):
                path, text = self.written("--country", country, name=f"{country}.yaml")
                self.assertLessEqual(emergency_numbers(country), set(yaml.safe_load(text)["emergency"]))
                tests = [{"name": f"{number} from {source} as {user}", "source": source, "method": "INVITE", "from": f"sip:{user}@a", "to": f"sip:{number}@a",
                          "expect": expected} for number, source, user, expected in self.policy_tests(country)]
                verdicts += len(tests)
                with open(path, "a") as file:
                    file.write(yaml.safe_dump({"policy_tests": tests}))
                checked = run("check", "-c", path)
                self.assertEqual((checked.returncode, checked.stderr), (0, ""))
        case.measured(f"{verdicts} numbers of {len(known)} countries: each passes or is denied as what it is")

    def test_without_office_too_no_file_has_a_problem(self):
        for country in countries():
            with self.subTest(country):
                path = os.path.join(self.folder, f"{country}.yaml")
                done = run("init", "-c", path, "--pbx", PBX, "--country", country)
                self.assertEqual((done.returncode, len(done.stderr.splitlines())), (0, 1), done.stderr)

    def test_islands_are_abroad_where_they_look_national(self):
        path, _ = self.written("--country", "US")
        for number, verdict in (("18765230123", "reject"), ("8765230123", "reject"), ("+18092345678", "reject"), ("13055550123", "allow"), ("17875550123", "allow"),
                                ("13059761234", "reject"), ("101028801144", "reject")):
            explained = run("explain", "-c", path, "--source", STRANGER, "--method", "INVITE", "--from", "sip:1001@a", "--to", f"sip:{number}@a").stdout
            self.assertIn(f"verdict: {verdict}", explained, number)

    def test_another_country_has_what_holds_everywhere(self):
        for options in (("--country", "AQ"), ()):
            path = os.path.join(self.folder, f"other{len(options)}.yaml")
            done = run("init", "-c", path, "--pbx", PBX, *options)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("correct the classes", done.stderr)
            self.assertEqual(len(done.stderr.splitlines()), 2, done.stderr)
            for number, verdict in (("004930123456", "reject"), ("01149301234567", "reject"), ("030123456", "allow"), ("0900123456", "reject"), ("112", "allow"),
                                    ("999", "allow")):
                explained = run("explain", "-c", path, "--source", STRANGER, "--method", "INVITE", "--from", "sip:1001@a", "--to", f"sip:{number}@a").stdout
                self.assertIn(f"verdict: {verdict}", explained, number)


class Options(case.Case):
    def setUp(self):
        super().setUp()
        self.path = os.path.join(self.folder, "postern.yaml")

    def init(self, *options, path=None):
        return run("init", "-c", path or self.path, *options, cwd=self.folder)

    def text(self):
        with open(self.path) as file:
            return file.read()

    def test_the_pbx_must_be_named(self):
        done = self.init("--country", "US")
        self.assertEqual(done.returncode, 2)
        self.assertIn("--pbx is missing", done.stderr)
        self.assertEqual(os.listdir(self.folder), [])

    def test_nothing_is_replaced_without_force(self):
        self.assertEqual(self.init("--pbx", PBX).returncode, 0)
        before = self.text()
        refused = self.init("--pbx", "udp://10.0.0.6:15060")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("--force", refused.stderr)
        self.assertEqual(self.text(), before)
        shown = self.init("--pbx", "udp://10.0.0.6:15060", "--print")
        self.assertEqual((shown.returncode, self.text()), (0, before))
        self.assertIn("udp://10.0.0.6:15060", shown.stdout)
        self.assertEqual(self.init("--pbx", "udp://10.0.0.6:15060", "--force").returncode, 0)
        self.assertEqual(self.text(), shown.stdout)
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o640)
        self.assertEqual(os.listdir(self.folder), ["postern.yaml"], "nothing half-written is left")

    def test_the_service_may_read_it_and_nobody_else(self):
        group = self.write("group", "root:x:0:\npostern:x:4242:\n")
        subprocess.run(["mount", "--bind", group, "/etc/group"], check=True)  # of this test's own mount namespace
        self.addCleanup(subprocess.run, ["umount", "/etc/group"], check=True)
        done = self.init("--pbx", PBX)
        self.assertIn("for the group postern", done.stderr)
        written = os.stat(self.path)
        self.assertEqual((written.st_uid, written.st_gid, stat.S_IMODE(written.st_mode)), (0, 4242, 0o640))

    def test_a_folder_that_is_not_there_is_told(self):
        done = self.init("--pbx", PBX, path=os.path.join(self.folder, "none", "postern.yaml"))
        self.assertEqual(done.returncode, 1)
        self.assertIn("No such file or directory", done.stderr)

    def test_wrong_answers_are_told(self):
        for options, told in ((("--pbx", "10.0.0.5"), "--pbx must be"), (("--pbx", PBX, "--country", "UK"), 'did you mean "GB"'),
                              (("--pbx", PBX, "--country", "private"), "two letters"), (("--pbx", PBX, "--office", "here"), "--office must be"),
                              (("--pbx", PBX, "--listen", "tls://0.0.0.0:5061"), "needs --tls-certificate"),
                              (("--pbx", PBX, "--tls-key", "key.pem"), "needs --tls-certificate"),
                              (("--pbx", PBX, "--listen", "udp://0.0.0.0:5060", "udp://0.0.0.0:5070", "--advertise", "a.example:5080"), "no listener has that port"),
                              (("--pbx", PBX, "--geo", "a\nstate: /tmp"), "cannot be printed")):
            done = self.init(*options)
            self.assertEqual(done.returncode, 2, f"{options}: {done.stdout}{done.stderr}")
            self.assertIn(told, done.stderr)
            self.assertEqual(os.listdir(self.folder), [])

    def test_what_is_written_is_checked(self):
        done = self.init("--pbx", PBX, "--geo", "missing.mmdb", "--country", "US")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"postern\.yaml:\d+:\d+: geo\.country: ")
        self.assertIn(f"country: {self.folder}/missing.mmdb", self.text(), "a path is relative to where it is typed")
        self.assertIn("unless: {country: [US, private, unknown]}", self.text())

    def test_all_of_it(self):
        certificate, key = make_certificate(self.folder)
        done = self.init("--pbx", PBX, "--listen", "udp://0.0.0.0:5060", "tcp://0.0.0.0:5060", "--country", "DE", "--office", "203.0.113.0/24",
                         "2001:db8:42::/48", "--tls-certificate", os.path.basename(certificate), "--tls-key", os.path.basename(key), "--advertise", "sbc.test:5061")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        made = yaml.safe_load(self.text())
        self.assertEqual(made["listeners"], ["udp://0.0.0.0:5060", "tcp://0.0.0.0:5060",
                                             {"address": "tls://0.0.0.0:5061", "advertise": "sbc.test:5061", "tls": {"certificate": certificate, "private_key": key}}])
        self.assertEqual((made["pbx"], made["trusted"]), ({"address": PBX}, ["office"]))
        self.assertEqual(made["networks"], {"office": ["203.0.113.0/24", "2001:db8:42::/48"]})
        self.assertEqual(made["emergency"], ["112", "110"])

    def test_what_is_commented_out_is_sound(self):
        """All next steps taken at once: no key is unknown, and only what waits for another version or for files is told."""
        self.assertEqual(self.init("--pbx", PBX, "--country", "US").returncode, 0)
        taken = re.sub(r"^( *)#(?=[\w -])(?=[^ ]|  )", r"\1", self.text(), flags=re.M)
        with open(self.path, "w") as file:
            file.write(taken)
        told = [line for line in run("check", "-c", self.path).stderr.splitlines() if "no effect in this version" not in line and "does not have the address" not in line]
        self.assertTrue(told)
        for line in told:
            self.assertRegex(line, r"fullchain\.pem|privkey\.pem|country\.mmdb", line)


class Terminal(case.Case):
    """Answers typed at a terminal."""

    def setUp(self):
        super().setUp()
        self.path = os.path.join(self.folder, "postern.yaml")

    def start(self, *options):
        self.master, slave = pty.openpty()
        self.addCleanup(os.close, self.master)
        asked = self.run_until_end(Process("init", [postern_binary(), "init", "-c", self.path, *options], self.folder, stdin=slave))
        os.close(slave)
        return asked

    def answer(self, asked, question, text):
        wait_for(lambda: asked.log().rstrip(" ").endswith(question), f"the question {question!r}; it said {asked.log()}")
        os.write(self.master, text.encode())

    def test_a_dialogue(self):
        asked = self.start("--listen", "udp://127.0.0.1:5060")
        self.answer(asked, "(udp://ADDRESS:PORT):", "10.0.0.5\n")
        self.answer(asked, "(udp://ADDRESS:PORT):", f"{PBX}\n")
        self.answer(asked, "classes [none]:", "UK\n")
        self.answer(asked, "classes [none]:", "GB\n")
        self.answer(asked, "trusted [none]:", "203.0.113.0/24, 2001:db8::/32\n")
        self.answer(asked, "alone [none]:", "\n")
        self.answer(asked, "(PEM) [none]:", "\n")
        self.assertEqual(asked.wait_end(), 0, asked.log())
        self.assertIn("must be a URL", asked.log())
        self.assertIn('did you mean "GB"', asked.log())
        self.assertIn("good: listens on udp://127.0.0.1:5060", asked.log())
        with open(self.path) as file:
            made = yaml.safe_load(file)
        self.assertEqual((made["listeners"], made["networks"]["office"]), (["udp://127.0.0.1:5060"], ["203.0.113.0/24", "2001:db8::/32"]))
        self.assertEqual(made["emergency"][0], "999")

    def test_who_stops_has_no_file(self):
        asked = self.start()
        self.answer(asked, "(udp://ADDRESS:PORT):", f"{PBX}\n")
        self.answer(asked, "heard [udp://0.0.0.0:5060]:", "\x04")
        self.assertEqual(asked.wait_end(), 2, asked.log())
        self.assertIn("nothing is written", asked.log())
        self.assertFalse(os.path.exists(self.path))


class Running(case.Case):
    def test_a_phone_registers_and_calls_what_it_may(self):
        pbx = self.run_until_end(Pbx(self.folder))
        path = os.path.join(self.folder, "first.yaml")
        done = run("init", "-c", path, "--pbx", f"udp://{host_port(ADDRESS)}", "--listen", f"udp://{host_port(ACCESS)}", "--country", "DE")
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(path) as file:
            text = file.read().replace("#bind: 10.0.0.2:5080", "bind: 127.77.0.2:5080")
        self.run_until_end(Postern(self.folder, f"{text}\nstate: state\ncontrol: control.sock\nadmin: http://{ADMIN[0]}:{ADMIN[1]}\n"))
        phone = self.run_until_end(Phone(("127.1.0.1", 5080), ACCESS, "1001"))
        self.assertEqual(phone.register().status, 200)
        self.assertEqual(pbx.count(), 1)
        for number in ("0033123456789", "+33123456789", "0900123456", "00881612345"):
            self.assertEqual(phone.invite(number, challenged=False).wait().status, 603, number)
            self.assertNotIn(number.lstrip("+"), pbx.log())
        phone.invite("112", challenged=False).wait()
        self.assertIn("INVITE sip:112@", pbx.log())


if __name__ == "__main__":
    case.need("kamailio", "kamcmd")
    case.main()
