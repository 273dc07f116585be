"""scripts/run as a newcomer runs it: two baresip phones and two browsers register and call through what it starts, and its end leaves nothing behind."""
import os
import pathlib
import re
import signal

from support import browser, case, talk
from support.proc import Process, wait_for
from support.stream import StreamPhone


def processes():
    """{pid: command line} of this process namespace."""
    found = {}
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found[int(path.parent.name)] = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it ended meanwhile
    return found


class RunDoor(case.Case):
    def run_script(self, name, *arguments):
        run = Process(name, [os.path.join(case.source_folder(), "scripts", "run"), *arguments], self.folder)
        self.addCleanup(run.stop)
        return run

    def test_phones_register_and_talk_through_it(self):
        run = self.run_script("run")
        run.wait_log("Ctrl-C ends it", 600)
        one, two = talk.phones(self, ("127.0.0.1", 5060))
        talk.call(one, two, talk.TONE_1001, talk.TONE_1002)
        one.hang_up()
        two.wait_event("CALL_CLOSED")
        one.stop()
        two.stop()
        self.streams_register(run.log())
        self.browsers_talk(re.search(r"a browser: +(https://\S+)", run.log()).group(1))
        run.signal(signal.SIGTERM)
        run.wait_end(30)
        started = lambda: [text for text in processes().values() if "kamailio" in text or "bin/postern" in text or "phone/serve" in text or "tail " in text]
        wait_for(lambda: not started(), f"all that scripts/run started to end; there are {started()}")
        case.measured("2 phones registered over UDP, each heard the other's tone; 1 over TCP and 1 over TLS registered; 2 browsers registered over WSS, each got the other's audio; 0 processes left")

    def streams_register(self, said):
        """Over TCP, and over TLS for a phone that trusts the authority that was made."""
        address, port, authority = re.search(r"over TLS: (\S+):(\d+), once the phone trusts (\S+)", said).groups()
        for phone in (StreamPhone(None, (address, 5060), "1003"), StreamPhone(None, (address, int(port)), "1004", authority, address)):
            self.run_until_end(phone)
            self.assertEqual(phone.register().status, 200)

    def browsers_talk(self, page):
        browser.add_ice_addresses()
        chromium = self.run_until_end(browser.Chromium(self.folder, os.path.join(case.source_folder(), "build", "run", "tls", "ca.pem")))
        three, four = (browser.PagePhone(chromium, page, user) for user in ("1003", "1004"))
        for phone, user in ((three, "1003"), (four, "1004")):
            phone.wait_text("registration", f"Registered as {user} over wss://")
        three.dial("1004")
        four.wait_text("state", "1003 calls.")
        four.click("answer")
        for phone in (three, four):
            phone.wait_audio()
        three.click("hangup")
        four.wait_text("state", "ended, by 1003.")

    def test_a_second_run_leaves_the_first_alone(self):
        first = self.run_script("first")
        first.wait_log("Ctrl-C ends it", 600)
        files = [pathlib.Path(case.source_folder(), "build", "run", name) for name in ("postern.yaml", "postern.log", "pbx.log")]
        before = [file.read_bytes() for file in files]
        second = self.run_script("second")
        self.assertEqual(second.wait_end(60), 1)
        self.assertIn(f"already running on port 5060 as PID {first.pid}", second.log())
        self.assertNotIn("Ctrl-C ends it", second.log())
        beside = self.run_script("beside", "--port", "5070")
        beside.wait_log("Postern stands on port 5070", 60)
        self.assertEqual([file.read_bytes() for file in files], before)
        self.assertTrue(first.alive())


if __name__ == "__main__":
    case.main()
