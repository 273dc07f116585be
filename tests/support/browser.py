"""Debian's Chromium, driven over its debugging pipe, and JsSIP in it as a phone that a test drives as it drives baresip."""
import itertools
import json
import os
import select
import socket
import subprocess

from .case import need, skip_all, source_folder
from .door import ACCESS
from .networks import run
from .proc import Process, Timeout, wait_for

JSSIP = os.path.join(source_folder(), "build", "cache", "phone", "jssip.js")  # what scripts/phone/bundle made
PAGE_PORT = 8443
ADDRESSES = "192.0.2"  # of phones with ICE, which knows no loopback
HOST = "sbc.test"  # of the page and of Postern's wss listener, as make_certificate names it
_ids = itertools.count(1)


def add_ice_addresses(count=4):
    """Puts ADDRESSES.1 to .COUNT on an interface of the namespace's own; no others, since a browser drops what it loads when one appears."""
    if "ice" in (name for _, name in socket.if_nameindex()):
        return
    run("ip", "link", "add", "ice", "type", "veth", "peer", "name", "ice-peer")
    for end in ("ice", "ice-peer"):
        run("ip", "link", "set", end, "up", "addrgenmode", "none")
    for number in range(1, count + 1):
        run("ip", "address", "add", f"{ADDRESSES}.{number}/24", "dev", "ice")


def need_browser():
    """Skips the file where there is no browser, or no JsSIP: there is no network inside a test."""
    need("chromium", "certutil")
    if not os.path.exists(JSSIP):
        skip_all("no JsSIP: scripts/phone/bundle fetches it")


class PageServer:
    """scripts/phone/serve: the browser phone's page, at https://HOST:`port`."""

    def __init__(self, folder, certificate, key, wss_port, port=PAGE_PORT):
        self.url = f"https://{HOST}:{port}/"
        self._process = Process(f"page-{port}", [os.path.join(source_folder(), "scripts", "phone", "serve"), "--certificate", certificate, "--key", key,
                                                 "--ca", certificate, "--jssip", JSSIP, "--wss-port", wss_port, "--address", ACCESS[0], "--port", port], folder)
        self._process.wait_log("the browser phone is on port")

    def stop(self):
        self._process.stop()


