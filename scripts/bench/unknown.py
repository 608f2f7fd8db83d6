#!/usr/bin/env python3
"""Known people found and strangers named at the bound that every model has, without photos of strangers.

    python3 scripts/bench/unknown.py PEOPLE STRANGERS [OPTION...]

PEOPLE and STRANGERS hold a folder of photos for each person; nobody may be in both. For each seed in SEEDS (0,1,2,3,4) the
program (FACEPIPE, else `facepipe`) makes a model of PEOPLE (`facepipe run`; OPTIONs go to it) and names the main faces of
STRANGERS (`facepipe predict`). Counted are the faces of the test side that get their right name, and the strangers' that
get any.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

SEEDS = os.environ.get("SEEDS", "0,1,2,3,4").split(",")


def run(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout


def main():
    people, strangers, *options = sys.argv[1:]
    program = os.environ.get("FACEPIPE", "facepipe")
    sums = [0, 0, 0, 0]
    for seed in SEEDS:
        with tempfile.TemporaryDirectory() as folder:
            project = pathlib.Path(folder) / "project"
            run(program, "run", "--from", people, "--out", project, "--seed", seed, "--no-progress", *options)
            report = json.loads((project / "models/project/report/report.json").read_text())
            said = run(program, "predict", project / "models/project", strangers, "--rotations=off", "--no-progress")
        faces = [face for line in said.splitlines() for face in json.loads(line).get("faces", []) if face.get("main")]
        known = report["known_found"]
        named = sum("nearest" not in face for face in faces)
        counts = [known["found"], known["images"], named, len(faces)]
        sums = [total + count for total, count in zip(sums, counts, strict=True)]
        print(
            f"seed {seed}: bound {known['threshold']:.3f}, found {counts[0]} of {counts[1]}"
            f" ({known['lost']} unknown), named {counts[2]} of {counts[3]} strangers",
            flush=True,
        )
    print(f"all: found {sums[0] / sums[1]:.2%} of {sums[1]}, named {sums[2] / sums[3]:.2%} of {sums[3]} strangers")


if __name__ == "__main__":
    main()
