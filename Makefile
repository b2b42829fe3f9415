# Each target sets up what it needs, so that any of them is the only command a newcomer has to type.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: setup demo test test-fast gpu-test gpu-bench fuzz sbom lint docs models models-fast abinitio browser clean

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,docs]'
	touch $@

demo: setup
	$(BIN)/dielectra predict examples/MgO.cif examples/GaAs.cif --plot demo/predicted.png --csv demo/csv
	$(BIN)/dielectra data info ladder --plot demo/data.png --json > demo/data.json
	$(BIN)/dielectra reproduce learning-curve --quick --strategies paper-climb,direct,climb,joint \
	  -o demo/learning-curve --models demo/models
	$(BIN)/dielectra reproduce spectra --quick -o demo/spectra --models demo/models
	@echo "Figures: demo/predicted.png demo/data.png demo/spectra/figure.png demo/learning-curve/figure.png"

# GPAW is built from source: it needs Debian's headers, and root to install them. Quantum ESPRESSO is a package.
ABINITIO_PACKAGES := libxc-dev libopenblas-dev libfftw3-dev libopenmpi-dev openmpi-bin quantum-espresso quantum-espresso-data

abinitio: setup
	dpkg --status $(ABINITIO_PACKAGES) >/dev/null 2>&1 || { apt-get update \
	  && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends $(ABINITIO_PACKAGES); }
	GPAW_CONFIG=$(CURDIR)/.ci/gpaw_siteconfig.py $(BIN)/python -m pip install --quiet --constraint constraints.txt \
	  --editable '.[abinitio]'

# The tests of the page drive Debian's Chromium: root is needed to install it.
browser:
	command -v chromium >/dev/null || { apt-get update \
	  && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends chromium; }

# One thread a process: two processes then keep two cores busy and no more.
export OMP_NUM_THREADS ?= 1

test: setup
	$(BIN)/python -m pytest -n 2

test-fast: setup
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow"

# Both say so, and end well, where there is no CUDA device. torch for CUDA: pip install torch from PyTorch's own index.
gpu-test: setup
	$(BIN)/python -m pytest -m gpu tests/test_gpu.py

gpu-bench: setup
	$(BIN)/python benchmarks/gpu.py

# Changed files for every reader; a seed that changes with the day unless SEED is given.
INPUTS ?= 20000
fuzz: setup
	cd tests && ../$(BIN)/python fuzzing.py --inputs $(INPUTS) $(if $(SEED),--seed $(SEED))

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: setup
	$(BIN)/sphinx-build --fail-on-warning --quiet docs docs/_build/html

# The default model, trained anew on all of both ladders: members by the training split; bands, domain and metals by the
# validation split; the card's scores by the test split. About ten CPU minutes; a killed run goes on.
models: setup
	rm -rf runs/ladders
	$(BIN)/dielectra data join ladder-2 ladder-2-coarse ladder lrc:lrc -o runs/ladders
	$(BIN)/dielectra train runs/ladders --level ipa,rpa,lrc --recipe ensemble \
	  --set scalars=scalars --set network.gap_weight=0.2 --set highest_share=0 -o runs/ladder-ensemble
	cd runs && cp --parents ladder-ensemble/*.json ladder-ensemble/*.safetensors ladder-ensemble/member-*/card.json \
	  ladder-ensemble/member-*/model.safetensors ../src/dielectra/models/weights/

# The published network as it ships (fast): golden tests compare with what it predicts.
models-fast: setup
	$(BIN)/dielectra train ladder --level ipa --recipe pretrain -o runs/ladder-ipa
	$(BIN)/dielectra climb ladder --to rpa --from runs/ladder-ipa --set hold_out=0 -o runs/ladder-rpa
	cd runs && cp --parents ladder-ipa/card.json ladder-ipa/model.safetensors ladder-rpa/card.json \
	  ladder-rpa/model.safetensors ../src/dielectra/models/weights/

# What is installed, as a CycloneDX document; cyclonedx-bom is installed beside, not into, the environment.
sbom: setup
	$(PYTHON) -m venv .venv-sbom
	.venv-sbom/bin/pip install --quiet cyclonedx-bom
	.venv-sbom/bin/cyclonedx-py environment $(BIN)/python --output-file sbom.json

clean:
	rm -rf $(VENV) demo docs/_build
