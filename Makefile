# Newsmorgue: the same commands on a desk and in CI. `make` alone lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
VAR ?= var
UP ?=

.DEFAULT_GOAL := help
.PHONY: help up down test lint format bench wheel clean

help:  ## list the commands
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

$(VENV)/run.stamp: requirements/run.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/run.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

$(VENV)/dev.stamp: requirements/dev.txt requirements/celery.txt requirements/postgres.txt $(VENV)/run.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/dev.txt
	touch $@

# wabac.js is AGPL: fetched unmodified from npm, never committed.
$(VAR)/wabac/sw.js: $(VENV)/run.stamp
	$(BIN)/python -m archive.room.wabac $(VAR)/wabac

up: $(VENV)/run.stamp $(VAR)/wabac/sw.js  ## start everything on this machine (UP="--s3-port 9333 ..." for options)
	@exec $(BIN)/morgue up --var $(VAR) $(UP)

down:  ## stop what `make up` started
	@$(BIN)/morgue down --var $(VAR)

# pywb is GPL, py-wacz has pins of its own: each runs beside us, in an environment of its own.
$(VAR)/peers/%/stamp: requirements/%.txt
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

test: $(VENV)/dev.stamp $(VAR)/wabac/sw.js $(VAR)/peers/pywb/stamp $(VAR)/peers/wacz/stamp  ## run the tests (T="tests/test_wire.py -k chunk" for some)
	$(BIN)/python -m pytest -n 2 --dist worksteal $(T)

lint: $(VENV)/dev.stamp  ## ruff, mypy --strict, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/dev.stamp  ## put the code in shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/dev.stamp  ## run the benchmarks (ratios against peers)
	$(BIN)/python benchmarks/warc_writing.py
	$(BIN)/python benchmarks/capture.py --peers $(VAR)/peers
	$(BIN)/python benchmarks/fidelity.py --peers $(VAR)/peers

wheel: $(VENV)/dev.stamp  ## build the wheel and try it in an empty environment
	rm -rf dist build/wheel
	$(BIN)/python -m build --wheel --outdir dist . >/dev/null
	$(PYTHON) -m venv build/wheel
	build/wheel/bin/python -m pip install --quiet --disable-pip-version-check dist/*.whl
	cd build && wheel/bin/morgue --help >/dev/null && wheel/bin/morgue site list --help >/dev/null
	@echo "the built wheel installs and runs: $$(build/wheel/bin/morgue --version)"

clean:  ## remove what was built (not var/, which holds the archive)
	rm -rf dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
