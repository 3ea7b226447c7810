# `make` shows what there is. Everything runs in .venv, which the first target makes from the hash-locked requirements.txt.
PYTHON ?= python3
BIN := .venv/bin
OUT ?= var/sample
DBT_PROJECT ?= dbt_project
YAML_READ ?= $(CURDIR)/var/check-yaml

.PHONY: help run dbt nightly night ui test long accept docs focus metrics hostile alerts crash check check-python check-sql check-yaml lock azurite emitters findings bench screenshot clean
.DEFAULT_GOAL := help

help: ## What each target does
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' Makefile

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

# What stands in for BigQuery on this machine; its packages do not go with ours.
.venv-bigquery/.ready: tests/warehouses/emulator/requirements.txt | .venv/.ready
	@echo "setting up .venv-bigquery, the emulator's own environment"
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv-bigquery
	@$(BIN)/uv pip sync --quiet --python .venv-bigquery/bin/python --require-hashes tests/warehouses/emulator/requirements.txt
	@touch $@

# The services of examples/instrumented_app need OpenTelemetry and nothing of ours.
.venv-example/.ready: examples/instrumented_app/requirements.txt | .venv/.ready
	@echo "setting up .venv-example, the environment of the instrumented services"
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv-example
	@$(BIN)/uv pip sync --quiet --python .venv-example/bin/python --require-hashes examples/instrumented_app/requirements.txt
	@touch $@

# Stands in for Azure's storage; a program of Node.js, so tests that want it are skipped where there is none.
AZURITE := 3.37.0
azurite: .venv/.ready ## Get Azure's storage emulator for the tests that want it (Node.js and npm)
	@npm install --silent --no-save --no-audit --no-fund --prefix .venv/azurite azurite@$(AZURITE)

# The FOCUS validator wants Python 3.12 and another pyarrow than ours.
FOCUS_PYTHON ?= python3.12
.venv-focus/.ready: tests/focus/requirements.txt | .venv/.ready
	@echo "setting up .venv-focus, the FOCUS validator's own environment"
	@$(BIN)/uv venv --quiet --clear --python $(FOCUS_PYTHON) .venv-focus
	@$(BIN)/uv pip sync --quiet --python .venv-focus/bin/python --require-hashes tests/focus/requirements.txt
	@touch $@

# Airflow's own state; it is made once and kept.
AIRFLOW := AIRFLOW_HOME=$(CURDIR)/var/airflow AIRFLOW__CORE__DAGS_FOLDER=$(CURDIR)/dags AIRFLOW__CORE__LOAD_EXAMPLES=False \
	AIRFLOW__LOGGING__LOGGING_LEVEL=WARNING PYTHONWARNINGS=ignore
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# dbt and Airflow are thousands of modules, started many times: what is compiled once must be kept, whatever the caller prefers.
unexport PYTHONDONTWRITEBYTECODE

# WAREHOUSE=bigquery does the same on an emulator, which is gone when the command ends.
WAREHOUSE ?= duckdb
BESIDE_duckdb := env
BESIDE_bigquery := $(BIN)/python -m tests.warehouses.emulator.running
READY_bigquery := .venv-bigquery/.ready
AFTER_duckdb := true
AFTER_bigquery := echo "The emulator ends here, and its tables with it. To look around, run all of it in one shell:" && \
	echo "  $(BESIDE_bigquery) sh -c 'make nightly WAREHOUSE=bigquery && sh'"

run: .venv/.ready var/airflow/.ready $(READY_$(WAREHOUSE)) ## Make the sample company, run the nightly DAG over it, show what came out [WAREHOUSE=bigquery]
	@$(BESIDE_$(WAREHOUSE)) $(MAKE) --no-print-directory nightly

dbt: .venv/.ready ## A dbt command over the sample as `make run` left it: make dbt ARGS="build -s int_runs+"
	@reconcile dbt --config $(OUT)/reconcile.yaml $(ARGS)

nightly:
	@reconcile sample --out $(OUT) --warehouse $(WAREHOUSE)
	@echo "running the DAG nightly_reconciliation over the whole range: land every source, build, audit, publish (about a minute)"
	@reconcile serve-sample --out $(OUT) -- $(MAKE) --no-print-directory night
	@reconcile report --config $(OUT)/reconcile.yaml --page $(OUT)/waterfall.html
	@reconcile pack --config $(OUT)/reconcile.yaml --out $(OUT)
	@echo "  open the pack's .html in a browser, its .xlsx in a spreadsheet; dashboard: $(BIN)/reconcile dashboard --config $(OUT)/reconcile.yaml"
	@$(AFTER_$(WAREHOUSE))

