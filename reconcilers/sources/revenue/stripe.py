"""Revenue from Stripe: invoices with all their lines, credit notes and refunds, asked for through Stripe's own client.

https://docs.stripe.com/api/invoices/object: amounts are whole minor units of a lower-case currency, times Unix seconds. A
line is earned over its own ``period``, never the invoice's, and counts without tax, after discounts and pretax credits. What
is not finalised or void is no revenue.

A unit is a month: the invoices *created* in it, each with its lines, its credit notes, whenever they were issued, and the
month's refunds with the invoices they pay back. ``created`` never changes, so a line stands in one unit whatever becomes of
its invoice, and a later pull of the month replaces all of it: voided, credited, written off. Earlier months are pulled again
with every run (``earlier_months``), because they change and because an annual invoice is earned for a year, and the month after
(``later_months``), in which what was used is invoiced: without it history that is read again misses its last month's usage.

Answers are landed as received but for links that open a customer's invoice without a password. They also say when they were
asked for, so no two answers would be equal.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

from pydantic import BaseModel, ConfigDict, Field

from reconcilers import money
from reconcilers.errors import SourceChangedShape, SourceRejected
from reconcilers.ingest.lake import schema
from reconcilers.periods import Period, months_touched, parse_day
from reconcilers.sources import folders, http
from reconcilers.sources.contract import Source, SourceConfig
from reconcilers.sources.rejected import Rejections
from reconcilers.sources.revenue_lines import Pricing, typed

if TYPE_CHECKING:
    import pyarrow as pa

    from reconcilers.ingest.landing import Landed, LandedObject, Pull

#: The first version whose lines have ``pricing``, ``parent`` and ``taxes`` is 2025-03-31.basil; this one was read.
API_VERSION = "2026-10-28.endive"
#: Decimals of Stripe's amounts where they are not those of the currency: it keeps ISK and UGX at two though they have none, and
#: MGA at none (https://docs.stripe.com/currencies, "zero-decimal", "three-decimal" and "special cases").
_MINOR_DIGITS: Mapping[str, int] = MappingProxyType({"ISK": 2, "UGX": 2, "MGA": 0})
#: What of Stripe's own headers is sent; the others describe this machine.
_HEADERS = ("Authorization", "Stripe-Version", "Stripe-Account", "User-Agent")
#: Whoever has one of these opens the invoice: they are emptied before anything is landed.
_LINKS = re.compile(rb'("(?:hosted_invoice_url|invoice_pdf|pdf|receipt_url|client_secret)"\s*:\s*)"(?:[^"\\]|\\.)*"')
_ID = re.compile(r"[A-Za-z0-9_-]{1,255}")
_MOST_AT_ONCE = 100

Digits = Annotated[int, Field(ge=0, le=4)]
Place = Annotated[
    str,
    Field(
        pattern=r"^((line|subscription|invoice|customer)\.metadata\.\S.*|(customer|subscription|price|product)\.id)$"
    ),
]


class Sold(BaseModel):
    """What a product or a price of Stripe's sells."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    feature_id: str | None = None
    """The feature it sells; without one, and without a bundle, the line is of no one feature."""
    bundle_id: str | None = None
    """The bundle it sells, whose stand-alone prices split the line."""
    pricing: Pricing | None = None
    """What its price is for; else the feature's revenue model says."""


class StripeConfig(SourceConfig):
    """Where the API is, how it is asked, and whose a line is."""

    base_url: str = Field(default="https://api.stripe.com", exclude=True)
    """Where the API is."""
    api_key_env: str = Field(default="STRIPE_API_KEY", exclude=True)
    """The environment variable that holds a restricted key of live mode which may read invoices, credit notes, customers,
    and for refunds charges."""
    api_version: str = Field(default=API_VERSION, exclude=True, pattern=r"^\d{4}-\d\d-\d\d(\.\w+)?$")
    """The version of the API that is asked for, whatever the account's own: versions differ in where things stand."""
    account: str | None = Field(default=None, exclude=True, examples=["acct_1a2b3c"])
    """The connected account that is asked for, on a platform."""
    earlier_months: int = Field(default=12, ge=0, le=120, exclude=True)
    """Months before the asked period whose invoices are pulled again: as far back as invoices are still earned, credited or voided."""
    later_months: int = Field(default=1, ge=0, le=24, exclude=True)
    """Months after the asked period whose invoices are pulled, too: what is used in a month is invoiced after its end."""
    tenant_from: Annotated[tuple[Place, ...], Field(min_length=1)] = (
        "line.metadata.tenant_id",
        "subscription.metadata.tenant_id",
        "invoice.metadata.tenant_id",
        "customer.metadata.tenant_id",
    )
    """Where a line's tenant is told, the first place that tells one: `line`, `subscription`, `invoice` or `customer`, then
    `.metadata.` and the key; or `customer.id`, `subscription.id`."""
    feature_from: tuple[Place, ...] = ("line.metadata.feature_id",)
    """Where a line's feature is told; else `products` says it. `price.id` and `product.id` are places, too."""
    accrual_from: tuple[Place, ...] = ("line.metadata.bills_revenue_id",)
    """Where a line names the accrual that it bills and so reverses."""
    products: dict[str, Sold] = Field(default_factory=dict, examples=[{"prod_1a2b3c": {"feature_id": "search"}}])
    """What a price (`price_…`, looked for first) or a product (`prod_…`) sells."""
    count_uncollectible: bool = True
    """Whether an invoice written off as uncollectible was earned (not being paid is then bad debt, an expense of its own), or nothing of it counts."""
    refunds: bool = True
    """Whether what was refunded of an invoice without a credit note is taken off."""
    control_total: bool = True
    """Whether an invoice or credit note whose lines do not make its total without tax is left out, with a word."""
    minor_digits: dict[str, Digits] = Field(default_factory=dict, examples=[{"HUF": 2}])
    """Decimals of a currency's amounts, where Stripe has changed them."""
    retry: http.RetryPolicy = Field(default=http.RetryPolicy(), exclude=True)
    """How long to insist where the API does not answer."""


