"""A DNS server of a few lines (RFC 1035): A records that a test changes while it runs."""
import socket
import struct
import threading

ADDRESS = ("127.53.0.1", 53)
NOERROR, SERVFAIL, NXDOMAIN = 0, 2, 3


class Dns:
    def __init__(self, folder, **records):
        """`records`: name with _ for the dots -> addresses. `failing`: it answers SERVFAIL to everything."""
        self.records = {name.replace("_", "."): list(addresses) for name, addresses in records.items()}
        self.failing, self.asked = False, 0
        self.resolv_conf = f"{folder}/resolv.conf"
        with open(self.resolv_conf, "w") as file:
            file.write(f"nameserver {ADDRESS[0]}\noptions timeout:1 attempts:1\n")
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(ADDRESS)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def prefix(self):
        """What a program is run behind to ask this server."""
        return ("unshare", "--mount", "sh", "-c", f'mount --bind {self.resolv_conf} /etc/resolv.conf && exec "$@"', "sh")

    def _serve(self):
        while True:
            try:
                query, source = self._socket.recvfrom(512)
            except OSError:
                return
            if not query:
                return
            self.asked += 1
            self._socket.sendto(self._answer(query), source)

    def _answer(self, query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode().lower())
            at += 1 + query[at]
        end = at + 5
        kind = struct.unpack(">H", query[at + 1:at + 3])[0]
        known = self.records.get(".".join(labels))
        code = SERVFAIL if self.failing else NXDOMAIN if known is None else NOERROR
        found = known if kind == 1 and code == NOERROR else []
        head = query[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, len(found), 0, 0)
        answers = b"".join(b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + socket.inet_aton(address) for address in found)
        return head + query[12:end] + answers

    def stop(self):
        self._socket.sendto(b"", ADDRESS)  # close() alone would leave the thread where it waits
        self._thread.join()
        self._socket.close()
