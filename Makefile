# `make` shows what there is. Everything runs in .venv, which the first target makes from the hash-locked requirements.txt.
PYTHON ?= python3
BIN := .venv/bin
OUT ?= var/sample

.PHONY: help run test check lock bench clean
.DEFAULT_GOAL := help

help: ## What each target does
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' Makefile

# uv comes from the same lock as everything else; a second run finds the stamp newer than the lock and does nothing.
.venv/.ready: requirements.txt pyproject.toml
	@echo "setting up .venv (about a minute the first time)"
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11") if sys.version_info < (3, 11) else 0'
	@$(PYTHON) -m venv .venv
	@awk '/^uv==/ {on = 1} on {print} on && !/\\$$/ {exit}' requirements.txt > .venv/uv.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r .venv/uv.txt
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .
	@touch $@

test: .venv/.ready check ## Linters, types, import rules and every test
	@$(BIN)/pytest -n 2 --dist loadfile tests

check: .venv/.ready ## Linters, types and import rules only
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache | tail -n 3
	@cd dbt_project && ../$(BIN)/sqlfluff lint --config ../pyproject.toml --templater dbt -q models

lock: .venv/.ready ## Compile requirements.in into requirements.txt, with hashes
	@$(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --python-version 3.11 requirements.in -o requirements.txt

clean: ## Remove the environment and everything built
	rm -rf .venv var dbt_project/target dbt_project/logs
