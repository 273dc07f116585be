"""A PBX behind an edge router: between phone and PBX there is no way but the RTP range that the router forwards."""
import re

from support import case, talk
from support.baresip import Baresip
from support.capture import Capture
from support.door import Postern, config
from support.networks import Network, forward_rtp, forwarded
from support.pbx import Pbx
from support.proc import wait_for

PUBLIC, PHONE = "203.0.113.10", "203.0.113.7"
ROUTER, PBX = "10.0.0.2", "10.0.0.5"
ACCESS, CORE, PBX_SIP = (PUBLIC, 5060), (ROUTER, 5080), (PBX, 15077)


def with_media_address(address):
    return config(PBX_SIP, ACCESS, CORE).replace("pbx: {", f"pbx: {{media_address: {address}, " if address else "pbx: {")


class Media(case.Case):
    """Postern runs on the router. The far end of the calls is a phone beside the PBX, which stands for the PBX's own RTP."""

    def setUp(self):
        super().setUp()
        outside = self.run_until_end(Network(self.folder, "outside", PHONE, PUBLIC))
        inside = self.run_until_end(Network(self.folder, "inside", PBX, ROUTER, gateway=True))
        forward_rtp("outside", "inside", PUBLIC, PBX)
        self.assertFalse(outside.reaches(PBX))
        self.run_until_end(Pbx(self.folder, PBX_SIP, within=inside.enter))
        self.networks = outside, inside

    def phones(self):
        outside, inside = self.networks
        phone = self.run_until_end(Baresip(self.folder, "1001", PHONE, ACCESS, talk.TONE_1001, within=outside.enter))
        far = self.run_until_end(Baresip(self.folder, "1002", PBX, PBX_SIP, talk.TONE_1002, within=inside.enter))
        phone.wait_registered()
        far.wait_registered()
        return phone, far

    def test_audio_both_ways_through_the_forwarded_range(self):
        postern = self.run_until_end(Postern(self.folder, with_media_address(PUBLIC)))
        leaving = self.run_until_end(Capture("outside", outgoing=True))
        phone, far = self.phones()
        for caller, called in ((phone, far), (far, phone)):
            caller.dial(called.user)
            called.wait_event("CALL_ESTABLISHED")
            caller.wait_event("CALL_ESTABLISHED")
            shares = phone.wait_tone(talk.TONE_1002), far.wait_tone(talk.TONE_1001)
            caller.hang_up()
            called.wait_event("CALL_CLOSED")
            caller.wait_event("CALL_CLOSED")
        case.measured(f"a call each way: phone hears {shares[0]:.2f} of the PBX's tone, PBX {shares[1]:.2f} of the phone's; "
                      f"{forwarded('heard')} and {forwarded('spoken')} RTP packets through the router")
        sip = [datagram.payload for datagram in leaving.all() if datagram.source == ACCESS]
        self.assertTrue(any(f"c=IN IP4 {PUBLIC}".encode() in payload for payload in sip))
        self.assertEqual([payload for payload in sip if PBX.encode() in payload or ROUTER.encode() in payload], [], "SDP included")
        self.assertNotIn("no_audio_likely", postern.log())

    def test_without_it_the_log_says_why_nothing_is_heard_and_a_reload_mends_it(self):
        postern = self.run_until_end(Postern(self.folder, with_media_address(None)))
        phone, far = self.phones()
        phone.dial("1002")
        phone.wait_event("CALL_ESTABLISHED")
        far.wait_event("CALL_ESTABLISHED")
        postern.wait_log("event=no_audio_likely")
        self.assertEqual(re.findall(r"event=no_audio_likely source=(\S+) device=(\S+) .*detail=(\S+)", postern.log()), [(f"{PHONE}:5080", "1001", PBX)])
        wait_for(lambda: forwarded("spoken") > 10, "the PBX to speak")
        self.assertEqual(forwarded("heard"), 0, "the phone has no way to where it was told to send")
        phone.hang_up()
        far.wait_event("CALL_CLOSED")
        phone.wait_event("CALL_CLOSED")
        self.assertEqual(postern.reload(with_media_address(PUBLIC)), "applied")
        talk.call(phone, far, talk.TONE_1001, talk.TONE_1002)


if __name__ == "__main__":
    case.need("kamailio", "kamcmd", "baresip", "ip", "nft", "nsenter")
    case.main()
