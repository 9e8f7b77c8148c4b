# Everything one does with this repository. GNU make 3.81, as macOS has it, is enough.
# Each command works in .venv, which is set up when it is missing or the locks have changed.

python := .venv/bin/python
ready := .venv/ready
pytest := $(python) -m pytest
# Three for two cores, as tests wait now and then, for a browser or a process; each takes 3 GB.
workers ?= 3
# Each file runs in one worker. conftest.py puts slow files first: they are left in that order.
spread := --dist loadfile --no-loadscope-reorder -n
# All notebooks, or with n=03 the one of that number; not what `make update` kept of the reader's.
numbered := $(sort $(wildcard notebooks/$(or $(n),*)_*.ipynb))
books := $(foreach book,$(numbered),$(if $(findstring _mine,$(book)),,$(book)))
books := $(or $(strip $(books)),notebooks/$(n)_*.ipynb)
# Kernels do not wait: a worker for each core. With n=03 two comparisons run side by side, with one
# worker each.
nbval := -m pytest --nbval --nbval-sanitize-with tests/nbval_sanitize.cfg $(books) \
  $(spread) $(if $(n),1,2)
compile := $(python) -m uv pip compile pyproject.toml --quiet --universal --python-version 3.11 \
  --generate-hashes --no-header --no-annotate
# Bytecode is kept, in images that tell Python not to as well: a process that finds none compiles a
# thousand modules before it begins, and the tests start hundreds.
unexport PYTHONDONTWRITEBYTECODE
# What others made, to be timed beside the course, has a place of its own.
peers := .venv-bench

# A checkout that was moved, or whose Python has gone, has no use for the .venv it has.
ifneq ($(shell [ -x $(python) ] && cat $(ready) 2>/dev/null),$(shell pwd -P))
.PHONY: $(ready)
endif
ifeq ($(wildcard $(peers)/bin/python),)
.PHONY: $(peers)/ready
endif

.PHONY: help lab update test unit check compare portable lint format notebooks bench bench-scale \
  test-device lock clean
.DEFAULT_GOAL := help

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' Makefile

lab: $(ready) ## open the course in JupyterLab (make lab args="--no-browser --port 8890")
	@.venv/bin/course lab $(args)

update: ## take the newest version; your own notebooks stay beside the new ones
	@$(if $(wildcard $(python)),$(python),python3) tools/update.py

# Two at a time, since each leaves a core idle now and then.
test: $(ready) ## run every check there is
	@$(MAKE) --no-print-directory -j 2 lint all-tests
	@$(MAKE) --no-print-directory -j 2 compare portable

.PHONY: all-tests
all-tests: $(ready)
	$(pytest) $(spread) $(workers)

unit: $(ready) ## run the quick tests (make unit args="tests/maths -k entropy")
	$(pytest) $(spread) $(workers) -m "not slow" $(args)

check: $(ready) ## everything about one notebook and the modules it uses (make check n=03)
	@test -n "$(n)" || { echo "Which notebook? make check n=03" >&2; exit 2; }
	@$(MAKE) --no-print-directory lint
	$(pytest) $(spread) $(workers) --notebook $(n)
	@$(MAKE) --no-print-directory -j 2 compare portable

compare: $(ready) ## run the notebooks offline, compare what comes out with what is stored (n=03)
	$(python) tools/offline.py $(python) $(nbval)

portable: $(ready) ## compare again as an old processor with one core would compute (n=03)
	tools/as-old-processor $(python) $(nbval)

lint: $(ready) ## check style, types and the direction of imports
	$(python) -m ruff check .
	$(python) -m ruff format --check .
	$(python) -m mypy
	.venv/bin/lint-imports

format: $(ready) ## put the code into the course's style
	$(python) -m ruff check --fix .
	$(python) -m ruff format .

notebooks: $(ready) ## run the notebooks afresh and store their outputs (n=03)
	$(python) tools/notebooks.py $(books)

# PyTorch is not in the lock: which of its wheels fits depends on the machine. `torch` is given to
# pip: make bench torch="torch==2.13.0", with the options that pytorch.org names for the processor.
bench: $(peers)/ready ## time the course beside other libraries (with PyTorch: make bench torch=torch)
	$(if $(torch),$(python) -m pip --python $(peers)/bin/python install --quiet $(torch))
	$(peers)/bin/python -m benchmarks $(args)

bench-scale: $(peers)/ready ## time training on several simulated devices and in two processes
	$(peers)/bin/python -m benchmarks --scale $(args)

# The accelerator's own packages are in no lock: name the extra of the course that brings them, once.
# The tests compare products with NumPy's, so there they are worked out with all digits of float32.
test-device: $(peers)/ready ## test the core on the accelerator and time it (accelerator=cuda13 torch=torch)
	$(if $(accelerator),tools/accelerator $(accelerator))
	$(if $(torch),$(python) -m pip --python $(peers)/bin/python install --quiet $(torch))
	COURSE_DEVICE=1 JAX_DEFAULT_MATMUL_PRECISION=highest $(pytest) tests/maths tests/models tests/training $(args)
	$(peers)/bin/python -m benchmarks --only digits-64 --only digits-512 --only digits-4096 \
	  --output benchmarks/results/device-$(shell date +%Y-%m-%d).json $(bench)

lock: $(ready) ## renew the locks after a change of pyproject.toml (make lock args=--upgrade)
	$(compile) $(args) --output-file requirements.txt
	$(compile) $(args) --group test --constraint requirements.txt --output-file requirements-test.txt
	$(compile) $(args) --group benchmarks --constraint requirements-test.txt \
	  --output-file requirements-bench.txt
	$(python) tools/environment.py

clean: ## remove .venv and what the tools left behind
	rm -rf .venv $(peers) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	find benchmarks course tests tools notebooks -name __pycache__ -prune -exec rm -rf {} +

$(ready): requirements-test.txt pyproject.toml tools/setup $(wildcard settings/etc/jupyter/*.* settings/etc/jupyter/*/*)
	@tools/setup

$(peers)/ready: requirements-bench.txt | $(ready)
	$(python) -m uv venv --quiet --clear --python $(python) $(peers)
	$(python) -m uv pip sync --quiet --python $(peers)/bin/python --require-hashes $<
	@touch $@
