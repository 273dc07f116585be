#!/usr/bin/env python3
"""Checks who may include whom (docs/adr, CONTRIBUTING): the folders' rule and where third-party headers may stand.

usage: include_rule.py [ROOT]; prints each breach as file:line: message, exit status 1 when there is one."""
import pathlib
import re
import sys

OURS = ("acl", "sip", "config", "sbc", "sbc/net", "sbc/commands")
MAY_INCLUDE = {
    "acl": {"acl"},
    "sip": {"sip"},
    "config": {"config", "acl", "sip"},     # and any folder's options.hpp, and sbc/flow.hpp, which those name
    "sbc": {"sbc", "acl", "sip"},
    "sbc/net": {"sbc/net", "sbc", "acl", "sip"},
    "sbc/commands": set(OURS),              # parts of the composition root
}
CONFIG_ALSO = re.compile(r"^(.*/options\.hpp|sbc/flow\.hpp)$")

# header pattern: (what it is, which files may include it)
THIRD_PARTY = [
    (re.compile(r"^(sofia-sip|sofia-resolv)/"), "sofia-sip", re.compile(r"^(sip/[^/]+\.cpp|tests/sip/.*|tests/fuzz/fuzz_differential\.cpp)$")),
    (re.compile(r"^yaml-cpp/"), "yaml-cpp", re.compile(r"^config/[^/]+\.cpp$")),
    (re.compile(r"^boost/(asio|beast)"), "Boost.Asio and Beast", re.compile(r"^(sbc/net/.*|sbc/main\.cpp|tests/sbc_net/.*)$")),
    (re.compile(r"^openssl/(ssl|tls|dtls)"), "OpenSSL's TLS", re.compile(r"^(sbc/net/.*|tests/sbc_net/.*)$")),
    (re.compile(r"^openssl/"), "OpenSSL", re.compile(r"^(sbc/net/.*|sbc/[^/]+\.cpp|sbc/evp\.hpp|tests/sbc/.*|tests/sbc_net/.*)$")),
    (re.compile(r"^maxminddb"), "libmaxminddb", re.compile(r"^acl/[^/]+\.cpp$")),
    (re.compile(r"^re2/"), "RE2", re.compile(r"^(acl/[^/]+\.cpp|tests/.*)$")),
    (re.compile(r"^spdlog/"), "spdlog", re.compile(r"^(sbc/net/[^/]+\.cpp|sbc/main\.cpp)$")),
    (re.compile(r"^prometheus/"), "prometheus-cpp", re.compile(r"^sbc/net/[^/]+\.cpp$")),
    (re.compile(r"^pcap"), "libpcap", re.compile(r"^sbc/net/[^/]+\.cpp$")),
    (re.compile(r"^sqlite3"), "SQLite", re.compile(r"^(sbc/net/[^/]+\.cpp|tests/sbc_net/.*)$")),
    (re.compile(r"^systemd/"), "libsystemd", re.compile(r"^sbc/net/[^/]+\.cpp$")),
    (re.compile(r"^cap-ng"), "libcap-ng", re.compile(r"^sbc/net/[^/]+\.cpp$")),
    (re.compile(r"^CLI/"), "CLI11", re.compile(r"^sbc/(main\.cpp|commands/.*)$")),
]
# Socket headers: the engine and what it stands on are pure.
SOCKETS = re.compile(r"^(sys/(socket|epoll|un)\.h|netdb\.h)$")
ASKS_THE_KERNEL = "config/check_addresses.cpp"  # `check` tells whether this host has an address
INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')


def folder_of(path):
    """Our folder that a file (relative to the root) belongs to, or None."""
    return next((folder for folder in sorted(OURS, key=len, reverse=True) if path.startswith(folder + "/")), None)


def breaches_of_include(path, quoted, angled):
    """What is wrong with one #include of the file `path`."""
    header, folder = quoted or angled, folder_of(path)
    target = folder_of(header) if quoted else None
    if folder and quoted and target is None:
        yield f'"{header}" is not named from the root'
    if folder and target and path != "sbc/main.cpp" and target not in MAY_INCLUDE[folder]:
        if not (folder == "config" and CONFIG_ALSO.match(header)):
            yield f"{folder} may not include {header}"
    for pattern, library, allowed in THIRD_PARTY:
        if pattern.match(header):
            if not allowed.match(path):
                yield f"{library} is not included here"
            break
    if folder and folder != "sbc/net" and path not in ("sbc/main.cpp", ASKS_THE_KERNEL) and SOCKETS.match(header):
        yield f"<{header}>: sockets belong to sbc/net"


def breaches(root):
    for path in sorted(root.rglob("*.[ch]pp")):
        relative = path.relative_to(root).as_posix()
        if not relative.startswith(tuple(f"{folder}/" for folder in (*OURS, "tests"))):
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            if match := INCLUDE.match(line):
                for message in breaches_of_include(relative, *match.groups()):
                    yield f"{relative}:{number}: {message}"


def private_links(root):
    """Third-party libraries of a folder stand behind PRIVATE."""
    for folder in OURS:
        text = (root / folder / "CMakeLists.txt").read_text()
        for match in re.finditer(r"postern_library\(([^)]*)\)", text):
            public = re.search(r"\bPUBLIC\b(.*?)(?:\bPRIVATE\b|$)", match.group(1), re.S)
            for library in (public.group(1).split() if public else []):
                if not library.startswith("postern_"):
                    yield f"{folder}/CMakeLists.txt: {library} is linked PUBLIC"


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    found = [*breaches(root), *private_links(root)]
    print("\n".join(found) if found else "the include rule holds")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
