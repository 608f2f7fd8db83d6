#!/usr/bin/env python3
"""Time of `facepipe run` beside the Python pipeline that it replaces, from photos to exported model.

    python3 scripts/bench/original.py FOLDER [OPTION...]

FOLDER holds a folder of photos for each person. Both go the whole way on it, one after the other, RUNS
times (1): `facepipe run` (the program: FACEPIPE, else `facepipe`; OPTIONs go to it) with its defaults,
and a Python pipeline with the stages and settings of the script that facepipe comes from:

    crop     Pillow opens each photo; dlib's HOG detector looks at it enlarged twice, as face_recognition
             does; the largest face is cut out with 20 % around it
    prepare  MD5 and imagehash's pHash (each pair of a label, 4 of 64 bits), a random split 70/15/15
    train    torchvision's ResNet-18 from random weights, 224 pixels, flips and colour jitter, batches of
             32, Adam, EPOCHS (20) epochs with val after each, a loader with 2 workers
    export   TorchScript by tracing

Printed are seconds of each stage, of the whole processes and their ratio (Python / facepipe), with the
share of each one's own test images that it names rightly: the splits differ, and that of Python is random,
so the same photo may be on two sides of it.

Needs dlib (or dlib-bin), numpy, pillow, imagehash, torch and torchvision.
"""

import hashlib
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time

RUNS = int(os.environ.get("RUNS", "1"))
EPOCHS = int(os.environ.get("EPOCHS", "20"))
MARGIN = 0.2
HASH_DISTANCE = 4
SIDE = 224
BATCH = 32
WORKERS = 2
SPLIT = {"train": 0.7, "val": 0.15, "test": 0.15}


def crop(folder, out):
    """Cuts out the largest face of each photo."""
    import dlib
    import numpy
    from PIL import Image

    detector = dlib.get_frontal_face_detector()
    count = 0
    for path in sorted(path for path in pathlib.Path(folder).glob("*/*") if path.is_file()):
        try:
            photo = Image.open(path).convert("RGB")
        except OSError:
            continue
        faces = detector(numpy.asarray(photo), 1)
        if not faces:
            continue
        face = max(faces, key=lambda face: face.area())
        across, down = face.width() * MARGIN, face.height() * MARGIN
        box = (
            max(0, face.left() - across),
            max(0, face.top() - down),
            min(photo.width, face.right() + across),
            min(photo.height, face.bottom() + down),
        )
        target = pathlib.Path(out, path.parent.name)
        target.mkdir(parents=True, exist_ok=True)
        photo.crop(tuple(map(int, box))).save(target / f"{path.stem}.png")
        count += 1
    return count


def prepare(crops, out):
    """Leaves duplicates out and copies the rest to train, val and test at random."""
    import imagehash
    from PIL import Image

    chance = random.Random(0)
    count = 0
    for label in sorted(pathlib.Path(crops).iterdir()):
        seen, hashes, kept = set(), [], []
        for path in sorted(label.iterdir()):
            data = path.read_bytes()
            digest = hashlib.md5(data).hexdigest()
            phash = imagehash.phash(Image.open(path))
            if digest in seen or any(phash - other <= HASH_DISTANCE for other in hashes):
                continue
            seen.add(digest)
            hashes.append(phash)
            kept.append((path.name, data))
        chance.shuffle(kept)
        train = round(SPLIT["train"] * len(kept))
        val = round((SPLIT["train"] + SPLIT["val"]) * len(kept))
        for side, files in (("train", kept[:train]), ("val", kept[train:val]), ("test", kept[val:])):
            target = pathlib.Path(out, side, label.name)
            target.mkdir(parents=True, exist_ok=True)
            for name, data in files:
                (target / name).write_bytes(data)
            count += len(files)
    return count


