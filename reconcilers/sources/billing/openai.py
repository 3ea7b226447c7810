"""OpenAI's bill (costs API) and its own usage report (usage API), one UTC day a unit.

https://platform.openai.com/docs/api-reference/usage: costs are daily buckets of ``amount`` in major units, grouped by
project, API key and ``line_item``; they tie to the invoice. ``line_item`` is a display text, the only place where a
cost names its model, so it is read word by word and a text with an unknown word keeps its money without a model. Usage
rows count tokens, where ``input_tokens`` includes cached and cache-write tokens. Days without spend have no results.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, get_args

from pydantic import Field

from reconcilers import money
from reconcilers.ingest.lake import METERS
from reconcilers.periods import Period, parse_day
from reconcilers.sources import focus, folders, http, results, units
from reconcilers.sources.contract import Source, SourceConfig
from reconcilers.sources.results import Once, Result

if TYPE_CHECKING:
    import pyarrow as pa

    from reconcilers.ingest.landing import Landed, LandedObject, Pull

#: What the two pulls of one day's costs may differ by: answers carry amounts as doubles, rounded each on its own.
_TOTAL_TOLERANCE = Decimal("1e-9")

UsageReportName = Literal[
    "completions",
    "decisions",
    "embeddings",
    "moderations",
    "images",
    "audio_speeches",
    "audio_transcriptions",
    "vector_stores",
    "code_interpreter_sessions",
    "file_search_calls",
    "web_search_calls",
]


class OpenAIConfig(SourceConfig):
    """Where the organisation's API is and how it is asked."""

    base_url: str = Field(default="https://api.openai.com", exclude=True)
    """Where the API is."""
    api_key_env: str = Field(default="OPENAI_ADMIN_KEY", exclude=True)
    """The environment variable that holds an admin key with scope `api.usage.read`."""
    billing_account_id: str | None = Field(default=None, examples=["org-acme"])
    """The organisation; answers that name another one are refused."""
    group_costs_by: tuple[Literal["project_id", "line_item", "api_key_id"], ...] = (
        "project_id",
        "line_item",
        "api_key_id",
    )
    """What costs are split by: drop `api_key_id` where the API refuses it."""
    usage: tuple[UsageReportName, ...] = get_args(UsageReportName)
    """The usage reports to read. Undeclared, all that the API has; one that is named must be there."""
    control_total: bool = True
    """Whether each day's costs are asked for ungrouped as well; a day whose lines do not add up to it is refused."""
    retry: http.RetryPolicy = Field(default=http.RetryPolicy(), exclude=True)
    """How long to insist where the API does not answer."""


