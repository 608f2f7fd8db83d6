#!/usr/bin/env bash
# Installs facepipe for use without this folder: the program, the libraries of libtorch that it needs and
# completions for bash, zsh and fish. Run it again to upgrade; the previous version works until it is replaced.
#
#   scripts/install.sh [--prefix DIR] [--profile release|dev] [--no-build]
#   scripts/install.sh --uninstall [--prefix DIR]
#
#   --prefix DIR    where bin/, lib/ and share/ are (default: ~/.local)
#   --profile NAME  dev builds in less time than release, and makes a larger program (default: release)
#   --no-build      take the program that was built before; without it, scripts/setup.sh runs first
#   --uninstall     remove what was installed; model files and your own files stay
#
# Tried on Linux x86_64, without CUDA.
set -euo pipefail
# The folder that a relative --prefix starts from.
readonly STARTED_IN="$PWD"
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# What is installed below the prefix; build.rs makes the program look for LIBRARIES.
readonly PROGRAM=bin/facepipe
readonly LIBRARIES=lib/facepipe
readonly COMPLETIONS=(
    "bash share/bash-completion/completions/facepipe"
    "zsh share/zsh/site-functions/_facepipe"
    "fish share/fish/vendor_completions.d/facepipe.fish"
)

prefix="" profile=release build=1 uninstall=0
while [ $# -gt 0 ]; do
    case "$1" in
        --prefix | --profile)
            [ $# -ge 2 ] || fail "$1 wants a value" "scripts/install.sh --help"
            if [ "$1" = --prefix ]; then prefix="$2"; else profile="$2"; fi
            shift
            ;;
        --prefix=*) prefix="${1#--prefix=}" ;;
        --profile=*) profile="${1#--profile=}" ;;
        --no-build) build=0 ;;
        --uninstall) uninstall=1 ;;
        -h | --help)
            sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p;}' scripts/install.sh
            exit 0
            ;;
        *) fail "unknown argument \`$1\`" "scripts/install.sh --help" ;;
    esac
    shift
done
case "$profile" in
    release) built="${CARGO_TARGET_DIR:-target}/release/facepipe" ;;
    dev) built="${CARGO_TARGET_DIR:-target}/debug/facepipe" ;;
    *) fail "unknown profile \`$profile\`" "take release or dev" ;;
esac
if [ -z "$prefix" ]; then
    [ -n "${HOME:-}" ] || fail "there is no ~/.local: HOME is not set" "give --prefix DIR"
    prefix="$HOME/.local"
