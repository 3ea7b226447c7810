"""Start bqemulator, the stand-in for BigQuery, good enough for money. Runs in an environment of its own.

It translates GoogleSQL to DuckDB's. Five places need another translation: an extension is not downloaded; CREATE TABLE
(columns) AS (query) loses its inner parentheses; NUMERIC is DECIMAL(38, 9) and not DuckDB's (18, 3); BIGNUMERIC, which
the project uses for whole numbers only, is no binary float; an array type is written as DuckDB writes it. And a load job
has the id it was sent with, which no other can have again.
"""

from collections import OrderedDict

import bqemulator.api.routes.upload as upload
import bqemulator.sql.rewriter.create_table_schema_ctas as ctas
import sqlglot.expressions.core as core
from bqemulator.cli import main
from bqemulator.domain.errors import ResourceRef, resource_already_exists
from bqemulator.storage.engine import DuckDBEngine
from sqlglot import Dialect, exp
from sqlglot.dialects.duckdb import DuckDB

rewritten, written = ctas._apply_schema_ctas_rewrite, DuckDB.Generator.datatype_sql


def without_parentheses(create):
    while isinstance(create.expression, exp.Subquery) and not create.expression.args.get("alias"):
        create.set("expression", create.expression.this)
    return rewritten(create)


def type_in_duckdb(generator, kind):
    if kind.this == exp.DataType.Type.DECIMAL and not kind.expressions:
        return "DECIMAL(38, 9)"
    if kind.this == exp.DataType.Type.BIGDECIMAL:
        return "HUGEINT"
    if kind.this == exp.DataType.Type.ARRAY and kind.expressions:
        return f"{generator.sql(kind.expressions[0])}[]"
    return written(generator, kind)


# The emulator parses each statement about seventeen times; half of a build's time went there.
parsed, parse = OrderedDict(), Dialect.parse


def parsed_once(dialect, sql, **options):
    key = (type(dialect), sql, repr(options))
    if key not in parsed:
        parsed[key] = parse(dialect, sql, **options)
        if len(parsed) > 100:
            parsed.popitem(last=False)
    return [tree and tree.copy() for tree in parsed[key]]


configuration_of, run_load = upload._load_configuration_from_envelope, upload._run_load


def configuration_with_id(envelope):
    return {**configuration_of(envelope), "job_id": envelope["jobReference"]["jobId"]}


async def run_load_once(*, project_id, configuration, **more):
    job_id = configuration.pop("job_id")
    if more["ctx"].catalog.get_job(project_id, job_id):
        raise resource_already_exists(ResourceRef("job", project_id, None, job_id))
    upload._new_job_id = lambda: job_id  # asked for before anything is awaited
    return await run_load(project_id=project_id, configuration=configuration, **more)


# Copying a tree, most of the time goes into comments and places in the text: flat, and never changed in place.
copied = core.deepcopy


def copied_flat(value, memo=None):
    return value.copy() if type(value) in (dict, list) else copied(value, memo)


core.deepcopy = copied_flat
Dialect.parse = parsed_once
upload._load_configuration_from_envelope, upload._run_load = configuration_with_id, run_load_once
DuckDBEngine._load_spatial = lambda engine: None
ctas._apply_schema_ctas_rewrite = without_parentheses
DuckDB.Generator.datatype_sql = type_in_duckdb
DuckDB.Generator.TRANSFORMS.pop(exp.DataType, None)
main()
