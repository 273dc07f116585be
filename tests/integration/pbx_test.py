"""The stand-in PBX and the phones by themselves, without Postern: what the other tests take for granted."""
import math

from support import case, talk
from support.baresip import goertzel
from support.capture import Capture
from support.pbx import ADDRESS, TRUNK, Pbx
from support.sip import Phone, answer
from support.sipp import Sipp


class StandInPbx(case.Case):
    def setUp(self):
        super().setUp()
        self.pbx = self.run_until_end(Pbx(self.folder))

    def phone(self, address, user="1001", **options):
        return self.run_until_end(Phone(address, ADDRESS, user, **options))

    def test_challenges_and_registers(self):
        phone = self.phone(("127.1.0.1", 5080))
        self.assertEqual(phone.register(authenticate=False).status, 401)
        self.assertEqual(phone.register().status, 200)
        self.assertEqual(self.pbx.contacts("1001"), ["sip:1001@127.1.0.1:5080"])

    def test_contact_becomes_the_packets_source_and_keeps_user_and_parameters(self):
        phone = self.phone(("127.1.0.1", 5080))
        phone.register(contact="<sip:1001~tOkEn@192.0.2.1:9;ob>;expires=90")
        self.assertEqual(self.pbx.contacts("1001"), ["sip:1001~tOkEn@127.1.0.1:5080;ob"])

    def test_new_contact_takes_the_old_ones_place(self):
        phone = self.phone(("127.1.0.1", 5080))
        phone.register(contact="<sip:1001~a@127.1.0.1:5080>")
        phone.register(contact="<sip:1001~b@127.1.0.1:5080>")
        self.assertEqual(self.pbx.contacts("1001"), ["sip:1001~b@127.1.0.1:5080"])

    def test_new_contact_first_and_old_one_expired_leave_the_new_one(self):
        phone = self.phone(("127.1.0.1", 5080))
        phone.register(contact="<sip:1001~a@127.1.0.1:5080>")
        response = phone.register(contact="<sip:1001~b@127.1.0.1:5080>, <sip:1001~a@127.1.0.1:5080>;expires=0")
        self.assertEqual(response.status, 200)
        self.assertEqual(self.pbx.contacts("1001"), ["sip:1001~b@127.1.0.1:5080"])

    def test_unregisters_one_and_all(self):
        phone = self.phone(("127.1.0.1", 5080))
        for contact in (True, "*"):
            phone.register()
            self.assertEqual(len(self.pbx.contacts("1001")), 1)
            self.assertEqual(phone.register(expires=0, contact=contact).status, 200)
            self.assertEqual(self.pbx.contacts("1001"), [])

    def test_unknown_user_and_wrong_password_look_the_same(self):
        answers = []
        for number, options in enumerate(({"user": "1001", "password": "wrong"}, {"user": "7777"})):
            answers.append(self.phone((f"127.1.0.{number + 1}", 5080), **options).register())
        self.assertEqual([a.status for a in answers], [401, 401])
        self.assertEqual([h.name for h in answers[0].headers], [h.name for h in answers[1].headers])

    def test_extension_calls_extension(self):
        one, two = self.phone(("127.1.0.1", 5080)), self.phone(("127.1.0.2", 5080), "1002")
        one.register()
        two.register()
        call = one.invite("1002")
        request, source = two.request("INVITE")
        self.assertEqual(request.contact_uri(), "sip:1001@127.1.0.1:5080")
        two.send(answer(request, 200, "OK", "two", [f"Contact: {two.contact}"]), source)
        self.assertEqual(call.wait().status, 200)
        call.ack()
        two.request("ACK")
        self.assertEqual(call.hang_up(two).status, 200)

    def test_sipp_calls_through_it(self):
        uas = self.run_until_end(Sipp(self.folder, "uas", TRUNK)).wait_bound()
        uac = self.run_until_end(Sipp(self.folder, "uac", ("127.1.0.3", 5080), ADDRESS, caller="1001", number="2001"))
        uac.finish()
        uas.finish()

    def test_sipp_registers(self):
        self.run_until_end(Sipp(self.folder, "register", ("127.1.0.3", 5080), ADDRESS, caller="1003")).finish()
        self.assertEqual(self.pbx.contacts("1003"), ["sip:1003@127.1.0.3:5080;transport=udp"])

    def test_baresip_talks_both_ways(self):
        one, two = talk.phones(self, ADDRESS)
        talk.both_hang_up_ways(one, two)

    def test_capture_sees_each_datagram_once(self):
        capture = self.run_until_end(Capture())
        phone = self.phone(("127.1.0.1", 5080))
        phone.register()
        capture.settle()
        self.assertEqual(len(capture.between(source=("127.1.0.1", 5080))), 2)
        self.assertEqual(len(capture.between(source=ADDRESS)), 2)


class Tone(case.Case):
    def test_goertzel_tells_tones_apart(self):
        samples = [int(9000 * math.sin(2 * math.pi * 440 * n / 8000)) for n in range(8000)]
        self.assertGreater(goertzel(samples, 440), 0.95)
        self.assertLess(goertzel(samples, 1150), 0.05)


if __name__ == "__main__":
    case.need("kamailio", "kamcmd", "baresip", "sipp")
    case.main()
