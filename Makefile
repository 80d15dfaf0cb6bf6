# Everything by name: make demo, build, test, bench, lint. Each does its own set-up and skips what
# is there. Build results and downloads live outside the checkout, so that a fresh clone on the
# same machine is quick.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.SILENT:
MAKEFLAGS += --no-builtin-rules

CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/satreel
export CARGO_TARGET_DIR ?= $(CACHE)/target
export SATREEL_CACHE := $(CACHE)
VENV := $(CACHE)/venv
SAMPLES := $(CACHE)/samples

say = printf '\033[1m==>\033[0m %s\n' "$(1)"

.PHONY: help demo build install test test-rust test-player test-media test-browser test-api test-vectors test-l402 test-uploads test-backup test-install test-alerts test-fail2ban test-nginx test-around test-operator test-publishers torture bench lint player nodes samples setup setup-test clean

help:
	echo 'make demo   set everything up and run it, with play money, on http://127.0.0.1:8420'
	echo 'make build  the programs as bin/satreel, bin/satreel-transcoder and bin/satreel-backup'
	echo 'make install  what was built, to PREFIX (/usr/local)'
	echo 'make test   every test, a real browser included'
	echo 'make test-publishers  OBS and GStreamer on air (installs them)'
	echo 'make torture 1000 payments while everything around them is killed'
	echo 'make bench  the measurements that README quotes'
	echo 'make lint   formatting, clippy, types'

demo: build samples
	$(call say,Starting the demo. Ctrl-C ends it.)
	exec bin/satreel demo

setup:
	tools/setup build

setup-test: setup
	tools/setup test

# The pages: npm packages from the lock file, then one build, both only when something changed.
# Everything that compiles comes after them, so this is also where the checkout claims the cache.
player: setup
	tools/player
	tools/checkout

# LND, btcd and Pebble for the tests: from source by Go and kept by version.
nodes: setup
	tools/nodes

build: setup player
	$(call say,Building the programs (the first time takes some minutes))
	cargo build --release --locked -p satreel -p satreel-transcoder -p satreel-backup
	mkdir -p bin
	install -m 755 "$$CARGO_TARGET_DIR"/release/satreel{,-backup,-transcoder,-worker,-look} bin/
	$(call say,Built bin/satreel, bin/satreel-backup, and bin/satreel-transcoder with its workers)

# What is there already, so that it can be called as root.
install:
	PREFIX="$(or $(PREFIX),/usr/local)" SYSCONFDIR="$(or $(SYSCONFDIR),/etc)" DESTDIR="$(DESTDIR)" tools/install

samples: setup
	$(call say,Sample films)
	tests/samples/make "$(SAMPLES)"
	mkdir -p bin
	ln -sfn "$(SAMPLES)" bin/samples

test: build setup-test samples nodes test-rust test-player test-backup test-install test-alerts test-fail2ban test-nginx test-around test-operator test-media test-vectors test-api test-l402 test-uploads test-browser
	$(call say,All tests passed)

test-rust: player nodes setup-test
	$(call say,Unit and property and integration tests)
	SATREEL_SAMPLES="$(SAMPLES)" cargo test --workspace --locked

test-player: player
	$(call say,Unit tests of the pages)
	(cd player && npm test --silent)

test-backup:
	$(call say,Copies of a site and their restore)
	tests/backup/run

test-install: build setup-test
	$(call say,Installed into an empty root)
	tests/install/run

test-alerts: build setup-test
	$(call say,Alarms and metrics read by the tool of Prometheus)
	PATH="$(CACHE)/tools/prometheus/usr/bin:$$PATH" SATREEL_BIN="$(CURDIR)/bin" tests/alerts/run

test-fail2ban: build setup-test
	$(call say,Who tries stream keys is found by fail2ban)
	FAIL2BAN="$(CACHE)/tools/fail2ban" SATREEL_BIN="$(CURDIR)/bin" tests/fail2ban/run

