#!/usr/bin/env python3
"""Checks that every function that docs/life-of-a-datagram.md names in backticks (`name()` or `Class::name`) exists in the source.

usage: document_names.py [ROOT]; exit status 1 when a name is missing, when the document is, or when it names nothing."""
import pathlib
import re
import sys

CODE_SPAN = re.compile(r"`([^`\n]+)`")
NAME = re.compile(r"^((?:[A-Za-z_]\w*::)*)(~?[A-Za-z_]\w*)(\(.*\))?$")


def named_functions(text):
    """(as written, qualifiers, name) of each code span that is a function's name; fenced blocks are no part of it."""
    for match in CODE_SPAN.finditer(re.sub(r"```.*?```", "", text, flags=re.S)):
        if (parts := NAME.match(match.group(1))) and (parts.group(1) or parts.group(3) is not None):
            yield match.group(1), [q for q in parts.group(1).split("::") if q], parts.group(2)


def missing(name, qualifiers, source):
    """What of a name does not stand in the source, or None."""
    if not re.search(r"\b" + re.escape(name) + r"\b", source):
        return name
    return next((q for q in qualifiers if not re.search(r"\b(?:class|struct|namespace|enum(?: class)?|using)\s[^;{]*\b" + re.escape(q) + r"\b", source)), None)


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    document = root / "docs" / "life-of-a-datagram.md"
    if not document.is_file():
        print(f"{document.relative_to(root)} is missing")
        return 1
    paths = [p for folder in ("acl", "sip", "config", "sbc") for p in sorted((root / folder).rglob("*.[ch]pp"))]
    source = "\n".join(re.sub(r"//.*", "", p.read_text(errors="replace")) for p in paths)
    names = list(named_functions(document.read_text()))
    problems = [f"`{written}`: no {part} in the source" for written, qualifiers, name in names if (part := missing(name, qualifiers, source))]
    if not names:
        problems = ["the document names no function"]
    print("\n".join(problems) if problems else f"all {len(names)} names exist")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