class Stripe(Source):
    """Lines of invoices and what was taken off them, as revenue; see the module's docstring."""

    kind: ClassVar[str] = "stripe"
    Config: ClassVar[type[SourceConfig]] = StripeConfig
    begins = MappingProxyType({"": "api_key_env: STRIPE_API_KEY  # a restricted key of live mode that may read\n"})
    config: StripeConfig

    def __init__(self, config: SourceConfig) -> None:
        super().__init__(config)
        self._pace = http.Pace()

    def probe(self, period: Period) -> int:
        """Asks for the newest invoice, once; raises ``SourceRejected`` where it is of test mode."""
        with self._asking(http.ONE_TRY) as api:
            page = api.ask("/v1/invoices", limit=1)
        for invoice in _listed(page, self.name):
            if invoice.get("livemode") is False:
                hint = f"give {self.config.api_key_env} a key of live mode"
                raise SourceRejected("the key is one of test mode: nobody is charged", source=self.name, hint=hint)
        return len(self.units(period))

    def units(self, period: Period) -> list[str]:
        """Months ``2026-10`` of the period, ``earlier_months`` before and ``later_months`` after it."""
        return months_touched(period, self.config.earlier_months, self.config.later_months)

    def days(self, unit: str) -> Period | None:
        """Any: what is invoiced in a month may be earned long before and after."""
        return None

    def lists(self, unit: str, period: Period) -> bool:
        return unit in self.units(period)

    def fetch(self, unit: str, pull: Pull) -> None:
        month = _month(unit)
        created = {"gte": _seconds(month.start), "lt": _seconds(month.end)}
        pull.meta["api_version"] = self.config.api_version
        with self._asking(self.config.retry) as api:
            fetched = set()
            for invoice in self._kept(
                pull, "invoices", api.pages("/v1/invoices", created=created, **self._expand("data."))
            ):
                self._fetch_rest(api, pull, invoice)
                fetched.add(invoice["id"])
            if self.config.refunds:
                for refund in self._kept(pull, "refunds", api.pages("/v1/refunds", created=created)):
                    self._fetch_refunded(api, pull, refund, fetched)

    def normalise(self, landed: Landed) -> Iterator[tuple[str, pa.Table]]:
        import pyarrow as pa

        reading = _Reading(self.config, landed)
        for rows in reading.batches():
            yield "revenue", pa.Table.from_pylist(rows, schema=schema("revenue"))
        if reading.rejections.rows:
            yield "rejected_records", reading.rejections.table()

    def cited(self, path: Path, name: str, line: int) -> str:
        """The n-th object of an answer, the lines it embeds counted after it."""
        body = http.parse_json(path.read_bytes(), source=self.name, file=name, number=str)
        for thing in _things(self.name, name, 0, body):
            if found := next((one for one in (thing, *thing.embedded) if one.line == line), None):
                return json.dumps(found.fields, ensure_ascii=False)
        raise SourceRejected(f"no object {line}", source=self.name, file=name, hint="landing was changed; restore it")

    def _asking(self, retry: http.RetryPolicy) -> _Api:
        return _Api(self.config, retry, self._pace)

    def _expand(self, before: str = "") -> dict[str, list[str]]:
        """What is asked for beyond an invoice itself: its customer, where that tells something."""
        places = (*self.config.tenant_from, *self.config.feature_from, *self.config.accrual_from)
        return {"expand": [f"{before}customer"]} if any(one.startswith("customer.metadata.") for one in places) else {}

    def _kept(self, pull: Pull, name: str, pages: Iterable[http.Page]) -> Iterator[dict[str, Any]]:
        """Every object of a list, whose pages are kept under ``name``."""
        for number, page in enumerate(pages, 1):
            pull.add(f"{name}/{number:04}.json", page.url, _without_links(page.content))
            yield from page.body["data"]

    def _fetch_rest(self, api: _Api, pull: Pull, invoice: Mapping[str, Any]) -> None:
        """All lines of an invoice that embeds its first ones only, and its credit notes with theirs."""
        name = invoice["id"]
        if invoice.get("status") in _NO_REVENUE:
            return
        if _has_more(invoice):
            for _ in self._kept(pull, f"invoice_lines/{name}", api.pages(f"/v1/invoices/{name}/lines")):
                pass
        if any(invoice.get(f"{when}_payment_credit_notes_amount") for when in ("pre", "post")):
            for note in self._kept(pull, f"credit_notes/{name}", api.pages("/v1/credit_notes", invoice=name)):
                lines = api.pages(f"/v1/credit_notes/{note['id']}/lines") if _has_more(note) else ()
                for _ in self._kept(pull, f"credit_note_lines/{note['id']}", lines):
                    pass

    def _fetch_refunded(self, api: _Api, pull: Pull, refund: Mapping[str, Any], fetched: set[str]) -> None:
        """The invoices that a refund's payment paid, each with all it needs to be read."""
        payment = _id_of(refund.get("payment_intent"))
        if payment is None or refund.get("status") in _NOT_REFUNDED:
            return
        asked = {"type": "payment_intent", "payment_intent": payment}
        paid = self._kept(pull, f"invoice_payments/{refund['id']}", api.pages("/v1/invoice_payments", payment=asked))
        for name in [_id_of(one.get("invoice")) for one in paid]:
            if name is not None and name not in fetched:
                page = api.ask(f"/v1/invoices/{name}", **self._expand())
                pull.add(f"refunded_invoices/{name}.json", page.url, _without_links(page.content))
                self._fetch_rest(api, pull, _listed(page, self.name)[0])
                fetched.add(name)


