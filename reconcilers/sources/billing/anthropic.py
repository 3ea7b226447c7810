"""Anthropic's bill (cost report) and its own usage report, both of the Admin API, one UTC day a unit.

https://platform.claude.com/docs/en/manage-claude/usage-cost-api: costs are daily buckets of ``amount``, a decimal text in
cents, grouped by workspace and ``description``. A cost tells neither quantity nor API key; the usage report tells both, so
quantities are its (rule R10). Its counts are disjoint. A null workspace is the default workspace, which is a group of its
own. Web search, code execution and session time have no model: what is billed is the tool, whose ``cost_type`` stands for it.

Usage at Priority Tier is in the usage report and in no cost: its price is the contract's. Spending is told a second time by the
analytics reports, after discounts and beside its list price, and by key. They are the same calls, so a day is read of the
one or of the other (``report``), never of both.

The Claude Code report tells a third time what of them was Claude Code's, as an estimate in cents that are numbers
(``claude_code``, https://platform.claude.com/docs/en/api/admin/usage_report): rows of ``provider_estimates`` and no charges.
A record of it is one person's day, with their address and what they did, and names of keys are made of people's names: of a
record only ``_KEPT`` is landed, an amount with a point as its text.

Analytics are typed in Anthropic's own client (``beta.organization.analytics``, 2.14): rows with a ``group`` and its ``cost``
or ``usage`` instead of buckets, at most five dimensions beside kinds of cost and of tokens. A day without spend has no row.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import combinations
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from reconcilers import money
from reconcilers.errors import SourceChangedShape, SourceRejected
from reconcilers.ingest.lake import METERS, most_of
from reconcilers.periods import Period, parse_day, parse_instant
from reconcilers.sources import estimates, focus, folders, http, results
from reconcilers.sources.contract import InForce, Source, SourceConfig
from reconcilers.sources.estimates import Estimate
from reconcilers.sources.rejected import Rejections
from reconcilers.sources.results import Once, Result

if TYPE_CHECKING:
    import pyarrow as pa

    from reconcilers.ingest.landing import Landed, LandedObject, Pull

_API_VERSION = "2023-06-01"
#: What makes both reports tell the speed of a call.
_FAST_MODE = "fast-mode-2026-02-01"
_ORGANISATION_PATH = "/v1/organizations/me"
_COST_REPORT, _USAGE_REPORT = "/v1/organizations/cost_report", "/v1/organizations/usage_report/messages"
_ANALYTICS_COST, _ANALYTICS_USAGE = "/v1/organizations/analytics/cost", "/v1/organizations/analytics/usage"
_CLAUDE_CODE_REPORT = "/v1/organizations/usage_report/claude_code"
#: What both analytics reports have to be asked with, and the most rows of a page of theirs and of the Claude Code report.
_ANALYTICS_BETA, _MOST_ROWS = "analytics-usage-cost-2026-08-24", "1000"
#: How the objects of a day begin that are landed; those of analytics have ``_ANALYTICS`` before it.
_ORGANISATION, _GROUPED, _UNGROUPED, _USAGE = "organization", "costs", "costs_total", "messages"
_ANALYTICS, _CLAUDE_CODE = "analytics_", "claude_code"
#: In the currency, what the two pulls of one day's costs may differ by: no document says that amounts are not rounded each
#: on its own, and those it shows have six decimals of a cent.
_TOTAL_TOLERANCE = Decimal("1e-6")
#: Currency → digits its minor unit stands for (ISO 4217). The report names no other.
_MINOR_DIGITS = {"USD": 2}
_NO_MINOR_UNITS = "how many of its minor units are one is known of USD alone"
#: What else it may mean that a key is refused.
_REFUSED = "an organisation of Claude Enterprise has Analytics keys instead, which `report: analytics` asks with"
_CLAUDE_CODE_REFUSED = "the Claude Code report needs an Admin API key; without one set `claude_code: false`"
#: FOCUS columns of one row.
_Fields = dict[str, str | None]
#: Members of a JSON object by name, with their own; a value by itself has none.
_Members = Mapping[str, "_Members"]
_SELLER: _Fields = {
    "ChargeCategory": "Usage",
    "ServiceName": "Claude API",
    "ProviderName": "Anthropic",
    "InvoiceIssuerName": "Anthropic",
}


class PriorityPrice(InForce):
    """What a contract takes for one kind of a model's tokens at Priority Tier, in USD."""

    model: str = Field(examples=["claude-sonnet-4-5-20250929"])
    """The model as the usage report names it."""
    meter: Literal["input_tokens", "cache_read_input_tokens", "cache_write_input_tokens", "output_tokens"]
    """Which of its tokens."""
    cache_ttl: Literal["5m", "1h"] | None = None
    """Of `cache_write_input_tokens`: how long what was written is kept; without it, any time."""
    price_per_million: str = Field(examples=["3.60"])
    """What a million of them costs: the fee by the tokens committed to, where the contract names no price."""

    @field_validator("price_per_million")
    @classmethod
    def _is_price(cls, value: str) -> str:
        if money.parse_amount(value) < 0:
            raise ValueError(f"{value!r:.40} is negative, which no price is")
        return value

    @model_validator(mode="after")
    def _only_writes_are_kept(self) -> Self:
        if self.cache_ttl and self.meter != "cache_write_input_tokens":
            raise ValueError(f"{self.meter} have no cache_ttl, which only cache_write_input_tokens have; leave it out")
        return self

    def of(self, quantity: str) -> str:
        """What so many tokens cost, exactly."""
        return money.of_minor(money.product(quantity, self.price_per_million), 6)

    def meets(self, other: PriorityPrice) -> bool:
        """Whether both are of the same tokens on some day."""
        same = (self.model, self.meter) == (other.model, other.meter)
        ttls = {self.cache_ttl, other.cache_ttl} - {None}
        return same and len(ttls) < 2 and self.overlaps(other)


