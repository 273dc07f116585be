"""No byte of the PBX's address or of a hidden port leaves on the access side, outside of SDP."""
from support import case
from support.capture import Capture
from support.door import ACCESS, Postern, config
from support.hiding import leaks
from support.pbx import ADDRESS, Pbx
from support.sip import Phone, Socket, answer, new_branch

CORE = ("127.77.0.2", 15078)  # a core port that is nobody else's, so that it can be searched for
SECRETS = [ADDRESS[0].encode(), str(ADDRESS[1]).encode(), CORE[0].encode(), str(CORE[1]).encode()]


class Hiding(case.Case):
    def start(self, pbx):
        self.pbx = self.run_until_end(pbx)
        self.postern = self.run_until_end(Postern(self.folder, config(core=CORE)))
        self.capture = self.run_until_end(Capture())

    def phone(self, number, user):
        return self.run_until_end(Phone((f"127.1.0.{number}", 5080), ACCESS, user))

    def assert_nothing_leaked(self, least):
        """`least`: how many datagrams must have left, so that an empty search is no success."""
        self.capture.settle()
        left = self.capture.between(source=ACCESS)
        self.assertGreaterEqual(len(left), least)
        found = [(leaks(d.payload, SECRETS), d.payload.decode(errors="replace")) for d in left if leaks(d.payload, SECRETS)]
        case.measured(f"{len(left)} datagrams searched, {len(found)} show a hidden name")
        self.assertFalse(found, f"{len(found)} of {len(left)} datagrams; the first shows {found and found[0][0]}:\n{found and found[0][1]}")

    def test_search_finds_a_leak(self):
        body = f"c=IN IP4 {ADDRESS[0]}"
        with_sdp = f"SIP/2.0 200 OK\r\nContent-Type: application/sdp\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
        self.assertEqual(leaks(with_sdp, SECRETS), [])
        self.assertEqual(leaks(with_sdp.replace(b"application/sdp", b"text/plain"), SECRETS), [ADDRESS[0].encode()])
        self.assertEqual(leaks(f"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP x:{ADDRESS[1]}\r\n\r\n".encode(), SECRETS), [str(ADDRESS[1]).encode()])

    def test_register_call_busy_unknown_and_cancel(self):
        self.start(Pbx(self.folder))
        one, two = self.phone(1, "1001"), self.phone(2, "1002")
        for phone in (one, two):
            self.assertEqual(phone.register().status, 200)
        call = one.invite("1002")
        invite, source = two.request("INVITE")
        two.send(answer(invite, 180, "Ringing", "two", [f"Contact: {two.contact}"]), source)
        two.send(answer(invite, 200, "OK", "two", [f"Contact: {two.contact}"]), source)
        self.assertEqual(call.wait().status, 200)
        call.ack()
        two.request("ACK")
        self.assertEqual(call.hang_up(two).status, 200)
        busy = one.invite("1002")
        invite, source = two.request("INVITE")
        two.send(answer(invite, 486, "Busy Here", "two"), source)
        self.assertEqual(busy.wait().status, 486)
        self.assertEqual(one.invite("1004").wait().status, 404)
        given_up = one.invite("1002")
        invite, source = two.request("INVITE", call_id=given_up.call_id)
        two.send(answer(invite, 180, "Ringing", "two", [f"Contact: {two.contact}"]), source)
        given_up.wait_status(180)
        given_up.cancel()
        cancel, source = two.request("CANCEL")
        two.send(answer(cancel, 200, "OK", "two"), source)
        two.send(answer(invite, 487, "Request Terminated", "two"), source)
        self.assertEqual(given_up.wait().status, 487)
        self.assertEqual(one.register(expires=0).status, 200)
        self.assert_nothing_leaked(25)

    def talkative(self, request, status, reason, more=()):
        """An answer in which the PBX names itself wherever a PBX can."""
        pbx = f"{ADDRESS[0]}:{ADDRESS[1]}"
        return answer(request, status, reason, "pbx", [
            f"Contact: <sip:1002@{pbx}>", f"Server: Asterisk PBX at {pbx}", f"Warning: 399 {pbx} \"from {ADDRESS[0]}\"",
            f"P-Asserted-Identity: \"Anna\" <sip:1002@{ADDRESS[0]}>", f"Remote-Party-ID: <sip:1002@{pbx}>;party=called",
            f"Reason: SIP;cause=486;text=\"at {ADDRESS[0]}\"", f"Record-Route: <sip:{pbx};lr>", *more])

    def test_answers_of_a_talkative_pbx(self):
        self.start(Socket(ADDRESS))
        phone = self.phone(1, "1001")
        call = phone.invite("1002", challenged=False)
        invite, source = self.pbx.request("INVITE")
        self.pbx.send(self.talkative(invite, 183, "Session Progress"), source)
        call.wait_status(183)
        self.pbx.send(self.talkative(invite, 200, "OK"), source)
        self.assertEqual(call.wait().status, 200)
        call.ack()
        ack, _ = self.pbx.request("ACK")
        self.assertIn(f"{ADDRESS[0]}:{ADDRESS[1]}", ack.get("Route", "") + ack.request_uri, "the PBX gets its own names back")
        call.in_dialog("BYE")
        bye, source = self.pbx.request("BYE")
        self.pbx.send(self.talkative(bye, 200, "OK"), source)
        self.assertEqual(phone.response(call.call_id, (call.cseq, "BYE")).status, 200)
        refused = phone.invite("1003", challenged=False)
        invite, source = self.pbx.request("INVITE", call_id=refused.call_id)
        self.pbx.send(self.talkative(invite, 603, "Decline"), source)
        self.assertEqual(refused.wait().status, 603)
        self.assert_nothing_leaked(4)

    def test_requests_of_a_talkative_pbx(self):
        self.start(Socket(ADDRESS))
        phone = self.phone(1, "1001")
        phone.send(phone.build("REGISTER", f"sip:{ACCESS[0]}", f"<sip:1001@{ACCESS[0]}>", "registration", 1, ["Expires: 300"]), ACCESS)
        request, source = self.pbx.request("REGISTER")
        self.pbx.send(answer(request, 200, "OK", "pbx", [f"Contact: {request.get('Contact')};expires=300", f"Server: {ADDRESS[0]}"]), source)
        self.assertEqual(phone.response("registration", (1, "REGISTER")).status, 200)
        contact, pbx = request.contact_uri(), f"{ADDRESS[0]}:{ADDRESS[1]}"
        for number, method in enumerate(("OPTIONS", "INVITE", "MESSAGE"), 1):
            lines = [f"{method} {contact} SIP/2.0", f"Via: SIP/2.0/UDP {pbx};rport;branch={new_branch()}", "Max-Forwards: 70",
                     f"Record-Route: <sip:{pbx};lr>", f"From: \"1002\" <sip:1002@{pbx}>;tag=pbx", f"To: <{contact}>", f"Contact: <sip:1002@{pbx}>",
                     f"Call-ID: {number}-abc@{ADDRESS[0]}", f"CSeq: {number} {method}", f"User-Agent: Asterisk at {pbx}",
                     f"P-Asserted-Identity: <sip:1002@{ADDRESS[0]}>", f"Remote-Party-ID: <sip:1002@{pbx}>;party=calling",
                     f"Diversion: <sip:1003@{ADDRESS[0]}>;reason=unconditional", f"Referred-By: <sip:1003@{pbx}>", "Content-Length: 0", "", ""]
            self.pbx.send("\r\n".join(lines), CORE)
            received, source = phone.request(method)
            phone.send(answer(received, 200, "OK", "phone", [f"Contact: {phone.contact}"]), source)
            response, _ = self.pbx.take(lambda m: m.status == 200 and m.method == method, f"200 to {method}")
            self.assertEqual(response.get("Call-ID"), f"{number}-abc@{ADDRESS[0]}")
            # The port is the access side's: the PBX matches by tags, and writes no port there itself.
            self.assertRegex(response.get("From"), f"^\"1002\" <sip:1002@{ADDRESS[0]}(:[0-9]+)?>;tag=pbx$")
        self.assert_nothing_leaked(4)

    def test_message_waiting_names_the_public_side(self):
        self.start(Socket(ADDRESS))
        phone = self.phone(1, "1001")
        phone.send(phone.build("REGISTER", f"sip:{ACCESS[0]}", f"<sip:1001@{ACCESS[0]}>", "registration", 1, ["Expires: 300"]), ACCESS)
        request, source = self.pbx.request("REGISTER")
        self.pbx.send(answer(request, 200, "OK", "pbx", [f"Contact: {request.get('Contact')};expires=300"]), source)
        phone.response("registration", (1, "REGISTER"))
        body = f"Messages-Waiting: yes\r\nMessage-Account: sip:*97@{ADDRESS[0]}:{ADDRESS[1]}\r\nVoice-Message: 1/0 (0/0)\r\n"
        lines = [f"NOTIFY {request.contact_uri()} SIP/2.0", f"Via: SIP/2.0/UDP {ADDRESS[0]}:{ADDRESS[1]};rport;branch={new_branch()}", "Max-Forwards: 70",
                 f"From: <sip:1001@{ADDRESS[0]}>;tag=pbx", f"To: <{request.contact_uri()}>", f"Contact: <sip:1001@{ADDRESS[0]}:{ADDRESS[1]}>",
                 "Call-ID: mwi", "CSeq: 1 NOTIFY", "Event: message-summary", "Subscription-State: active",
                 "Content-Type: application/simple-message-summary", f"Content-Length: {len(body)}", "", ""]
        self.pbx.send("\r\n".join(lines) + body, CORE)
        notify, source = phone.request("NOTIFY")
        self.assertIn(b"Voice-Message: 1/0 (0/0)\r\n", notify.body)
        self.assertEqual(int(notify.get("Content-Length")), len(notify.body))
        phone.send(answer(notify, 200, "OK", "phone"), source)
        self.assert_nothing_leaked(2)


if __name__ == "__main__":
    case.need("kamailio", "kamcmd")
    case.main()
