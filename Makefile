# Everything a newcomer or a machine runs. It needs Python >= 3.11 and make; the rest it fetches itself, pinned by hash.
# VENV=folder puts the environment elsewhere; PYTHON=path chooses the Python that makes it.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup setup-live setup-risk dev demo test test-long nightly bench lint docs pins clean

VENV ?= .venv
VENV_DOCS ?= .venv-docs
VENV_BENCH ?= .venv-bench
PYTEST = $(VENV)/bin/python -m pytest

help: ## say what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/make \1\t\2/' | expand -t 18

setup: $(VENV)/.stamp-core ## make .venv, so that .venv/bin/holdfast runs

setup-live: $(VENV)/.stamp-live ## the same with the extra `live`: the guard at real venues, the simulated world, playbooks (180 MB more)

setup-risk: $(VENV)/.stamp-risk ## the same with the extra `risk`: VaR tails, Heston, GARCH, hedges (600 MB more)

demo: setup-live ## a venue on real sockets, a desk, a storm, and the guard: say where the report is
	@$(VENV)/bin/holdfast demo --out out/demo

test: dev ## run the tests, doctests and house rules
	@echo "==> tests (2 processes; kernels are compiled on the first run, which takes a minute longer)"
	@$(PYTEST) -n 2 -m "not long" tests holdfast

test-long: dev ## run everything, with long fuzzing and whole-day replays
	@echo "==> all tests, long ones included"
	@HOLDFAST_LONG=1 $(PYTEST) -n 2 tests holdfast

nightly: dev ## ten thousand universes: the real node in virtual time, with everything going wrong
	@HOLDFAST_NIGHTLY=1 $(PYTEST) -n 2 tests/lab/universe

bench: dev $(VENV_BENCH)/.stamp ## hold the peers beside us; writes out/bench.jsonl
	@$(VENV)/bin/python -m benchmarks --peers $(VENV_BENCH)/bin/python --out out/bench.jsonl

lint: dev ## ruff, basedpyright strict, import-linter
	@echo "==> ruff check" && $(VENV)/bin/ruff check .
	@echo "==> ruff format" && $(VENV)/bin/ruff format --check .
	@echo "==> basedpyright (strict)" && $(VENV)/bin/basedpyright --pythonpath $(VENV)/bin/python
	@echo "==> import-linter (layers, pure core)" && $(VENV)/bin/lint-imports

docs: $(VENV_DOCS)/.stamp ## build the documentation into site/
	@NO_MKDOCS_2_WARNING=1 $(VENV_DOCS)/bin/python -m mkdocs build --strict
	@echo "==> site/index.html"

pins: ## write requirements/*.txt anew, keeping what still fits (scripts/pin --upgrade takes the newest)
	@scripts/pin

clean: ## remove environments and outputs
	rm -rf $(VENV) $(VENV_DOCS) $(VENV_BENCH) out site

dev: $(VENV)/.stamp-dev

$(VENV)/.stamp-core: requirements/core.txt pyproject.toml scripts/make_env
	@scripts/make_env $(VENV) requirements/core.txt
	@echo "==> $(VENV): holdfast itself, from this folder"
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-index --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.stamp-live: $(VENV)/.stamp-core requirements/live.txt
	@scripts/make_env $(VENV) requirements/live.txt
	@touch $@

$(VENV)/.stamp-risk: $(VENV)/.stamp-core requirements/risk.txt
	@scripts/make_env $(VENV) requirements/risk.txt
	@touch $@

$(VENV)/.stamp-dev: $(VENV)/.stamp-core requirements/dev.txt
	@scripts/make_env $(VENV) requirements/dev.txt
	@touch $@

$(VENV_DOCS)/.stamp: requirements/docs.txt scripts/make_env
	@scripts/make_env $(VENV_DOCS) requirements/docs.txt
	@touch $@

$(VENV_BENCH)/.stamp: requirements/bench.txt scripts/make_env
	@scripts/make_env $(VENV_BENCH) requirements/bench.txt
	@touch $@