class AnthropicConfig(SourceConfig):
    """Where the organisation's Admin API is and how it is asked."""

    base_url: str = Field(default="https://api.anthropic.com", exclude=True)
    """Where the API is."""
    api_key_env: str = Field(default="ANTHROPIC_ADMIN_KEY", exclude=True)
    """The environment variable that holds an Admin API key (`sk-ant-admin…`); a key of a workspace is refused. For
    `report: analytics` a key with `read:analytics` will do."""
    report: Literal["cost_report", "analytics"] = Field(default="cost_report", exclude=True)
    """Which report is the bill, never both: `cost_report`, or `analytics`, which tells costs after discounts and before credits
    beside their list price (a beta of the API; all that an organisation of Claude Enterprise has)."""
    billing_account_id: str | None = Field(default=None, examples=["12345678-1234-5678-1234-567812345678"])
    """The organisation's id; a key of another one is refused. Without it, the account is the organisation the key is of, which
    `report: analytics` does not tell."""
    group_usage_by: tuple[Literal["api_key_id", "inference_geo", "speed"], ...] = Field(
        default=("api_key_id", "inference_geo"), exclude=True
    )
    """What usage is split by beside workspace, model, tier and context window: drop `inference_geo` where the API refuses it,
    add `speed` where fast mode is used, which lets costs tell it, too (a beta of the API). For `report: analytics` it is one
    (`api_key_id`), and costs are split by it, too."""
    priority_prices: tuple[PriorityPrice, ...] = ()
    """What the contract takes at Priority Tier, which no cost tells: usage at that tier becomes lines that bill nothing and cost
    so much, and what was paid for the commitment is a purchase of another bill (rule R2). A cost that tells the tier goes first."""
    control_total: bool = Field(default=True, exclude=True)
    """Whether each day's costs are asked for ungrouped as well; a day whose lines do not add up to it is refused."""
    claude_code: bool = Field(default=False, exclude=True)
    """Whether the Claude Code report is asked for as well: what Anthropic reckons that Claude Code cost, beside the bill and in no
    sum with it. No person's address and no name of a key is kept of it."""
    retry: http.RetryPolicy = Field(default=http.RetryPolicy(), exclude=True)
    """How long to insist where the API does not answer."""

    @field_validator("priority_prices")
    @classmethod
    def _one_a_day(cls, value: tuple[PriorityPrice, ...]) -> tuple[PriorityPrice, ...]:
        for one, other in combinations(value, 2):
            if one.meets(other):
                raise ValueError(f"two prices of {one.model} {one.meter} hold on one day; give the first a valid_to")
        return value

    @model_validator(mode="after")
    def _analytics_can_be_asked(self) -> Self:
        if self.report == "analytics" and self.billing_account_id is None:
            raise ValueError(
                "report: analytics does not tell whose it is; set billing_account_id to the organisation's id"
            )
        if len(self.analytics_by) > 1:
            raise ValueError("report: analytics takes one more dimension than four; name one in group_usage_by")
        return self

    @property
    def analytics_by(self) -> tuple[str, ...]:
        """What costs and usage of analytics are split by beside the four that are always asked for."""
        if self.report != "analytics":
            return ()
        return self.group_usage_by if "group_usage_by" in self.model_fields_set else ("api_key_id",)


