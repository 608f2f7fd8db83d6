#!/usr/bin/env python3
"""Share of strangers that `facepipe prepare --clean-identities` sets aside, and of right faces it loses.

    python3 scripts/bench/strangers.py CLASSES [STRANGERS]

CLASSES and STRANGERS hold a folder of photos for each person. All photos are cropped once by `facepipe crop
--main-only` (ALL_FACES=1: without; FACEPIPE is the program, else `facepipe`). Then strangers' crops are mixed
into the classes, for each of the SEEDS (0,1,2), so that 0, 10, 30 and 45 % of a label's photos are a
stranger's (LEVELS), of each of these KINDS:

    many     all different people, from STRANGERS
    one      one other person, of CLASSES: half of the people are the classes, the others the strangers
    mixed    60 % of the strangers are one person, of CLASSES, the others different people of STRANGERS
    labels   other people of CLASSES that have labels of their own, a few photos of each
    label    the same, but all of one person

Without STRANGERS only the last two are tried. No photo is used twice. SIZES (10-) are the sizes of classes,
without strangers, that are used: `3-9` takes this many photos of each, a size for each class by chance.
WORK, if given, is a folder for the crops that a later call takes up again.

A face counts by its photo: right is the main face (large, near the middle) of a photo of the class. Other
faces of its photos are counted apart. Lost: set aside although right. Each figure is also given for two
halves of the people, by chance.
"""

import collections
import json
import math
import os
import random
import shutil
import subprocess
import sys
import tempfile

FACEPIPE = os.environ.get("FACEPIPE", "facepipe")
SEEDS = [int(seed) for seed in os.environ.get("SEEDS", "0,1,2").split(",")]
LEVELS = [float(level) for level in os.environ.get("LEVELS", "0,0.1,0.3,0.45").split(",")]
SIZES = os.environ.get("SIZES", "10-")
ALL_FACES = os.environ.get("ALL_FACES") == "1"
SHARE_OF_ONE = 0.6
SET_ASIDE = ("stranger", "nearer_to_other_label")


def crops_of(folder, work):
    """Crops by label and photo, and where they are."""
    out = os.path.join(work, os.path.basename(os.path.normpath(folder)) + ("-all" if ALL_FACES else ""))
    command = [FACEPIPE, "crop", folder, "--out", out, "--no-progress", "--quiet"]
    subprocess.run(command + ([] if ALL_FACES else ["--main-only"]), check=True, stdout=subprocess.DEVNULL)
    labels = collections.defaultdict(lambda: collections.defaultdict(list))
    with open(os.path.join(out, "manifest.jsonl"), encoding="utf-8") as lines:
        for crop in map(json.loads, lines):
            crop["at"] = os.path.join(out, crop["file"])
            labels[crop["label"]][crop["source"]["file"]].append(crop)
    people = {}
    for label, photos in sorted(labels.items()):
        people[label] = [sorted(crops, key=prominence, reverse=True) for _, crops in sorted(photos.items())]
    return people, out


def prominence(crop):
    if crop.get("box") is None:
        return -math.inf
    left, top, right, bottom = crop["box"]
    width, height = crop["source"]["width"], crop["source"]["height"]
    across, down = (left + right - width) / 2, (top + bottom - height) / 2
    return (right - left) * (bottom - top) - 2 * (across**2 + down**2)


def wanted(level, own):
    """Strangers for this many photos of the class, fewer than half of all."""
    return min(round(level / (1 - level) * own), own - 1)


def sized(photos, chance):
    """A class of a wanted size, or nothing."""
    first, _, last = SIZES.partition("-")
    first, last = int(first), int(last or 1_000_000)
    if len(photos) < first:
        return None
    photos = chance.sample(photos, len(photos))
    return photos if last == 1_000_000 else photos[: chance.randint(first, min(last, len(photos)))]


def different(pool, count, chance):
    """Photos of this many different people, taken out of a pool."""
    people = [person for person, photos in pool.items() if photos]
    chosen = chance.sample(sorted(people), min(count, len(people)))
    return [pool[person].pop() for person in chosen]


def with_donors(classes, strangers, level, share_of_one, chance):
    """Classes whose strangers are partly one person of another half of the classes."""
    names = sorted(classes, key=lambda name: (len(classes[name]), chance.random()))
    donors, mixed = names[1::2], names[0::2]
    pool = {person: list(photos) for person, photos in strangers.items()}
    result = {}
    for name, donor in zip(mixed, donors, strict=False):
        own = sized(classes[name], chance)
        if own is None:
            continue
        count = wanted(level, len(own))
        of_one = min(round(share_of_one * count), len(classes[donor]))
        others = chance.sample(classes[donor], of_one) + different(pool, count - of_one, chance)
        result[name] = (own, others)
    return result


