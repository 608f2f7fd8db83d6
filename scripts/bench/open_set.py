#!/usr/bin/env python3
"""Share of other photos of known people that get the right name where 1 % of strangers get one.

    python3 scripts/bench/open_set.py PEOPLE STRANGERS [OPTION...]

PEOPLE and STRANGERS hold a folder of photos for each person. Those of PEOPLE with 18 photos or more are known; all but 12
photos of each are for the test. For each number of photos in SIZES (3,6,12) the program (FACEPIPE, else `facepipe`) is
trained on so many of the 12 (`facepipe run --impostors`, which splits them into train, val and test; OPTIONs go to it), with
one photo each of the first 299 STRANGERS. `facepipe predict` names the photos for the test by their main faces; counted are
those with the right name and a probability, or similarity, from the model's bound on.
"""

import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

SIZES = [int(size) for size in os.environ.get("SIZES", "3,6,12").split(",")]
LEAST, TRAINING, STRANGERS = 18, 12, 299


def photos_of(folder):
    return sorted(path for path in folder.iterdir() if path.is_file())


def copied(photos, folder):
    folder.mkdir(parents=True)
    for photo in photos:
        shutil.copy(photo, folder / photo.name)


def measured(size, people, strangers, options, program, root):
    """Shares by probability and by similarity, and how many photos they are of."""
    for person, (training, _) in people.items():
        copied(training[:size], root / "photos" / person)
    common = ["--no-progress", "--json"]
    command = [program, "run", "--from", root / "photos", "--out", root / "project", *common]
    command += ["--impostors", strangers, "--far", "0.01", *options]
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    [model] = (root / "project" / "models").iterdir()
    unknown = json.loads((model / "model_card.json").read_text())["unknown"]
    others = {str(photo): person for person, (_, others) in people.items() for photo in others}
    command = [program, "predict", model, *others, "--no-progress"]
    command += ["--unknown-below", "0", "--unknown-below-similarity", "-1"]
    said = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout
    found = {"probability": 0, "similarity": 0}
    for line in map(json.loads, said.splitlines()):
        face = next((face for face in line.get("faces", []) if face.get("main")), None)
        if face is None or face["label"] != others[line["path"]]:
            continue
        found["probability"] += face["probability"] >= unknown["below"]
        if "similarity" in unknown:
            found["similarity"] += face["similarity"] >= unknown["similarity"]["below"]
    return found, len(others)


def main():
    people_folder, strangers_folder = map(pathlib.Path, sys.argv[1:3])
    program = os.environ.get("FACEPIPE", "facepipe")
    draw = random.Random(0)
    people = {}
    for folder in sorted(people_folder.iterdir()):
        photos = photos_of(folder)
        if len(photos) >= LEAST:
            draw.shuffle(photos)
            people[folder.name] = (photos[:TRAINING], photos[TRAINING:])
    with tempfile.TemporaryDirectory() as root:
        root = pathlib.Path(root)
        strange = [folder for folder in sorted(strangers_folder.iterdir()) if folder.name not in people]
        for folder in strange[:STRANGERS]:
            copied(photos_of(folder)[:1], root / "strangers" / folder.name)
        for size in SIZES:
            here = root / str(size)
            found, photos = measured(size, people, root / "strangers", sys.argv[3:], program, here)
            shares = ", ".join(f"by {number} {right / photos:.1%}" for number, right in found.items())
            print(f"{size} photos each of {len(people)} people: {shares} of {photos} photos")


if __name__ == "__main__":
    main()
