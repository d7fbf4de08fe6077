# Every target makes the environment it needs. PYTHON chooses the interpreter (3.11 or newer).
PYTHON ?= python3
VENV = .venv
BIN = $(VENV)/bin
INSTALLED = $(VENV)/installed
TESTS ?= tests
WORKERS ?= 2

.PHONY: test lint docs docs-check demo clean

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade --constraint constraints.txt "pip>=25.1"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --group dev --editable ".[heic]"
	touch $(INSTALLED)

test: $(INSTALLED)
	$(BIN)/python -m pytest -n $(WORKERS) $(TESTS)

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/black --check --quiet .
	$(BIN)/mypy

docs: $(INSTALLED)
	$(BIN)/cog -r docs/*.md

docs-check: $(INSTALLED)
	$(BIN)/cog --check docs/*.md

demo: $(INSTALLED)
	$(BIN)/python -m tests.demo .demo

clean:
	rm -rf $(VENV) .demo build dist *.egg-info
