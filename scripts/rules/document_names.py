#!/usr/bin/env python3
"""Checks that every name in backticks in docs/life-of-a-datagram.md exists in the source: `Class::name` as a member of that class or a
definition outside of it, `namespace::Name` as a type in that namespace, `name` as a type, or as a function that is declared or called.
And that every test that docs/sip.md and docs/threat-model.md name is there: `name.replay`, `name_test.py`, `name_test.cpp`, and behind
one of the two latter the case that is meant: `name_test.py Class.test_case`, `name_test.cpp Suite.Case`.

usage: document_names.py [ROOT]; exit status 1 when a name is missing, when a document is, or when it names nothing."""
import pathlib
import re
import sys

CODE_SPAN = re.compile(r"`([^`\n]+)`")
TEST = re.compile(r"^([\w-]+(?:\.replay|_test\.py|_test\.cpp))(?: (\w+)(?:\.(\w+))?)?$")
DOCUMENTS = ("sip.md", "threat-model.md")
NAME = re.compile(r"^(?:[A-Za-z_]\w*::)*~?[A-Za-z_]\w*(?:\(\))?$")
# Comments and literals: a word in them is no name.
NO_CODE = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\'', re.S)
TYPE = r"\b(?:class|struct|enum class|enum|using)\s+{}\b(?!\s*;)"
OPENING = r"\b{}\s+(?:\w+::)*{}\b[^;{{}}()]*{{"


def bodies(kinds, name, source):
    """What stands between the braces of each class (or namespace) of that name."""
    for match in re.finditer(OPENING.format(kinds, re.escape(name)), source):
        depth, end = 1, match.end()
        while depth and end < len(source):
            depth += {"{": 1, "}": -1}.get(source[end], 0)
            end += 1
        yield source[match.end():end - 1]


def is_type(name, source):
    return re.search(TYPE.format(re.escape(name)), source) is not None


def is_function(name, source):
    return re.search(r"\b" + re.escape(name) + r"\s*\(", source) is not None


def exists(written, source):
    """Whether a name stands in the source, as a type or a function of what it is qualified with."""
    *scopes, name = written.removesuffix("()").split("::")
    if not scopes:
        return is_type(name, source) or is_function(name, source)
    scope = scopes[-1]
    if any(is_type(name, body) or is_function(name, body) for body in bodies("(?:class|struct|namespace)", scope, source)):
        return True
    return is_type(scope, source) and re.search(rf"\b{re.escape(scope)}::{re.escape(name)}\s*\(", source) is not None


def spans_of(document):
    """What stands in backticks; none if there is no such document."""
    return CODE_SPAN.findall(re.sub(r"```.*?```", "", document.read_text(), flags=re.S)) if document.is_file() else []


def has_case(text, group, case):
    """Whether a Python or C++ test file has that class or suite, and that case in it."""
    suite = re.search(rf"^class {group}\b.*?(?=^class |\Z)", text, re.M | re.S)
    if suite:
        return not case or re.search(rf"^    def {case}\(", suite[0], re.M) is not None
    return re.search(rf"\bTEST(?:_F|_P)?\(\s*{group}\s*,\s*{case or chr(92) + 'w+'}\s*\)", text) is not None


def missing_tests(root):
    """The tests that documents name and that do not exist."""
    files = {p.name: p for p in (root / "tests").rglob("*") if TEST.search(p.name)}
    problems = []
    for document in DOCUMENTS:
        tests = [(span, TEST.search(span)) for span in spans_of(root / "docs" / document) if TEST.search(span)]
        if not tests:
            problems.append(f"docs/{document} names no test")
        for span, (name, group, case) in ((span, match.groups()) for span, match in tests):
            if name not in files:
                problems.append(f"`{span}` in docs/{document} is no test")
            elif group and not has_case(files[name].read_text(errors="replace"), group, case):
                problems.append(f"`{span}` in docs/{document}: there is no such case")
    return problems


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    paths = [p for folder in ("acl", "sip", "config", "sbc") for p in sorted((root / folder).rglob("*.[ch]pp"))]
    source = "\n".join(NO_CODE.sub(" ", p.read_text(errors="replace")) for p in paths)
    spans = spans_of(root / "docs" / "life-of-a-datagram.md")
    problems = [f"`{span}` is no name" for span in spans if not NAME.match(span)]
    problems += [f"`{span}` does not stand in the source" for span in spans if NAME.match(span) and not exists(span, source)]
    problems += missing_tests(root)
    if not spans:
        problems.append("docs/life-of-a-datagram.md names nothing")
    print("\n".join(problems) if problems else f"all {len(spans)} names exist")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
