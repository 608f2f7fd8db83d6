#!/usr/bin/env python3
"""Whole-process time and memory of `facepipe fetch` beside img2dataset, from a web server on 127.0.0.1.

    python3 scripts/bench/fetch.py PHOTOS IMG2DATASET [SET...]

PHOTOS is a folder of photographs, searched at any depth. IMG2DATASET is that program (PyPI, 1.47).
Three sets of images are made from PHOTOS and served:

    small   2,880 JPEGs of 250 x 250 pixels
    web     322 JPEGs of 90 kB on average
    many    100,000 addresses of the small images (each image at some 35 of them): memory only

Each of the first two is fetched RUNS times (5) by both programs in turn, each time into a new folder, as
files, without resizing; printed are the medians of whole-process time, images kept and the peak of
memory. facepipe (the program: FACEPIPE, else `facepipe`) decodes each image fully and hashes it three
times meanwhile; it is asked not to be polite (`--host-rate unlimited`, and so on), for the server is
ours. NGINX names the web server, else a small one of Python's processes serves. IMG2DATASET_OPTIONS
changes how many processes and threads img2dataset has, 2 and 32 unless given: what was fastest on two
processors. Needs pillow.
"""

import hashlib
import multiprocessing
import os
import pathlib
import random
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

from PIL import Image, ImageOps

RUNS = int(os.environ.get("RUNS", "5"))
FACEPIPE = os.environ.get("FACEPIPE", "facepipe")
OPTIONS = os.environ.get("IMG2DATASET_OPTIONS", "--processes_count 2 --thread_count 32").split()
SMALL, WEB, MANY = 2880, 322, 100_000
WEB_BYTES = 90_000
MEBIBYTE = 1024
PORT = 18080


