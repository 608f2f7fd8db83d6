#!/usr/bin/env bash
# A project as it is lived with: made, looked at, changed in every way, asked in four ways, interrupted and continued.
#
#     FACEPIPE=target/debug/facepipe scripts/story.sh [PHOTOS]
#
# PHOTOS holds a folder of photos for each of seven people or more; without it the AT&T faces are fetched. Each step is
# printed with its time. The program is FACEPIPE, else `facepipe`. At the end every photo has to have got the same name
# from the model's folder, the exported file, the server and Python.
set -euo pipefail
facepipe="$(realpath "${FACEPIPE:-$(command -v facepipe)}")"
readonly facepipe
photos="${1:+$(realpath "$1")}"
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# The program looks there only from this folder.
if [ -z "${FACEPIPE_WEIGHTS_DIR:-}" ] && [ -d models/weights ]; then
    export FACEPIPE_WEIGHTS_DIR="$PWD/models/weights"
fi
root="$(mktemp -d)"
server=""
finish() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    rm -rf "$root"
}
trap finish EXIT

facepipe() { "$facepipe" --no-progress --quiet "$@"; }
quietly() { facepipe "$@" >> "$root/log"; }

now() { date +%s.%N; }
begun="$(now)"
step() {
    say "$(awk -v a="$begun" -v b="$(now)" 'BEGIN { printf "%6.1f s", b - a }')  $1"
    begun="$(now)"
}

if [ -z "$photos" ]; then
    quietly models pull orl --data-dir "$root/data"
    photos="$root/data/orl"
fi
mapfile -t people < <(find "$photos" -mindepth 1 -maxdepth 1 -type d | LC_ALL=C sort | head -n 7)
[ "${#people[@]}" -eq 7 ] || fail "$photos has fewer than seven people" "give a folder with a folder for each person"
cd "$root"
mkdir photos strangers
for number in 0 1 2 3 4; do cp -R "${people[number]}" "photos/person$number"; done
cp -R "${people[5]}" newcomer
cp -R "${people[6]}" strangers/nobody
# One person's photos came in two folders.
mkdir photos/twice
find photos/person4 -type f | LC_ALL=C sort | head -n 4 | xargs -I{} mv {} photos/twice/
step "photos of $(find photos -mindepth 1 -maxdepth 1 | wc -l) people"

quietly run photos
step "first run"
wrong="$(awk -F, 'NR > 1 && $4 == 0' project/models/project/report/predictions.csv | wc -l)"
step "mistakes looked at: $wrong in $(($(wc -l < project/models/project/report/predictions.csv) - 1)) test images"
mapfile -t two < <(find photos/person0 -type f | LC_ALL=C sort | head -n 2)
quietly project drop "${two[@]}"
step "two photos dropped"
quietly project add Newcomer newcomer
quietly run
step "a person added"
quietly project rename person1 "Ada Lovelace"
quietly project merge twice person4
quietly run
step "one renamed, two merged"
quietly run --clean-identities=on --force
step "cleaned"

# An update that is killed on its way, at five moments, and continued.
quietly project undo
for moment in 0.3 0.6 1.0 1.5 2.0; do
    "$facepipe" --quiet --no-progress run >/dev/null 2>&1 &
    update=$!
    sleep "$moment"
    kill -9 "$update" 2>/dev/null || true
    wait "$update" 2>/dev/null || true
done
quietly run
quietly project merge twice person4
quietly run
step "an update interrupted five times, continued, and another one"
state="$(facepipe project status)"
if grep -qE 'stale|unfinished|not made' <<<"$state"; then fail "the project is not up to date" "$state"; fi

quietly evaluate project --impostors strangers --far 0.1
step "a bound measured on a stranger, and the files exported again"

# Every photo of the people, and the stranger's, asked in four ways.
find photos newcomer strangers -type f | LC_ALL=C sort > list
ask() { facepipe predict "$1" - --format jsonl --rotations=off < list | python3 names.py; }
cat > names.py <<'END'
import json, sys
for line in map(json.loads, sys.stdin):
    face = next((face for face in line.get("faces", []) if face.get("main")), {"label": "-"})
    print(line["path"], face["label"], sep="\t")
END
ask project > by_folder
step "the model's folder asked about $(wc -l < list) photos"
ask project/models/project/export/model.pt > by_file
step "the exported file asked"

"$facepipe" --quiet serve project --bind 127.0.0.1:0 > serve.log 2>&1 &
server=$!
address=""
for _ in $(seq 100); do
    address="$(grep -oE 'http://127\.0\.0\.1:[0-9]+' serve.log | head -n 1 || true)"
    [ -z "$address" ] || break
    sleep 0.1
done
[ -n "$address" ] || fail "the server does not start" "$(cat serve.log)"
while IFS= read -r photo; do
    curl --silent --show-error --form "image=@$photo" "$address/predict_json" |
        python3 -c 'import json, sys
faces = json.load(sys.stdin)["faces"]
face = next((face for face in faces if face.get("main")), {"label": "-"})
print(sys.argv[1], face["label"], sep="\t")' "$photo"
done < list > by_server
step "the server asked"

# The chips that the network takes, and ten lines of Python.
python3 -m venv venv
venv/bin/pip --quiet --disable-pip-version-check install numpy onnxruntime pillow
mkdir -p asked
for folder in photos/* newcomer strangers/nobody; do cp -R "$folder" "asked/$(basename "$folder")"; done
quietly crop asked --out crops --main-only --min-face 0 --rotations=off --chips chips
cat > ask.py <<'END'
import csv, json, sys
import numpy as np, onnxruntime
from PIL import Image

net = onnxruntime.InferenceSession(sys.argv[1])
card = json.loads(net.get_modelmeta().custom_metadata_map["model_card"])
spec, bound = card["input"], card["unknown"].get("similarity", {}).get("below", -1)
for row in csv.DictReader(open("chips/chips.csv")):
    chip = np.asarray(Image.open("chips/" + row["file"]).convert("RGB"), np.float32)
    pixels = (chip / spec["scale"] - spec["mean"]) / spec["std"]
    batch = pixels.transpose(2, 0, 1)[None].astype(np.float32)
    _, probabilities, similarities = net.run(None, {"images": batch})
    best = probabilities[0].argmax()
    known = similarities[0, best] >= bound and probabilities[0, best] >= card["unknown"]["below"] * (bound == -1)
    print(row["photo"], card["labels"][best] if known else "unknown", sep="\t")
END
venv/bin/python ask.py project/models/project/export/model.onnx | LC_ALL=C sort > by_python
step "Python asked"

for other in by_file by_server; do
    cmp by_folder "$other" || fail "$other differs from by_folder" "$(diff by_folder "$other")"
done
# The same faces; photos without any have no chip.
sed -E 's#^(photos|strangers)/##' by_folder | grep -v $'\t-$' | LC_ALL=C sort > wanted
cmp wanted by_python || fail "by_python differs from by_folder" "$(diff wanted by_python)"
known="$(grep -cvE $'^strangers|\t(unknown|-)$' by_folder)"
step "all the same: $known of $(grep -cv '^strangers' list) photos of the people have a name"
