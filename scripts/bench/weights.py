"""Where facepipe has its model files."""

import json
import os
import pathlib
import subprocess


def weights_folder():
    """WEIGHTS, else the folder that the program (FACEPIPE, else `facepipe`) uses."""
    if given := os.environ.get("WEIGHTS"):
        return given
    command = [os.environ.get("FACEPIPE", "facepipe"), "models", "list", "--json"]
    listed = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    detectors = (model for model in listed["models"] if model["kind"] == "detector")
    return str(pathlib.Path(next(detectors)["path"]).parent)
