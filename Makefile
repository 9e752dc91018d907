# SPDX-License-Identifier: Apache-2.0
# A thin front of meson. `make demo` and `make check` need nothing beforehand: they install the packages they want
# (configs/packages.txt) as root or through sudo.
BUILD ?= build
MESON_ARGS ?=
# more words for `meson test`, for instance TEST_ARGS='--suite models'
TEST_ARGS ?=

.PHONY: help setup build demo check nightly bench format lint coverage install clean

help:
	@echo 'make demo      a recorded scene through the whole pipeline: events, clips, a database'
	@echo 'make check     build and run all tests'
	@echo 'make nightly   the long forms of some tests: thousands of kills, power cuts and faults'
	@echo 'make build     build only (in $(BUILD)/)'
	@echo 'make bench     time the inference core'
	@echo 'make lint      style, layers, static analysis'
	@echo 'make format    apply the code style'
	@echo 'make coverage  line coverage of models, events and storage'
	@echo 'make setup     install the Debian packages for all of these'
	@echo 'make install   into the system (DESTDIR is respected)'

setup:
	@configs/install-packages.sh lint

build:
	@configs/install-packages.sh demo
	@test -f $(BUILD)/build.ninja || meson setup $(BUILD) -Dtests=false $(MESON_ARGS)
	@ninja -C $(BUILD)

demo: build
	@configs/demo.sh $(BUILD)

# tests that were not wanted yet are added to the build folder here
check:
	@configs/install-packages.sh check
	@test -f $(BUILD)/build.ninja || meson setup $(BUILD) $(MESON_ARGS)
	@test -f $(BUILD)/.with-tests || { meson configure $(BUILD) -Dtests=true && touch $(BUILD)/.with-tests; }
	@ninja -C $(BUILD)
	@tests/run-tests.sh $(BUILD) $(TEST_ARGS)

# the long forms of some tests, of hours: what they measured is printed at the end
nightly:
	@configs/install-packages.sh check
	@test -f $(BUILD)/build.ninja || meson setup $(BUILD) $(MESON_ARGS)
	@test -f $(BUILD)/.with-tests || { meson configure $(BUILD) -Dtests=true && touch $(BUILD)/.with-tests; }
	@ninja -C $(BUILD)
	@tests/run-tests.sh $(BUILD) --suite nightly $(TEST_ARGS)

# VIGIL_PEERS=FOLDER: other runtimes that are there already, see tests/bench/peers.sh
bench:
	@configs/install-packages.sh bench
	@test -f $(BUILD)/build.ninja || meson setup $(BUILD) $(MESON_ARGS)
	@test -f $(BUILD)/.with-tests || { meson configure $(BUILD) -Dtests=true && touch $(BUILD)/.with-tests; }
	@ninja -C $(BUILD)
	@test -n "$$VIGIL_PEERS" || tests/bench/peers.sh $(BUILD)/peers
	@VIGIL_PEERS=$${VIGIL_PEERS:-$(abspath $(BUILD))/peers} meson test -C $(BUILD) --no-rebuild --benchmark --verbose
	@echo 'beside other runtimes, as markdown: $(BUILD)/bench.md'

format:
	@configs/install-packages.sh lint
	@tests/lint/format.sh --apply

lint:
	@configs/install-packages.sh lint
	@test -f $(BUILD)/build.ninja || meson setup $(BUILD) $(MESON_ARGS)
	@tests/lint/format.sh
	@tests/lint/static.sh $(BUILD)

coverage:
	@configs/install-packages.sh ci
	@tests/coverage.sh

install: build
	@meson install -C $(BUILD) --no-rebuild

clean:
	rm -rf $(BUILD)
