.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
# More arguments for pip, such as an index that serves PyTorch without CUDA.
PIP_ARGS ?=
BIN := .venv/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --no-compile
# Three processes keep two cores busy, because many tests wait for other processes. Files run in the order that
# tests/conftest.py gives them.
PYTEST := $(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder
# Processes of one thread each that a full benchmark runs at once.
JOBS ?= 1
# SIGKILLs of one process each that `make chaos` gives a campaign.
KILLS ?= 20

# What single examples need besides, so that the checks run those, too.
OF_EXAMPLES := $(wildcard examples/*/requirements.txt)

# Without bytecode files each of the many processes of the tests would compile every module again.
unexport PYTHONDONTWRITEBYTECODE

# Beside .venv, because it needs an older pymdown-extensions than the one that builds docs/.
MARIMO := marimo==0.25.2 docutils==0.23 itsdangerous==2.2.0 loro==1.17.1 msgspec==0.23.0 pymdown-extensions==11.0.2 \
  python-multipart==0.0.34 tomlkit==0.15.2

.PHONY: help setup demo s3 stack faults chaos chaos-optuna chaos-slurm marimo nights one-night page-pictures test test-most test-fast docs words check structure format bench-quality bench-quality-full bench-speed bench-speed-full bench-storage bench-flow clean

help: ## Show what can be made
	@grep -hE '^[a-z0-9-]+%?:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-19s %s\n", $$1, $$2}'

.venv/installed: constraints.txt pyproject.toml $(OF_EXAMPLES)
	@command -v $(PYTHON) >/dev/null || { echo "make: Python 3.11 or newer is needed, found no '$(PYTHON)'; name yours with PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make: Python 3.11 or newer is needed, found $$($(PYTHON) -V); name another with PYTHON=..."; exit 1; }
	$(PYTHON) -m venv .venv
	$(PIP) -c constraints.txt $(PIP_ARGS) "torch==2.13.0"
	@# `compat` puts the folder on sys.path. Found in another way, our `storage` loses to the folder of that name in which Dask's workers start.
	$(PIP) -c constraints.txt $(PIP_ARGS) --config-settings editable_mode=compat -e '.[dev,examples]'
	@# It carries axe-core, which looks for barriers on pages; playwright, which it needs for all else, is not used.
	$(PIP) --no-deps -c constraints.txt $(PIP_ARGS) axe-playwright-python
	$(PIP) --no-deps $(PIP_ARGS) $(OF_EXAMPLES:%=-r %)
	@# pip would compile with one process. A few packages hold files for other versions of Python, which do not compile.
	$(BIN)/python -m compileall -qq -j 0 -x /tests/ .venv/lib || true
	@touch $@

setup: .venv/installed ## Create .venv and install the pinned versions

demo: setup ## Tune a classifier with 2 workers and write a report (about 2 minutes)
	$(BIN)/overnight run examples/classifier/campaign.yaml

example-%: setup ## Install what an example of examples/ needs besides, and run it, e.g. make example-storage_sqlite
	@test -f examples/$*/campaign.yaml || { echo "make: expected a folder of examples/, found no '$*'"; exit 1; }
	@test ! -f examples/$*/requirements.txt || $(BIN)/pip install --quiet --disable-pip-version-check --no-deps $(PIP_ARGS) -r examples/$*/requirements.txt
	$(BIN)/overnight run examples/$*/campaign.yaml

page-pictures: setup ## Write a picture of every view of the dashboard into pictures/, to look at (half an hour, needs Chromium)
	PYTHONPATH=.:tests/support $(BIN)/python infra/page_pictures.py pictures

report-%: example-% ## Run an example and keep its report, e.g. make report-storage_sqlite
	$(BIN)/overnight report examples/$*/campaign.yaml --output docs/reports/$*.html
	@# No path of this machine.
	sed -i 's#$(CURDIR)/##g' docs/reports/$*.html

s3: setup ## Start a real S3 server on this machine, to try `ledger: s3://...` with, until Ctrl-C
	$(BIN)/python tests/support/s3_server.py

stack: setup ## Start PostgreSQL, Prefect on it, an S3 server, workers and Dask on this machine, until Ctrl-C
	PYTHONPATH=.:tests/support $(BIN)/python infra/stack.py

nights: setup ## Let a Prefect server run two campaigns over two nights in accelerated time (a quarter of an hour, needs cc)
	PYTHONPATH=.:tests/support $(BIN)/python tests/nights/nights.py

one-night: setup ## Tune an amplifier in two scheduled nights, kill everything in the first one, and write docs/one-night.md (a quarter of an hour; needs PostgreSQL, cc, Chromium and what examples/hardware_opamp needs)
	PYTHONPATH=.:tests/support $(BIN)/python tests/one_night/one_night.py

test: setup ## Run all tests
	$(PYTEST)

test-most: setup ## Run all tests but those that take up to a minute each (marker: long), quick files first
	$(PYTEST) -m "not long"

test-fast: setup ## Run the tests that are quick and start no server (under 2 minutes; markers: slow, server)
	$(BIN)/pytest -n 3 --dist worksteal -m "not slow and not server"

faults: setup ## Kill writers, stores, networks and disks, damage files, and write docs/proofs/reliability.md (minutes)
	PYTHONPATH=.:tests/support $(BIN)/python tests/storage/faults.py

chaos: setup ## Kill, stop and hurt running campaigns at random, and add what was lost to docs/proofs/reliability.md (a quarter of an hour)
	PYTHONPATH=.:tests/support $(BIN)/python tests/chaos/chaos.py --kills $(KILLS)
	PYTHONPATH=.:tests/support $(BIN)/python tests/chaos/troubles.py

chaos-optuna: setup ## Kill workers of an Optuna study on a directory and on a bucket 50 times each (some minutes)
	PYTHONPATH=.:tests/support $(BIN)/python tests/flows/optuna_studies/killed_workers.py --kills 50

chaos-slurm: setup ## Kill the controller of a campaign on Slurm and Slurm's own at random (some minutes, needs Debian's slurm-wlm and munge)
	PYTHONPATH=.:tests/support $(BIN)/python tests/chaos/slurm_kills.py --kills 50

marimo: setup ## Run a notebook in marimo, which is installed into build/marimo (150 MB)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --upgrade --target build/marimo $(PIP_ARGS) $(MARIMO)
	PYTHONPATH=$(CURDIR):$(CURDIR)/tests/support:$(CURDIR)/build/marimo $(BIN)/python tests/end_to_end/in_marimo.py

docs: setup ## Build the documentation into build/docs, and check its links
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

words: setup ## Count un-English idioms in comments, docstrings and docs, against the ceilings of pyproject.toml
	$(BIN)/python tests/infra/idioms.py

check: setup ## Check format, lint, types, layers, docs, and all tests that are not marked as long
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	@# Many tests wait for other processes, which leaves time for the other checks.
	@$(MAKE) --no-print-directory -j2 structure test-most

structure: setup ## Check layers, the documentation's links and types
	$(BIN)/lint-imports
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	$(BIN)/pyright

format: setup ## Format the code and mend what the linter can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench-quality: setup ## Measure what campaigns find in five cells, then show all stored results (minutes)
	$(BIN)/python -m benchmarks.quality run --contestants overnight sobol --seeds 0-2 --cells \
	  branin-moderate hartmann6-moderate hartmann6-dominating hartmann6-failures branin-20-trials
	$(BIN)/python -m benchmarks.quality table

bench-quality-full: setup ## Run every campaign of the quality benchmark that is not stored yet (many hours)
	$(BIN)/python -m benchmarks.quality run --contestants all --cells all --seeds 0-9 --jobs $(JOBS)
	$(BIN)/python -m benchmarks.quality table
	$(BIN)/python -m benchmarks.quality plot

bench-speed: setup ## Measure a part of the speed grid, and asks about limits, fronts and spaces, beside peers (tens of minutes)
	$(BIN)/python -m benchmarks.peers.install botorch ax optuna-gp botorch-rust
	$(BIN)/python -m benchmarks.speed run --peers botorch botorch-rust --n 25 100 300 --pending 8 --seeds 0-1
	$(BIN)/python -m benchmarks.speed goals
	$(BIN)/python -m benchmarks.speed table

bench-speed-full: setup ## Measure the whole speed grid beside all peers (many hours; goes on where it was stopped)
	$(BIN)/python -m benchmarks.peers.install botorch ax optuna-gp botorch-rust
	$(BIN)/python -m benchmarks.speed run
	$(BIN)/python -m benchmarks.speed goals
	$(BIN)/python -m benchmarks.speed large
	$(BIN)/python -m benchmarks.speed gpu --out benchmarks/results/gpu
	$(BIN)/python -m benchmarks.speed table

bench-storage: setup ## Measure a ledger on a directory and on an S3 server beside Delta Lake and Optuna's journal (minutes)
	$(BIN)/python -m benchmarks.peers.install delta optuna-journal
	$(BIN)/python -m benchmarks.storage

bench-flow: setup ## Measure how busy workers are kept and what a trial costs, with Prefect on PostgreSQL (half an hour, idle machine)
	PYTHONPATH=.:tests/support $(BIN)/python -m benchmarks.flow

clean: ## Remove .venv and what tools left behind
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis build *.egg-info
