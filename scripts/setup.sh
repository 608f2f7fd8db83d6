#!/usr/bin/env bash
# Makes this folder ready to build and run: checks the machine, fetches libtorch, builds, and fetches the
# model files into the user's data folder, which all clones share (docs/settings.md). Run it as often as
# you like; killed at any moment, the next run continues.
#
#   scripts/setup.sh [--profile release|dev]
#
# Environment:
#   LIBTORCH=DIR         use this libtorch 2.13.0 (its folder has include/ and lib/), fetch none
#   FACEPIPE_CUDA=1|0    libtorch with CUDA (about 2.5 GB to fetch instead of 0.55 GB) or without
# Both are remembered for later runs.
#
# Tried on Linux x86_64. Linux aarch64 and macOS arm64 have their wheels pinned, but were not tried.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

readonly TORCH_VERSION=2.13.0
# The one place that says how old a Rust may be: `rust-version` in Cargo.toml.
MIN_RUST_MINOR="$(sed -n 's/^rust-version = "1\.\([0-9]*\).*"/\1/p' Cargo.toml | head -n 1)"
readonly MIN_RUST_MINOR
# The build folder and the unpacked libtorch, with room to spare.
readonly FREE_GB=6
readonly FREE_GB_CUDA=16

profile=release
while [ $# -gt 0 ]; do
    case "$1" in
        --profile)
            [ $# -ge 2 ] || fail "--profile wants a value" "take release or dev"
            profile="$2"
            shift
            ;;
        --profile=*) profile="${1#--profile=}" ;;
        -h | --help)
            sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p;}' scripts/setup.sh
            exit 0
            ;;
        *) fail "unknown argument \`$1\`" "scripts/setup.sh --help" ;;
    esac
    shift
done
case "$profile" in
    release | dev) ;;
    *) fail "unknown profile \`$profile\`" "take release or dev" ;;
esac

cuda="${FACEPIPE_CUDA:-0}"
# Unfinished work of this run.
readonly partial=".libtorch.partial/$$"

# Without these variables, the choice of the run before stays.
keep_choice() {
    if [ -n "${LIBTORCH:-}${FACEPIPE_CUDA:-}" ] || [ ! -f .libtorch/stamp ]; then
        return
    fi
    local choice
    choice="$(head -n 1 .libtorch/stamp)"
    case "$choice" in
        "link "*) [ ! -d "${choice#link }" ] || LIBTORCH="${choice#link }" ;;
        "wheels cuda=1") cuda=1 ;;
    esac
}

find_platform() {
    case "$(uname -s)-$(uname -m)" in
        Linux-x86_64) platform=linux-x86_64 ;;
        Linux-aarch64) platform=linux-aarch64 ;;
        Darwin-arm64) platform=macos-arm64 ;;
        *) fail "this is $(uname -sm); libtorch comes for Linux x86_64, Linux aarch64 and macOS arm64" \
            "build without networks: cargo build --release --no-default-features" ;;
    esac
    if [ "$cuda" = 1 ] && [ ! -f "scripts/libtorch-$platform-cuda.txt" ]; then
        fail "FACEPIPE_CUDA=1 needs Linux" "leave it out"
    fi
}

check_rust() {
    local hint="install Rust from https://rustup.rs, or update it with: rustup update stable"
    command -v cargo >/dev/null || fail "cargo is missing" "$hint"
    local version minor
    version="$(rustc --version)" || fail "rustc does not start" "$hint"
    version="${version#rustc }"
    minor="${version#*.}"
    minor="${minor%%.*}"
    if [ "${version%%.*}" -eq 1 ] && [ "$minor" -lt "$MIN_RUST_MINOR" ]; then
        fail "Rust ${version%% *} is too old, 1.$MIN_RUST_MINOR or later is needed" "$hint"
    fi
}

# Compiles and links what the shim around libtorch will want: C++17 and, on Linux, OpenMP.
check_compiler() {
    local compiler="${CXX:-c++}" libraries=() try
    [ "$platform" = macos-arm64 ] || libraries=(-lgomp)
    try="$(mktemp -d)"
    printf '#include <optional>\nint main() { return std::optional<int>(0).value(); }\n' >"$try/a.cpp"
    if ! "$compiler" -std=c++17 "$try/a.cpp" ${libraries[@]+"${libraries[@]}"} -o "$try/a" 2>"$try/said"; then
        sed 's/^/  /' "$try/said" >&2
        rm -rf "$try"
        fail "\`$compiler\` compiles no C++17 program" \
            "install a compiler: apt install g++ (Linux), xcode-select --install (macOS)"
    fi
    rm -rf "$try"
}

check_python() {
    python3 -m pip --version >/dev/null 2>&1 ||
        fail "python3 with pip is missing: libtorch and the demo's photos come from Python packages" \
            "apt install python3 python3-pip, or python3 -m ensurepip"
}

check_disk() {
    local wanted="$FREE_GB" free
    [ "$cuda" != 1 ] || wanted="$FREE_GB_CUDA"
    free="$(df -Pk . | awk 'NR == 2 { print int($4 / 1000000) }')"
    [ "$free" -ge "$wanted" ] ||
        fail "$free GB are free here, about $wanted GB are needed" "free some disk space and run this again"
}

