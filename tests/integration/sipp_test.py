"""Calls through Postern: both ways, given up, busy, and with what UDP loses."""
from support import case
from support.capture import Capture
from support.door import ACCESS, ANY_CORE, Postern
from support.pbx import ADDRESS, TRUNK, Pbx
from support.proc import wait_for
from support.sip import Message, Phone, Socket, answer
from support.sipp import Sipp


class WithPbx(case.Case):
    def setUp(self):
        super().setUp()
        self.pbx = self.run_until_end(Pbx(self.folder))
        self.postern = self.run_until_end(Postern(self.folder))

    def test_access_side_calls_and_hangs_up(self):
        uas = self.run_until_end(Sipp(self.folder, "uas", TRUNK)).wait_bound()
        self.run_until_end(Sipp(self.folder, "uac", ("127.1.0.3", 5080), ACCESS, caller="1001", number="2001")).finish()
        uas.finish()

    def test_core_side_calls_a_registered_phone(self):
        phone = Phone(("127.1.0.1", 5080), ACCESS)
        self.addCleanup(phone.stop)
        self.assertEqual(phone.register().status, 200)
        phone.stop()  # its address goes to SIPp, which takes the call
        uas = self.run_until_end(Sipp(self.folder, "uas", ("127.1.0.1", 5080))).wait_bound()
        self.run_until_end(Sipp(self.folder, "uac", TRUNK, ADDRESS, caller="7000", number="1001")).finish()
        uas.finish()

    def test_cancel(self):
        called = self.run_until_end(Socket(TRUNK))
        uac = self.run_until_end(Sipp(self.folder, "uac_cancel", ("127.1.0.3", 5080), ACCESS, caller="1001", number="2001"))
        invite, source = called.request("INVITE")
        called.send(answer(invite, 180, "Ringing", "called", [f"Contact: <sip:{called.address}>"]), source)
        cancel, source = called.request("CANCEL")
        called.send(answer(cancel, 200, "OK", "called"), source)
        called.send(answer(invite, 487, "Request Terminated", "called"), source)
        called.request("ACK")
        uac.finish()

    def test_core_side_gives_up(self):
        phone = self.run_until_end(Phone(("127.1.0.1", 5080), ACCESS))
        phone.register()
        caller = self.run_until_end(Phone(("127.1.0.2", 5080), ACCESS, "1002"))
        call = caller.invite("1001")
        invite, source = phone.request("INVITE")
        phone.send(answer(invite, 180, "Ringing", "one", [f"Contact: {phone.contact}"]), source)
        call.wait_status(180)
        call.cancel()
        cancel, source = phone.request("CANCEL")
        self.assertEqual(cancel.get("Via"), invite.get("Via"))
        self.assertEqual(cancel.request_uri, invite.request_uri)
        phone.send(answer(cancel, 200, "OK", "one"), source)
        phone.send(answer(invite, 487, "Request Terminated", "one"), source)
        self.assertEqual(call.wait().status, 487)
        phone.request("ACK")

    def test_busy(self):
        uas = self.run_until_end(Sipp(self.folder, "uas_busy", TRUNK)).wait_bound()
        phone = self.run_until_end(Phone(("127.1.0.1", 5080), ACCESS))
        self.assertEqual(phone.invite("2001").wait().status, 486)
        uas.finish()

    def test_called_phone_hangs_up(self):
        one = self.run_until_end(Phone(("127.1.0.1", 5080), ACCESS))
        two = self.run_until_end(Phone(("127.1.0.2", 5080), ACCESS, "1002"))
        one.register()
        two.register()
        call = one.invite("1002")
        invite, source = two.request("INVITE")
        two.send(answer(invite, 200, "OK", "two", [f"Contact: {two.contact}"]), source)
        self.assertEqual(call.wait().status, 200)
        call.ack()
        two.request("ACK")
        routes = [f"Route: {route}" for route in invite.all("Record-Route")]
        bye = two.build("BYE", invite.contact_uri(), invite.get("From"), invite.get("Call-ID"), 1, routes,
                        from_value=f"{invite.get('To')};tag=two")
        two.send(bye, source)
        request, source = one.request("BYE")
        self.assertEqual(request.request_uri, one.contact.strip("<>"))
        one.send(answer(request, 200, "OK"), source)
        self.assertEqual(two.response(invite.get("Call-ID"), (1, "BYE")).status, 200)


