"""An operator's hand on the running daemon: how it is, why it refused, what is switched at three in the morning, a reload with a way back."""
import json
import os
import re
import time

from support import case
from support.door import ACCESS, CORES, Postern, config, run, with_workers
from support.pbx import Pbx
from support.proc import wait_for
from support.sip import Phone, Socket

RULES = """\
rules:
  - {name: not from there, source: 127.66.0.0/16, action: reject, status: 488}
"""


BY_THE_PBX = 401  # what it answers to an OPTIONS of a stranger


class Operating(case.Case):
    text = config(extra=RULES)

    def setUp(self):
        super().setUp()
        self.pbx = self.run_until_end(Pbx(self.folder))
        self.postern = Postern(self.folder, self.text)
        self.addCleanup(lambda: self.postern.stop_if_alive())

    def ask(self, *arguments, status=0):
        """A command's JSON."""
        done = run(*arguments, "-c", self.postern.path, "--json")
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return json.loads(done.stdout) if done.stdout else done.stderr

    def told(self, *arguments, status=0):
        """What it prints for the operator."""
        done = run(*arguments, "-c", self.postern.path)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def phone(self, address, user="1001", user_agent="Yealink SIP-T46S 66.85.0.5"):
        phone = self.run_until_end(Phone((address, 5080), ACCESS, user, f"secret{user}"))
        phone.user_agent = user_agent
        return phone

    def options(self, phone, call_id, timeout=8.0):
        """The status of the answer to an OPTIONS; None: silence."""
        phone.send(phone.build("OPTIONS", f"sip:1002@{ACCESS[0]}", f"<sip:1002@{ACCESS[0]}>", call_id, 1), ACCESS)
        try:
            return phone.response(call_id, (1, "OPTIONS"), timeout=timeout).status
        except AssertionError:
            return None

    def refused(self, phone, call_id):
        """Sends what is dropped, and waits until that was counted."""
        before = self.postern.metric("postern_messages_refused_total")
        phone.send(phone.build("OPTIONS", f"sip:1002@{ACCESS[0]}", f"<sip:1002@{ACCESS[0]}>", call_id, 1), ACCESS)
        wait_for(lambda: self.postern.metric("postern_messages_refused_total") > before, "a refusal to be counted")

    def last_id(self, text):
        return wait_for(lambda: (found := [line for line in self.postern.log().splitlines() if re.search(text, line)]) and re.search(r" id=(\S+)", found[-1]), f"a line with an id and {text}").group(1)


class Status(Operating):
    def test_it_tells_how_it_is(self):
        phone = self.phone("127.1.0.1")
        self.assertFalse(self.ask("status")["pbx"][0]["heard"])
        self.assertIn("not heard from yet", self.told("status"))
        self.assertEqual(phone.register().status, 200)
        status = self.ask("status")
        self.assertEqual([each["address"] for each in status["listeners"]], [f"udp://{ACCESS[0]}:{ACCESS[1]}"])
        self.assertEqual((status["registrations"], status["calls"], status["bans"], status["warnings"], status["durable"]), (1, 0, 0, [], True))
        self.assertEqual(status["config"], {"file": self.postern.path, "reloads": 0, "refused_reloads": 0})
        self.assertEqual((status["pbx"][0]["up"], status["pbx"][0]["heard"]), (True, True))
        self.assertEqual(status["core"], [f"{host}:{port}" for host, port in CORES])
        text = self.told("status")
        self.assertRegex(text, r"PBX +\S+ up\n")
        self.assertIn("registrations  1", text)
        self.assertNotIn("!!", text)

    def test_without_a_daemon(self):
        self.postern.kill()
        for command in (["status"], ["why", "0000001"], ["reload"], ["confirm"], ["bypass"], ["lockdown"], ["block", "1001"], ["top", "--once"],
                        ["explain", "--live", "--source", "127.1.0.1"]):
            self.assertIn("no daemon answers", self.told(*command, status=3))


