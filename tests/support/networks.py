"""Networks of a test's own: namespaces beside the one that it runs in, which is the router between them, and what the router forwards."""
import os
import subprocess

from .proc import Process, wait_for


def run(*command, text=None):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, input=text)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}: {done.stderr}")
    return done.stdout


class Network:
    """A namespace with one machine at ADDRESS, on a wire of its own to the router, which has ROUTER there. `gateway`: it sends everything to the router."""

    def __init__(self, folder, name, address, router, gateway=False, prefix=24):
        self._name = name
        self._process = Process(f"network-{name}", ["unshare", "--net", "sleep", "infinity"], folder)
        here = os.readlink("/proc/self/ns/net")
        wait_for(lambda: os.readlink(f"/proc/{self._process.pid}/ns/net") != here, f"the namespace {name}")
        self.enter = ("nsenter", "-t", str(self._process.pid), "-n")
        run("ip", "link", "add", name, "type", "veth", "peer", "name", "wire", "netns", self._process.pid)
        run("ip", "address", "add", f"{router}/{prefix}", "dev", name)
        run("ip", "link", "set", name, "up")
        for command in (["link", "set", "lo", "up"], ["address", "add", f"{address}/{prefix}", "dev", "wire"], ["link", "set", "wire", "up"],
                        *([["route", "add", "default", "via", router]] if gateway else [])):
            run(*self.enter, "ip", *command)

    def reaches(self, address):
        """Whether it has any route there at all."""
        return subprocess.run([*self.enter, "ip", "route", "get", address], capture_output=True).returncode == 0

    def stop(self):
        run("ip", "link", "delete", self._name)  # a namespace ends some time after its last process, and the wire with it
        self._process.stop()


def forward_rtp(outside, inside, public, pbx, ports="20000-20100"):
    """As an edge router is set: the RTP range of its outside address goes to the PBX, the PBX's own RTP leaves from that address with its ports, nothing else passes."""
    run("nft", "-f", "-", text=f"""
        table ip router
        delete table ip router
        table ip router {{
          counter heard {{ }}
          counter spoken {{ }}
          chain in {{ type nat hook prerouting priority dstnat; iifname {outside} ip daddr {public} udp dport {ports} dnat to {pbx}; }}
          chain out {{ type nat hook postrouting priority srcnat; oifname {outside} ip saddr {pbx} udp sport {ports} snat to {public}; }}
          chain pass {{
            type filter hook forward priority filter; policy drop;
            iifname {outside} ip daddr {pbx} udp dport {ports} counter name heard accept
            iifname {inside} ip saddr {pbx} udp sport {ports} counter name spoken accept
          }}
        }}""")
    with open("/proc/sys/net/ipv4/ip_forward", "w") as switch:
        switch.write("1")


def forwarded(counter):
    """Packets that passed the router: `heard` toward the PBX, `spoken` by it."""
    return int(run("nft", "list", "counter", "ip", "router", counter).split("packets ")[1].split()[0])