fi
case "$prefix" in
    /*) ;;
    *) prefix="$STARTED_IN/$prefix" ;;
esac

uninstall() {
    if [ ! -e "$prefix/$PROGRAM" ] && [ ! -e "$prefix/$LIBRARIES" ]; then
        fail "facepipe is not installed in $prefix" "give the --prefix that it was installed with"
    fi
    local completion
    rm -f "$prefix/$PROGRAM"
    rm -rf "${prefix:?}/$LIBRARIES"
    for completion in "${COMPLETIONS[@]}"; do rm -f "$prefix/${completion#* }"; done
    say "facepipe is removed from $prefix; fetched model files stay (docs/settings.md says where)"
}

# The libraries that the loader finds for a program, a path a line.
loaded() { ldd "$1" | sed -n 's/^.* => \(\/.*\) (0x[0-9a-f]*)$/\1/p'; }

# The libraries to install for a program: those of libtorch and beside it. The system's stay where they are.
libraries_of() {
    if [ "$(uname -s)" = Darwin ]; then
        find -L "$PWD/.libtorch/torch/lib" -name '*.dylib'
        return
    fi
    local torch nvidia library
    torch="$(loaded "$1" | sed -n 's/\/libtorch_cpu\.so$//p')"
    [ -n "$torch" ] || return 0
    nvidia="$(dirname "$(dirname "$torch")")/nvidia"
    while IFS= read -r library; do
        case "$(realpath "$library")" in
            "$(realpath "$torch")"/* | "$(realpath -m "$nvidia")"/*) printf '%s\n' "$library" ;;
        esac
    done < <(loaded "$1")
    # Those of CUDA are also loaded by name while the program runs.
    if [ -f "$torch/libtorch_cuda.so" ]; then
        find -L "$torch" "$nvidia" -name 'libcaffe2_nvrtc.so' -o -path "$nvidia/*" -name '*.so*'
    fi
}

# Removes leftovers of killed runs.
remove_leftovers() {
    local folder
    for folder in "$prefix"/.facepipe-install.*; do
        if [ -d "$folder" ] && ! kill -0 "${folder##*.}" 2>/dev/null; then rm -rf "$folder"; fi
    done
}

# After an interruption the previous libraries are back in their place.
clean_up() {
    if [ -d "$stage/replaced" ] && [ ! -e "$prefix/$LIBRARIES" ]; then
        mv "$stage/replaced" "$prefix/$LIBRARIES"
    fi
    rm -rf "$stage"
}

# A hard link takes no room, but changes with the owner of its file: only where that is who installs.
link_or_copy() {
    local file
    file="$(realpath "$1")"
    if [ ! -O "$file" ] || ! ln "$file" "$2" 2>/dev/null; then cp "$file" "$2"; fi
}

# Everything that will be installed, below $stage.
stage_files() {
    local library completion
    mkdir -p "$stage/bin" "$stage/$LIBRARIES"
    cp "$built" "$stage/$PROGRAM"
    while IFS= read -r library; do
        link_or_copy "$library" "$stage/$LIBRARIES/$(basename "$library")"
    done < <(libraries_of "$built" | sort -u)
    for completion in "${COMPLETIONS[@]}"; do
        mkdir -p "$(dirname "$stage/${completion#* }")"
        "$stage/$PROGRAM" completions "${completion%% *}" >"$stage/${completion#* }" ||
            fail "the program does not start" "run scripts/install.sh without --no-build"
    done
    if [ "$(uname -s)" != Darwin ] && [ -n "$(libraries_of "$stage/$PROGRAM" | grep -vF "$stage/" || true)" ]; then
        fail "the program takes libraries from elsewhere" "run scripts/install.sh without --no-build"
    fi
}

# Each in one step; a program that runs keeps what it has opened.
put_in_place() {
    local completion file
    mkdir -p "$prefix/bin" "$prefix/lib"
    [ ! -e "$prefix/$LIBRARIES" ] || mv "$prefix/$LIBRARIES" "$stage/replaced"
    mv "$stage/$LIBRARIES" "$prefix/$LIBRARIES"
    mv -f "$stage/$PROGRAM" "$prefix/$PROGRAM"
    for completion in "${COMPLETIONS[@]}"; do
        file="${completion#* }"
        mkdir -p "$(dirname "$prefix/$file")"
        mv -f "$stage/$file" "$prefix/$file"
    done
}

tell() {
    local completion size
    size="$(du -sk "$prefix/$PROGRAM" "$prefix/$LIBRARIES" | awk '{ sum += $1 } END { print int(sum * 1.024 / 1000) }')"
    say "installed $("$prefix/$PROGRAM" --version), $size MB:"
    say "  $prefix/$PROGRAM"
    say "  $prefix/$LIBRARIES/"
    for completion in "${COMPLETIONS[@]}"; do say "  $prefix/${completion#* }"; done
    case ":$PATH:" in
        *":$prefix/bin:"*) ;;
        *) say "to have it found, add this to your shell's profile: export PATH=\"$prefix/bin:\$PATH\"" ;;
    esac
    say "to see whether anything is missing: facepipe doctor"
    say "to remove it: scripts/install.sh --uninstall --prefix $(printf %q "$prefix")"
}

if [ "$uninstall" = 1 ]; then
    uninstall
    exit
fi
[ "$build" = 0 ] || ./scripts/setup.sh --profile "$profile"
[ -x "$built" ] || fail "there is no $built" "run scripts/install.sh without --no-build"
readonly stage="$prefix/.facepipe-install.$$"
remove_leftovers
trap clean_up EXIT
mkdir -p "$stage" || fail "$prefix can't be written" "choose another --prefix"
stage_files
put_in_place
tell
