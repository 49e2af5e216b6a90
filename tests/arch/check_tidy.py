#!/usr/bin/env python3
"""Lets clang-tidy read every production source, with the compiler's warnings and thread-safety analysis as findings.

usage: check_tidy.py SOURCE_DIR BUILD_DIR [JOBS]

BUILD_DIR holds compile_commands.json of a clang build, whose generated sources exist. A source is read again only when
it, a header that it includes, its command, .clang-tidy or clang-tidy itself has changed: BUILD_DIR/tidy holds a file
for each state of a source that was found without fault.
"""

import concurrent.futures
import functools
import hashlib
import json
import os
import pathlib
import shlex
import subprocess
import sys
import time

TIDY = "clang-tidy-16"
FOLDERS = ("common/", "server/", "client/")


@functools.lru_cache(maxsize=None)
def digest(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def dependencies(directory, command):
    """The files that a compilation reads, its source among them, or None when it does not get that far."""
    words = shlex.split(command)
    if words[0].endswith("ccache"):
        words = words[1:]
    at = words.index("-o")
    listing = subprocess.run(words[:at] + words[at + 2:] + ["-M", "-w"], cwd=directory, capture_output=True, text=True)
    if listing.returncode != 0:
        return None
    return listing.stdout.replace("\\\n", " ").split(":", 1)[1].split()


def state(directory, command, settings):
    """A name for everything that the verdict on a source depends on."""
    files = dependencies(directory, command)
    if files is None:
        return None
    parts = [settings, command]
    for path in files:
        path = os.path.normpath(os.path.join(directory, path))
        parts += [path, digest(path)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def main():
    source, build = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    jobs = int(sys.argv[3]) if len(sys.argv) > 3 else os.cpu_count()
    clean = build / "tidy"
    clean.mkdir(exist_ok=True)
    version = subprocess.run([TIDY, "--version"], capture_output=True, text=True, check=True).stdout
    settings = version + (source / ".clang-tidy").read_text()
    entries = []
    for entry in json.loads((build / "compile_commands.json").read_text()):
        name = os.path.relpath(os.path.join(entry["directory"], entry["file"]), source)
        if name.startswith(FOLDERS):
            entries.append((name, entry["directory"], entry["command"]))

    def read(entry):
        name, directory, command = entry
        key = state(directory, command, settings)
        if key and (clean / key).exists():
            return name, 0, 0, ""
        begun = time.monotonic()
        run = subprocess.run([TIDY, "--quiet", "-p", str(build), str(source / name)], cwd=source, capture_output=True, text=True)
        if run.returncode == 0 and key:
            (clean / key).touch()
        return name, run.returncode, time.monotonic() - begun, run.stdout

    faulty, fresh = 0, 0
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for name, code, seconds, output in pool.map(read, sorted(entries)):
            if code != 0:
                faulty += 1
                print(output)
            if seconds:
                fresh += 1
                print(f"{'FAILED' if code else 'ok    '} {name} ({seconds:.0f} s)", flush=True)
    print(f"clang-tidy: {len(entries)} sources, {fresh} of them read anew, {faulty} with findings")
    return 1 if faulty or not entries else 0


if __name__ == "__main__":
    sys.exit(main())
