#!/usr/bin/env bash
# The whole way on 400 photos of 40 persons: photos, crops, split, training, evaluation, export, a
# prediction. Everything it makes is in data/demo; run it again and it continues where it stopped.
# Arguments go to `facepipe run`.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
readonly OUT=data/demo

./scripts/setup.sh --profile release
unset LIBTORCH
facepipe() { cargo run --quiet --release -- "$@"; }

facepipe --quiet models pull orl >/dev/null
facepipe run --from data/orl --out "$OUT" "$@"

# A photo of the test side: the network has not learnt from it.
photo="data/orl/$(sed -n 's/^{"photo":"\([^"]*\)".*"faces":\["test\/.*/\1/p' "$OUT/photos.jsonl" | head -n 1)"
printf '\nWho is on %s?\n' "$photo"
facepipe predict "$OUT"/models/* "$photo"

cat <<END

Photos:     data/orl (AT&T/ORL faces: give credit to Olivetti Research Laboratory, Cambridge)
Results:    $OUT

Next, with persons of your own choice (photos from Wikimedia Commons):
    cargo run --release -- run --query "Marie Curie" --query "Albert Einstein" --out data/mine
or with a folder of photos for each person:
    cargo run --release -- run --from MY_FOLDER --out data/mine
END
