"""Who a packet comes from: credentials that were captured, packets that are forged in a phone's name, a phone that moves."""
import os
import re
import socket
import statistics
import struct
import time

from support import case
from support.baresip import Baresip
from support.capture import Capture
from support.captured import challenge, same_nonce, send
from support.door import ACCESS, ANY_CORE, Postern, config
from support.pbx import ADDRESS, Pbx
from support.proc import wait_for
from support.relay import Relay
from support.sip import Phone, digest, new_branch
from support.talk import TONE_1001


OFTEN = "limits: {per_source: {rate: 10000/s, burst: 10000}, per_source_methods: {REGISTER: {rate: 10000/s, burst: 10000}}}\n"
MEDIANS_LIMIT_MS = float(os.environ.get("POSTERN_MEDIANS_LIMIT_MS", "0"))  # scripts/accept sets it: no test is timed


class Proof(case.Case):
    def setUp(self):
        super().setUp()
        self.pbx = self.run_until_end(Pbx(self.folder, min_expires=4))
        self.starts, self.postern = 0, None
        self.start()
        self.addCleanup(lambda: self.postern.stop_if_alive())
        self.capture = self.run_until_end(Capture())

    def start(self):
        self.starts += 1
        self.postern = Postern(self.folder, name=f"postern{self.starts}")

    def phone(self, address, **options):
        return self.run_until_end(Phone(address, ACCESS, "1001", **options))

    def reached(self, mark):
        """What reached the PBX and bears this."""
        self.capture.settle()
        return [d.payload for d in self.capture.between(source=ANY_CORE, destination=ADDRESS) if mark in d.payload]


class Captured(Proof):
    def test_captured_credentials_never_reach_the_pbx(self):
        phone, thief = self.phone(("127.1.0.1", 5080)), self.phone(("127.6.6.6", 5080))
        for_phone, for_thief = same_nonce(self, phone, thief)
        stolen = digest(for_phone, "REGISTER", f"sip:{phone.domain}", "1001", "secret1001")
        self.assertEqual(send(phone, stolen).status, 200)
        contact = self.pbx.contacts("1001")
        # As captured; with the thief's own opaque for the same nonce; without one.
        own = re.search(r'opaque="([^"]+)"', for_thief).group(1)
        tried = [stolen, re.sub(r'opaque="[^"]+"', f'opaque="{own}"', stolen), re.sub(r', opaque="[^"]+"', "", stolen)]
        for credentials in tried:
            self.assertEqual(send(thief, credentials).status, 401)
        asked = self.reached(thief.register_call_id.encode())
        self.assertEqual(len(asked), thief.register_cseq, "each reached the PBX")
        self.assertEqual([d for d in asked if b"Authorization" in d], [])
        self.assertEqual(self.pbx.contacts("1001"), contact)
        case.measured(f"{len(tried)} ways to replay in the same second, 0 of {len(asked)} requests of the thief with credentials at the PBX, its contact unchanged")

    def test_an_honest_phone_answers_the_stale_challenge_by_itself(self):
        phone, moved = self.phone(("127.1.0.1", 5080)), self.phone(("127.1.0.9", 5080))
        credentials = digest(challenge(phone).get("WWW-Authenticate"), "REGISTER", f"sip:{phone.domain}", "1001", "secret1001")
        refused = send(moved, credentials)
        self.assertEqual(refused.status, 401)
        self.assertIn("stale=true", refused.get("WWW-Authenticate"))
        again = digest(refused.get("WWW-Authenticate"), "REGISTER", f"sip:{phone.domain}", "1001", "secret1001")
        self.assertEqual(send(moved, again).status, 200)


class Moved(Proof):
    def test_baresip_registers_again_by_itself_after_a_restart_and_a_rebind(self):
        relay = self.run_until_end(Relay(("127.1.0.254", 5060), ("127.1.1.1", 40000), ACCESS))
        baresip = self.run_until_end(Baresip(self.folder, "1001", "127.1.0.1", ("127.1.0.254", 5060), TONE_1001, refresh=4))
        baresip.wait_registered()
        first = self.pbx.contacts("1001")
        self.postern.kill()
        self.start()
        self.postern.wait_metric("postern_responses_sent_total", 1, timeout=15, status="200")
        self.assertEqual(self.pbx.contacts("1001"), first)
        relay.rebind(("127.1.1.2", 41000))
        wait_for(lambda: self.pbx.contacts("1001") != first, f"baresip to register from its new address:\n{baresip.log()[-1500:]}", 15)
        self.assertEqual(len(self.pbx.contacts("1001")), 1)
        case.measured("registered after kill -9 and from another address, 1 contact each time, the new one last")


