"""Two real phones register through Postern and talk."""
from support import case, talk
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


if __name__ == "__main__":
    case.need("kamailio", "kamcmd", "baresip")
    case.main()
