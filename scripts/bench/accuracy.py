#!/usr/bin/env python3
"""Accuracy and time of `facepipe run` with default settings, over several seeds.

    python3 scripts/bench/accuracy.py FOLDER [OPTION...]

FOLDER holds a folder of photos for each person. For each seed from 0 to SEEDS - 1 (5) the program
(FACEPIPE, else `facepipe`) goes the whole way, photos to exported model, in an empty project; OPTIONs go to
`facepipe run`. The test images are those that its own split without leakage sets aside. Printed are the
right ones, and over all seeds their share with its standard error and the mean time of a whole run.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

SEEDS = int(os.environ.get("SEEDS", "5"))


def main():
    folder, options = sys.argv[1], sys.argv[2:]
    program = os.environ.get("FACEPIPE", "facepipe")
    shares, times = [], []
    for seed in range(SEEDS):
        with tempfile.TemporaryDirectory() as out:
            command = [program, "run", "--from", folder, "--out", os.path.join(out, "project")]
            command += ["--seed", str(seed), "--json", "--no-progress", *options]
            start = time.monotonic()
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
            times.append(time.monotonic() - start)
        report = json.loads(done.stdout)
        test, photos = report["stages"]["evaluate"], report["photos"]
        shares.append(test["top1"])
        print(
            f"seed {seed}: {test['right']} of {test['images']} test images "
            f"right, {photos['kept']} of {photos['found']} photos kept, {times[-1]:.1f} s"
        )
    spread = statistics.stdev(shares) / SEEDS**0.5 if SEEDS > 1 else 0.0
    print(f"accuracy {statistics.mean(shares):.2%} (standard error {spread:.2%}), "
          f"{statistics.mean(times):.1f} s a run")


if __name__ == "__main__":
    main()
