"""Calls over a network that loses packets: each one is completed by somebody's repetition."""
import os
import subprocess

from support import case
from support.door import ACCESS, CORE, Postern, config
from support.pbx import TRUNK, Pbx
from support.sipp import Sipp

CALLS = int(os.environ.get("POSTERN_CALLS", "20"))       # scripts/accept runs more
LOSSES = [int(n) for n in os.environ.get("POSTERN_LOSSES", "5").split()]  # per cent
OFTEN = "limits: {per_source: {rate: 10000/s, burst: 10000}, per_source_methods: {INVITE: {rate: 10000/s, burst: 10000}}, per_device: off}\n"
LOST = """
table inet loss {{
  counter lost {{}}
  chain input {{
    type filter hook input priority 0;
    ip saddr {host} numgen random mod 100 < {percent} counter name lost drop
    ip daddr {host} numgen random mod 100 < {percent} counter name lost drop
  }}
}}
"""


class Loss(case.Case):
    def lose(self, host, percent):
        subprocess.run(["nft", "-f", "-"], input=LOST.format(host=host, percent=percent), text=True, check=True)
        self.addCleanup(subprocess.run, ["nft", "delete", "table", "inet", "loss"], stderr=subprocess.DEVNULL)

    def lost(self):
        out = subprocess.run(["nft", "list", "counter", "inet", "loss", "lost"], capture_output=True, text=True, check=True).stdout
        return int(out.split("packets")[1].split()[0])

    def calls(self, host, percent):
        with self.subTest(f"{percent} % at {host}"):
            self.lose(host, percent)
            uas = self.run_until_end(Sipp(self.folder, "uas", TRUNK, calls=CALLS, timeout=120, name=f"uas-{host}-{percent}")).wait_bound()
            uac = self.run_until_end(Sipp(self.folder, "uac", ("127.1.0.3", 5080), ACCESS, caller="1001", number="2001", calls=CALLS, rate=10, timeout=120,
                                          name=f"uac-{host}-{percent}"))
            uac.finish(150)
            lost = self.lost()
            uas.stop()
            subprocess.run(["nft", "delete", "table", "inet", "loss"], check=True)
            self.assertGreater(lost, 0)
            return lost

    def test_every_call_is_completed(self):
        case.need("nft")
        self.run_until_end(Pbx(self.folder))
        # That all four packets of the first four seconds are lost is rare, and not what repetitions are for: pbx.timeout gives up then.
        self.run_until_end(Postern(self.folder, config(extra=OFTEN).replace("bind:", "timeout: 15s, bind:")))
        told = [f"{CALLS} of {CALLS} with {percent} % lost on the {side} side ({self.calls(host, percent)} packets)"
                for percent in LOSSES for side, host in (("access", ACCESS[0]), ("core", CORE[0]))]
        case.measured("; ".join(told))


if __name__ == "__main__":
    case.main()