class Anthropic(Source):
    """Costs as charges, usage as provider usage, what Claude Code is reckoned to cost as provider estimates."""

    kind = "anthropic"
    Config = AnthropicConfig
    begins = MappingProxyType({"": "api_key_env: ANTHROPIC_ADMIN_KEY  # an Admin API key, sk-ant-admin...\n"})
    providers = ("anthropic",)
    tells = ("service_tier", "batch", "context_band", "cache_ttl")
    config: AnthropicConfig

    def __init__(self, config: SourceConfig) -> None:
        super().__init__(config)
        # Bursts are allowed, and one request a minute in the long run. A quarter's days are a burst.
        self.pace = http.Pace(burst=500, then_seconds=60)

    @property
    def tells_list_cost(self) -> bool:
        return self.config.report == "analytics"

    def probe(self, period: Period) -> int:
        """Asks for the costs of the first day, once."""
        with self._client(http.ONE_TRY) as client:
            _, path, params, _ = next(iter(self._requests(period.start)))
            client.get(path, params)
        return len(list(period.days()))

    def units(self, period: Period) -> Iterator[str]:
        """Every UTC day: ``2026-10-01``."""
        return (day.isoformat() for day in period.days())

    def fetch(self, unit: str, pull: Pull) -> None:
        with self._client(self.config.retry) as client:
            if self.config.report != "analytics":
                organisation = client.get(_ORGANISATION_PATH, [])
                pull.add(f"{_ORGANISATION}/0001.json", organisation.url, organisation.content)
            for name, path, window, group_by in self._requests(parse_day(unit)):
                params = [*window, *(("group_by[]", dimension) for dimension in group_by)]
                for number, page in enumerate(client.pages(path, params), 1):
                    pull.add(f"{name}/{number:04}.json", page.url, page.content)
        if self.config.claude_code:
            self._fetch_claude_code(unit, pull)

    def normalise(self, landed: Landed) -> Iterator[tuple[str, pa.Table]]:
        account, day = self._account(landed), parse_day(landed.unit)
        charges = focus.Charges(self.name, landed.landing_id)
        report = focus.UsageReport(self.name, landed.landing_id)
        notes = Rejections(self.name, landed.landing_id)
        totals: dict[str, dict[str, Decimal]] = {name: defaultdict(Decimal) for name in (_GROUPED, _UNGROUPED)}
        once, asked, answered = Once(), set(), set()
        billed_at: set[tuple[str | None, str | None]] = set()
        at_tiers: dict[tuple[str, int], list[tuple[int, _Fields]]] = {}
        for index, item in enumerate(landed.objects):
            told_by, base = item.name.partition("/")[0], folders.line_base(index)
            name = told_by.removeprefix(_ANALYTICS)
            if name == _ORGANISATION:
                continue
            if name == _CLAUDE_CODE:
                if reckoned := self._estimates(landed, item, base, notes):
                    yield "provider_estimates", estimates.table(reckoned, self.name, landed.landing_id)
                continue
            asked.add(name)
            rows: list[Result] = []
            if name != told_by:
                rows += self._analytics(landed, item)
                answered.add(name)
            else:
                for start, told in self._buckets(landed, item):
                    rows += told
                    if start == datetime.combine(day, time()):
                        answered.add(name)
            for row in rows:
                if name in totals:
                    currency, cost = _billed(row)
                    totals[name][currency] = money.sum_exactly(totals[name][currency], cost)
                if name != _UNGROUPED:
                    once.check(row, name, row.start, *(row.text(dimension) for dimension in _DIMENSIONS))
            if name == _GROUPED and rows:
                costs = [(row.line, self._charge(row, account)) for row in rows]
                yield "charges", charges.table_of_rows(costs, file=item.name, line_base=base)
                billed_at |= {(fields["x_Model"], fields["x_ServiceTier"]) for _, fields in costs}
            elif name == _USAGE:
                _note_unread(notes, item.name, base, rows)
                used = [(row.line, fields) for row in rows for fields in self._used(row, account)]
                if used:
                    yield "provider_usage", report.table_of_rows(used, file=item.name, line_base=base)
                at_tiers[item.name, base] = [
                    (line, fields) for line, fields in used if fields.get("x_ServiceTier") not in (None, "standard")
                ]
        self._check_answered(landed, asked - answered)
        if _UNGROUPED in asked:
            results.check_total(
                totals[_GROUPED],
                totals[_UNGROUPED],
                source=self.name,
                tolerance=_TOTAL_TOLERANCE,
                period=landed.unit,
            )
        for (file, base), used in at_tiers.items():
            unbilled = [
                (line, fields, self._at_contract_price(fields, day))
                for line, fields in used
                if (fields["x_Model"], fields["x_ServiceTier"]) not in billed_at
            ]
            if contract := [(line, charge) for line, _, charge in unbilled if charge]:
                yield "charges", charges.table_of_rows(contract, file=file, line_base=base)
            _note_unpriced(notes, file, base, day, [(line, fields) for line, fields, charge in unbilled if not charge])
        if notes.rows:
            yield "rejected_records", notes.table()

    def cited(self, path: Path, name: str, line: int) -> str:
        """The n-th result of a page, cut out of it as it stands."""
        member = "data" if name.startswith((_ANALYTICS, _CLAUDE_CODE)) else "results"
        return results.cited(path, name, line, source=self.name, member=member)

    def _client(self, retry: http.RetryPolicy, refused: str = _REFUSED) -> http.Client:
        key = http.credential(self.config.api_key_env, self.name)
        beta = {"anthropic-beta": _FAST_MODE} if "speed" in self.config.group_usage_by else {}
        if self.config.report == "analytics":
            beta = {"anthropic-beta": _ANALYTICS_BETA}
        return http.Client(
            self.config.base_url,
            {"x-api-key": key, "anthropic-version": _API_VERSION, **beta},
            source=self.name,
            variable=self.config.api_key_env,
            retry=retry,
            pace=self.pace,
            refused=refused,
        )

    def _fetch_claude_code(self, unit: str, pull: Pull) -> None:
        """Land what is kept of the day's records. The address of a page is left out, as its cursor may be made of a person's."""
        with self._client(self.config.retry, _CLAUDE_CODE_REFUSED) as client:
            asked = [("starting_at", unit), ("limit", _MOST_ROWS)]
            for number, page in enumerate(client.pages(_CLAUDE_CODE_REPORT, asked), 1):
                records = Result(self.name, page.url, 0, page.body).members("data")
                kept = json.dumps({"data": [_kept(one, _KEPT) for one in records]}, default=str, ensure_ascii=False)
                content = kept.encode("utf-8", "replace")  # half a surrogate pair is no text
                pull.add(f"{_CLAUDE_CODE}/{number:04}.json", page.url.partition("&page=")[0], content)

    def _requests(self, day: date) -> Iterator[tuple[str, str, list[tuple[str, str]], tuple[str, ...]]]:
        """(name of the landed objects, path, what asks for the day, dimensions to group by) of every report a day consists of."""
        always = ("workspace_id", "model", "service_tier", "context_window")
        if self.config.report == "analytics":
            window, by = _analytics_window(day), (*always, *self.config.analytics_by)
            yield f"{_ANALYTICS}{_GROUPED}", _ANALYTICS_COST, window, (*by, "cost_type", "token_type")
            if self.config.control_total:
                yield f"{_ANALYTICS}{_UNGROUPED}", _ANALYTICS_COST, window, ()
            yield f"{_ANALYTICS}{_USAGE}", _ANALYTICS_USAGE, window, by
            return
        window = _window(day)
        yield _GROUPED, _COST_REPORT, window, ("workspace_id", "description")
        if self.config.control_total:
            yield _UNGROUPED, _COST_REPORT, window, ()
        yield _USAGE, _USAGE_REPORT, window, (*always, *self.config.group_usage_by)

    def _account(self, landed: Landed) -> str:
        """The organisation whose key was used. Raises ``SourceRejected`` where it is not the configured one."""
        found = [item for item in landed.objects if item.name.partition("/")[0] == _ORGANISATION]
        if not found:
            return str(self.config.billing_account_id)
        (item,) = found
        body = http.parse_json(landed.path(item).read_bytes(), source=self.name, file=item.name)
        told = Result(self.name, item.name, 1, body)
        organisation = told.required_text("id")
        if self.config.billing_account_id not in (None, organisation):
            raise told.rejected(
                f"is of organisation {organisation:.80}, not {self.config.billing_account_id}",
                f"the key in {self.config.api_key_env} belongs to another organisation",
            )
        return organisation

    def _buckets(self, landed: Landed, item: LandedObject) -> Iterator[tuple[datetime, list[Result]]]:
        content, day = landed.path(item).read_bytes(), parse_day(landed.unit)
        return results.buckets(content, day, _times, source=self.name, file=item.name, number=Decimal)

    def _analytics(self, landed: Landed, item: LandedObject) -> Iterator[Result]:
        """The rows of a page of analytics, each as the other report would tell it: its group, and its cost or usage, in one."""
        content, day = landed.path(item).read_bytes(), parse_day(landed.unit)
        body = http.parse_json(content, source=self.name, file=item.name, number=Decimal)
        for line, fields in enumerate(Result(self.name, item.name, 0, body).members("data"), 1):
            told = Result(self.name, item.name, line, fields)
            start, end = _times(told)
            if (start, end) != (datetime.combine(day, time()), datetime.combine(day + timedelta(days=1), time())):
                raise told.rejected(f"is of {start} to {end}, which was not asked for")
            group, counted = told.get("group"), told.get("cost") or told.get("usage")
            if not isinstance(group, dict) or not isinstance(counted, dict):
                raise told.changed("group, and cost or usage, are not JSON objects")
            yield Result(self.name, item.name, line, {**group, **counted}, start, end)

    def _estimates(self, landed: Landed, item: LandedObject, base: int, notes: Rejections) -> list[Estimate]:
        """What a page of the Claude Code report tells. A record of it that cannot be read is noted: an estimate stops no bill."""
        content, day = landed.path(item).read_bytes(), parse_day(landed.unit)
        body = http.parse_json(content, source=self.name, file=item.name)
        found: list[Estimate] = []
        for line, fields in enumerate(Result(self.name, item.name, 0, body).members("data"), 1):
            try:
                found += list(_estimated(Result(self.name, item.name, line, fields), base + line, day))
            except (SourceRejected, SourceChangedShape) as error:
                notes.add(item.name, base + line, error.problem, len(json.dumps(fields)), day=day)
        return found

    def _charge(self, row: Result, account: str) -> _Fields:
        """A cost as a FOCUS row. Effective cost is the billed cost, and so is list cost where the report tells no other."""
        currency, cost = _billed(row)
        kind = row.text("cost_type") or ""
        described = row.text("description") or row.text("token_type") or kind or None
        meter, ttl = _TOKENS.get(row.text("token_type") or "", (None, None))
        return {
            **_priced(row),
            **({"x_Model": kind} if kind in _TOOLS else {}),
            "x_Meter": _TOOLS.get(kind, meter),
            "x_CacheTtl": ttl,
            "BilledCost": cost,
            "EffectiveCost": cost,
            "ListCost": cost if row.get("list_amount") is None else _billed(row, "list_amount")[1],
            "BillingAccountId": account,
            "BillingCurrency": currency,
            "BillingPeriodStart": row.start_text(),
            "ChargePeriodStart": row.start_text(),
            "ChargePeriodEnd": row.end_text(),
            **_SELLER,
            "ChargeDescription": described,
            "SkuId": described,
            "SkuMeter": described,
            "SubAccountId": _workspace(row),
            "x_ApiKeyId": row.text("api_key_id"),
        }

    def _used(self, row: Result, account: str) -> Iterator[_Fields]:
        """One usage row as one row per meter and TTL, disjoint as it tells them; what was not used has none."""
        owner = {
            "ChargePeriodStart": row.start_text(),
            "ChargePeriodEnd": row.end_text(),
            "BillingAccountId": account,
            "SubAccountId": _workspace(row),
            "x_ApiKeyId": row.text("api_key_id"),
        }
        priced = _priced(row)
        for name, (meter, ttl) in _TOKENS.items():
            if quantity := row.count(name, required=True):
                yield owner | priced | {"x_CacheTtl": ttl} | _counted(meter, quantity)
        # A search costs the same whichever model asked for it, and its cost names none.
        if searches := row.count(_SEARCHES):
            yield owner | {"x_Model": _WEB_SEARCH} | _counted(_TOOLS[_WEB_SEARCH], searches)

    def _at_contract_price(self, used: _Fields, day: date) -> _Fields | None:
        """Usage at Priority Tier as a FOCUS row that bills nothing, since the commitment is paid for as such; null at any other
        tier, and where no price is declared."""
        if used["x_ServiceTier"] != "priority":
            return None
        told = (used["x_Model"], used["x_Meter"])
        for price in self.config.priority_prices:
            if (
                (price.model, price.meter) == told
                and price.holds(day)
                and price.cache_ttl in (None, used["x_CacheTtl"])
            ):
                return {
                    **used,
                    **_SELLER,
                    "BilledCost": "0",
                    "EffectiveCost": price.of(used["ConsumedQuantity"] or "0"),
                    "BillingCurrency": "USD",
                    "BillingPeriodStart": used["ChargePeriodStart"],
                    "ChargeDescription": "Priority Tier at contract price",
                    "CommitmentDiscountId": "Priority Tier",
                    "CommitmentDiscountStatus": "Used",
                }
        return None

    def _check_answered(self, landed: Landed, unanswered: set[str]) -> None:
        """Raises ``SourceRejected`` where a report leaves the day out.

        A day without spend has a bucket without results: one that is left out is none that is known to be empty.
        """
        if unanswered:
            raise SourceRejected(
                f"{', '.join(sorted(unanswered))}: the answer has no bucket of the day",
                source=self.name,
                period=landed.unit,
                hint="a day without spend has an empty one; pull the day again, or report it to the provider",
            )


