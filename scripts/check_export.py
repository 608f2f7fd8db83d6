#!/usr/bin/env python3
"""Opens exported files in Python's PyTorch and compares them with the trained network.

    python3 -m venv .venv && .venv/bin/pip install torch==2.13.0 safetensors numpy
    .venv/bin/python scripts/check_export.py models/NAME/export [--facepipe BINARY --chips CHIP...]

The inputs and the trained network's probabilities are those that `facepipe export` keeps in
`check.safetensors`, so the comparison is of the networks alone. With `--facepipe` it also runs
`facepipe predict` with the TorchScript file on the given images (of a model whose images are taken
whole) and compares with what PyTorch makes of them; there the two resize filters differ a little.

Exits with 1 where a probability differs by more than 1e-5.
"""

import argparse
import json
import pathlib
import subprocess
import sys

import torch
from safetensors import safe_open
from safetensors.torch import load_file

LIMIT = 1e-5
BATCHES = (1, 5, 7)


def differences(name, network, check):
    """The largest difference of a probability, for several sizes of batches."""
    largest = 0.0
    for batch in BATCHES:
        chosen = [number % len(check["images"]) for number in range(batch)]
        with torch.no_grad():
            found = torch.softmax(network(check["images"][chosen]), -1)
        difference = (found - check["probabilities"][chosen]).abs().max().item()
        print(f"{name}, batch {batch}: largest difference of a probability {difference:.2e}")
        largest = max(largest, difference)
    return largest


def check_torchscript(path, check):
    extra = {"labels.json": "", "model_card.json": ""}
    network = torch.jit.load(path, _extra_files=extra).eval()
    labels, card = json.loads(extra["labels.json"]), json.loads(extra["model_card.json"])
    assert labels == card["labels"] and len(labels) == check["probabilities"].shape[1]
    size = card["input"]
    assert check["images"].shape[2:] == (size["height"], size["width"])
    print(f"torchscript: {card['architecture']}, labels {', '.join(labels[:5])} …")
    return differences("torchscript", network, check), network, card


def check_safetensors(path, check):
    """Needs torchvision, whose network takes the tensors by their names."""
    try:
        import torchvision
    except ImportError:
        print("safetensors: not checked, for torchvision is not installed")
        return 0.0
    with safe_open(path, "pt") as file:
        card = json.loads(file.metadata()["facepipe"])
    make = getattr(torchvision.models, card["architecture"])
    network = make(num_classes=len(card["labels"])).eval()
    network.load_state_dict(load_file(path), strict=True)
    return differences("safetensors in torchvision", network, check)


def check_predict(binary, export, chips, network, card):
    """`facepipe predict` against Pillow and PyTorch, for a model that takes images whole."""
    from PIL import Image
    import numpy

    lines = subprocess.run(
        [binary, "predict", export / "model.pt", *chips], check=True, capture_output=True, text=True
    ).stdout.splitlines()
    spec = card["input"]
    mean, std = (torch.tensor(spec[name]).view(3, 1, 1) for name in ("mean", "std"))
    for chip, line in zip(chips, map(json.loads, lines)):
        image = Image.open(chip).convert("RGB")
        image = image.resize((spec["width"], spec["height"]), Image.Resampling.BILINEAR)
        pixels = torch.from_numpy(numpy.array(image)).permute(2, 0, 1) / spec["scale"]
        with torch.no_grad():
            found = torch.softmax(network(((pixels - mean) / std)[None]), -1)[0]
        ours = [line["faces"][0]["probabilities"][label] for label in card["labels"]]
        difference = (found - torch.tensor(ours)).abs().max().item()
        print(f"predict {chip}: differs by {difference:.2e}, resize filters included")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("export", type=pathlib.Path, help="the model's export folder")
    parser.add_argument("--facepipe", metavar="BINARY", help="the facepipe program")
    parser.add_argument("--chips", nargs="+", default=[], help="images for `facepipe predict`")
    arguments = parser.parse_args()
    check = load_file(arguments.export / "check.safetensors")
    largest, network, card = check_torchscript(str(arguments.export / "model.pt"), check)
    tensors = arguments.export / "model.safetensors"
    if tensors.exists():
        largest = max(largest, check_safetensors(str(tensors), check))
    if arguments.facepipe and arguments.chips and card["chip"]["kind"] == "whole":
        check_predict(arguments.facepipe, arguments.export, arguments.chips, network, card)
    print(f"largest difference: {largest:.2e}, allowed: {LIMIT:.0e}")
    return 0 if largest < LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
