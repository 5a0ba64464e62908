# What people type. `make run` and `make test` set up everything they need.
PYTHON ?= python3
BIN := .venv/bin
.DEFAULT_GOAL := help
.PHONY: help run test test-recorded check dev lock clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /|/' | column -t -s '|'

.venv/installed: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("truecost needs Python 3.11 or newer; try: make PYTHON=python3.11") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

run: .venv/installed ## the main job: capture, build, derive, publish, and print the answers
	$(BIN)/truecost run

test: .venv/installed ## everything that needs no network and no recorded payloads
	$(BIN)/python -m pytest -n 2

test-recorded: .venv/installed ## also the tests on recorded payloads (TRUECOST_RECORDED, default ../shared)
	$(BIN)/python -m pytest -n 2 -m recorded

check: .venv/installed ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

dev: .venv/installed ## Dagster webserver and daemon on 127.0.0.1
	$(BIN)/truecost ui

lock: ## remake requirements.txt (hashes, no index addresses)
	$(BIN)/pip-compile --quiet --upgrade --generate-hashes --allow-unsafe --strip-extras --extra dev \
		--no-header --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
		--output-file requirements.txt pyproject.toml

clean: ## remove the environment (the data stay)
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache
