# shellcheck shell=bash
# What the scripts share. Read by `source`; changes to the folder of the sources.
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit

say() { printf '%s\n' "$*" >&2; }

fail() {
    printf 'error: %s\n\nhint: %s\n' "$1" "$2" >&2
    exit 1
}

# Finds a Rust that was installed a moment ago, before the shell was restarted, and one whose
# owner's home is not HOME (as with sudo, and in containers).
find_rust() {
    if ! command -v cargo >/dev/null && [ -x "${HOME:-}/.cargo/bin/cargo" ]; then
        export PATH="$HOME/.cargo/bin:$PATH"
    fi
    local cargo owner
    cargo="$(command -v cargo)" || return 0
    owner="${cargo%/.cargo/bin/cargo}"
    if [ -z "${RUSTUP_HOME:-}" ] && [ "$owner" != "$cargo" ] && [ -d "$owner/.rustup" ] &&
        ! cargo --version >/dev/null 2>&1; then
        export RUSTUP_HOME="$owner/.rustup"
    fi
}

find_rust
