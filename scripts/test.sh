#!/usr/bin/env bash
# Runs the tests of all rooms and says which of them were skipped; arguments go to `cargo test`. Without libtorch
# these are the tests of the program.
#
#   scripts/test.sh [--without-libtorch] [ARGUMENT…]
#
# Environment:
#   FACEPIPE_SHARED=DIR       real photos for tests that need some (default: ../shared)
#   FACEPIPE_TEST_STRICT=1    a test that is skipped fails
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

selected=(--workspace)
if [ "${1:-}" = --without-libtorch ]; then
    shift
    # The program alone: rooms that do without libtorch are the same code in both builds.
    selected=(--no-default-features)
else
    ./scripts/setup.sh --profile dev
fi
# As in setup.sh: libtorch is where .cargo/config.toml says.
unset LIBTORCH
# Tests of these models look for their files, and say loudly what they skip without them. The program is built
# with the tests: `cargo run` leaves out the features that these give to dependencies.
cargo build --quiet --test it "${selected[@]}"
"${CARGO_TARGET_DIR:-target}/debug/facepipe" models pull mtcnn yunet dlib sface >/dev/null ||
    say "going on without the files of MTCNN, YuNet, dlib and SFace: their tests are skipped"

FACEPIPE_TEST_SKIPS="$(mktemp)"
export FACEPIPE_TEST_SKIPS
trap 'rm -f "$FACEPIPE_TEST_SKIPS"' EXIT
outcome=0
cargo test "${selected[@]}" "$@" || outcome=$?
skipped="$(wc -l <"$FACEPIPE_TEST_SKIPS")"
if [ "$skipped" -gt 0 ]; then
    say "$skipped skipped:"
    sort "$FACEPIPE_TEST_SKIPS" >&2
else
    say "0 skipped"
fi
exit "$outcome"
