"""The matrix: which client does which row over which access and core. What there is of each stands here and nowhere else:
a new access or core is a line in ACCESSES or CORES, and its name stands with each client that can use it; a new client is a line in CLIENTS and a class of
its rows (support/column_NAME.py), which tests/integration/matrix_test.py makes columns of. scripts/test-matrix prints the table."""
import dataclasses
import itertools
import typing

ROWS = ("register", "call_out_and_remote_bye", "be_called_and_hang_up", "hold_and_resume", "blind_transfer", "attended_transfer", "be_transferred", "cancel",
        "busy", "early_media", "in_a_call_after_a_restart")


@dataclasses.dataclass(frozen=True)
class Access:
    """How phones reach Postern. The far ends of the calls are phones over UDP, of the same family."""
    scheme: str          # of the listener, and a phone's transport
    port: int
    ipv6: bool = False


@dataclasses.dataclass(frozen=True)
class Core:
    """How Postern reaches the PBX."""
    scheme: str
    not_there: tuple = ()  # rows: a PBX forgets the phones of a connection that has ended


@dataclasses.dataclass(frozen=True)
class Client:
    accesses: tuple      # names
    cores: tuple         # names
    rows: tuple
    programs: tuple      # what it needs beside what each column needs
    few: tuple = ()      # where its cells are dear: the rows that the subsets take their cells from


class Cell(typing.NamedTuple):
    client: str
    access: str
    core: str
    row: str

    @property
    def test(self):
        """Its name for unittest in matrix_test.py."""
        return f"{self.client}_{self.access}_{self.core}.test_{self.row}"


ACCESSES = {"UDP": Access("udp", 5060), "TCP": Access("tcp", 5060), "TLS": Access("tls", 5061), "WSS": Access("wss", 8089), "UDP6": Access("udp", 5060, ipv6=True)}
CORES = {"UDP": Core("udp"), "TCP": Core("tcp", ("in_a_call_after_a_restart",))}
CLIENTS = {
    "baresip": Client(("UDP", "TCP", "TLS", "UDP6"), ("UDP", "TCP"), ROWS, ()),
    "linphonec": Client(("UDP", "TCP", "TLS"), ("UDP", "TCP"), ROWS, ("linphonec", "nsenter")),
    "sipp": Client(("UDP", "TCP", "TLS", "UDP6"), ("UDP", "TCP"), ("register", "call_out_and_remote_bye", "cancel", "busy"), ("sipp", "socat")),
    "jssip": Client(("WSS",), ("UDP", "TCP"), ROWS, ("chromium", "certutil"), ("be_called_and_hang_up", "attended_transfer", "in_a_call_after_a_restart")),
}
PROGRAMS = ("kamailio", "kamcmd", "baresip", "openssl", "ip")  # of each column


def cells():
    """All that a client can do, in the order of the table."""
    return [Cell(name, access, core, row) for name, client in CLIENTS.items() for access in client.accesses for core in client.cores for row in client.rows
            if row not in CORES[core].not_there]


def covering(strength):
    """Few cells in which any `strength` values that meet in a cell of the matrix meet (of a client with `few` rows: in one of those): 2 is pairwise, 1 has each
    client, access, core and row once."""
    def meetings(cell):
        return set(itertools.combinations(enumerate(cell), strength))
    whole, chosen = [cell for cell in cells() if cell.row in (CLIENTS[cell.client].few or ROWS)], []
    left = set().union(*map(meetings, whole))
    while left:
        best = max(whole, key=lambda cell: len(meetings(cell) & left))  # the first of the best, so the same each time
        chosen.append(best)
        left -= meetings(best)
    return [cell for cell in whole if cell in chosen]


SUBSETS = {"all": cells, "pairwise": lambda: covering(2), "each": lambda: covering(1)}
