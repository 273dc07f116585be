"""Two PBXs: when the first is stopped, phones register and call by the second, and the operator is told."""
import os

from support import case
from support.door import ACCESS, CORE, Postern, config
from support.pbx import Pbx
from support.proc import Timeout, wait_for
from support.sip import Phone, answer, digest, sdp

FIRST, SECOND = ("127.77.0.5", 15077), ("127.77.0.6", 15078)
TWO = config().replace("'udp://127.77.0.5:15077'", "['udp://%s:%d', 'udp://%s:%d'], domain: pbx.internal, timeout: 1s, health_check: 2s" % (*FIRST, *SECOND))


class Failover(case.Case):
    def pbx(self, name, address):
        folder = os.path.join(self.folder, name)
        os.makedirs(folder, exist_ok=True)
        return self.run_until_end(Pbx(folder, address))

    def up(self, address):
        return self.postern.metric("postern_pbx_up", address="%s:%d" % address)

    def patiently(self, phone):
        """A REGISTER that is repeated as a phone repeats it, with its challenge."""
        aor, credentials = f"<sip:{phone.user}@{phone.domain}>", []
        while True:
            phone.register_cseq += 1
            cseq = phone.register_cseq
            request = phone.build("REGISTER", f"sip:{phone.domain}", aor, phone.register_call_id, cseq, ["Expires: 3600", *credentials])
            for _ in range(20):
                phone.send(request, ACCESS)
                try:
                    response = phone.response(phone.register_call_id, (cseq, "REGISTER"), timeout=0.5)
                    break
                except Timeout:
                    continue
            if response.status != 401 or credentials:
                return response
            credentials = ["Authorization: " + digest(response.get("WWW-Authenticate"), "REGISTER", f"sip:{phone.domain}", phone.user, phone.password)]

    def test_the_second_takes_over_and_the_first_comes_back(self):
        first, second = self.pbx("first", FIRST), self.pbx("second", SECOND)
        self.assertNotEqual(FIRST[0], CORE[0])
        self.postern = self.run_until_end(Postern(self.folder, TWO))
        one = self.run_until_end(Phone(("127.1.0.1", 5062), ACCESS, "1001"))
        two = self.run_until_end(Phone(("127.1.0.2", 5062), ACCESS, "1002"))
        self.assertEqual(one.register().status, 200)
        self.assertEqual(len(first.contacts("1001")), 1)
        self.assertEqual(second.contacts("1001"), [])

        first.stop()
        self.assertEqual(self.patiently(one).status, 200)  # the request itself goes on to the second
        self.assertEqual(len(second.contacts("1001")), 1)
        wait_for(lambda: self.up(FIRST) == 0, "the first to be known as dead", 10, 0.1)
        self.assertEqual(self.up(SECOND), 1)
        self.postern.wait_log("event=pbx_down address=%s:%d" % FIRST)
        self.assertEqual(two.register(timeout=0.9).status, 200)  # at once, by the second
        call = one.invite("1002")
        invite, source = two.request("INVITE")
        two.send(answer(invite, 200, "OK", "b", [f"Contact: {two.contact}"], sdp(two.host, 30000)), source)
        call.wait_status(200)
        call.ack()
        two.request("ACK")
        self.assertEqual(call.hang_up(two).status, 200)
        self.assertEqual(self.postern.get("/readyz")[0], 200)

        again = self.pbx("first", FIRST)
        wait_for(lambda: self.up(FIRST) == 1, "the first to be known as alive", 10, 0.1)
        self.postern.wait_log("event=pbx_up")
        self.assertEqual(one.register().status, 200)
        self.assertEqual(len(again.contacts("1001")), 1)
        case.measured("a phone registers, calls and hangs up by the second PBX; the first gets requests again once it lives")


if __name__ == "__main__":
    case.need("kamailio", "kamcmd")
    case.main()
