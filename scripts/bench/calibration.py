#!/usr/bin/env python3
"""How well probabilities are calibrated on images that nothing was fitted on, with the model's temperature and without.

    python3 scripts/bench/calibration.py PEOPLE [OPTION...]

PEOPLE holds a folder of photos for each person. For each seed in SEEDS (0,1,2,3,4) the program (FACEPIPE, else `facepipe`)
makes a model of it (`facepipe run`; OPTIONs go to it). Its report has log loss and expected calibration error (ECE) of the
test side at a temperature of 1, and at the one that was chosen by val, if one was.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

SEEDS = os.environ.get("SEEDS", "0,1,2,3,4").split(",")


def main():
    people, *options = sys.argv[1:]
    program = os.environ.get("FACEPIPE", "facepipe")
    rows = []
    for seed in SEEDS:
        with tempfile.TemporaryDirectory() as folder:
            project = pathlib.Path(folder) / "project"
            command = [program, "run", "--from", people, "--out", project, "--seed", seed, "--no-progress", *options]
            subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
            report = json.loads((project / "models/project/report/report.json").read_text())
        calibration = report["calibration"]
        before, after = calibration["uncalibrated"], calibration["calibrated"]
        rows.append([before["loss"], after["loss"], before["ece"], after["ece"]])
        print(
            f"seed {seed}: val {calibration['fitted_on']}, test {report['images']} images, {calibration['how']},"
            f" temperature {after['temperature']:.3f}: loss {before['loss']:.4f} -> {after['loss']:.4f},"
            f" ECE {before['ece']:.2%} -> {after['ece']:.2%}",
            flush=True,
        )
    loss, calibrated_loss, ece, calibrated_ece = (sum(column) / len(rows) for column in zip(*rows, strict=True))
    print(f"mean: loss {loss:.4f} -> {calibrated_loss:.4f}, ECE {ece:.2%} -> {calibrated_ece:.2%}")


if __name__ == "__main__":
    main()
