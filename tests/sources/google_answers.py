"""BigQuery as it answers over HTTP, for what the emulator does not do: refusals, patience, and what it is asked."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from reconcilers.sources import registry
from reconcilers.sources.contract import Source
from tests.sources.billing.gcp_export import STANDARD, Json, fields
from tests.sources.conftest import Api, Params


@dataclass
class Google:
    """BigQuery as it answers over HTTP: the table, then one answer for each query. An answer of three is an error."""

    api: Api
    answers: list[Any]
    table: Any = None
    jobs: list[Json] = field(default_factory=list)

    def source(self, **config: Any) -> Source:
        config = {"name": "gcp", "kind": "gcp", "table": "p-billing.export.t", "project": "p-jobs", **config}
        return registry.load("billing", {"timeout_seconds": 0.01, **config})

    def __call__(self, path: str, params: Params) -> tuple[int, bytes, dict[str, str]]:
        if "/tables/" in path:
            kept = {"timePartitioning": {"type": "DAY"}, "location": "asia-southeast2", "type": "TABLE"}
            schema = {"fields": [one.to_api_repr() for one in fields(STANDARD)]}
            reference = {"projectId": "p-billing", "datasetId": "export", "tableId": "t"}
            answer = self.table or {"tableReference": reference, "schema": schema, **kept}
            return self.told(answer)
        if path.endswith("/jobs"):
            self.jobs.append(json.loads(self.api.bodies[-1]))
            answer = self.answers[len(self.jobs) - 1]
            if isinstance(answer, tuple):
                return self.told(answer)
            return self.told(self.job())
        if "/queries/" in path:
            rows = self.answers[len(self.jobs) - 1]
            types = ("INTEGER", "DATE", "DATE") if rows and len(rows[0]) == 3 else ("STRING",)
            names = [{"name": f"c{n}", "type": kind} for n, kind in enumerate(types)]
            cells = [{"f": [{"v": value} for value in row]} for row in rows]
            done = {"jobComplete": True, "totalRows": str(len(rows)), "schema": {"fields": names}, "rows": cells}
            return self.told({**self.job(), **done})
        return self.told(self.job())

    def job(self) -> Json:
        return {**self.jobs[-1], "status": {"state": "DONE"}, "statistics": {"query": {}}}

    def told(self, answer: Any) -> tuple[int, bytes, dict[str, str]]:
        kind = {"Content-Type": "application/json"}
        if isinstance(answer, tuple):
            status, reason, message = answer
            body = {"error": {"code": status, "message": message, "errors": [{"reason": reason, "message": message}]}}
            return status, json.dumps(body).encode(), kind
        return 200, json.dumps(answer).encode(), kind
