#!/usr/bin/env python3
"""Opens exported files in Python and compares them with the trained network.

    python3 -m venv .venv && .venv/bin/pip install torch==2.13.0 torchvision==0.28.0 \\
        safetensors numpy onnx onnxruntime
    facepipe export models/NAME --format torchscript,torchscript-u8,onnx,onnx-u8,pth,safetensors
    .venv/bin/python scripts/check_export.py models/NAME/export [--facepipe BINARY --chips CHIP...]

Each file of the folder is opened as its users do: TorchScript and .pth in PyTorch, the tensors in
torchvision's network (or in the modules below, which are dlib's and SFace), ONNX in ONNX Runtime behind
`onnx.checker`. The inputs and the trained network's probabilities are those that `facepipe export`
keeps in `check.safetensors` (up to 50 images of the data set), with its similarities where it gives
them, so the comparison is of the networks alone. Batches of 1, 7 and all images are compared. What is missing in Python or in the folder is said.

With `--facepipe` it also runs `facepipe predict` with the TorchScript file on the given images (of a
model whose images are taken whole) and compares with what PyTorch makes of them; there the two resize
filters differ a little.

Exits with 1 where a probability or a similarity differs by more than 1e-5.
"""

import argparse
import copy
import json
import pathlib
import subprocess
import sys

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional

LIMIT = 1e-5


class Unit(nn.Module):
    """A convolution of dlib's network, and the scale and shift behind it."""

    def __init__(self, channels_in, channels_out, side, stride, padding):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(channels_out, channels_in, side, side))
        self.bias = nn.Parameter(torch.zeros(channels_out))
        self.scale = nn.Parameter(torch.ones(channels_out))
        self.shift = nn.Parameter(torch.zeros(channels_out))
        self.stride, self.padding = stride, padding

    def forward(self, images):
        output = functional.conv2d(images, self.weight, self.bias, self.stride, self.padding)
        return output * self.scale.view(-1, 1, 1) + self.shift.view(-1, 1, 1)


class Block(nn.Module):
    """Two convolutions and a shortcut without weights, filled up with zeros."""

    def __init__(self, channels_in, channels_out, halves):
        super().__init__()
        stride, padding = (2, 0) if halves else (1, 1)
        self.first = Unit(channels_in, channels_out, 3, stride, padding)
        self.second = Unit(channels_out, channels_out, 3, 1, 1)
        self.halves = halves

    def forward(self, images):
        output = self.second(functional.relu(self.first(images)))
        if not self.halves:
            return functional.relu(output + images)
        shortcut = functional.avg_pool2d(images, 2)
        shape = [max(one, other) for one, other in zip(output.shape[1:], shortcut.shape[1:], strict=False)]

        def filled(tensor):
            missing = [to - have for to, have in zip(shape, tensor.shape[1:], strict=False)]
            return functional.pad(tensor, [0, missing[2], 0, missing[1], 0, missing[0]])

        return functional.relu(filled(output) + filled(shortcut))


class DlibResNet29(nn.Module):
    """dlib's face recognition network with facepipe's names, and a linear layer for labels."""

    BLOCKS = [
        *[(32, 32, False)] * 3, (32, 64, True), *[(64, 64, False)] * 3, (64, 128, True),
        *[(128, 128, False)] * 2, (128, 256, True), *[(256, 256, False)] * 2, (256, 256, True),
    ]  # fmt: skip

    def __init__(self, num_classes):
        super().__init__()
        self.stem = Unit(3, 32, 7, 2, 0)
        for number, block in enumerate(self.BLOCKS):
            setattr(self, f"block{number}", Block(*block))
        self.embedding = nn.Linear(256, 128, bias=False)
        self.fc = nn.Linear(128, num_classes)

    def forward(self, images):
        output = functional.max_pool2d(functional.relu(self.stem(images)), 3, 2)
        for number in range(len(self.BLOCKS)):
            output = getattr(self, f"block{number}")(output)
        return self.fc(self.embedding(output.mean([2, 3])))


class SFaceUnit(nn.Module):
    """A convolution, its normalisation, and an activation with a slope for each channel."""

    def __init__(self, channels_in, channels_out, side, stride=1, groups=1):
        super().__init__()
        self.conv = nn.Conv2d(
            channels_in, channels_out, side, stride, side // 2, groups=groups, bias=False
        )
        self.norm = nn.BatchNorm2d(channels_out, eps=1e-3)
        self.prelu = nn.PReLU(channels_out)

    def forward(self, images):
        return self.prelu(self.norm(self.conv(images)))


