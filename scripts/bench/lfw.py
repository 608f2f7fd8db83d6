#!/usr/bin/env python3
"""Accuracy on pairs of photos (LFW View 2), whole pipeline from the photo, for several detectors.

    FACEPIPE=target/release/facepipe scripts/bench/lfw.py ../shared/data \
        ../shared/data/pairs/lfw_view2_folds_1_2.csv \
        facepipe:auto facepipe:mtcnn facepipe:seeta facepipe:mmod python:hog

The first argument is the folder that the pairs' paths start from. The pairs are a CSV file with the
columns a, b, same (1 or 0) and fold (two folds). Each further argument is a detector:

    facepipe:NAME[/EMBEDDER]  `facepipe embed --detector NAME --embedder EMBEDDER` (the program:
                     FACEPIPE, else `facepipe`)
    lines:FILE       what `facepipe embed` printed for these photos before
    python:hog       all by dlib: HOG detector upsampled once, five landmarks, embedding; needs
                     PyPI's dlib-bin, numpy and pillow, and dlib's files (in WEIGHTS, else
                     where the program has them)

The person of an LFW photo is in its middle: of several faces the one whose box holds the middle
counts, or else the one nearest to it. Two faces are the same person when their distance is below a
threshold. It is chosen on one fold, as the middle of the best ones, and tested on the other fold. The
last column but two is the accuracy at dlib's published threshold, 0.6, which says nothing of others.
A pair with a photo in which no face was found counts as wrong.
"""

import csv
import json
import math
import os
import subprocess
import sys
import time

from weights import weights_folder

# Thresholds that are tried, Euclidean distances.
THRESHOLDS = [step / 400 for step in range(120, 601)]
# dlib's own threshold, without any choice.
PUBLISHED = 0.6


def in_the_middle(faces, width, height):
    """The face at the middle of a photo, of (box, embedding)."""

    def distance(face):
        left, top, right, bottom = face[0]
        beside = max(left - width / 2, 0, width / 2 - right)
        above = max(top - height / 2, 0, height / 2 - bottom)
        to_centre = math.hypot((left + right - width) / 2, (top + bottom - height) / 2)
        return math.hypot(beside, above), to_centre

    return min(faces, key=distance, default=(None, None))[1]


def from_lines(text, root):
    embeddings = {}
    for photo in map(json.loads, text.splitlines()):
        name = os.path.relpath(photo["path"], root).replace(os.sep, "/")
        faces = [(face["box"], face["embedding"]) for face in photo.get("faces", [])]
        if faces:
            embeddings[name] = in_the_middle(faces, photo["width"], photo["height"])
    return embeddings


def facepipe(name, root, files):
    detector, _, embedder = name.partition("/")
    command = [os.environ.get("FACEPIPE", "facepipe"), "embed", "--detector", detector]
    command += ["--embedder", embedder or "auto"]
    command += ["--no-progress"] + [os.path.join(root, file) for file in files]
    text = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return from_lines(text, root)


def python_hog(root, files):
    import dlib
    import numpy
    from PIL import Image

    detector = dlib.get_frontal_face_detector()
    weights = weights_folder()
    model = os.path.join(weights, "shape_predictor_5_face_landmarks.dat")
    predictor = dlib.shape_predictor(model)
    model = os.path.join(weights, "dlib_face_recognition_resnet_model_v1.dat")
    network = dlib.face_recognition_model_v1(model)
    embeddings = {}
    for file in files:
        photo = numpy.asarray(Image.open(os.path.join(root, file)).convert("RGB"))
        boxes = [
            ((box.left(), box.top(), box.right() + 1, box.bottom() + 1), box)
            for box in detector(photo, 1)
        ]
        box = in_the_middle(boxes, photo.shape[1], photo.shape[0])
        if box is not None:
            landmarks = predictor(photo, box)
            embeddings[file] = list(network.compute_face_descriptor(photo, landmarks))
    return embeddings


def embeddings_by(name, root, files):
    kind, _, rest = name.partition(":")
    if kind == "facepipe":
        return facepipe(rest, root, files)
    if kind == "lines":
        with open(rest, encoding="utf-8") as file:
            return from_lines(file.read(), root)
    if name == "python:hog":
        return python_hog(root, files)
    sys.exit(f"unknown detector `{name}`")


def accuracy(pairs, threshold):
    right = sum(
        distance is not None and (distance < threshold) == same for distance, same in pairs
    )
    return right / len(pairs)


def best_threshold(pairs):
    accuracies = [accuracy(pairs, threshold) for threshold in THRESHOLDS]
    best = [t for t, found in zip(THRESHOLDS, accuracies, strict=False) if found == max(accuracies)]
    return best[len(best) // 2]


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    root = sys.argv[1]
    with open(sys.argv[2], newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    files = sorted({row[side] for row in rows for side in "ab"})
    folds = sorted({row["fold"] for row in rows})
    if len(folds) != 2:
        sys.exit(f"two folds are needed, not {len(folds)}")
    print(f"{len(rows)} pairs of {len(files)} photos")
    print(f"{'detector':<24} {'accuracy':>8}  {'fold ' + folds[0]:>14} {'fold ' + folds[1]:>14} "
          f"{'at ' + str(PUBLISHED):>7} {'lost':>4} {'seconds':>8}")
    for name in sys.argv[3:]:
        start = time.monotonic()
        found = embeddings_by(name, root, files)
        seconds = time.monotonic() - start
        pairs = {fold: [] for fold in folds}
        for row in rows:
            a, b = found.get(row["a"]), found.get(row["b"])
            distance = None if a is None or b is None else math.dist(a, b)
            pairs[row["fold"]].append((distance, row["same"] == "1"))
        columns, total = [], 0.0
        for fold, other in (folds, reversed(folds)):
            threshold = best_threshold(pairs[other])
            share = accuracy(pairs[fold], threshold)
            columns.append(f"{share:7.2%} ({threshold:.3f})")
            total += share * len(pairs[fold])
        everything = [pair for fold in folds for pair in pairs[fold]]
        lost = sum(distance is None for distance, _ in everything)
        print(f"{name:<24} {total / len(everything):>8.2%}  {columns[0]:>14} {columns[1]:>14} "
              f"{accuracy(everything, PUBLISHED):>7.2%} {lost:>4} {seconds:>8.1f}", flush=True)


if __name__ == "__main__":
    main()