class Forged(Proof):
    PACKETS, A_SECOND = int(os.environ.get("POSTERN_FORGED_PACKETS", "80")), 20

    def forgery(self, number):
        """One of what is forged in the phone's name: a REGISTER for a challenge, made-up credentials, a broken message, a scanner's."""
        phone = ("127.1.0.1", 5080)
        credentials = f'Authorization: Digest username="1001",realm="asterisk",nonce="x{number}",uri="sip:x",response="{"0" * 32}",opaque="made up"\r\n'
        extra, agent, version = [("", "phone", "2.0"), (credentials, "phone", "2.0"), ("CSeq: 2 INVITE\r\n", "phone", "2.0"), ("", "friendly-scanner", "2.0")][number % 4]
        return (f"REGISTER sip:{ACCESS[0]} SIP/{version}\r\nVia: SIP/2.0/UDP {phone[0]}:{phone[1]};branch={new_branch()};rport\r\nMax-Forwards: 70\r\n"
                f"From: <sip:1001@{ACCESS[0]}>;tag=forged\r\nTo: <sip:1001@{ACCESS[0]}>\r\nCall-ID: forged-{number}\r\nCSeq: 1 REGISTER\r\n{extra}"
                f"Contact: <sip:1001@192.0.2.66>\r\nUser-Agent: {agent}\r\nContent-Length: 0\r\n\r\n").encode()

    def test_forged_packets_ban_nobody_and_get_three_times_their_bytes(self):
        phone, other = self.phone(("127.1.0.1", 5080)), self.phone(("127.1.0.1", 6080))
        self.assertEqual(phone.register().status, 200)
        contact = self.pbx.contacts("1001")
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
        self.addCleanup(raw.close)
        raw.bind(("127.1.0.1", 0))
        sent, refreshes, begin = 0, 0, time.monotonic()
        for number in range(self.PACKETS):
            payload = self.forgery(number)
            raw.sendto(struct.pack("!HHHH", 5080, ACCESS[1], 8 + len(payload), 0) + payload, (ACCESS[0], 0))
            sent += len(payload)
            phone.listen_until(begin + (number + 1) / self.A_SECOND)
            if number % 30 == 29:
                self.assertEqual(phone.register().status, 200, "the phone's own refresh")
                refreshes += 1
        self.postern.wait_metric("postern_packets_total", self.PACKETS)
        self.assertEqual(phone.invite("1999", challenged=True).wait().status // 100, 4, "its calls are judged by the PBX")
        answers = sum(len(m.data) for m, _ in phone.seen if m.is_response and (m.get("Call-ID") or "").startswith("forged-"))
        self.assertLessEqual(answers, 3 * sent)
        self.assertGreater(answers, 0)
        self.assertEqual(self.pbx.contacts("1001"), contact)
        self.assertEqual(self.postern.metric("postern_registrations"), 1)
        self.assertEqual(sum(self.postern.metric("postern_evictions_total", table=t) for t in ("registrations", "sources", "bans")), 0)
        # Nobody is silenced for it, not even a phone that comes back on another port.
        self.assertEqual(self.postern.metric("postern_bans_total"), 0)
        self.assertEqual(other.register().status, 200)
        case.measured(f"{self.PACKETS} forged at {self.A_SECOND}/s, {sent} bytes, {answers} bytes of answers ({answers / sent:.2f} times), {refreshes} of {refreshes} refreshes, "
                      "0 bans, 0 evictions, contact unchanged")


class Alike(case.Case):
    """A PBX that answers 404 to whom it does not know."""

    PAIRS = 40

    def setUp(self):
        super().setUp()
        self.pbx = self.run_until_end(Pbx(self.folder, unknown_user=404))
        self.postern = self.run_until_end(Postern(self.folder, config(extra=OFTEN + "jail: off\n")))

    def try_out(self, user, number):
        """(status, header names, seconds) of both answers to a REGISTER with a wrong password."""
        phone = self.run_until_end(Phone((f"127.6.{number // 200}.{number % 200 + 1}", 5080), ACCESS, user, password="wrong"))
        begin = time.monotonic()
        response = phone.register()
        return response.status, [[h.name for h in m.headers] for m, _ in phone.seen], time.monotonic() - begin

    def test_unknown_user_and_wrong_password_look_the_same(self):
        self.run_until_end(Phone(("127.1.0.1", 5080), ACCESS, "1001")).register()
        known, unknown = [], []
        for number in range(self.PAIRS):
            known.append(self.try_out("1002", 2 * number))
            unknown.append(self.try_out(f"77{number:02}", 2 * number + 1))
        self.assertEqual({(status, str(names)) for status, names, _ in known}, {(status, str(names)) for status, names, _ in unknown})
        self.assertEqual({status for status, _, _ in known}, {401})
        self.assertEqual(self.pbx.log().count("7701@"), 2, "the PBX was asked, and said 404")
        apart = statistics.median(seconds for _, _, seconds in known) - statistics.median(seconds for _, _, seconds in unknown)
        if MEDIANS_LIMIT_MS:
            self.assertLess(abs(apart) * 1000, MEDIANS_LIMIT_MS)
        case.measured(f"{self.PAIRS} interleaved pairs: status and headers alike, medians {abs(apart) * 1e6:.0f} us apart")


if __name__ == "__main__":
    case.main()
