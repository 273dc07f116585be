#!/usr/bin/env python3
"""usage: skips.py JUNIT SKIPS; fails when a test was skipped that SKIPS (lines of name<TAB>reason) does not list.
A listed name may be a shell pattern; the reason must stand in what the skipped test said, so that no other cause hides behind it."""
import collections
import fnmatch
import sys
import xml.etree.ElementTree


def listed(path):
    """(pattern, reason) of each line."""
    with open(path) as file:
        lines = [line.rstrip("\n").split("\t") for line in file if line.strip() and not line.startswith("#")]
    bad = ["\t".join(line) for line in lines if len(line) != 2 or not all(part.strip() for part in line)]
    if bad:
        sys.exit(f"{path}: each line is name<TAB>reason; these are not: {bad}")
    return lines


def reason_of(case, allowed):
    """The listed reason why a test was skipped, or None."""
    said = "".join(case.itertext())
    return next((reason for pattern, reason in allowed if fnmatch.fnmatchcase(case.get("name"), pattern) and reason in said), None)


def main():
    allowed = listed(sys.argv[2])
    cases = list(xml.etree.ElementTree.parse(sys.argv[1]).getroot().iter("testcase"))
    skipped = [case for case in cases if case.find("skipped") is not None or case.get("status") in ("notrun", "disabled")]
    reasons = {case.get("name"): reason_of(case, allowed) for case in skipped}
    print(f"{len(cases)} tests, {len(skipped)} skipped")
    for reason, count in collections.Counter(filter(None, reasons.values())).items():
        print(f"{count} skipped, as tests/SKIPS allows: {reason}")
    unlisted = [name for name, reason in reasons.items() if reason is None]
    for name in unlisted:
        print(f"skipped and not listed in tests/SKIPS, which counts as failed: {name}")
    sys.exit(1 if unlisted or not cases else 0)


if __name__ == "__main__":
    main()
