#!/usr/bin/env bash
# sqlfluff 4.4.0 with its dbt templater, on dbt-core 1.11.16: the longest model of a project passes the linter unread, and the exit code is 0.
#
# A model that reads an ephemeral model has that one's text put into it, for which dbt parses the compiled statement; sqlparse gives up at
# 10,000 tokens. `dbt compile` lifts that limit for itself and is content. The templater does not: it skips the file with a warning and goes
# on, so a gate that looks at the exit code sees green. Wide reports that a loop writes are just that long. The same text over a view, or
# shorter, is linted and fails as it should.
#
# Seen, each model with keywords that the rules forbid:
#   dbt compile 0; over an ephemeral model: exit 0, "Skipped file"; the same over a view: exit 1; a short one over the ephemeral model: exit 1
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
"${PYTHON:-python3}" -m venv "$room/venv"
"$room/venv/bin/pip" install --quiet --disable-pip-version-check dbt-core==1.11.16 dbt-duckdb==1.11.1 sqlfluff==4.4.0 sqlfluff-templater-dbt==4.4.0 sqlparse==0.6.1
mkdir -p "$room/project/models"
cd "$room/project"
printf 'name: long\nversion: "1.0"\nprofile: long\n' > dbt_project.yml
printf 'long: {target: dev, outputs: {dev: {type: duckdb, path: ":memory:"}}}\n' > profiles.yml
printf '[sqlfluff]\ndialect = duckdb\ntemplater = dbt\nrules = capitalisation.keywords\n[sqlfluff:rules:capitalisation.keywords]\ncapitalisation_policy = lower\n[sqlfluff:templater:dbt]\nproject_dir = .\nprofiles_dir = .\n' > .sqlfluff
printf '%s\n' "{{ config(materialized='ephemeral') }} select 1 as n" > models/passing.sql
printf '%s\n' "{{ config(materialized='view') }} select 1 as n" > models/seen.sql
columns='{% for i in range(2500) %}n + {{ i }} AS c{{ i }}, {% endfor %}'
printf '%s\n' "SELECT ${columns}0 AS total from {{ ref('passing') }}" > models/long_over_ephemeral.sql
printf '%s\n' "SELECT ${columns}0 AS total from {{ ref('seen') }}" > models/long_over_view.sql
printf '%s\n' "SELECT n AS total from {{ ref('passing') }}" > models/short_over_ephemeral.sql
run() { env -i HOME="$room" PATH="$room/venv/bin:$PATH" DBT_PROFILES_DIR="$PWD" "$@"; }
run dbt --quiet compile
echo "dbt compile 0"
seen=""
for model in long_over_ephemeral long_over_view short_over_ephemeral; do
    code=0
    run sqlfluff lint "models/$model.sql" > "$room/said" 2>&1 || code=$?
    skipped=no
    if grep -q "Skipped file" "$room/said"; then skipped=yes; fi
    echo "$model: exit $code, skipped $skipped"
    seen="$seen $model:$code:$skipped"
done
[ "$seen" = " long_over_ephemeral:0:yes long_over_view:1:no short_over_ephemeral:1:no" ] || { echo "this is no longer what was seen"; exit 1; }