class OpenAI(Source):
    """Costs as charges, usage as provider usage."""

    kind = "openai"
    Config = OpenAIConfig
    begins = MappingProxyType({"": "api_key_env: OPENAI_ADMIN_KEY  # an admin key with scope api.usage.read\n"})
    providers = ("openai",)
    tells = ("service_tier", "batch")
    config: OpenAIConfig

    def __init__(self, config: SourceConfig) -> None:
        super().__init__(config)
        self._pace = http.Pace()

    @property
    def tells_list_cost(self) -> bool:
        return False

    def probe(self, period: Period) -> int:
        """Asks for the costs of the first day, once."""
        with self._client(http.ONE_TRY) as client:
            client.get("/v1/organization/costs", _window(period.start))
        return len(list(period.days()))

    def units(self, period: Period) -> Iterator[str]:
        """Every UTC day: ``2026-10-01``."""
        return (day.isoformat() for day in period.days())

    def fetch(self, unit: str, pull: Pull) -> None:
        window = _window(parse_day(unit))
        with self._client(self.config.retry) as client:
            for name, path, group_by in self._requests():
                params = [*window, *(("group_by[]", dimension) for dimension in group_by)]
                try:
                    for number, page in enumerate(client.pages(path, params), 1):
                        pull.add(f"{name}/{number:04}.json", page.url, page.content)
                except http.NotThere:
                    if name not in self._undeclared:
                        raise

    def normalise(self, landed: Landed) -> Iterator[tuple[str, pa.Table]]:
        charges = focus.Charges(self.name, landed.landing_id)
        report = focus.UsageReport(self.name, landed.landing_id)
        grouped: dict[str, Decimal] = defaultdict(Decimal)
        ungrouped: dict[str, Decimal] = defaultdict(Decimal)
        once = Once()
        has_total = False
        for index, item in enumerate(landed.objects):
            name = item.name.partition("/")[0]
            rows = list(self._rows(landed, item))
            if name == "costs_total":
                has_total = True
                self._add(ungrouped, rows)
                continue
            for row in rows:
                currency = row.text("amount.currency") if name == "costs" else None
                once.check(row, name, row.start, *(str(row.get(dimension)) for dimension in _DIMENSIONS), currency)
            base = folders.line_base(index)
            if name == "costs" and rows:
                costs = [(row.line, self._charge(row)) for row in rows]
                yield "charges", charges.table_of_rows(costs, file=item.name, line_base=base)
                self._add(grouped, rows)
            elif usage := [(row.line, fields) for row in rows for fields in self._usage(name, row)]:
                yield "provider_usage", report.table_of_rows(usage, file=item.name, line_base=base)
        if has_total:
            results.check_total(grouped, ungrouped, source=self.name, tolerance=_TOTAL_TOLERANCE, period=landed.unit)

    def cited(self, path: Path, name: str, line: int) -> str:
        """The n-th result of a page, cut out of it as it stands."""
        return results.cited(path, name, line, source=self.name)

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

    def _requests(self) -> Iterator[tuple[str, str, tuple[str, ...]]]:
        """(name of the landed objects, path, dimensions to group by) of every list a day consists of."""
        yield "costs", "/v1/organization/costs", self.config.group_costs_by
        if self.config.control_total:
            yield "costs_total", "/v1/organization/costs", ()
        for name in self.config.usage:
            yield name, f"/v1/organization/usage/{name}", _USAGE_GROUPS.get(name, _BY_MODEL)

    @property
    def _undeclared(self) -> tuple[str, ...]:
        """Usage reports that are read only where the API has them: nobody asked for one by its name."""
        return () if "usage" in self.config.model_fields_set else self.config.usage

    def _rows(self, landed: Landed, item: LandedObject) -> Iterator[Result]:
        """The results of one page. A result outside the unit's day contradicts what was asked for."""
        family = "organization.costs." if item.name.startswith("costs") else "organization.usage."
        content, day = landed.path(item).read_bytes(), parse_day(landed.unit)
        for _, told in results.buckets(content, day, _times, source=self.name, file=item.name, number=str):
            for row in told:
                if not str(row.get("object")).startswith(family):
                    raise row.changed(f"object is {row.get('object')!r:.60}, not {family}*")
                organisation = row.text("organization_id")
                if self.config.billing_account_id and organisation not in (None, self.config.billing_account_id):
                    raise row.rejected(
                        f"is of organisation {organisation:.80}, not {self.config.billing_account_id}",
                        f"the key in {self.config.api_key_env} belongs to another organisation",
                    )
                yield row

    def _charge(self, row: Result) -> dict[str, str | None]:
        """A cost as a FOCUS row. Effective and list cost are the billed cost: the API tells no other."""
        item = row.text("line_item")
        unit = row.text("quantity_unit")
        known = read_line_item(item, unit) if item is not None else None
        credit = item is not None and re.fullmatch(r"credits?", item.strip(), re.IGNORECASE) is not None
        quantity = row.text("quantity")
        if known and unit is None and known.meter == "searches":
            unit = "searches"  # the line itself says that it counts calls
        elif known and unit is None and "quantity_unit" not in row.fields and METERS[known.meter] == "tokens":
            # Before the API told units, quantities of token lines were told in tokens.
            unit = "tokens"
        cost = _plain_zero(row.required_text("amount.value"))
        return {
            "BilledCost": cost,
            "EffectiveCost": cost,
            "ListCost": cost,
            "BillingAccountId": self.config.billing_account_id or row.text("organization_id"),
            "BillingCurrency": row.required_text("amount.currency"),
            "BillingPeriodStart": row.start_text(),
            "ChargePeriodStart": row.start_text(),
            "ChargePeriodEnd": row.end_text(),
            "ChargeCategory": "Credit" if credit else "Usage",
            "x_Reduction": "promotional" if credit else None,
            "ServiceName": "OpenAI API",
            "ProviderName": "OpenAI",
            "InvoiceIssuerName": "OpenAI",
            "ChargeDescription": item,
            "SkuId": item,
            "SkuMeter": item,
            # Null is spend without a project or key, not the default project: that one has an id of its own.
            "SubAccountId": row.text("project_id"),
            "x_ApiKeyId": row.text("api_key_id"),
            "ConsumedQuantity": quantity if unit else None,
            "ConsumedUnit": unit if quantity is not None else None,
            "PricingQuantity": quantity,
            "PricingUnit": unit,
            "x_Model": known.model if known else None,
            "x_Meter": known.meter if known else None,
            "x_ServiceTier": known.service_tier if known else None,
            "x_Batch": known.batch if known else None,
            "x_ContextBand": known.context_band if known else None,
            "x_Modality": known.modality if known else None,
        }

    def _usage(self, name: str, row: Result) -> Iterator[dict[str, str | None]]:
        """One usage row as one row per meter and modality, disjoint; what was not used has none."""
        tier, batch = row.text("service_tier"), row.get("batch")
        if batch is not None and not isinstance(batch, bool):
            raise row.changed("batch is neither true nor false")
        common = {
            "ChargePeriodStart": row.start_text(),
            "ChargePeriodEnd": row.end_text(),
            "BillingAccountId": self.config.billing_account_id or row.text("organization_id"),
            "SubAccountId": row.text("project_id"),
            "x_ApiKeyId": row.text("api_key_id"),
            "x_Model": row.text("model") or _TOOLS.get(name),
            "x_ServiceTier": _TIERS.get(tier, tier) if tier is not None else None,
            "x_Batch": None if batch is None else str(batch).lower(),
        }
        for meter, modality, quantity in _METERED[name](row):
            if quantity:
                yield common | {
                    "x_Meter": meter,
                    "x_Modality": modality,
                    "ConsumedQuantity": str(quantity),
                    "ConsumedUnit": METERS[meter],
                }

    def _add(self, totals: dict[str, Decimal], rows: list[Result]) -> None:
        for row in rows:
            currency, cost = row.required_text("amount.currency").upper(), row.required_text("amount.value")
            try:
                totals[currency] = money.sum_exactly(totals[currency], _plain_zero(cost))
            except ValueError as error:
                raise row.rejected(f"amount: {error}") from None


