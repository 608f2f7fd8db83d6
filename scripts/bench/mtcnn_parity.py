#!/usr/bin/env python3
"""Compares facepipe's MTCNN with facenet-pytorch's on the same photos, face by face.

    python3 scripts/bench/mtcnn_parity.py target/debug/facepipe PHOTO...

Needs facenet-pytorch (2.6.0), torch, numpy and pillow. Photos are written as PNG first, so that
both programs see the same pixels whatever their JPEG decoders do.
"""

import json
import os
import subprocess
import sys
import tempfile

import numpy as np
from facenet_pytorch import MTCNN
from PIL import Image, ImageOps

# As in src/nn/mtcnn/pyramid.rs: the smallest face is 20 pixels, or 1/80 of a large photo's side.
MIN_FACE, SEARCHED_SIDE, CELL = 20, 960, 12
# Two boxes are the same face from this intersection over union on.
SAME = 0.5


def overlap(a, b):
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    both = max(0, width) * max(0, height)
    def area(box):
        return (box[2] - box[0]) * (box[3] - box[1])
    return both / (area(a) + area(b) - both)


def main():
    program, photos = sys.argv[1], sys.argv[2:]
    with tempfile.TemporaryDirectory() as folder:
        names = []
        for index, photo in enumerate(photos):
            image = ImageOps.exif_transpose(Image.open(photo)).convert("RGB")
            names.append(os.path.join(folder, f"{index:04}.png"))
            image.save(names[-1], compress_level=1)
        command = [program, "detect", "--detector", "mtcnn", "--no-progress", *names]
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        ours = [json.loads(line) for line in output.splitlines()]
        totals = {"theirs": 0, "ours": 0, "same": 0}
        worst = {"box": 0.0, "landmark": 0.0, "score": 0.0}
        for photo, name, line in zip(photos, names, ours, strict=False):
            image = Image.open(name)
            size = max(MIN_FACE, CELL * max(image.size) / SEARCHED_SIDE)
            mtcnn = MTCNN(keep_all=True, min_face_size=size)
            boxes, scores, points = mtcnn.detect(image, landmarks=True)
            boxes = [] if boxes is None else boxes
            limit = np.array([image.width, image.height] * 2)
            differences = {"box": 0.0, "landmark": 0.0, "score": 0.0}
            same = 0
            for box, score, landmarks in zip(boxes, scores, points if len(boxes) else [], strict=False):
                # facepipe prints whole pixels inside the photo.
                inside = np.clip(box, 0, limit)
                faces = [face for face in line["faces"] if overlap(face["box"], inside) > SAME]
                if not faces:
                    print(f"  only in Python: {box} {score:.4f}")
                    continue
                same += 1
                face = max(faces, key=lambda face: overlap(face["box"], inside))
                for key, difference in [
                    ("box", np.abs(np.array(face["box"]) - inside).max()),
                    ("landmark", np.abs(np.array(face["landmarks"]) - landmarks).max()),
                    ("score", abs(face["score"] - score)),
                ]:
                    differences[key] = max(differences[key], float(difference))
            totals["theirs"] += len(boxes)
            totals["ours"] += len(line["faces"])
            totals["same"] += same
            for key in worst:
                worst[key] = max(worst[key], differences[key])
            print(
                f"{os.path.basename(photo)}: Python {len(boxes)}, facepipe {len(line['faces'])}, "
                f"same {same}; largest difference: box {differences['box']:.3f} px (rounding: up "
                f"to 0.5), landmark {differences['landmark']:.5f} px, score {differences['score']:.1e}"
            )
        print(totals, worst)


if __name__ == "__main__":
    main()
