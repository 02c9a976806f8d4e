# make demo   the whole pipeline on bundled data, in minutes
# make test   the whole test suite
# make venv   only the environment, .venv
# make clean  removes what these commands made

VENV := .venv
DEMO := demo
BIN := $(VENV)/bin

.PHONY: demo test venv clean

demo: venv
	$(BIN)/python -m tools.run_pipeline --config=configs/pipeline/demo.py \
	    --workdir=$(DEMO)

test: venv
	$(BIN)/ruff check .
	$(BIN)/python -m pytest --numprocesses 2

venv: $(VENV)/.installed

# `python3` may be too old where a newer one lies beside it.
$(VENV)/.installed: requirements.txt constraints.txt
	@for python in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
	    if $$python -c 'import sys; \
	            sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
	            2>/dev/null; then \
	        found=$$python; break; \
	    fi; \
	done; \
	if [ -z "$$found" ]; then \
	    echo "mp_keras needs Python 3.11, 3.12 or 3.13. Found:" \
	        "$$(python3 --version 2>&1). Name another one with" \
	        "make PYTHON=/path/to/python" >&2; \
	    exit 1; \
	fi; \
	echo "Installing into $(VENV) with $$($$found --version)"; \
	$$found -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	    --requirement requirements.txt --constraint constraints.txt
	@touch $@

clean:
	rm -rf $(VENV) $(DEMO) .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
