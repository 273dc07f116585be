"""Several workers: to phones, to the PBX and to whoever attacks they are one Postern, though each source meets a worker of its own."""
import json
import os
import re
import resource
import socket

from support import captured, case, door, talk
from support.capture import Capture
from support.door import ACCESS, CORE, Postern, config
from support.pbx import ADDRESS, Pbx
from support.proc import Process, wait_for
from support.sip import Phone, digest
from support.stream import closed, connect, unread

SCANNER = "rules: [{name: no evil phones, user_agent: evil, action: ban, ban_time: 1h}]\nuser_agents: {evil: [evilphone]}\n"
STREAMS = ("127.3.0.1", 5062)
OPTIONS = (b"OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/TCP 127.1.0.1;branch=z9hG4bK1\r\nFrom: <sip:a>;tag=1\r\nTo: <sip:a>\r\nCall-ID: 1\r\n"
           b"CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nUser-Agent: evilphone\r\nContent-Length: 0\r\n\r\n")
ADDRESSES = [f"127.1.0.{number}" for number in range(1, 65)]  # that all of them meet one worker is one chance in 2^63


def several(workers, extra=""):
    text = config(extra=f"workers: {workers}\n{extra}")
    return text.replace("listeners: [", f"listeners: ['tcp://{STREAMS[0]}:{STREAMS[1]}', ")


