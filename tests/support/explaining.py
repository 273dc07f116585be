"""Asks why, for each refusal that the log names while it grows."""
import json
import re
import socket
import threading


def ask(path, **request):
    """The daemon's answer over its control socket."""
    with socket.socket(socket.AF_UNIX) as control:
        control.settimeout(20)
        control.connect(path)
        control.sendall(json.dumps(request).encode() + b"\n")
        answer = b""
        while chunk := control.recv(65536):
            answer += chunk
    return json.loads(answer)


class Explaining(threading.Thread):
    """Follows a log; `explained` counts the refusals whose reason `why` tells as the log does, `wrong` holds the others."""

    def __init__(self, log, control):
        super().__init__(daemon=True)
        self.log, self.control = log, control
        self.explained, self.wrong, self._read = 0, [], 0
        self._over = threading.Event()

    def run(self):
        while not self._over.wait(0.2):
            self.catch_up()

    def catch_up(self):
        text = self.log()
        lines, self._read = text[self._read:text.rfind("\n") + 1].splitlines(), text.rfind("\n") + 1
        for line in lines:
            named = re.search(r"event=(refused|ban|block|would_refuse|connection_refused)(?: reason=(\S+))? ", line)
            if not named:
                continue
            identity = re.search(r" id=(\S+)", line)
            why = ask(self.control, command="why", id=identity.group(1)) if identity else {}
            if why.get("reason", "") == (named.group(2) or "") and why.get("event") == named.group(1):
                self.explained += 1
            else:
                self.wrong.append((line, why))

    def stop(self):
        self._over.set()
        self.join()
        self.catch_up()