# What a result says ---------------------------------------------------------------------------------------------------

#: A type of token, which is where a usage row counts it, too → meter and TTL.
_TOKENS: Mapping[str, tuple[str, str | None]] = {
    "uncached_input_tokens": ("input_tokens", None),
    "cache_read_input_tokens": ("cache_read_input_tokens", None),
    "cache_creation.ephemeral_5m_input_tokens": ("cache_write_input_tokens", "5m"),
    "cache_creation.ephemeral_1h_input_tokens": ("cache_write_input_tokens", "1h"),
    "output_tokens": ("output_tokens", None),
}
#: Costs of tools → meter. Code execution and the sessions of managed agents are billed by time, which no report counts.
_WEB_SEARCH = "web_search"
_TOOLS = {_WEB_SEARCH: "searches", "code_execution": "seconds", "session_usage": "seconds"}
_SEARCHES = "server_tool_use.web_search_requests"
#: What is counted and not billed by the count: a fetched page costs its tokens, and all tokens are those of each kind.
_NOT_BILLED = ("server_tool_use.web_fetch_requests", "total_tokens", "requests")
#: A batch is billed at half the standard tier; any other tier is one of its own.
_TIERS = {"standard": ("standard", "false"), "batch": ("standard", "true")}
#: Context windows in the words of prices; one that is not known meets nothing, rather than the wrong price.
_BANDS = {"0-200k": "standard", "200k-1M": "long"}
#: A model whose inference cannot be pinned to a geography tells none.
_NO_GEOGRAPHY = "not_available"
#: What of a record of the Claude Code report is landed, member by member; nothing else is, and no list or object in place of a value.
_KEPT: _Members = {
    "date": {},
    "customer_type": {},
    "model_breakdown": {
        "model": {},
        "tokens": {"input": {}, "cache_read": {}, "cache_creation": {}, "output": {}},
        "estimated_cost": {"amount": {}, "currency": {}},
    },
}
#: Meter ← the count of a record of it, disjoint as those of the usage report are; how long a write is kept it does not tell.
_CLAUDE_CODE_TOKENS = {
    "input_tokens": "tokens.input",
    "cache_read_input_tokens": "tokens.cache_read",
    "cache_write_input_tokens": "tokens.cache_creation",
    "output_tokens": "tokens.output",
}
#: What tells two results of a report apart.
_DIMENSIONS = (
    "workspace_id",
    "description",
    "cost_type",
    "token_type",
    "model",
    "service_tier",
    "context_window",
    "inference_geo",
    "speed",
    "api_key_id",
    "account_id",
    "service_account_id",
    "currency",
)


