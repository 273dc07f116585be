"""Captures of our own making."""
import struct


def pcap(path, datagrams):
    """Ethernet frames of the classic format; (second, source, destination, payload)."""
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 262144, 1))
        for second, source, destination, payload in datagrams:
            udp = struct.pack("!HHHH", source[1], destination[1], 8 + len(payload), 0) + payload
            octets = lambda address: bytes(int(part) for part in address.split("."))
            ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0) + octets(source[0]) + octets(destination[0]) + udp
            frame = bytes(12) + b"\x08\x00" + ip
            file.write(struct.pack("<IIII", second, 0, len(frame), len(frame)) + frame)
