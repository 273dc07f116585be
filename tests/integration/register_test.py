"""Registrations through Postern: what the PBX holds afterwards."""
import re

from support import case
from support.door import ACCESS, CORES, Postern, config
from support.pbx import Pbx
from support.sip import Phone, host_port, parameter, uri_of
from support.sipp import Sipp

# These tests register far more often than a phone does.
OFTEN = "limits: {per_source: {rate: 10000/s, burst: 10000}, per_source_methods: {REGISTER: {rate: 10000/s, burst: 10000}}}\n"


class Register(case.Case):
    def setUp(self):
        super().setUp()
        self.pbx = self.run_until_end(Pbx(self.folder))
        self.postern = self.run_until_end(Postern(self.folder, config(extra=OFTEN)))

    def phone(self, address=("127.1.0.1", 5080), user="1001", **options):
        return self.run_until_end(Phone(address, ACCESS, user, **options))

    def only_contact(self, user="1001"):
        contacts = self.pbx.contacts(user)
        self.assertEqual(len(contacts), 1, contacts)
        return contacts[0]

    def test_one_contact_that_names_postern_and_carries_a_token(self):
        response = self.phone().register()
        self.assertEqual(response.status, 200)
        contact = self.only_contact()
        self.assertRegex(contact, rf"^sip:1001~[A-Za-z0-9_-]+@({'|'.join(re.escape(host_port(core)) for core in CORES)})(;|$)")
        self.assertLess(len(contact), 512)

    def test_the_phone_sees_its_own_contact_in_the_200(self):
        response = self.phone().register(contact="<sip:1001@127.1.0.1:5080;line=ab12>;+sip.instance=\"<urn:uuid:1>\"")
        self.assertEqual([uri_of(value) for value in response.all("Contact")], ["sip:1001@127.1.0.1:5080;line=ab12"])
        self.assertGreater(int(parameter(response.get("Contact"), "expires")), 0)

    def test_wrong_password_leaves_no_contact(self):
        self.assertEqual(self.phone(password="wrong").register().status, 401)
        self.assertEqual(self.pbx.contacts("1001"), [])

    def test_twenty_refreshes_leave_one_unchanged_contact(self):
        phone = self.phone()
        phone.register()
        first = self.only_contact()
        for _ in range(20):
            self.assertEqual(phone.register().status, 200)
            self.assertEqual(self.only_contact(), first)
        case.measured("20 refreshes, after each 1 contact, unchanged")

    def test_rebinding_leaves_the_new_contact_alone(self):
        old = self.phone()
        old.register()
        first = self.only_contact()
        new = self.phone(("127.1.0.1", 6080))
        new.register_call_id, new.register_cseq, new.tag, new.contact = old.register_call_id, old.register_cseq, old.tag, old.contact
        self.assertEqual(new.register().status, 200)
        self.assertNotEqual(self.only_contact(), first)
        case.measured("1 contact after the rebinding, the new")

    def test_rebinding_to_another_address_leaves_the_new_contact_alone(self):
        old = self.phone()
        old.register()
        first = self.only_contact()
        new = self.phone(("127.1.0.9", 5080))
        new.register_call_id, new.register_cseq, new.tag, new.contact = old.register_call_id, old.register_cseq, old.tag, old.contact
        self.assertEqual(new.register().status, 200)
        self.assertNotEqual(self.only_contact(), first)
        case.measured("1 contact after the rebinding, the new")

    def test_after_a_rebinding_calls_go_to_the_new_place(self):
        old = self.phone()
        old.register()
        new = self.phone(("127.1.0.1", 6080))
        new.register_call_id, new.register_cseq, new.tag, new.contact = old.register_call_id, old.register_cseq, old.tag, old.contact
        new.register()
        self.phone(("127.1.0.2", 5080), "1002").invite("1001")
        new.request("INVITE")
        self.assertEqual([m for m in old.drain() if m.method == "INVITE"], [])

    def test_unregister(self):
        phone = self.phone()
        phone.register()
        self.only_contact()
        self.assertEqual(phone.register(expires=0).status, 200)
        self.assertEqual(self.pbx.contacts("1001"), [])

    def test_unregister_all_with_a_star(self):
        phone = self.phone()
        phone.register()
        self.only_contact()
        self.assertEqual(phone.register(expires=0, contact="*").status, 200)
        self.assertEqual(self.pbx.contacts("1001"), [])

    def test_a_register_without_contact_asks_only(self):
        phone = self.phone()
        phone.register()
        before = self.only_contact()
        response = phone.register(contact=False)
        self.assertEqual(response.status, 200)
        self.assertEqual([uri_of(value) for value in response.all("Contact")], ["sip:1001@127.1.0.1:5080"])
        self.assertEqual(self.only_contact(), before)

    def test_registrations_are_counted(self):
        self.phone().register()
        self.phone(("127.1.0.2", 5080), "1002").register()
        self.postern.wait_metric("postern_registrations", 2)

    def test_sipp_registers(self):
        self.run_until_end(Sipp(self.folder, "register", ("127.1.0.3", 5080), ACCESS, caller="1003")).finish()
        self.only_contact("1003")


if __name__ == "__main__":
    case.need("kamailio", "kamcmd", "sipp")
    case.main()
