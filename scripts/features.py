#!/usr/bin/env python3
"""Checks that builds with and without libtorch give each dependency the same features.

    scripts/features.py

Where they differ, tests without libtorch compile the dependency again, and everything that depends on it. What is
missing belongs into tests/workspace_hack/Cargo.toml.
"""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def features(*arguments):
    """The sets of features that a package ("NAME vVERSION") is compiled with: code and build scripts may
    want different ones."""
    command = ["cargo", "tree", "--locked", "--quiet", "--edges=normal,build,dev", "--prefix=none"]
    command += ["--format={p}|{f}|", *arguments]
    lines = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    found = {}
    for line in filter(None, lines):
        # Behind the last bar is a mark of trees that were printed before.
        package, names, _ = line.split("|")
        if str(ROOT) not in package:
            found.setdefault(package, set()).add(names)
    return found


def main():
    complete = features("--workspace")
    failed = False
    for package, sets in sorted(features("--no-default-features").items()):
        for other in sorted(sets - complete[package]):
            print(f"{package}: with libtorch {' or '.join(sorted(complete[package]))}; without {other or 'none'}")
            failed = True
    if failed:
        sys.exit("error: name these features in tests/workspace_hack/Cargo.toml")


if __name__ == "__main__":
    main()