# Inside serve-sample: the run, and every few seconds what its tasks log.
night:
	@$(AIRFLOW) AIRFLOW__LOGGING__LOGGING_LEVEL=INFO airflow dags test nightly_reconciliation -c "$$RECONCILE_SAMPLE_RUN" \
		> var/airflow/run.log 2>&1 & run=$$!; said=; \
	while kill -0 $$run 2> /dev/null; do \
		sleep 3; \
		now=$$(sed -n 's/^[^]]*\] \(.*[^ ]\) *\[airflow\.task\].*/  \1/p' var/airflow/run.log | tail -n 1); \
		[ "$$now" = "$$said" ] || echo "$$now"; \
		said=$$now; \
	done; \
	wait $$run || { tail -n 40 var/airflow/run.log; exit 1; }

ui: var/airflow/.ready ## Airflow's own pages over the sample as `make run` left it: http://localhost:8080, user admin
	@test -f $(OUT)/reconcile.yaml || { echo "no sample yet: make run"; exit 1; }
	@echo "http://localhost:8080, user admin, password in var/airflow/simple_auth_manager_passwords.json.generated; interrupt to stop"
	@reconcile serve-sample --out $(OUT) -- env $(AIRFLOW) AIRFLOW__API__HOST=127.0.0.1 airflow standalone > var/airflow/ui.log 2>&1

var/airflow/.ready: .venv/.ready
	@echo "setting up Airflow's own database in var/airflow"
	@mkdir -p var/airflow
	@$(AIRFLOW) airflow db migrate > var/airflow/setup.log 2>&1 && $(AIRFLOW) airflow pools set reconcile_writer 1 "one writer of the finance tables" >> var/airflow/setup.log 2>&1 || { tail -n 40 var/airflow/setup.log; exit 1; }
	@touch $@

test: .venv/.ready .venv-bigquery/.ready .venv-example/.ready check ## Linters, types, import rules and every test
	@$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder tests

accept: .venv/.ready ## Accept the lake rows that sources make of tests/sources/fixtures now, and print what that changes
	@$(BIN)/python -m tests.sources.accepted

docs: .venv/.ready ## Write docs/configuration.md of the models that read reconcile.yaml, and the tables of docs/telemetry-contract.md
	@$(BIN)/python -m reconcilers.configuration docs/configuration.md
	@$(BIN)/python -m reconcilers.sources.telemetry.attribute_contract docs/telemetry-contract.md

long: .venv/.ready .venv-bigquery/.ready ## What `make test` runs short, at full length: fourteen days through the scheduler, what Airflow loses, five companies against the truth, the worked examples, three companies and the public one (REAL_DATA) on both warehouses, random ones night by night, kills of a build, planted incidents
	@AT_LENGTH=1 $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder tests/dags/test_scheduler.py tests/claims/parity tests/claims/truth \
		tests/claims/scenarios/test_random_companies.py tests/claims/scenarios/test_incremental.py tests/claims/scenarios/test_idempotence.py \
		tests/claims/scenarios/test_partitions.py tests/claims/crash tests/claims/incidents tests/benchmarks/test_bench.py

FOCUS_MONTHS ?= 2026-09 2026-10
focus: .venv/.ready .venv-focus/.ready ## What the FOCUS validator says of the sample's bill as `make run` left it (a minute; Python 3.12)
	@for month in $(FOCUS_MONTHS); do \
		reconcile export --format focus-1.2 --month $$month --out var/focus-$$month.parquet --config $(OUT)/reconcile.yaml || exit 1; done
	@$(BIN)/python -m tests.focus .venv-focus/bin/focus-validator $(FOCUS_MONTHS:%=var/focus-%.parquet)

# MetricFlow is another reader of the tables; nothing else needs it.
.venv-metricflow/.ready: tests/metricflow/requirements.txt | .venv/.ready
	@echo "setting up .venv-metricflow, MetricFlow's own environment"
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv-metricflow
	@$(BIN)/uv pip sync --quiet --python .venv-metricflow/bin/python --require-hashes tests/metricflow/requirements.txt
	@touch $@

