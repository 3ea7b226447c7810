"""OpenRouter's bill: its activity, one UTC day a unit.

https://openrouter.ai/docs/api/api-reference/analytics/get-user-activity: a row is what one endpoint of a model took in one
workspace that day. ``usage`` is what OpenRouter took, in credits of 1 USD. Only the last 30 completed days are told, on one
page each; any other day is refused (400), so that what was known of it stays. ``byok_usage_inference`` is what OpenRouter
reckons the upstream took on the company's own key: that is the upstream's bill, so here it is a provider estimate and no charge.

One amount pays for both prompt and completion. It is split by the model's prices where both were used, which no row tells;
where none is declared the line has no meter. Reasoning tokens are completion tokens already. Cached ones are not told apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from functools import reduce
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from pydantic import Field

from reconcilers import money
from reconcilers.periods import Period, parse_day, parse_instant
from reconcilers.sources import estimates, focus, folders, http, results
from reconcilers.sources.billing import token_prices
from reconcilers.sources.contract import Source, SourceConfig
from reconcilers.sources.estimates import Estimate
from reconcilers.sources.results import Once, Result

if TYPE_CHECKING:
    import pyarrow as pa

    from reconcilers.ingest.landing import Landed, LandedObject, Pull

_ACTIVITY = "/api/v1/activity"
#: How the objects of a day begin that are landed.
_ROWS, _TOTAL = "activity", "activity_total"
#: What the two answers of one day may differ by: amounts come as doubles, summed each on its own.
_TOTAL_TOLERANCE = Decimal("1e-9")
#: What tells two rows of a day apart.
_DIMENSIONS = ("workspace_id", "model", "model_permaslug", "endpoint_id", "provider_name")
#: Meter ← the count of a row.
_TOKENS = {"input_tokens": "prompt_tokens", "output_tokens": "completion_tokens"}


class OpenRouterConfig(SourceConfig):
    """Where the activity is and how a row of it is read."""

    base_url: str = Field(default="https://openrouter.ai", exclude=True)
    """Where the API is."""
    api_key_env: str = Field(default="OPENROUTER_MANAGEMENT_KEY", exclude=True)
    """The environment variable that holds a management key; a key that calls models is refused."""
    billing_account_id: str = "(default)"
    """What the account is called, which the API does not tell; name each where there are several."""
    prices: tuple[token_prices.TokenPrice, ...] = ()
    """What tokens cost, to split what a row took into prompt and completion; of several of a model the first that holds on the
    day counts. What no price splits is `unmapped`."""
    control_total: bool = Field(default=True, exclude=True)
    """Whether each day is asked for without workspaces as well; a day whose rows do not add up to it is refused."""
    retry: http.RetryPolicy = Field(default=http.RetryPolicy(), exclude=True)
    """How long to insist where the API does not answer."""


class OpenRouter(Source):
    """Rows of the activity as charges, what upstreams are reckoned to take as provider estimates."""

    kind = "openrouter"
    Config = OpenRouterConfig
    begins = MappingProxyType(
        {"": "api_key_env: OPENROUTER_MANAGEMENT_KEY  # a management key, which calls no model\n"}
    )
    providers = ("openrouter",)
    config: OpenRouterConfig

    def __init__(self, config: SourceConfig) -> None:
        super().__init__(config)
        self._pace = http.Pace()

    @property
    def tells_list_cost(self) -> bool:
        return False

    def probe(self, period: Period) -> int:
        """Asks for the activity of all days it has, once: one day of the period may be too old for it."""
        with self._client(http.ONE_TRY) as client:
            client.get(_ACTIVITY, [])
        return len(list(period.days()))

    def units(self, period: Period) -> Iterator[str]:
        """Every UTC day: ``2026-10-01``."""
        return (day.isoformat() for day in period.days())

    def fetch(self, unit: str, pull: Pull) -> None:
        asked = [(_ROWS, [("date", unit), ("group_by", "workspace")])]
        if self.config.control_total:
            asked.append((_TOTAL, [("date", unit)]))
        with self._client(self.config.retry) as client:
            for name, params in asked:
                page = client.get(_ACTIVITY, params)
                pull.add(f"{name}.json", page.url, page.content)

    @classmethod
    def readers(cls) -> set[Path]:
        return super().readers() | {Path(token_prices.__file__)}

    def normalise(self, landed: Landed) -> Iterator[tuple[str, pa.Table]]:
        charges = focus.Charges(self.name, landed.landing_id)
        once, totals = Once(), {}
        for index, item in enumerate(landed.objects):
            name = item.name.removesuffix(".json")
            rows = list(self._rows(landed, item))
            totals[name] = reduce(money.sum_exactly, map(_cost, rows), Decimal(0))
            if name == _ROWS and rows:
                for row in rows:
                    once.check(row, *(row.text(dimension) for dimension in _DIMENSIONS))
                day, base = parse_day(landed.unit), folders.line_base(index)
                lines = [(row.line, fields) for row in rows for fields in self._charges(row, day)]
                yield "charges", charges.table_of_rows(lines, file=item.name, line_base=base)
                if reckoned := [one for row in rows for one in _on_own_key(row, base + row.line, day)]:
                    yield "provider_estimates", estimates.table(reckoned, self.name, landed.landing_id)
        if _TOTAL in totals:
            stated = {"USD": totals[_TOTAL]}
            results.check_total(
                {"USD": totals[_ROWS]}, stated, source=self.name, tolerance=_TOTAL_TOLERANCE, period=landed.unit
            )

    def cited(self, path: Path, name: str, line: int) -> str:
        """The n-th row of a day, cut out of its answer as it stands."""
        return results.cited(path, name, line, source=self.name, member="data")

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

    def _rows(self, landed: Landed, item: LandedObject) -> Iterator[Result]:
        """The rows of one answer. A row of another day contradicts what was asked for."""
        content = landed.path(item).read_bytes()
        body = http.parse_json(content, source=self.name, file=item.name, number=str)
        for line, fields in enumerate(Result(self.name, item.name, 0, body).members("data"), 1):
            row = Result(self.name, item.name, line, fields)
            try:
                day = parse_instant(row.required_text("date")).date()
            except ValueError:
                raise row.changed("date is not a day") from None
            if day != parse_day(landed.unit):
                raise row.rejected(f"is of {day}, which was not asked for")
            yield row

    def _charges(self, row: Result, day: date) -> Iterator[dict[str, str | None]]:
        """What a row took as FOCUS rows, one a meter. Effective and list cost are the billed cost: the activity tells no other."""
        model, cost = row.required_text("model"), _cost(row)
        if "workspace_id" not in row.fields:
            raise row.changed("workspace_id is missing, by which was grouped")
        counted = {meter: count for meter, name in _TOKENS.items() if (count := _count(row, name))}
        shares = self._split(model, day, cost, counted)
        for meter, billed in shares.items():
            yield {
                "BilledCost": billed,
                "EffectiveCost": billed,
                "ListCost": billed,
                "BillingAccountId": self.config.billing_account_id,
                "BillingCurrency": "USD",
                "BillingPeriodStart": day.isoformat(),
                "ChargePeriodStart": day.isoformat(),
                "ChargePeriodEnd": (day + timedelta(days=1)).isoformat(),
                "ChargeCategory": "Usage",
                "ServiceName": "OpenRouter API",
                "ProviderName": "OpenRouter",
                "InvoiceIssuerName": "OpenRouter",
                "ChargeDescription": f"{model} of {row.text('provider_name') or 'unknown'}",
                "SkuId": row.text("model_permaslug"),
                "SubAccountId": row.text("workspace_id") or "(default)",
                "ConsumedQuantity": counted[meter] if meter else row.text("requests"),
                "ConsumedUnit": "tokens" if meter else "requests",
                "x_Model": model,
                "x_Meter": meter,
            }

    def _split(self, model: str, day: date, cost: str, counted: dict[str, str]) -> dict[str | None, str]:
        """(meter, share of the cost): by price where both kinds of tokens were used, whole where one was or where it costs
        nothing, and of no meter where nobody tells."""
        if len(counted) == 1 or (counted and not money.parse_amount(cost)):
            return dict.fromkeys(counted, cost)
        price = token_prices.price_of(self.config.prices, model, day)
        if price is None or not counted:
            return {None: cost}
        return dict(zip(counted, money.split(cost, price.weights(counted)), strict=True))


def _on_own_key(row: Result, line: int, day: date) -> Iterator[Estimate]:
    """What the upstream is reckoned to take of a row; how many of its tokens that is of nobody tells."""
    if (told := row.text("byok_usage_inference")) is None:
        return
    try:
        cost = money.charged(told)
    except ValueError as error:
        raise row.rejected(f"byok_usage_inference: {error}") from None
    if cost.plain != "0":
        yield Estimate(line, "byok", day, row.required_text("model"), cost, "USD")


def _cost(row: Result) -> str:
    _amount(row, "usage")
    return row.required_text("usage")


def _amount(row: Result, name: str) -> Decimal:
    try:
        return money.parse_amount(row.required_text(name))
    except ValueError as error:
        raise row.rejected(f"{name}: {error}") from None


def _count(row: Result, name: str) -> str | None:
    """A count of tokens as written (whole numbers may come as ``50.0``); null where none were used."""
    count = _amount(row, name)
    if count < 0 or count % 1:
        raise row.rejected(f"{name} is {count:f}, which counts no tokens")
    return f"{count:.0f}" if count else None
