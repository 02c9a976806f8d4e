# make demo         the whole pipeline on bundled data, in minutes
# make test         make check, then the test suite
# make check        style, types, requirements, licences; no network
# make test-long    whole pipelines, every experiment, the notebook
# make test-workers meta-training by several processes
# make test-crash   every kind of run killed at every write, and resumed
# make test-speed   ratios of times against their limits
# make test-tfa     φ in tf.keras 2.15 under TensorFlow Addons, in .venv-tfa
# make test-jax     layers, networks, training on JAX, in .venv-jax
# make test-torch   the same on PyTorch, in .venv-torch
# make test-beam    ExampleGen on Apache Beam, in .venv-beam
# make test-hub     KerasHub's backbones, KerasTuner, in .venv-hub
# make docs         the site of docs/ and the docstrings, in build/site
# make venv         only the environment, .venv
# make clean        removes what these commands made

VENV := .venv
DEMO := demo
BIN := $(VENV)/bin
TFA_VENV := .venv-tfa
JAX_VENV := .venv-jax
TORCH_VENV := .venv-torch
BEAM_VENV := .venv-beam
DOCS_VENV := .venv-docs
HUB_VENV := .venv-hub
TFA_EXPORT := build/tfa

# As the binaries do (tools/binary.py): quicker convolutions on older CPUs.
export TF_ENABLE_ONEDNN_OPTS ?= 1

.PHONY: demo check test test-long test-workers test-crash test-speed test-tfa \
    test-jax test-torch test-beam test-hub docs venv clean

demo: venv
	$(BIN)/python -m tools.run_pipeline --config=configs/pipeline/demo.py \
	    --workdir=$(DEMO)

# Style, types, requirements and their licences; needs no network.
check: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/deptry configs mp_keras pipeline tools
	$(BIN)/python -m pip --disable-pip-version-check check
	$(BIN)/pip-licenses
	$(BIN)/python -m pytest --quiet tests/requirements_test.py

test: check
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal \
	    --durations 15

test-long: venv
	$(BIN)/python -m pytest -m long --numprocesses 2 --dist worksteal \
	    --durations 15

test-workers: venv
	$(BIN)/python -m pytest -m workers

test-crash: venv
	$(BIN)/python -m pytest tests/crash -m crash --numprocesses 2 \
	    --dist load --maxschedchunk 1 --durations 0

test-speed: venv
	$(BIN)/python -m tools.benchmark --output=build/benchmark.json \
	    --config=configs/benchmark/default.py:check

test-tfa: venv $(TFA_VENV)/.installed
	$(BIN)/python -m tests.environments.export_for_tfa $(TFA_EXPORT)
	$(TFA_VENV)/bin/python -m pytest tests/environments/tfa \
	    --artifacts=$(TFA_EXPORT)

# What is tested on JAX and PyTorch as well: quick, and no TensorFlow in it.
ANY_BACKEND := tests/environments/backends tests/optimizers_test.py \
    $(patsubst %,tests/perturbation/%_test.py,function layer layer_numbers \
    annealing placement position_search) tests/graphs/model_copy_test.py \
    $(patsubst %,tests/networks/%_test.py,vgg zero_pad_shortcut) \
    $(patsubst %,tests/baselines/%_test.py,drop_block fine_tuning mixup) \
    $(patsubst %,tests/evaluation/%_test.py,calibration metrics reliability)

test-jax: $(JAX_VENV)/.installed
	KERAS_BACKEND=jax $(JAX_VENV)/bin/python -m pytest --numprocesses 2 \
	    --dist worksteal $(ANY_BACKEND) -m 'not crash and not workers'

test-torch: $(TORCH_VENV)/.installed
	KERAS_BACKEND=torch $(TORCH_VENV)/bin/python -m pytest --numprocesses 2 \
	    --dist worksteal $(ANY_BACKEND)

test-beam: $(BEAM_VENV)/.installed
	$(BEAM_VENV)/bin/python -m pytest tests/environments/beam

test-hub: $(HUB_VENV)/.installed
	$(HUB_VENV)/bin/python -m pytest tests/environments/hub

# The API's pages come from the sources, which are read and not imported.
docs: $(DOCS_VENV)/.installed
	PYTHONPATH=. NO_MKDOCS_2_WARNING=1 $(DOCS_VENV)/bin/mkdocs build --quiet

venv: $(VENV)/.installed

MAIN_PYTHON := mp_keras needs Python 3.11, 3.12 or 3.13
TFA_PYTHON := TensorFlow Addons needs Python 3.11

# $(call environment,NEWEST,NEED) makes the target's virtual environment with
# Python 3.11 to 3.NEWEST, or says NEED. The target's first prerequisite names
# the requirements, the second the versions of everything.
# `python3` may be too old, or too new, where another one lies beside it.
define environment
	@for python in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
	    if $$python -c 'import sys; \
	            sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, $(1)))' \
	            2>/dev/null; then \
	        found=$$python; break; \
	    fi; \
	done; \
	if [ -z "$$found" ]; then \
	    echo "$(2). Found:" \
	        "$$(python3 --version 2>&1). Name another one with" \
	        "make PYTHON=/path/to/python" >&2; \
	    exit 1; \
	fi; \
	echo "Installing into $(@D) with $$($$found --version)"; \
	$$found -m venv --clear $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check \
	    --requirement $< --constraint $(word 2,$^)
	@touch $@
endef

$(VENV)/.installed: requirements.txt constraints.txt
	$(call environment,13,$(MAIN_PYTHON))

$(TFA_VENV)/.installed: requirements/tfa.txt requirements/tfa-constraints.txt
	$(call environment,11,$(TFA_PYTHON))

$(JAX_VENV)/.installed: requirements/jax.txt requirements/jax-constraints.txt
	$(call environment,13,$(MAIN_PYTHON))

$(TORCH_VENV)/.installed: requirements/torch.txt \
    requirements/torch-constraints.txt
	$(call environment,13,$(MAIN_PYTHON))

$(BEAM_VENV)/.installed: requirements/beam.txt requirements/beam-constraints.txt
	$(call environment,13,$(MAIN_PYTHON))

$(DOCS_VENV)/.installed: requirements/docs.txt requirements/docs-constraints.txt
	$(call environment,13,$(MAIN_PYTHON))

$(HUB_VENV)/.installed: requirements/hub.txt requirements/hub-constraints.txt
	$(call environment,13,$(MAIN_PYTHON))

clean:
	rm -rf $(VENV) $(TFA_VENV) $(JAX_VENV) $(TORCH_VENV) $(BEAM_VENV) \
	    $(DOCS_VENV) $(HUB_VENV)
	rm -rf $(DEMO) build .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