class Why(Operating):
    text = config(extra=RULES + "log: {level: debug}\n")

    def test_a_refusal_by_a_rule(self):
        refused = self.phone("127.66.0.1", user_agent="evil\\phone\x01")
        self.assertEqual(self.options(refused, "by-a-rule"), 488)
        why = self.ask("why", self.last_id("reason=rule_reject"))
        self.assertEqual((why["reason"], why["rule"], why["file"]), ("rule_reject", "not from there", self.postern.path))
        with open(self.postern.path) as file:
            self.assertIn("not from there", file.read().splitlines()[why["line"] - 1])
        self.assertEqual((why["source"], why["method"], why["call_id"]), ("127.66.0.1:5080", "OPTIONS", "by-a-rule"))
        self.assertIn("OPTIONS sip:1002@127.3.0.1 SIP/2.0\n", why["evidence"])
        self.assertIn(r"User-Agent: evil\\phone\x01", why["evidence"])
        self.assertNotIn("\x01", why["evidence"])
        text = self.told("why", why["id"])
        self.assertIn(f"rule       not from there ({self.postern.path}:{why['line']})", text)
        self.assertIn("  | OPTIONS sip:1002@127.3.0.1 SIP/2.0", text)
        self.assertIn("nothing is known of this source", text)

    def test_a_scanner_and_what_is_counted_of_it(self):
        scanner = self.phone("127.5.0.1", user_agent="friendly-scanner")
        for n in range(3):
            self.refused(scanner, f"scan-{n}")
        why = self.ask("why", self.last_id("reason=rule_ban"))
        self.assertEqual(why["rule"], "builtin scanners")
        self.assertIsNone(why["file"])
        self.assertTrue(why["state"][0].startswith("silenced until"), why["state"])
        silenced = self.ask("why", self.last_id("reason=silenced"))
        self.assertGreaterEqual(silenced["of_source"]["rule_ban"], 1)
        ban = self.ask("why", self.last_id("source=127.5.0.1:5080.*detail=unproven"))
        self.assertIn(ban["event"], ("ban", "strike"))

    def test_ids_that_name_nothing(self):
        for word, told in (("0", "is no id"), ("????", "is no id"), ("zzzz1", "is no id"), ("0000v", "not of this run"), ("\x1b[31m", "is no id")):
            self.assertIn(told, self.told("why", word, status=1))
        self.assertEqual(self.options(self.phone("127.66.0.1"), "one"), 488)
        known = self.last_id("reason=rule_reject")
        self.assertIn("not of this run", self.told("why", known[:4] + "vvvv", status=1))

    def test_every_refusal_that_is_logged_has_an_id_that_explains_it(self):
        for n in range(30):
            self.refused(self.phone(f"127.66.1.{n + 1}"), f"many-{n}")
        stranger = self.run_until_end(Socket(("127.5.0.9", 5080)))
        for _ in range(10):
            stranger.send(b"REGISTER sip:x SIP/2.0\r\nVia: broken\r\n\r\n", ACCESS)
            stranger.send(b"\x01\x02garbage" * 40, ACCESS)
        wait_for(lambda: self.postern.metric("postern_messages_refused_total", reason="garbage") >= 10, "what is broken to be refused")
        lines = [line for line in self.postern.log().splitlines() if re.search(r"event=(refused|ban|would_refuse) ", line)]
        self.assertGreater(len(lines), 20)
        for line in lines:
            identity = re.search(r" id=(\S+)", line).group(1)
            why = self.ask("why", identity)
            self.assertEqual(why["reason"], re.search(r"reason=(\S+)", line).group(1))
            self.assertTrue(why["evidence"], line)


class Live(Operating):
    def test_it_knows_what_the_daemon_knows(self):
        phone = self.phone("127.1.0.1")
        self.assertEqual(phone.register().status, 200)
        live = lambda *more: self.ask("explain", "--live", *more)
        home = live("--source", "127.1.0.1:5080", "--method", "INVITE", "--from", "sip:1001@x", "--to", "sip:1002@x")
        self.assertEqual(home["verdict"], "allow")
        self.assertIn("that very flow carries the live registration of 1001", home["state"])
        self.assertEqual(live("--source", "127.66.0.1", "--method", "REGISTER")["rule"], "not from there")
        self.told("bans", "add", "127.7.0.1")
        banned = live("--source", "127.7.0.1", "--method", "REGISTER")
        self.assertEqual((banned["verdict"], banned["reason"]), ("drop", "banned"))
        self.assertIn("(by_hand)", banned["state"][0])
        message = self.write("packet.sip", phone.build("MESSAGE", "sip:1002@x", "<sip:1002@x>", "live", 1).decode())
        self.assertEqual(live("--source", "127.7.0.1", "--message", message)["reason"], "banned")

    def test_by_the_configuration_that_runs(self):
        with open(self.postern.path, "w") as file:
            file.write(config(extra=RULES.replace("reject, status: 488", "allow")))
        self.assertEqual(self.ask("explain", "--source", "127.66.0.1", "--method", "REGISTER")["verdict"], "allow")
        self.assertEqual(self.ask("explain", "--live", "--source", "127.66.0.1", "--method", "REGISTER")["verdict"], "reject")