test-nginx: build samples setup-test
	$(call say,A site behind nginx)
	NGINX_PACKAGE="$(CACHE)/tools/nginx" SATREEL_BIN="$(CURDIR)/bin" SATREEL_SAMPLES="$(SAMPLES)" tests/nginx/run

test-around: build setup-test
	$(call say,Firewall and tunnels and battery each with its own program)
	TOOLS="$(CACHE)/tools" tests/around/run

test-operator: build samples setup-test nodes
	$(call say,The operator's chapter of README on an empty root)
	cargo build --quiet --locked -p lnd-pair -p btcpay-standin
	TOOLS="$(CACHE)/tools" SATREEL_PAIR="$$CARGO_TARGET_DIR/debug/lnd-pair" SATREEL_STORE="$$CARGO_TARGET_DIR/debug/btcpay-standin" SATREEL_SAMPLES="$(SAMPLES)" tests/operator/run

test-media: build samples setup-test
	$(call say,Real films through the real transcoder read by independent programs)
	PATH="$(VENV)/bin:$$PATH" SATREEL_BIN="$(CURDIR)/bin" SATREEL_SAMPLES="$(SAMPLES)" tests/media/run

test-api: build samples setup-test nodes
	$(call say,The API against its own description)
	PATH="$(VENV)/bin:$$PATH" SATREEL_BIN="$(CURDIR)/bin" SATREEL_SAMPLES="$(SAMPLES)" tests/api/run

test-vectors: setup-test
	$(call say,The published vectors against their generators)
	PATH="$(VENV)/bin:$$PATH" tests/vectors/run

test-l402: build samples setup-test nodes
	$(call say,Programs that are not ours buy a film and leave a tip)
	cargo build --quiet --locked -p lnd-pair
	PATH="$(VENV)/bin:$$PATH" SATREEL_PAIR="$$CARGO_TARGET_DIR/debug/lnd-pair" SATREEL_BIN="$(CURDIR)/bin" SATREEL_SAMPLES="$(SAMPLES)" tests/l402/run

test-uploads: build samples setup-test
	$(call say,Films uploaded by a tus client that is not ours)
	PATH="$(VENV)/bin:$$PATH" SATREEL_BIN="$(CURDIR)/bin" SATREEL_SAMPLES="$(SAMPLES)" tests/uploads/run

test-browser: build samples setup-test nodes
	$(call say,Sales in a real browser)
	cargo build --quiet --locked -p lnd-pair
	SATREEL_PAIR="$$CARGO_TARGET_DIR/debug/lnd-pair" SATREEL_BIN="$(CURDIR)/bin" SATREEL_SAMPLES="$(SAMPLES)" node --test --test-concurrency=1 tests/browser/

# Not among `test`: OBS brings hundreds of megabytes along.
test-publishers: build
	tools/setup publishers
	$(call say,OBS and GStreamer go on air)
	SATREEL_BIN="$(CURDIR)/bin" node --test --test-concurrency=1 tests/publishers/

torture: player nodes
	$(call say,Payments while everything around them is killed (a quarter of an hour))
	SATREEL_TORTURE_ROUNDS="$${SATREEL_TORTURE_ROUNDS:-1000}" cargo test --locked --test torture -- --nocapture --test-threads 1

bench: build setup-test samples nodes
	tools/setup bench
	cargo build --quiet --release --locked -p lnd-pair
	SATREEL_PAIR="$$CARGO_TARGET_DIR/release/lnd-pair" SATREEL_BIN="$(CURDIR)/bin" SATREEL_SAMPLES="$(SAMPLES)" tests/bench/run

lint: player
	$(call say,Formatting and clippy and types)
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --features satreel-worker/unconfined --locked -- -D warnings
	(cd player && npm run lint --silent)
	for script in tools/{checkout,install,nodes,player,setup} tests/*/run tests/around/inside .ci/run backup/site-backup config/wireguard/satreel-wireguard config/apcupsd/{doshutdown,tell}; do bash -n "$$script"; done

clean:
	rm -rf bin player/dist node_modules player/node_modules
