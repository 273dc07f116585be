"""kill -9, and an end as systemd makes it under a flood, in a call and while a phone rings: started again, Postern brings every message where it belongs.

POSTERN_CALLS: how many calls of each kind that end meets (4); POSTERN_CALLS_FLOOD: the flood's packets a second (1000)."""
import os
import re
import time

from support import case
from support.baresip import Baresip
from support.capture import Capture
from support.door import ACCESS, CORE, Postern, config
from support.pbx import ADDRESS, Pbx
from support.proc import Process, wait_for
from support.sip import Phone, Socket, answer, new_branch, sdp
from support.talk import TONE_1001, TONE_1002

WITHIN = 2.0  # seconds from the kill to the new one's answering
CALLS = int(os.environ.get("POSTERN_CALLS", "4"))
FLOOD = int(os.environ.get("POSTERN_CALLS_FLOOD", "1000"))


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
    starts = 0

    def setUp(self):
        super().setUp()
        self.pbx = self.run_until_end(Socket(ADDRESS))
        self.phone = self.run_until_end(Phone(("127.1.0.1", 5062), ACCESS))
        self.start()
        self.addCleanup(lambda: self.postern.stop_if_alive())
        self.contact = f"Contact: <sip:asterisk@{ADDRESS[0]}:{ADDRESS[1]}>"

    def start(self):
        """One phone makes all calls: no limit is to be what this is about."""
        self.starts += 1
        self.postern = Postern(self.folder, config(extra="limits: {per_source: off, unknown_sources: off, per_source_methods: {INVITE: off}}"), name=f"postern{self.starts}")

    def flood(self):
        """Scanners of many addresses, none of which is answered."""
        path = os.path.join(self.folder, "scanner.txt")
        with open(path, "w", newline="") as file:
            file.write(f"OPTIONS sip:{ACCESS[0]} SIP/2.0\r\nVia: SIP/2.0/UDP 127.64.0.1:5060;branch=z9hG4bKf{{n}}\r\nMax-Forwards: 70\r\nFrom: <sip:1@{ACCESS[0]}>;tag=f\r\n"
                       f"To: <sip:1@{ACCESS[0]}>\r\nCall-ID: flood-{{n}}\r\nCSeq: 1 OPTIONS\r\nUser-Agent: friendly-scanner\r\nContent-Length: 0\r\n\r\n")
        self.run_until_end(Process("flood", [os.environ["POSTERN_FLOOD"], *ACCESS, FLOOD * 60, "127.64.0.0/18", path, FLOOD], self.folder))
        self.flooded()

    def flooded(self):
        self.postern.wait_metric("postern_messages_refused_total", FLOOD)

    def from_pbx(self, method, invite, cseq):
        """The bytes of an in-dialog request of the PBX to who sent it `invite`."""
        to = f"{invite.get('To')};tag=pbx"
        body = sdp(ADDRESS[0], 30000) if method == "INVITE" else ""
        return (f"{method} {invite.contact_uri()} SIP/2.0\r\nVia: SIP/2.0/UDP {ADDRESS[0]}:{ADDRESS[1]};rport;branch={new_branch()}\r\nMax-Forwards: 70\r\n"
                f"From: {to}\r\nTo: {invite.get('From')}\r\nCall-ID: {invite.get('Call-ID')}\r\nCSeq: {cseq} {method}\r\n{self.contact}\r\n"
                + ("Content-Type: application/sdp\r\n" if body else "") + f"Content-Length: {len(body)}\r\n\r\n{body}")

    def ring(self):
        """(call, its INVITE as the PBX got it, whence) of a call that the PBX lets ring."""
        call = self.phone.invite("1002", challenged=False)
        invite, source = self.pbx.request("INVITE", call_id=call.call_id)
        self.pbx.send(answer(invite, 180, "Ringing", "pbx", [self.contact]), source)
        call.wait_status(180)
        return call, invite, source

    def accept(self, call, invite, source):
        self.pbx.send(answer(invite, 200, "OK", "pbx", [self.contact], sdp(ADDRESS[0], 30000)), source)
        call.wait()
        call.ack()
        self.pbx.request("ACK", call_id=call.call_id)

    def establish(self):
        ringing = self.ring()
        self.accept(*ringing)
        return ringing

    def answered_by_phone(self, method, invite, cseq):
        self.pbx.send(self.from_pbx(method, invite, cseq), CORE)
        request, source = self.phone.request(method, call_id=invite.get("Call-ID"))
        self.phone.send(answer(request, 200, "OK", headers=[f"Contact: {self.phone.contact}"]), source)
        self.pbx.take(lambda m: m.is_response and m.status == 200 and m.get("CSeq") == f"{cseq} {method}" and m.get("Call-ID") == invite.get("Call-ID"), f"200 to {method}")

    def answered_by_pbx(self, call, method, body=""):
        call.in_dialog(method, body=body)
        request, source = self.pbx.request(method, call_id=call.call_id)
        self.pbx.send(answer(request, 200, "OK", headers=[self.contact]), source)
        self.assertEqual(self.phone.response(call.call_id, (call.cseq, method)).status, 200)

    def held_and_ended(self, call, invite, by_phone):
        """A re-INVITE from each side, and the end from one."""
        self.answered_by_pbx(call, "INVITE", sdp(self.phone.host, 30002))
        call.ack()
        self.pbx.request("ACK", call_id=call.call_id)
        self.answered_by_phone("INVITE", invite, 7)
        if by_phone:
            self.answered_by_pbx(call, "BYE")
        else:
            self.answered_by_phone("BYE", invite, 8)

    def test_a_call_goes_on_and_is_ended_from_each_side(self):
        calls = [self.establish() for _ in range(2)]
        self.postern.kill()
        self.start()
        for number, (call, invite, _) in enumerate(calls):
            self.held_and_ended(call, invite, by_phone=number % 2)
        case.measured("re-INVITE and BYE of calls from before the kill, from each side, are answered")

    def test_sigterm_in_a_flood_leaves_every_call_in_the_hands_of_its_ends(self):
        self.flood()
        talking, ringing, given_up = ([make() for _ in range(CALLS)] for make in (self.establish, self.ring, self.ring))
        self.postern.stop()
        self.start()
        self.flooded()  # it goes on
        for rings in ringing:
            self.accept(*rings)
        for number, (call, invite, _) in enumerate(talking + ringing):
            self.held_and_ended(call, invite, by_phone=number % 2)
        for call, _, _ in given_up:
            call.cancel()
            self.pbx.request("CANCEL", call_id=call.call_id)
        case.measured(f"SIGTERM in a flood of {FLOOD:,}/s: {len(talking)} calls held and ended from each side, {len(ringing)} that rang answered, held and ended, {len(given_up)} given up: no message lost")


if __name__ == "__main__":
    case.need("kamailio", "kamcmd", "baresip")
    case.main()
