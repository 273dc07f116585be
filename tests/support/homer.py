"""A capture server: Kamailio's sipcapture module takes the HEP3 packets apart, and its log says what it read."""
import collections
import os
import re
import socket
import struct

from .proc import Process, wait_for
from .sip import Message, host_port

ADDRESS = ("127.90.0.9", 9060)
UDP, TCP, SIP, IPV4, IPV6 = 17, 6, 1, 2, 10
CONFIG = """#!KAMAILIO
debug=1
log_stderror=yes
fork=yes
children=1
auto_aliases=no
dns=no
rev_dns=no
disable_tcp=yes
loadmodule "pv.so"
loadmodule "xlog.so"
loadmodule "db_text.so"
loadmodule "sipcapture.so"
modparam("sipcapture", "db_url", "text://@DIR@")
modparam("xlog", "buf_size", 262144)
modparam("sipcapture", "insert_retry_timeout", 0)
modparam("sipcapture", "nonsip_hook", 1)

event_route[sipcapture:request] {
    xlog("L_NOTICE", "HEP v$hep(version) $hep(0x001) $hep(0x002) $hep(0x003) $hep(0x004) $hep(0x005) $hep(0x006) $hep(0x007) $hep(0x008) $hep(0x009) $hep(0x00a) $hep(0x00b) $hep(0x00c) $(hep(0x00f){s.encode.hexa}) $(hep(0x011){s.encode.hexa}) $(mb{s.encode.hexa}) .\\n");
    exit;
}

request_route {
    exit;
}
"""
LINE = re.compile(r"HEP v3 (\d+) (\d+) (\S*) (\S*) (\S*) (\S*) (\d+) (\d+) (\d+) (\d+) (\d+) (\d+) ([0-9a-f]+) ([0-9a-f]*) ([0-9a-f]+) \.$", re.M)

Packet = collections.namedtuple("Packet", "family protocol source destination time type agent payload call_id node")


def node_of(raw):
    """The name of the capture agent (chunk 0x0013), which the module passes over."""
    at = 6
    while at < len(raw):
        vendor, kind, size = struct.unpack("!HHH", raw[at:at + 6])
        if (vendor, kind) == (0, 0x13):
            return raw[at + 6:at + size].decode()
        at += size
    return None


class Homer:
    def __init__(self, folder, address=ADDRESS):
        name = f"homer-{address[1]}"
        self.address = address
        directory = os.path.join(folder, name)
        os.makedirs(directory, exist_ok=True)
        path = os.path.join(directory, "kamailio.cfg")
        with open(path, "w") as file:
            file.write(CONFIG.replace("@DIR@", directory))
        self._process = Process(name, ["kamailio", "-DD", "-E", "-f", path, "-l", f"udp:{host_port(address)}", "-P", os.path.join(directory, "pid"),
                                       "-Y", directory, "-m", "64", "-M", "16"], folder)
        wait_for(self._listens, f"the capture server to come up:\n{self._process.log()}", 20)

    def _listens(self):
        """It takes what is sent to it: a packet that is none."""
        if not self._process.alive():
            raise AssertionError(f"the capture server ended:\n{self._process.log()}")
        with socket.socket(socket.AF_INET6 if ":" in self.address[0] else socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((self.address[0], 0))
            try:
                probe.connect(self.address)
                probe.send(b"no HEP")
                probe.settimeout(0.1)
                probe.recv(1)
            except ConnectionRefusedError:
                return False
            except TimeoutError:
                return True

    def packets(self):
        """All that it was sent, in the order of their arrival."""
        found = []
        for family, protocol, source4, destination4, source6, destination6, source_port, destination_port, seconds, micros, kind, agent, payload, call_id, raw in LINE.findall(self._process.log()):
            source, destination = (source4, destination4) if int(family) == IPV4 else (source6, destination6)
            found.append(Packet(int(family), int(protocol), (source, int(source_port)), (destination, int(destination_port)), int(seconds) + int(micros) / 1e6, int(kind),
                                int(agent), bytes.fromhex(payload), bytes.fromhex(call_id).decode(), node_of(bytes.fromhex(raw))))
        return found

    def of_call(self, call_id):
        """Those of one Call-ID, by the time that they bear."""
        return sorted((packet for packet in self.packets() if packet.call_id == call_id), key=lambda packet: packet.time)

    def wait(self, wanted, what, timeout=20.0):
        """The first packet for which `wanted(packet)` is true."""
        return wait_for(lambda: next((packet for packet in self.packets() if wanted(packet)), None), what, timeout, 0.05)

    def stop(self):
        self._process.stop()


def message(packet):
    return Message(packet.payload)