# The version of a libtorch folder, without what follows a `+`.
version_of() {
    local found=""
    if [ -f "$1/build-version" ]; then
        found="$(cat "$1/build-version")"
    elif [ -f "$1/version.py" ]; then
        found="$(sed -n "s/^__version__ = '\(.*\)'/\1/p" "$1/version.py")"
    fi
    printf '%s' "${found%%+*}"
}

# What .libtorch should hold: compared with the stamp that is in it.
wanted_stamp() {
    if [ -n "${LIBTORCH:-}" ]; then
        printf 'link %s\n' "$(cd "$LIBTORCH" && pwd -P)"
    else
        printf 'wheels cuda=%s\n' "$cuda"
        sed '/^#/d' "${requirements[@]}"
    fi
}

use_given_libtorch() {
    if [ ! -d "$LIBTORCH/include" ] || [ ! -d "$LIBTORCH/lib" ]; then
        fail "LIBTORCH=$LIBTORCH has no include/ and lib/" "unset LIBTORCH to have libtorch fetched"
    fi
    local version
    version="$(version_of "$LIBTORCH")"
    [ "$version" = "$TORCH_VERSION" ] ||
        fail "LIBTORCH=$LIBTORCH is version ${version:-unknown}, $TORCH_VERSION is needed" \
            "unset LIBTORCH to have it fetched"
    ln -s "$(cd "$LIBTORCH" && pwd -P)" "$partial/unpacked/torch"
}

fetch_libtorch() {
    local tags=() tag options=()
    case "$platform" in
        macos-arm64) for tag in 11 12 13 14; do tags+=("macosx_${tag}_0_arm64"); done ;;
        linux-*) for tag in 5 12 17 18 24 25 26 27 28; do tags+=("manylinux_2_${tag}_${platform#linux-}"); done
            for tag in 1 2010 2014; do tags+=("manylinux${tag}_${platform#linux-}"); done ;;
    esac
    for tag in "${tags[@]}"; do options+=(--platform "$tag"); done
    for tag in "${requirements[@]}"; do options+=(--requirement "$tag"); done
    say "fetching libtorch $TORCH_VERSION"
    python3 -m pip --disable-pip-version-check download --no-deps --only-binary=:all: \
        --require-hashes --implementation cp --python-version 3.11 --abi cp311 --abi abi3 --abi none \
        "${options[@]}" --dest "$partial/wheels" >&2 ||
        fail "libtorch could not be fetched" \
            "check the network and run this again, or set LIBTORCH to a libtorch $TORCH_VERSION"
    say "unpacking libtorch"
    python3 scripts/unpack_wheels.py --cuda "$cuda" "$partial/wheels" "$partial/unpacked" ||
        fail "libtorch could not be unpacked" "check the disk's free space and run this again"
}

# Removes leftovers of killed runs. A download that outlived its run writes to a folder of its own.
remove_leftovers() {
    local folder
    for folder in .libtorch.partial/*; do
        if [ -d "$folder" ] && ! kill -0 "${folder##*/}" 2>/dev/null; then
            rm -rf "$folder" 2>/dev/null || true
        fi
    done
}

# .libtorch changes in one step, with its stamp: it is always complete.
provide_libtorch() {
    requirements=("scripts/libtorch-$platform.txt")
    [ "$cuda" != 1 ] || requirements+=("scripts/libtorch-$platform-cuda.txt")
    if [ -n "${LIBTORCH:-}" ] && [ ! -d "$LIBTORCH" ]; then
        fail "LIBTORCH=$LIBTORCH is no folder" "unset LIBTORCH to have libtorch fetched"
    fi
    # Set by an earlier run of this very script, or by hand: it is the existing one.
    if [ -n "${LIBTORCH:-}" ] && [ "$(cd "$LIBTORCH" && pwd -P)" = "$(pwd -P)/.libtorch/torch" ]; then
        unset LIBTORCH
    fi
    local stamp
    stamp="$(wanted_stamp)"
    if [ -f .libtorch/stamp ] && [ "$(cat .libtorch/stamp)" = "$stamp" ]; then
        return
    fi
    check_disk
    trap 'rm -rf "$partial"' EXIT
    mkdir -p "$partial/wheels" "$partial/unpacked"
    if [ -n "${LIBTORCH:-}" ]; then use_given_libtorch; else fetch_libtorch; fi
    printf '%s\n' "$stamp" >"$partial/unpacked/stamp"
    if [ -d .libtorch ]; then
        rm -f .libtorch/stamp
        # The shim is compiled and linked again for another libtorch in the same place.
        cargo clean --quiet --package torch-sys
        cargo clean --quiet --package torch-sys --release
        rm -rf .libtorch
    fi
    mv "$partial/unpacked" .libtorch
    rm -rf "$partial"
}

build() {
    # From here on libtorch is where .cargo/config.toml says, for this build and all later ones.
    unset LIBTORCH
    cargo build --profile "$profile"
}

build_folder() {
    local folder=release
    [ "$profile" = release ] || folder=debug
    printf '%s' "${CARGO_TARGET_DIR:-target}/$folder"
}

facepipe() { cargo run --quiet --profile "$profile" -- "$@"; }

keep_choice
find_platform
check_rust
check_compiler
check_python
remove_leftovers
provide_libtorch
build
facepipe models pull >/dev/null
say "ready: $(build_folder)/facepipe --help, or a check of everything: $(build_folder)/facepipe doctor"
