#!/usr/bin/env python3
"""`facepipe serve` beside a Flask app around the same exported TorchScript file.

    python3 scripts/bench/serve.py MODEL.pt CHIP

CHIP is a picture of a face in the network's input size; detection is off. Three servers run on this
machine and are measured in turn, each on its own, for SECONDS (5) at 1, 8 and 32 connections, ROUNDS (3) times:

    flask      the app below with Flask's development server
    gunicorn   the same with gunicorn, 1 worker, 2 threads
    facepipe   `facepipe serve MODEL.pt --chips` (the program: FACEPIPE, else `facepipe`)

Printed are medians over the rounds: requests a second, the times at which 50 % and 95 % of requests are
answered, and the share of its time in which the generator of the load was busy (near 1 it would be what is
measured). With CONSTANT=path of the example `serve_constant` and MODEL_FOLDER, the server without its model
is measured as well: what HTTP, decoding, preprocessing and both queues take.

LOAD is the example `load` (cargo build --example load). Needs flask, gunicorn, numpy, pillow and torch.
"""

import json
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import time

SECONDS = float(os.environ.get("SECONDS_EACH", "5"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))
CONNECTIONS = [1, 8, 32]
HOST = "127.0.0.1"
PORTS = {"flask": 18101, "gunicorn": 18102, "facepipe": 18103, "constant": 18104}
LOAD = os.environ.get("LOAD", "target/release/examples/load")


def make_app(path):
    """The app: a form's `image` is opened, resized, and named."""
    import numpy
    import torch
    from flask import Flask, jsonify, request
    from PIL import Image

    extra = {"model_card.json": ""}
    model = torch.jit.load(path, _extra_files=extra).eval()
    card = json.loads(extra["model_card.json"])
    spec = card["input"]
    mean, std = (torch.tensor(spec[name]).view(1, 3, 1, 1) for name in ("mean", "std"))
    app = Flask(__name__)

    @app.post("/predict_json")
    def predict_json():
        image = Image.open(request.files["image"].stream).convert("RGB")
        image = image.resize((spec["width"], spec["height"]))
        pixels = torch.from_numpy(numpy.asarray(image, dtype=numpy.float32))
        batch = (pixels.permute(2, 0, 1).unsqueeze(0) / spec["scale"] - mean) / std
        with torch.no_grad():
            probabilities = (model(batch) / card["temperature"]).softmax(1)[0]
        index = int(probabilities.argmax())
        return jsonify(
            pred_index=index,
            pred_label=card["labels"][index],
            probabilities=probabilities.tolist(),
        )

    return app


def start(command, port, environment=None):
    """Starts a server and waits until it listens."""
    process = subprocess.Popen(
        command,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    for _ in range(600):
        if process.poll() is not None:
            sys.exit(f"{command} ended with {process.returncode}")
        try:
            socket.create_connection((HOST, port), 1).close()
            return process
        except OSError:
            time.sleep(0.1)
    sys.exit(f"{command} does not listen")


def servers(model):
    app = {"SERVE_MODEL": model}
    here = str(pathlib.Path(__file__).resolve())
    gunicorn = [sys.executable, "-m", "gunicorn", "-w", "1", "--threads", "2", "--chdir"]
    gunicorn += [os.path.dirname(here), "-b", f"{HOST}:{PORTS['gunicorn']}", "serve:application()"]
    program = os.environ.get("FACEPIPE", "facepipe")
    commands = {
        "flask": [sys.executable, here, "--flask"],
        "gunicorn": gunicorn,
        "facepipe": [program, "serve", model, "--chips", "--bind", f"{HOST}:{PORTS['facepipe']}"],
    }
    if "CONSTANT" in os.environ:
        commands["constant"] = [
            os.environ["CONSTANT"],
            os.environ["MODEL_FOLDER"],
            f"{HOST}:{PORTS['constant']}",
        ]
    return {name: start(command, PORTS[name], app) for name, command in commands.items()}


def application():
    """What gunicorn calls."""
    return make_app(os.environ["SERVE_MODEL"])


def form(chip, folder):
    """The chip as the body of a form."""
    head = b'--border\r\ncontent-disposition: form-data; name="image"; filename="chip.png"\r\n\r\n'
    path = os.path.join(folder, "chip.form")
    pathlib.Path(path).write_bytes(head + pathlib.Path(chip).read_bytes() + b"\r\n--border--\r\n")
    return path


def load(name, connections, body, seconds):
    command = [LOAD, f"{HOST}:{PORTS[name]}", "/predict_json", str(connections)]
    command += [str(10**9), str(seconds), f"{body}=200"]
    seen = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    if seen["wrong"]:
        sys.exit(f"{name}: wrong answers: {seen['statuses']}")
    return seen


def main():
    if sys.argv[1:] == ["--flask"]:
        application().run(HOST, PORTS["flask"])
        return
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    running = servers(sys.argv[1])
    try:
        with tempfile.TemporaryDirectory() as folder:
            measure(running, form(sys.argv[2], folder))
    finally:
        for process in running.values():
            process.terminate()
            process.wait()


def measure(running, body):
    seen = {(name, count): [] for name in running for count in CONNECTIONS}
    for name in running:
        load(name, 8, body, 2)
    for _ in range(ROUNDS):
        for count in CONNECTIONS:
            for name in running:
                seen[name, count].append(load(name, count, body, SECONDS))
    print(f"{'':>12} {'connections':>11} {'a second':>9} {'p50 ms':>8} {'p95 ms':>8} {'generator':>9}")
    median = {}
    for count in CONNECTIONS:
        for name in running:
            of = seen[name, count]
            rate, half, most = (statistics.median(one[key] for one in of) for key in ("rate", "p50", "p95"))
            busy = statistics.median(one["cpu_seconds"] / one["seconds"] for one in of)
            median[name, count] = rate, most
            print(f"{name:>12} {count:>11} {rate:>9.1f} {1000 * half:>8.2f} {1000 * most:>8.2f} {busy:>9.2f}")
    for count in CONNECTIONS:
        for other in ("flask", "gunicorn"):
            rates = median["facepipe", count][0] / median[other, count][0]
            times = median["facepipe", count][1] / median[other, count][1]
            print(f"at {count}: {rates:.2f} times the throughput of {other}, {times:.2f} times its p95")


if __name__ == "__main__":
    main()
