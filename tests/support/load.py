"""Load that counts: requests through Postern to a PBX that answers each, with a window, so that whatever is lost shows."""
import queue
import threading

from .proc import wait_for
from .sip import Phone, Socket, answer, new_branch

WINDOW = 32          # requests of one phone that are under way at once
PATIENCE = 8.0       # seconds without any answer: what is missing is lost


class AnsweringPbx(Socket):
    """Answers whatever comes at once; a REGISTER with the Contact that it brought."""

    def __init__(self, address):
        super().__init__(address)
        self.history = []  # what it answered, but for OPTIONS
        self._responses = queue.Queue()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._over.is_set():
            self._fill(0.05)
            taken, self.inbox = self.inbox, []
            self.seen.clear()
            for request, source in taken:
                if request.is_response:
                    self._responses.put(request)
                elif request.method != "ACK":
                    self._answer(request, source)

    def _answer(self, request, source):
        headers = [f"Contact: {request.get('Contact')};expires=3600"] if request.method == "REGISTER" else []
        if request.method == "INVITE":
            headers = [f"Contact: <sip:pbx@{self.address}>"]
        if request.method != "OPTIONS":
            self.history.append(request)
        self.send(answer(request, 200, "OK", "pbx", headers), source)

    def contact_of(self, user):
        """What it would call for a user: the Contact of the last REGISTER."""
        return next(m for m in reversed(self.history) if m.method == "REGISTER" and m.get("To").startswith(f"<sip:{user}@")).contact_uri()

    def send_request(self, method, uri, to):
        """A request to a contact of ours, and its Call-ID."""
        call_id = new_branch()
        self.send(f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {self.address};branch={new_branch()}\r\nMax-Forwards: 70\r\n"
                  f"From: <sip:pbx@{self.address}>;tag=p\r\nTo: <{uri}>\r\nCall-ID: {call_id}\r\nCSeq: 1 {method}\r\nContent-Length: 0\r\n\r\n", to)
        return call_id

    def response(self, call_id, timeout=8.0):
        """The final response to what was sent with that Call-ID."""
        while True:
            response = self._responses.get(timeout=timeout)
            if response.get("Call-ID") == call_id and response.status >= 200:
                return response

    def reaches(self, user, phone, core):
        """Whether an OPTIONS to the user's contact gets to the phone, and its answer back."""
        call_id = self.send_request("OPTIONS", self.contact_of(user), core)
        request, source = phone.request("OPTIONS", call_id=call_id)
        phone.send(answer(request, 200, "OK", "phone"), source)
        return self.response(call_id).status == 200

    def stop(self):
        self._over.set()
        self._thread.join(5)
        super().stop()


class Caller(Phone):
    """A phone that asks OPTIONS as fast as it is answered; never twice the same."""

    def __init__(self, address, server, user):
        super().__init__(address, server, user)
        self.sent, self.lost = 0, []
        self._open = set()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        self._thread.start()
        return self

    def _ask(self):
        call_id = f"{self.user}-{self.sent}"
        self.send(self.build("OPTIONS", f"sip:{self.server[0]}", f"<sip:{self.server[0]}>", call_id, 1, branch=new_branch()), self.server)
        self._open.add(call_id)
        self.sent += 1

    def _run(self):
        while not self._over.is_set() or self._open:
            while len(self._open) < WINDOW and not self._over.is_set():
                self._ask()
            before = len(self.seen)
            self._fill(PATIENCE)
            if len(self.seen) == before:  # what is open now will never be answered
                self.lost += sorted(self._open)
                self._open.clear()
            self._open.difference_update(m.get("Call-ID") for m, _ in self.inbox if m.status == 200)
            self.inbox.clear()
            self.seen.clear()

    def finish(self):
        """Waits for the last answers; the Call-IDs that had none."""
        self._over.set()
        wait_for(lambda: not self._thread.is_alive(), "the last answers", 3 * PATIENCE)
        return self.lost

    def stop(self):
        self._over.set()
        if self._thread.ident is not None:
            self._thread.join(3 * PATIENCE)
        super().stop()