def photos(folder):
    found = sorted(path for path in pathlib.Path(folder).rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
    # The same photo may be in several folders; the copies would be left out as duplicates.
    found = list({hashlib.md5(path.read_bytes()).digest(): path for path in found}.values())
    random.Random(0).shuffle(found)
    return found


def opened(path):
    try:
        return ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    except Exception:  # what is no image: the sets are made of the others
        return None


def make_small(found, out):
    """Squares of 250 pixels, each different: mirrored and moved where there are too few photos."""
    made, turn = 0, 0
    while made < SMALL:
        for path in found:
            image = opened(path)
            if made == SMALL or image is None or min(image.size) < 150:
                continue
            image = ImageOps.fit(image, (250 + 2 * turn, 250 + 2 * turn)).crop((turn, 0, turn + 250, 250))
            image = ImageOps.mirror(image) if turn % 2 else image
            image.save(out / f"{made}.jpg", quality=90)
            made += 1
        turn += 1


def make_web(found, out):
    """Photos with sizes spread around the mean, as on the web."""
    large = [path for path in found if path.stat().st_size > 40_000 and opened(path)]
    for number in range(WEB):
        image = opened(large[number % len(large)])
        turn = number // len(large)
        image = ImageOps.mirror(image) if turn % 2 else image
        wanted = WEB_BYTES * random.Random(number).uniform(0.35, 1.75)
        for quality in range(98 - turn, 20, -4):
            image.thumbnail((1600, 1600))
            image.save(out / f"{number}.jpg", quality=quality)
            if (out / f"{number}.jpg").stat().st_size <= wanted:
                break


def serve_with_nginx(root, work):
    config = f"""
daemon off; worker_processes 1; pid {work}/nginx.pid; error_log {work}/error.log crit;
events {{ worker_connections 2048; }}
http {{ access_log off; sendfile on; keepalive_requests 1000000; types {{ image/jpeg jpg; }}
  client_body_temp_path {work}; proxy_temp_path {work}; fastcgi_temp_path {work};
  uwsgi_temp_path {work}; scgi_temp_path {work};
  server {{ listen 127.0.0.1:{PORT} backlog=1024; root {root}; }} }}
"""
    (work / "nginx.conf").write_text(config)
    return subprocess.Popen([os.environ["NGINX"], "-c", str(work / "nginx.conf"), "-p", str(work)],
                            stderr=subprocess.DEVNULL)


def serve_in_python(root):
    """One process with an event loop, all files in memory, connections kept open."""
    import asyncio

    files = {}
    for path in root.rglob("*.jpg"):
        body = path.read_bytes()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: {len(body)}\r\n\r\n"
        files[f"/{path.relative_to(root)}"] = head.encode() + body
    missing = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"

    class Server(asyncio.Protocol):
        def connection_made(self, transport):
            self.transport, self.waiting = transport, b""

        def data_received(self, data):
            self.waiting += data
            while b"\r\n\r\n" in self.waiting:
                request, self.waiting = self.waiting.split(b"\r\n\r\n", 1)
                path = request.split(b" ", 2)[1].decode().split("?")[0]
                self.transport.write(files.get(path, missing))
                if b"onnection: close" in request:
                    self.transport.close()

    async def run():
        server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", PORT, backlog=1024)
        await server.serve_forever()

    asyncio.run(run())


class WebServer:
    def __init__(self, root, work):
        self.nginx = self.python = None
        if os.environ.get("NGINX"):
            self.nginx = serve_with_nginx(root, work)
        else:
            self.python = multiprocessing.Process(target=serve_in_python, args=(root,), daemon=True)
            self.python.start()
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", PORT)) == 0:
                    return
            time.sleep(0.05)
        sys.exit("the web server does not answer")

    def stop(self):
        if self.nginx:
            self.nginx.send_signal(signal.SIGTERM)
            self.nginx.wait()
        else:
            self.python.terminate()


# A process counts the memory that its parent had when it was forked as its own: so the parent is small.
LAUNCHER = """
import os, resource, subprocess, sys, time
begun = time.monotonic()
status = subprocess.call(sys.argv[1:])
seconds = time.monotonic() - begun
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
print("\\n", status, seconds, usage.ru_maxrss, usage.ru_utime + usage.ru_stime)
"""


def measured(command, log):
    """Seconds, peak memory (MiB) and processor time of a process, its children included (of memory the
    largest of them)."""
    with open(log, "wb") as output:
        launch = [sys.executable, "-S", "-c", LAUNCHER, *command]
        subprocess.run(launch, stdout=output, stderr=subprocess.STDOUT, check=True)
    text = pathlib.Path(log).read_text()
    status, seconds, peak, processors = text.strip().splitlines()[-1].split()
    if status != "0":
        sys.exit(f"{command[0]} failed:\n{text[-2000:]}")
    return float(seconds), int(peak) / MEBIBYTE, float(processors)


def facepipe(listed, out, log):
    command = [FACEPIPE, "fetch", "--source", "urls", "--urls", listed, "--label", "all", "--out", out]
    command += "--allow-private --host-rate unlimited --connections 32 --host-connections 32 --min-size 1".split()
    return measured([str(part) for part in command], log)


def img2dataset(program, listed, out, log):
    command = [program, "--url_list", listed, "--output_folder", out, "--output_format", "files"]
    command += ["--resize_mode", "no", "--disallowed_header_directives", "[]"] + OPTIONS
    return measured([str(part) for part in command], log)


def kept(folder):
    return sum(1 for path in pathlib.Path(folder).rglob("*.jpg"))


def compare(name, program, listed, work):
    results = {"facepipe": [], "img2dataset": []}
    for run in range(RUNS):
        for who in results:
            out, log = work / f"{name}-{who}-{run}", work / f"{who}.log"
            if who == "facepipe":
                result = facepipe(listed, out, log)
            else:
                result = img2dataset(program, listed, out, log)
            results[who].append((*result, kept(out)))
            shutil.rmtree(out)
    medians = {}
    for who, runs in results.items():
        seconds = [run[0] for run in runs]
        medians[who] = statistics.median(seconds)
        print(f"{name:6} {who:12} {medians[who]:7.2f} s ({min(seconds):.2f} to {max(seconds):.2f}), "
              f"processors {statistics.median(run[2] for run in runs):.2f} s, "
              f"kept {runs[0][3]}, peak {max(run[1] for run in runs):.0f} MiB")
    print(f"{name:6} facepipe takes {medians['facepipe'] / medians['img2dataset']:.3f} of img2dataset's time")


def memory(work):
    listed = work / "many.txt"
    lines = (f"http://127.0.0.1:{PORT}/small/{number % SMALL}.jpg?{number}" for number in range(MANY))
    listed.write_text("\n".join(lines) + "\n")
    seconds, peak, processors = facepipe(listed, work / "many-out", work / "many.log")
    print(f"many   facepipe     {seconds:7.2f} s, processors {processors:.2f} s, peak {peak:.0f} MiB")
    seconds, peak, _ = facepipe(listed, work / "many-out", work / "many.log")
    print(f"many   once more    {seconds:7.2f} s, peak {peak:.0f} MiB: all is known")


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    chosen = sys.argv[3:] or ["small", "web", "many"]
    work = pathlib.Path(tempfile.mkdtemp(prefix="facepipe-fetch-"))
    (work / "www").mkdir()
    work.chmod(0o755)
    found = photos(sys.argv[1])
    for name, make in (("small", make_small), ("web", make_web)):
        folder = work / "www" / name
        folder.mkdir()
        make(found, folder)
        sizes = [path.stat().st_size for path in folder.iterdir()]
        listed = sorted(folder.iterdir(), key=lambda path: int(path.stem))
        (work / f"{name}.txt").write_text("".join(f"http://127.0.0.1:{PORT}/{name}/{path.name}\n" for path in listed))
        print(f"{name:6} {len(sizes)} images of {statistics.mean(sizes) / 1000:.1f} kB on average")
    server = WebServer(work / "www", work)
    try:
        for name in ("small", "web"):
            if name in chosen:
                compare(name, sys.argv[2], work / f"{name}.txt", work)
        if "many" in chosen:
            memory(work)
    finally:
        server.stop()
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
