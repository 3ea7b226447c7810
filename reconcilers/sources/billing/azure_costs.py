"""Azure's cost and usage details (datasets ``ActualCost`` and ``AmortizedCost``) as FOCUS columns.

Names of columns differ by agreement and age, with and without capitals, and in files of another language the name stands in
brackets behind a translation; ``_COLUMNS`` has those seen in files. What each becomes follows Microsoft's own conversion (https://learn.microsoft.com/cloud-computing/finops/focus/convert), but for amounts: it takes
both datasets together, where one alone has to keep all of its money (``focus_columns``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache

from reconcilers.errors import SourceChangedShape, SourceRejected
from reconcilers.periods import Period, parse_instant
from reconcilers.sources import tabular
from reconcilers.sources.billing import azure_meters

#: What is read ← the columns it may be in: an Enterprise Agreement's names, a Customer Agreement's, those of pay-as-you-go.
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "cost": ("CostInBillingCurrency", "Cost", "PreTaxCost"),
    "date": ("Date", "UsageDateTime", "UsageDate"),
    "currency": ("BillingCurrencyCode", "BillingCurrency", "Currency"),
    # A Customer Agreement is invoiced by profile; an Enterprise Agreement's profile is its account.
    "account": ("BillingProfileId", "BillingAccountId"),
    "period_start": ("BillingPeriodStartDate", "BillingPeriodStart"),
    "period_end": ("BillingPeriodEndDate", "BillingPeriodEnd"),
    "charge_type": ("ChargeType",),
    "pricing_model": ("PricingModel",),
    "frequency": ("Frequency",),
    "subscription": ("SubscriptionId", "SubscriptionGuid"),
    "resource": ("ResourceId", "InstanceId", "InstanceName"),
    "location": ("ResourceLocation", "MeterRegion"),
    "category": ("MeterCategory",),
    "product": ("MeterSubCategory",),
    "meter": ("MeterName",),
    "meter_id": ("MeterId",),
    "description": ("ProductName", "Product"),
    "quantity": ("Quantity", "UsageQuantity"),
    "unit": ("UnitOfMeasure",),
    "price": ("EffectivePrice", "ResourceRate"),
    "unit_price": ("UnitPrice",),
    "list_cost": ("PaygCostInBillingCurrency",),
    "priced_cost": ("CostInPricingCurrency",),
    "invoice": ("InvoiceId",),
    "issuer": ("PartnerName",),
    "publisher": ("PublisherName",),
    "benefit": ("BenefitId",),
    "reservation": ("ReservationId",),
    "tags": ("Tags",),
}
#: Without these a row has no amount or no place.
_REQUIRED = ("cost", "date", "currency")
#: ChargeType, where FOCUS has another word; any that is in neither list is an adjustment.
_CATEGORIES = {
    "unusedreservation": "Usage",
    "unusedsavingsplan": "Usage",
    "refund": "Purchase",
    **{name.lower(): name for name in ("Usage", "Purchase", "Credit", "Tax")},
}
_COMMITTED = frozenset({"reservation", "savingsplan"})
#: How Azure writes a day that is not in ISO 8601, and how files of other countries do.
_MONTH_FIRST, _DAY_FIRST = "%m/%d/%Y", "%d/%m/%Y"
#: ``Abonnement-GUID (SubscriptionGuid)``: a name behind what it is called in another language.
_LOCALISED = re.compile(r".*\((\w+)\)$")
#: How old files write that a charge is of no subscription.
_NOBODY = re.compile(r"(?:/subscriptions/)?0{8}-0{4}-0{4}-0{4}-0{12}", re.IGNORECASE)


def select(header: Sequence[str], source: str, file: str, *, account: str | None) -> dict[str, str]:
    """{what is read: column of the file}. Raises ``SourceChangedShape`` naming the columns of which it has none."""
    stored = {_LOCALISED.sub(r"\1", title.strip()).lower(): title for title in reversed(header)}
    found = {
        name: stored[own.lower()]
        for name, names in _COLUMNS.items()
        if (own := next((own for own in names if own.lower() in stored), None))
    }
    required = _REQUIRED if account else (*_REQUIRED, "account")
    if missing := next((name for name in required if name not in found), None):
        hint = "set `billing_account_id`" if missing == "account" else "add it to the export, or fix `dataset`"
        raise SourceChangedShape(f"no column {' or '.join(_COLUMNS[missing])}", source=source, file=file, hint=hint)
    return found


@dataclass(frozen=True)
class Costs:
    """One batch of a file, its columns by what is read of them, delivered for a month; ``time_format`` is null where none is declared."""

    batch: tabular.Batch
    month: Period
    source: str
    file: str
    account: str | None
    time_format: str | None

    def focus_columns(self) -> dict[str, list[str | None]]:
        """The batch's rows as FOCUS columns, each billed and effective at its cost.

        A dataset tells one amount: ``ActualCost`` what was invoiced, commitments when they were bought; ``AmortizedCost`` what
        was used of them, and no purchase. Taking one of the two amounts for nothing would lose the money of the other.
        """
        self._check_order()
        count = len(self.batch.lines)
        types = [(text or "").strip().lower() for text in self._column("charge_type")]
        committed = [(text or "").replace(" ", "").lower() in _COMMITTED for text in self._column("pricing_model")]
        days = [self._day("date", line, text) for line, text in self._told("date")]
        usage = [kind == "usage" or not kind for kind in types]
        said = [
            azure_meters.read(meter, product) if used else {}
            for used, meter, product in zip(usage, self._column("meter"), self._column("product"), strict=True)
        ]
        counted = self._counted(said, usage)
        costs = self._column("cost")
        benefits = zip(self._column("benefit"), self._column("reservation"), strict=True)
        return {
            "BilledCost": costs,
            "EffectiveCost": list(costs),
            "ListCost": known_prices(self._column("list_cost"), costs, costs),
            "BillingAccountId": [text or self.account for text in self._column("account")],
            "SubAccountId": somebody(self._column("subscription")),
            "BillingCurrency": self._column("currency"),
            "BillingPeriodStart": self._months(),
            "ChargePeriodStart": [day.isoformat() for day in days],
            "ChargePeriodEnd": [(day + timedelta(days=1)).isoformat() for day in days],
            "ChargeCategory": [_CATEGORIES.get(kind or "usage", "Adjustment") for kind in types],
            "ChargeClass": ["Correction" if kind == "refund" else None for kind in types],
            "ChargeFrequency": self._column("frequency"),
            "ChargeDescription": self._column("description"),
            "ServiceName": self._column("category"),
            "SkuId": self._column("meter_id"),
            "SkuMeter": self._column("meter"),
            "ConsumedQuantity": [quantity for quantity, _ in counted],
            "ConsumedUnit": [unit for _, unit in counted],
            "PricingQuantity": self._column("quantity"),
            "PricingUnit": self._column("unit"),
            "RegionId": self._column("location"),
            "ResourceId": self._column("resource"),
            "ProviderName": ["Microsoft"] * count,
            "InvoiceId": self._column("invoice"),
            "InvoiceIssuerName": [text or "Microsoft" for text in self._column("issuer")],
            "CommitmentDiscountId": [benefit or reservation for benefit, reservation in benefits],
            "CommitmentDiscountStatus": [
                "Unused" if kind.startswith("unused") else "Used" if used and of_commitment else None
                for kind, used, of_commitment in zip(types, usage, committed, strict=True)
            ],
            "Tags": braced(self._column("tags")),
            **{name: [one.get(name) for one in said] for name in azure_meters.COLUMNS},
        }

    def _counted(self, said: Sequence[Mapping[str, str]], usage: Sequence[bool]) -> list[tuple[str | None, str | None]]:
        """(quantity, unit) of each row; of token meters the tokens, of other usage as the file has it."""
        names = ("quantity", "unit", "price", "unit_price", "cost", "priced_cost")
        counted: list[tuple[str | None, str | None]] = []
        for one, used, quantity, unit, price, unit_price, cost, priced in zip(
            said, usage, *(self._column(name) for name in names), strict=True
        ):
            found = None
            if "x_Meter" in one:
                block = azure_meters.block_size(None, unit)
                proofs = [(price, cost), (price, priced), (unit_price, cost), (unit_price, priced)]
                found = azure_meters.tokens(quantity, quantity, block, proofs)
            counted.append(found or ((quantity, unit) if used else (None, None)))
        return counted

    def _months(self) -> list[str | None]:
        """The billing month each row tells, by its first day and its last, else the month it was delivered for."""
        starts = [self._day("period_start", line, text) if text else None for line, text in self._told("period_start")]
        for line, text in self._told("period_end"):
            if text:
                self._day("period_end", line, text)
        return [(start or self.month.start).isoformat() for start in starts]

    def _check_order(self) -> None:
        """Raises ``SourceRejected`` where no form is declared and the days do not show that the month stands first.

        A number above twelve shows it, as a billing period's last day has one. Where there is none, a day that lies in the
        delivered month in one order alone does, unless another one does in the other order.
        """
        if self.time_format:
            return
        proofs: dict[str, tuple[int, str]] = {}
        signs: dict[str, tuple[int, str]] = {}
        doubts: list[tuple[int, str]] = []
        for line, text in (told for name in ("date", "period_start", "period_end") for told in self._told(name)):
            readings = _readings(text or "")
            if len(readings) == 1:
                proofs.setdefault(next(iter(readings)), (line, text or ""))
            elif readings:
                doubts = doubts or [(line, text or "")]
                for form, day in readings.items():
                    if self.month.start <= day < self.month.end:
                        signs.setdefault(form, (line, text or ""))
        shown = proofs or signs
        if _MONTH_FIRST in proofs or set(shown) == {_MONTH_FIRST} or not (shown or doubts):
            return
        if set(shown) == {_DAY_FIRST}:
            line, text = shown[_DAY_FIRST]
            hint = f"set `time_format: '{_DAY_FIRST}'`"
            raise self._rejected(line, f"{text!r:.40} has the day before the month", hint)
        line, text = doubts[0]
        days = " or ".join(map(str, _readings(text).values()))
        hint = f"set `time_format` to '{_MONTH_FIRST}' or '{_DAY_FIRST}', whichever the file has"
        raise self._rejected(line, f"{text!r:.40} is {days}, and nothing shows which", hint)

    def _day(self, name: str, line: int, text: str | None) -> date:
        form = self.time_format or _MONTH_FIRST
        try:
            return _read_day(text or "", form)
        except ValueError:
            said = "is empty" if text is None else f"{text!r:.40} is no day in ISO 8601 or of the form {form}"
            problem = f"{self._title(name)} {said}"
            raise self._rejected(line, problem, "set `time_format` to the form the file has") from None

    def _rejected(self, line: int, problem: str, hint: str) -> SourceRejected:
        month = f"{self.month.start:%Y-%m}"
        return SourceRejected(problem, source=self.source, period=month, file=self.file, line=line, hint=hint)

    def _title(self, name: str) -> str:
        return _COLUMNS[name][0]

    def _told(self, name: str) -> list[tuple[int, str | None]]:
        return list(zip(self.batch.lines, self._column(name), strict=True))

    def _column(self, name: str) -> list[str | None]:
        return list(self.batch.columns.get(name) or [None] * len(self.batch.lines))


@lru_cache(maxsize=1 << 12)
def _read_day(text: str, form: str) -> date:
    try:
        day = datetime.strptime(text.strip(), form).date()
    except ValueError:
        day = parse_instant(text).date()
    if day == date.max:
        raise ValueError("no day comes after it")
    return day


@lru_cache(maxsize=1 << 12)
def _readings(text: str) -> Mapping[str, date]:
    """Order of day and month → the day a text is in it; nothing where it is the same day in both, or none in either."""
    days = {}
    for form in (_MONTH_FIRST, _DAY_FIRST):
        with suppress(ValueError):
            days[form] = datetime.strptime(text.strip(), form).date()
    return days if len(set(days.values())) == len(days) else {}


def somebody(accounts: Sequence[str | None]) -> list[str | None]:
    """Subscriptions, but for the one that stands for none."""
    return [None if text is None or _NOBODY.fullmatch(text.strip()) else text for text in accounts]


def braced(tags: Sequence[str | None]) -> list[str | None]:
    """Tags as JSON objects: cost details leave the braces out."""
    return [text if text is None or text.lstrip().startswith("{") else f"{{{text}}}" for text in tags]


def known_prices(
    listed: Sequence[str | None], billed: Sequence[str | None], effective: Sequence[str | None]
) -> list[str | None]:
    """A cost at another price, which Azure writes as 0 where it does not know it: no price is 0 of a line that costs something."""
    return [
        None if _is_nothing(text) and not (_is_nothing(paid) and _is_nothing(used)) else text
        for text, paid, used in zip(listed, billed, effective, strict=True)
    ]


def _is_nothing(text: str | None) -> bool:
    return text is not None and re.fullmatch(r"[+-]?0*\.?0*(?:[eE][+-]?\d+)?", text.strip()) is not None
