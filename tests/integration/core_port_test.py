"""The core port hears only the PBX, and what the PBX may ask there."""
from support import case
from support.capture import Capture
from support.door import ACCESS, CORE, CORES, Postern
from support.pbx import ADDRESS
from support.sip import Phone, Socket, answer, new_branch


class CorePort(case.Case):
    def setUp(self):
        super().setUp()
        self.pbx = self.run_until_end(Socket(ADDRESS))
        self.postern = self.run_until_end(Postern(self.folder))
        self.capture = self.run_until_end(Capture())

    def request(self, method, uri, call_id, sender):
        return (f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {sender.address};branch={new_branch()};rport\r\nMax-Forwards: 70\r\n"
                f"From: <sip:1002@{sender.address}>;tag=pbx\r\nTo: <{uri}>\r\nCall-ID: {call_id}\r\nCSeq: 1 {method}\r\n"
                f"Contact: <sip:1002@{sender.address}>\r\nContent-Length: 0\r\n\r\n")

    def registered_phone(self):
        """A phone, and the contact that the PBX got for it."""
        phone = self.run_until_end(Phone(("127.1.0.1", 5080), ACCESS))
        phone.send(phone.build("REGISTER", f"sip:{ACCESS[0]}", f"<sip:1001@{ACCESS[0]}>", "registration", 1, ["Expires: 300"]), ACCESS)
        request, source = self.pbx.request("REGISTER")
        self.assertIn(source, CORES)
        self.pbx.send(answer(request, 200, "OK", "pbx", [f"Contact: {request.get('Contact')};expires=300"]), source)
        self.assertEqual(phone.response("registration", (1, "REGISTER")).status, 200)
        return phone, request.contact_uri()

    def call(self, phone, contact):
        self.pbx.send(self.request("INVITE", contact, "a-call", self.pbx), CORE)
        return phone.request("INVITE")

    def test_others_are_dropped_counted_and_never_answered(self):
        _, contact = self.registered_phone()
        stranger = self.run_until_end(Socket(("127.99.0.1", 5060)))
        for uri in (contact, f"sip:1001@{CORE[0]}:{CORE[1]}"):
            stranger.send(self.request("INVITE", uri, "stranger", stranger), CORE)
        self.postern.wait_metric("postern_messages_refused_total", 2, reason="not_pbx")
        self.capture.settle()
        self.assertEqual(self.capture.between(destination=("127.99.0.1", 5060)), [])
        self.assertFalse([d for d in self.capture.between(source=ACCESS) if b"stranger" in d.payload])

    def test_another_port_of_the_pbxs_address_is_no_way_in(self):
        other = self.run_until_end(Socket(("127.99.0.2", ADDRESS[1])))
        other.send(self.request("OPTIONS", f"sip:{CORE[0]}:{CORE[1]}", "other", other), CORE)
        self.postern.wait_metric("postern_messages_refused_total", 1, reason="not_pbx")

    def test_request_without_token_gets_404(self):
        for uri in (f"sip:1001@{CORE[0]}:{CORE[1]}", f"sip:1001~{'A' * 40}@{CORE[0]}:{CORE[1]}"):
            self.pbx.send(self.request("OPTIONS", uri, uri, self.pbx), CORE)
            response, _ = self.pbx.take(lambda m: m.status == 404 and m.get("Call-ID") == uri, f"404 to {uri}")
            self.assertTrue(response.to_tag)

    def test_request_with_token_arrives_with_the_phones_own_uri(self):
        phone, contact = self.registered_phone()
        invite, source = self.call(phone, contact)
        self.assertEqual(source, ACCESS)
        self.assertEqual(invite.request_uri, phone.contact.strip("<>"))

    def test_inward_token_is_no_key_on_the_access_side(self):
        phone, contact = self.registered_phone()
        thief = self.run_until_end(Phone(("127.1.0.7", 5080), ACCESS, "1003"))
        thief.send(thief.build("OPTIONS", contact, f"<{contact}>", "thief", 1), ACCESS)
        self.postern.wait_metric("postern_messages_received_total", 1, side="access", method="OPTIONS")
        self.capture.settle()
        self.assertFalse([d for d in self.capture.between(destination=("127.1.0.1", 5080)) if b"thief" in d.payload])
        self.assertEqual(phone.drain(), [])

    def test_redirect_of_a_phone_reaches_the_pbx_as_480(self):
        phone, contact = self.registered_phone()
        invite, source = self.call(phone, contact)
        phone.send(answer(invite, 302, "Moved Temporarily", "phone", ["Contact: <sip:00881234567@192.0.2.66>"]), source)
        response, _ = self.pbx.take(lambda m: (m.status or 0) >= 200, "a final answer")
        self.assertEqual(response.status, 480)
        self.assertNotIn(b"192.0.2.66", response.data)
        phone.request("ACK")


if __name__ == "__main__":
    case.main()
