"""kill -9 in a call and while a phone rings: started again, Postern brings every message where it belongs."""
import re
import time

from support import case
from support.baresip import Baresip
from support.capture import Capture
from support.door import ACCESS, CORE, Postern
from support.pbx import ADDRESS, Pbx
from support.proc import wait_for
from support.sip import Phone, Socket, answer, new_branch, sdp
from support.talk import TONE_1001, TONE_1002

WITHIN = 2.0  # seconds from the kill to the new one's answering


class RestartRinging(case.Case):
    def setUp(self):
        super().setUp()
        self.pbx = self.run_until_end(Pbx(self.folder))
        self.postern, self.starts = None, 0
        self.start()
        self.addCleanup(lambda: self.postern.stop_if_alive())  # behind the phones: they take themselves off
        self.one = self.run_until_end(Baresip(self.folder, "1001", "127.1.0.1", ACCESS, TONE_1001))
        self.two = self.run_until_end(Baresip(self.folder, "1002", "127.1.0.2", ACCESS, TONE_1002, answer="manual"))
        self.one.wait_registered()
        self.two.wait_registered()
        self.registers = self.pbx.log().count("pbx: REGISTER")
        self.capture = self.run_until_end(Capture())

    def start(self):
        self.starts += 1
        self.postern = Postern(self.folder, name=f"postern{self.starts}")

    def kill_and_start(self):
        began = time.monotonic()
        self.postern.kill()
        self.start()
        self.assertLess(time.monotonic() - began, WITHIN)

    def ring(self):
        self.one.dial("1002")
        self.two.wait_event("CALL_INCOMING")
        self.one.wait_event("CALL_RINGING")

    def both(self, event):
        self.one.wait_event(event)
        self.two.wait_event(event)

    def reached(self, address, method):
        """How many in-dialog requests of this method a phone has got, and how many of its answers of 200 came back to who asked."""
        to_tag = re.compile(rb"^(?:To|t)\s*:[^\r]*;\s*tag=", re.I | re.M)
        asked = [d for d in self.capture.all() if d.destination[0] == address and d.payload.startswith(method + b" ") and to_tag.search(d.payload)]
        answered = [d for d in self.capture.all() if d.source == ACCESS and d.destination[0] != address and d.payload.startswith(b"SIP/2.0 200")
                    and re.search(rb"^CSeq\s*:\s*\d+ " + method, d.payload, re.M)]
        return len(asked), len(answered)

    def hold(self, who, other_address):
        """A re-INVITE from `who`, answered by the other phone."""
        asked, answered = self.reached(other_address, b"INVITE")
        who.command("hold")
        wait_for(lambda: (lambda now: now[0] > asked and now[1] > answered)(self.reached(other_address, b"INVITE")), "the re-INVITE and its 200 to arrive")

    def test_the_200_of_a_phone_that_rang_arrives_and_the_call_goes_on(self):
        self.ring()
        self.kill_and_start()
        self.two.command("accept")
        self.both("CALL_ESTABLISHED")
        self.two.wait_tone(TONE_1001)
        self.hold(self.one, "127.1.0.2")
        self.two.hang_up()
        self.one.wait_event("CALL_CLOSED")
        # Called again, without having registered anew.
        self.ring()
        self.assertEqual(self.pbx.log().count("pbx: REGISTER"), self.registers)
        case.measured("the 200 of a phone that rang arrives, and re-INVITE and BYE behind it; called without a new REGISTER")

    def test_a_caller_who_gives_up_ends_the_ringing(self):
        self.ring()
        self.kill_and_start()
        self.one.hang_up()
        self.two.wait_event("CALL_CLOSED")
        self.ring()
        self.kill_and_start()
        self.two.hang_up()  # declines
        self.one.wait_event("CALL_CLOSED")
        case.measured("CANCEL and a final failure arrive")

    def test_an_established_call_goes_on_and_is_ended_from_each_side(self):
        for last in (self.one, self.two):
            self.ring()
            self.two.command("accept")
            self.both("CALL_ESTABLISHED")
            self.kill_and_start()
            self.hold(self.one, "127.1.0.2")
            self.hold(self.two, "127.1.0.1")
            last.hang_up()
            self.both("CALL_CLOSED")
        case.measured("established calls between phones: re-INVITE from each side is answered, BYE from each side ends them")


class RestartInCall(case.Case):
    """A PBX that is an end of each dialog, as Asterisk is, and a phone, both of a few lines."""

    def setUp(self):
        super().setUp()
        self.pbx = self.run_until_end(Socket(ADDRESS))
        self.phone = self.run_until_end(Phone(("127.1.0.1", 5062), ACCESS))
        self.postern = Postern(self.folder)
        self.addCleanup(lambda: self.postern.stop_if_alive())
        self.contact = f"Contact: <sip:asterisk@{ADDRESS[0]}:{ADDRESS[1]}>"

    def kill_and_start(self):
        self.postern.kill()
        self.postern = Postern(self.folder, name="postern2")

    def from_pbx(self, method, invite, cseq):
        """The bytes of an in-dialog request of the PBX to who sent it `invite`."""
        to = f"{invite.get('To')};tag=pbx"
        body = sdp(ADDRESS[0], 30000) if method == "INVITE" else ""
        return (f"{method} {invite.contact_uri()} SIP/2.0\r\nVia: SIP/2.0/UDP {ADDRESS[0]}:{ADDRESS[1]};rport;branch={new_branch()}\r\nMax-Forwards: 70\r\n"
                f"From: {to}\r\nTo: {invite.get('From')}\r\nCall-ID: {invite.get('Call-ID')}\r\nCSeq: {cseq} {method}\r\n{self.contact}\r\n"
                + ("Content-Type: application/sdp\r\n" if body else "") + f"Content-Length: {len(body)}\r\n\r\n{body}")

    def establish(self):
        call = self.phone.invite("1002", challenged=False)
        invite, source = self.pbx.request("INVITE", call_id=call.call_id)
        self.pbx.send(answer(invite, 200, "OK", "pbx", [self.contact], sdp(ADDRESS[0], 30000)), source)
        call.wait()
        call.ack()
        self.pbx.request("ACK", call_id=call.call_id)
        return call, invite, source

    def answered_by_phone(self, method, invite, cseq):
        self.pbx.send(self.from_pbx(method, invite, cseq), CORE)
        request, source = self.phone.request(method)
        self.phone.send(answer(request, 200, "OK", headers=[f"Contact: {self.phone.contact}"]), source)
        self.pbx.take(lambda m: m.is_response and m.status == 200 and m.method == method, f"200 to {method}")

    def answered_by_pbx(self, call, method, body=""):
        call.in_dialog(method, body=body)
        request, source = self.pbx.request(method)
        self.pbx.send(answer(request, 200, "OK", headers=[self.contact]), source)
        self.assertEqual(self.phone.response(call.call_id, (call.cseq, method)).status, 200)

    def test_a_call_goes_on_and_is_ended_from_each_side(self):
        first, first_invite, _ = self.establish()
        second, second_invite, _ = self.establish()
        self.kill_and_start()
        self.answered_by_pbx(first, "INVITE", sdp(self.phone.host, 30002))
        first.ack()
        self.pbx.request("ACK", call_id=first.call_id)
        self.answered_by_phone("INVITE", first_invite, 7)
        self.answered_by_phone("BYE", first_invite, 8)
        self.answered_by_pbx(second, "BYE")
        case.measured("re-INVITE and BYE of a call from before the kill, from each side, are answered")


if __name__ == "__main__":
    case.need("kamailio", "kamcmd", "baresip")
    case.main()