class SFace(nn.Module):
    """SFace with facepipe's names, and a linear layer for labels."""

    PAIRS = [
        (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1),
    ]  # fmt: skip

    def __init__(self, num_classes):
        super().__init__()
        self.conv1 = SFaceUnit(3, 32, 3)
        channels = 32
        for number, (to, stride) in enumerate(self.PAIRS, 2):
            setattr(self, f"conv{number}_dw", SFaceUnit(channels, channels, 3, stride, channels))
            setattr(self, f"conv{number}", SFaceUnit(channels, to, 1))
            channels = to
        self.last_norm = nn.BatchNorm2d(channels, eps=2e-5)
        self.embedding = nn.Linear(channels * 7 * 7, 128)
        self.embedding_norm = nn.BatchNorm1d(128, eps=2e-5)
        self.fc = nn.Linear(128, num_classes)

    def forward(self, images):
        output = self.conv1(images)
        for number in range(2, 2 + len(self.PAIRS)):
            output = getattr(self, f"conv{number}")(getattr(self, f"conv{number}_dw")(output))
        embedding = self.embedding(self.last_norm(output).flatten(1))
        return self.fc(self.embedding_norm(embedding))


def network_of(card):
    """The card's network in Python, with random weights; None where torchvision is missing."""
    labels = len(card["labels"])
    if card["architecture"] == "dlib-resnet29":
        network = DlibResNet29(labels).eval()
    elif card["architecture"] == "sface":
        network = SFace(labels).eval()
    else:
        try:
            import torchvision
        except ImportError:
            return None
        network = getattr(torchvision.models, card["architecture"])(num_classes=labels).eval()
    if card.get("head", "linear") == "cosine":
        network.fc.register_forward_pre_hook(lambda _, inputs: functional.normalize(inputs[0]))
    return network


class Check:
    """The trained network's answers for real images."""

    def __init__(self, folder):
        self.folder = folder
        tensors = load_file(folder / "check.safetensors")
        self.images, self.chips = tensors["images"], tensors["chips"]
        self.probabilities = tensors["probabilities"]
        self.similarities = tensors.get("similarities")
        self.largest = 0.0

    def batches(self):
        count = len(self.images)
        for size in sorted({1, 7, count}):
            yield size, [number % count for number in range(size)]

    def compare(self, name, numbers_of, inputs, expected=None):
        """`numbers_of` gives the probabilities of a batch of inputs, or what else is `expected` of all."""
        what = "probability" if expected is None else "similarity"
        expected = self.probabilities if expected is None else expected
        differences = []
        for size, chosen in self.batches():
            with torch.no_grad():
                found = torch.as_tensor(numbers_of(inputs[chosen]))
            difference = (found - expected[chosen]).abs().max().item()
            differences.append(f"{size}: {difference:.2e}")
            self.largest = max(self.largest, difference if difference == difference else 1.0)
        print(f"{name}: largest difference of a {what} by batch size {', '.join(differences)}")

    def card(self, text, labels=None):
        """A card as a file holds it, which must fit the images."""
        card = json.loads(text)
        assert len(card["labels"]) == self.probabilities.shape[1]
        assert labels is None or json.loads(labels) == card["labels"]
        size = (card["input"]["height"], card["input"]["width"])
        assert tuple(self.images.shape[2:]) == size and tuple(self.chips.shape[1:3]) == size
        return card


def check_torchscript(check, path, inputs, bytes_in):
    extra = {"labels.json": "", "model_card.json": ""}
    network = torch.jit.load(path, _extra_files=extra)
    card = check.card(extra["model_card.json"], extra["labels.json"])
    assert not network.training
    if bytes_in:
        probabilities_of = network
    else:
        def probabilities_of(batch):
            return torch.softmax(network(batch) / card["temperature"], -1)
        frozen = torch.jit.freeze(network)
        fast = torch.jit.optimize_for_inference(torch.jit.load(path))
        def softmax(logits):
            return torch.softmax(logits / card["temperature"], -1)
        check.compare(f"{path.name}, frozen", lambda batch: softmax(frozen(batch)), inputs)
        check.compare(f"{path.name}, optimised", lambda batch: softmax(fast(batch)), inputs)
    check.compare(path.name, probabilities_of, inputs)
    assert hasattr(network, "with_similarities") == card.get("similarities", False)
    if check.similarities is not None:
        def similarities_of(batch):
            output, similarities = network.with_similarities(batch)
            assert torch.equal(output, network(batch))
            return similarities
        check.compare(f"{path.name}, with_similarities", similarities_of, inputs, check.similarities)
    parameters, names = list(network.parameters()), list(network.state_dict())
    assert parameters and len(names) == len(list(network.buffers())) + len(parameters)
    expected = network_of(card)
    if expected is not None:
        missing = set(expected.state_dict()) - set(names)
        assert not missing, missing
        weights = {name: network.state_dict()[name] for name in expected.state_dict()}
        expected.load_state_dict(weights, strict=True)
    # PyTorch moves programs to `meta` only while it loads them.
    moves = {
        "float64": lambda: torch.jit.load(path).to(torch.float64),
        "half": lambda: torch.jit.load(path).half(),
        "meta": lambda: torch.jit.load(path, map_location="meta"),
    }
    if torch.cuda.is_available():
        moves["cuda"] = lambda: torch.jit.load(path).to("cuda")
    for name, move in moves.items():
        moved = move()
        for tensor in [*moved.parameters(), *moved.buffers()]:
            stayed = tensor.device.type == "cpu" and tensor.dtype == torch.float32
            assert not stayed, f"{name} left a tensor behind"
    double = torch.jit.load(path).to(torch.float64)
    with torch.no_grad():
        answers = double(inputs[:2] if bytes_in else inputs[:2].double())
    assert answers.dtype == torch.float64
    print(f"{path.name}: {len(parameters)} parameters, {len(names)} names; moved to {', '.join(moves)}")
    return network, card