class Workers(case.Case):
    def setUp(self):
        super().setUp()
        self.pbx = self.run_until_end(Pbx(self.folder))
        self.starts = 0
        self.start(2)
        self.addCleanup(lambda: self.postern.stop_if_alive())

    def start(self, workers, extra=""):
        self.starts += 1
        self.postern = Postern(self.folder, several(workers, extra), name=f"postern{self.starts}")

    def phone(self, address, user="1001"):
        return self.run_until_end(Phone((address, 5080), ACCESS, user))

    def core_port(self, user):
        """Which worker has the phone: the PBX was given its port."""
        (contact,) = self.pbx.contacts(user)
        return int(re.search(rf"@{re.escape(CORE[0])}:(\d+)", contact).group(1))

    def one_of_each(self):
        """An address that meets the first worker, and one that meets the second."""
        found = {}
        for address in ADDRESSES:
            phone = self.phone(address, "1004")
            self.assertEqual(phone.register().status, 200)
            found.setdefault(self.core_port("1004"), address)
            self.assertEqual(phone.register(expires=0).status, 200)
            phone.stop()
            if len(found) == 2:
                self.assertEqual(set(found), {CORE[1], CORE[1] + 1})
                return found[CORE[1]], found[CORE[1] + 1]
        self.fail(f"all of {len(ADDRESSES)} addresses met one worker")

    def told(self, what):
        return json.loads(door.run(what, "-c", self.postern.path, "--json").stdout)

    def test_phones_of_two_workers_talk(self):
        one, two = talk.phones(self, ACCESS, self.one_of_each())
        self.assertEqual([self.core_port(user) for user in ("1001", "1002")], [CORE[1], CORE[1] + 1])
        talk.both_hang_up_ways(one, two)
        talk.call(one, two, talk.TONE_1001, talk.TONE_1002)
        self.assertEqual({entry["aor"] for entry in self.told("registrations")}, {"1001", "1002"})
        self.assertEqual({entry["device"] for entry in self.told("calls")}, {"1001", "1002"})
        self.assertEqual(self.postern.metric("postern_registrations"), 2)
        self.assertEqual(self.postern.metric("postern_calls"), 2)
        case.measured("3 calls between phones of two workers, audio heard both ways, each listed")

    def test_captured_credentials_are_no_good_at_another_worker(self):
        capture = self.run_until_end(Capture())
        ours, others = self.one_of_each()
        phone, thief = self.phone(ours), self.phone(others)
        for_phone, for_thief = captured.same_nonce(self, phone, thief)
        stolen = digest(for_phone, "REGISTER", f"sip:{phone.domain}", "1001", "secret1001")
        self.assertEqual(captured.send(phone, stolen).status, 200)
        contact = self.pbx.contacts("1001")
        own = re.search(r'opaque="([^"]+)"', for_thief).group(1)
        with_own_opaque = re.sub(r'opaque="[^"]+"', f'opaque="{own}"', stolen)
        self.assertEqual(captured.send(thief, with_own_opaque).status, 401)
        self.assertEqual(self.postern.metric("postern_credentials_total", standing="replayed"), 1)
        capture.settle()
        asked = [d.payload for d in capture.between(destination=ADDRESS) if thief.register_call_id.encode() in d.payload]
        self.assertEqual(len(asked), thief.register_cseq)
        self.assertEqual([payload for payload in asked if b"Authorization" in payload], [])
        self.assertEqual(self.pbx.contacts("1001"), contact)

    def test_a_device_that_comes_back_at_another_worker_leaves_one_contact(self):
        here, there = (self.phone(address) for address in self.one_of_each())
        self.assertEqual(here.register().status, 200)
        for moved, before in ((there, here), (here, there), (there, here)):
            moved.register_call_id, moved.register_cseq = before.register_call_id, before.register_cseq
            self.assertEqual(moved.register().status, 200)
            self.assertEqual(len(self.pbx.contacts("1001")), 1)
            wait_for(lambda: self.postern.metric("postern_registrations") == 1, "the other worker to forget it")
            caller = self.phone("127.1.1.3", "1003")
            talk.call_by_hand(caller, moved).hang_up(moved)
            caller.stop()
        self.assertEqual(moved.register(expires=0).status, 200)
        self.assertEqual(self.pbx.contacts("1001"), [])

    def test_a_reload_holds_for_all_or_for_none(self):
        phones = [self.phone(address) for address in self.one_of_each()]
        def statuses():
            return [phone.ask("MESSAGE", f"sip:1002@{phone.domain}", f"<sip:1002@{phone.domain}>", captured.new_call_id(), 1, authenticate=False)[0].status
                    for phone in phones]
        refusing = "rules: [{name: no messages, methods: MESSAGE, action: reject, status: 488}]\n"
        for _ in range(3):
            self.assertNotIn(488, statuses())
            self.assertEqual(self.postern.reload(several(2, refusing)), "applied")
            self.assertEqual(statuses(), [488, 488])
            # A port of another program: nothing changes anywhere.
            taken = self.run_until_end(Phone(("127.3.0.1", 5999), ACCESS))
            self.assertEqual(self.postern.reload(several(2).replace("listeners: [", "listeners: ['udp://127.3.0.1:5999', ")), "refused")
            taken.stop()
            self.assertEqual(statuses(), [488, 488])
            # by both workers, since the rule is there again
            self.assertEqual(self.postern.metric("postern_rule_matches_total", rule="no messages"), 4)
            self.assertEqual(self.postern.reload(several(2)), "applied")
        self.assertEqual(self.postern.reload(several(3)), "refused")
        self.postern.wait_log("restart needed")

    def test_listeners_come_and_go_with_a_reload(self):
        with_more = several(2).replace("listeners: [", "listeners: ['udp://127.3.0.1:5999', 'tcp://127.3.0.1:5999', ")
        self.assertEqual(self.postern.reload(with_more), "applied")
        ours, others = self.one_of_each()
        for address, port in ((ours, CORE[1]), (others, CORE[1] + 1)):
            phone = self.run_until_end(Phone((address, 5081), ("127.3.0.1", 5999), "1001"))
            self.assertEqual(phone.register().status, 200)
            self.assertEqual(self.core_port("1001"), port)
            self.assertEqual(phone.register(expires=0).status, 200)
            connect(("127.3.0.1", 5999), (address, 0)).close()
        self.postern.wait_metric("postern_connections_total", 2, transport="tcp")
        self.assertEqual(self.postern.reload(several(2)), "applied")
        with self.assertRaises(ConnectionRefusedError):
            connect(("127.3.0.1", 5999), (ours, 0))

    def test_metrics_are_those_of_all(self):
        phones = [self.phone(address, "1002") for address in ADDRESSES[:20]]
        for phone in phones:
            phone.ask("OPTIONS", f"sip:{phone.domain}", f"<sip:{phone.domain}>", captured.new_call_id(), 1, authenticate=False)
        labels = {"side": "access", "transport": "udp", "method": "OPTIONS"}
        self.assertEqual(self.postern.metric("postern_messages_received_total", **labels), len(phones))
        self.assertEqual(self.postern.metric("postern_messages_forwarded_total", side="core", transport="udp", method="OPTIONS"), len(phones))

    def test_one_that_is_busy_is_seen(self):
        def received(worker):
            return self.postern.metric("postern_worker_messages_received_total", worker=str(worker))
        for worker, address in enumerate(self.one_of_each()):
            phone, before = self.phone(address), [received(0), received(1)]
            for _ in range(10):
                phone.ask("OPTIONS", f"sip:{phone.domain}", f"<sip:{phone.domain}>", captured.new_call_id(), 1, authenticate=False)
            self.assertGreaterEqual(received(worker), before[worker] + 20)  # questions and answers
            self.assertLess(received(1 - worker), before[1 - worker] + 10)  # the first one checks the PBX
        self.assertGreater(self.postern.metric("postern_worker_cpu_seconds_total", worker="1"), 0)
        tasks = f"/proc/{self.postern.pid}/task"
        names = []
        for task in os.listdir(tasks):
            with open(f"{tasks}/{task}/comm") as file:
                names.append(file.read().strip())
        for name in ("postern", "postern/1", "postern/log", "postern/reload", "postern/state"):
            self.assertIn(name, names)  # a sanitizer has one of its own

    def test_sources_are_spread(self):
        def received(worker):
            return self.postern.metric("postern_worker_messages_received_total", worker=str(worker))
        before, sources = [received(0), received(1)], 2000
        # with no hop left each is answered by Postern: what the PBX would send back is received as well
        for number in range(sources):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as source:
                source.bind((f"127.2.{number // 250}.{number % 250 + 1}", 0))
                source.sendto(b"OPTIONS sip:nobody@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: spread\r\n"
                              b"CSeq: 1 OPTIONS\r\nMax-Forwards: 0\r\n\r\n", ACCESS)
        wait_for(lambda: received(0) + received(1) - sum(before) >= sources, "what all of them sent")
        share = (received(0) - before[0]) / (received(0) + received(1) - sum(before))
        print(f"measured: {100 * share:.1f} % of {sources} sources at the first of two workers")
        self.assertTrue(0.45 <= share <= 0.55, share)

    def test_restarts_with_more_workers_and_with_fewer(self):
        phones = [self.phone(address, f"100{number}") for number, address in enumerate(self.one_of_each(), 1)]
        for phone in phones:
            self.assertEqual(phone.register().status, 200)
        for workers in (3, 4, 2, 1):
            self.postern.kill()
            self.start(workers)
            self.assertEqual(self.postern.metric("postern_registrations"), 2)
            for phone in phones:
                caller = self.phone("127.1.1.3", "1003")
                if self.core_port(phone.user) < CORE[1] + workers:  # before it has registered again; a port that is gone hears nothing
                    talk.call_by_hand(caller, phone).hang_up(phone)
                self.assertEqual(phone.register().status, 200)
                self.assertEqual(len(self.pbx.contacts(phone.user)), 1)
                self.assertLess(self.core_port(phone.user), CORE[1] + workers)
                talk.call_by_hand(caller, phone).hang_up(phone)
                caller.stop()
        case.measured("2 phones called after kill -9 with 2 -> 3 -> 4 -> 2 -> 1 workers, 1 contact each after their next REGISTER")

    def test_a_ban_holds_for_whoever_has_the_source_after_a_restart(self):
        self.assertEqual(self.postern.reload(several(2, SCANNER)), "applied")
        banned = self.one_of_each()
        for address in banned:
            connection = connect(STREAMS, (address, 0))
            connection.sendall(OPTIONS)
            self.assertEqual(closed(connection), b"")
        self.assertEqual(self.postern.metric("postern_bans_total", cause="rule_ban"), 2)
        self.assertEqual(self.postern.metric("postern_bans_active"), 2)
        for workers in (2, 3, 1):
            self.postern.kill()
            self.start(workers, SCANNER)
            # An account was accepted from there: it is listened to, for that one to come back.
            connections = [connect(STREAMS, (address, 0)) for address in banned]
            for connection in connections:
                connection.sendall(OPTIONS.replace(b"evilphone", b"a phone"))
            self.postern.wait_metric("postern_packets_total", len(banned), outcome="banned")
            for connection in connections:
                self.assertEqual(unread(connection), b"")
                connection.close()

    def test_another_postern_on_the_port_is_refused(self):
        other = several(2).replace("state: state", "state: other").replace("control.sock", "other.sock").replace("9460", "9461").replace("5080", "5090")
        process = self.run_until_end(Process("other", [case.postern_binary(), "run", "-c", self.write("other.yaml", other)], self.folder))
        self.assertEqual(process.wait_end(), 1)
        self.assertIn("another program has this port", process.log())

    def test_without_memory_it_ends_with_a_word(self):
        # On whatever thread: it was an abort that said nothing of itself.
        self.assertEqual(self.postern.reload(several(2, "limits: {per_source: off, per_source_methods: off, unknown_sources: off, pbx: off}\n")), "applied")
        with open(f"/proc/{self.postern.pid}/status") as file:
            size = int(re.search(r"VmSize:\s+(\d+)", file.read()).group(1)) << 10
        if size > 1 << 40:
            self.skipTest("a sanitizer's memory cannot be limited")
        resource.prlimit(self.postern.pid, resource.RLIMIT_AS, (size + (2 << 20), size + (2 << 20)))
        phones = [self.phone(address) for address in ADDRESSES]
        asked = 0
        def ended():
            nonlocal asked
            for phone in phones:
                asked += 1
                phone.socket.sendto(
                    f"INVITE sip:1002@sbc.test SIP/2.0\r\nVia: SIP/2.0/UDP {phone.host};branch=z9hG4bK{asked}\r\nFrom: <sip:1001@sbc.test>;tag=1\r\n"
                    f"To: <sip:1002@sbc.test>\r\nContact: <sip:1001@{phone.host}>\r\nCall-ID: {asked}\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\n"
                    f"Content-Length: 3000\r\n\r\n{'a' * 3000}".encode(), ACCESS)
            return not self.postern.alive()
        wait_for(ended, "its memory to be full", interval=0.005)
        self.assertEqual(self.postern.wait_end(), 70)
        self.assertIn("error event=failed message=std::bad_alloc", self.postern.log())

    def test_the_ports_of_all_are_told(self):
        self.postern.wait_log(f'event=core address="{CORE[0]}:{CORE[1]} {CORE[0]}:{CORE[1] + 1}"')
        told = door.run("check", "-c", self.postern.path)
        self.assertIn(f"from the ports {CORE[1]} to {CORE[1] + 1} of {CORE[0]}", told.stdout)
        taken = self.write("taken.yaml", config(access=(CORE[0], CORE[1] + 1), extra="workers: 2\n"))
        refused = door.run("check", "-c", taken)
        self.assertEqual(refused.returncode, 1)
        self.assertIn(f"workers: the PBX is talked to from the ports {CORE[1]} to {CORE[1] + 1}", refused.stderr)


if __name__ == "__main__":
    case.need("kamailio", "kamcmd", "baresip")
    case.main()
