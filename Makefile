# What people type. `make run` and `make test` set up everything they need.
PYTHON ?= python3
BIN := .venv/bin
.DEFAULT_GOAL := help
.PHONY: help run test test-recorded check dev lock lake test-lake lock-lake clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /|/' | column -t -s '|'

.venv/installed: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("truecost needs Python 3.11 or newer; try: make PYTHON=python3.11") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

run: .venv/installed ## the main job: capture, build, derive, publish, and print the answers
	$(BIN)/truecost run

test: .venv/installed ## everything that needs no network and no recorded payloads
	$(BIN)/python -m pytest -n 2 -m "not recorded"

test-recorded: .venv/installed ## the tests on recorded payloads (TRUECOST_RECORDED, default ../shared)
	$(BIN)/python -m pytest -n 2 -m recorded

check: .venv/installed ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

dev: .venv/installed ## Dagster webserver and daemon on 127.0.0.1
	$(BIN)/truecost ui

lock: ## remake requirements.txt (hashes, no index addresses)
	$(BIN)/pip-compile --quiet --upgrade --generate-hashes --allow-unsafe --no-strip-extras --extra dev \
		--no-header --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
		--output-file requirements.txt pyproject.toml

lake: .venv/installed ## also DuckLake and Spark (docs/scaling.md)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-lake.txt

# A second environment: the extensions are built for one version of DuckDB, which may not be the
# newest. What both have in common comes from the same locked versions.
.venv-lake/installed: requirements-lake.txt pyproject.toml
	$(PYTHON) -m venv .venv-lake
	.venv-lake/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-lake.txt
	.venv-lake/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

test-lake: .venv-lake/installed ## DuckLake on PostgreSQL and S3, and Spark (need PostgreSQL and Java)
	.venv-lake/bin/python -m pytest tests/warehouse/test_lake.py tests/pipelines/test_lake.py \
		tests/pipelines/test_dagster_state.py tests/pipelines/test_spark.py

lock-lake: ## remake requirements-lake.txt: the locked versions, and those of the extras
	sed -n 's/^\([a-zA-Z][^ ]*==[^ ]*\) .*/\1/p' requirements.txt | sed 's/\[[^]]*\]//' | grep -v '^duckdb==' > .venv/locked.txt
	$(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --no-strip-extras \
		--extra dev --extra lake --extra lake-test --extra spark --constraint .venv/locked.txt \
		--no-header --no-annotate --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
		--output-file requirements-lake.txt pyproject.toml

clean: ## remove the environment (the data stay)
	rm -rf .venv .venv-lake .mypy_cache .ruff_cache .pytest_cache