# How it is asked ------------------------------------------------------------------------------------------------------


class _Api:
    """Stripe's own client, which knows the API's spelling, over ours, which insists, keeps within limits and hands out bytes.

    Stripe's asks again by itself for nothing of 429, and never by the clock of ``Retry-After``.
    """

    def __init__(self, config: StripeConfig, retry: http.RetryPolicy, pace: http.Pace) -> None:
        from stripe import HTTPClient, StripeClient

        self._config, self._retry, self._pace = config, retry, pace
        self._http: http.Client | None = None
        self._page: http.Page | None = None
        answer = self._answer

        class Transport(HTTPClient):
            name = "reconcilers"

            def request(
                self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None, **_: Any
            ) -> tuple[str, int, Mapping[str, str]]:
                return answer(url, headers or {})

        self._stripe = StripeClient(
            http.credential(config.api_key_env, config.name),
            stripe_version=config.api_version,
            stripe_account=config.account,
            base_addresses={"api": config.base_url.rstrip("/")},
            http_client=Transport(),
            max_network_retries=0,
        )

    def __enter__(self) -> _Api:
        return self

    def __exit__(self, *_: object) -> None:
        if self._http is not None:
            self._http.__exit__()

    def ask(self, path: str, **params: Any) -> http.Page:
        """One answer, after as many attempts as the policy allows."""
        self._stripe.raw_request("get", path, **params)
        assert self._page is not None
        return self._page

    def pages(self, path: str, **params: Any) -> Iterator[http.Page]:
        """Every page of a list. Raises ``SourceRejected`` for pages that contradict each other.

        Stripe's own paging ends without a word at an empty page that says there is more.
        """
        seen: set[str] = set()
        after: dict[str, str] = {}
        for _ in range(http.MAX_PAGES):
            page = self.ask(path, limit=_MOST_AT_ONCE, **params, **after)
            names = [one["id"] for one in _listed(page, self._config.name)]
            more = page.body.get("has_more")
            if not isinstance(more, bool):
                raise SourceChangedShape("has_more is missing", source=self._config.name, file=page.url)
            if more and not names:
                raise self._contradiction(page, "has_more is true on an empty page")
            if len({*names}) < len(names) or seen & {*names}:
                raise self._contradiction(page, "the same object came twice")
            seen |= {*names}
            yield page
            if not more:
                return
            after = {"starting_after": names[-1]}
        raise self._contradiction(page, f"more than {http.MAX_PAGES} pages")

    def _answer(self, url: str, headers: Mapping[str, str]) -> tuple[str, int, Mapping[str, str]]:
        """What Stripe's client wants sent, sent by ours. An answer that is none raises our error, so Stripe's meets only good ones."""
        config = self._config
        if self._http is None:
            sent = {name: headers[name] for name in _HEADERS if name in headers}
            self._http = http.Client(
                config.base_url,
                sent,
                source=config.name,
                variable=config.api_key_env,
                retry=self._retry,
                pace=self._pace,
            )
        parts = urlsplit(url.removeprefix(config.base_url.rstrip("/")))
        self._page = self._http.get(parts.path, parse_qsl(parts.query, keep_blank_values=True))
        return self._page.content.decode(), 200, {}

    def _contradiction(self, page: http.Page, problem: str) -> SourceRejected:
        hint = "nothing of this pull was kept; report it to Stripe"
        return SourceRejected(problem, source=self._config.name, file=page.url, hint=hint)


