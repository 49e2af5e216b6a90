#!/usr/bin/env python3
"""Compiling several sources as one: most of a compiler's time goes into headers and templates that they share.

usage: unity.py groups ROOT MOST SOURCE...   sources that can be included by one: they declare no name twice in unnamed
                                             namespaces. Prints "<number of the group> <source>" a line each
       unity.py tests ROOT MOST SOURCE...    the same for tests that can be joined: all is in one unnamed namespace
       unity.py join OUT SOURCE...           writes OUT: those tests, each in a namespace of its own

What is declared is guessed from the way our sources are laid out. A wrong guess is an error of the compiler, or two
files where one would do, never a wrong verdict.
"""

import hashlib
import os
import pathlib
import re
import sys

PROJECT = pathlib.Path(__file__).resolve().parent.parent.parent
DECLARED = re.compile(r"(?:(?:class|struct|enum|enum class|using|concept)\s+(\w+)|(\w+)\s*[({=;\[])")
NAMESPACE = re.compile(r"namespace ([\w:]+) \{")
# One that defines macros, or is a program, stands alone.
ALONE = re.compile(r"^(#define|int main\()", re.MULTILINE)


def names_in(text):
    """The names, with their namespaces, that begin a line's declaration within an unnamed namespace."""
    names, outer, inside = set(), "", False
    for line in text.splitlines():
        if line == "namespace {":
            inside = True
        elif line == "}  // namespace":
            inside = False
        elif named := NAMESPACE.fullmatch(line):
            outer = named[1]
        elif inside and line[:1].isalpha():
            if found := DECLARED.search(line):
                names.add((outer, found[1] or found[2]))
    return names


def groups(sources, root, most):
    """Sources in lists of at most `most`, in their order."""
    made = []  # (sources, names)
    alone = []
    for source in sources:
        text = (pathlib.Path(root) / source).read_text()
        if ALONE.search(text):
            alone.append([source])
            continue
        names = names_in(text)
        for group, taken in made:
            if len(group) < most and not names & taken:
                group.append(source)
                taken |= names
                break
        else:
            made.append(([source], names))
    return [group for group, _ in made] + alone


def can_be_joined(text):
    parts = text.split("\nnamespace {\n")
    if len(parts) != 2 or ALONE.search(text):
        return False
    before, _, after = parts[0], *parts[1].partition("\n}  // namespace\n")[::2]
    outside = [line for line in (before + "\n" + after).splitlines() if line]
    return all(line.startswith(("#", "//", "namespace ", "}")) for line in outside)


def test_groups(sources, root, most):
    joined, alone = [], []
    for source in sources:
        (joined if can_be_joined((pathlib.Path(root) / source).read_text()) else alone).append(source)
    count = -(-len(joined) // most)
    return [joined[i::count] for i in range(count)] + [[source] for source in alone]


def join(paths):
    """The text of these tests, each in a namespace of its own in place of the unnamed one."""
    text = ""
    for path in paths:
        own = "in_" + re.sub(r"\W", "_", pathlib.Path(path).name)
        source = pathlib.Path(path).read_text().replace("\nnamespace {\n", f"\nnamespace {own} {{\n")
        # From the project's folder: a compilation is the same in every checkout.
        text += f'#line 1 "{os.path.relpath(path, PROJECT)}"\n{source}'
    return text


def write(directory, paths):
    """The path of a file in the directory that includes these, written where it is not there."""
    text = "".join(f'#include "{path}"\n' for path in paths)
    file = pathlib.Path(directory) / f"together-{hashlib.sha256(text.encode()).hexdigest()[:16]}.cc"
    if not file.exists():
        file.write_text(text)
    return str(file)


def main():
    what, where, *rest = sys.argv[1:]
    if what == "join":
        pathlib.Path(where).write_text(join(rest))
        return
    together = {"groups": groups, "tests": test_groups}[what]
    for number, group in enumerate(together(rest[1:], where, int(rest[0]))):
        for source in group:
            print(number, source)


if __name__ == "__main__":
    main()
