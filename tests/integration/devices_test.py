"""Where a device may be, and emergency calls, which nothing stops: with baresip, a stand-in PBX and a trunk that answers for help."""
import json

from support import case
from support.baresip import Baresip
from support.capture import Capture
from support.case import measured
from support.door import ACCESS, ANY_CORE, Postern, config, run
from support.pbx import ADDRESS, TRUNK, Pbx
from support.proc import wait_for
from support.sip import Phone, Socket, answer, sdp
from support.talk import TONE_1001

HOME, ABROAD = ("127.1.0.1", 5080), ("127.6.6.6", 5080)
# The PBX dials 2XXX over its trunk: 2 is the digit for an outside line.
HELP = "2112"
OPEN = config(extra='emergency_prefixes: ["2"]\n')
ENTRIES = """device_groups: {tenant: ["T2_*"]}
networks: {home: 127.1.0.0/16}
trusted: [127.6.0.0/16]
rules: [{name: all are welcome, action: allow}]
devices:
  "1001": {permit: home}
  tenant: {permit: home}
"""
CLOSED = config(extra='emergency_prefixes: ["2"]\n'
                'devices: {"1001": {deny: 127.0.0.0/8}}\n'
                "rules: [{name: all is closed, action: drop}]\n"
                "limits: {per_source: {rate: 1/h, burst: 1}, per_source_methods: {INVITE: {rate: 1/h, burst: 1}}, pbx: {rate: 1/h, burst: 1}}\n")


class Door(case.Case):
    def setUp(self):
        super().setUp()
        self.pbx = self.run_until_end(Pbx(self.folder))
        self.capture = self.run_until_end(Capture())

    def phone(self, address, user="1001"):
        return self.run_until_end(Phone(address, ACCESS, user))

    def heard(self, call_id):
        """What the PBX was sent with this Call-ID."""
        self.capture.settle()
        return [d for d in self.capture.between(source=ANY_CORE, destination=ADDRESS) if call_id.encode() in d.payload]


class Devices(Door):
    def setUp(self):
        super().setUp()
        self.postern = self.run_until_end(Postern(self.folder, config(extra=ENTRIES)))

    def test_a_device_registers_where_its_entry_lets_it_and_nowhere_else(self):
        abroad, home = self.phone(ABROAD), self.phone(HOME)
        self.assertEqual(abroad.register().status, 403, "in spite of trust and of a rule that allows")
        self.assertEqual(self.heard(abroad.register_call_id), [])
        self.postern.wait_log("reason=device_denied rule=devices.1001 source=127.6.6.6:5080 method=REGISTER device=1001")
        self.assertEqual(home.register().status, 200)
        self.assertEqual(len(self.pbx.contacts("1001")), 1)
        # Its password in another's name is no way in either.
        thief = self.phone((ABROAD[0], 5082), "1002")
        thief.contact, credentials = f"<sip:1002@{thief.address}>", 'Authorization: Digest username="1001", realm="asterisk", nonce="1", uri="sip:a", response="0"'
        self.assertEqual(thief.register(headers=[credentials], authenticate=False).status, 403)
        self.assertEqual(self.heard(thief.register_call_id), [])

    def test_a_tenant_is_a_group(self):
        abroad, home = self.phone(ABROAD, "T2_101"), self.phone(HOME, "T2_101")
        self.assertEqual(abroad.register().status, 403)
        self.assertEqual(self.heard(abroad.register_call_id), [])
        self.postern.wait_log("reason=device_denied rule=devices.tenant source=127.6.6.6:5080")
        self.assertEqual(home.register(authenticate=False).status, 401, "the PBX asks for its password")
        self.assertEqual(self.phone(ABROAD[:1] + (5082,), "T3_101").register(authenticate=False).status, 401, "another tenant")

    def test_explain_says_what_the_daemon_does(self):
        def explained(source):
            return json.loads(run("explain", "-c", self.postern.path, "--source", source, "--method", "REGISTER", "--from", "sip:1001@example.com", "--json").stdout)

        line = 1 + next(i for i, text in enumerate(config(extra=ENTRIES).splitlines()) if text.startswith('  "1001"'))
        self.assertEqual(explained(ABROAD[0]), {**explained(ABROAD[0]), "verdict": "reject", "reason": "device_denied", "rule": "devices.1001",
                                                "file": self.postern.path, "line": line, "status": 403})
        self.assertEqual(explained(HOME[0])["verdict"], "allow")
        tests = ("policy_tests:\n  - {source: 127.1.0.1, method: REGISTER, from: sip:1001@example.com, expect: allow}\n"
                 "  - {source: 127.6.6.6, method: REGISTER, from: sip:1001@example.com, expect: 403}\n")
        self.assertEqual(self.postern.reload(config(extra=ENTRIES + tests)), "applied")
        self.assertEqual(self.postern.reload(config(extra=ENTRIES + tests.replace("403", "allow"))), "refused")


class Emergency(Door):
    def setUp(self):
        super().setUp()
        self.postern = self.run_until_end(Postern(self.folder, OPEN))
        self.help = self.run_until_end(Socket(TRUNK))

    def answered(self):
        """The INVITE that whoever helps got, which is answered."""
        request, source = self.help.request("INVITE")
        self.help.send(answer(request, 180, "Ringing", "help", [f"Contact: <sip:help@{self.help.address}>"]), source)
        self.help.send(answer(request, 200, "OK", "help", [f"Contact: <sip:help@{self.help.address}>"], sdp(self.help.host, 31000)), source)
        return request

    def test_a_blocked_phone_that_is_registered_calls_for_help(self):
        phone = self.run_until_end(Baresip(self.folder, "1001", HOME[0], ACCESS, TONE_1001))
        phone.wait_registered()
        self.assertEqual(self.postern.reload(CLOSED), "applied")
        phone.dial("2001")
        phone.wait_event("CALL_CLOSED")  # a call to anybody else
        phone.dial(HELP)
        self.assertIn(HELP, self.answered().request_uri)
        phone.wait_event("CALL_ESTABLISHED")
        self.help.request("ACK")
        phone.hang_up()
        bye, source = self.help.request("BYE")
        self.help.send(answer(bye, 200, "OK"), source)
        phone.wait_event("CALL_CLOSED")
        self.assertEqual([request.request_uri for request, _ in self.help.seen if request.method == "INVITE" and HELP not in request.request_uri], [])
        self.postern.wait_log("event=emergency_call rule=emergency source=127.1.0.1:5080 method=INVITE device=1001")
        self.assertEqual(self.postern.metric("postern_emergency_calls_total"), 1)
        measured("1 call of a registered device that its entry denies, with a rule that drops all and every limit used up: answered, acknowledged, hung up")

    def test_nobody_else_does(self):
        self.assertEqual(self.phone(HOME).register().status, 200)
        self.assertEqual(self.postern.reload(CLOSED), "applied")
        stranger, neighbour = self.phone(ABROAD), self.phone((HOME[0], 5082))
        calls = [each.invite(HELP, challenged=False) for each in (stranger, neighbour)]
        wait_for(lambda: self.postern.metric("postern_messages_refused_total") >= 2, "both to be refused")
        for call in calls:
            self.assertEqual(self.heard(call.call_id), [])
        self.assertEqual(self.postern.metric("postern_emergency_calls_total"), 0)
        measured("0 datagrams at the PBX of 2 calls for help from flows that nobody is registered over")


if __name__ == "__main__":
    case.main()
