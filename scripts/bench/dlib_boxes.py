#!/usr/bin/env python3
"""How the boxes of facepipe's detectors differ from those of dlib's frontal face detector.

    FACEPIPE=target/release/facepipe scripts/bench/dlib_boxes.py seeta,mtcnn,mmod PHOTOS...

Needs PyPI's dlib-bin, numpy and pillow. PHOTOS are photos or folders of them. For each face that dlib
(upsampled once) and a detector of facepipe both find (intersection over union 0.4 and more, not cut
by the photo's edge) it takes the side of dlib's box as a multiple of the other box's, and how far
dlib's centre is to the right and below the other's, as shares of dlib's side; and the same with the
landmarks of MTCNN instead of the box: their root mean square distance from their middle, and that
middle. Means and standard deviations are the origin of the numbers in src/dlib_box.rs and of FIT in
the adapters.

Measured on 1,901 photos (LFW people with ten and more photos, AT&T/ORL, small web photos):

    detector   faces  side           right          below
    seeta       1431  0.973 +-0.089  -0.025 +-0.066   0.062 +-0.047
    mmod        1373  1.046 +-0.122   0.011 +-0.058   0.060 +-0.060
    mtcnn       1451  0.980 +-0.079  -0.014 +-0.070   0.058 +-0.042  (side: root of its area)
    its points  1451  3.846 +-0.317  -0.030 +-0.035  -0.032 +-0.038
"""

import json
import os
import subprocess
import sys

import dlib
import numpy
from detection import overlap
from PIL import Image, ImageOps

SAME = 0.4


def dlib_boxes(path, detector, cache):
    if path not in cache:
        photo = numpy.asarray(ImageOps.exif_transpose(Image.open(path)).convert("RGB"))
        found = detector(photo, 1)
        cache[path] = [(b.left(), b.top(), b.right() + 1, b.bottom() + 1) for b in found]
    return cache[path]


def compared(box, side, middle):
    """dlib's box relative to a side and a middle."""
    across, down = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    own = box[2] - box[0]
    return own / side, (across - middle[0]) / own, (down - middle[1]) / own


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    hog, cache = dlib.get_frontal_face_detector(), {}
    print(f"{'detector':<10} {'faces':>5}  {'side':<14} {'right':<15} {'below':<15}")
    for name in sys.argv[1].split(","):
        command = [os.environ.get("FACEPIPE", "facepipe"), "detect", "--no-progress"]
        command += ["--detector", name] + sys.argv[2:]
        lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        rows = {name: [], "its points": []}
        for photo in map(json.loads, lines.splitlines()):
            for face in photo.get("faces", []):
                left, top, right, bottom = box = face["box"]
                if left == 0 or top == 0 or right == photo["width"] or bottom == photo["height"]:
                    continue
                others = dlib_boxes(photo["path"], hog, cache)
                other = max(others, key=lambda other: overlap(box, other), default=None)
                if other is None or overlap(box, other) < SAME:
                    continue
                side = ((right - left) * (bottom - top)) ** 0.5
                middle = ((left + right) / 2, (top + bottom) / 2)
                rows[name].append(compared(other, side, middle))
                if face.get("landmark_points") == "eyes_nose_mouth":
                    points = numpy.array(face["landmarks"])
                    middle = points.mean(axis=0)
                    spread = ((points - middle) ** 2).sum(axis=1).mean() ** 0.5
                    rows["its points"].append(compared(other, spread, middle))
        for what, measured in rows.items():
            if measured:
                mean, deviation = numpy.mean(measured, axis=0), numpy.std(measured, axis=0)
                numbers = " ".join(f"{m:6.3f} +-{d:.3f}" for m, d in zip(mean, deviation, strict=False))
                print(f"{what:<10} {len(measured):>5}  {numbers}", flush=True)


if __name__ == "__main__":
    main()
