#!/usr/bin/env python3
"""Time and memory of `facepipe prepare` beside the same work in Python, and of a growing data set.

    FACEPIPE=target/release/facepipe scripts/bench/prepare.py FOLDER
    FACEPIPE=target/release/facepipe scripts/bench/prepare.py --grow COUNT

FOLDER holds a folder of photos for each label. One after the other, RUNS times (3), and the fastest counts;
times are of whole processes:

    facepipe     `facepipe prepare FOLDER --embeddings off`: reads, hashes, compares, splits, copies
    original     what the original program does: PIL opens each photo, md5 of its bytes,
                 imagehash.phash, each photo compared with all others, then copied
    imagededup   PHash().encode_images and find_duplicates with its default search (no copies)

TMPDIR=/dev/shm leaves the disk out: how long a new file takes on ext4 depends on what was removed before.

--grow makes COUNT images of 160 x 120 pixels in labels of 100, prepares them, adds a hundred, and prepares
them again with what the first run left in its cache; then with hard links.

Needs pillow and numpy; for the comparison also imagehash and imagededup.
"""

import json
import os
import subprocess
import sys
import tempfile
import time

RUNS = int(os.environ.get("RUNS", "3"))
PROGRAM = os.environ.get("FACEPIPE", "facepipe")
MEBIBYTE = 1024


def original(folder, out):
    import hashlib
    import shutil

    import imagehash
    from PIL import Image

    seen, hashes = set(), []
    for label in sorted(os.listdir(folder)):
        for name in sorted(os.listdir(os.path.join(folder, label))):
            path = os.path.join(folder, label, name)
            with open(path, "rb") as file:
                digest = hashlib.md5(file.read()).hexdigest()
            if digest in seen:
                continue
            seen.add(digest)
            with Image.open(path) as picture:
                value = imagehash.phash(picture)
            if any(value - other <= 6 for other in hashes):
                continue
            hashes.append(value)
            os.makedirs(os.path.join(out, label), exist_ok=True)
            shutil.copy2(path, os.path.join(out, label, name))


def imagededup(folder, out):
    from imagededup.methods import PHash

    method = PHash(verbose=False)
    codes = method.encode_images(image_dir=folder, recursive=True)
    method.find_duplicates(encoding_map=codes)


def measured(command):
    """Seconds, peak memory in MiB and the output of a command."""
    before = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{command} ended with {status}")
    return time.monotonic() - before, usage.ru_maxrss / MEBIBYTE, said


def prepare(folder, out, *options):
    command = [PROGRAM, "prepare", folder, "--out", out, "--json", "--no-progress"]
    command += ["--embeddings", "off", *options]
    seconds, memory, said = measured(command)
    return seconds, memory, json.loads(said)


def compare(folder):
    best = {}
    # Nothing is removed before the end: making files right after as many were removed is slow on ext4.
    with tempfile.TemporaryDirectory() as work:
        for run in range(RUNS):
            for name in ["facepipe", "original", "imagededup"]:
                out = os.path.join(work, f"{name}-{run}")
                if name == "facepipe":
                    seconds, memory, _ = prepare(folder, out)
                else:
                    command = [sys.executable, __file__, f"--{name}", folder, out]
                    seconds, memory, _ = measured(command)
                if name not in best or seconds < best[name][0]:
                    best[name] = (seconds, memory)
    own = best["facepipe"][0]
    print(f"{'':12} {'seconds':>8} {'MiB':>6} {'times facepipe':>15}")
    for name, (seconds, memory) in best.items():
        print(f"{name:12} {seconds:8.2f} {memory:6.0f} {seconds / own:15.1f}")


def make_images(folder, first, count):
    import numpy
    from PIL import Image

    for number in range(first, first + count):
        random = numpy.random.default_rng(number)
        coarse = random.integers(0, 256, (9, 12, 3), dtype=numpy.uint8)
        picture = Image.fromarray(coarse).resize((160, 120), Image.BICUBIC)
        label = os.path.join(folder, f"label{number // 100:05}")
        os.makedirs(label, exist_ok=True)
        picture.save(os.path.join(label, f"{number}.jpg"), quality=85)


def grow(count):
    with tempfile.TemporaryDirectory() as work:
        folder, out = os.path.join(work, "in"), os.path.join(work, "out")
        make_images(folder, 0, count)
        # Until a file's time of change is some seconds old the program does not trust it.
        time.sleep(3)
        print(f"{'':28} {'images':>7} {'computed':>9} {'seconds':>8} {'MiB':>6}")

        def step(name, *options):
            seconds, memory, report = prepare(folder, out, *options)
            found = report["images"]["found"]
            computed = found - report["from_cache"]
            print(f"{name:28} {found:7} {computed:9} {seconds:8.2f} {memory:6.0f}", flush=True)

        step("first run")
        make_images(folder, count, 100)
        time.sleep(3)
        step("a hundred more", "--force")
        step("none more, another seed", "--force", "--seed", "1")
        out = os.path.join(work, "links")
        step("new folder, hard links", "--link", "hard")


def main():
    if sys.argv[1] == "--grow":
        return grow(int(sys.argv[2]))
    if sys.argv[1] in ("--original", "--imagededup"):
        return {"--original": original, "--imagededup": imagededup}[sys.argv[1]](*sys.argv[2:4])
    return compare(sys.argv[1])


if __name__ == "__main__":
    main()
