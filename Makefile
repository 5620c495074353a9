# Every target builds its own environment, so that a fresh checkout needs one command and nothing
# read beforehand. The stamp is written last: an environment whose making was cut short has none, and
# one whose interpreter has since gone has a stamp that is ignored; both are made again from nothing.
#
# setuptools is installed first and builds without isolation: an isolated build would fetch whatever
# setuptools is newest that day, past constraints.txt.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

# "yes" when a finished environment with a living interpreter stands here; it is then updated in place.
ALIVE := $(shell test -e $(STAMP) && $(BIN)/python -c 'print("yes")' 2>/dev/null)

.PHONY: demo test bench nightly lint format clean FORCE

demo: $(STAMP)
	$(BIN)/tiering demo

test: $(STAMP)
	$(BIN)/python -m pytest

bench: $(STAMP)
	$(BIN)/python -m benchmarks

# Everything, long tests included, and every property with new examples instead of the fixed ones.
nightly: $(STAMP)
	HYPOTHESIS_PROFILE=nightly $(BIN)/python -m pytest -m "nightly or not nightly" --timeout 3600

# The same checks that `make test` runs, alone.
lint: $(STAMP)
	$(BIN)/python -m pytest tests/quality

format: $(STAMP)
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format --quiet .

$(STAMP): pyproject.toml constraints.txt $(if $(ALIVE),,FORCE)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	    echo "tiering needs Python 3.11 or newer as '$(PYTHON)'; name one with: make $(or $(MAKECMDGOALS),demo) PYTHON=python3.11" >&2; \
	    exit 1; }
	@echo "making $(VENV) (once; about a minute)"
	@$(if $(ALIVE),rm $(STAMP),$(PYTHON) -m venv --clear $(VENV))
	@$(PIP) install --constraint constraints.txt setuptools
	@$(PIP) install --constraint constraints.txt --no-build-isolation --editable '.[dev]'
	@touch $(STAMP)

clean:
	rm -rf $(VENV) build dist out *.egg-info .pytest_cache .hypothesis .mypy_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
