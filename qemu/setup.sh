#!/bin/sh
# What must be there before cargo can compile anything: Rust itself and a C linker (for programs of the host alone;
# the kernel is linked by Rust's own lld). QEMU is installed by `cargo keel setup`, which can be compiled then.
# Says what it installs before it does; works without a terminal.
set -eu

if ! command -v cargo >/dev/null 2>&1; then
    cat >&2 <<'MESSAGE'
error: Rust is not installed. Get it with
    curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y
and run this again.
MESSAGE
    exit 1
fi

cd "$(dirname "$0")/.."
wanted=$(sed -n 's/^rust-version = "1\.\([0-9]*\).*/\1/p' Cargo.toml)
have=$(rustc --version | sed -n 's/^rustc 1\.\([0-9]*\)\..*/\1/p')
if [ "${have:-0}" -lt "${wanted:-0}" ]; then
    echo "error: Rust 1.$wanted or newer is needed, and this is $(rustc --version); run: rustup update stable" >&2
    exit 1
fi

if command -v cc >/dev/null 2>&1; then
    exit 0
fi
if ! command -v apt-get >/dev/null 2>&1; then
    echo "error: no C compiler (cc) found, which Rust needs for linking; install gcc with your package manager" >&2
    exit 1
fi
if [ "$(id -u)" = 0 ]; then
    root=
elif ! command -v sudo >/dev/null 2>&1; then
    echo "error: installing gcc needs root: run this as root, or install sudo" >&2
    exit 1
elif [ -t 0 ]; then
    root=sudo
else
    root="sudo -n" # nobody is there to type a password: fail instead of waiting
fi
echo "installing with apt-get: gcc libc6-dev"
$root env DEBIAN_FRONTEND=noninteractive apt-get -q update </dev/null
$root env DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends gcc libc6-dev </dev/null
