"""Alerts: what happens is posted to a real web server over TLS and told to a real program, once, and no flood of it."""
import json
import os
import re
import shutil
import socket
import struct
import time

from support import case
from support.door import ACCESS, Postern, config, run
from support.geo import write_country_database
from support.hooks import Hooks, Pager
from support.pbx import Pbx
from support.proc import wait_for
from support.sip import Phone, answer
from support.stream import make_certificate

QUICK = "health_check: 1s, timeout: 500ms, health_check_user: '1001', bind:"
DAY = 86_400


def capabilities_in(status):
    return {name: int(value, 16) for name, value in re.findall(r"^(Cap\w+):\s*([0-9a-f]+)$", status, re.M)}


class Alerts(case.Case):
    def setUp(self):
        super().setUp()
        self.certificate = make_certificate(self.folder, "localhost", "hooks")
        self.hooks = self.run_until_end(Hooks(certificate=self.certificate))
        self.pager = Pager(self.folder)
        self.url = f"https://localhost:{self.hooks.port}/postern?token=hidden"
        self.postern = None
        self.addCleanup(lambda: self.postern and self.postern.stop_if_alive())

    def text(self, alerts=None, extra="", interval="1h"):
        alerts = alerts if alerts is not None else f"{{webhook: '{self.url}', command: page-me, min_interval: {interval}}}"
        return config(extra=f"alerts: {alerts}\n{extra}").replace("bind:", QUICK)

    def start(self, text, name="postern", trust=True):
        prefix = ("env", f"SSL_CERT_FILE={self.certificate[0]}") if trust else ()
        self.postern = Postern(self.folder, text, name=name, prefix=prefix)

    def phone(self, address, user="1001", **more):
        return self.run_until_end(Phone(address, ACCESS, user, **more))

    def registered(self, address, user="1001", **more):
        phone = self.phone(address, user, **more)
        self.assertEqual(phone.register().status, 200)
        return phone

    def told(self, kind, **fields):
        """The one alert of that kind, which both ways tell alike."""
        alert = self.hooks.wait(kind)[0]
        message, page = self.pager.wait(kind)[0]
        self.assertEqual(page, alert)
        self.assertEqual(message, alert["message"])
        self.assertEqual({key: alert.get(key) for key in fields}, fields, alert)
        self.assertRegex(alert["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertEqual(alert["text"], f"Postern at {alert['host']}: {message}")
        return message

    def guess(self, address, user="1002"):
        """Five wrong passwords: the address is banned, or the account there blocked."""
        phone = self.phone((address, 0), user, password="wrong")
        for _ in range(5):
            self.assertEqual(phone.register(timeout=5).status, 401)

    def call_abroad(self, caller, number):
        """A call that rings."""
        self.pbx.set_password(number, f"secret{number}")
        other = self.registered((f"127.1.9.{len(number)}", 5080), number)
        call = caller.invite(number)
        request, source = other.request("INVITE")
        other.send(answer(request, 180, "Ringing", "there"), source)
        call.wait_status(180)
        other.send(answer(request, 486, "Busy Here", "there"), source)
        self.assertEqual(call.wait().status, 486)
        other.stop()


class Kinds(Alerts):
    def test_each_thing_that_an_operator_has_to_know_is_told_both_ways(self):
        self.pbx = Pbx(self.folder)
        self.addCleanup(lambda: self.pbx.stop())
        self.pbx.set_password("1004", "1004")
        self.start(self.text(extra="calls: {classes: {most: ['X.'], premium: ['0900.']}, allow: [{classes: most}]}\n"))
        phone = self.registered(("127.1.0.1", 5080))

        self.guess("127.6.6.6")
        self.assertIn("127.6.6.6 is banned for 3600 s: failed_authentication, 5 strikes", self.told("ban", cause="failed_authentication"))
        self.guess("127.1.0.1", "1003")
        self.assertIn('the account "1003" is blocked at 127.1.0.1', self.told("block", device="1003"))
        self.assertEqual(phone.invite("090012345", challenged=False).wait().status, 603)
        self.assertIn('may not call "090012345", of the class premium', self.told("call_denied", device="1001", number="090012345", **{"class": "premium"}))
        phone.invite("112")
        self.assertIn('"1001" at 127.1.0.1:5080 calls "sip:112@', self.told("emergency_call", device="1001"))
        self.registered(("127.1.0.4", 5080), "1004", password="1004")
        self.assertIn('the account "1004" can be guessed', self.told("weak_password", account="1004", detail="user_name"))
        self.call_abroad(phone, "0037167000000")
        self.assertIn("the first call to LV", self.told("new_country", called_country="LV", number="0037167000000", device="1001"))
        self.pbx.stop()
        self.assertIn("gives no answers any more", self.told("pbx_down", address="127.77.0.5:15077"))
        self.pbx = Pbx(self.folder)
        self.assertIn("answers again", self.told("pbx_up", address="127.77.0.5:15077"))

        self.assertEqual(set(self.hooks.paths), {"/postern?token=hidden"})
        self.assertNotIn("hidden", self.postern.log())
        delivered = lambda: self.postern.metric("postern_alerts_total", result="delivered")
        wait_for(lambda: delivered() == 2 * len(self.hooks.posted), f"all to be counted; {delivered()} are")
        self.assertEqual(self.postern.metric("postern_alerts_total", result="failed"), 0)
        case.measured(f"{len(self.hooks.posted)} alerts, each by webhook over TLS and by command")

    def test_a_certificate_that_ends_and_an_old_database_are_told_at_the_start(self):
        make_certificate(self.folder, days=5)
        database = os.path.join(self.folder, "country.mmdb")
        write_country_database(database, {"127.1.0.0/16": "US"})
        with open(database, "rb") as file:
            data = file.read()
        at = data.index(b"build_epoch") + len(b"build_epoch")
        self.assertEqual(data[at:at + 2], b"\x04\x02", "four bytes of an unsigned number")
        with open(database, "wb") as file:
            file.write(data[:at + 2] + struct.pack(">I", int(time.time()) - 61 * DAY) + data[at + 6:])
        listeners = f"listeners: ['udp://{ACCESS[0]}:{ACCESS[1]}', {{address: 'tls://{ACCESS[0]}:5061', name: phones, tls: {{certificate: server.pem, private_key: server.key}}}}]\n"
        text = self.text(extra="geo: {country: country.mmdb}\n")
        self.start(listeners + "".join(line + "\n" for line in text.splitlines() if not line.startswith("listeners")))
        self.assertRegex(self.told("certificate_ends", listener="phones"), r'the listener "phones" ends in 4 days, at \d{4}-')
        self.assertIn("the database of geo.country was made 61 days ago", self.told("geo_database_old", database="geo.country"))
        with open(self.postern.path) as file:
            text = file.read()
        self.assertEqual(self.postern.reload(text + "keepalive: 20s\n"), "applied")
        self.assertEqual(self.postern.metric("postern_alerts_total", result="held_back"), 0, "a reload that changes nothing of it is no news")


class Floods(Alerts):
    def setUp(self):
        super().setUp()
        self.pbx = self.run_until_end(Pbx(self.folder))

    def test_a_flood_of_bans_is_two_alerts(self):
        self.start(self.text(interval="5s"))
        self.guess("127.6.6.1")
        self.hooks.wait("ban")
        for number in range(2, 6):
            self.guess(f"127.6.6.{number}", f"100{number % 4 + 1}")  # one account in many hands would be guessed more slowly
        wait_for(lambda: self.postern.metric("postern_alerts_total", result="held_back") == 4, "all of them to be held back")
        alerts = self.hooks.wait("ban", 2)
        self.assertEqual([alert["more"] for alert in alerts], [0, 3])
        self.assertIn("127.6.6.5 is banned", alerts[1]["message"])
        self.assertIn("(and 3 more since: 127.6.6.2, 127.6.6.3, 127.6.6.4)", alerts[1]["message"])

    def forge_calls_for_help(self, count):
        """From as many trusted addresses, by somebody who hears no answer."""
        for number in range(count):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.bind((f"127.5.0.{number + 1}", 0))
                sender.sendto((f"INVITE sip:112@{ACCESS[0]} SIP/2.0\r\nVia: SIP/2.0/UDP 127.5.0.{number + 1}:5060;branch=z9hG4bK{number}\r\nFrom: <sip:help@a>;tag={number}\r\n"
                               f"To: <sip:112@{ACCESS[0]}>\r\nCall-ID: forged-{number}\r\nCSeq: 1 INVITE\r\nContact: <sip:help@127.5.0.{number + 1}>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n").encode(), ACCESS)

    def test_forged_calls_for_help_page_once_and_keep_no_true_one_and_no_dead_pbx_from_being_told(self):
        self.hooks.gate.clear()
        self.start(self.text(extra="trusted: [127.5.0.0/16]\n"))
        phone = self.registered(("127.1.0.1", 5080))
        self.forge_calls_for_help(39)
        wait_for(lambda: self.postern.metric("postern_emergency_calls_total") >= 10, "the forged calls to pass")
        forged = self.postern.metric("postern_emergency_calls_total")
        wait_for(lambda: self.postern.metric("postern_alerts_total", result="held_back") == forged - 1, "all of them but one to be held back")
        phone.invite("112")
        wait_for(lambda: len(self.pager.pages("emergency_call")) == 2, "the true one to be told")
        self.pbx.stop()
        self.pager.wait("pbx_down")
        self.hooks.gate.set()
        self.hooks.wait("pbx_down")
        alerts = self.hooks.wait("emergency_call", 2)
        self.assertEqual([(alert["proof"], alert["device"]) for alert in alerts], [("unproven", "help"), ("proven", "1001")])
        self.assertEqual(self.postern.metric("postern_alerts_total", result="lost"), 0)
        self.assertRegex(self.postern.log(), r"event=emergency_call rule=emergency source=127\.1\.0\.1:5080 .* proof=proven")

    def test_a_call_that_a_stranger_may_not_make_pages_nobody(self):
        self.start(self.text(extra="calls: {classes: {most: ['X.']}, allow: [{classes: most}]}\n"))
        stranger = self.phone(("127.6.6.9", 5080), "$(reboot)")
        self.assertEqual(stranger.invite("*72", challenged=False).wait().status, 603)
        wait_for(lambda: self.postern.metric("postern_alerts_total", result="held_back") == 1, "it to be counted")
        phone = self.registered(("127.1.0.1", 5080))
        self.assertEqual(phone.invite("*72", challenged=False).wait().status, 603)
        self.assertEqual([alert["device"] for alert in self.hooks.wait("call_denied")], ["1001"])

    def test_what_lies_in_the_place_of_the_countries_holds_up_no_start(self):
        os.mkdir(os.path.join(self.folder, "state"), 0o700)
        os.mkfifo(os.path.join(self.folder, "state", "countries"))
        self.start(self.text())

    def test_a_country_is_new_once_over_a_kill_too(self):
        self.start(self.text(interval="1s"))
        phone = self.registered(("127.1.0.1", 5080))
        self.call_abroad(phone, "0037167000000")
        self.hooks.wait("new_country")
        countries = os.path.join(self.folder, "state", "countries")
        wait_for(lambda: os.path.exists(countries), "it to be kept")
        self.postern.kill()
        self.start(self.text(interval="1s"), name="again")
        self.call_abroad(phone, "00371670000001")
        self.call_abroad(phone, "0018765550100")
        self.assertEqual([alert["called_country"] for alert in self.hooks.wait("new_country", 2)], ["LV", "JM"])
        with open(countries) as file:
            self.assertEqual(sorted(file.read().split()), ["JM", "LV"])


class Ways(Alerts):
    """What does not work, and `postern alerts test`."""

    def setUp(self):
        super().setUp()
        self.pbx = self.run_until_end(Pbx(self.folder))

    def ban_somebody(self):
        self.guess("127.6.6.6")

    def test_a_server_that_is_busy_gets_it_later(self):
        self.hooks.statuses = [503]
        self.start(self.text())
        self.ban_somebody()
        self.hooks.wait("ban")
        self.assertEqual(len(self.hooks.paths), 2)
        self.assertNotIn("alert_failed", self.postern.log())

    def test_a_server_that_says_100_continue_first_has_got_it(self):
        self.hooks.goes_on = True
        self.start(self.text(f"{{webhook: '{self.url}'}}"))
        self.assertEqual(self.trial(), (0, {"webhook": (True, "HTTP status 200")}))

    def test_a_program_has_none_of_our_capabilities(self):
        shutil.chown(self.folder, "nobody")
        shutil.chown(os.path.join(self.folder, "pages"), "nobody")
        self.pager.does(f"grep ^Cap /proc/self/status >{self.folder}/pages/capabilities")
        self.postern = Postern(self.folder, self.text("{command: page-me}"), prefix=("setpriv", "--reuid=nobody", "--clear-groups", "--inh-caps=+net_bind_service", "--ambient-caps=+net_bind_service"))
        with open(f"/proc/{self.postern.pid}/status") as file:
            own = capabilities_in(file.read())
        self.assertEqual((own["CapEff"], own["CapAmb"]), (1 << 10, 0), "CAP_NET_BIND_SERVICE is ours")
        self.assertEqual(self.trial()[0], 0)
        with open(os.path.join(self.folder, "pages", "capabilities")) as file:
            theirs = capabilities_in(file.read())
        self.assertEqual([theirs[name] for name in ("CapPrm", "CapEff", "CapAmb")], [0, 0, 0])

    def test_what_cannot_be_delivered_is_in_the_log(self):
        self.hooks.status = 404
        self.pager.does("exit 75")
        self.start(self.text())
        self.ban_somebody()
        self.postern.wait_log("way=webhook")
        self.postern.wait_log("way=command")
        log = self.postern.log()
        self.assertRegex(log, rf'error event=alert_failed alert=ban way=webhook to=https://localhost:{self.hooks.port} error="HTTP status 404" count=1 message=')
        self.assertRegex(log, r'error event=alert_failed alert=ban way=command to=\S+/page-me error="exit status 75" count=1 message=')
        self.assertEqual(self.postern.metric("postern_alerts_total", result="failed"), 2)

    def trial(self):
        done = run("alerts", "test", "-c", self.postern.path, "--json", timeout=60)
        return done.returncode, {way["way"]: (way["delivered"], way["result"]) for way in json.loads(done.stdout)}

    def test_a_trial_says_what_became_of_it(self):
        self.start(self.text())
        done = run("alerts", "test", "-c", self.postern.path)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout.splitlines(), [f"webhook https://localhost:{self.hooks.port}: delivered: HTTP status 200",
                                                    f"command {self.pager.path}: delivered: exit status 0"])
        self.assertIn("a test", self.told("test"))
        self.hooks.status = 500
        self.pager.does("exit 3")
        self.assertEqual(self.trial(), (1, {"webhook": (False, "HTTP status 500"), "command": (False, "exit status 3")}))
        self.hooks.status = 302
        self.assertIn("it redirects", self.trial()[1]["webhook"][1])
        self.assertEqual(self.postern.metric("postern_alerts_total"), 0, "a trial is none")

    def test_a_server_that_proves_nothing_is_told_nothing(self):
        self.start(self.text(f"{{webhook: '{self.url}'}}"), trust=False)
        status, ways = self.trial()
        self.assertEqual((status, ways["webhook"]), (1, (False, "no TLS: its certificate is not accepted: self-signed certificate")))
        self.postern.stop()
        other = make_certificate(self.folder, "other.test", "other")
        elsewhere = self.run_until_end(Hooks(certificate=other))
        self.certificate = other
        self.start(self.text(f"{{webhook: 'https://localhost:{elsewhere.port}/'}}"), name="again")
        self.assertIn("its certificate is not accepted", self.trial()[1]["webhook"][1])
        self.assertEqual(self.postern.reload(self.text("{webhook: 'https://localhost:1/'}")), "applied")
        self.assertIn("cannot connect to localhost port 1", self.trial()[1]["webhook"][1])
        self.assertIn("changes=alerts", self.postern.log())
        self.assertEqual(self.hooks.posted + elsewhere.posted, [])

    def test_without_alerts_a_trial_is_refused_and_without_a_daemon_too(self):
        self.start(config())
        done = run("alerts", "test", "-c", self.postern.path)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("no alerts are configured", done.stderr)
        self.postern.kill()
        self.assertEqual(run("alerts", "test", "-c", self.postern.path).returncode, 3)

    def test_no_packet_waits_for_a_delivery_and_a_stop_neither(self):
        self.hooks.gate.clear()
        self.pager.does(f"echo $$ >{self.folder}/pager; exec sleep 1000")
        self.start(self.text())
        self.ban_somebody()
        self.pager.wait("ban")
        phone = self.registered(("127.1.0.1", 5080))
        slowest = 0.0
        for _ in range(50):
            begun = time.monotonic()
            phone.register_cseq += 1
            phone.ask("OPTIONS", f"sip:{phone.domain}", f"<sip:{phone.domain}>", phone.register_call_id, phone.register_cseq, authenticate=False)
            slowest = max(slowest, time.monotonic() - begun)
        self.assertEqual(self.hooks.paths, [], "nothing has been delivered meanwhile")
        with open(os.path.join(self.folder, "pager")) as file:
            self.assertTrue(os.path.exists(f"/proc/{int(file.read())}"), "the pager still runs")
        case.measured(f"the slowest of 50 OPTIONS while both ways hang: {slowest * 1000:.1f} ms")
        begun = time.monotonic()
        self.postern.stop()
        self.assertLess(time.monotonic() - begun, 5)

    def test_a_command_that_cannot_be_run_is_an_error_of_check(self):
        path = self.write("bad.yaml", self.text("{command: none}"))
        done = run("check", "-c", path)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"bad\.yaml:6:19: alerts\.command: \S+/none: No such file or directory")


if __name__ == "__main__":
    case.need("kamailio", "kamcmd", "openssl", "perl", "setpriv")
    case.main()