class Repetition(case.Case):
    """The PBX is a socket here, so that what it is asked is known exactly."""

    def setUp(self):
        super().setUp()
        self.pbx = self.run_until_end(Socket(ADDRESS))
        self.postern = self.run_until_end(Postern(self.folder))
        self.capture = self.run_until_end(Capture())
        self.phone = self.run_until_end(Phone(("127.1.0.1", 5080), ACCESS))

    def forwarded(self, method, call_id):
        """How many requests of this kind the PBX was ever sent."""
        self.capture.settle()
        sent = [Message(d.payload) for d in self.capture.between(source=ANY_CORE, destination=ADDRESS)]
        return len([m for m in sent if not m.is_response and m.method == method and m.get("Call-ID") == call_id])

    def sent_to_phone(self, status, method, call_id):
        self.capture.settle()
        sent = [Message(d.payload) for d in self.capture.between(source=ACCESS, destination=("127.1.0.1", 5080))]
        return len([m for m in sent if m.status == status and m.method == method and m.get("Call-ID") == call_id])

    def ringing(self):
        call = self.phone.invite("1002", challenged=False)
        invite, source = self.pbx.request("INVITE")
        self.pbx.send(answer(invite, 180, "Ringing", "pbx", [f"Contact: <sip:1002@{ADDRESS[0]}:{ADDRESS[1]}>"]), source)
        call.wait_status(180)
        return call, invite, source

    def established(self):
        call, invite, source = self.ringing()
        ok = answer(invite, 200, "OK", "pbx", [f"Contact: <sip:1002@{ADDRESS[0]}:{ADDRESS[1]}>"])
        self.pbx.send(ok, source)
        self.assertEqual(call.wait().status, 200)
        return call, ok, source

    def test_repeated_invite_is_answered_from_memory(self):
        call, _, _ = self.ringing()
        call.resend()
        call.resend()
        wait_for(lambda: self.sent_to_phone(180, "INVITE", call.call_id) >= 3, "both repetitions to be answered with the 180")
        self.assertEqual(self.forwarded("INVITE", call.call_id), 1)

    def test_lost_200_comes_again_with_the_pbxs_repetition(self):
        call, ok, source = self.established()
        self.pbx.send(ok, source)
        self.assertEqual(call.wait().status, 200)
        call.ack()
        ack, _ = self.pbx.request("ACK")
        self.assertEqual(ack.get("Call-ID"), call.call_id)

    def test_lost_failure_is_repeated_until_the_phone_acknowledges(self):
        call, invite, source = self.ringing()
        self.pbx.send(answer(invite, 486, "Busy Here", "pbx"), source)
        self.pbx.request("ACK")
        first = self.phone.response(call.call_id, (1, "INVITE"))
        call.resend()
        self.assertEqual((first.status, self.phone.response(call.call_id, (1, "INVITE")).status), (486, 486))
        self.assertEqual(self.forwarded("INVITE", call.call_id), 1)

    def test_repeated_bye_is_answered_from_memory(self):
        call, _, _ = self.established()
        call.ack()
        self.pbx.request("ACK")
        bye, hop = call.in_dialog("BYE")
        request, source = self.pbx.request("BYE")
        self.pbx.send(answer(request, 200, "OK"), source)
        self.assertEqual(self.phone.response(call.call_id, (call.cseq, "BYE")).status, 200)
        self.phone.send(bye, hop)
        self.assertEqual(self.phone.response(call.call_id, (call.cseq, "BYE")).status, 200)
        self.assertEqual(self.forwarded("BYE", call.call_id), 1)

    def test_request_of_a_stranger_is_sent_again_when_he_repeats_it(self):
        call = self.phone.invite("1002", challenged=False)
        first, _ = self.pbx.request("INVITE")

        def repeated():
            call.resend()
            return self.forwarded("INVITE", call.call_id) >= 2

        wait_for(repeated, "the repetition to go on")
        again, source = self.pbx.request("INVITE")
        self.assertEqual(first.data, again.data)
        self.pbx.send(answer(again, 486, "Busy Here", "pbx"), source)
        self.assertEqual(call.wait().status, 486)


if __name__ == "__main__":
    case.need("kamailio", "kamcmd", "sipp")
    case.main()
