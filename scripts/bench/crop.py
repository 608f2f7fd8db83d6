#!/usr/bin/env python3
"""Time and memory of `facepipe crop` beside the pipeline of face_recognition in Python.

    python3 scripts/bench/crop.py FOLDER [DETECTOR...]

FOLDER holds a folder of photos for each label. For each detector (`auto` where none is named)
`facepipe crop` (the program: FACEPIPE, else `facepipe`) runs on it, keeping every face, and after it the Python pipeline: PIL
opens each photo and turns it upright, dlib's HOG detector looks at it enlarged twice, as
`face_recognition.face_locations` does, and each face is cut out with a margin of 20 % and saved as PNG.
Needs dlib, numpy and pillow. All run one after the other, RUNS times (3), and the fastest counts; times
are of whole processes.
"""

import json
import os
import subprocess
import sys
import tempfile
import time

RUNS = int(os.environ.get("RUNS", "3"))
MARGIN = 0.2
MEBIBYTE = 1024


def python_pipeline(folder, out):
    import dlib
    import numpy
    from PIL import Image, ImageOps

    detector = dlib.get_frontal_face_detector()
    photos = with_face = faces = 0
    for root, _, names in os.walk(folder):
        for name in sorted(names):
            try:
                picture = ImageOps.exif_transpose(Image.open(os.path.join(root, name)))
                picture = picture.convert("RGB")
            except Exception:  # what is no image: the pipeline would have stopped there
                continue
            photos += 1
            found = detector(numpy.asarray(picture), 1)
            with_face += bool(found)
            for rect in found:
                dx, dy = rect.width() * MARGIN, rect.height() * MARGIN
                box = (rect.left() - dx, rect.top() - dy, rect.right() + dx, rect.bottom() + dy)
                faces += 1
                picture.crop(tuple(map(int, box))).save(os.path.join(out, f"{faces}.png"))
    print(json.dumps({"photos": photos, "with_face": with_face, "crops": faces}))


def measured(command):
    """Seconds, peak memory in MiB, and the JSON object that a command prints."""
    before = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{command} ended with {status}")
    return time.monotonic() - before, usage.ru_maxrss / MEBIBYTE, json.loads(said)


def main():
    if sys.argv[1] == "--python-pipeline":
        return python_pipeline(sys.argv[2], sys.argv[3])
    folder, detectors = sys.argv[1], sys.argv[2:] or ["auto"]
    program = os.environ.get("FACEPIPE", "facepipe")
    best = {}
    for _ in range(RUNS):
        for name in detectors + ["python"]:
            with tempfile.TemporaryDirectory() as out:
                if name == "python":
                    command = [sys.executable, __file__, "--python-pipeline", folder, out]
                else:
                    command = [program, "crop", folder, "--out", os.path.join(out, "crops")]
                    command += ["--detector", name, "--json", "--no-progress"]
                    command += ["--min-face", "1", "--min-quality", "0"]
                seconds, memory, report = measured(command)
                if name not in best or seconds < best[name][0]:
                    best[name] = (seconds, memory, report)
    python = best["python"][0]
    print(f"{'':16} {'seconds':>8} {'MiB':>6} {'faces':>6} {'photos with a face':>19} {'ratio':>6}")
    for name, (seconds, memory, report) in best.items():
        kept = report["with_face"] if name == "python" else report["photos"]["kept"]
        faces = report.get("faces_found", report["crops"])
        print(f"{name:16} {seconds:8.2f} {memory:6.0f} {faces:6} {kept:19} {python / seconds:6.2f}")
    return None


if __name__ == "__main__":
    main()
