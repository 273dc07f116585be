"""All UDP datagrams on loopback, each once, with source and destination."""
import collections
import socket
import struct
import threading

from .proc import wait_for

Datagram = collections.namedtuple("Datagram", "source destination payload")  # (host, port), (host, port), bytes
_ETH_P_ALL, _OUTGOING, _SO_RCVBUFFORCE = 3, 4, 33


class Capture:
    """A packet socket on lo, read by a thread; of another interface what comes in by it, or with `outgoing` what leaves. IPv4 fragments are put together by the order of their arrival."""

    def __init__(self, interface="lo", outgoing=False):
        self._outgoing = outgoing
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 64 << 20)
        self._socket.bind((interface, 0))
        self._socket.settimeout(0.1)
        self._lock = threading.Lock()
        self._datagrams, self._fragments, self._stopping = [], {}, False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._stopping:
            try:
                frame, (_, _, kind, _, _) = self._socket.recvfrom(70000)
            except TimeoutError:
                continue
            except OSError:
                return
            if (kind == _OUTGOING) != self._outgoing:  # loopback shows each packet twice: as sent and as received
                continue
            datagram = self._udp(frame[14:]) if frame[12:14] == b"\x08\x00" else None
            if datagram:
                with self._lock:
                    self._datagrams.append(datagram)

    def _udp(self, packet):
        header = (packet[0] & 15) * 4
        length, ident, flags = struct.unpack("!HHH", packet[2:8])
        if packet[9] != 17:
            return None
        source, destination = socket.inet_ntoa(packet[12:16]), socket.inet_ntoa(packet[16:20])
        payload = packet[header:length]
        offset, more = (flags & 0x1FFF) * 8, flags & 0x2000
        if offset or more:
            key = (source, destination, ident)
            parts = self._fragments.setdefault(key, {})
            parts[offset] = payload
            if more:
                return None
            payload = b"".join(parts[at] for at in sorted(parts))
            del self._fragments[key]
        source_port, destination_port = struct.unpack("!HH", payload[:4])
        return Datagram((source, source_port), (destination, destination_port), payload[8:])

    def all(self):
        with self._lock:
            return list(self._datagrams)

    def between(self, source=None, destination=None):
        """Datagrams by source and destination: (host, port), where None stands for any."""
        fits = lambda have, want: want is None or all(w is None or h == w for h, w in zip(have, want))
        return [d for d in self.all() if fits(d.source, source) and fits(d.destination, destination)]

    def settle(self):
        """Returns once all that was sent until now has been captured: a marker of our own has come through."""
        marker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        marker.bind(("127.255.255.254", 0))
        text = b"marker %d" % marker.getsockname()[1]
        marker.sendto(text, marker.getsockname())
        wait_for(lambda: any(d.payload == text for d in self.all()), "the capture to catch up")
        marker.close()

    def stop(self):
        self._stopping = True
        self._thread.join()
        self._socket.close()
