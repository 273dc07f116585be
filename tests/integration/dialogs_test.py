"""Dialogs with all that is in them, between SIPp and SIPp, through Postern and a PBX that is a proxy and rewrites Contacts."""
from support import case
from support.door import ACCESS, Postern
from support.pbx import ADDRESS, TRUNK, Pbx
from support.sip import Phone
from support.sipp import Sipp


class Dialogs(case.Case):
    def setUp(self):
        super().setUp()
        self.pbx = self.run_until_end(Pbx(self.folder))
        self.postern = self.run_until_end(Postern(self.folder))

    def register(self, address):
        """SIPp is the phone that this one registers."""
        phone = Phone(address, ACCESS)
        self.addCleanup(phone.stop)
        self.assertEqual(phone.register().status, 200)
        phone.stop()

    def test_phone_calls(self):
        called = self.run_until_end(Sipp(self.folder, "dialog_called", TRUNK)).wait_bound()
        self.run_until_end(Sipp(self.folder, "dialog_caller", ("127.1.0.3", 5080), ACCESS, caller="1001", number="2001")).finish()
        called.finish()

    def test_phone_is_called(self):
        self.register(("127.1.0.1", 5080))
        called = self.run_until_end(Sipp(self.folder, "dialog_called", ("127.1.0.1", 5080))).wait_bound()
        self.run_until_end(Sipp(self.folder, "dialog_caller", TRUNK, ADDRESS, caller="7000", number="1001")).finish()
        called.finish()

    def test_phone_subscribes(self):
        notifier = self.run_until_end(Sipp(self.folder, "notifier", TRUNK)).wait_bound()
        self.run_until_end(Sipp(self.folder, "subscriber", ("127.1.0.3", 5080), ACCESS, caller="1001", number="2001")).finish()
        notifier.finish()


if __name__ == "__main__":
    case.need("kamailio", "kamcmd", "sipp")
    case.main()
