"""A NAT box of a few lines: what a phone sends to it goes on from an address that can change, and what comes back goes to the phone."""
import selectors
import socket
import threading


class Relay:
    """Hears phones at `inside`; toward `server` it is `outside` until rebind()."""

    def __init__(self, inside, outside, server):
        self._server, self._phone, self._lock = server, None, threading.Lock()
        self._inner, self._outer = self._bound(inside), self._bound(outside)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._inner, selectors.EVENT_READ)
        self._selector.register(self._outer, selectors.EVENT_READ)
        self._stopping = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @staticmethod
    def _bound(address):
        bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        bound.bind(address)
        bound.setblocking(False)
        return bound

    def rebind(self, outside):
        """From now on it is another address; what still comes to the old one is lost."""
        with self._lock:
            self._selector.unregister(self._outer)
            self._outer.close()
            self._outer = self._bound(outside)
            self._selector.register(self._outer, selectors.EVENT_READ)

    def _run(self):
        while not self._stopping:
            for _ in self._selector.select(0.05):
                with self._lock:
                    self._pass(self._inner)
                    self._pass(self._outer)

    def _pass(self, source):
        try:
            data, peer = source.recvfrom(65535)
        except OSError:
            return
        if source is self._inner:
            self._phone = peer
            self._outer.sendto(data, self._server)
        elif self._phone:
            self._inner.sendto(data, self._phone)

    def stop(self):
        self._stopping = True
        self._thread.join()
        self._inner.close()
        self._outer.close()
