#!/usr/bin/env python3
"""Lets clang-tidy read every production source, with the compiler's warnings and thread-safety analysis as findings.

usage: check_tidy.py SOURCE_DIR BUILD_DIR [JOBS]

BUILD_DIR holds compile_commands.json of a clang build, whose generated sources exist. Nearly all of the time goes into
the headers, so sources of one command are read several at once, as one that includes them (unity.py). Where that has a
finding each is read alone, and what is said then counts. Sources are read again only when one of them, a header that
they include, their command, .clang-tidy or clang-tidy itself has changed: BUILD_DIR/tidy holds a file for each state
that was found without fault.
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

import unity

TIDY = "clang-tidy-16"
FOLDERS = ("common/", "server/", "client/")
MAX_TOGETHER = 12  # so that there is work for every processor, and a change makes few be read again


@functools.lru_cache(maxsize=None)
def digest(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def flags_of(command):
    """The command without ccache, output and source."""
    words = shlex.split(command)
    if words[0].endswith("ccache"):
        words = words[1:]
    at = words.index("-o")
    words = words[:at] + words[at + 2:]
    return tuple(words[:words.index("-c")])


class Reader:
    def __init__(self, source, build):
        self.source, self.build, self.clean = source, build, build / "tidy"
        self.clean.mkdir(exist_ok=True)
        version = subprocess.run([TIDY, "--version"], capture_output=True, text=True, check=True).stdout
        self.settings = version + (source / ".clang-tidy").read_text()

    def state(self, flags, path):
        """A file named by everything that the verdict on a source depends on, or None when it does not compile so far."""
        listing = subprocess.run([*flags, "-M", "-w", path], cwd=self.build, capture_output=True, text=True)
        if listing.returncode != 0:
            return None
        parts = [self.settings, *flags]
        for used in listing.stdout.replace("\\\n", " ").split(":", 1)[1].split():
            used = os.path.normpath(os.path.join(self.build, used))
            parts += [used, digest(used)]
        return self.clean / hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def tidy(self, flags, path, *options):
        """What clang-tidy says, or "" where it finds nothing."""
        run = subprocess.run([TIDY, "--quiet", f"--config-file={self.source / '.clang-tidy'}", *options, path, "--", *flags[1:]],
                             cwd=self.build, capture_output=True, text=True)
        return "" if run.returncode == 0 else run.stdout or run.stderr

    def read(self, group):
        """(name, seconds, what was said of it) of each of a group's sources; seconds is None where it was known."""
        flags, names = group
        together = unity.write(self.clean, [str(self.source / name) for name in names])
        state = self.state(flags, together)
        if state and state.exists():
            return [(name, None, "") for name in names]
        begun = time.monotonic()
        # The one source includes others on purpose, and what they hold counts as if it stood in a header.
        said = self.tidy(flags, together, "--checks=-bugprone-suspicious-include",
                         "--header-filter=(common|server|client)/.*\\.(h|cc)$")
        if not said:
            seconds = (time.monotonic() - begun) / len(names)
            found = [(name, seconds, "") for name in names]
        else:
            found = []
            for name in names:
                begun = time.monotonic()
                said = self.tidy(flags, str(self.source / name))
                found.append((name, time.monotonic() - begun, said))
        if state and not any(said for _, _, said in found):
            state.touch()
        return found


def main():
    source, build = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    jobs = int(sys.argv[3]) if len(sys.argv) > 3 else os.cpu_count()
    by_flags = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        name = os.path.relpath(os.path.join(entry["directory"], entry["file"]), source)
        if name.startswith(FOLDERS):
            by_flags.setdefault(flags_of(entry["command"]), []).append(name)
    groups = []
    for flags, names in by_flags.items():
        groups += [(flags, group) for group in unity.groups(sorted(names), source, MAX_TOGETHER)]
    groups.sort(key=lambda group: -len(group[1]))  # the long ones first

    reader = Reader(source, build)
    sources, faulty, fresh = 0, 0, 0
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for found in pool.map(reader.read, groups):
            for name, seconds, said in found:
                sources += 1
                faulty += 1 if said else 0
                fresh += 0 if seconds is None else 1
                if said:
                    print(said)
                if seconds is not None:
                    print(f"{'FAILED' if said else 'ok    '} {name} ({seconds:.0f} s)", flush=True)
    print(f"clang-tidy: {sources} sources, {fresh} of them read anew, {faulty} with findings")
    return 1 if faulty or not sources else 0


if __name__ == "__main__":
    sys.exit(main())
