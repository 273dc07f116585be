"""Real phones register through Postern, talk, hold and transfer."""
from support import baresip, case, talk
from support.door import ACCESS, Postern
from support.pbx import Pbx


class Baresip(case.Case):
    def test_they_register_talk_both_ways_and_hang_up_from_each_side(self):
        pbx = self.run_until_end(Pbx(self.folder))
        self.run_until_end(Postern(self.folder))
        one, two = talk.phones(self, ACCESS)
        for user in ("1001", "1002"):
            self.assertEqual(len(pbx.contacts(user)), 1)
        talk.both_hang_up_ways(one, two)
        case.measured("2 calls, audio heard both ways, one ended by each side")

    def test_hold_and_blind_transfer(self):
        self.run_until_end(Pbx(self.folder))
        postern = self.run_until_end(Postern(self.folder))
        one, two = talk.phones(self, ACCESS)
        three = self.run_until_end(baresip.Baresip(self.folder, "1003", "127.1.0.3", ACCESS, talk.TONE_1003))
        three.wait_registered()
        talk.call(one, two, talk.TONE_1001, talk.TONE_1002)
        invites = postern.metric("postern_messages_forwarded_total", side="access", method="INVITE")
        two.hold()
        two.resume()
        postern.wait_metric("postern_messages_forwarded_total", invites + 2, side="access", method="INVITE")
        one.transfer("1003")
        three.wait_event("CALL_ESTABLISHED")
        two.wait_event("CALL_ESTABLISHED")
        three.wait_tone(talk.TONE_1002)
        two.wait_tone(talk.TONE_1003)
        three.hang_up()
        two.wait_event("CALL_CLOSED")


if __name__ == "__main__":
    case.need("kamailio", "kamcmd", "baresip")
    case.main()