def _listed(page: http.Page, source: str) -> list[dict[str, Any]]:
    """The objects of an answer, each with an id that may stand in a path. Raises ``SourceChangedShape``."""
    data = page.body.get("data") if page.body.get("object") == "list" else [page.body]
    if not isinstance(data, list):
        raise SourceChangedShape("data is not a list", source=source, file=page.url)
    for one in data:
        if not isinstance(one, dict) or _id_of(one) is None:
            raise SourceChangedShape("an object has no id", source=source, file=page.url)
    return data


def _id_of(found: Any) -> str | None:
    """The id of what stands there as an id or, expanded, as the object itself."""
    name = found.get("id") if isinstance(found, dict) else found
    return name if isinstance(name, str) and _ID.fullmatch(name) else None


def _has_more(found: Mapping[str, Any]) -> bool:
    lines = found.get("lines")
    return isinstance(lines, dict) and lines.get("has_more") is True


def _without_links(content: bytes) -> bytes:
    return _LINKS.sub(rb"\1null", content)


def _month(unit: str) -> Period:
    return Period.of_month(parse_day(f"{unit}-01"))


def _seconds(day: date) -> int:
    return int(datetime.combine(day, time(), UTC).timestamp())


# What it says ---------------------------------------------------------------------------------------------------------

#: States of an invoice that was not finalised, or is taken back whole.
_NO_REVENUE = ("draft", "void")
_REVENUE = ("open", "paid", "uncollectible")
#: States of a refund that has not paid back anything, or not yet.
_NOT_REFUNDED = ("failed", "canceled", "requires_action")
_REFUNDED = ("succeeded", "pending")


@dataclass(frozen=True)
class _Thing:
    """One JSON object of an answer: in which file, the how many-eth it is there, its ``landing_line``. Reads members by their kind."""

    source: str
    file: str
    line: int
    landing_line: int
    fields: Mapping[str, Any]
    embedded: tuple[_Thing, ...] = ()

    @property
    def id(self) -> str:
        name = _id_of(self.fields)
        if name is None:
            raise self.changed("id is missing")
        return name

    def text(self, name: str) -> str | None:
        found = self.fields.get(name)
        if found is not None and not isinstance(found, str):
            raise self.changed(f"{name} is not a text")
        return found or None

    def whole(self, name: str) -> int:
        """A whole number: minor units, or Unix seconds."""
        found = self.fields.get(name)
        if isinstance(found, bool) or not isinstance(found, int):
            raise self.changed(f"{name} is not a whole number")
        return found

    def day(self, name: str, seconds_later: int = 0) -> date:
        """The UTC day of Unix seconds."""
        try:
            return datetime.fromtimestamp(self.whole(name) + seconds_later, UTC).date()
        except (ValueError, OverflowError, OSError):
            raise self.changed(f"{name} is not in Unix seconds") from None

    def inner(self, *names: str) -> Mapping[str, Any]:
        """The object at the end of a path; empty where one on the way is null or not there."""
        found: Any = self.fields
        for name in names:
            found = found.get(name) if isinstance(found, Mapping) else None
        if found is not None and not isinstance(found, dict | str | list):
            raise self.changed(f"{'.'.join(names)} is not an object")
        return found if isinstance(found, dict) else {}

    def members(self, name: str) -> list[_Thing]:
        """A list of objects; null is an empty one."""
        found = self.fields.get(name)
        if found is None:
            return []
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise self.changed(f"{name} is not a list of objects")
        return [_Thing(self.source, self.file, self.line, self.landing_line, one) for one in found]

    def total_of(self, name: str, **only: str) -> int:
        """What the amounts of a list sum to, of those that say ``only``."""
        said = only.items()
        return sum(one.whole("amount") for one in self.members(name) if all(one.text(k) == v for k, v in said))

    def changed(self, problem: str, hint: str | None = None) -> SourceChangedShape:
        return SourceChangedShape(problem, source=self.source, file=self.file, line=self.line, hint=hint)


