#!/usr/bin/env python3
"""`facepipe run` beside face_recognition and a linear SVM, on the same photos and the same split.

    python3 scripts/bench/svm_baseline.py FOLDER [OPTION...]

FOLDER holds a folder of photos for each person. For each seed from 0 to SEEDS - 1 (5) the program
(FACEPIPE, else `facepipe`) goes the whole way in an empty project, OPTIONs go to `facepipe run`; the
photos of train, val and test are then those of its split without leakage. On them the baseline does
what a Python program does with PyPI's face_recognition: dlib's HOG detector on the photo enlarged
twice, the largest face, five landmarks, 128 numbers; scikit-learn's SVC(kernel="linear") on the
numbers of train, its C the best on val, fitted again on train and val together. (It calls dlib as
face_recognition does, whose own package is not needed.)

Printed are, for each seed and for all, the share of test photos that are named rightly:

    end to end   a photo in which HOG finds no face counts as wrong
    found        only photos in which HOG finds a face, for both
    chips        dlib's 128 numbers of the faces that facepipe found, aligned as facepipe aligns them:
                 the classifiers alone

With all seeds together come the difference, facepipe minus baseline, its 95 % interval (bootstrap over
photos: one that is in the test of several seeds is drawn with all its answers) and the p of McNemar's
exact test (over answers). Seconds are of whole runs of facepipe (crop to export) and of the baseline's
detection, embedding and fitting; the baseline works in one process.

Needs dlib (or dlib-bin), numpy, pillow, scikit-learn, and dlib's files (in WEIGHTS, else where the
program has them). CACHE names a file that keeps the baseline's 128 numbers of each photo from run to run.
"""

import csv
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import warnings

import numpy
from weights import weights_folder

SEEDS = int(os.environ.get("SEEDS", "5"))
CACHE = os.environ.get("CACHE")
# What C is chosen from; of equally good ones the smallest.
PENALTIES = [10.0**exponent for exponent in range(-2, 4)]
# What face_recognition aligns with: side of the chip in pixels.
CHIP_SIDE = 150
DRAWS = 10_000
COLUMNS = ("end to end", "found", "chips")


class Baseline:
    """dlib's models, called as face_recognition calls them, and what they gave for photos so far."""

    def __init__(self, folder):
        import dlib

        self.folder, self.dlib = folder, dlib
        self.detector = dlib.get_frontal_face_detector()
        weights = weights_folder()
        model = os.path.join(weights, "shape_predictor_5_face_landmarks.dat")
        self.predictor = dlib.shape_predictor(model)
        model = os.path.join(weights, "dlib_face_recognition_resnet_model_v1.dat")
        self.network = dlib.face_recognition_model_v1(model)
        self.known = {}
        if CACHE and os.path.exists(CACHE):
            self.known = json.loads(pathlib.Path(CACHE).read_text(encoding="utf-8"))

    def keep(self):
        if CACHE:
            pathlib.Path(CACHE).write_text(json.dumps(self.known), encoding="utf-8")

    def photo(self, name):
        from PIL import Image

        with Image.open(os.path.join(self.folder, name)) as picture:
            return numpy.asarray(picture.convert("RGB"))

    def _seen(self, key, work):
        """The embedding of a photo, or None, and the seconds that it took."""
        if key not in self.known:
            start = time.monotonic()
            numbers = work()
            numbers = None if numbers is None else [float(number) for number in numbers]
            self.known[key] = [numbers, time.monotonic() - start]
        return self.known[key]

    def end_to_end(self, name):
        def work():
            photo = self.photo(name)
            boxes = self.detector(photo, 1)
            if not boxes:
                return None
            box = max(boxes, key=lambda box: box.area())
            return self.network.compute_face_descriptor(photo, self.predictor(photo, box), 1)

        return self._seen(os.path.join(os.path.abspath(self.folder), name), work)

    def of_chip(self, item):
        """The numbers of the face that facepipe found."""
        dlib, place = self.dlib, item["place"]
        key = os.path.join(os.path.abspath(self.folder), item["photo"]) + json.dumps(place)

        def work():
            square = place["square"]
            sides = [square[side] for side in ("left", "top", "right", "bottom")]
            dims = dlib.chip_dims(CHIP_SIDE, CHIP_SIDE)
            details = dlib.chip_details(dlib.drectangle(*sides), dims, square["angle"])
            chip = dlib.extract_image_chip(self.upright(item["photo"]), details)
            return self.network.compute_face_descriptor(chip, 1)

        return self._seen(key, work)

    def upright(self, name):
        from PIL import Image, ImageOps

        with Image.open(os.path.join(self.folder, name)) as picture:
            return numpy.asarray(ImageOps.exif_transpose(picture).convert("RGB"))


def svm_answers(sides):
    """The label that a linear SVM gives for each photo of test; `sides`: split → [(numbers, label)]."""
    from sklearn.svm import SVC

    def fitted(rows, penalty):
        return SVC(kernel="linear", C=penalty).fit([row[0] for row in rows], [row[1] for row in rows])

    def share_right(machine, rows):
        return numpy.mean(machine.predict([row[0] for row in rows]) == [row[1] for row in rows])

    train, val, test = (sides[side] for side in ("train", "val", "test"))
    best = PENALTIES[0]
    if val:
        shares = [share_right(fitted(train, penalty), val) for penalty in PENALTIES]
        best = PENALTIES[int(numpy.argmax(shares))]
    return list(fitted(train + val, best).predict([row[0] for row in test])) if test else []


