#!/usr/bin/env python3
"""usage: tidy.py BUILD; runs clang-tidy over the product's sources as the preset `lint` puts them together: few large files, so that
the headers of the libraries are read a few times and not a hundred. What was clean stays clean until one of its sources, a header of
ours or .clang-tidy changes, so a second turn costs little."""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

FOLDERS = ("acl", "sip", "config", "sbc")
TIDY = ["clang-tidy-19", "--quiet", rf"--header-filter=/({'|'.join(FOLDERS)})/.*\.(hpp|cpp)$"]


def sources(unit):
    """The sources of ours in what the compiler is given: the file itself, or those that a file made by CMake includes."""
    included = [pathlib.Path(name) for name in re.findall(r'^#include "(.+\.cpp)"$', unit.read_text(), re.M)]
    return included or [unit]


def digest(*paths):
    sum_ = hashlib.sha256()
    for path in paths:
        sum_.update(path.read_bytes())
    return sum_.hexdigest()


def main():
    root, build = pathlib.Path.cwd(), pathlib.Path(sys.argv[1])
    stamps = build / "tidy"
    stamps.mkdir(exist_ok=True)
    headers = sorted(p for folder in FOLDERS for p in (root / folder).rglob("*.hpp"))
    common = digest(root / ".clang-tidy", *headers)
    units = sorted({pathlib.Path(c["file"]) for c in json.loads((build / "compile_commands.json").read_text())})
    todo = []
    for unit in units:
        stamp = stamps / hashlib.sha256(f"{unit}{common}{digest(*sources(unit))}".encode()).hexdigest()
        if not stamp.exists():
            todo.append((unit, stamp))

    def check(job):
        unit, stamp = job
        # a file that CMake made includes sources on purpose
        checks = [] if sources(unit) == [unit] else ["--checks=-bugprone-suspicious-include"]
        run = subprocess.run([*TIDY, *checks, "-p", str(build), str(unit)], capture_output=True, text=True)
        if run.returncode == 0:
            stamp.touch()
        return unit, run

    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for unit, run in pool.map(check, todo):
            if run.returncode != 0:
                failed += 1
                print(f"{os.path.relpath(unit, root)}:\n{run.stdout}{run.stderr if not run.stdout else ''}", flush=True)
    count = sum(len(sources(unit)) for unit in units)
    print(f"{count} sources in {len(units)} files, {len(units) - len(todo)} unchanged since they were clean, {failed} with findings")
    sys.exit(1 if failed or not count else 0)


if __name__ == "__main__":
    main()