def _kept(told: Any, members: _Members) -> Any:
    """Of a JSON value what ``members`` name; without any it is a value by itself, and what is none is left out."""
    if not members:
        return None if isinstance(told, list | dict) else told
    if isinstance(told, list):
        return [_kept(one, members) for one in told]
    if isinstance(told, dict):
        return {name: _kept(told[name], inner) for name, inner in members.items() if name in told}
    return None


def _estimated(record: Result, line: int, day: date) -> Iterator[Estimate]:
    """What one record of the Claude Code report tells, a model each."""
    customer_type = record.required_text("customer_type")
    if (told := _instant(record, "date").date()) != day:
        raise record.rejected(f"is of {told}, which was not asked for")
    models = [] if record.get("model_breakdown") is None else record.members("model_breakdown")
    for one in (Result(record.source, record.file, record.line, fields) for fields in models):
        currency = one.required_text("estimated_cost.currency").upper()
        if currency not in _MINOR_DIGITS:
            raise one.changed(f"currency is {currency!r:.20}; {_NO_MINOR_UNITS}")
        try:
            cost = money.charged(money.of_minor(one.required_text("estimated_cost.amount"), _MINOR_DIGITS[currency]))
        except ValueError as error:
            raise one.rejected(f"estimated_cost.amount: {error}") from None
        tokens = {meter: _tokens(one, name, meter) for meter, name in _CLAUDE_CODE_TOKENS.items()}
        yield Estimate(line, "claude_code", day, one.text("model"), cost, currency, customer_type, tokens)


