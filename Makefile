# SPDX-License-Identifier: Apache-2.0
# A thin front of meson.
BUILD ?= build
.PHONY: setup build
setup:
	@echo "in preparation"
build:
	@test -d $(BUILD) || meson setup $(BUILD)
	ninja -C $(BUILD)
