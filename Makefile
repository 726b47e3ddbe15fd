# The common uses of `cargo keel` (qemu/keel), which does the work; `cargo keel --help` lists the rest.
# `run` and `test` set up a fresh machine first: qemu/setup.sh sees to Rust and a C linker, `cargo keel setup` to QEMU.
# Pass options on in ARGS: make run ARGS='--smp 4 --policy priority'

# rustup's folder, for a shell that has not read ~/.profile since Rust was installed.
export PATH := $(PATH):$(HOME)/.cargo/bin
ARGS ?=

.PHONY: run test build check format bench setup clean

run: setup
	@cargo keel run $(ARGS)

test: setup
	@cargo keel test $(ARGS)

build: compiler
	@cargo keel build $(ARGS)

# Lints and format alone.
check: compiler
	@cargo keel test clippy
	@cargo keel test format

# Formats everything, with the files that a build script finds.
format: compiler
	@cargo fmt --all -- bench/kernel/src/operations/*.rs

bench: setup
	@cargo keel bench $(ARGS)

setup: compiler
	@cargo keel setup

.PHONY: compiler
compiler:
	@sh qemu/setup.sh

clean:
	cargo clean