def _tokens(one: Result, name: str, meter: str) -> int | None:
    """A count of an estimate; null where it tells none."""
    if one.get(name) is None:
        return None
    if (count := one.count(name)) > most_of(meter):
        raise one.rejected(f"{name} is {count:.3g}, more than is counted of {meter}")
    return count


def _priced(row: Result) -> _Fields:
    """The model of a result, and what it tells of the price."""
    tier, window, geography = row.text("service_tier"), row.text("context_window"), row.text("inference_geo")
    service_tier, batch = _TIERS.get(tier or "", (tier, "false" if tier else None))
    return {
        "x_Model": row.text("model"),
        "x_ServiceTier": service_tier,
        "x_Batch": batch,
        "x_ContextBand": _BANDS.get(window or "", window),
        "x_Geography": None if geography == _NO_GEOGRAPHY else geography,
        "x_Speed": row.text("speed"),
    }


def _counted(meter: str, quantity: int) -> _Fields:
    return {"x_Meter": meter, "ConsumedQuantity": str(quantity), "ConsumedUnit": METERS[meter]}


def _workspace(row: Result) -> str:
    """The workspace of a result that is grouped by it: null is the default one."""
    if "workspace_id" not in row.fields:
        raise row.changed("workspace_id is missing, by which was grouped")
    return row.text("workspace_id") or "(default)"


