# Everything is set up in .venv, from nothing but Python 3.11 or newer and make.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin

.PHONY: demo test check docs clean

demo: .venv/ready
	$(BIN)/ocppscope check captures/rogue-station.pcap --fail-on never

test: .venv/ready-dev
	$(BIN)/python -m pytest -n auto

# What CI checks besides the tests.
check: .venv/ready-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# What is made of the program itself.
docs: .venv/ready
	$(BIN)/python docs/make_rules.py

.venv/ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

.venv/ready-dev: .venv/ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