def _things(source: str, file: str, base: int, body: Any) -> Iterator[_Thing]:
    """The objects of an answer, counted from 1: each, and after it the lines it embeds."""
    whole = _Thing(source, file, 0, base, body if isinstance(body, dict) else {})
    data = whole.fields.get("data") if whole.fields.get("object") == "list" else [body]
    if not isinstance(data, list) or not all(isinstance(one, dict) for one in data):
        raise whole.changed("data is not a list of objects")
    line = 0
    for one in data:
        line += 1
        found = _Thing(source, file, line, base + line, one)
        lines = _Thing(source, file, line, base + line, found.inner("lines")).members("data")
        embedded = tuple(
            _Thing(source, file, number, base + number, each.fields) for number, each in enumerate(lines, line + 1)
        )
        line += len(embedded)
        yield _Thing(source, file, found.line, found.landing_line, one, embedded)


@dataclass(frozen=True)
class _Line:
    """What a line of an invoice says: its columns as text, its net amount in minor units, and why it cannot count, if so."""

    thing: _Thing
    told: Mapping[str, str | None]
    net: int
    problem: str | None


@dataclass(frozen=True)
class _Invoice:
    """An invoice that counts, or the reason why it cannot be read."""

    thing: _Thing
    lines: Mapping[str, _Line]
    notes: tuple[_Thing, ...] = ()
    problem: str | None = None


