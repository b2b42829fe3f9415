# Each target sets up what it needs, so that any of them is the only command a newcomer has to type.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: setup demo test lint docs abinitio browser clean

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,docs]'
	touch $@

demo: setup
	$(BIN)/dielectra predict examples/MgO.cif examples/GaAs.cif --plot demo/predicted.png --csv demo/csv
	$(BIN)/dielectra data info ladder --plot demo/data.png --json > demo/data.json
	$(BIN)/dielectra reproduce spectra -o demo/spectra
	$(BIN)/dielectra reproduce learning-curve --quick -o demo/learning-curve
	@echo "Figures: demo/predicted.png demo/data.png demo/spectra/figure.png demo/learning-curve/figure.png"

# GPAW is built from source: it needs Debian's headers, and root to install them.
abinitio: setup
	dpkg --status libxc-dev libopenblas-dev libfftw3-dev libopenmpi-dev openmpi-bin >/dev/null 2>&1 || { apt-get update \
	  && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
	  libxc-dev libopenblas-dev libfftw3-dev libopenmpi-dev openmpi-bin; }
	GPAW_CONFIG=$(CURDIR)/.ci/gpaw_siteconfig.py $(BIN)/python -m pip install --quiet --constraint constraints.txt \
	  --editable '.[abinitio]'

# The tests of the page drive Debian's Chromium: root is needed to install it.
browser:
	command -v chromium >/dev/null || { apt-get update \
	  && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends chromium; }

test: setup
	$(BIN)/python -m pytest

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: setup
	$(BIN)/sphinx-build --fail-on-warning --quiet docs docs/_build/html

clean:
	rm -rf $(VENV) demo docs/_build