def _billed(row: Result, name: str = "amount") -> tuple[str, str]:
    """(currency, cost in it) of a cost. Cents come as text: a bare number is another unit, or another report."""
    currency, amount = row.required_text("currency").upper(), row.get(name)
    if currency not in _MINOR_DIGITS:
        raise row.changed(f"currency is {currency!r:.20}; {_NO_MINOR_UNITS}")
    if not isinstance(amount, str):
        raise row.changed(f"{name} is not a text, as cents are told")
    try:
        return currency, money.of_minor(amount, _MINOR_DIGITS[currency])
    except ValueError as error:
        raise row.rejected(f"{name}: {error}") from None


def _note_unread(notes: Rejections, file: str, base: int, rows: list[Result]) -> None:
    """Note every kind of count that no meter reads, once a page, with the first row that has some."""
    found: dict[str, list[Result]] = {}
    for row in rows:
        members = [(name, value) for name, value in row.fields.items() if not isinstance(value, dict)]
        members += [
            (f"{name}.{part}", value)
            for name, held in row.fields.items()
            if isinstance(held, dict)
            for part, value in held.items()
        ]
        for name, value in members:
            if isinstance(value, int) and not isinstance(value, bool) and value and name not in _READ:
                found.setdefault(name, []).append(row)
    for name, having in found.items():
        first = having[0]
        notes.add(
            file,
            base + first.line,
            f"no meter reads it; rows that count it: {len(having)}",
            sum(len(str(row.get(name))) for row in having),
            name,
            first.start.date() if first.start else None,
        )