class _Reading:
    """One pull, read: rows of revenue, and of what could not be read. A page at a time, and only what a refund names for longer."""

    def __init__(self, config: StripeConfig, landed: Landed) -> None:
        self.config, self.landed = config, landed
        self.rejections = Rejections(config.name, landed.landing_id)
        self._month = _month(landed.unit)
        self._seen: set[str] = set()
        self._groups: dict[str, list[tuple[int, LandedObject]]] = defaultdict(list)
        for index, item in enumerate(landed.objects):
            self._groups[item.name.rpartition("/")[0]].append((index, item))

    def batches(self) -> Iterator[list[dict[str, Any]]]:
        paid = self._payments()
        refunded = {name for names in paid.values() for name in names}
        kept: dict[str, _Invoice | None] = {}
        for group in ("invoices", "refunded_invoices"):
            for index, item in self._groups[group]:
                rows: list[dict[str, Any]] = []
                for thing in self._of_object(index, item):
                    invoice = self._invoice(thing)
                    if group == "invoices":
                        rows += self._rows(thing, invoice)
                    if thing.id in refunded:
                        kept[thing.id] = invoice
                if rows:
                    yield rows
        if self.config.refunds and (rows := list(self._refunds(paid, kept))):
            yield rows

    # Invoices

    def _invoice(self, thing: _Thing) -> _Invoice | None:
        """What an invoice says; null where it is no revenue."""
        self._once(thing)
        status = thing.text("status")
        if thing.fields.get("livemode") is not True:
            if thing.fields.get("livemode") is not False:
                raise thing.changed("livemode is neither true nor false")
            return _Invoice(thing, {}, problem="is of test mode: nobody is charged")
        if status in _NO_REVENUE or (status == "uncollectible" and not self.config.count_uncollectible):
            return None
        if status not in _REVENUE:
            return _Invoice(thing, {}, problem=f"status {status!r:.40} is not known")
        found = self._all_lines(thing, "invoice_lines")
        for one in found:
            self._once(one)
        try:
            lines = {one.id: self._line(thing, one) for one in found}
            self._check_total(thing, sum(one.net for one in lines.values()), found)
        except ValueError as error:
            return _Invoice(thing, {}, problem=str(error))
        return _Invoice(thing, lines, tuple(self._notes(thing)))

    def _rows(self, thing: _Thing, invoice: _Invoice | None) -> Iterator[dict[str, Any]]:
        """Revenue of an invoice created in this month, and what credit notes take off it."""
        created = thing.day("created")
        if not self._month.start <= created < self._month.end:
            hint = "nothing of this pull was kept; report it to Stripe"
            raise SourceRejected(
                f"invoice of {created}, which was not asked for",
                source=self.config.name,
                file=thing.file,
                line=thing.line,
                hint=hint,
            )
        if invoice is None:
            return
        if invoice.problem is not None:
            self._lose(thing, invoice.problem, {})
            return
        for name, line in invoice.lines.items():
            yield from self._row(line.thing, line.told, name, line.net, line.problem)
        self._tell_shipping(thing)
        for note in invoice.notes:
            yield from self._credited(invoice, note)

    def _line(self, invoice: _Thing, line: _Thing) -> _Line:
        """A line before tax and after discounts and credits. Raises ``ValueError`` for what makes its invoice's sum another."""
        if line.text("currency") != invoice.text("currency"):
            raise ValueError(f"line {line.id} is in {line.text('currency')}, the invoice in {invoice.text('currency')}")
        told = self._sold(invoice, line) | {"currency": self._currency(invoice)}
        told |= {"kind": "invoice", "tenant_id": self._told(self.config.tenant_from, invoice, line)}
        problem = None
        if told["tenant_id"] is None:
            customer = _id_of(invoice.fields.get("customer")) or "none"
            problem = f"no tenant is told in {', '.join(self.config.tenant_from)}; customer {customer}"
        return _Line(line, told | self._period(line), _net(line), problem)

    def _check_total(self, thing: _Thing, net: int, lines: list[_Thing]) -> None:
        """Raises ``ValueError`` where lines do not make the total without tax. Included tax is rounded by line or by total."""
        if not self.config.control_total:
            return
        shipping = thing.inner("shipping_cost").get("amount_subtotal") or 0
        rounded = sum(1 for one in lines if one.total_of("taxes", tax_behavior="inclusive"))
        total = _without_tax(thing)
        if abs(net + shipping - total) > rounded:
            raise ValueError(f"lines make {net + shipping} minor units without tax, the total is {total}")

    def _all_lines(self, thing: _Thing, name: str) -> list[_Thing]:
        """The lines of an invoice or credit note: those it embeds, or the list of all where it embeds the first only."""
        if not isinstance(thing.fields.get("lines"), dict):
            raise thing.changed("lines is not a list")
        if not _has_more(thing.fields):
            return list(thing.embedded)
        return [one for index, item in self._groups[f"{name}/{thing.id}"] for one in self._of_object(index, item)]

    def _sold(self, invoice: _Thing, line: _Thing) -> dict[str, str | None]:
        ids = (self._at("price.id", invoice, line), self._at("product.id", invoice, line))
        sold = next((self.config.products[one] for one in ids if one in self.config.products), Sold())
        feature = self._told(self.config.feature_from, invoice, line)
        return {
            "feature_id": feature or sold.feature_id,
            "bundle_id": None if feature else sold.bundle_id,
            "pricing": sold.pricing,
            "bills_revenue_id": self._told(self.config.accrual_from, invoice, line),
        }

    def _told(self, places: Iterable[str], invoice: _Thing, line: _Thing) -> str | None:
        return next(filter(None, (self._at(place, invoice, line) for place in places)), None)

    def _at(self, place: str, invoice: _Thing, line: _Thing) -> str | None:
        """What stands at a configured place, null where nothing does."""
        owner, _, member = place.partition(".")
        if member == "id":
            found: Any = {
                "customer": invoice.fields.get("customer"),
                "subscription": self._subscription(invoice, line),
                "price": line.inner("pricing", "price_details").get("price"),
                "product": line.inner("pricing", "price_details").get("product"),
            }[owner]
            return _id_of(found)
        metadata = {
            "line": line.inner("metadata"),
            "subscription": invoice.inner("parent", "subscription_details", "metadata"),
            "invoice": invoice.inner("metadata"),
            "customer": invoice.inner("customer", "metadata"),
        }[owner]
        found = metadata.get(member.partition(".")[2])
        return found.strip() or None if isinstance(found, str) else None

    def _subscription(self, invoice: _Thing, line: _Thing) -> Any:
        details = (line.inner("parent", f"{kind}_item_details") for kind in ("subscription", "invoice"))
        told = next((one["subscription"] for one in details if one.get("subscription")), None)
        return told or invoice.inner("parent", "subscription_details").get("subscription")

    def _period(self, line: _Thing) -> dict[str, str | None]:
        """The days of a line's own period, half-open. Its end is inclusive where it is a day's last second, as Stripe says it is."""
        period = _Thing(line.source, line.file, line.line, line.landing_line, line.inner("period"))
        if period.whole("end") < period.whole("start"):
            raise ValueError(f"line {line.id} ends before it begins")
        days = period.day("start"), period.day("end", seconds_later=1)
        return dict(zip(("service_period_start", "service_period_end"), map(str, days), strict=True))

    def _currency(self, thing: _Thing) -> str:
        """Raises ``ValueError`` for what is no currency: then nobody knows how many of its amounts make one."""
        code = (thing.text("currency") or "").upper()
        if not money.is_currency(code):
            raise ValueError(f"currency {code!r:.40} is no code of ISO 4217")
        return code

    def _amount(self, currency: str, minor: int) -> str:
        digits = self.config.minor_digits.get(currency, _MINOR_DIGITS.get(currency, money.decimals_of(currency)))
        return money.of_minor(str(minor), digits)

    # Credit notes and refunds

    def _notes(self, invoice: _Thing) -> Iterator[_Thing]:
        for index, item in self._groups[f"credit_notes/{invoice.id}"]:
            for note in self._of_object(index, item):
                self._once(note)
                if _id_of(note.fields.get("invoice")) != invoice.id:
                    raise note.changed(f"is not of invoice {invoice.id}, which was asked for")
                if note.text("status") != "void":
                    yield note

    def _credited(self, invoice: _Invoice, note: _Thing) -> Iterator[dict[str, Any]]:
        """What a credit note takes off, over the period of each line it names; of the whole invoice's where it names none."""
        lines = self._all_lines(note, "credit_note_lines")
        try:
            if note.text("status") != "issued":
                raise ValueError(f"status {note.text('status')!r:.40} is not known")
            if note.text("currency") != invoice.thing.text("currency"):
                raise ValueError(f"is in {note.text('currency')}, its invoice in {invoice.thing.text('currency')}")
            self._check_total(note, sum(map(_net, lines)), lines)
        except ValueError as error:
            self._lose(note, str(error), {})
            return
        for one in lines:
            self._once(one)
            named = one.text("invoice_line_item")
            try:
                taken = _taken_from(invoice, named)
            except ValueError as error:
                self._lose(one, str(error), {})
                continue
            yield from self._row(one, taken.told, one.id, -_net(one), taken.problem)
        self._tell_shipping(note)

    def _payments(self) -> dict[str, list[str]]:
        """The invoices that the payment behind each refund paid, by the refund's id."""
        found: dict[str, list[str]] = {}
        for group, objects in self._groups.items():
            folder, _, refund = group.partition("/")
            if folder == "invoice_payments":
                paid = [_id_of(one.fields.get("invoice")) for each in objects for one in self._of_object(*each)]
                found[refund] = [name for name in dict.fromkeys(paid) if name is not None]
        return found

    def _refunds(
        self, paid: Mapping[str, list[str]], invoices: Mapping[str, _Invoice | None]
    ) -> Iterator[dict[str, Any]]:
        """What was paid back of invoices, as far as no credit note says it."""
        credited: dict[str, int] = defaultdict(int)
        for note in (note for invoice in invoices.values() if invoice for note in invoice.notes):
            for one in note.members("refunds"):
                if name := _id_of(one.fields.get("refund")):
                    credited[name] += one.whole("amount_refunded")
        for index, item in self._groups["refunds"]:
            for refund in self._of_object(index, item):
                self._once(refund)
                status = refund.text("status")
                if status in _NOT_REFUNDED:
                    continue
                try:
                    if status not in _REFUNDED:
                        raise ValueError(f"status {status!r:.40} is not known")
                    yield from self._refunded(refund, credited[refund.id], paid.get(refund.id), invoices)
                except ValueError as error:
                    self._lose(refund, str(error), {})

    def _refunded(
        self, refund: _Thing, credited: int, paid: list[str] | None, invoices: Mapping[str, _Invoice | None]
    ) -> Iterator[dict[str, Any]]:
        """What a refund pays back of lines, without its share of tax and shipping, over the whole of its invoice. Raises
        ``ValueError`` where it is not known of which.

        A payment that paid no invoice was no revenue here, and so is what was paid back of it.
        """
        if paid is None:
            raise ValueError("names no payment; of which invoice it is, is not known")
        if len(paid) > 1:
            raise ValueError(f"its payment paid {len(paid)} invoices; of which it is, is not known")
        rest = refund.whole("amount") - credited
        invoice = invoices.get(paid[0]) if paid else None
        if invoice is None or not rest:
            return
        if invoice.problem is not None:
            raise ValueError(f"invoice {invoice.thing.id} {invoice.problem}")
        total, net = invoice.thing.whole("total"), sum(line.net for line in invoice.lines.values())
        if rest < 0 or total <= 0:
            raise ValueError(f"refunds {rest} of an invoice of {total} minor units")
        if refund.text("currency") != invoice.thing.text("currency"):
            raise ValueError(f"is in {refund.text('currency')}, its invoice in {invoice.thing.text('currency')}")
        share = money.round_half_away(Decimal(rest * net) / total, Decimal(1))
        whole = _whole(invoice)
        yield from self._row(refund, whole.told, refund.id, -int(share), whole.problem)

    # Rows

    def _row(
        self, thing: _Thing, told: Mapping[str, str | None], name: str, minor: int, problem: str | None
    ) -> Iterator[dict[str, Any]]:
        """One line of revenue; a row of what cannot be read instead where it is of nobody. Nothing of nobody is nothing."""
        if problem is not None and not minor:
            return
        place = {"source": self.config.name, "landing_id": self.landed.landing_id, "landing_line": thing.landing_line}
        try:
            amount = self._amount(str(told["currency"]), minor)
            if problem is not None:
                raise ValueError(f"{amount} {told['currency']}: {problem}")
            # What takes off bills no accrual.
            more = {"revenue_id": name, "amount": amount} | ({} if minor >= 0 else {"bills_revenue_id": None})
            yield place | typed({**told, **more})
        except ValueError as error:
            self._lose(thing, str(error), told)

    def _tell_shipping(self, thing: _Thing) -> None:
        if shipping := thing.inner("shipping_cost").get("amount_subtotal"):
            reason = f"{shipping} minor units of shipping are of no line and no period, and are not read"
            self._lose(thing, reason, {}, attribute="shipping_cost")

    def _lose(self, thing: _Thing, reason: str, told: Mapping[str, str | None], attribute: str | None = None) -> None:
        day = told.get("service_period_start")
        size = len(json.dumps(thing.fields, ensure_ascii=False).encode("utf-8", "replace"))
        self.rejections.add(
            thing.file,
            thing.landing_line,
            f"{_id_of(thing.fields) or 'object'}: {reason}",
            size,
            attribute,
            day=parse_day(day) if day else None,
            tenant_id=told.get("tenant_id"),
        )

    # Objects

    def _of_object(self, index: int, item: LandedObject) -> Iterator[_Thing]:
        body = http.parse_json(self.landed.path(item).read_bytes(), source=self.config.name, file=item.name, number=str)
        return _things(self.config.name, item.name, folders.line_base(index), body)

    def _once(self, thing: _Thing) -> None:
        """Raises ``SourceRejected`` for an object met before: a list shifted while it was read."""
        if thing.id in self._seen:
            raise SourceRejected(
                f"{thing.id} came twice",
                source=self.config.name,
                file=thing.file,
                line=thing.line,
                hint="pull the month again; its pages contradict each other",
            )
        self._seen.add(thing.id)


