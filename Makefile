# Everything runs inside $(VENV); nothing is needed beforehand but Python 3.11+ and make.
PYTHON ?= python3
VENV ?= .venv
# The CPU build is enough. Elsewhere than Linux x86-64 the plain name already is one; on Linux see the README for how to avoid the CUDA build.
TORCH ?= torch==2.13.0
TORCH_OPTIONS ?=
BIN := $(VENV)/bin
KNOWHOW := $(BIN)/knowhow

.DEFAULT_GOAL := help
.PHONY: help install demo test test-slow check format docs lock sbom bench clean

help: ## Show what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

install: $(VENV)/.installed ## Set up the virtual environment with everything that demo and tests need

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip uv
	$(BIN)/python -m pip install --quiet $(TORCH_OPTIONS) "$(TORCH)"
	$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode -e '.[dev,train,remote,serve]'
	@touch $@

demo: install ## Run the main job on the bundled example
	@KNOWHOW=$(abspath $(KNOWHOW)) bash examples/demo.sh

test: install ## Run the tests (some minutes on two cores)
	$(BIN)/python -m pytest -m "not slow"

test-slow: install ## Run the long journeys on the real models and the long fault injections
	$(BIN)/python -m pytest -m slow

check: install ## Lint, types, import rules, budgets
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest tests/architecture

format: install ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: install ## Rebuild the generated reference
	$(BIN)/python docs/build_reference.py
	$(BIN)/python docs/build_tree.py

lock: install ## Pin every dependency of a plain installation and of the server, with its digests
	$(BIN)/uv pip compile --quiet pyproject.toml --extra serve --generate-hashes --python-version 3.11 --universal --no-annotate --custom-compile-command "make lock" --output-file requirements.lock

sbom: install ## Write the list of what an installation is made of (CycloneDX JSON) from the pinned dependencies
	mkdir -p dist
	$(BIN)/cyclonedx-py requirements requirements.lock --pyproject pyproject.toml --output-reproducible --output-format JSON --output-file dist/sbom.json

clean: ## Remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
