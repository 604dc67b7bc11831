# Deedlog: everything that is done from a shell. `make help` lists it; CI runs check, test and test-kafka (.ci/run).
# Needs Python 3.11 or newer. test-kafka also needs Java 17 and Maven, check also npm (for buf).

SHELL := /bin/sh
.DEFAULT_GOAL := help
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest
# The suites mostly wait, so two files at a time take half as long. WORKERS=0 runs them one after another.
WORKERS ?= 2
SIDE_BY_SIDE = -n $(WORKERS) --dist loadfile
NO_NPM := buf is not here: npm brings it, and no npm was found. The contracts were not linted.

.PHONY: help
help:  ## say what can be typed
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# ── set up ──────────────────────────────────────────────────────────────────────────────────────────────────────────

.PHONY: setup setup-dev setup-calibration
setup:  ## lay .venv with the deedlog command in it; nothing happens when it is up to date
	@tools/setup.sh run

setup-dev:  ## the same, with what tests and checks need
	@tools/setup.sh dev

setup-calibration:  ## the same as setup, with what fits a release
	@tools/setup.sh calibration

# ── use ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

.PHONY: run up down demo
run: setup  ## start the whole house here, in embedded mode; Ctrl-C stops it
	@exec $(BIN)/deedlog up

up: setup  ## start it in the background; returns when every consumer holds its partitions
	@$(BIN)/deedlog up --detach

down: setup  ## stop what `make up` started
	@$(BIN)/deedlog down

demo: setup  ## three sample people, from their first event to a credential verified offline
	@$(BIN)/deedlog demo

# ── test ────────────────────────────────────────────────────────────────────────────────────────────────────────────

.PHONY: test test-kafka test-processors kafka-jars kafka bench bench-ingest bench-inference bench-long
test: setup-dev  ## every test that needs no Java; ARGS="-k name" narrows it
	$(PYTEST) -m "not kafka and not bench" $(SIDE_BY_SIDE) $(ARGS)

test-kafka: setup-dev kafka-jars  ## the tests that run against Apache Kafka
	$(PYTEST) -m kafka $(SIDE_BY_SIDE) $(ARGS)

kafka-jars: setup  ## bring Apache Kafka from Maven Central into infra/kafka/lib, once
	@$(BIN)/python -m infra.kafka.kafka fetch

kafka: setup  ## start Apache Kafka in KRaft mode on 127.0.0.1:9092; Ctrl-C stops it
	@exec $(BIN)/python -m infra.kafka.kafka run

bench: setup-dev  ## measure speed on this machine (some minutes); judges only that nothing is lost
	$(PYTEST) tests/load -q -m "bench and not slow" $(ARGS)

bench-ingest: setup-dev  ## how fast statements are taken in, also beside Ralph, fetched from the package index
	$(PYTEST) tests/load/test_ingest.py tests/load/test_ralph.py -q -m bench -k "not minutes" $(ARGS)

bench-inference: setup-dev  ## the goals of the model on sets of real outcomes and marks, half an hour
	$(PYTEST) tests/conformance/inference -q -s -m bench $(ARGS)

test-processors: setup-dev  ## the same numbers on processors that are not here, emulated (200 MB from Debian, once)
	$(BIN)/python -m tests.conformance.processors.emulate $(ARGS)

bench-long: setup-dev  ## the same, each again for minutes on end, and the long tests of imports and client (half an hour)
	$(PYTEST) tests/load tests/suites -q -m bench $(ARGS)

# ── check ───────────────────────────────────────────────────────────────────────────────────────────────────────────

.PHONY: check check-format check-lint check-types check-imports check-proto check-generated check-docstrings
check: setup-dev check-format check-lint check-docstrings check-imports check-generated check-proto check-types  ## all that must hold before a commit: form, lint, types, imports, contracts, generated files
	@echo "check: all of it holds"

check-format:
	$(BIN)/ruff format --check --quiet --diff .

check-lint:
	$(BIN)/ruff check --quiet .

check-docstrings:
	$(BIN)/python -m tools.docstrings

check-imports:
	@said=$$($(BIN)/lint-imports 2>&1) && echo "imports: every contract is kept" || { echo "$$said"; exit 1; }

check-generated:
	$(BIN)/python -m tools.generated --check
	$(BIN)/python -m tools.reference --check

check-proto:
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory buf-lint; \
	elif [ "$${CI:-}" = true ]; then echo "$(NO_NPM)" >&2; exit 1; \
	else echo "check-proto: $(NO_NPM)" >&2; fi

check-types:
	$(BIN)/mypy

.PHONY: buf-lint
buf-lint: tools/node/node_modules/.package-lock.json
	tools/node/node_modules/.bin/buf lint

tools/node/node_modules/.package-lock.json: tools/node/package-lock.json
	@npm ci --prefix tools/node --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null
	@touch $@

# ── make ────────────────────────────────────────────────────────────────────────────────────────────────────────────

.PHONY: format proto docs lock clean
format: setup-dev  ## lay the code out as check wants it
	$(BIN)/ruff check --quiet --fix-only .
	$(BIN)/ruff format --quiet .

proto: setup-dev  ## make proto/gen anew from the contracts in proto/deedlog
	$(BIN)/python -m tools.generated

docs: setup-dev  ## make the generated pages of docs/reference anew
	$(BIN)/python -m tools.reference

LOCK = uv pip compile pyproject.toml requirements/build.in --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-annotate --no-header --quiet $(ARGS)
lock:  ## resolve the locks anew (needs uv); ARGS=--upgrade takes newer releases
	$(LOCK) --extra services --extra embedded --output-file requirements/run.txt
	$(LOCK) --extra services --extra embedded --extra calibration --constraint requirements/run.txt \
		--output-file requirements/calibration.txt
	$(LOCK) --extra dev --constraint requirements/calibration.txt --output-file requirements/dev.txt

clean:  ## remove what was made here: .venv, caches, Kafka's jars; no data folder is touched
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	rm -rf infra/kafka/lib infra/kafka/target tools/node/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
