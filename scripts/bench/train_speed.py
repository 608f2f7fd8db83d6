#!/usr/bin/env python3
"""Training speed and memory of facepipe against a PyTorch loop with two DataLoader workers.

    scripts/bench/train_speed.py target/release/facepipe [--data FOLDER] [--rounds 2]

Needs Python's torch, numpy and pillow. Both train ResNet-18 from random weights at 224 pixels in batches of
32, with AdamW, on the same pictures, with the same changes to them (a part of at least 70 %, mirrored or
not, brightness and contrast), on all processors. facepipe has everything on that it has: checkpoints,
the score on val, clipping, and the mean of weights. PyTorch's loop runs as one writes it (`plain`), with
autocast for bfloat16, and with channels last. Both take turns; the best round of each counts, and
the time of the first epoch does not. Memory is the highest proportional share (PSS) of the process and its
children. --data is a folder of folders of pictures; without it, pictures are drawn.
"""

import argparse
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import threading
import time

SIDE, BATCH, IMAGES, EPOCHS = 224, 32, 256, 3
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("--data", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--dlib", action="store_true", help="also facepipe's own default network")
    parser.add_argument("--python-loop", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.python_loop:
        return python_loop(arguments.program, *arguments.python_loop)
    with tempfile.TemporaryDirectory() as folder:
        data = pathlib.Path(folder, "data")
        fill(data, arguments.data)
        contestants = {"facepipe f32": facepipe(arguments.program, data, "f32", "resnet18"),
                       "facepipe bf16": facepipe(arguments.program, data, "bf16", "resnet18")}
        for precision in ("f32", "bf16"):
            for layout in ("plain", "channels_last"):
                command = [sys.executable, __file__, str(data), "--python-loop", precision, layout]
                contestants[f"PyTorch {precision} {layout}"] = lambda command=command: command
        if arguments.dlib:
            for precision in ("f32", "bf16"):
                contestants[f"facepipe dlib-resnet29 {precision}"] = facepipe(
                    arguments.program, data, precision, "dlib-resnet29")
        best = {}
        for number in range(arguments.rounds):
            for name, command in contestants.items():
                speed, memory = measure(command())
                print(f"round {number + 1}: {name}: {speed:.1f} images/s, {memory:.0f} MB", flush=True)
                old = best.get(name, (0.0, memory))
                best[name] = (max(old[0], speed), max(old[1], memory))
    base = best["PyTorch f32 plain"]
    print(f"\n{'':32} images/s   to PyTorch f32   memory MB")
    for name, (speed, memory) in best.items():
        print(f"{name:32} {speed:8.1f} {speed / base[0]:12.2f} x {memory:14.0f}")


def fill(data, source):
    """Two labels of pictures for train, one picture each for val and test."""
    from PIL import Image
    numbers = random.Random(0)
    found = sorted(source.rglob("*.[jp][pn]g")) if source else []
    for number in range(IMAGES):
        folder = data / "train" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{number}.jpg"
        if found:
            Image.open(found[number % len(found)]).convert("RGB").save(path, quality=92)
        else:
            tiny = Image.frombytes("RGB", (25, 25), numbers.randbytes(25 * 25 * 3))
            tiny.resize((250, 250), Image.Resampling.BICUBIC).save(path, quality=92)
    for side in ("val", "test"):
        for label in "ab":
            (data / side / label).mkdir(parents=True)
            picture = next((data / "train" / label).iterdir())
            (data / side / label / "x.jpg").write_bytes(picture.read_bytes())


def facepipe(program, data, precision, backbone):
    def command():
        out = tempfile.mkdtemp(dir=data.parent)
        return [program.resolve(), "train", data, "--out", out + "/model", "--backbone", backbone,
                "--weights", "none", "--batch", str(BATCH), "--epochs", str(EPOCHS), "--device", "cpu",
                "--precision", precision, "--clip", "1", "--ema", "0.99", "--no-progress"]
    return command


def measure(command):
    """Images a second between the ends of the first and last epoch, and the most memory in MB."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    peak, ended = [0.0], threading.Event()

    def watch():
        while not ended.wait(0.1):
            peak[0] = max(peak[0], memory(process.pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    times, lines = [], []
    for line in process.stderr:
        lines.append(line)
        if line.startswith("epoch "):
            times.append(time.monotonic())
    ended.set()
    watcher.join()
    if process.wait() or len(times) != EPOCHS:
        sys.exit(f"{command} failed:\n{''.join(lines)}")
    return IMAGES * (EPOCHS - 1) / (times[-1] - times[0]), peak[0]


def memory(pid):
    try:
        with open(f"/proc/{pid}/smaps_rollup") as text:
            own = sum(int(line.split()[1]) for line in text if line.startswith("Pss:")) / 1000
        children = pathlib.Path(f"/proc/{pid}/task").glob("*/children")
        return own + sum(memory(int(child)) for task in children for child in task.read_text().split())
    except (OSError, ValueError):
        return 0.0


def python_loop(data, precision, layout):
    import numpy
    import torch
    from PIL import Image, ImageEnhance
    from torch import nn
    from torch.nn import functional

    class Pictures(torch.utils.data.Dataset):
        def __init__(self):
            self.files = sorted((data / "train").rglob("*.jpg"))

        def __len__(self):
            return len(self.files)

        def __getitem__(self, index):
            path = self.files[index]
            image = Image.open(path).convert("RGB")
            area, stretch = random.uniform(0.7, 1.0), 1.1 ** random.uniform(-1.0, 1.0)
            width = min(image.width, round(image.width * (area * stretch) ** 0.5))
            height = min(image.height, round(image.height * (area / stretch) ** 0.5))
            left = random.randint(0, image.width - width)
            top = random.randint(0, image.height - height)
            box = (left, top, left + width, top + height)
            image = image.resize((SIDE, SIDE), Image.Resampling.BILINEAR, box)
            if random.random() < 0.5:
                image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
            image = ImageEnhance.Brightness(image).enhance(random.uniform(0.8, 1.2))
            image = ImageEnhance.Contrast(image).enhance(random.uniform(0.8, 1.2))
            pixels = torch.from_numpy(numpy.array(image)).permute(2, 0, 1).float() / 255
            mean, std = (torch.tensor(part).view(3, 1, 1) for part in (MEAN, STD))
            return (pixels - mean) / std, int(path.parent.name == "b")

    class Block(nn.Module):
        def __init__(self, before, after, stride):
            super().__init__()
            self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(after)
            self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(after)
            self.downsample = None
            if stride != 1 or before != after:
                self.downsample = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False),
                                                nn.BatchNorm2d(after))

        def forward(self, images):
            result = functional.relu(self.bn1(self.conv1(images)), inplace=True)
            result = self.bn2(self.conv2(result))
            result += images if self.downsample is None else self.downsample(images)
            return functional.relu(result, inplace=True)

    blocks = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True),
              nn.MaxPool2d(3, 2, 1)]
    channels = 64
    for after, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        blocks += [Block(channels, after, stride), Block(after, after, 1)]
        channels = after
    network = nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 2))
    form = torch.channels_last if layout == "channels_last" else torch.contiguous_format
    network = network.to(memory_format=form)
    torch.set_num_threads(os.cpu_count())
    loader = torch.utils.data.DataLoader(Pictures(), BATCH, shuffle=True, num_workers=2,
                                         persistent_workers=True)
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3, weight_decay=0.05)
    for epoch in range(EPOCHS):
        for images, labels in loader:
            images = images.contiguous(memory_format=form)
            with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
                logits = network(images)
            loss = functional.cross_entropy(logits.float(), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if not loss.isfinite():
                sys.exit("the loss is not finite")
        print(f"epoch {epoch + 1}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