def mix(kind, level, classes, strangers, chance):
    """The photos of each class, and those of its strangers."""
    if kind == "one":
        return with_donors(classes, strangers, level, 1.0, chance)
    if kind == "mixed":
        return with_donors(classes, strangers, level, SHARE_OF_ONE, chance)
    own = {name: sized(photos, chance) for name, photos in classes.items()}
    own = {name: photos for name, photos in own.items() if photos}
    if kind == "many":
        pool = {person: chance.sample(photos, len(photos)) for person, photos in strangers.items()}
        return {name: (photos, different(pool, wanted(level, len(photos)), chance)) for name, photos in own.items()}
    # Each class gives some of its photos away.
    stay = {name: math.ceil(len(photos) * (1 - level)) for name, photos in own.items()}
    given = {name: photos[stay[name]:] for name, photos in own.items()}
    names = chance.sample(sorted(own), len(own))
    result = {name: (own[name][:stay[name]], []) for name in names}
    for place, name in enumerate(names):
        for number, photo in enumerate(given[name]):
            step = 1 if kind == "label" else 1 + number % (len(names) - 1)
            to = names[(place + step) % len(names)]
            if len(result[to][1]) < wanted(level, len(result[to][0])):
                result[to][1].append(photo)
    return result


def lay_out(mixed, cropped, folder):
    """Writes a folder of crops as `facepipe crop` would; returns what each is."""
    shutil.rmtree(folder, ignore_errors=True)
    truth, manifest = {}, []
    for label, (own, others) in mixed.items():
        os.makedirs(os.path.join(folder, label))
        for photos, is_own in ((own, True), (others, False)):
            for photo in photos:
                for number, crop in enumerate(photo):
                    file = f"{label}/{os.path.basename(crop['file'])}"
                    if file in truth:
                        continue
                    # A stranger's photo counts by its main face too.
                    truth[file] = "background" if number else ("right" if is_own else "stranger")
                    os.link(crop["at"], os.path.join(folder, file))
                    record = {**crop, "file": file, "label": label}
                    del record["at"]
                    manifest.append(record)
    shutil.copy(os.path.join(cropped, "stage.json"), folder)
    with open(os.path.join(folder, "manifest.jsonl"), "w", encoding="utf-8") as file:
        file.writelines(json.dumps(record) + "\n" for record in manifest)
    return truth


def decisions(folder, out):
    command = [FACEPIPE, "prepare", folder, "--out", out, "--clean-identities", "--force", "--quiet"]
    subprocess.run(command + ["--no-progress"], check=True, stdout=subprocess.DEVNULL)
    with open(os.path.join(out, "identities.jsonl"), encoding="utf-8") as lines:
        return {record["item"]: record["decision"] for record in map(json.loads, lines)}


def share(part, whole):
    return f"{part / whole:7.2%}" if whole else "      -"


def main():
    classes, cropped = None, None
    kept = os.environ.get("WORK")
    with tempfile.TemporaryDirectory(dir=kept) as scratch:
        work = kept or scratch
        classes, cropped = crops_of(sys.argv[1], work)
        strangers = crops_of(sys.argv[2], work)[0] if len(sys.argv) > 2 else {}
        kinds = ["many", "one", "mixed", "labels", "label"] if strangers else ["labels", "label"]
        kinds = os.environ.get("KINDS", ",".join(kinds)).split(",")
        print(f"{'strangers':>9} {'kind':<7} {'right':>6} {'lost':>7} {'(halves)':>17} {'doubtful':>8} "
              f"{'strangers':>9} {'set aside':>9} {'(halves)':>17} {'others':>6} {'set aside':>9}")
        for kind in kinds:
            for level in LEVELS:
                counts = collections.Counter()
                for seed in SEEDS:
                    chance = random.Random(f"{seed} {kind} {level}")
                    mixed = mix(kind, level, classes, strangers, chance)
                    folder = os.path.join(scratch, "crops")
                    truth = lay_out(mixed, cropped, folder)
                    # A class that gave photos away may be smaller than wanted now.
                    smallest = int(SIZES.partition("-")[0])
                    names = [name for name, (own, _) in sorted(mixed.items()) if len(own) >= smallest]
                    names = chance.sample(names, len(names))
                    half = {name: place % 2 for place, name in enumerate(names)}
                    for item, decision in decisions(folder, os.path.join(scratch, "out")).items():
                        if item.split("/")[0] not in half:
                            continue
                        decision = "aside" if decision in SET_ASIDE else decision
                        counts[truth[item], decision] += 1
                        counts[truth[item]] += 1
                        counts[truth[item], decision, half[item.split("/")[0]]] += 1
                        counts[truth[item], half[item.split("/")[0]]] += 1

                def halves(what, counts=counts):
                    both = [share(counts[what, "aside", half], counts[what, half]) for half in (0, 1)]
                    return " ".join(both)

                print(f"{level:>9.0%} {kind:<7} {counts['right']:>6} "
                      f"{share(counts['right', 'aside'], counts['right'])} ({halves('right')}) "
                      f"{share(counts['right', 'doubtful'], counts['right']):>8} {counts['stranger']:>9} "
                      f"{share(counts['stranger', 'aside'], counts['stranger']):>9} ({halves('stranger')}) "
                      f"{counts['background']:>6} {share(counts['background', 'aside'], counts['background']):>9}",
                      flush=True)


if __name__ == "__main__":
    main()
