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
# Thousands of databases and trees are made and thrown away: in memory where there is plenty, else on the disk.
MEMORY := $(shell awk '/MemAvailable/ { exit $$2 < 12e6 }' /proc/meminfo 2>/dev/null && \
	[ "$$(df --output=avail -B1G /dev/shm 2>/dev/null | tail -1)" -ge 12 ] 2>/dev/null && \
	! grep -q '^[^ ]* /dev/shm .*noexec' /proc/mounts && echo /dev/shm/XXXXXX)
SCRATCH := scratch=$$(mktemp -d $(MEMORY)) && chmod 755 $$scratch && trap 'rm -rf $$scratch' EXIT && export TMPDIR=$$scratch &&
# Tests wait for servers, workers and browsers more than they compute: two rows more than cores, five at most.
TESTS = $(SCRATCH) $(RUN) -m pytest -q --basetemp=$$scratch/t --dist worksteal -n $(shell n=$$(nproc 2>/dev/null || echo 2); echo $$((n < 4 ? n + 2 : 5)))
# What failed (three at most: more is no chance) runs once more by itself, and is named: a fault of the code fails again,
# what only starved among four others does not. Named as UNSTEADY it still wants mending.
FAILED = .pytest_cache/v/cache/lastfailed
ONCE_MORE = { [ $$? = 1 ] && [ "$$(grep -c ': true' $(FAILED))" -le 3 ] && unsteady="$$(grep ': true' $(FAILED))" && \
	$(RUN) -m pytest -q --basetemp=$$scratch/t --last-failed --last-failed-no-failures=none && \
	echo "UNSTEADY: failed among the others, passed alone:" && echo "$$unsteady"; }
LOCK := compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --no-header --no-annotate -q
# What the tests drive beside Python's packages: the program, and Debian's package that brings it.
PROGRAMS := chromium:chromium nginx:nginx-light unzip:unzip bsdtar:libarchive-tools 7z:p7zip-full zstd:zstd curl:curl redis-server:redis-server
# Beside the embedded server, Debian's own (of another major) wherever it lies; on a person's machine it would start.
ifeq ($(CI),true)
PROGRAMS += pg_lsclusters:postgresql
endif

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/run.done ## .venv with everything the portal runs on

demo: $(VENV)/demo.done ## The whole portal with a small real app, on this machine
	@exec $(RUN) manage.py demo

test: $(VENV)/test.done programs ## Every test, with the portal on SQLite
	@if command -v chromium >/dev/null; then left_out=""; else left_out='not browser'; fi; \
	{ $(TESTS) -m "$$left_out" || $(ONCE_MORE); } && \
	if [ -n "$$left_out" ]; then echo "LEFT OUT: the tests in a browser, because there is no chromium."; fi

# What never asks the portal's own database, or brings one along, or is about bytes and buckets is not run again, nor what
# a browser shows. `make test-postgresql ROWLESS=` runs it all.
ROWLESS := backups/storage backups/engines backups/policy portal/demo portal/test_deploy.py portal/test_move_database.py \
	portal/test_vault_on_s3.py portal/test_behind_cache.py \
	faults/test_bucket_killed.py faults/test_bucket_exchange.py backups/operations/test_restore_on_bucket_faults.py \
	backups/operations/test_portal_copies.py backups/operations/test_hostile_dumps.py faults/test_a_day.py \
	backups/operations/test_create_round_trip.py backups/operations/test_on_s3.py faults/test_store_faults.py stores \
	faults/test_machines.py
test-postgresql: $(VENV)/test.done programs ## With the portal on a PostgreSQL server of the tests, all that has rows
	@export PORTAL_TEST_DATABASE=postgresql && \
	$(TESTS) -m "not browser" $(addprefix --ignore=tests/,$(ROWLESS)) || $(ONCE_MORE)

SEED ?= 1
KILLS ?= 60
faults: $(VENV)/test.done ## Only the tests that kill, cut and damage (SEED=1 KILLS=60: the random ones)
	@PORTAL_TEST_SEED=$(SEED) PORTAL_TEST_KILLS=$(KILLS) $(RUN) -m pytest -q tests/faults

properties: $(VENV)/test.done ## The randomised tests, at length
	@PORTAL_TEST_THOROUGH=1 $(RUN) -m pytest -q -m hypothesis --hypothesis-profile=thorough

bench: PROGRAMS += restic:restic
bench: $(VENV)/test.done programs ## The table of speed and memory (SIZE=full for the large one)
	@$(RUN) -m tests.benchmarks $(if $(SIZE),--size $(SIZE)) $(ROWS)

lint: $(VENV)/lint.done ## Style, types, directions of imports, templates, migrations
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-logo
	$(VENV)/bin/djlint templates --lint --quiet
	PORTAL_DATA_DIR=$$(mktemp -d) $(RUN) manage.py makemigrations --check --dry-run

format: $(VENV)/lint.done ## Put every file into the house's form
	$(VENV)/bin/ruff check --fix --exit-zero
	$(VENV)/bin/ruff format

lock: ## Pin the requirements again (needs uv)
	@test -n "$(UV)" || { echo "make lock needs uv on PATH."; exit 1; }
	$(UV) pip $(LOCK) pyproject.toml -o requirements/run.txt
	@for group in demo test lint; do \
		$(UV) pip $(LOCK) -c requirements/run.txt --group $$group -o requirements/$$group.txt || exit 1; done

# A stamp a group, newer than its pinned file: the second run costs nothing.
# The machine's own pip installs from outside where there is one: Debian's Python comes without the means to put
# a pip into an environment.
$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed."; exit 1; }
	@if [ -n "$(UV)" ]; then $(UV) venv -q --python $(PYTHON) $(VENV); \
	elif $(PYTHON) -m pip --version >/dev/null 2>&1; then $(PYTHON) -m venv --without-pip $(VENV); \
	else $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "This Python has no pip; on Debian: apt install python3-pip, or python3-venv."; exit 1; }; fi

$(VENV)/%.done: requirements/%.txt $(VENV)/bin/python
	@if [ "$*" != run ]; then $(MAKE) --no-print-directory $(VENV)/run.done; fi
	@echo "Installing what is needed to $*"
	@if [ -n "$(UV)" ]; then $(UV_ENV) $(UV) pip install -q --python $(RUN) --no-deps --require-hashes -r $<; \
	else pip="$(PYTHON) -m pip --python $(RUN)"; [ ! -e $(VENV)/bin/pip ] || pip="$(RUN) -m pip"; \
		$$pip install -q --disable-pip-version-check --no-deps --require-hashes -r $<; fi
	@touch $@

# Debian's programs for the tests: installed where that is allowed; elsewhere named, and CI stops.
programs:
	@missing=""; for pair in $(PROGRAMS); do \
		command -v $${pair%%:*} >/dev/null || missing="$$missing $${pair##*:}"; done; \
	if [ -n "$$missing" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing for the tests:$$missing"; \
		{ apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $$missing; } \
			</dev/null >/dev/null || true; fi; \
	for pair in $(PROGRAMS); do command -v $${pair%%:*} >/dev/null && continue; \
		echo "MISSING: $${pair%%:*} (Debian: apt install $${pair##*:}); the tests that drive it cannot run."; \
		[ "$$CI" != true ] || exit 1; done

.PHONY: help setup demo test test-postgresql faults properties bench lint format lock programs
