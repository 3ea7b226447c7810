"""BigQuery's REST API over the tables that the sample keeps there, as far as Google's client asks it: a table's columns, a query as a
job, the rows of its answer.

https://cloud.google.com/bigquery/docs/reference/rest. DuckDB answers a query over the rows that are known at the time, once sqlglot has
put it into DuckDB's words: any ``select`` that both can say. Like an emulator's, its address takes no credentials.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

from reconcilers.sample_company.providers.bad_request import BadRequest

if TYPE_CHECKING:
    import pyarrow as pa

Row = dict[str, Any]
#: Name → type, members of a record, or a list of one of them where it is repeated.
Columns = Mapping[str, Any]

_LOCATION = "US"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PATH = re.compile(r"/bigquery/v2/projects/(?P<project>[^/]+)/(?P<rest>.+)")
_TABLE = re.compile(r"datasets/(?P<dataset>[^/]+)/tables/(?P<table>[^/]+)")
_ANSWER = re.compile(r"(?P<kind>jobs|queries)/(?P<job>[^/]+)")
#: DuckDB's types of what a query selects → BigQuery's.
_TYPES = {"VARCHAR": "STRING", "BIGINT": "INTEGER", "DOUBLE": "FLOAT", "DATE": "DATE", "TIMESTAMP": "TIMESTAMP"}
#: How DuckDB writes a time inside JSON, where BigQuery writes RFC 3339.
_TIME = re.compile(r'"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)"')
#: Answers kept for whoever asked: a client reads one at once.
_KEPT = 1000


@dataclass(frozen=True)
class Table:
    """A table, ``project.dataset.table``: its columns, its rows at a time (naive UTC), and the time whose day a row is stored under."""

    name: str
    columns: Columns
    rows: Callable[[datetime], Sequence[Row]]
    stored_at: str | None = None


class BigQuery:
    """The API over some tables."""

    def __init__(self, tables: Sequence[Table]) -> None:
        self.tables = {table.name: table for table in tables}
        self._jobs: dict[str, Row] = {}
        self._numbers = count(1)

    def answer(self, path: str, body: bytes | None, known_at: datetime) -> bytes:
        """What is said to a GET, or to a POST with a ``body``. Raises ``KeyError`` for what does not exist and ``BadRequest``."""
        told = _PATH.fullmatch(path)
        if told is None:
            raise KeyError(path)
        if body is not None:
            if told["rest"] != "jobs":
                raise KeyError(path)
            return json.dumps(self._insert(told["project"], body, known_at)).encode()
        if table := _TABLE.fullmatch(told["rest"]):
            names = {"projectId": told["project"], "datasetId": table["dataset"], "tableId": table["table"]}
            return json.dumps(_described(self.tables[".".join(names.values())], names)).encode()
        if job := _ANSWER.fullmatch(told["rest"]):
            return json.dumps(self._jobs[job["job"]]).encode()
        raise KeyError(path)

    def _insert(self, project: str, body: bytes, known_at: datetime) -> Row:
        """A job that is done, and beside it the answer to its query."""
        try:
            asked = json.loads(body)
            query, named = asked["configuration"]["query"], asked.get("jobReference", {})
            values = {one["name"]: _value(one) for one in query.get("queryParameters", [])}
            columns, rows = self._select(query["query"], values, known_at)
        except (ValueError, KeyError, TypeError) as error:
            raise BadRequest(f"not a query as documented: {error}") from None
        number = named.get("jobId") or f"job_{next(self._numbers)}"
        job = {
            "kind": "bigquery#job",
            "id": f"{project}:{_LOCATION}.{number}",
            "jobReference": {"projectId": project, "jobId": number, "location": _LOCATION},
            "configuration": asked["configuration"],
            "status": {"state": "DONE"},
            "statistics": {"query": {"statementType": "SELECT"}},
        }
        told = {"jobComplete": True, "totalRows": str(len(rows)), "schema": {"fields": columns}, "rows": rows}
        self._jobs[number] = job | told
        for old in list(self._jobs)[:-_KEPT]:
            del self._jobs[old]
        return job

    def _select(self, sql: str, values: Mapping[str, Any], known_at: datetime) -> tuple[list[Row], list[Row]]:
        """Columns and rows of a query, as the API tells them. Raises ``BadRequest`` for one that cannot be answered."""
        import duckdb
        import sqlglot
        from sqlglot import exp

        try:
            statement = sqlglot.parse_one(sql, read="bigquery")
            if not isinstance(statement, exp.Query):
                raise BadRequest("only a select is answered")
            with duckdb.connect() as connection:
                for table in list(statement.find_all(exp.Table)):
                    found = self.tables.get(".".join(part.name for part in table.parts))
                    if found is None:
                        raise BadRequest(f"Not found: Table {table.sql()}")
                    connection.register(name := f"of_{table.parts[-1].name}", _arrow(found, known_at))
                    table.replace(exp.to_table(name).as_(table.alias or found.name.rpartition(".")[2], table=True))
                for parameter in list(statement.find_all(exp.Parameter)):
                    parameter.replace(exp.Placeholder(this=parameter.name))
                text = statement.sql("duckdb")
                used = {name: value for name, value in values.items() if f"${name}" in text}
                selected = connection.execute(text, used)
                columns = [{"name": one[0], "type": _TYPES[str(one[1])]} for one in selected.description or ()]
                rows = [{"f": [{"v": _cell(value)} for value in row]} for row in selected.fetchall()]
        except (sqlglot.errors.SqlglotError, duckdb.Error) as error:
            raise BadRequest(f"the query is not answered: {error}") from None
        return columns, rows


def _described(table: Table, names: Row) -> Row:
    """A table's resource."""
    stored = {"timePartitioning": {"type": "DAY"}} if table.stored_at else {}
    schema = {"fields": _fields(table.columns)}
    return {"kind": "bigquery#table", "tableReference": names, "schema": schema, "location": _LOCATION, **stored}


