# From a fresh clone with Python ≥ 3.11 and pip, nothing else:
#   make demo    the main job: learned against sinusoidal positions on real text
#   make test    the whole test suite
# Each sets up its own .venv; a second call finds it ready.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PEERS := $(VENV)/.peers

# mteb and what it needs and nothing else does: sentence-transformers imports datasets and pandas wherever it finds them,
# and every command that the tests start would take half a second more.
BESIDE := mteb datasets dill multiprocess pandas polars polars-runtime-32 pyarrow xxhash

.PHONY: demo test lint bench docs linkcheck setup clean

demo: $(READY)
	$(BIN)/posembed compare --encodings learned,sinusoidal --out runs/demo --resume --require-below-bigram 0.2

test: $(READY)
	$(BIN)/python -m pytest -m "not slow" -n auto --dist loadfile --no-loadscope-reorder

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/codespell posembed tests benchmarks docs .github *.md *.cff *.py *.toml Makefile

docs: $(READY)
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

# Needs a network: asks every address that the pages name.
linkcheck: $(READY)
	$(BIN)/python -m sphinx -b linkcheck docs docs/_build/linkcheck

bench: $(PEERS)
	$(BIN)/python -m benchmarks.bench

# What is compared with. flash-attn and Liger come without what they need on a GPU; where they cannot be installed, the
# page says so.
$(PEERS): $(READY)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[bench]'
	FLASH_ATTENTION_SKIP_CUDA_BUILD=TRUE FLASH_ATTENTION_FORCE_BUILD=TRUE \
	  $(BIN)/python -m pip install --quiet --no-deps --no-build-isolation flash-attn \
	  || echo 'flash-attn was not installed: its rows stay empty'
	$(BIN)/python -m pip install --quiet --no-deps liger-kernel || echo 'Liger was not installed: its rows stay empty'
	touch $(PEERS)

setup: $(READY)

# torch comes first and alone, pinned, so that nothing else picks another build of it.
$(READY): pyproject.toml constraints.txt posembed/_version.py
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "posembed needs Python 3.11 or newer; set PYTHON=python3.x")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	rm -rf $(VENV)/beside && $(BIN)/python -m pip install --quiet --constraint constraints.txt --no-deps \
	  --target $(VENV)/beside/mteb $(BESIDE)
	touch $(READY)

clean:
	rm -rf $(VENV) runs
