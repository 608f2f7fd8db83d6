#!/usr/bin/env python3
"""`facepipe fetch` of 2,880 images, killed 20 times with SIGKILL, beside an undisturbed one.

    python3 scripts/bench/fetch_kills.py PHOTOS

The images are made from PHOTOS as in scripts/bench/fetch.py and served from 127.0.0.1 by a server that
counts how often each is requested. KILLS (20) says how often the fetch is killed, at moments spread over
the whole run. Checked is that both runs leave the same images, the same manifest (without the times of
download), the same list of left-out items and a journal of the same items, and that no image was
requested again after its file was in the folder. The program is FACEPIPE, else `facepipe`. Needs pillow.
"""

import asyncio
import collections
import json
import multiprocessing
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

from fetch import FACEPIPE, SMALL, make_small, photos

KILLS = int(os.environ.get("KILLS", "20"))
PORT = 18081
BASE = f"http://127.0.0.1:{PORT}"
# Slow enough that a kill always meets images under way.
DELAY = 0.02


def serve(root):
    files = {f"/{path.name}": path.read_bytes() for path in root.glob("*.jpg")}
    counts = collections.Counter()

    async def answer(reader, writer):
        try:
            while request := await reader.readuntil(b"\r\n\r\n"):
                path = request.split(b" ", 2)[1].decode()
                if path == "/counts":
                    body, status = json.dumps(counts).encode(), b"200 OK"
                else:
                    counts[path] += 1
                    await asyncio.sleep(DELAY)
                    body = files.get(path, b"")
                    status = b"200 OK" if path in files else b"404 Not Found"
                writer.write(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def run():
        server = await asyncio.start_server(answer, "127.0.0.1", PORT, backlog=1024)
        await server.serve_forever()

    asyncio.run(run())


def counts():
    with urllib.request.urlopen(f"{BASE}/counts") as answer:
        return collections.Counter(json.load(answer))


def command(listed, out):
    text = "--label all --allow-private --host-rate unlimited --connections 16 --host-connections 16"
    return [FACEPIPE, "fetch", "--source", "urls", "--urls", str(listed), "--out", str(out), *text.split()]


def journal(out):
    """Whole lines of the journal that are items."""
    items = []
    try:
        text = (out / "fetch-journal.jsonl").read_text(errors="replace")
    except FileNotFoundError:
        return items
    for line in text.splitlines():
        try:
            items.append(json.loads(line)["item"])
        except (ValueError, KeyError):  # torn by the kill, or a request
            continue
    return items


def stored(out):
    """Paths at the server of the images whose files are in the folder."""
    paths = []
    for _, item in journal(out):
        image = item["outcome"].get("stored")
        if image and (out / image["file"]).is_file():
            paths.append(item["provenance"]["image_url"].removeprefix(BASE))
    return paths


def state(out):
    """What a fetch leaves, without times."""
    def timeless(record):
        record["provenance"].pop("fetched_at", None)
        return record

    def records(name):
        return [json.loads(line) for line in (out / name).read_text().splitlines()]

    items = sorted(json.dumps([key, timeless(item)], sort_keys=True) for key, item in journal(out))
    return {
        "files": {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*.jpg")},
        "all names": sorted(str(path.relative_to(out)) for path in out.rglob("*")),
        "manifest": [timeless(record) for record in records("manifest.jsonl")],
        "left out": records("discarded.jsonl"),
        "journal": items,
        "attribution": (out / "ATTRIBUTION.md").read_text(),
        "licences": (out / "licences.csv").read_text(),
    }


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    work = pathlib.Path(tempfile.mkdtemp(prefix="facepipe-kills-"))
    images, listed = work / "images", work / "list.txt"
    images.mkdir()
    make_small(photos(sys.argv[1]), images)
    listed.write_text("".join(f"{BASE}/{number}.jpg\n" for number in range(SMALL)) + f"{BASE}/gone.jpg\n")
    server = multiprocessing.Process(target=serve, args=(images,), daemon=True)
    server.start()
    time.sleep(1)
    try:
        calm, killed = work / "calm", work / "killed"
        subprocess.run(command(listed, calm), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        before, asked_when_stored = counts(), {}
        spread = random.Random(0)
        for kill in range(KILLS):
            process = subprocess.Popen(command(listed, killed), stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
            wanted = SMALL * (kill + 1) // (KILLS + 1) + spread.randrange(-20, 20)
            while len(journal(killed)) < wanted and process.poll() is None:
                time.sleep(spread.uniform(0.001, 0.02))
            process.send_signal(signal.SIGKILL)
            if process.wait() != -signal.SIGKILL:
                sys.exit(f"run {kill + 1} ended before it was killed")
            now = counts()
            for path in stored(killed):
                asked_when_stored.setdefault(path, now[path] - before[path])
        subprocess.run(command(listed, killed), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        asked = counts()
        asked.subtract(before)
        one, other = state(calm), state(killed)
        for what in one:
            print(f"{what:12} {'the same' if one[what] == other[what] else 'DIFFERENT'}")
        again = [path for path, times in asked_when_stored.items() if asked[path] != times]
        images_asked = {path: times for path, times in asked.items() if path.endswith(".jpg")}
        print(f"{KILLS} kills, {len(one['files'])} images; requested {sum(images_asked.values())} times, "
              f"most often {max(images_asked.values())} times; {len(asked_when_stored)} were stored at a kill, "
              f"{len(again)} of them requested again")
        if one != other or again:
            sys.exit("FAILED")
    finally:
        server.terminate()
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
