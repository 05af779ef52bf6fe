# `make demo` and `make test` are the two commands that matter; each sets up a fresh machine by itself.
# ARGS goes to the command: make demo ARGS="--port 9000", make test ARGS="-k stream".

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint format types bench dashboard conformance clean

help:
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 14

setup: $(INSTALLED) ## create .venv and install Pollux and its development tools into it

$(INSTALLED): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Pollux needs Python 3.11 or newer; name one with: make PYTHON=/path/to/python3"; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV) \
	  || { rm -rf $(VENV); echo "No virtual environment without ensurepip; on Debian: apt install python3-venv"; exit 1; }
	@echo "Installing Pollux into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: $(INSTALLED) ## serve on loopback with a simulated Google: no account needed
	@$(BIN)/pollux demo $(ARGS)

# Three processes keep two cores busy: half of the time a test waits for a clock, a browser or another process.
test: $(INSTALLED) ## run every test, on three processes
	@$(BIN)/python -m pytest -n 3 --dist loadfile $(ARGS)

lint: $(INSTALLED) ## check style and formatting
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

format: $(INSTALLED) ## format, and mend what ruff can mend
	@$(BIN)/ruff check --fix --exit-zero .
	@$(BIN)/ruff format .

types: $(INSTALLED) ## check types
	@$(BIN)/python -m mypy

bench: $(INSTALLED) ## run every benchmark: one file per claim
	@for claim in benchmarks/[!_]*.py; do echo "== $$claim"; $(BIN)/python $$claim || exit 1; done

dashboard: $(INSTALLED) ## write Grafana's dashboard anew from the table of metrics
	@$(BIN)/python deploy/grafana/generate.py

conformance: $(INSTALLED) ## rewrite docs/conformance.md from the tests
	@$(BIN)/python -m tests.conformance

clean: ## remove what can be made again, the virtual environment included
	@rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