def _note_unpriced(notes: Rejections, file: str, base: int, day: date, used: list[tuple[int, _Fields]]) -> None:
    """Note every tier of a page that neither a cost nor a contract tells the price of, with the first row used at it."""
    found: dict[str, list[int]] = defaultdict(list)
    for line, fields in used:
        found[fields["x_ServiceTier"] or ""].append(line)
    for tier, lines in found.items():
        reason = (
            f"no cost tells what tier {tier} costs and no contract price is declared; counts used at it: {len(lines)}"
        )
        notes.add(file, base + lines[0], reason, len(tier), "service_tier", day)


_READ = frozenset({*_TOKENS, _SEARCHES, *_NOT_BILLED})


def _times(bucket: Result) -> tuple[datetime, datetime]:
    return _instant(bucket, "starting_at"), _instant(bucket, "ending_at")


def _instant(bucket: Result, name: str) -> datetime:
    """An RFC 3339 time as naive UTC."""
    try:
        return parse_instant(bucket.text(name) or "")
    except ValueError:
        raise bucket.changed(f"{name} is not an RFC 3339 time") from None


def _window(day: date) -> list[tuple[str, str]]:
    """The parameters that ask for one UTC day."""
    return [
        ("starting_at", f"{day}T00:00:00Z"),
        ("ending_at", f"{day + timedelta(days=1)}T00:00:00Z"),
        ("bucket_width", "1d"),
        ("limit", "1"),
    ]


def _analytics_window(day: date) -> list[tuple[str, str]]:
    """The parameters that ask analytics for one UTC day, in as few pages as can be."""
    (start, end, *_) = _window(day)
    return [start, end, ("time_bucket_width", "1d"), ("limit", _MOST_ROWS)]
