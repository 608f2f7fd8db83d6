#!/usr/bin/env bash
# Runs all tests; arguments go to `cargo test`.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
./scripts/setup.sh --profile dev
# As in setup.sh: libtorch is where .cargo/config.toml says.
unset LIBTORCH
cargo test "$@"