class Chromium:
    """A browser that believes `trust` and finds HOST at Postern's address."""

    def __init__(self, folder, trust=None):
        self._home = os.path.join(folder, "chromium")
        self._believe(trust)
        to_it, commands = os.pipe()
        answers, from_it = os.pipe()
        self._process = Process("chromium", ["bash", "-c", f'exec chromium "$@" 3<&{to_it} 4>&{from_it}', "-", "--remote-debugging-pipe", *self._arguments()], folder,
                                env={"HOME": self._home, "TMPDIR": self._home}, pass_fds=(to_it, from_it))
        os.close(to_it)
        os.close(from_it)
        self._commands, self._answers, self._held, self._inbox = commands, answers, b"", []

    def _believe(self, trust):
        database = os.path.join(self._home, ".pki", "nssdb")
        os.makedirs(database)
        subprocess.run(["certutil", "-N", "-d", f"sql:{database}", "--empty-password"], check=True, capture_output=True)
        if trust:
            subprocess.run(["certutil", "-A", "-d", f"sql:{database}", "-n", "trial", "-t", "CP,,", "-i", trust], check=True, capture_output=True)

    def _arguments(self):
        return ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking", "--disable-component-update",
                "--disable-extensions", f"--user-data-dir={self._home}/profile", f"--host-resolver-rules=MAP {HOST} {ACCESS[0]}",
                # audio: by the real addresses; a tone needs no click and no sound card
                "--disable-features=WebRtcHideLocalIpsWithMdns", "--autoplay-policy=no-user-gesture-required",
                "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]

    def send(self, method, session=None, **parameters):
        """The result of a command of the DevTools protocol."""
        number = next(_ids)
        message = {"id": number, "method": method, "params": parameters, **({"sessionId": session} if session else {})}
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        answer = wait_for(lambda: self._take(number), f"Chromium to answer {method}; it said:\n{self._process.log()[-1500:]}", 30, 0)
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']}")
        return answer["result"]

    def _take(self, number):
        if select.select([self._answers], [], [], 0.05)[0]:
            data = os.read(self._answers, 1 << 20)
            if not data:
                raise AssertionError(f"Chromium ended:\n{self._process.log()[-3000:]}")
            *messages, self._held = (self._held + data).split(b"\0")
            self._inbox += [message for message in map(json.loads, messages) if "id" in message]
        return next((message for message in self._inbox if message["id"] == number), None)

    def attach(self):
        """The session of a new tab in a context of its own."""
        context = self.send("Target.createBrowserContext")["browserContextId"]
        target = self.send("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        return self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    def stop(self):
        self._process.stop()
        os.close(self._commands)
        os.close(self._answers)


class Tab:
    def __init__(self, browser, session):
        self._browser, self._session = browser, session

    def go(self, url):
        went = self._browser.send("Page.navigate", self._session, url=url)
        if "errorText" in went:
            raise AssertionError(f"{url}: {went['errorText']}")
        wait_for(lambda: self.run("location.href !== 'about:blank' && document.readyState === 'complete'"), f"{url} to load")

    def run(self, script):
        """The value of an expression; of a promise, what it comes to."""
        done = self._browser.send("Runtime.evaluate", self._session, expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in done:
            raise AssertionError(f"{script[:200]}: {done['exceptionDetails'].get('exception', done['exceptionDetails'])}")
        return done["result"].get("value")

    def text(self, name):
        return self.run(f"document.getElementById('{name}').textContent")

    def click(self, name):
        self.run(f"document.getElementById('{name}').click()")

    def fill(self, name, value):
        self.run(f"document.getElementById('{name}').value = {json.dumps(value)}")

    def wait_text(self, name, text, timeout=45.0):
        try:
            wait_for(lambda: text in self.text(name), "", timeout, 0.05)
        except Timeout:
            raise Timeout(f"waited {timeout:g} s for #{name} to say {text!r}; it says {self.text(name)!r}") from None


class PagePhone(Tab):
    """The page of scripts/phone as its user sees it, told to register."""

    def __init__(self, browser, url, user, password=None):
        super().__init__(browser, browser.attach())
        self.go(url)
        self.fill("user", user)
        self.fill("password", password or f"secret{user}")
        self.click("register")

    def dial(self, number):
        self.fill("number", number)
        self.click("call")

    def wait_audio(self, packets=50):
        """Waits until so many packets of the call's audio have come."""
        count = "[...stats.values()].filter(({ type }) => type === 'inbound-rtp').reduce((sum, { packetsReceived }) => sum + packetsReceived, 0)"
        wait_for(lambda: self.run(f"call.connection.getStats().then((stats) => {count})") >= packets, "the other's audio", 15, 0.1)


class BrowserPhone:
    """A JsSIP in a tab of its own, with what tests know of a Baresip: it answers by itself (or with answer="manual" when it is told) and sends a tone."""

    def __init__(self, browser, page, user, port, tone, answer="auto"):
        self.user = user
        self._tab = Tab(browser, browser.attach())
        self._tab.go(page.url)
        with open(os.path.join(os.path.dirname(__file__), "browser_phone.js")) as file:
            self._tab.run(file.read())
        self._do("start", user, f"secret{user}", f"wss://{HOST}:{port}/", tone, answer)

    def _do(self, name, *arguments):
        return self._tab.run(f"testPhone.{name}({', '.join(map(json.dumps, arguments))})")

    def wait_event(self, kind, timeout=45.0):
        """Waits for an event such as CALL_ESTABLISHED, CALL_CLOSED, and takes it."""
        try:
            return wait_for(lambda: self._do("take", kind), kind, timeout, 0.05)
        except Timeout:
            raise Timeout(f"browser phone {self.user} waited for {kind}; events: {self._do('all')}") from None

    def wait_registered(self, timeout=45.0):
        self.wait_event("REGISTER_OK", timeout)

    def dial(self, number):
        self._do("dial", number)

    def accept(self):
        self._do("accept")

    def hang_up(self):
        self._do("hangUp")

    def hold(self):
        self._do("hold")

    def resume(self):
        self._do("resume")

    def transfer(self, number):
        self._do("transfer", number)

    def transfer_attended(self):
        """The other of the first call takes the place of this phone in the second."""
        self._do("transferAttended")

    def wait_tone(self, frequency, seconds=1.1, timeout=60.0):
        """Waits until what was received since now is a second of a clear tone; returns its share of the energy."""
        return self._listen(frequency, lambda share, level: level > 0.01 and share > 0.8 and share, f"{frequency} Hz", seconds, timeout)

    def wait_silence(self, seconds=1.1, timeout=60.0):
        self._listen(0, lambda share, level: level < 0.001, "nothing", seconds, timeout)

    def _listen(self, frequency, wanted, what, seconds, timeout):
        since = self._do("heard", frequency)[0]
        last = []
        def heard():
            last[:] = clock, share, level = self._do("heard", frequency)
            return clock >= since + seconds and wanted(share, level)
        try:
            return wait_for(heard, "", timeout, 0.2)
        except Timeout:
            raise Timeout(f"browser phone {self.user} waited for {what}; heard (clock, share, level) {last}, events: {self._do('all')}") from None

    def stop(self):
        """Its end is the browser's."""