# What a line item says ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LineItem:
    """What the text of a cost line says: a model, a meter and the price it was used at."""

    model: str
    meter: str
    service_tier: str
    batch: str
    context_band: str
    modality: str | None


#: Words of a line item, in lower case → what each says. The text has no contract: these are the words seen in answers.
_WORDS: Mapping[str, tuple[str, str]] = {
    "input": ("meter", "input_tokens"),
    "input_tokens": ("meter", "input_tokens"),
    "uncached input": ("meter", "input_tokens"),
    "cached input": ("meter", "cache_read_input_tokens"),
    "cached_input_tokens": ("meter", "cache_read_input_tokens"),
    "input_cached_tokens": ("meter", "cache_read_input_tokens"),
    "cache writes": ("meter", "cache_write_input_tokens"),
    "cache write": ("meter", "cache_write_input_tokens"),
    "input_cache_write_tokens": ("meter", "cache_write_input_tokens"),
    "output": ("meter", "output_tokens"),
    "output_tokens": ("meter", "output_tokens"),
    "text": ("modality", "text"),
    "audio": ("modality", "audio"),
    "image": ("modality", "image"),
    "video": ("modality", "video"),
    "batch": ("batch", "true"),
    "batch api": ("batch", "true"),
    "priority": ("service_tier", "priority"),
    "flex": ("service_tier", "flex"),
    "scale": ("service_tier", "scale"),
    "standard": ("service_tier", "standard"),
    "long context": ("context_band", "long"),
}
#: Units that only one meter counts in: a line item without a direction (``whisper-1``) is told by its unit.
_METER_OF_UNIT = {"images": "images", "characters": "characters", "seconds": "seconds"}
#: Service tiers of the usage API in the words of prices and telemetry.
_TIERS = {"default": "standard"}


