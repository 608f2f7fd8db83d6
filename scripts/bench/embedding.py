#!/usr/bin/env python3
"""Times embeddings of face chips: dlib against facepipe, on the same chips, side by side.

Needs PyPI's dlib-bin, numpy and pillow, and the example program (libtorch does the work, so that a
build for development is as fast as a release):

    cargo build --example time_embeddings
    scripts/bench/embedding.py CHIPS ~/.local/share/facepipe/weights target/debug/examples/time_embeddings

CHIPS is a folder of pictures of 150x150 pixels. Both take turns, so that whatever else the machine
does hits both; the fastest round of each counts.
"""

import argparse
import json
import os
import pathlib
import subprocess
import time

import dlib
import numpy
from PIL import Image

MODEL = "dlib_face_recognition_resnet_model_v1.dat"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("chips", type=pathlib.Path)
    parser.add_argument("weights", type=pathlib.Path)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    paths = sorted(path for path in arguments.chips.iterdir() if path.suffix in (".png", ".jpg"))
    chips = [numpy.array(Image.open(path).convert("RGB")) for path in paths]
    network = dlib.face_recognition_model_v1(str(arguments.weights / MODEL))

    def facepipe(network):
        command = [arguments.program, arguments.weights, network, str(arguments.threads), *paths]
        answer = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        return answer["seconds"] / len(chips), numpy.array(answer["embeddings"])

    seconds = {"dlib, one by one": [], "dlib, as one batch": [], "facepipe": [], "facepipe, SFace": []}
    largest = 0.0
    for _ in range(arguments.rounds):
        start = time.perf_counter()
        expected = [network.compute_face_descriptor(chip) for chip in chips]
        seconds["dlib, one by one"].append((time.perf_counter() - start) / len(chips))
        start = time.perf_counter()
        network.compute_face_descriptor(chips)
        seconds["dlib, as one batch"].append((time.perf_counter() - start) / len(chips))
        time_each, found = facepipe("dlib")
        seconds["facepipe"].append(time_each)
        seconds["facepipe, SFace"].append(facepipe("sface")[0])
        difference = numpy.abs(numpy.array(expected) - found)
        largest = max(largest, difference.max())

    best = min(seconds["dlib, one by one"] + seconds["dlib, as one batch"])
    print(f"{len(chips)} chips, {arguments.rounds} rounds, {arguments.threads} threads")
    for name, rounds in seconds.items():
        print(f"{name:<20} {min(rounds) * 1000:8.2f} ms a face")
    print(f"facepipe is {best / min(seconds['facepipe']):.1f} times as fast as dlib's faster way")
    print(f"largest difference of embeddings: {largest:.1e}")


if __name__ == "__main__":
    main()
