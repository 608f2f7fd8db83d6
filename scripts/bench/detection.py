#!/usr/bin/env python3
"""Recall, false faces and time of face detectors on labelled photos.

    python3 scripts/bench/detection.py ../shared/data/detection \
        facepipe:mtcnn facepipe:seeta lines:mtcnn.jsonl python:mtcnn python:hog

The folder holds wider_val.csv (boxes with easy, medium and hard flags), small_gt.csv (boxes) and
known_counts.csv (numbers of faces, most of them none). Each further argument is a detector:

    facepipe:NAME    `facepipe detect --detector NAME` (the program: FACEPIPE, else `facepipe`)
    lines:FILE       what `facepipe detect` printed for the folder before
    python:mtcnn     facenet-pytorch's MTCNN at its defaults; needs torch, numpy, pillow
    python:hog       dlib's HOG detector upsampled once, as face_recognition has it; needs dlib

A labelled face is found when a box of its photo has an intersection over union of 0.4 with it;
each box matches one face at most, the most certain pair by overlap first. As in WIDER FACE's
own evaluation faces that are not in a set are neither required nor counted as errors.

Detectors of one call run one after the other on the same photos, so that their times compare.
"""

import csv
import json
import os
import subprocess
import sys
import time

SAME = 0.4
SETS = ("easy", "medium", "hard")


def overlap(a, b):
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    def area(box):
        return (box[2] - box[0]) * (box[3] - box[1])
    return both / (area(a) + area(b) - both)


def rows(folder, name):
    with open(os.path.join(folder, name), newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def labelled(folder, name):
    """Photos of a list with their faces: (box, row)."""
    photos = {}
    for row in rows(folder, name):
        left, top, width, height = (float(row[key]) for key in "xywh")
        box = (left, top, left + width, top + height)
        photos.setdefault(row["file"], []).append((box, row))
    return photos


def found_faces(faces, boxes):
    """Indices of the faces that have a box of their own."""
    pairs = [
        (overlap(face, box), f, b)
        for f, (face, _) in enumerate(faces)
        for b, box in enumerate(boxes)
    ]
    found, used = set(), set()
    for share, face, box in sorted(pairs, reverse=True):
        if share >= SAME and face not in found and box not in used:
            found.add(face)
            used.add(box)
    return found


def from_lines(lines, folder):
    boxes = {}
    for line in lines.splitlines():
        photo = json.loads(line)
        name = os.path.relpath(photo["path"], folder).replace(os.sep, "/")
        boxes[name] = [face["box"] for face in photo.get("faces", [])]
    return boxes


def facepipe(detector, folder, photos):
    command = [os.environ.get("FACEPIPE", "facepipe"), "detect", "--detector", detector]
    command += ["--no-progress"] + [os.path.join(folder, photo) for photo in photos]
    start = time.monotonic()
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return from_lines(output, folder), time.monotonic() - start


def python_images(folder, photos):
    from PIL import Image, ImageOps

    for photo in photos:
        image = Image.open(os.path.join(folder, photo))
        yield photo, ImageOps.exif_transpose(image).convert("RGB")


def python_mtcnn(folder, photos):
    from facenet_pytorch import MTCNN

    mtcnn = MTCNN(keep_all=True)
    start = time.monotonic()
    boxes = {}
    for photo, image in python_images(folder, photos):
        found, _ = mtcnn.detect(image)
        boxes[photo] = [] if found is None else [list(map(float, box)) for box in found]
    return boxes, time.monotonic() - start


def python_hog(folder, photos):
    import dlib
    import numpy

    detector = dlib.get_frontal_face_detector()
    start = time.monotonic()
    boxes = {}
    for photo, image in python_images(folder, photos):
        boxes[photo] = [
            (box.left(), box.top(), box.right() + 1, box.bottom() + 1)
            for box in detector(numpy.asarray(image), 1)
        ]
    return boxes, time.monotonic() - start


def detections(name, folder, photos):
    kind, _, rest = name.partition(":")
    if kind == "facepipe":
        return facepipe(rest, folder, photos)
    if kind == "lines":
        with open(rest, encoding="utf-8") as file:
            return from_lines(file.read(), folder), None
    runs = {"python:mtcnn": python_mtcnn, "python:hog": python_hog}
    if name not in runs:
        sys.exit(f"unknown detector `{name}`")
    return runs[name](folder, photos)


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    folder = sys.argv[1]
    wider = labelled(folder, "wider_val.csv")
    small = labelled(folder, "small_gt.csv")
    counts = rows(folder, "known_counts.csv")
    photos = sorted({*wider, *small, *(row["file"] for row in counts)})
    print(f"{len(photos)} photos")
    print(f"{'detector':<18} {'easy':>6} {'medium':>6} {'hard':>6} {'small':>6} "
          f"{'counts':>7} {'false':>6} {'seconds':>8}")
    for name in sys.argv[2:]:
        boxes, seconds = detections(name, folder, photos)
        found = {photo: found_faces(faces, boxes[photo]) for photo, faces in wider.items()}
        columns = []
        for key in SETS:
            asked = [
                face in found[photo]
                for photo, faces in wider.items()
                for face, (_, row) in enumerate(faces)
                if row[key] == "1"
            ]
            columns.append(f"{sum(asked) / len(asked):.3f}")
        right = sum(len(found_faces(faces, boxes[photo])) for photo, faces in small.items())
        columns.append(f"{right / sum(map(len, small.values())):.3f}")
        with_faces = [row for row in counts if int(row["max_faces"]) > 0]
        as_counted = sum(
            int(row["min_faces"]) <= len(boxes[row["file"]]) <= int(row["max_faces"])
            for row in with_faces
        )
        false = sum(len(boxes[row["file"]]) for row in counts if int(row["max_faces"]) == 0)
        time_taken = "-" if seconds is None else f"{seconds:.2f}"
        print(f"{name:<18} " + " ".join(f"{column:>6}" for column in columns)
              + f" {f'{as_counted}/{len(with_faces)}':>7} {false:>6} {time_taken:>8}", flush=True)


if __name__ == "__main__":
    main()
