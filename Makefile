# What people type and what CI runs. Each target installs what it needs; sudo or root is used only for Debian packages.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# Arguments of `gatelog demo`, for example DEMO_ARGS=--exit.
DEMO_ARGS ?=
# Where builds, virtual environments and the Postgres wheel are kept between runs.
export GATELOG_CACHE_DIR ?= $(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME),$(HOME)/.cache)/gatelog
export CARGO_TARGET_DIR ?= $(GATELOG_CACHE_DIR)/target
BIN := $(CARGO_TARGET_DIR)/debug
# Seed and duration of each campaign of `make soak`.
SEED ?= 1
SECONDS_LONG ?= 600

.PHONY: help
help: ## Say what can be made
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/:[^#]*## /\t/' | expand -t 16

.PHONY: demo
demo: build ## Run the main job on embedded defaults
	$(BIN)/gatelog demo $(DEMO_ARGS)

.PHONY: test
test: check test-rust test-postgres-sources test-demo interop test-deploy newcomer ## Everything that must pass, in one command

.PHONY: build
build: tools-build ## Build the workspace
	cargo build --workspace --all-targets --locked

.PHONY: tools-build tools-test
tools-build:
	@tools/install.sh build

tools-test:
	@tools/install.sh test

.PHONY: check
check: tools-test ## Formatting, lints, docs, licences
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --document-private-items
	tools/cargo-deny.sh check licenses bans sources

.PHONY: test-rust
test-rust: tools-test build ## Unit, property, database, fault and crash tests
	$(BIN)/gatelog-testkit-postgres -- cargo nextest run --workspace --locked --no-fail-fast
	cargo test --workspace --locked --doc

.PHONY: test-demo
test-demo: build ## The demo's own numbers
	$(MAKE) demo DEMO_ARGS=--exit

.PHONY: test-postgres-sources
test-postgres-sources: build ## Each way the demo finds a Postgres
	tests/postgres-sources.sh $(BIN)

.PHONY: interop
interop: tools-test build ## Other implementations read and write what we do
	tests/interop-envelope/run.sh
	tests/interop/run.sh $(BIN)
	tests/interop-gateway/run.sh $(BIN)

.PHONY: test-deploy
test-deploy: tools-test build ## What is in deploy/: Terraform, image, units, the Worker on workerd
	tests/terraform/run.sh
	tests/units/run.sh $(BIN)
	tests/worker/run.sh $(BIN)

.PHONY: newcomer
newcomer: tools-test build ## Follow docs/install.md from an empty folder to the first cost line
	tests/newcomer/run.sh $(BIN)

.PHONY: soak
soak: tools-test build ## Long campaigns of kills and chance, one after the other: SEED=1 SECONDS_LONG=600
	GATELOG_SOAK_SEED=$(SEED) GATELOG_SOAK_SECONDS=$(SECONDS_LONG) \
		$(BIN)/gatelog-testkit-postgres -- cargo nextest run --workspace --locked --no-capture \
		-E 'binary(soak) | (binary(contract) & test(/^random_streams::/)) | (binary(gateway) & test(/^(budget|loss)::/))'

.PHONY: bench
bench: tools-build ## Measure the goals, ratios in one run against named peers
	cargo build --workspace --release --locked --examples --bins
	python3 bench/run.py --bin $(CARGO_TARGET_DIR)/release

.PHONY: bench-smoke
bench-smoke: build ## Whether the benchmarks run at all: small, no goal enforced
	python3 bench/run.py --bin $(BIN) --quick

.PHONY: bench-gateway
bench-gateway: tools-build ## Measure the gateway against nginx, Portkey and LiteLLM
	cargo build --workspace --release --locked --examples --bins
	python3 bench/run.py --bin $(CARGO_TARGET_DIR)/release --suite gateway

.PHONY: bench-gateway-smoke
bench-gateway-smoke: build ## Whether that runs at all: small, no goal enforced
	python3 bench/run.py --bin $(BIN) --suite gateway --quick

.PHONY: schema
schema: build ## Write the JSON Schema of gatelog.toml
	$(BIN)/gatelog config schema > deploy/gatelog.schema.json