def _fields(columns: Columns) -> list[Row]:
    told = []
    for name, kind in columns.items():
        members, mode = (kind[0], "REPEATED") if isinstance(kind, list) else (kind, "NULLABLE")
        record = isinstance(members, Mapping)
        more = {"fields": _fields(members)} if record else {}
        told.append({"name": name, "type": "RECORD" if record else members, "mode": mode, **more})
    return told


def _arrow(table: Table, known_at: datetime) -> pa.Table:
    """The rows of a table. What is stored by day of ingestion has the pseudo-column that tells it."""
    import pyarrow as pa

    rows = list(table.rows(known_at))
    fields = [pa.field(name, _arrow_type(kind)) for name, kind in table.columns.items()]
    if table.stored_at:
        fields.append(pa.field("_PARTITIONTIME", pa.timestamp("us")))
        rows = [row | {"_PARTITIONTIME": _midnight(row[table.stored_at])} for row in rows]
    return pa.Table.from_pylist(rows, schema=pa.schema(fields))


def _arrow_type(kind: Any) -> pa.DataType:
    import pyarrow as pa

    if isinstance(kind, list):
        return pa.list_(_arrow_type(kind[0]))
    if isinstance(kind, Mapping):
        return pa.struct([pa.field(name, _arrow_type(member)) for name, member in kind.items()])
    types = {"STRING": pa.string(), "FLOAT": pa.float64(), "INTEGER": pa.int64(), "TIMESTAMP": pa.timestamp("us")}
    return types[kind]


def _midnight(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


def _value(parameter: Row) -> Any:
    """A parameter of a query: a list of text, a day, or a time, naive in UTC as the tables' are."""
    kind, told = parameter["parameterType"]["type"], parameter["parameterValue"]
    if kind == "ARRAY":
        return [one["value"] for one in told.get("arrayValues", [])]
    if kind == "DATE":
        return date.fromisoformat(told["value"])
    at = datetime.fromisoformat(told["value"])
    return at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at


def _cell(value: Any) -> str | None:
    if isinstance(value, datetime):
        return str((value.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1))
    if isinstance(value, str) and value.startswith("{"):
        return _TIME.sub(r'"\1T\2Z"', value)
    return None if value is None else str(value)
