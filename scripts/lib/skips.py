#!/usr/bin/env python3
"""usage: skips.py JUNIT SKIPS; fails when a test was skipped that SKIPS (lines of name<TAB>reason) does not list.
A listed name may be a shell pattern."""
import fnmatch
import sys
import xml.etree.ElementTree


def listed(path):
    with open(path) as file:
        lines = [line.rstrip("\n") for line in file if line.strip() and not line.startswith("#")]
    bad = [line for line in lines if len(line.split("\t")) != 2 or not all(part.strip() for part in line.split("\t"))]
    if bad:
        sys.exit(f"{path}: each line is name<TAB>reason; these are not: {bad}")
    return [line.split("\t")[0] for line in lines]


def main():
    allowed = listed(sys.argv[2])
    cases = list(xml.etree.ElementTree.parse(sys.argv[1]).getroot().iter("testcase"))
    skipped = [case.get("name") for case in cases if case.find("skipped") is not None or case.get("status") in ("notrun", "disabled")]
    unlisted = [name for name in skipped if not any(fnmatch.fnmatchcase(name, pattern) for pattern in allowed)]
    print(f"{len(cases)} tests, {len(skipped)} skipped" + (f" (listed in tests/SKIPS: {len(skipped) - len(unlisted)})" if skipped else ""))
    for name in unlisted:
        print(f"skipped and not listed in tests/SKIPS, which counts as failed: {name}")
    sys.exit(1 if unlisted or not cases else 0)


if __name__ == "__main__":
    main()