def check_state_dict(check, path, tensors, card):
    network = network_of(card)
    if network is None:
        print(f"{path.name}: not compared, for torchvision is not installed")
        return
    before = copy.deepcopy(network.state_dict())
    network.load_state_dict(tensors, strict=True)
    assert all(tensors[name].dtype == tensor.dtype for name, tensor in before.items())
    def softmax(images):
        return torch.softmax(network(images) / card["temperature"], -1)
    check.compare(f"{path.name}, strictly loaded", softmax, check.images)


def check_onnx(check, path, inputs):
    try:
        import onnx
        import onnxruntime
    except ImportError as missing:
        print(f"{path.name}: not checked ({missing})")
        return
    onnx.checker.check_model(str(path), full_check=True)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    metadata = session.get_modelmeta().custom_metadata_map
    card = check.card(metadata["model_card"], metadata["labels"])
    assert float(metadata["temperature"]) == card["temperature"]
    [given] = session.get_inputs()
    assert given.shape[0] == "batch", given.shape
    outputs = [output.name for output in session.get_outputs()]
    assert ("similarities" in outputs) == card.get("similarities", False)
    for output in outputs:

        def numbers_of(batch, output=output):
            [found] = session.run([output], {given.name: batch.numpy()})
            found = torch.from_numpy(found)
            return torch.softmax(found / card["temperature"], -1) if output == "logits" else found

        expected = check.similarities if output == "similarities" else None
        check.compare(f"{path.name}, {output}", numbers_of, inputs, expected)
    opset = onnx.load(str(path)).opset_import[0].version
    print(f"{path.name}: checked, opset {opset}, {given.name} {given.shape} {given.type}")


def check_predict(binary, export, chips, network, card):
    """`facepipe predict` against Pillow and PyTorch, for a model that takes images whole."""
    import numpy
    from PIL import Image

    lines = subprocess.run(
        [binary, "predict", export / "model.pt", *chips], check=True, capture_output=True, text=True
    ).stdout.splitlines()
    spec = card["input"]
    mean, std = (torch.tensor(spec[name]).view(3, 1, 1) for name in ("mean", "std"))
    for chip, line in zip(chips, map(json.loads, lines), strict=False):
        image = Image.open(chip).convert("RGB")
        image = image.resize((spec["width"], spec["height"]), Image.Resampling.BILINEAR)
        pixels = torch.from_numpy(numpy.array(image)).permute(2, 0, 1) / spec["scale"]
        with torch.no_grad():
            logits = network(((pixels - mean) / std)[None])
        found = torch.softmax(logits / card["temperature"], -1)[0]
        ours = [line["faces"][0]["probabilities"][label] for label in card["labels"]]
        difference = (found - torch.tensor(ours)).abs().max().item()
        print(f"predict {chip}: differs by {difference:.2e}, resize filters included")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("export", type=pathlib.Path, help="the model's export folder")
    parser.add_argument("--facepipe", metavar="BINARY", help="the facepipe program")
    parser.add_argument("--chips", nargs="+", default=[], help="images for `facepipe predict`")
    arguments = parser.parse_args()
    check = Check(arguments.export)
    def here(name):
        return (arguments.export / name).exists()
    files = ("pt", "onnx", "pth", "safetensors")
    names = [f"model.{kind}" for kind in files] + ["model_u8.pt", "model_u8.onnx"]
    for name in names:
        if not here(name):
            print(f"{name}: not there")
    network = card = None
    if here("model.pt"):
        path = arguments.export / "model.pt"
        network, card = check_torchscript(check, path, check.images, False)
    if here("model_u8.pt"):
        check_torchscript(check, arguments.export / "model_u8.pt", check.chips, True)
    if here("model.pth"):
        path = arguments.export / "model.pth"
        reader = torch.PyTorchFileReader(str(path))
        inside = check.card(reader.get_record("extra/model_card.json").decode())
        check_state_dict(check, path, torch.load(path, weights_only=True), inside)
        torch.load(path, weights_only=True, mmap=True)
    if here("model.safetensors"):
        path = arguments.export / "model.safetensors"
        with safe_open(path, "pt") as file:
            inside = check.card(file.metadata()["facepipe"])
        check_state_dict(check, path, load_file(path), inside)
    if here("model.onnx"):
        check_onnx(check, arguments.export / "model.onnx", check.images)
    if here("model_u8.onnx"):
        check_onnx(check, arguments.export / "model_u8.onnx", check.chips)
    if network and arguments.facepipe and arguments.chips and card["chip"]["kind"] == "whole":
        check_predict(arguments.facepipe, arguments.export, arguments.chips, network, card)
    print(f"{len(check.images)} images, largest difference: {check.largest:.2e}, allowed: {LIMIT:.0e}")
    return 0 if check.largest < LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
