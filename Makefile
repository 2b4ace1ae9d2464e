# Everything a person or CI does with this house. Plain pip works; uv, where present, is only faster.
.DEFAULT_GOAL := help
SHELL := /bin/bash
# Asked by running it: a version manager's shim may be on PATH without a Python behind it.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
RUN := $(VENV)/bin/python
UV := $(shell command -v uv)
UV_ENV := UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/run.done ## .venv with everything the portal runs on

demo: $(VENV)/demo.done ## The whole portal with a small real app, on this machine
	@$(RUN) manage.py demo

# A stamp a group, newer than its pinned file: the second run costs nothing.
$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed."; exit 1; }
	@if [ -n "$(UV)" ]; then $(UV) venv -q --python $(PYTHON) $(VENV); \
	else $(PYTHON) -m venv $(VENV) || { echo "This Python cannot make environments; on Debian: apt install python3-venv"; rm -rf $(VENV); exit 1; }; fi

$(VENV)/%.done: requirements/%.txt $(VENV)/bin/python
	@echo "Installing $*"
	@if [ "$*" != run ]; then $(MAKE) --no-print-directory $(VENV)/run.done; fi
	@if [ -n "$(UV)" ]; then $(UV_ENV) $(UV) pip install -q --python $(RUN) --require-hashes -r $<; \
	else $(RUN) -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r $<; fi
	@touch $@

.PHONY: help setup demo
