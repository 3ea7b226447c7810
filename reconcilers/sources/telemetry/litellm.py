"""``kind: litellm`` — the calls a LiteLLM proxy passed on, from its spend logs, one UTC day a unit.

https://docs.litellm.ai/docs/proxy/cost_tracking: a row is one request. Its ``spend`` is LiteLLM's own price map times its own
counts: an estimate (``reported_cost``) beside the bill of whoever served the call, and no bill. ``api_key`` is the hash of a
key of the proxy, which no bill knows. Input contains what is cached, whoever served; cached counts are in ``metadata`` only. An
answer from the proxy's cache was not served by anybody, and its id ends in ``_cache_hit`` and a time.

Only the members the mapping names are landed: a proxy may be set to keep prompts and answers in its logs. Rows are written
up to minutes after the call and listed by page and total, so pages that do not make the total are no day.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, time, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from reconcilers.errors import PeriodIncomplete, SourceChangedShape
from reconcilers.periods import Period, parse_day
from reconcilers.sources import http
from reconcilers.sources.contract import SourceConfig
from reconcilers.sources.mapped_columns import mapped_values
from reconcilers.sources.telemetry.mapping import MappingConfig, MappingSource, TelemetryColumn, Usage

if TYPE_CHECKING:
    from reconcilers.ingest.landing import Pull

_LOGS = "/spend/logs/v2"
_PAGE_SIZE = 1000
#: Lake column ← member of a row.
_COLUMNS: Mapping[str, Any] = {
    "record_id": "request_id",
    "response_id": "request_id",
    "started_at": "startTime",
    "ended_at": "endTime",
    "provider": "custom_llm_provider",
    "endpoint": "api_base",
    "model": "model",
    "request_model": "model_group",
    "operation": "call_type",
    "status": {"column": "status", "map": {"success": "ok", "failure": "error", "*": None}},
    "answered_from_cache": {"column": "cache_hit", "map": {"True": "true", "true": "true", "*": "false"}},
    "reported_cost": "spend",
    "reported_currency": {"constant": "USD"},
}
_CACHED = "metadata.usage_object."
_USAGE = {
    "semantics": "inclusive",
    "meters": [
        {"meter": "input_tokens", "column": "prompt_tokens"},
        {"meter": "cache_read_input_tokens", "column": f"{_CACHED}prompt_tokens_details.cached_tokens"},
        {"meter": "cache_write_input_tokens", "column": f"{_CACHED}cache_creation_input_tokens"},
        {"meter": "output_tokens", "column": "completion_tokens"},
    ],
}


class LiteLLMConfig(MappingConfig):
    """Where the proxy is, and which members of its rows tell whom a call was for."""

    told_by_every_row = _COLUMNS

    base_url: str = Field(exclude=True, examples=["https://litellm.acme.example"])
    """Where the proxy is."""
    api_key_env: str = Field(default="LITELLM_ADMIN_KEY", exclude=True)
    """The environment variable that holds a key of an admin viewer, or the master key."""
    entity: Literal["calls"] = "calls"
    """A row is a call."""
    columns: dict[str, TelemetryColumn] = Field(
        default={}, validate_default=True, examples=[{"event_id": "metadata.spend_logs_metadata.event_id"}]
    )
    """Where columns of the lake (`docs/lake.md`) come from, beside and before those that every row tells: whom the call was for."""
    usage: Usage | None = Field(default=Usage.model_validate(_USAGE))
    """Which members count what the call used."""
    late_days: int = Field(default=1, ge=0, le=400, exclude=True)
    """Days before the asked period that are read again, for rows written late."""
    retry: http.RetryPolicy = Field(default=http.RetryPolicy(), exclude=True)
    """How long to insist where the proxy does not answer."""


class LiteLLM(MappingSource):
    """Rows of the spend logs as calls."""

    kind: ClassVar[str] = "litellm"
    begins = MappingProxyType(
        {
            "": "base_url: https://litellm.acme.example\n"
            "columns:  # whom a call was for: column of the lake (docs/lake.md): member of a row\n"
            "  event_id: metadata.spend_logs_metadata.event_id\n"
            "  run_id: metadata.spend_logs_metadata.run_id\n"
            "  tenant_id: metadata.spend_logs_metadata.tenant_id\n"
        }
    )
    Config: ClassVar[type[SourceConfig]] = LiteLLMConfig
    config: LiteLLMConfig

    def __init__(self, config: SourceConfig) -> None:
        super().__init__(config)
        self._pace = http.Pace()

    def probe(self, period: Period) -> int:
        """Asks for one row of the first day, once."""
        with self._client(http.ONE_TRY) as client:
            client.get(_LOGS, _asked(period.start.isoformat(), 1, 1))
        return len(list(period.days()))

    def units(self, period: Period) -> Iterable[str]:
        """UTC days, ``2026-10-01``."""
        return [day.isoformat() for day in period.widened(self.config.late_days).days()]

    def fetch(self, unit: str, pull: Pull) -> None:
        names = self.config.reads()
        with self._client(self.config.retry) as client:
            rows = (json.dumps(mapped_values(row, names), default=str) for row in self._listed(client, unit))
            uri = f"{self.config.base_url.rstrip('/')}{_LOGS}?day={unit}"
            pull.add(f"{unit}.ndjson", uri, (f"{row}\n".encode() for row in rows))

    def _listed(self, client: http.Client, unit: str) -> Iterator[dict[str, Any]]:
        """The day's rows, page by page. Raises where the pages contradict each other."""
        seen: set[str] = set()
        count, total = 0, None
        for number in range(1, http.MAX_PAGES + 1):
            page = client.get(_LOGS, _asked(unit, number, _PAGE_SIZE))
            rows, told = page.body.get("data"), page.body.get("total")
            if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows) or type(told) is not int:
                raise SourceChangedShape("data or total is missing", source=self.name, file=page.url)
            if page.body.get("total_is_capped"):
                raise self._incomplete(unit, "the proxy counts no further than its cap")
            if total not in (None, told):
                raise self._incomplete(unit, f"there were {total} rows, then {told}, while they were read")
            count, total = count + len(rows), told
            for row in rows:
                if (one := row.get("request_id")) and str(one) in seen:
                    raise self._incomplete(unit, f"request {one!r:.60} stands on two pages")
                seen.add(str(one))
                yield row
            if count >= total or not rows:
                break
        if count != total:
            raise self._incomplete(unit, f"{count} of {total} rows came")

    def _incomplete(self, unit: str, problem: str) -> PeriodIncomplete:
        hint = "nothing of this pull was kept; run again when no row is written for the day any more"
        return PeriodIncomplete(problem, source=self.name, period=unit, hint=hint)

    def _client(self, retry: http.RetryPolicy) -> http.Client:
        key = http.credential(self.config.api_key_env, self.name)
        return http.Client(
            self.config.base_url,
            {"Authorization": f"Bearer {key}"},
            source=self.name,
            variable=self.config.api_key_env,
            retry=retry,
            pace=self._pace,
        )


def _asked(unit: str, page: int, size: int) -> list[tuple[str, str]]:
    """The parameters that ask for a page of one UTC day. The proxy takes whole seconds and both ends: a call of the very midnight
    is of two days and one by its id (rule R29), where a second less would lose the last one's."""
    start = datetime.combine(parse_day(unit), time())
    return [
        ("start_date", str(start)),
        ("end_date", str(start + timedelta(days=1))),
        ("page", str(page)),
        ("page_size", str(size)),
    ]
