#!/usr/bin/env bash
# Runs the tests of all rooms; arguments go to `cargo test`.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
./scripts/setup.sh --profile dev
# As in setup.sh: libtorch is where .cargo/config.toml says.
unset LIBTORCH
# Tests of these models look for their files, and say loudly what they skip without them.
cargo run --quiet -- models pull mtcnn dlib >/dev/null ||
    say "going on without the files of MTCNN and dlib: their tests are skipped"
cargo test --workspace "$@"
