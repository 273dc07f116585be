"""`postern audit` against a running daemon, a PBX and what listens there: each row turns from ok to fail and back."""
import json
import re
import socket

from support import case
from support.door import ACCESS, CORE, Postern, config, run
from support.networks import run as tool
from support.pbx import ADDRESS, Pbx
from support.proc import wait_for
from support.sip import Phone

USER, OTHER, PASSWORD = "kx83hd", "zv41tb", "kT9-w2.zq"   # no numbers, and no word of any list
FAILED_LOGINS = 11
OUTSIDE = "10.77.0.9"   # of this host, beside loopback
DEVICES = "devices: {'*': {permit: [127.0.0.0/8]}}\n"
CALLS = "calls: {classes: {internal: [1XXX]}, allow: [{device: '*', classes: [internal]}]}\n"
HEALTH = "health_check: 1s, timeout: 500ms"


def text(extra="", pbx_extra=""):
    return config(extra=extra).replace("bind: ", f"{HEALTH}{pbx_extra}, bind: ")


class Audit(case.Case):
    def setUp(self):
        super().setUp()
        self.pbx = self.run_until_end(Pbx(self.folder))
        self.pbx.set_password(USER, PASSWORD)
        self.guessers = 0

    def audit(self, *arguments):
        """The rows by number."""
        done = run("audit", "-c", self.postern.path, "--json", *arguments)
        rows = json.loads(done.stdout)
        self.assertEqual([list(row) for row in rows], [["number", "practice", "status", "evidence", "remedy"]] * 8)
        self.assertEqual(done.returncode, 1 if any(row["status"] == "fail" for row in rows) else 0)
        self.assertRegex(done.stderr, r"probing: \d+ of \d+")
        return {row["number"]: row for row in rows}

    def assert_status(self, rows, **expected):
        for number, status in expected.items():
            row = rows[int(number.removeprefix("row"))]
            self.assertEqual(row["status"], status, row)

    def registers(self, user=USER, password=PASSWORD, address="127.1.0.1"):
        phone = Phone((address, 5080), ACCESS, user, password)
        try:
            self.assertEqual(phone.register().status, 200)
        finally:
            phone.socket.close()

    def refused_logins(self):
        """Each from an address and of a user of its own: nobody is banned for one."""
        for _ in range(FAILED_LOGINS):
            self.guessers += 1
            phone = Phone((f"127.1.1.{self.guessers}", 5080), ACCESS, f"u{self.guessers}xyz", "wrong")
            self.assertEqual(phone.register().status, 401)
            phone.socket.close()

    def listen(self, host, port):
        listener = socket.create_server((host, port))
        self.addCleanup(listener.close)
        return listener

    def drop(self, table, what):
        """Until the test ends."""
        tool("nft", "-f", "-", text=f"table ip {table} {{\nchain input {{\ntype filter hook input priority 0\n{what} drop\n}}\n}}\n")
        self.addCleanup(tool, "nft", "delete", "table", "ip", table)

    def test_silence_proves_nothing_where_there_is_no_way_back(self):
        self.postern = self.run_until_end(Postern(self.folder, text(DEVICES + CALLS)))
        self.registers()
        self.drop("deaf", f"ip saddr {ADDRESS[0]} ip daddr 127.0.0.1")
        rows = self.audit()
        self.assert_status(rows, row7="warn")
        self.assertIn("not seen: whether 127.77.0.5:15077 answers others: its host answers nothing at all to 127.0.0.1", rows[7]["evidence"])
        self.assertIn("nft -f -", rows[7]["remedy"])

    def test_who_was_not_looked_at_since_the_start_is_named(self):
        self.pbx.set_password(OTHER, PASSWORD)
        first = Postern(self.folder, text())
        self.addCleanup(first.stop_if_alive)
        self.postern = first
        self.registers()
        first.stop()
        self.postern = self.run_until_end(Postern(self.folder, text(), name="again"))
        other = self.run_until_end(Phone(("127.1.0.2", 5080), ACCESS, OTHER, PASSWORD))
        for expires in (3600, 0):
            self.assertEqual(other.register(expires).status, 200)
        rows = self.audit()
        self.assert_status(rows, row1="warn")
        self.assertIn(f"not seen: 1 of 1 registered device had no digest tried since the start (its next REGISTER brings one): {USER}", rows[1]["evidence"])
        self.registers()
        self.assert_status(self.audit(), row1="ok")

    def test_each_row_turns_from_ok_to_fail_and_back(self):
        self.postern = self.run_until_end(Postern(self.folder, text(DEVICES + CALLS)))
        self.registers()
        self.refused_logins()
        rows = self.audit()
        self.assert_status(rows, row1="ok", row2="ok", row3="ok", row4="ok", row5="warn", row6="ok", row7="fail", row8="ok")
        # The firewall that it prints, as the PBX's operator would put it there.
        snippet = re.search(r"nft -f - <<'END'\n(.*?)END\n.*?to take it back: nft (delete table \S+ \S+)", rows[7]["remedy"], re.S)
        tool("nft", "-f", "-", text=snippet.group(1))
        tool("ip", "address", "replace", f"{OUTSIDE}/32", "dev", "lo")
        self.listen(OUTSIDE, 22)
        rows = self.audit("--from-outside", ACCESS[0])
        self.assert_status(rows, row5="ok", row7="ok")

        self.pbx.set_password(OTHER, OTHER)
        self.registers(OTHER, OTHER, "127.1.0.2")
        tool("nft", *snippet.group(2).split())
        pbx = f"'udp://{ADDRESS[0]}:{ADDRESS[1]}'"
        bad = text("devices: {other: {permit: [127.0.0.0/8]}}\njail: off\nenforce: off\n").replace(pbx, f"[{pbx}, 'udp://127.77.0.6:5060']")
        self.assertEqual(self.postern.reload(bad), "applied")
        listeners = [self.listen(ADDRESS[0], 5038), self.listen(ACCESS[0], 3306), self.listen(OUTSIDE, 5038)]
        tool("nft", "-f", "-", text=f"table ip ban {{\nchain input {{\ntype filter hook input priority 0\nip saddr {CORE[0]} udp sport {CORE[1]} drop\n}}\n}}\n")
        wait_for(lambda: self.postern.metric("postern_pbx_up") == 0, "the PBX to fall silent")
        rows = self.audit("--from-outside", ACCESS[0])
        self.assert_status(rows, row1="fail", row2="fail", row3="fail", row4="fail", row5="fail", row6="fail", row7="fail", row8="fail")
        self.assertIn(f"{OTHER} (is the user name)", rows[1]["evidence"])
        self.assertNotIn(PASSWORD, json.dumps(rows))
        self.assertIn("AMI 5038/tcp", rows[5]["evidence"])
        self.assertIn("shows SQL 3306/tcp to the outside", rows[5]["evidence"])
        self.assertIn("on this host listens AMI 5038/tcp", rows[5]["evidence"])
        self.assertIn("the jail is off", rows[8]["evidence"])
        self.assertIn("`enforce` is off", rows[8]["evidence"])
        self.assertIn("fail2ban-client unban 127.77.0.2", rows[8]["remedy"])

        self.assertEqual(self.postern.reload(text(DEVICES + CALLS)), "applied")
        for listener in listeners:
            listener.close()
        tool("nft", "delete", "table", "ip", "ban")
        tool("nft", "-f", "-", text=snippet.group(1))
        self.addCleanup(tool, "nft", *snippet.group(2).split())
        wait_for(lambda: self.postern.metric("postern_pbx_up") == 1, "the PBX to answer again")
        self.pbx.set_password(OTHER, PASSWORD)
        self.registers(OTHER, PASSWORD, "127.1.0.2")
        self.refused_logins()
        rows = self.audit("--from-outside", ACCESS[0])
        self.assert_status(rows, row1="ok", row2="ok", row3="ok", row4="ok", row5="ok", row6="ok", row7="ok", row8="ok")


class NotSeen(case.Case):
    def test_what_cannot_be_seen_is_never_ok(self):
        path = self.write("postern.yaml", text())
        done = run("audit", "-c", path, "--json")
        rows = json.loads(done.stdout)
        self.assertEqual(done.returncode, 1)
        self.assertNotIn("ok", [row["status"] for row in rows])
        for row in rows:
            if row["status"] == "warn":
                self.assertIn("not seen: ", row["evidence"])

    def test_usage(self):
        path = self.write("postern.yaml", text())
        self.assertEqual(run("audit", "-c", path, "--from-outside", "nowhere").returncode, 2)
        self.assertEqual(run("audit", "-c", path + ".none").returncode, 1)
        self.assertIn("Examples:\n  postern audit -c ", run("audit", "--help").stdout)


if __name__ == "__main__":
    case.need("kamailio", "kamcmd", "nft")
    case.main()
