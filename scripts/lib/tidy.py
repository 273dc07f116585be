#!/usr/bin/env python3
"""usage: tidy.py BUILD; runs clang-tidy over the product's sources. A file that was clean stays clean until it, a header of ours or
.clang-tidy changes, so a second turn costs little."""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

FOLDERS = ("acl", "sip", "config", "sbc")
TIDY = "clang-tidy-19"


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
    commands = json.loads((build / "compile_commands.json").read_text())
    files = sorted({pathlib.Path(c["file"]) for c in commands if re.match(rf"({'|'.join(FOLDERS)})/", os.path.relpath(c["file"], root))})
    todo = []
    for path in files:
        stamp = stamps / hashlib.sha256(f"{path}{common}{digest(path)}".encode()).hexdigest()
        if not stamp.exists():
            todo.append((path, stamp))

    def check(job):
        path, stamp = job
        run = subprocess.run([TIDY, "-p", str(build), "--quiet", "--extra-arg=-Wno-unknown-warning-option", str(path)], capture_output=True, text=True)
        if run.returncode == 0:
            stamp.touch()
        return path, run

    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, run in pool.map(check, todo):
            if run.returncode != 0:
                failed += 1
                print(f"{os.path.relpath(path, root)}:\n{run.stdout}{run.stderr if not run.stdout else ''}", flush=True)
    print(f"{len(files)} files, {len(files) - len(todo)} unchanged since they were clean, {failed} with findings")
    sys.exit(1 if failed or not files else 0)


if __name__ == "__main__":
    main()
