# What people type. `make run` and `make test` set up everything they need.
PYTHON ?= python3
BIN := .venv/bin
LAKE_BIN := .venv-lake/bin
# The markers of the tests that `make test` leaves out (pyproject.toml says what each means).
LEFT_OUT := slow or browser or recorded or lake
.DEFAULT_GOAL := help
.PHONY: help run test test-all check audit docs dev lock lake clean
# Tests start many Python processes; each would compile the project again without this.
unexport PYTHONDONTWRITEBYTECODE

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /|/' | column -t -s '|'

# What users install; the tools of tests and checks come on top of it.
.venv/installed: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("truecost needs Python 3.11.5 or newer; try: make PYTHON=python3.11") if sys.version_info < (3, 11, 5) else None'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv/installed-dev: .venv/installed requirements-dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-dev.txt
	@touch $@

# A second environment: DuckDB's extensions are built for one version of it, which may not be the
# newest. What both environments have in common comes from the same locked versions.
.venv-lake/installed: requirements-lake.txt pyproject.toml
	$(PYTHON) -m venv .venv-lake
	$(LAKE_BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-lake.txt
	$(LAKE_BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

run: .venv/installed ## the main job: capture, build, derive, publish, and print the answers
	$(BIN)/truecost run

test: .venv/installed-dev ## the quick tests, in minutes: no network, no browser, no recordings
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not ($(LEFT_OUT))"

test-all: .venv/installed-dev .venv-lake/installed ## what `make test` leaves out: slow, browser, recorded, lake
	$(BIN)/python -m pytest -n 2 --dist worksteal --hypothesis-profile=thorough \
		-m "($(LEFT_OUT) or hypothesis) and not lake"
	$(LAKE_BIN)/python -m pytest -m lake tests/pipelines/lake tests/pipelines/jobs

check: .venv/installed-dev ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: .venv/installed-dev ## write again what documents and editors take from the code
	$(BIN)/python -m tests.rooms
	$(BIN)/python -m tests.source_table
	$(BIN)/python -m pipelines.site.methodology.inference
	$(BIN)/python -m pipelines.site.methodology.training
	$(BIN)/python -m warehouse.reference.schema
	$(BIN)/python -m tests.supply_chain licences

audit: .venv/installed-dev ## bill of materials (dist/sbom.cdx.json), and known weaknesses of what users install
	$(BIN)/python -m tests.supply_chain sbom
	$(BIN)/python -m tests.supply_chain audit

dev: .venv/installed ## Dagster webserver and daemon on 127.0.0.1
	$(BIN)/truecost ui

# Everything is renewed; one package with: make lock UPGRADE="--upgrade-package requests"
UPGRADE ?= --upgrade
COMPILE = $(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --no-strip-extras --no-header \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links
# Constraints name no extras.
PINS = sed -n 's/^\([a-zA-Z][^ ]*==[^ ]*\) .*/\1/p' $(1) | sed 's/\[[^]]*\]//'

lock: .venv/installed-dev ## renew the requirements files (hashes, no index addresses)
	$(COMPILE) $(UPGRADE) --extra build --output-file requirements.txt pyproject.toml
	$(call PINS,requirements.txt) > .venv/locked.txt
	$(COMPILE) $(UPGRADE) --extra build --extra dev --extra mcp --constraint .venv/locked.txt \
		--output-file requirements-dev.txt pyproject.toml
	$(call PINS,requirements-dev.txt) | grep -v '^duckdb==' > .venv/locked.txt
	$(COMPILE) --extra build --extra dev --extra lake --extra lake-test --extra spark \
		--constraint .venv/locked.txt --no-annotate --output-file requirements-lake.txt pyproject.toml

lake: .venv/installed ## also install DuckLake and Spark (docs/scaling.md)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-lake.txt

clean: ## remove the environments (the data stay)
	rm -rf .venv .venv-lake .mypy_cache .ruff_cache .pytest_cache