metrics: .venv/.ready .venv-metricflow/.ready ## What MetricFlow answers for every metric of the semantic layer, beside the sample's tables (two minutes)
	@$(BIN)/python -m tests.metricflow .venv-metricflow/bin/mf $(OUT)/reconcile.yaml

hostile: .venv/.ready ## What hostile input gets, by kind and room: tests/hostile, every input beside a good source (a minute)
	@$(BIN)/python -m tests.hostile $(ARGS)

alerts: .venv/.ready ## What alerts came of planted incidents, hour by hour, with precision and recall: make alerts [ARGS="1 2 3 4 5"] (three minutes a seed)
	@$(BIN)/python -m tests.claims.incidents $(ARGS)

crash: .venv/.ready ## Kill a run at every point tracing finds, and run again from every state a kill leaves (an hour)
	@rm -rf var/crash && mkdir -p var && $(BIN)/python -m tests.claims.crash.sweep var/crash land publish states

check: .venv/.ready ## Linters, types, import rules and keys of YAML only
	@$(MAKE) --no-print-directory -j 2 check-python check-sql check-yaml

check-python:
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache | tail -n 3

# A model the linter skips is one it has not read, and it says so with exit code 0 (findings/sqlfluff_long_model_passes.sh). As it ends,
# DuckDB counts, as nanobind's leaks, what the linter's parser in Rust still holds.
check-sql:
	@cd dbt_project && said=$$(../$(BIN)/sqlfluff lint --config ../pyproject.toml --templater dbt -q models 2>&1); code=$$?; \
	said=$$(echo "$$said" | sed '/^nanobind: leaked/,$$d'); [ -z "$$said" ] || echo "$$said"; case "$$said" in *"Skipp"*) exit 1;; esac; exit $$code

# For DuckDB dbt takes a misspelt key silently; for BigQuery it holds every key to its schema. It needs no connection to parse.
check-yaml:
	@RECONCILE_WAREHOUSE=bigquery $(BIN)/dbt --quiet --no-use-colors --warn-error-options '{"error": ["Deprecations"]}' \
		parse --no-partial-parse --project-dir $(DBT_PROJECT) --profiles-dir $(DBT_PROJECT) --target-path $(YAML_READ) --log-path $(YAML_READ)

emitters: .venv/.ready ## Real emitters make calls of a provider on loopback; every call must be counted once (ten minutes, node and a package registry)
	@rm -rf var/emitters/company && $(BIN)/python -m tests.emitters var/emitters/company docs/emitters.md
	@$(BIN)/pytest -q -n 0 tests/emitters/counted_once.py

findings: ## What other people's packages do that moves money, each seen again (some minutes and a package registry)
	@changed=0; for finding in findings/*.sh; do echo "$$finding"; PYTHON="$(PYTHON)" "$$finding" || changed=1; done; exit $$changed

bench: .venv/.ready ## Ratios of traces read, nights and builds against yardsticks of the same run, beside what is aimed at (half an hour)
	@$(BIN)/python -m tests.benchmarks.bench $(ARGS)

screenshot: .venv/.ready ## The dashboard's first page over the sample as `make run` left it: docs/dashboard.png (chromium and chromedriver)
	@$(BIN)/python -m tests.dashboard.screenshot $(OUT)/reconcile.yaml docs/dashboard.png

lock: .venv/.ready ## Compile requirements.in into requirements.txt, with hashes
	@$(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --python-version 3.11 requirements.in -o requirements.txt
	@$(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --python-version 3.11 tests/warehouses/emulator/requirements.in -o tests/warehouses/emulator/requirements.txt
	@$(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --python-version 3.12 tests/focus/requirements.in -o tests/focus/requirements.txt
	@$(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --python-version 3.11 tests/metricflow/requirements.in -o tests/metricflow/requirements.txt
	@$(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --python-version 3.11 examples/instrumented_app/requirements.in -o examples/instrumented_app/requirements.txt
	@for pins in tests/emitters/environments/*.in; do \
		$(BIN)/uv pip compile --quiet --no-header --no-annotate --no-emit-index-url --python-version 3.11 $$pins -o $${pins%.in}.txt; done

clean: ## Remove the environment and everything built
	rm -rf .venv .venv-bigquery .venv-example .venv-focus .venv-metricflow var dbt_project/target dbt_project/logs
