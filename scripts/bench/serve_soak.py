#!/usr/bin/env python3
"""Many requests of good, bad and hostile bodies to `facepipe serve`, and its memory.

    python3 scripts/bench/serve_soak.py MODEL CHIP [OPTION...]

TOTAL (100000) requests are sent on 16 connections: chips as bytes, form and base64, halves of a chip, text,
an empty form, broken JSON, a picture whose header claims more pixels than are allowed. Beside them, all the
time, connections that send rubbish, break off in the middle of a body, begin a head and never end it, or
send a body that is too large. Printed is the server's memory after each tenth; the end fails where an
answer has another status than its body's, the server does not answer a good request any more, a place in its
queue was not given back, or memory grew by more than a tenth from the second tenth to the last.

The program is FACEPIPE, else `facepipe`; LOAD is the example `load`; OPTIONs go to the program. Needs
nothing but Python.
"""

import base64
import json
import os
import pathlib
import re
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import zlib

TOTAL = int(os.environ.get("TOTAL", "100000"))
STEPS = 10
CONNECTIONS = 16
ADDRESS = ("127.0.0.1", 18110)
URL = f"http://{ADDRESS[0]}:{ADDRESS[1]}"
LOAD = os.environ.get("LOAD", "target/release/examples/load")
MOST_GROWTH = 1.1
SLOW_CONNECTIONS = 50


def bomb():
    """A small PNG of 60,000 x 30,000 pixels."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", 60000, 30000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"x") + chunk(b"IEND", b"")


def form(name, data):
    head = b'--border\r\ncontent-disposition: form-data; name="%s"; filename="x"\r\n\r\n' % name
    return head + data + b"\r\n--border--\r\n"


def bodies(chip, folder):
    text = base64.b64encode(chip).decode()
    all_bodies = {
        "chip.bin": (chip, 200),
        "chip.form": (form(b"image", chip), 200),
        "chip.json": (json.dumps({"image_b64": text}).encode(), 200),
        "half.bin": (chip[: len(chip) // 2], 422),
        "text.bin": (b"no picture", 422),
        "bomb.bin": (bomb(), 422),
        "other.form": (form(b"other", chip), 400),
        "broken.form": (b"--border\r\nno form", 400),
        "broken.json": (b'{"image_b64": "', 400),
        "deep.json": (b"[" * 100000, 400),
        "base64.json": (b'{"image_b64": "%%%"}', 400),
    }
    arguments = []
    for name, (data, status) in all_bodies.items():
        path = os.path.join(folder, name)
        pathlib.Path(path).write_bytes(data)
        arguments.append(f"{path}={status}")
    return arguments


def hostile(end, counts):
    """Connections that mean no good, until `end`."""
    head = b"POST /predict_json HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n"
    too_large = head % 25_000_000 + b"x" * 1_000_000
    slow = []
    while not end.is_set():
        for data in (b"\x16\x03\x01" + b"\xff" * 5000, b"GET /\r\n\r\n", head % 5000 + b"half", too_large):
            try:
                with socket.create_connection(ADDRESS, 5) as connection:
                    connection.sendall(data)
                counts["hostile"] += 1
            except OSError:
                counts["hostile"] += 1
        if len(slow) < SLOW_CONNECTIONS:
            connection = socket.create_connection(ADDRESS, 5)
            connection.sendall(b"POST /predict_json HTTP/1.1\r\nhost:")
            slow.append(connection)
        time.sleep(0.01)
    for connection in slow:
        connection.close()


def memory(process):
    """Resident memory in megabytes, now."""
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) / 1000


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    model, chip, options = sys.argv[1], pathlib.Path(sys.argv[2]).read_bytes(), sys.argv[3:]
    program = os.environ.get("FACEPIPE", "facepipe")
    command = [program, "serve", model, "--chips", "--bind", f"{ADDRESS[0]}:{ADDRESS[1]}", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    line = process.stdout.readline().decode().strip()
    if not line:
        sys.exit(f"the server did not start; see its output: {' '.join(command)}")
    print(line)
    end, counts, wrong = threading.Event(), {"hostile": 0}, 0
    thread = threading.Thread(target=hostile, args=(end, counts))
    thread.start()
    seen = []
    try:
        with tempfile.TemporaryDirectory() as folder:
            arguments = bodies(chip, folder)
            for step in range(STEPS):
                load = [LOAD, URL.split("//")[1], "/predict_json", str(CONNECTIONS)]
                load += [str(TOTAL // STEPS), "100000", *arguments]
                done = json.loads(subprocess.run(load, stdout=subprocess.PIPE, check=True).stdout)
                wrong += done["wrong"]
                seen.append(memory(process))
                print(
                    f"{(step + 1) * TOTAL // STEPS:>8} requests, {done['rate']:.0f} a second, "
                    f"{done['wrong']} wrong {done['statuses']}, {seen[-1]:.0f} MB",
                    flush=True,
                )
    finally:
        end.set()
        thread.join()
    time.sleep(1)
    request = urllib.request.Request(URL + "/predict_json", chip)
    label = json.load(urllib.request.urlopen(request))["pred_label"]
    figures = urllib.request.urlopen(URL + "/metrics").read().decode()
    places = re.search(r"facepipe_queue_length (\d+)", figures).group(1)
    crashes = re.findall(r'facepipe_failures_total\{code="internal"\} (\d+)', figures)
    process.terminate()
    code = process.wait()
    growth = seen[-1] / seen[1]
    print(
        f"{counts['hostile']} hostile connections; {wrong} wrong answers; {places} places taken at the end; "
        f"internal failures: {crashes or 0}; the last good answer: {label}; exit code {code}; "
        f"memory at the end {growth:.3f} times that after the second tenth"
    )
    if wrong or places != "0" or crashes or code or growth > MOST_GROWTH:
        sys.exit("failed")


if __name__ == "__main__":
    main()
