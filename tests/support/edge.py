"""A proxy between phones and Postern that stays on the route of every dialog."""
import os

from .proc import Process, wait_for
from .sip import host_port
from .sipp import bound

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
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "rr.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"

request_route {
    if (!mf_process_maxfwd_header("70")) exit;
    if (is_method("CANCEL")) {
        if (t_check_trans()) t_relay();
        exit;
    }
    if (has_totag()) {
        if (!loose_route()) exit;
        t_relay();
        exit;
    }
    t_check_trans();
    if (is_method("INVITE|SUBSCRIBE")) record_route();
    if ($si != "@DOOR_HOST@") $du = "sip:@DOOR@";
    t_relay();
}
"""


class Edge:
    """Whatever does not come from the door goes there."""

    def __init__(self, folder, address, door):
        self.folder = os.path.join(folder, "edge")
        os.makedirs(self.folder)
        path = os.path.join(self.folder, "kamailio.cfg")
        with open(path, "w") as file:
            file.write(CONFIG.replace("@DOOR_HOST@", door[0]).replace("@DOOR@", host_port(door)))
        path_of_sbin = os.environ["PATH"] + ":/usr/sbin:/sbin"
        self._process = Process("edge", ["kamailio", "-DD", "-E", "-f", path, "-l", f"udp:{host_port(address)}", "-P", os.path.join(self.folder, "pid"),
                                         "-Y", self.folder, "-m", "64", "-M", "8"], folder, env={"PATH": path_of_sbin})
        wait_for(lambda: self._bound(address), f"the proxy to bind {address}", 20)

    def _bound(self, address):
        if not self._process.alive():
            raise AssertionError(f"the proxy ended:\n{self._process.log()}")
        return bound(address)

    def stop(self):
        self._process.stop()
