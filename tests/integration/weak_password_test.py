"""Weak passwords seen on the wire: a real phone registers with its own name as password, and is reported or refused until that is changed."""
import os
import time

from support import case
from support.baresip import Baresip
from support.door import ACCESS, Postern, config
from support.pbx import Pbx
from support.proc import wait_for


class WeakPassword(case.Case):
    def setUp(self):
        super().setUp()
        self.pbx = self.run_until_end(Pbx(self.folder))
        self.pbx.set_password("1001", "1001")
        self.phones = 0

    def new_phone(self, password):
        """A phone of its own each time, at the same address."""
        self.phones += 1
        folder = os.path.join(self.folder, f"phone-{self.phones}")
        os.mkdir(folder)
        return self.run_until_end(Baresip(folder, "1001", "127.1.0.1", ACCESS, 440, password=password))

    def test_reported_within_a_second_and_no_more_once_it_is_changed(self):
        postern = self.run_until_end(Postern(self.folder))
        phone = self.new_phone("1001")
        phone.wait_registered()
        begun = time.monotonic()
        postern.wait_log("event=weak_password ", 1.0)
        case.measured(f"told {(time.monotonic() - begun) * 1000:.0f} ms after the registration was seen")
        self.assertRegex(postern.log(), r"warning event=weak_password detail=user_name device=1001 account=1001 message=\"its password is the user name: ")
        self.assertEqual(postern.metric("postern_weak_passwords", kind="user_name"), 1)
        phone.stop()
        self.pbx.set_password("1001", "kT9-w2.zq")
        phone = self.new_phone("kT9-w2.zq")
        phone.wait_registered()
        postern.wait_log("event=weak_password_gone device=1001 account=1001", 1.0)
        self.assertEqual(postern.metric("postern_weak_passwords"), 0)
        self.assertNotIn("kT9-w2.zq", postern.log())

    def test_refused_until_the_password_is_changed_over_a_kill_too(self):
        postern = Postern(self.folder, config(extra="weak_passwords: refuse\n"))
        self.addCleanup(postern.stop_if_alive)
        phone = self.new_phone("1001")
        phone.wait_registered()
        postern.wait_log("event=weak_password ")
        phone.stop()
        postern.kill()
        postern = self.run_until_end(Postern(self.folder, config(extra="weak_passwords: refuse\n")))
        phone = self.new_phone("1001")
        postern.wait_log("event=refused reason=weak_password ")
        wait_for(lambda: "403 Forbidden" in phone.log(), "the phone to be told")
        phone.stop()
        self.pbx.set_password("1001", "kT9-w2.zq")
        phone = self.new_phone("kT9-w2.zq")
        phone.wait_registered()
        postern.wait_log("event=weak_password_gone ")
        self.assertEqual(postern.metric("postern_weak_passwords"), 0)


if __name__ == "__main__":
    case.need("kamailio", "kamcmd", "baresip")
    case.main()
