"""What reaches the PBX, by the kernel's own time: a packet socket that takes nothing else."""
import collections
import ctypes
import re
import socket
import struct
import threading

_ETH_P_IP, _SO_ATTACH_FILTER, _SO_TIMESTAMPNS, _SO_RCVBUFFORCE, _OUTGOING = 0x0800, 26, 35, 33, 4
_LENGTH = re.compile(rb"^(?:Content-Length|l)\s*:\s*(\d+)", re.I | re.M)
_MOST = 65_535
_BRANCH = re.compile(rb"^v(?:ia)?\s*:[^\r]*;branch=([^;,\s]+)", re.I | re.M)
Request = collections.namedtuple("Request", "at method repeated")  # at: seconds


def _filter(host, port):
    """Classic BPF: UDP to that address and port, as it comes in; the packet begins with the IP header."""
    address = struct.unpack("!I", socket.inet_aton(host))[0]
    drop = 10
    program = [(0x28, 0, 0, 0xFFFFF004), (0x15, drop - 2, 0, _OUTGOING),   # packet type
               (0x20, 0, 0, 16), (0x15, 0, drop - 4, address), (0x30, 0, 0, 9), (0x15, 0, drop - 6, 17),
               (0xB1, 0, 0, 0), (0x48, 0, 0, 2), (0x15, 0, drop - 9, port), (0x06, 0, 0, _MOST), (0x06, 0, 0, 0)]
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in program)
    kept = ctypes.create_string_buffer(code)
    return struct.pack("HP", len(program), ctypes.addressof(kept)), kept


def _messages(payload):
    """What leaves together is seen here as one, before the kernel cuts it (docs/adr/0021)."""
    while payload:
        head, blank, rest = payload.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        size = int(length.group(1)) if length else len(rest)
        yield head + blank + rest[:size]
        payload = rest[size:]


class PbxWatch:
    def __init__(self, address):
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETH_P_IP))
        program, kept = _filter(*address)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)
        del kept  # the kernel has its own copy
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 64 << 20)
        self._socket.bind(("lo", 0))
        self._socket.settimeout(0.1)
        self._came, self._over = [], False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._over:
            try:
                packet, control, _, _ = self._socket.recvmsg(_MOST, 64)
            except TimeoutError:
                continue
            whole, part = struct.unpack("qq", control[0][2][:16])
            self._came.append((whole + part / 1e9, packet[(packet[0] & 15) * 4 + 8:]))

    def forget(self):
        """What came until now was of no interest."""
        self._came = []

    def stop(self):
        self._over = True
        self._thread.join()
        self._socket.close()

    def requests(self):
        """Requests by the time of their coming. Repeated: one with this branch came before."""
        found, seen = [], set()
        for at, payload in ((at, message) for at, payload in self._came for message in _messages(payload)):
            method = payload.split(b" ", 1)[0]
            if method == b"SIP/2.0" or not method.isalpha():
                continue
            branch = _BRANCH.search(payload)
            key = (method, branch.group(1) if branch else payload)
            found.append(Request(at, method.decode(), key in seen))
            seen.add(key)
        return found


def per_second(times, begin):
    """How many in each second after `begin`."""
    counts = collections.Counter(int(at - begin) for at in times if at >= begin)
    return [counts.get(second, 0) for second in range(max(counts, default=-1) + 1)]


def most_within(times, window=1.0):
    """The most that came within any window of that length."""
    most, first = 0, 0
    for last, at in enumerate(times):
        while at - times[first] >= window:
            first += 1
        most = max(most, last - first + 1)
    return most


def bucket_needed(times, rate):
    """The smallest burst of a token bucket of that rate which all of these would have passed."""
    level, most, before = 0.0, 0.0, None
    for at in times:
        level = max(0.0, level - (rate * (at - before) if before is not None else 0.0)) + 1
        most, before = max(most, level), at
    return most
