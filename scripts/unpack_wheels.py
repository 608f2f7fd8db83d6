"""Unpacks the wheels of libtorch: what building and running need, side by side as in Python's
site-packages, so that the libraries find each other.

usage: unpack_wheels.py --cuda 0|1 WHEELS TARGET
"""

import argparse
import pathlib
import re
import shutil
import zipfile

# Of the wheel `torch`; its Python files are left out.
TORCH_PARTS = ("torch/lib/", "torch/include/", "torch/share/", "torch/version.py")
# The bindings to Python, which nothing here uses.
NEVER = re.compile(r"torch/lib/libtorch_python\.")
# About 500 MB that only CUDA needs.
CUDA_ONLY = re.compile(r"torch/lib/libtorch_(cuda|cuda_linalg|nvshmem)\.")


def is_wanted(name: str, cuda: bool) -> bool:
    """Whether a file of a wheel is part of libtorch."""
    if name.startswith("nvidia/"):
        return True
    return (
        name.startswith(TORCH_PARTS)
        and not NEVER.match(name)
        and (cuda or not CUDA_ONLY.match(name))
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cuda", choices=["0", "1"], required=True)
    parser.add_argument("wheels", type=pathlib.Path)
    parser.add_argument("target", type=pathlib.Path)
    arguments = parser.parse_args()
    for wheel in sorted(arguments.wheels.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            for entry in archive.infolist():
                path = arguments.target / entry.filename
                if entry.is_dir() or not is_wanted(entry.filename, arguments.cuda == "1"):
                    continue
                path.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(entry) as source, path.open("wb") as target:
                    shutil.copyfileobj(source, target, 1 << 20)


if __name__ == "__main__":
    main()
