# Everything one does with this repository. GNU make 3.81, as macOS has it, is enough.
# Each command works in .venv, which is set up when it is missing or the locks have changed.

python := .venv/bin/python
ready := .venv/ready
pytest := $(python) -m pytest
nbval := $(pytest) --nbval --nbval-sanitize-with tests/nbval_sanitize.cfg notebooks
compile := $(python) -m uv pip compile pyproject.toml --quiet --universal --python-version 3.11 \
  --generate-hashes --no-header --no-annotate
workers ?= 2

# A checkout that was moved, or whose Python has gone, has no use for the .venv it has.
ifneq ($(shell [ -x $(python) ] && cat $(ready) 2>/dev/null),$(shell pwd -P))
.PHONY: $(ready)
endif

.PHONY: help lab test unit compare portable lint format notebooks lock clean
.DEFAULT_GOAL := help

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

lab: $(ready) ## open the course in JupyterLab (make lab args="--no-browser --port 8890")
	@.venv/bin/course lab $(args)

test: $(ready) ## run every check there is
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory unit
	@$(MAKE) --no-print-directory compare
	@$(MAKE) --no-print-directory portable

unit: $(ready) ## run the tests and the examples in the docstrings
	$(pytest) -n $(workers) --dist loadfile $(args)

compare: $(ready) ## run the notebooks and compare each output with the stored one
	$(nbval) -n $(workers) --dist loadfile

portable: $(ready) ## compare again as an old processor with one core would compute
	tools/as-old-processor $(nbval)

lint: $(ready) ## check style, types and the direction of imports
	$(python) -m ruff check .
	$(python) -m ruff format --check .
	$(python) -m mypy
	.venv/bin/lint-imports

format: $(ready) ## put the code into the course's style
	$(python) -m ruff check --fix .
	$(python) -m ruff format .

notebooks: $(ready) ## run all notebooks afresh and store their outputs
	$(python) tools/notebooks.py notebooks/*.ipynb

lock: $(ready) ## renew the locks after a change of pyproject.toml (make lock args=--upgrade)
	$(compile) $(args) --output-file requirements.txt
	$(compile) $(args) --group test --constraint requirements.txt --output-file requirements-test.txt
	$(python) tools/environment.py

clean: ## remove .venv and what the tools left behind
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	find course tests tools notebooks -name __pycache__ -prune -exec rm -rf {} +

$(ready): requirements-test.txt pyproject.toml tools/setup
	@tools/setup