#: Tools billed by the call → meter of the call. Other tools' calls (file search) no meter counts.
_TOOL_CALLS = {"web search tool calls": "searches", "web search preview tool calls": "searches"}


def read_line_item(text: str, unit: str | None = None) -> LineItem | None:
    """What ``priority | gpt-4.1-2025-04-14, cached input, long context`` says; null where a word is not known.

    Shapes seen: ``<model>, <direction>``, ``<model> <modality>, <direction>``, ``<model>, <modality> <direction>``,
    ``<model>, cached <modality> input``, a tier or batch in the phrase or before a bar, a context band at the end, and a bare
    model. What it leaves out is the default of OpenAI's price list. ``web search tool calls | <model>`` counts calls of a tool; without a model
    the tool's own words are the model, since that is what is billed. Any other product before the bar (``evals``,
    ``assistants api``) is no call of ours, so such a line has no model here.
    """
    *before, body = text.strip().split(" | ")
    tool = (before[0] if before else body).strip().lower()
    if tool in _TOOL_CALLS and len(before) < 2 and "," not in body:
        return LineItem(body.strip() if before else tool, _TOOL_CALLS[tool], "standard", "false", "standard", None)
    head, *after = (part.strip() for part in body.split(","))
    model, *modality = head.split() or [""]
    said: dict[str, str] = {}
    for phrase in (*before, *modality, *after):
        words = phrase.strip().lower()
        for word in (words,) if words in _WORDS else _split(words):
            field, value = _WORDS.get(word, ("", ""))
            if not field or said.setdefault(field, value) != value:
                return None
    measured = units.unit(unit) if unit else None
    counted = [_METER_OF_UNIT[name] for name in (measured.measures if measured else ()) if name in _METER_OF_UNIT]
    meter = said.get("meter") or next(iter(counted), None)
    if meter is None and model.startswith("text-embedding-"):
        meter = "input_tokens"  # an embedding model has no other direction
    if not model or meter is None:
        return None
    return LineItem(
        model,
        meter,
        said.get("service_tier", "standard"),
        said.get("batch", "false"),
        said.get("context_band", "standard"),
        said.get("modality"),
    )


def _split(phrase: str) -> tuple[str, ...]:
    """``batch cached audio input`` → ``batch``, ``audio``, ``cached input``: what sets the price, and what is left of the phrase."""
    words = phrase.split()
    apart = [word for word in words if _WORDS.get(word, ("meter",))[0] != "meter"]
    left = " ".join(word for word in words if word not in apart)
    return (*apart, left) if left else (phrase,)


# What a usage row counts ----------------------------------------------------------------------------------------------

_DIMENSIONS = (
    "project_id",
    "api_key_id",
    "line_item",
    "model",
    "batch",
    "service_tier",
    "user_id",
    "api_source",
    "size",
    "source",
    "context_level",
    "quantity_unit",
)
_BY_MODEL = ("project_id", "api_key_id", "model")
#: Reports that can be grouped by more than project, key and model, or by less.
_USAGE_GROUPS: Mapping[str, tuple[str, ...]] = {
    "completions": (*_BY_MODEL, "batch", "service_tier"),
    "decisions": (*_BY_MODEL, "batch", "service_tier"),
    "vector_stores": ("project_id",),
    "code_interpreter_sessions": ("project_id",),
    "file_search_calls": ("project_id", "api_key_id"),
}
#: What stands for the model in reports of tools that run without one, so that nobody takes their counts for a model's.
_TOOLS: Mapping[str, str] = {
    "vector_stores": "vector stores",
    "code_interpreter_sessions": "code interpreter sessions",
    "file_search_calls": "file search tool calls",
}
_Metered = Iterator[tuple[str, str | None, int]]


