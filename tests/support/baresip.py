"""baresip as a phone that a test drives, and the tones by which its audio is known."""
import itertools
import json
import math
import os
import socket
import struct
import wave

from .proc import Process, Timeout, wait_for
from .sip import host_port, uri_host

RATE = 8000
_tokens = itertools.count(1)


def write_tone(path, frequency, seconds=60):
    """A mono wave file of one sine at half of full scale."""
    with wave.open(path, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(b"".join(struct.pack("<h", int(16000 * math.sin(2 * math.pi * frequency * n / RATE))) for n in range(RATE * seconds)))


def goertzel(samples, frequency):
    """The share (0..1) of the samples' energy that lies at `frequency`."""
    total = sum(s * s for s in samples)
    if not samples or not total:
        return 0.0
    w = 2 * math.cos(2 * math.pi * frequency / RATE)
    before, last = 0.0, 0.0
    for sample in samples:
        before, last = last, sample + w * last - before
    return 2 * (last * last + before * before - w * last * before) / (len(samples) * total)


def read_samples(path):
    """Samples of a 16-bit mono wave file that may still be open for writing, so its header's lengths are not trusted."""
    with open(path, "rb") as file:
        data = file.read()
    start = data.find(b"data")
    data = data[start + 8:] if start >= 0 else b""
    return struct.unpack(f"<{len(data) // 2}h", data[:len(data) // 2 * 2])


def wait_tone(received, frequency, who, seconds, timeout):
    """`received`: gives all samples so far. Waits until those that come from now on hold `seconds` of a clear tone; returns its share of the energy."""
    skip = len(received())
    def heard():
        samples = received()[skip:][-int(RATE * seconds):]
        share = goertzel(samples, frequency) if len(samples) >= RATE * seconds else 0
        return share if share > 0.8 else None
    return wait_for(heard, f"{who} to hear {frequency} Hz", timeout, 0.2)


class Baresip:
    """A phone at ADDRESS:5080 with its control port at 4444, that answers by itself (or with answer="manual" when it is told), registers every `refresh`
    seconds and sends a tone. `within`: the command prefix of a namespace (networks.py). `webrtc`: with the media that a browser speaks, DTLS-SRTP and ICE."""

    def __init__(self, folder, user, address, server, tone, password=None, answer="auto", refresh=60, transport="udp", within=(), webrtc=False):
        self.user, self.address, self.server = user, address, server
        self.folder = os.path.join(folder, f"baresip-{user}")
        os.makedirs(self.folder)
        tone_path = os.path.join(self.folder, "tone.wav")
        write_tone(tone_path, tone)
        with open(os.path.join(self.folder, "config"), "w") as file:
            file.write("\n".join([
                "module_path /usr/lib/baresip/modules", "module_tmp account.so", "module stdio.so", "module g711.so", "module aufile.so", "module sndfile.so",
                "module_app menu.so", "module_app ctrl_tcp.so", f"ctrl_tcp_listen {uri_host(address)}:4444", f"net_interface {address}", f"sip_listen {uri_host(address)}:5080",
                *(["net_af ipv6"] if ":" in address else []), *(["module dtls_srtp.so", "module ice.so", "rtcp_mux yes"] if webrtc else []),
                "rtp_ports 20000-20100", f"audio_source aufile,{tone_path}", f"audio_player aufile,{os.path.join(self.folder, 'play.wav')}", "audio_alert aufile,/dev/null",
                f"audio_path {self.folder}", "audio_srate 8000", "audio_channels 1", "ausrc_srate 8000", "auplay_srate 8000", f"snd_path {self.folder}", "call_max_calls 4", ""]))
        with open(os.path.join(self.folder, "accounts"), "w") as file:
            file.write(f'<sip:{user}@{uri_host(server[0])}>;auth_user={user};auth_pass={password or f"secret{user}"};outbound="sip:{host_port(server)};transport={transport}"'
                       f";regint={refresh};answermode={answer};audio_codecs=PCMA/8000/1;ptime=20"
                       f"{';mediaenc=dtls_srtp;medianat=ice' if webrtc else ''}\n")
        open(os.path.join(self.folder, "contacts"), "w").close()
        self._process = Process(f"baresip-{user}", [*within, "baresip", "-f", self.folder, "-v", "-t", "180"], folder)
        self._events, self._buffer, self._control = [], b"", None
        wait_for(self._connect, f"baresip {user} to open its control port; it said:\n{self._process.log()[-1500:]}", 15)

    def _connect(self):
        if not self._process.alive():
            raise AssertionError(f"baresip ended:\n{self._process.log()[-3000:]}")
        try:
            self._control = socket.create_connection((self.address, 4444), timeout=2)
            self._control.settimeout(0.05)
            return True
        except OSError:
            return False

    def _read(self):
        try:
            data = self._control.recv(65536)
            self._buffer += data
        except TimeoutError:
            pass
        while b":" in self._buffer:
            head, _, rest = self._buffer.partition(b":")
            if not head.isdigit():
                raise AssertionError(f"no netstring: {self._buffer[:80]!r}")
            length = int(head)
            if len(rest) < length + 1:
                return
            self._events.append(json.loads(rest[:length].decode(errors="replace")))
            self._buffer = rest[length + 1:]

    def command(self, command, params=""):
        """Sends a command and waits for its answer."""
        token = f"t{next(_tokens)}"
        text = json.dumps({"command": command, "params": params, "token": token}).encode()
        self._control.sendall(b"%d:%s," % (len(text), text))
        return self._wait(lambda e: e.get("response") and e.get("token") == token, f"the answer to {command}")

    def _wait(self, wanted, what, timeout=45.0):
        def look():
            self._read()
            for index, event in enumerate(self._events):
                if wanted(event):
                    return self._events.pop(index)
            if not self._process.alive():
                raise AssertionError(f"baresip {self.user} ended:\n{self._process.log()[-3000:]}")
            return None
        try:
            return wait_for(look, what, timeout)
        except Timeout:
            raise Timeout(f"baresip {self.user} waited for {what}; events: {[(e.get('type'), e.get('param')) for e in self._events]}\n"
                          f"{self._process.log()[-2500:]}") from None

    def wait_event(self, kind, timeout=45.0):
        """Waits for an event such as CALL_ESTABLISHED, CALL_CLOSED, and takes it."""
        return self._wait(lambda e: e.get("event") and e.get("type") == kind, kind, timeout)

    def wait_registered(self, timeout=45.0):
        """The first registration can be over before the control port is open, so the log tells."""
        self._process.wait_log("[1 binding]", timeout)

    def dial(self, number):
        return self.command("dial", f"sip:{number}@{uri_host(self.server[0])}")

    def hang_up(self):
        return self.command("hangup")

    def hold(self):
        return self.command("hold")

    def resume(self):
        return self.command("resume")

    def transfer(self, number):
        return self.command("transfer", f"sip:{number}@{uri_host(self.server[0])}")

    def wait_tone(self, frequency, seconds=1.0, timeout=60.0):
        """Waits until what was received since now holds this much of a clear tone; returns its share of the energy."""
        return wait_tone(self._received, frequency, f"baresip {self.user}", seconds, timeout)

    def _received(self):
        """What the newest recording of the decoded audio holds so far."""
        files = [os.path.join(self.folder, n) for n in os.listdir(self.folder) if n.startswith("dump-") and n.endswith("-dec.wav")]
        return read_samples(max(files, key=os.path.getmtime)) if files else ()

    def log(self):
        return self._process.log()

    def stop(self):
        if self._control:
            self._control.close()
        self._process.stop()
