# make demo   two methods against supervised training on the built-in data
# make docs   the documentation site, in docs/_build/html
# make linkcheck   whether the addresses in the documentation answer
# make lint   style, import layers, types, docstrings, generated configs, docs
# make test   the whole test suite
#
# Each first sets up a virtual environment in .venv with the packages of
# requirements/pinned.txt, again whenever that list changes. PYTHON is the
# interpreter to use. pip's settings (PIP_INDEX_URL, ...) select the package
# index, and so whether torch is a CPU or a CUDA build.
# Each part of `make lint` is a target, too.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo docs linkcheck lint test style table layers types docstrings

demo: $(STAMP)
	$(BIN)/python tools/demo.py

docs: $(STAMP)
	$(BIN)/sphinx-build -q -W --keep-going docs docs/_build/html
	@echo "docs/_build/html/index.html"

linkcheck: $(STAMP)
	$(BIN)/sphinx-build -q -b linkcheck docs docs/_build/linkcheck

lint: style table layers types docstrings docs

style: $(STAMP)
	$(BIN)/ruff check
	$(BIN)/ruff format --check

table: $(STAMP)
	$(BIN)/python tools/dev/write_configs.py --check
	$(BIN)/python tools/dev/write_results.py --check

layers: $(STAMP)
	$(BIN)/lint-imports --no-logo

types: $(STAMP)
	$(BIN)/mypy

docstrings: $(STAMP)
	$(BIN)/interrogate mmsemi benchmarks tools

test: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q --durations=10 \
	    -n auto --maxprocesses 4 --dist loadfile

$(STAMP): requirements/pinned.txt setup.py pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and \
	"mmsemi needs Python 3.10 or newer, and $(PYTHON) is %s: name another, " \
	"as in `make PYTHON=python3.12`" % sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -r requirements/pinned.txt
	$(BIN)/python -m pip install --no-deps --no-build-isolation -e .
	touch $@
