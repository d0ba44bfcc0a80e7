# make test   the whole test suite
# make demo   RankMatch against its supervised baseline on the built-in data
#
# Both set up a virtual environment in .venv first, with the exact packages of
# requirements/pinned.txt, and again when that list changes. PYTHON names the
# interpreter to build it from; pip's own settings (PIP_INDEX_URL, ...) decide
# where packages come from, so a CPU or CUDA build of torch is their choice.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test

demo: $(STAMP)
	$(BIN)/python tools/demo.py

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