def _net(line: _Thing) -> int:
    """A line's amount in minor units after discounts and pretax credits, without tax. Raises ``ValueError`` for a contradiction.

    Discounts stand among the pretax credits once more, and count once.
    """
    if "taxes" not in line.fields:
        raise line.changed(
            "taxes is missing: an answer of another version of the API", f"set api_version {API_VERSION}"
        )
    discounts = line.total_of("discount_amounts")
    kinds = {one.text("type") for one in line.members("pretax_credit_amounts")}
    if unknown := sorted(str(kind) for kind in kinds - {"discount", "credit_balance_transaction"}):
        raise ValueError(f"line {line.id} has a pretax credit of type {unknown[0]:.40}, which is not known")
    if "discount" in kinds and line.total_of("pretax_credit_amounts", type="discount") != discounts:
        raise ValueError(f"line {line.id} tells its discounts in two ways")
    credits = line.total_of("pretax_credit_amounts", type="credit_balance_transaction")
    return line.whole("amount") - discounts - credits - line.total_of("taxes", tax_behavior="inclusive")


def _without_tax(thing: _Thing) -> int:
    """An invoice's or credit note's total without tax. Raises ``ValueError`` for null, which Stripe allows."""
    if thing.fields.get("total_excluding_tax", ...) is None:
        raise ValueError("total_excluding_tax is null: its total without tax is not known")
    return thing.whole("total_excluding_tax")


