#!/usr/bin/env bash
# duckdb 1.4.4 and 2.0.1 from Python: whether JSON that does not fit raises duckdb.Error depends on where its text is cut for the message.
#
# Errors of DuckDB's JSON functions quote the value up to a number of bytes. Where that falls within a character, the client cannot
# decode the message it has just made, and what is raised is UnicodeDecodeError, no duckdb.Error: `except duckdb.Error` around a
# query does not see it. So one wrong value in a file is a line refused, or the end of the job, by a byte more or less in its name.
#
# Seen, the same in both versions, of texts where a number was asked for:
#   {"tokens": "für für …: InvalidInputException, a duckdb.Error: True
#   {"tokens": "xfür für …: InvalidInputException, a duckdb.Error: True
#   {"tokens": "xxfür für …: UnicodeDecodeError, a duckdb.Error: False
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
for version in 1.4.4 2.0.1; do
    "${PYTHON:-python3}" -m venv --clear "$room/env"
    "$room/env/bin/pip" install --quiet --disable-pip-version-check "duckdb==$version"
    env -i HOME="$room" PATH="$PATH" "$room/env/bin/python" -I - <<'PYTHON'
import json
import sys

import duckdb

print(f"duckdb {duckdb.__version__}")
told = []
for pad in range(3):
    name = "x" * pad + "für "
    text = json.dumps({"tokens": name + "für " * 19}, ensure_ascii=False)
    try:
        duckdb.execute("select json_transform_strict($text, '{\"tokens\": \"BIGINT\"}')", {"text": text}).fetchall()
    except Exception as error:
        told.append((type(error).__name__, isinstance(error, duckdb.Error)))
        print(f"{text[: len(name) + 16]}…: {told[-1][0]}, a duckdb.Error: {told[-1][1]}")
seen = [("InvalidInputException", True), ("InvalidInputException", True), ("UnicodeDecodeError", False)]
sys.exit(0 if told == seen else "this is no longer what was seen")
PYTHON
done
