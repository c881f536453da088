# SPDX-License-Identifier: GPL-2.0-only
"""Who refers to whom in the C code: functions and tables by file, from objects compiled for that alone.

usage: callgraph.py [BUILD-DIR]     the circles of files, and what they hang on

Every function and object gets a section of its own, so that each reference is a relocation that says from where.
"""
import collections
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

if __name__ == "__main__":
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from lib import processors  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
SECTION = re.compile(r"\.(?:text|bss|rodata|data(?:\.rel)?(?:\.ro)?(?:\.local)?)\.([A-Za-z_]\w*)(?:\.\d+)?$")


def sources(build):
    """(source, command that compiles it) of everything but tests."""
    for c in json.loads((build / "compile_commands.json").read_text()):
        file = pathlib.Path(os.path.normpath(os.path.join(c["directory"], c["file"])))
        if not file.exists():
            sys.exit(f"{build}/compile_commands.json is of before {file} went away: type 'ninja -C {build}'")
        if "/test/" not in str(file):
            yield file, shlex.split(c["command"]), c["directory"]


def compiled(file, command, directory, out):
    """What readelf says of it."""
    flags = [w for w in command if w.startswith(("-I", "-D", "-std"))]
    p = subprocess.run(["cc", *flags, "-w", "-O0", "-ffunction-sections", "-fdata-sections", "-o", out, "-c", file], cwd=directory,
                       capture_output=True, text=True, check=False)
    if p.returncode:
        sys.exit(f"{file} does not compile with the flags of {directory}/compile_commands.json: type 'ninja -C {directory}'; {p.stderr[:500]}")
    return subprocess.run(["readelf", "-rsSW", out], capture_output=True, text=True, check=True).stdout


def references(text):
    """(names defined for others, names defined, {name: names it refers to}) of one object, as readelf -rsSW prints it."""
    public, defined, uses, inside = set(), set(), collections.defaultdict(set), None
    for line in text.splitlines():
        if m := re.match(r"\s*\[\s*\d+\]\s+(\S+)", line):
            name = SECTION.match(m[1])
            defined |= {name[1]} if name else set()
        elif m := re.match(r"Relocation section '\.rela(\S+)'", line):
            name = SECTION.match(m[1])
            inside = name and name[1]
        elif m := re.match(r"\s*\d+:\s+\w+\s+\w+\s+(?:FUNC|OBJECT)\s+GLOBAL\s+\w+\s+\d+\s+(\S+)", line):
            public.add(m[1])
        elif inside and (m := re.match(r"[0-9a-f]{12,}\s+\S+\s+R_\S+\s+[0-9a-f]+\s+(\S+)", line)):
            name = SECTION.match(m[1])
            uses[inside].add(name[1] if name else m[1])
    return public, defined, uses


def graph(build, keep=lambda file: True):
    """{(file, name): {(file, name), ...}}"""
    found = [s for s in sources(build) if keep(s[0])]
    with tempfile.TemporaryDirectory() as d, processors.pool() as pool:
        texts = list(pool.map(lambda x: compiled(*x[1], f"{d}/{x[0]}.o"), enumerate(found)))
    parts = {file: references(text) for (file, _, _), text in zip(found, texts)}
    where = collections.defaultdict(list)
    for file, (public, _, _) in parts.items():
        for name in public:
            where[name].append(file)

    def home(file, name):
        """Programs have some names in common: then it is that of the same folder."""
        return next((f for f in where[name] if f.parent == file.parent), where[name][0])
    edges = {}
    for file, (_, defined, uses) in parts.items():
        for name in defined:
            edges[file, name] = {(file if u in defined else home(file, u), u) for u in uses.get(name, ()) if u in defined or u in where}
    return edges


def by_file(edges):
    """{file: {file, ...}}, and for each pair the names that make it."""
    files, why = collections.defaultdict(set), collections.defaultdict(list)
    for (file, name), used in edges.items():
        for other, what in used:
            if other != file:
                files[file].add(other)
                why[file, other].append((name, what))
    return files, why


def circles(edges):
    """Groups of more than one node of {node: {node, ...}} that lead to each other (Tarjan's algorithm, without recursion)."""
    index, low, stack, found, on = {}, {}, [], [], set()
    for root in edges:
        work = [(root, iter(edges.get(root, ())))] if root not in index else []
        if work:
            index[root] = low[root] = len(index)
            stack.append(root)
            on.add(root)
        while work:
            node, rest = work[-1]
            for to in rest:
                if to not in index:
                    index[to] = low[to] = len(index)
                    stack.append(to)
                    on.add(to)
                    work.append((to, iter(edges.get(to, ()))))
                    break
                if to in on:
                    low[node] = min(low[node], index[to])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    group = []
                    while not group or group[-1] != node:
                        group.append(stack.pop())
                        on.discard(group[-1])
                    if len(group) > 1:
                        found.append(sorted(group))
    return found


def main():
    build = pathlib.Path(sys.argv[1] if sys.argv[1:] else "build").resolve()
    files, why = by_file(graph(build))
    for group in sorted(circles(files), key=len, reverse=True):
        print(f"circle of {len(group)} files: " + " ".join(str(f.relative_to(ROOT)) for f in group))
        for a in group:
            for b in sorted(files[a] & set(group)):
                print(f"  {a.name} -> {b.name}: " + ", ".join(sorted(f"{x} -> {y}" for x, y in why[a, b])[:6]))


if __name__ == "__main__":
    main()