class Switches(Operating):
    def test_bypass_lets_all_in_and_survives_a_kill(self):
        refused = self.phone("127.66.0.1")
        self.assertEqual(self.options(refused, "before"), 488)
        self.assertIn("bypass until", self.told("bypass", "--for", "30m"))
        wait_for(lambda: self.options(refused, f"bypass-{time.monotonic()}") == BY_THE_PBX, "the bypass to hold")
        self.assertGreaterEqual(self.postern.metric("postern_would_refuse_total", reason="rule_reject"), 1)
        self.assertIn("!! bypass until", self.told("status"))
        self.assertIn("nothing is refused but by traps, `postern block`, limits.pbx", self.told("explain", "--live", "--source", "127.66.0.1"))
        self.postern.kill()
        self.postern = Postern(self.folder, self.text, name="again")
        self.assertEqual(self.options(refused, "after-a-kill"), BY_THE_PBX)
        self.assertIn("nothing is switched", self.told("bypass", "--off"))
        self.postern.wait_log("event=switch what=bypass until=off")
        wait_for(lambda: self.options(refused, f"off-{time.monotonic()}") == 488, "the bypass to end")

    def test_lockdown_serves_who_is_registered_and_ends_by_itself(self):
        phone, stranger = self.phone("127.1.0.1"), self.phone("127.1.0.2", "1002")
        self.assertEqual(phone.register().status, 200)
        self.assertEqual(self.options(stranger, "before"), BY_THE_PBX)
        self.assertIsNotNone(self.ask("lockdown", "--for", "4s")["lockdown"])
        self.refused(stranger, "locked-out")
        self.assertEqual(self.postern.metric("postern_messages_refused_total", reason="lockdown"), 1)
        self.assertEqual(phone.register().status, 200)
        wait_for(lambda: self.ask("status")["switches"]["lockdown"] is None, "the lockdown to end by itself")
        wait_for(lambda: self.options(stranger, f"after-{time.monotonic()}", timeout=1) == BY_THE_PBX, "the stranger to be heard")
        self.postern.wait_log("event=switch what=ended of=lockdown")

    def test_a_device_is_blocked(self):
        phone, other = self.phone("127.1.0.1"), self.phone("127.1.0.2", "1002")
        self.assertEqual(phone.register().status, 200)
        self.assertEqual(self.ask("block", "1001")["blocks"][0]["device"], "1001")
        wait_for(lambda: phone.register().status == 403, "the device to be refused")
        self.assertEqual(other.register().status, 200)
        self.assertIn("1001 is blocked until", self.told("status"))
        self.assertNotIn("nobody is registered", self.told("block", "1001"))
        self.assertIn("nobody is registered as 10001 now", self.told("block", "10001"))
        self.assertIn("is not blocked", self.told("block", "1002", "--off", status=1))
        self.told("block", "1001", "--off")
        wait_for(lambda: phone.register().status == 200, "the device to be served")

    def test_what_makes_no_switch(self):
        for arguments, told in ((["bypass", "--for", "30d"], "to 7 days"), (["bypass", "--for", "soon"], "--for wants"), (["block", "a b"], "user name")):
            self.assertIn(told, self.told(*arguments, status=1))
        self.assertIn("excludes", self.told("bypass", "--off", "--for", "1h", status=2))
        self.told("block", "1001")
        self.postern.wait_log("event=switch what=block device=1001 until=2")
        self.assertEqual(self.postern.log().count("event=switch"), 1, "what was refused is no switch")


