#!/usr/bin/env python3
"""Prints which room imports which; fails on a cycle, and on a room that names an option or a command.

    scripts/rooms.py

Between crates Cargo refuses cycles; shown is what their Cargo.toml files name (without what only tests
need). Within a crate the first folders below its root are rooms too: shown is what their code names as
`crate::…` and `super::…`, tests left out.

Options (`--force`) and commands (`facepipe crop`) belong to src/cli: the messages of a room have to hold for
any caller. Other programs' options are alone in their string, or before `=`.
"""

import pathlib
import re
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
TESTS = re.compile(r"(_tests?|/tests)\.rs$")
OPTION = r"""(?<!")--[a-z][a-z-]*(?![\w=-])|"--[a-z][a-z-]*(?![\w"=-])"""


def crates():
    """Folder of each package below src/, by name."""
    found = {"facepipe": ROOT / "src"}
    for manifest in sorted(ROOT.glob("src/**/Cargo.toml")):
        found[tomllib.loads(manifest.read_text())["package"]["name"]] = manifest.parent
    return found


def imports_of_crates(found):
    edges = {}
    for name, folder in found.items():
        manifest = ROOT / "Cargo.toml" if name == "facepipe" else folder / "Cargo.toml"
        names = tomllib.loads(manifest.read_text()).get("dependencies", {})
        edges[room(name, folder)] = {room(other, found[other]) for other in names if other in found}
    return edges


def room(name, folder):
    return "cli" if name == "facepipe" else str(folder.relative_to(ROOT / "src"))


def imports_within(folder, prefix):
    """What the first folders below `folder` import of each other; `prefix` is their path in the crate."""
    inner = {path.name for path in folder.iterdir() if path.is_dir() and not (path / "Cargo.toml").exists()}
    edges = {name: set() for name in sorted(inner)}
    for name in inner:
        for path in (folder / name).rglob("*.rs"):
            if TESTS.search(str(path)):
                continue
            code = re.sub(r"//.*", "", path.read_text()).split("#[cfg(test)]\nmod ")[0]
            up = "super::" * (len(path.relative_to(folder).parts) - (path.name == "mod.rs"))
            for start in (re.escape(prefix), rf"(?<![\w:]){re.escape(up)}"):
                edges[name] |= {other for other in re.findall(rf"{start}(\w+)", code) if other in inner}
        edges[name].discard(name)
    return edges


def cycle(edges):
    """A cycle as the list of its rooms, or None."""
    done = set()

    def visit(name, way):
        if name in way:
            return [*way[way.index(name) :], name]
        if name in done:
            return None
        done.add(name)
        for other in sorted(edges.get(name, ())):
            if found := visit(other, [*way, name]):
                return found
        return None

    for name in edges:
        if found := visit(name, []):
            return found
    return None


def words_of_the_command_line(found):
    """Each place below src/ but src/cli that names an option or a command of facepipe, as `file:line: text`."""
    table = (ROOT / "docs" / "commands.md").read_text()
    commands = "|".join(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))
    word = re.compile(rf"{OPTION}|\bfacepipe[\s\\]+(?:\{{|(?:{commands})\b)")
    places = []
    for folder in sorted(set(found.values()) - {found["facepipe"]}):
        for path in sorted(folder.rglob("*.rs")):
            code = path.read_text()
            for match in word.finditer(code):
                line = code.count("\n", 0, match.start()) + 1
                places.append(f"{path.relative_to(ROOT)}:{line}: {match.group()}")
    return places


def main():
    found = crates()
    plans = {"rooms": imports_of_crates(found)}
    for name, folder in found.items():
        place, prefix = (folder / "cli", "crate::cli::") if name == "facepipe" else (folder, "crate::")
        within = imports_within(place, prefix)
        if len(within) > 1:
            plans[f"within {room(name, folder)}"] = within
    failed = False
    for title, edges in plans.items():
        print(f"{title}:")
        for name, others in sorted(edges.items(), key=lambda edge: (len(edge[1]), edge[0])):
            print(f"  {name} -> {' '.join(sorted(others)) or '(none)'}")
        if way := cycle(edges):
            print(f"  CYCLE: {' -> '.join(way)}")
            failed = True
    for place in words_of_the_command_line(found):
        print(f"NAMES AN OPTION OR A COMMAND: {place}")
        failed = True
    sys.exit(failed)


if __name__ == "__main__":
    main()