def _taken_from(invoice: _Invoice, named: str | None) -> _Line:
    """What a line of a credit note takes off: the line it names, all of the invoice where it names none. Raises ``ValueError``."""
    if named is None:
        return _whole(invoice)
    if named not in invoice.lines:
        raise ValueError(f"takes off line {named:.80}, which invoice {invoice.thing.id} does not have")
    return invoice.lines[named]


def _whole(invoice: _Invoice) -> _Line:
    """All of an invoice, for what takes off it and names no line. Raises ``ValueError`` where that is not one tenant's."""
    lines = [line for line in invoice.lines.values() if line.net > 0]
    if line := next((line for line in lines if line.problem), None):
        return line
    if len({line.told["tenant_id"] for line in lines}) != 1:
        raise ValueError(f"takes off invoice {invoice.thing.id}, whose lines are of no one tenant")
    sold = [{name: line.told[name] for name in ("feature_id", "bundle_id", "pricing")} for line in lines]
    period = {
        "service_period_start": min(str(line.told["service_period_start"]) for line in lines),
        "service_period_end": max(str(line.told["service_period_end"]) for line in lines),
    }
    alike = sold[0] if all(one == sold[0] for one in sold) else dict.fromkeys(sold[0])
    return _Line(invoice.thing, {**lines[0].told, **alike, **period}, 0, None)