class ShadowMode(Operating):
    text = config(extra=RULES + "enforce: off\n")

    def test_it_counts_and_forwards(self):
        refused = self.phone("127.66.0.1")
        self.assertEqual(self.options(refused, "shadow"), BY_THE_PBX)
        self.assertEqual(self.options(self.phone("127.5.0.1", user_agent="friendly-scanner"), "scan"), BY_THE_PBX)
        self.assertEqual(self.postern.metric("postern_would_refuse_total", reason="rule_reject"), 1)
        self.assertEqual(self.postern.metric("postern_would_refuse_total", reason="rule_ban"), 1)
        self.assertIn("event=would_refuse", self.postern.log())
        why = self.ask("why", self.last_id("reason=rule_reject"))
        self.assertEqual((why["event"], why["rule"]), ("would_refuse", "not from there"))
        self.assertIn("!! enforce is off", self.told("status"))
        rows = {row["number"]: row for row in json.loads(run("audit", "-c", self.postern.path, "--json").stdout)}
        self.assertEqual(rows[8]["status"], "fail")
        self.assertEqual(self.postern.reload(config(extra=RULES)), "applied")
        self.assertEqual(self.options(refused, "enforced"), 488)


class Reload(Operating):
    OTHER = config(extra="rules: [{name: nobody asks, methods: OPTIONS, action: reject, status: 489}]\n")

    def write_configuration(self, text):
        with open(self.postern.path, "w") as file:
            file.write(with_workers(text))

    def test_it_tells_what_changed_and_what_is_wrong(self):
        self.write_configuration(self.OTHER)
        self.assertIn("applied: rules", self.told("reload"))
        phone = self.phone("127.1.0.1")
        self.assertEqual(self.options(phone, "changed"), 489)
        self.write_configuration(self.OTHER + "nonsense: 1\nalso_nonsense: 2\n")
        told = self.told("reload", status=1)
        self.assertEqual(len(re.findall(rf"^{re.escape(self.postern.path)}:\d+:\d+: ", told, re.M)), 2, told)
        self.assertIn("refused: nothing has changed", told)
        self.assertIn("!! what runs is not what the file says: the last reload was refused", self.told("status"))
        self.assertEqual(self.options(phone, "still"), 489)
        self.assertEqual([problem["path"] for problem in self.ask("reload", status=1)["problems"]], ["nonsense", "also_nonsense"])

    def test_without_a_confirmation_it_goes_back(self):
        phone = self.phone("127.1.0.1")
        self.write_configuration(self.OTHER)
        self.assertIn("unless `postern confirm` follows", self.told("reload", "--confirm", "3s"))
        self.assertEqual(self.options(phone, "other"), 489)
        self.assertIn("waits to be confirmed", self.told("reload", status=1))
        wait_for(lambda: self.options(phone, f"back-{time.monotonic()}") == BY_THE_PBX, "what held before to be back")
        self.postern.wait_log("event=reload result=not_confirmed")
        self.assertIn("nothing waits to be confirmed", self.told("confirm", status=1))
        self.assertIn("!! what runs is not what the file says: a reload was not confirmed", self.told("status"))
        self.assertIn("applied: rules", self.told("reload"))
        self.assertEqual(self.ask("status")["warnings"], [])
        self.assertEqual(self.options(phone, "again"), 489)

    def test_confirmed_it_stays(self):
        phone = self.phone("127.1.0.1")
        self.write_configuration(self.OTHER)
        due = self.ask("reload", "--confirm", "3s")["confirm_until"]
        self.assertIn(due, self.told("status"))
        self.assertIn("confirmed", self.told("confirm"))
        self.assertEqual(self.ask("status")["warnings"], [])
        wait_for(lambda: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 1)) > due, "the time to be over")
        self.assertEqual(self.options(phone, "stays"), 489)

    def test_a_file_that_was_replaced_is_noticed(self):
        path = self.write("bad.txt", "127.66.0.0/16\n")
        self.assertEqual(self.postern.reload(config(extra="networks: {bad: {file: bad.txt}}\nrules: [{name: bad, source: bad, action: reject, status: 488}]\n")), "applied")
        os.replace(self.write("new.txt", "127.67.0.0/16\n"), path)
        self.postern.wait_log("event=file_replaced")
        self.assertIn(f"!! {path} was replaced", self.told("status"))
        self.assertIn(f"files ~{path}", self.told("reload"))
        self.assertEqual(self.options(self.phone("127.67.0.1"), "new"), 488)
        self.assertEqual(self.ask("status")["warnings"], [])


if __name__ == "__main__":
    case.need("kamailio", "kamcmd")
    case.main()