def _completions(row: Result) -> _Metered:
    """``input_tokens`` includes cached and cache-write tokens; output includes reasoning."""
    whole, cached = row.count("input_tokens", required=True), row.count("input_cached_tokens")
    # What was written for half an hour and for twelve hours is told beside its sum, or instead of it.
    parts = row.count("input_cache_write_30m_tokens") + row.count("input_cache_write_12h_tokens")
    written = parts if row.get("input_cache_write_tokens") is None else row.count("input_cache_write_tokens")
    if parts not in (0, written):
        raise row.rejected(f"input_cache_write_tokens {written} is not the sum of its parts, {parts}")
    uncached = whole - cached - written
    if uncached < 0 or row.get("input_uncached_tokens") not in (None, uncached):
        raise row.rejected(f"input_tokens {whole} is not the sum of its uncached, cached and cache-write tokens")
    yield from _by_modality(row, "input_tokens", "input_{}_tokens", uncached)
    yield from _by_modality(row, "cache_read_input_tokens", "input_cached_{}_tokens", cached)
    yield "cache_write_input_tokens", None, written
    yield from _by_modality(row, "output_tokens", "output_{}_tokens", row.count("output_tokens", required=True))
    yield "requests", None, row.count("num_model_requests")


def _by_modality(row: Result, meter: str, name: str, whole: int) -> _Metered:
    """Split where the row tells a modality for every token; older rows tell audio alone, and count it differently."""
    parts = {modality: row.count(name.format(modality)) for modality in ("text", "audio", "image")}
    if sum(parts.values()) == whole and row.get(name.format("text")) is not None:
        yield from ((meter, modality, count) for modality, count in parts.items())
    else:
        yield meter, None, whole


def _counted(field: str, meter: str, *, of_model: bool = True) -> Callable[[Result], _Metered]:
    def metered(row: Result) -> _Metered:
        yield meter, None, row.count(field, required=True)
        if of_model:
            yield "requests", None, row.count("num_model_requests")

    return metered


_METERED: Mapping[str, Callable[[Result], _Metered]] = {
    "completions": _completions,
    "decisions": _completions,
    "embeddings": _counted("input_tokens", "input_tokens"),
    "moderations": _counted("input_tokens", "input_tokens"),
    "images": _counted("images", "images"),
    "audio_speeches": _counted("characters", "characters"),
    "audio_transcriptions": _counted("seconds", "seconds"),
    "vector_stores": _counted("usage_bytes", "bytes", of_model=False),
    "code_interpreter_sessions": _counted("num_sessions", "requests", of_model=False),
    "file_search_calls": _counted("num_requests", "searches", of_model=False),
    # A search is a request to the tool; the requests to the model that led to it are in its completions already.
    "web_search_calls": _counted("num_requests", "searches", of_model=False),
}


def _times(bucket: Result) -> tuple[datetime, datetime]:
    return _instant(bucket, "start_time"), _instant(bucket, "end_time")


def _instant(bucket: Result, name: str) -> datetime:
    """Unix seconds as naive UTC; some answers write them as text."""
    found = bucket.text(name)
    if found is None or not re.fullmatch(r"\d{1,11}", found):
        raise bucket.changed(f"{name} is not in Unix seconds")
    return datetime.fromtimestamp(int(found), UTC).replace(tzinfo=None)


def _plain_zero(text: str) -> str:
    """``0E-6176``, which the costs API writes for nothing, as ``0``; any other amount as it is."""
    return "0" if re.fullmatch(r"[+-]?0+(\.0*)?[eE][+-]?\d+", text) else text


def _window(day: date) -> list[tuple[str, str]]:
    """The parameters that ask for one UTC day."""
    start = int(_day_start(day).replace(tzinfo=UTC).timestamp())
    return [("start_time", str(start)), ("end_time", str(start + 86_400)), ("bucket_width", "1d"), ("limit", "1")]


def _day_start(day: date) -> datetime:
    return datetime.combine(day, time())
