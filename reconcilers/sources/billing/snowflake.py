"""Snowflake's bill: exports of its organisation's daily usage in currency, a month a unit; lines of Cortex divided by its usage views.

https://docs.snowflake.com/en/sql-reference/organization-usage/usage_in_currency_daily. The view tells what each service of each
account took on a UTC day, as an amount, and which funds paid it. Until a month is closed each of its days may change, so a month is
what its last export tells of it. A line of AI services names no model. The views of Cortex tell credits by function and model, and
never money: a line is divided by them exactly, what they do not tell of is a part of its own, and nothing of them is added.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from pydantic import Field, field_validator

from reconcilers import money
from reconcilers.errors import PeriodIncomplete, SourceChangedShape, SourceRejected, nearest
from reconcilers.periods import Period, months_before, parse_instant
from reconcilers.sources import focus, focus_values, folders, results, tabular
from reconcilers.sources.billing import token_prices
from reconcilers.sources.contract import Source, SourceConfig
from reconcilers.sources.rejected import Rejections

if TYPE_CHECKING:
    import pyarrow as pa

    from reconcilers.ingest.landing import Landed, LandedObject, Pull

_BILL, _TOTAL = "usage_in_currency_daily", "usage_in_currency_daily_total"
_FILE = re.compile(r"(?i)(?:.*/)?[^_./][^/]*\.(?:csv(?:\.(?:gz|zst))?|parquet)")
#: ``2026-09.csv`` or ``2026-09/data_0_0_0.parquet``, below the folder of a view.
_MONTH = re.compile(r"(\d{4}-\d\d)[./].*")

_COLUMNS = (
    *("organization_name", "account_name", "usage_date", "usage", "currency", "usage_in_currency", "balance_source"),
    *("billing_type", "rating_type", "service_type", "is_adjustment"),
)
_SOMETIMES = ("contract_number", "region", "service_level", "usage_type")
_TOTAL_COLUMNS = ("currency", "row_count", "usage_in_currency")
_WHOLE = "export the view with all its columns and their names (`HEADER = TRUE`); its legacy form has no BILLING_TYPE"

#: How what was used is paid: it is ``billed`` on the month's invoice, was ``prepaid``, or costs nothing (``free``).
Paid = Literal["billed", "prepaid", "free"]
#: BALANCE_SOURCE → how it pays. Where none is told, no balance was drawn on. How ``rebate`` counts has to be said.
_BALANCES: Mapping[str, Paid] = {
    "": "billed",
    "overage": "billed",
    "capacity": "prepaid",
    "rollover": "prepaid",
    "free usage": "free",
}
_CATEGORIES = {
    "CONSUMPTION": "Usage",
    "REBATE": "Credit",
    "SUPPORT_CREDIT": "Credit",
    "PRIORITY_SUPPORT": "Purchase",
    "VPS_DEPLOYMENT_FEE": "Purchase",
}
#: RATING_TYPE → the unit of USAGE. Of any other nothing tells it.
_UNITS = {"COMPUTE": "Credits", "AI_COMPUTE": "Credits", "STORAGE": "Terabytes", "DATA_TRANSFER": "Terabytes"}


@dataclass(frozen=True)
class _View:
    """A usage view of Cortex: its columns for the time, the credits, the model, and the function or what stands for one."""

    time: str
    credits: str
    function: str
    model: str | None = None
    metrics: str | None = None
    #: Rows of these functions are in another view as well.
    elsewhere: tuple[str, ...] = ()

    def columns(self) -> list[str]:
        told = (self.time, self.credits, self.function if self.function.islower() else None, self.model, self.metrics)
        return ["account_name", *(name for name in told if name)]


_VIEWS = {
    "cortex_ai_functions_usage_history": _View("start_time", "credits", "function_name", "model_name", "metrics"),
    "cortex_analyst_usage_history": _View("start_time", "credits", "CORTEX_ANALYST"),
    # Its pages are counted by no meter.
    "cortex_document_processing_usage_history": _View("start_time", "credits_used", "function_name", "model_name"),
    "cortex_fine_tuning_usage_history": _View("start_time", "token_credits", "CORTEX_FINE_TUNING", "model_name"),
    "cortex_provisioned_throughput_usage_history": _View(
        "interval_start_time", "ptu_credits", "CORTEX_PROVISIONED_THROUGHPUT", "model_name"
    ),
    "cortex_search_daily_usage_history": _View(
        "usage_date", "credits", "consumption_type", elsewhere=("EMBED_TEXT_TOKENS",)
    ),
}
_STOPPED = ("cortex_functions_usage_history", "cortex_functions_query_usage_history")
#: What is landed of a view: a row for each account, day, function, model, and whether its tokens are told as input and output.
_MEASURED = ("account_name", "usage_date", "function", "model", "credits", "input_tokens", "output_tokens", "row_count")
_BEYOND = "beyond the Cortex views"


class SnowflakeConfig(SourceConfig):
    """Where the views are exported, and what of them is money."""

    uri: str = Field(exclude=True, examples=["s3://acme-exports/snowflake"])
    """The folder of the exports, `s3://bucket/prefix`, Azure Blob Storage or a path. Below it `usage_in_currency_daily/2026-09/` or
    `usage_in_currency_daily/2026-09.csv` holds a month of that view, as CSV with a header or Parquet, and
    `usage_in_currency_daily_total/2026-09.csv` its rows and sum by currency; each view of `cortex` has a folder of its name."""
    balance_sources: dict[str, Paid] = Field(default={}, examples=[{"rebate": "free"}])
    """How usage that a balance source paid counts: `billed` (on the month's invoice), `prepaid` (on the invoice of a capacity bought
    before: it is cost, and bills nothing) or `free`. Known are `overage` as billed, `capacity` and `rollover` as prepaid, `free
    usage` as free; how `rebate` counts you have to find out by comparing a month with its statement."""
    credits: Literal["signed", "unsigned"] = "signed"
    """Whether rebates and support credits are below 0 in the view. One that would add to the bill is refused."""
    cortex: dict[str, tuple[str, ...]] = Field(
        default={}, examples=[{"cortex_ai_functions_usage_history": ["AI_FUNCTIONS", "AI_SERVICES"]}]
    )
    """The usage views of Cortex to divide lines by, exported likewise with a column `account_name` and times in UTC, and of each the
    service types whose credits it tells; the first that an account's day has a line of is meant."""
    prices: tuple[token_prices.TokenPrice, ...] = ()
    """What tokens take, to split credits into input and output; of several of a model the first that holds on the day counts. What
    no price splits is of a model and no meter, and so `unmapped`."""
    control_total: bool = Field(default=True, exclude=True)
    """Whether a month has its total beside it. Without one nothing tells a whole month from half of one, and a row that stands
    twice refuses it."""
    earlier_months: int = Field(default=1, ge=0, le=24, exclude=True)
    """Months before the asked period that are read again, since days change until their month is closed."""
    endpoint_url: str | None = Field(default=None, exclude=True)
    """Where S3 is, where it is not Amazon's."""

    @field_validator("balance_sources")
    @classmethod
    def _in_one_spelling(cls, value: dict[str, Paid]) -> dict[str, Paid]:
        return {_spaced(name): paid for name, paid in value.items()}

    @field_validator("cortex")
    @classmethod
    def _are_in_force(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for view, services in value.items():
            if view in _STOPPED:
                raise ValueError(f"{view} stopped in November 2025; use cortex_ai_functions_usage_history")
            if view not in _VIEWS:
                raise ValueError(f"{view!r:.60} is none of {', '.join(_VIEWS)}{nearest(view, _VIEWS)}")
            if not services:
                raise ValueError(f"{view}: say which service types of the bill its credits are of")
        return {view: tuple(map(_word, services)) for view, services in value.items()}


@dataclass(frozen=True)
class _Row:
    """A row of the bill: where it stands, what it tells, and of it what was read. ``amount`` is null where it is not known."""

    index: int
    file: str
    line: int
    told: Mapping[str, str | None]
    day: date
    service: str
    category: str
    unit: str | None
    paid: Paid
    amount: str | None

    @property
    def place(self) -> tuple[int, int]:
        return self.index, self.line

    @property
    def key(self) -> _Key:
        return self.told["account_name"], self.day, self.service

    @property
    def landing_line(self) -> int:
        return self.line + folders.line_base(self.index)

    @property
    def used_nanos(self) -> int:
        """How much was used, in 10⁻⁹ of its unit."""
        return _nanos(money.parse_amount(self.told["usage"] or "0"))

    @property
    def size(self) -> int:
        return len(json.dumps(dict(self.told)))


#: What a line of the bill and the credits that divide it have in common: account, day, service type.
_Key = tuple[str | None, date, str]


@dataclass(frozen=True)
class _Part:
    """What of a service's credits one function used of one model; of one kind of tokens, how many, where that is known."""

    function: str | None
    model: str | None
    meter: str | None
    tokens: int
    nanos: int


class Snowflake(Source):
    """Snowflake charges from exports of its usage views."""

    kind = "snowflake"
    Config = SnowflakeConfig
    begins = MappingProxyType(
        {
            "": "uri: s3://<bucket>/<prefix>  # holds usage_in_currency_daily/ and usage_in_currency_daily_total/\n"
            "cortex: {}  # cortex_ai_functions_usage_history: [AI_FUNCTIONS, AI_SERVICES]\n"
        }
    )
    providers = ("snowflake",)
    finality_days = 12
    config: SnowflakeConfig

    def units(self, period: Period) -> Iterator[str]:
        """Months ``2026-10`` that touch the period or lie shortly before, and are exported."""
        folder = self._folder()
        first = months_before(period.start, self.config.earlier_months)
        for month in Period(first, period.end).months():
            if self._files(folder, _BILL, unit := f"{month.start:%Y-%m}"):
                yield unit

    def answered(self, period: Period, units: Sequence[str]) -> Iterator[Period]:
        """The months that were exported."""
        return (month for unit in units if (month := self.days(unit)))

    def fetch(self, unit: str, pull: Pull) -> None:
        folder = self._folder()
        for table in (_BILL, *([_TOTAL] if self.config.control_total else [])):
            for stored in self._exported(folder, table, unit):
                with folder.copy(stored) as path:
                    pull.add(stored.key, stored.uri, path)
        for view in self.config.cortex:
            pull.add(f"{view}.csv", f"{self.config.uri}/{view}", self._measure(folder, view, unit))

    @classmethod
    def readers(cls) -> set[Path]:
        return super().readers() | {Path(token_prices.__file__)}

    def normalise(self, landed: Landed) -> Iterator[tuple[str, pa.Table]]:
        charges = focus.Charges(self.name, landed.landing_id)
        lost = Rejections(self.name, landed.landing_id)
        bill = {
            index: list(self._rows(landed, index, item))
            for index, item in enumerate(landed.objects)
            if item.name.startswith(f"{_BILL}/")
        }
        rows = [row for found in bill.values() for row in found]
        totals = [item for item in landed.objects if item.name.startswith(f"{_TOTAL}/")]
        if totals:
            self._check_total(landed, rows, totals)
        else:
            self._check_once(rows)
        parts = self._divided(rows, self._parts(landed, rows, lost), lost)
        for index, found in bill.items():
            pairs = [(row.line, line) for row in found for line in self._lines(row, parts.get(row.place), lost)]
            if pairs:
                base = folders.line_base(index)
                yield "charges", charges.table_of_rows(pairs, file=landed.objects[index].name, line_base=base)
        yield from charges.rejected()
        if lost.rows:
            yield "rejected_records", lost.table()

    # Delivery --------------------------------------------------------------------------------------------------------

    def _folder(self) -> folders.Folder:
        return folders.open_folder(self.config.uri, endpoint_url=self.config.endpoint_url, source=self.name)

    def _files(self, folder: folders.Folder, table: str, unit: str) -> list[folders.StoredObject]:
        """The files a table's month consists of, in the order of their names."""
        below = f"{table}/"
        found = [stored for stored in folder.list(f"{below}{unit}") if _FILE.fullmatch(stored.key)]
        return [
            stored for stored in found if (month := _MONTH.fullmatch(stored.key[len(below) :])) and month[1] == unit
        ]

    def _exported(self, folder: folders.Folder, table: str, unit: str) -> list[folders.StoredObject]:
        """The same. Raises ``PeriodIncomplete`` where there are none."""
        if files := self._files(folder, table, unit):
            return files
        hint = f"export it to {self.config.uri}/{table}/{unit}/"
        if table == _TOTAL:
            hint = f"{hint}, or set `control_total: false` where nothing writes it"
        raise PeriodIncomplete(f"no export of {table}", source=self.name, period=unit, hint=hint)

    def _select(self, table: str, file: str) -> tabular.Select:
        required, optional = (_COLUMNS, _SOMETIMES) if table == _BILL else (_TOTAL_COLUMNS, ())
        return tabular.named(required, optional, source=self.name, file=file, hint=_WHOLE)

    def _unknown(self, file: str, line: int, what: str, known: Iterable[str], hint: str) -> SourceChangedShape:
        problem = f"{what} is none of {', '.join(filter(None, known))}"
        return SourceChangedShape(problem, source=self.name, file=file, line=line, hint=hint)

    def _rejected(self, file: str, line: int, problem: str, hint: str = "export the month anew") -> SourceRejected:
        return SourceRejected(problem, source=self.name, file=file, line=line, hint=hint)

    # Rows of the bill ------------------------------------------------------------------------------------------------

    def _rows(self, landed: Landed, index: int, item: LandedObject) -> Iterator[_Row]:
        select = self._select(_BILL, item.name)
        for batch in tabular.read(landed.path(item), item.name, select, source=self.name):
            self._check_month(landed.unit, batch, "usage_date", item.name)
            for line, *values in zip(batch.lines, *batch.columns.values(), strict=True):
                yield self._row(index, item.name, line, dict(zip(batch.columns, values, strict=True)))

    def _check_month(self, unit: str, batch: tabular.Batch, column: str, file: str) -> None:
        hint = "export each month by itself, times in UTC"
        focus.check_month(unit, batch.columns[column], batch.lines, source=self.name, file=file, hint=hint)

    def _row(self, index: int, file: str, line: int, told: Mapping[str, str | None]) -> _Row:
        name = ""
        try:
            day = parse_instant(told[name := "usage_date"] or "").date()
            adjusts = focus_values.truth(told[name := "is_adjustment"] or "") == "true"
            for name in ("usage", "usage_in_currency"):
                if (text := told[name]) is not None:
                    money.parse_amount(text)
        except ValueError as error:
            raise self._rejected(file, line, f"{name}: {error!s:.200}") from None
        billing, balance = _word(told["billing_type"]), _spaced(told["balance_source"])
        if (category := _CATEGORIES.get(billing)) is None:
            hint = "report it: nothing says yet whether it is usage, a fee or a credit"
            raise self._unknown(file, line, f"billing type {billing!r:.40}", _CATEGORIES, hint)
        balances = dict(_BALANCES) | self.config.balance_sources
        if (paid := balances.get(balance)) is None:
            hint = "compare the month with its statement, and say how it counts under `balance_sources`"
            raise self._unknown(file, line, f"balance source {balance!r:.40}", balances, hint)
        amount = told["usage_in_currency"]
        if category == "Credit" and amount is not None:
            amount = self._taken_off(amount, file, line)
        return _Row(
            index,
            file,
            line,
            told,
            day,
            _word(told["service_type"]),
            "Adjustment" if adjusts and category == "Usage" else category,
            _UNITS.get(_word(told["rating_type"])),
            paid,
            amount,
        )

    def _taken_off(self, amount: str, file: str, line: int) -> str:
        """A credit as what it takes off. Raises ``SourceRejected`` for one that adds, or has its sign already."""
        value = money.parse_amount(amount)
        if self.config.credits == "unsigned" and value >= 0:
            return money.plain(-value)
        if value > 0:
            hint = "compare the month with its statement; if it takes off, set `credits: unsigned`"
            raise self._rejected(file, line, f"a credit of {amount} adds to the bill", hint)
        if self.config.credits == "unsigned":
            hint = "compare the month with its statement, and set `credits: signed`"
            raise self._rejected(file, line, f"a credit of {amount} has its sign already", hint)
        return amount

    def _check_total(self, landed: Landed, rows: Sequence[_Row], totals: Iterable[LandedObject]) -> None:
        """Raises ``SourceRejected`` where the month has other rows, or another sum of a currency, than its total tells."""
        stated: dict[str, Decimal] = {}
        count = 0
        for item in totals:
            select = self._select(_TOTAL, item.name)
            for batch in tabular.read(landed.path(item), item.name, select, source=self.name):
                told = zip(batch.lines, *(batch.columns[name] for name in _TOTAL_COLUMNS), strict=True)
                for line, currency, number, amount in told:
                    try:
                        count += int(number or "")
                        stated[currency or ""] = money.sum_exactly(
                            stated.get(currency or "", Decimal(0)), amount or "0"
                        )
                    except ValueError as error:
                        raise self._rejected(item.name, line, f"{error!s:.200}") from None
        hint = "an export is being written, or left a part of an earlier one behind; export the month anew"
        if count != len(rows):
            raise SourceRejected(
                f"{len(rows)} rows, the month's total tells {count}", source=self.name, period=landed.unit, hint=hint
            )
        sums: dict[str, Decimal] = {}
        for row in rows:
            currency = row.told["currency"] or ""
            sums[currency] = money.sum_exactly(sums.get(currency, Decimal(0)), row.told["usage_in_currency"] or "0")
        results.check_total(sums, stated, source=self.name, of="the month", period=landed.unit, hint=hint)

    def _check_once(self, rows: Iterable[_Row]) -> None:
        """Raises ``SourceRejected`` where two rows of a month without a total differ in nothing but numbers, if at all."""
        seen: set[tuple[str | None, ...]] = set()
        for row in rows:
            facts = tuple(text for name, text in row.told.items() if name not in ("usage", "usage_in_currency"))
            if facts in seen:
                raise self._rejected(
                    row.file,
                    row.line,
                    f"{row.service} of {row.told['account_name']!s:.60} on {row.day} is there twice",
                    "the month was exported twice, one beside the other; export it anew, with its total (`control_total`)",
                )
            seen.add(facts)

    # Credits of Cortex -----------------------------------------------------------------------------------------------

    def _measure(self, folder: folders.Folder, name: str, unit: str) -> bytes:
        """What a view's month tells, summed: names of users, roles and queries are not landed, and a new export of it is no news."""
        view = _VIEWS[name]
        sums: dict[tuple[str, ...], list[Decimal]] = {}
        for stored in self._exported(folder, name, unit):
            select = tabular.named(
                view.columns(),
                source=self.name,
                file=stored.key,
                hint="export the view with CURRENT_ACCOUNT_NAME() AS account_name, and HEADER = TRUE",
            )
            with folder.copy(stored) as path:
                for batch in tabular.read(path, stored.key, select, source=self.name):
                    self._check_month(unit, batch, view.time, stored.key)
                    for line, *values in zip(batch.lines, *batch.columns.values(), strict=True):
                        try:
                            _add_measured(sums, view, dict(zip(batch.columns, values, strict=True)))
                        except ValueError as error:
                            raise self._rejected(stored.key, line, f"{error!s:.200}") from None
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(_MEASURED)
        for (account, day, function, model, splits), numbers in sorted(sums.items()):
            used, tokens_in, tokens_out, count = map(money.plain, numbers)
            tokens = (tokens_in, tokens_out) if splits else ("", "")
            writer.writerow([account, day, function, model, used, *tokens, count])
        return text.getvalue().encode()

    def _parts(self, landed: Landed, rows: Sequence[_Row], lost: Rejections) -> dict[_Key, list[_Part]]:
        """What the landed views tell of each line of the bill that credits divide, nothing of some. What the bill has no line of,
        though it tells of that day or a later one, is noted."""
        landed_services: set[str] = set()
        for item in landed.objects:
            landed_services.update(self.config.cortex.get(item.name.removesuffix(".csv"), ()))
        parts: dict[_Key, list[_Part]] = {
            row.key: [] for row in rows if row.service in landed_services and _divides(row)
        }
        last = max((row.day for row in rows), default=date.min)
        for index, item in enumerate(landed.objects):
            services = self.config.cortex.get(item.name.removesuffix(".csv"), ())
            if not services:
                continue
            select = tabular.named(_MEASURED, source=self.name, file=item.name)
            for batch in tabular.read(landed.path(item), item.name, select, source=self.name):
                told = zip(batch.lines, *(batch.columns[name] for name in _MEASURED), strict=True)
                for line, account, text, function, model, used, tokens_in, tokens_out, _ in told:
                    day = parse_instant(text or "").date()
                    service = next((one for one in services if (account, day, one) in parts), None)
                    if service is not None:
                        tokens = {"input_tokens": int(tokens_in or 0), "output_tokens": int(tokens_out or 0)}
                        parts[account, day, service] += self._metered(function, model, used or "0", tokens, day)
                    elif day <= last:
                        reason = f"{used} credits of {' or '.join(services)} on {day}, which no line of {account} has"
                        lost.add(item.name, line + folders.line_base(index), reason, len(reason), "credits", day)
        return parts

    def _metered(
        self, function: str | None, model: str | None, used: str, tokens: Mapping[str, int], day: date
    ) -> Iterator[_Part]:
        """Credits of one function and model by kind of tokens, where one kind was used or a price splits them."""
        nanos = _nanos(money.parse_amount(used))
        counted = {meter: count for meter, count in tokens.items() if count}
        price = token_prices.price_of(self.config.prices, model, day)
        if len(counted) == 1:
            shares = [nanos]
        elif price and counted:
            weights = price.weights({meter: str(count) for meter, count in counted.items()})
            shares = money.carve(nanos, sum(weights), weights)
        else:
            yield _Part(function, model, None, 0, nanos)
            return
        for (meter, count), share in zip(counted.items(), shares, strict=True):
            yield _Part(function, model, meter, count, share)

    def _divided(
        self, rows: Sequence[_Row], parts: Mapping[_Key, Sequence[_Part]], lost: Rejections
    ) -> dict[tuple[int, int], list[tuple[_Part, int]]]:
        """Place of a row → its parts and how many tokens each has in it; the last part is what no view tells of.

        A row of which no landed view tells stays whole, and so does one of which they tell more credits than the bill.
        """
        rows_of_key: dict[_Key, list[_Row]] = defaultdict(list)
        for row in rows:
            if row.key in parts and _divides(row):
                rows_of_key[row.key].append(row)
        divided: dict[tuple[int, int], list[tuple[_Part, int]]] = {}
        for key, lines in rows_of_key.items():
            used = [row.used_nanos for row in lines]
            measured = sum(part.nanos for part in parts[key])
            # A row of the bill is rounded to thousandths of a credit.
            if measured > sum(used) + 500_000 * len(lines):
                first = lines[0]
                reason = (
                    f"the Cortex views tell {_plain(measured)} credits of {first.service} on {first.day}, the bill"
                    f" {_plain(sum(used))}, so its line is not divided by model"
                )
                lost.add(first.file, first.landing_line, reason, first.size, "service_type", first.day)
                continue
            told = sorted(parts[key], key=lambda part: (part.function or "", part.model or "", part.meter or ""))
            told.append(_Part(None, None, None, 0, max(0, sum(used) - measured)))
            counts = [money.carve(part.tokens, sum(used), used) for part in told]
            for place, row in enumerate(lines):
                divided[row.place] = [(part, count[place]) for part, count in zip(told, counts, strict=True)]
        return divided

    # Charges ---------------------------------------------------------------------------------------------------------

    def _lines(
        self, row: _Row, parts: Sequence[tuple[_Part, int]] | None, lost: Rejections
    ) -> Iterator[dict[str, str | None]]:
        """A row as charge lines; one without an amount is noted as lost, since its cost is unknown."""
        if row.amount is None:
            reason = f"no amount of {row.service}, so its cost is not known; Snowflake has not rated it yet"
            lost.add(row.file, row.landing_line, reason, row.size, day=row.day)
            return
        told = row.told
        contract = told.get("contract_number") if row.paid == "prepaid" else None
        whole = {
            **_costs(row.amount, row.paid),
            "BillingAccountId": told["organization_name"],
            "SubAccountId": told["account_name"],
            "BillingCurrency": told["currency"],
            "BillingPeriodStart": row.day.isoformat(),
            "ChargePeriodStart": row.day.isoformat(),
            "ChargePeriodEnd": (row.day + timedelta(days=1)).isoformat(),
            "ChargeCategory": row.category,
            "ChargeDescription": told.get("usage_type"),
            "CommitmentDiscountId": contract,
            "CommitmentDiscountStatus": contract and "Used",
            "ServiceName": row.service,
            "SkuMeter": told["rating_type"],
            "ConsumedQuantity": told["usage"] if row.unit else None,
            "ConsumedUnit": row.unit,
            "PricingQuantity": told["usage"],
            "PricingUnit": row.unit,
            "RegionId": told.get("region"),
            "ProviderName": "Snowflake",
            "InvoiceIssuerName": "Snowflake",
            "Tags": json.dumps({"balance_source": told["balance_source"]}) if told["balance_source"] else None,
        }
        if parts is None:
            yield whole
            return
        weights = [part.nanos for part, _ in parts]
        amounts, used = money.split(row.amount, weights), money.split(told["usage"] or "0", weights)
        for (part, tokens), amount, credits in zip(parts, amounts, used, strict=True):
            if part.nanos:
                of_part = {
                    "ChargeDescription": part.function or _BEYOND,
                    "SkuMeter": part.function,
                    "x_Model": part.model,
                    "x_Meter": part.meter,
                    "ConsumedQuantity": str(tokens) if part.meter else credits,
                    "ConsumedUnit": "tokens" if part.meter else row.unit,
                    "PricingQuantity": credits,
                }
                yield whole | _costs(amount, row.paid) | of_part


def _costs(amount: str, paid: Paid) -> dict[str, str | None]:
    """What an amount is by how it was paid: capacity bought before is cost that bills nothing (rule R2), what is free is neither."""
    return {
        "BilledCost": amount if paid == "billed" else "0",
        "EffectiveCost": "0" if paid == "free" else amount,
        "ContractedCost": amount,
    }


def _divides(row: _Row) -> bool:
    """Whether credits say what a row consists of: of usage in credits, and of no correction of it."""
    return row.category == "Usage" and row.unit == "Credits" and row.amount is not None and row.used_nanos > 0


def _add_measured(sums: dict[tuple[str, ...], list[Decimal]], view: _View, told: Mapping[str, str | None]) -> None:
    """Add a row of a view to its sums. Raises ``ValueError`` for credits that are none, or below 0."""
    function = told.get(view.function, view.function)
    if function in view.elsewhere:
        return
    used = money.parse_amount(told[view.credits] or "0")
    if used < 0:
        raise ValueError(f"{used} credits: a view tells what was used, which is not below 0")
    tokens = _tokens(told[view.metrics]) if view.metrics else None
    day = parse_instant(told[view.time] or "").date().isoformat()
    key = (told["account_name"] or "", day, function or "(none)", (told[view.model] if view.model else "") or "")
    so_far = sums.setdefault((*key, "yes" if tokens else ""), [Decimal(0)] * 4)
    counted = tokens or Counter()
    for place, number in enumerate((used, Decimal(counted["input"]), Decimal(counted["output"]), Decimal(1))):
        so_far[place] = money.sum_exactly(so_far[place], number)


def _tokens(metrics: str | None) -> Counter[str] | None:
    """Input and output tokens by METRICS; null where it tells another metric or unit, or is none."""
    found: Counter[str] = Counter()
    try:
        for one in json.loads(metrics or "", parse_float=str):
            metric, unit = one["key"]["metric"], one["key"]["unit"]
            if unit != "tokens" or metric not in ("input", "output"):
                return None
            found[metric] += int(one["value"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return found if min(found.values(), default=0) >= 0 else None


def _word(text: str | None) -> str:
    """A word as live views write it: ``Priority support`` is ``PRIORITY_SUPPORT``."""
    return "_".join((text or "").upper().split())


def _spaced(text: str | None) -> str:
    """A balance source as it is documented: ``FREE_USAGE`` is ``free usage``."""
    return " ".join((text or "").lower().replace("_", " ").split())


def _nanos(value: Decimal) -> int:
    return money.nanos_of(money.round_half_away(value))


def _plain(nanos: int) -> str:
    return money.plain(money.round_half_away(Decimal(nanos).scaleb(-9)))
