#!/usr/bin/env python3
"""Checks that every include stays within what its folder's library declares, and that each header compiles alone when
the source of its name does: that source includes it before anything else.

usage: check_includes.py SOURCE_DIR LAYERS_TXT

LAYERS_TXT is written by CMake: "<layer> <folder> <used layer>..." a line. A library may include its own headers, those of
the libraries it uses, and those that these use. Libraries with a room of their own are included only there.
"""

import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s+[<"]([^">]+)[">]', re.MULTILINE)

# Header prefix -> the folders that may include it.
ROOMS = {
    "sodium": ["common/crypto"],
    "openssl/": ["common/crypto"],
    "rocksdb/": ["server/store_rocksdb"],
    "grpcpp/": ["common/rpc", "server/service", "server/node", "client/sdk", "client/cli"],
    "grpc/": ["common/rpc", "server/service", "server/node", "client/sdk", "client/cli"],
    "CLI/": ["client/cli", "server/node"],
    "spdlog/": ["common/base"],
    "nlohmann/": ["client/cli"],
}
# Exceptions to the rooms, each with its reason; the list only shrinks.
EXCEPTIONS = {}


def closure(layer, uses):
    seen, todo = set(), [layer]
    while todo:
        current = todo.pop()
        if current not in seen:
            seen.add(current)
            todo.extend(uses.get(current, []))
    return seen


def main():
    source, layers_file = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    folders, uses = {}, {}
    for line in layers_file.read_text().splitlines():
        layer, folder, *used = line.split()
        folders[folder] = layer
        uses[layer] = used

    errors, files = [], 0
    for folder, layer in sorted(folders.items()):
        allowed = closure(layer, uses)
        for path in sorted((source / folder).rglob("*")):
            if path.suffix not in (".h", ".cc"):
                continue
            files += 1
            name = path.relative_to(source).as_posix()
            includes = INCLUDE.findall(path.read_text())
            if path.suffix == ".cc" and path.with_suffix(".h").exists() and includes[:1] != [name[:-3] + ".h"]:
                errors.append(f"{name}: {name[:-3]}.h comes first, so that it is seen to compile alone")
            for include in includes:
                owner = folders.get(include.rsplit("/", 1)[0])
                if include.startswith(("common/", "server/", "client/")) and owner not in allowed:
                    errors.append(f"{name}: {include} is not in a library that {layer} uses")
                if include.startswith("tests/"):
                    errors.append(f"{name}: {include} belongs to the tests")
                for prefix, rooms in ROOMS.items():
                    inside = any(name.startswith(room + "/") for room in rooms)
                    if include.startswith(prefix) and not inside and name not in EXCEPTIONS:
                        errors.append(f"{name}: <{include}> may be included only in {', '.join(rooms)}")
    for error in errors:
        print(error)
    print(f"includes: {files} files checked, {len(errors)} errors")
    return 1 if errors or files == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
