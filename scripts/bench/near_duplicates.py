#!/usr/bin/env python3
"""Which pairs of photos `facepipe prepare` takes for one, beside two perceptual hashes of Python.

    FACEPIPE=target/release/facepipe scripts/bench/near_duplicates.py ../shared/data \
        ../shared/data/pairs/near_duplicates_dev.csv

The first argument is the folder that the pairs' paths start from; the pairs are a CSV file with the
columns a, b, kind. A pair counts as found when both are in one group of

    pictures `facepipe prepare --embeddings off` on the photos as they are
    whole    `facepipe prepare --embeddings on` on the photos as they are: by faces, too
    crops    `facepipe crop`, then `prepare` on the faces (all of a photo's)
    both     either of them
    imagehash    imagehash.phash of 64 bits, distance up to 6 (the original program's limit)
    imagededup   imagededup's PHash with its own limit of 10 (where it is installed)

with their other defaults but for `--keep-duplicates --conflicts keep`, which keep what belongs together. Needs
PyPI's imagehash and pillow.

Recall is the share of the pairs of a kind that are found. Precision is the share of the found pairs that
are right: pairs of the list of a kind other than `different`, against those of kind `different`.
"""

import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile

PROGRAM = os.environ.get("FACEPIPE", "facepipe")
ORIGINAL_LIMIT = 6


def lay_out(data, photos, folder):
    """Copies the photos into a folder for each that they come from; gives the new paths."""
    places = {}
    for photo in photos:
        label, name = os.path.dirname(photo).replace("/", "-"), os.path.basename(photo)
        os.makedirs(os.path.join(folder, label), exist_ok=True)
        shutil.copy(os.path.join(data, photo), os.path.join(folder, label, name))
        places[f"{label}/{name}"] = photo
    return places


def lines(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def groups(folder, out, *more):
    """The groups of each image of a folder, by its path below it."""
    options = ["--keep-duplicates", "--conflicts", "keep", "--quiet", *more]
    command = [PROGRAM, "prepare", folder, "--out", out, *options]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    found = {line["source"]: {line["group"]} for line in lines(f"{out}/manifest.jsonl")}
    for line in lines(f"{out}/discarded.jsonl"):
        for other in line.get("related", []):
            found.setdefault(line["item"], set()).update(found.get(other, ()))
    return found


def of_whole(folder, out, places, *options):
    return {places[item]: names for item, names in groups(folder, out, *options).items()}


def of_crops(folder, places, work):
    crops = f"{work}/crops"
    command = [PROGRAM, "crop", folder, "--out", crops, "--quiet"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    of_item = groups(crops, f"{work}/faces")
    photo_of_crop = {line["file"]: line["source"]["file"] for line in lines(f"{crops}/manifest.jsonl")}
    found = {}
    for crop, photo in photo_of_crop.items():
        found.setdefault(places[photo], set()).update(of_item.get(crop, ()))
    # A photo of the same bytes has no crops of its own: it is the other one.
    for line in lines(f"{crops}/discarded.jsonl"):
        if line["reason"] == "exact_duplicate":
            for other in line.get("related", []):
                known = found.get(places.get(other, ""), set())
                found.setdefault(places[line["item"]], set()).update(known)
    return found


def near_by_imagehash(data, pairs):
    import imagehash
    from PIL import Image, ImageFile

    ImageFile.LOAD_TRUNCATED_IMAGES = True
    known = {}

    def phash(photo):
        if photo not in known:
            known[photo] = imagehash.phash(Image.open(os.path.join(data, photo)))
        return known[photo]

    return {pair for pair in pairs if phash(pair[0]) - phash(pair[1]) <= ORIGINAL_LIMIT}


def near_by_imagededup(data, pairs):
    from imagededup.methods import PHash

    method = PHash(verbose=False)
    known = {photo: method.encode_image(os.path.join(data, photo)) for pair in pairs for photo in pair}
    limit = 10
    def near(pair):
        return all(known[photo] for photo in pair) and (
            method.hamming_distance(known[pair[0]], known[pair[1]]) <= limit
        )
    return {pair for pair in pairs if near(pair)}


def main():
    data, list_of_pairs = sys.argv[1:3]
    with open(list_of_pairs, encoding="utf-8") as file:
        kinds = {(row["a"], row["b"]): row["kind"] for row in csv.DictReader(file)}
    photos = sorted({photo for pair in kinds for photo in pair})
    with tempfile.TemporaryDirectory() as work:
        folder = os.path.join(work, "in")
        places = lay_out(data, photos, folder)
        pictures = of_whole(folder, f"{work}/pictures", places, "--embeddings", "off")
        whole = of_whole(folder, f"{work}/whole", places, "--embeddings", "on")
        crops = of_crops(folder, places, work)
    def together(found):
        return {
            pair for pair in kinds if found.get(pair[0], set()) & found.get(pair[1], set())
        }
    answers = {"pictures": together(pictures), "whole": together(whole), "crops": together(crops)}
    answers["both"] = answers["whole"] | answers["crops"]
    for name, method in [("imagehash", near_by_imagehash), ("imagededup", near_by_imagededup)]:
        try:
            answers[name] = method(data, list(kinds))
        except ImportError as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
    order = sorted(set(kinds.values()), key=lambda kind: (kind == "different", kind))
    print(f"{'kind':20} {'pairs':>5} " + " ".join(f"{name:>10}" for name in answers))
    for kind in order:
        of_kind = {pair for pair, other in kinds.items() if other == kind}
        found = " ".join(f"{len(of_kind & answer):10}" for answer in answers.values())
        print(f"{kind:20} {len(of_kind):5} {found}")
    def precision(answer):
        return sum(kinds[pair] != "different" for pair in answer) / max(len(answer), 1)
    def recall(answer):
        return sum(kinds[pair] != "different" for pair in answer) / sum(
            kind != "different" for kind in kinds.values()
        )
    for name, share in [("precision", precision), ("recall", recall)]:
        print(f"{name:26} " + " ".join(f"{share(answer):10.3f}" for answer in answers.values()))


if __name__ == "__main__":
    main()
