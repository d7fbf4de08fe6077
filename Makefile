# Every target makes the environment it needs. PYTHON chooses the interpreter (3.11 or newer).
PYTHON ?= python3
VENV = .venv
BIN = $(VENV)/bin
INSTALLED = $(VENV)/installed
TESTS ?= tests
WORKERS ?= 2
# Options of pytest, such as OPTIONS='-k facets'
OPTIONS ?=

.PHONY: test lint docs docs-check coverage demo notebook screenshots clean

# iiif-prezi3 asks for an older Pillow, which only its helpers for thumbnails need.
$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade --constraint constraints.txt "pip>=25.1"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --group dev --editable ".[heic,train]"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-deps iiif-prezi3
	touch $(INSTALLED)

test: $(INSTALLED)
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(OPTIONS) $(TESTS)

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/black --check --quiet .
	$(BIN)/codespell
	$(BIN)/mypy

docs: $(INSTALLED)
	$(BIN)/cog -r docs/*.md

docs-check: $(INSTALLED)
	$(BIN)/cog --check docs/*.md

# Line by line: htmlcov/index.html. What runs in a process of its own, such as the decoder of
# uploads, is not counted.
coverage: $(INSTALLED)
	$(BIN)/python -m pytest -n $(WORKERS) --cov=llm_glam --cov=datasette_glam \
	    --cov-report=term --cov-report=html $(TESTS)

# The README's first steps, in a user directory of its own: the default checkpoint of whoever
# runs this stays what it is. SERVE=0 stops before the site.
SERVE ?= 1
# $(call llm,ARGUMENTS) shows the command as one types it, and runs it in .demo.
define llm
	@printf '\n$$ %s\n' "llm $(1)"
	@unset LLM_EMBEDDINGS_DB LLM_GLAM_MODEL; cd .demo && \
	PATH="$(CURDIR)/$(BIN):$$PATH" LLM_USER_PATH="$(CURDIR)/.demo/user" llm $(1)
endef

demo: $(INSTALLED)
	@mkdir -p .demo
	$(call llm,glam demo .)
	$(call llm,glam models default demo)
	$(call llm,embed-multi photos --files photos/ '*.jpg' -m glam-clip)
	$(call llm,similar photos -c raccoon)
	$(call llm,similar photos -c 'blue glass bottle' -n 5)
	$(call llm,similar photos -c 'a broken gold ring' -n 5)
	$(call llm,similar photos -i photos/0032-bronze-coin.jpg -n 5)
	$(call llm,similar photos 0254-terracotta-jug.jpg -n 5)
	$(call llm,glam status photos -t)
ifneq ($(SERVE),0)
	$(call llm,glam serve photos --metadata ../metadata.yml)
endif

# Runs docs/train-your-own.ipynb in a folder of its own, cell by cell; fails where a cell does.
notebook: $(INSTALLED)
	rm -rf .notebook
	mkdir -p .notebook/user
	cp docs/train-your-own.ipynb .notebook/
	unset LLM_EMBEDDINGS_DB LLM_GLAM_MODEL; LLM_USER_PATH="$(CURDIR)/.notebook/user" \
	    $(BIN)/jupyter-execute --timeout=300 --output=done .notebook/train-your-own.ipynb

# The pictures in docs/images, from the demo; needs Chromium.
screenshots: $(INSTALLED)
	$(MAKE) demo SERVE=0
	$(BIN)/python docs/screenshots.py .demo

clean:
	rm -rf $(VENV) .demo .notebook .coverage htmlcov build dist *.egg-info
