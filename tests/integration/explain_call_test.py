"""`postern explain --pcap` over calls: their tokens are those of the Postern whose state folder the configuration names."""
import json
import os

from support import case
from support.capture import Capture
from support.door import ACCESS, Postern, config, run
from support.pbx import ADDRESS
from support.pcap import pcap
from support.sip import Phone, Socket, answer, sdp


class ExplainCall(case.Case):
    def setUp(self):
        super().setUp()
        self.pbx = self.run_until_end(Socket(ADDRESS))
        self.phone = self.run_until_end(Phone(("127.1.0.1", 5062), ACCESS))
        self.postern = self.run_until_end(Postern(self.folder))
        self.contact = f"Contact: <sip:asterisk@{ADDRESS[0]}:{ADDRESS[1]}>"

    def call(self):
        call = self.phone.invite("1002", challenged=False)
        invite, source = self.pbx.request("INVITE", call_id=call.call_id)
        self.pbx.send(answer(invite, 200, "OK", "pbx", [self.contact], sdp(ADDRESS[0], 30000)), source)
        call.wait()
        call.ack()
        self.pbx.request("ACK", call_id=call.call_id)
        call.in_dialog("BYE")
        bye, source = self.pbx.request("BYE")
        self.pbx.send(answer(bye, 200, "OK"), source)
        self.assertEqual(self.phone.response(call.call_id, (call.cseq, "BYE")).status, 200)

    def reasons(self, path, capture):
        result = run("explain", "-c", path, "--json", "--pcap", capture)
        self.assertEqual(result.returncode, 0, result.stderr)
        return {entry["method"]: entry["reason"] for entry in json.loads(result.stdout)}, result.stderr

    def test_requests_in_a_call_are_judged_by_its_token(self):
        seen = self.run_until_end(Capture())
        self.call()
        seen.settle()
        path = os.path.join(self.folder, "call.pcap")
        pcap(path, [(1, datagram.source, datagram.destination, datagram.payload) for datagram in seen.all()])
        reasons, _ = self.reasons(self.postern.path, path)
        self.assertEqual(reasons, {"INVITE": "forwarded", "ACK": "forwarded", "BYE": "forwarded"})
        reasons, summary = self.reasons(self.write("elsewhere.yaml", config().replace("state: state", "state: elsewhere")), path)
        self.assertEqual(reasons["BYE"], "bad_token")
        self.assertIn("state folder", summary)
        self.assertFalse(os.path.exists(os.path.join(self.folder, "elsewhere")), "who only looks makes no folder")


if __name__ == "__main__":
    case.main()