def loaders(data):
    from torch.utils.data import DataLoader
    from torchvision import datasets, transforms

    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    plain = [transforms.ToTensor(), transforms.Normalize(mean, std)]
    augmented = [
        transforms.Resize((SIDE, SIDE)),
        transforms.RandomHorizontalFlip(),
        transforms.ColorJitter(0.2, 0.2, 0.2),
        *plain,
    ]
    transform = {"train": augmented}
    made = {}
    for side in SPLIT:
        steps = transform.get(side, [transforms.Resize((SIDE, SIDE)), *plain])
        images = datasets.ImageFolder(os.path.join(data, side), transforms.Compose(steps))
        made[side] = DataLoader(
            images, batch_size=BATCH, shuffle=side == "train", num_workers=WORKERS
        )
    return made


def accuracy(network, batches):
    import torch

    network.eval()
    right = count = 0
    with torch.no_grad():
        for images, labels in batches:
            right += (network(images).argmax(1) == labels).sum().item()
            count += len(labels)
    return right / max(count, 1)


def train(data):
    """Trains a network; gives it with its accuracy on test."""
    import torch
    from torchvision.models import resnet18

    torch.manual_seed(0)
    batches = loaders(data)
    network = resnet18(num_classes=len(batches["train"].dataset.classes))
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    loss_of = torch.nn.CrossEntropyLoss()
    for _ in range(EPOCHS):
        network.train()
        for images, labels in batches["train"]:
            optimizer.zero_grad()
            loss_of(network(images), labels).backward()
            optimizer.step()
        accuracy(network, batches["val"])
    return network, accuracy(network, batches["test"])


def export(network, out):
    import torch

    network.eval()
    torch.jit.trace(network, torch.rand(1, 3, SIDE, SIDE)).save(os.path.join(out, "model.pt"))


def python_pipeline(folder, out):
    seconds = {}

    def timed(name, work, *arguments):
        start = time.monotonic()
        result = work(*arguments)
        seconds[name] = round(time.monotonic() - start, 2)
        return result

    crops, data = os.path.join(out, "crops"), os.path.join(out, "final")
    timed("crop", crop, folder, crops)
    images = timed("prepare", prepare, crops, data)
    network, share = timed("train", train, data)
    timed("export", export, network, out)
    print(json.dumps({"seconds": seconds, "images": images, "accuracy": share}))


def measured(command):
    """Seconds of a process, and the JSON object that it prints."""
    start = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return time.monotonic() - start, json.loads(done.stdout)


def line(name, seconds, stages, images, share):
    stages = ", ".join(f"{stage} {spent:.1f}" for stage, spent in stages.items())
    print(f"{name:<9} {seconds:8.1f} s   {stages}; {images} images, {share:.1%} of its test right", flush=True)


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    if sys.argv[1] == "--python-pipeline":
        return python_pipeline(sys.argv[2], sys.argv[3])
    folder, options = sys.argv[1], sys.argv[2:]
    program = os.environ.get("FACEPIPE", "facepipe")
    times = {"facepipe": [], "python": []}
    for _ in range(RUNS):
        with tempfile.TemporaryDirectory() as out:
            command = [program, "run", "--from", folder, "--out", os.path.join(out, "project")]
            seconds, report = measured([*command, "--json", "-q", "--no-progress", *options])
        stages = report["stages"]
        times["facepipe"].append(seconds)
        spent = {name: stage["seconds"] for name, stage in stages.items() if "seconds" in stage}
        images = sum(stages["train"]["images"].values())
        line("facepipe", seconds, spent, images, stages["evaluate"]["top1"])
        with tempfile.TemporaryDirectory() as out:
            command = [sys.executable, __file__, "--python-pipeline", folder, out]
            seconds, report = measured(command)
        times["python"].append(seconds)
        line("python", seconds, report["seconds"], report["images"], report["accuracy"])
    ours, theirs = (statistics.median(times[name]) for name in ("facepipe", "python"))
    print(f"facepipe {ours:.1f} s, Python {theirs:.1f} s: {theirs / ours:.1f} times as long "
          f"(medians of {RUNS}; facepipe takes {ours / theirs:.3f} of it)")
    return None


if __name__ == "__main__":
    main()