def baseline_answers(items, numbers_of):
    """Photo of test → label, or None where no face was found; and the seconds of all."""
    sides, seconds = {"train": [], "val": [], "test": []}, 0.0
    photos, answers = [], {}
    for item in items:
        numbers, spent = numbers_of(item)
        seconds += spent
        if item["split"] == "test":
            answers[item["file"]] = None
        if numbers is not None:
            sides[item["split"]].append((numbers, item["label"]))
            if item["split"] == "test":
                photos.append(item["file"])
    start = time.monotonic()
    answers.update(zip(photos, svm_answers(sides), strict=False))
    return answers, seconds + time.monotonic() - start


def project(program, folder, out, seed, options):
    """Runs facepipe; the images of its split, its answers on test, its report and its seconds."""
    command = [program, "run", "--from", folder, "--out", out, "--seed", str(seed)]
    command += ["--json", "--no-progress", *options]
    start = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    seconds = time.monotonic() - start
    report = json.loads(done.stdout)
    with open(os.path.join(out, "data/final/manifest.jsonl"), encoding="utf-8") as file:
        items = [json.loads(line) for line in file]
    predictions = os.path.join(report["model"], "report/predictions.csv")
    with open(predictions, newline="", encoding="utf-8") as file:
        answers = {row["path"]: row["predicted"] for row in csv.DictReader(file)}
    return items, answers, report, seconds


def interval(pairs):
    """The 95 % interval of the mean difference; `pairs`: [(photo, ours is right, theirs is right)]."""
    sums = {}
    for photo, ours, theirs in pairs:
        difference, count = sums.get(photo, (0, 0))
        sums[photo] = (difference + int(ours) - int(theirs), count + 1)
    table = numpy.array(list(sums.values()))
    random = numpy.random.default_rng(0)
    means = []
    for _ in range(DRAWS):
        drawn = table[random.integers(0, len(table), len(table))].sum(0)
        means.append(drawn[0] / drawn[1])
    return numpy.percentile(means, [2.5, 97.5])


def mcnemar(pairs):
    """The p of the exact test: how likely so uneven answers are where both are equally good."""
    only_ours = sum(ours and not theirs for _, ours, theirs in pairs)
    only_theirs = sum(theirs and not ours for _, ours, theirs in pairs)
    uneven = only_ours + only_theirs
    tail = sum(math.comb(uneven, count) for count in range(min(only_ours, only_theirs) + 1))
    return min(1.0, 2 * tail / 2**uneven), only_ours, only_theirs


def columns(items, ours, end_to_end, chips):
    """The answers to compare: column → [(photo, ours is right, theirs is right)]."""
    found = {name: [] for name in COLUMNS}
    for item in items:
        if item["split"] != "test":
            continue
        file, label = item["file"], item["label"]
        right = ours[file] == label
        theirs = (item["photo"], right, end_to_end[file] == label)
        found["end to end"].append(theirs)
        if end_to_end[file] is not None:
            found["found"].append(theirs)
        if chips is not None:
            found["chips"].append((item["photo"], right, chips[file] == label))
    return found


def shares(pairs):
    return numpy.mean([pair[1] for pair in pairs]), numpy.mean([pair[2] for pair in pairs])


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    warnings.filterwarnings("ignore", module="sklearn")
    folder, options = sys.argv[1], sys.argv[2:]
    program = os.environ.get("FACEPIPE", "facepipe")
    baseline = Baseline(folder)
    everything, times, lost = {name: [] for name in COLUMNS}, [], {}
    print(f"{folder}: share of test photos that are named rightly, facepipe / baseline", flush=True)
    for seed in range(SEEDS):
        with tempfile.TemporaryDirectory() as out:
            items, ours, report, seconds = project(
                program, folder, os.path.join(out, "project"), seed, options
            )
        end_to_end, of_baseline = baseline_answers(items, lambda i: baseline.end_to_end(i["photo"]))
        chips = None
        if all("place" in item for item in items):
            chips, _ = baseline_answers(items, baseline.of_chip)
        baseline.keep()
        times.append((seconds, of_baseline))
        answers = columns(items, ours, end_to_end, chips)
        texts = []
        for name, pairs in answers.items():
            everything[name] += pairs
            if pairs:
                texts.append("{} {:.2%} / {:.2%} of {}".format(name, *shares(pairs), len(pairs)))
        print(f"seed {seed}: {'; '.join(texts)}; {seconds:.1f} s / {of_baseline:.1f} s", flush=True)
        lost = {
            "facepipe": report["photos"]["found"] - report["stages"]["crop"]["photos"]["kept"],
            "no_face": sum(baseline.end_to_end(item["photo"])[0] is None for item in items),
            "kept": len(items),
        }
    print(f"{'':12} {'facepipe':>9} {'baseline':>9} {'difference':>11}  {'95 % interval':<19} "
          f"{'p':>6}  only ours / only theirs right, of")
    for name, pairs in everything.items():
        if not pairs:
            continue
        (our_share, their_share), (low, high) = shares(pairs), interval(pairs)
        chance, only_ours, only_theirs = mcnemar(pairs)
        print(f"{name:<12} {our_share:9.2%} {their_share:9.2%} {our_share - their_share:+11.2%}  "
              f"{low:+8.2%} {high:+8.2%}   {chance:6.3f}  {only_ours} / {only_theirs}, {len(pairs)}")
    print(f"facepipe keeps no face of {lost['facepipe']} photos: they are in no column; HOG finds none in "
          f"{lost['no_face']} of the {lost['kept']} others (last seed)")
    means = numpy.mean(times, 0)
    print(f"seconds: facepipe {means[0]:.1f}, baseline {means[1]:.1f}, mean of {SEEDS} seeds")


if __name__ == "__main__":
    main()
