"""``kind: mapped_bill`` — usage and invoice tables of any seller, CSV, NDJSON or Parquet, by a declared mapping.

For a seller whose bill no source reads: a vector database's usage CSV, an audio model's invoice lines, a landlord of GPUs.
``columns`` says what each FOCUS column is made of, as a mapping of telemetry does (``mapped_columns.py``); ``bill_files.py``
says which files count. A value that a ``map`` does not have stays as it is: a meter nobody declared has its money in
``unmapped``, and a category nobody declared refuses the file.

A row is one charge line, or as many as there are ``lines`` that it fits: its tax beside its cost, its usage and the credit
applied to it. One that fits none is refused, never left out. Of a line

- what the row has once stands on the first one alone: its quantities, its id, and every cost but the line's own amount;
- ``negated`` turns the sign of amounts that are told without one: credits and refunds;
- ``spread`` divides a flat fee over the days of its period, exactly, each day a charge line of the same billing period, the first
  with the id;
- what a minimum commitment costs beyond the usage is a line without model or meter like any other: it stays whole, and a rule of
  ``charge_rules.csv`` sends it to ``commitment_shortfall``.

A bill is refused whole (rule R33): a row that cannot be read, or that tells no amount, refuses its file, naming the line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from reconcilers import money
from reconcilers.errors import SourceRejected
from reconcilers.periods import Period
from reconcilers.sources import focus, focus_values, folders, mapped_columns, results, tabular
from reconcilers.sources.billing.bill_files import BillFiles, BillFilesConfig
from reconcilers.sources.contract import Expression
from reconcilers.sources.mapped_columns import Column, Row, fits, lookup, plain

if TYPE_CHECKING:
    import pyarrow as pa

    from reconcilers.ingest.landing import Landed

#: One row in FOCUS columns of text.
FocusRow = dict[str, str | None]
Where = dict[str, str | tuple[str, ...]]

_COSTS = ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost")
_QUANTITIES = ("ConsumedQuantity", "PricingQuantity", "CommitmentDiscountQuantity")
_PERIOD = ("ChargePeriodStart", "ChargePeriodEnd")
_MEASURES = (*_COSTS, *_QUANTITIES)
#: What a row has once, however many lines it is: a quantity on two lines would be used twice, an id that two have names neither.
_ONCE = {*_MEASURES, "x_LineId"} - {"BilledCost"}
#: What need not be mapped: effective cost is the billed one, list cost is not known, a row without an end is of one day.
_NOT_NEEDED = {"EffectiveCost", "ListCost", "ChargePeriodEnd"}
#: How people write numbers: what one looks like, and what each sign in it becomes.
_NUMBERS = {
    "1,234.56": (re.compile(r"[+-]?(\d{1,3}(,\d{3})+|\d+)(\.\d+)?", re.ASCII), str.maketrans("", "", ",")),
    "1.234,56": (re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d+)(,\d+)?", re.ASCII), str.maketrans(",", ".", ".")),
}
_HINT = "correct the mapping, or ask the seller for a corrected file"
#: A month as a table may write it where a day was expected; what it means, ``focus.py`` knows.
_MONTH = re.compile(r"\d{4}-?\d\d", re.ASCII)


def _known(columns: dict[str, Column]) -> dict[str, Column]:
    if unknown := sorted(set(columns) - set(focus.COLUMNS)):
        raise ValueError(f"{', '.join(unknown)} is no column that is read; see reconcilers/sources/focus.py")
    return columns


Columns = Annotated[dict[str, Column], AfterValidator(_known)]


class Line(BaseModel):
    """A charge line that a row may be, and what of it differs from the other lines."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    where: Where = Field(default={}, examples=[{"type": ["usage", "overage"]}])
    """The rows it is of: those whose columns have one of the given texts; every row without it."""
    columns: Columns = Field(default={}, examples=[{"BilledCost": "tax", "ChargeCategory": {"constant": "Tax"}}])
    """FOCUS columns that are made otherwise than `columns` of the source says. With a `BilledCost` of its own, a row where that
    is empty has no such line, nor has one where it is 0 and a line before has been made of it. Of the lines of a row the first has
    its quantities, other costs and `x_LineId`, a further one those that it names here."""
    negated: bool = False
    """Its amounts and quantities are told without a sign and take off: credits, refunds. One that has a sign is refused."""
    spread: bool = False
    """A flat fee: amounts and quantities are divided evenly over the days of its period."""


class Total(BaseModel):
    """The row of a file that tells what its lines sum to."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    where: Where = Field(examples=[{"description": "Total"}])
    """The row: the one whose columns have these texts."""
    column: str = Field(examples=["amount"])
    """The column that tells the sum."""


class MappedBillConfig(BillFilesConfig):
    """Where each FOCUS column comes from, and which lines a row is."""

    format: Literal["csv", "ndjson", "parquet"] = Field(examples=["csv"])
    """What a file is."""
    pattern: Expression = r"(?i).*\.((csv|ndjson|jsonl)(\.(gz|zst|zip))?|parquet)"
    """A regular expression for whole keys below `uri`, with the groups that `focus_file` has."""
    columns: Columns = Field(examples=[{"BilledCost": "amount", "BillingCurrency": {"constant": "USD"}}])
    """Where each FOCUS or `x_` column (`reconcilers/sources/focus.py`) comes from: the name of a column, or how it is made."""
    period_end: Literal["exclusive", "last_day", "month"] | None = Field(default=None, examples=["last_day"])
    """What `ChargePeriodEnd` tells, where it is mapped: the instant the period ends, its last day, or the month it ends with.
    Where it is not, a row is of the UTC day of its `ChargePeriodStart`."""
    lines: tuple[Line, ...] = Field(default=(Line(),), min_length=1)
    """The charge lines a row may be; it is each that it fits, and is refused where it fits none."""
    left_out: Where | None = Field(default=None, examples=[{"description": "Subtotal"}])
    """Rows that only say again what others say, such as subtotals, or nothing at all: `""` is an empty cell, so
    `{amount_value: "", line_item: ""}` leaves out the days without spending in the table of costs that OpenAI's console gives."""
    total: Total | None = None
    """The row that tells a file's sum. A file without it, or with another sum to the decimals of its currency, is refused: it was
    cut off, or is misread."""
    numbers: Literal["1234.56", "1,234.56", "1.234,56"] = "1234.56"
    """How amounts and quantities are written. `1.234,56` is for CSV alone: elsewhere a number has a point before its decimals."""
    minor_digits: int = Field(default=0, ge=0, le=4)
    """How many digits the unit of amounts stands for: 2 where they are in cents."""
    usage_columns: Columns = Field(default={}, examples=[{"ConsumedQuantity": "tokens"}])
    """The same as `columns` of the files that `usage_report` tells apart."""

    @model_validator(mode="after")
    def _lines_are_whole(self) -> MappedBillConfig:
        for line in self.lines:
            columns = self.columns | line.columns
            _needs(focus.REQUIRED, columns, "a line")
            if line.spread and "ChargePeriodEnd" not in columns:
                raise ValueError("a line that is spread needs ChargePeriodEnd")
        if self.numbers == "1.234,56" and self.format != "csv":
            raise ValueError(
                f"numbers 1.234,56 are for csv alone: of {self.format} the number 1.234 would be read as 1234"
            )
        if (self.usage_report is None) != (not self.usage_columns):
            raise ValueError("usage_report and usage_columns go together")
        if self.usage_columns:
            _needs(focus.USAGE_REQUIRED, self.usage_columns, "usage_columns")
        declared = (self.columns, self.usage_columns, *(line.columns for line in self.lines))
        if (self.period_end is not None) != any("ChargePeriodEnd" in columns for columns in declared):
            raise ValueError("period_end says what ChargePeriodEnd tells: give both or neither")
        return self

    def reads(self, *, usage_report: bool = False) -> list[str]:
        """Every column of the files that the mapping names, in a stable order."""
        if usage_report:
            return list(dict.fromkeys(name for column in self.usage_columns.values() for name in column.reads()))
        of_lines = (column for line in self.lines for column in line.columns.values())
        names = [name for column in (*self.columns.values(), *of_lines) for name in column.reads()]
        names += [name for where in (*(line.where for line in self.lines), self.left_out or {}) for name in where]
        names += [*self.total.where, self.total.column] if self.total else []
        return list(dict.fromkeys(names))


def _needs(required: Sequence[str], columns: Mapping[str, Column], of: str) -> None:
    if missing := [name for name in required if name not in columns and name not in _NOT_NEEDED]:
        raise ValueError(f"{of} needs a mapping for: {', '.join(missing)}")


class MappedBill(BillFiles):
    """Charges of tables with a declared mapping; see the module's docstring."""

    kind = "mapped_bill"
    Config = MappedBillConfig
    begins = MappingProxyType(
        {
            "": """\
uri: seller  # a folder, or s3://bucket/prefix
format: csv  # or ndjson, parquet
columns:  # FOCUS column (reconcilers/sources/focus.py): column of your table
  BilledCost: amount
  BillingCurrency: currency
  BillingAccountId: {constant: main}
  BillingPeriodStart: date
  ChargePeriodStart: {column: date, time: iso}
  ChargeCategory: {column: type, map: {usage: Usage, fee: Purchase, credit: Credit}}
  ServiceName: product
  x_Model: product
  x_Meter: {column: metric, map: {Read Units: read_units, Input Tokens: input_tokens}}
  ConsumedQuantity: quantity
  ConsumedUnit: unit
"""
        }
    )
    config: MappedBillConfig

    def normalise(self, landed: Landed) -> Iterator[tuple[str, pa.Table]]:
        deliveries: dict[str, focus.Charges] = {}
        report = focus.UsageReport(self.name, landed.landing_id)
        for index, item in enumerate(landed.objects):
            is_report = self._is_usage_report(item.name)
            charges = deliveries.setdefault(self._delivery(item.name), focus.Charges(self.name, landed.landing_id))
            made: focus.UsageReport | focus.Charges = report if is_report else charges
            rows = (self._usage if is_report else self._charges)(landed.path(item), item.name)
            while batch := list(islice(rows, tabular.BATCH_ROWS)):
                yield made.entity, made.table_of_rows(batch, file=item.name, line_base=folders.line_base(index))
        for charges in deliveries.values():
            yield from charges.rejected()

    def _rows(self, path: Path, file: str) -> Iterator[tuple[int, Row]]:
        names = self.config.reads(usage_report=self._is_usage_report(file))
        return mapped_columns.read_all(path, file, names, form=self.config.format, source=self.name, hint=_HINT)

    def _usage(self, path: Path, file: str) -> Iterator[tuple[int, FocusRow]]:
        """(line, row) of one usage report, in its order."""
        reader = _Reader(self.config, self.config.usage_columns)
        for line, row in self._rows(path, file):
            try:
                yield line, reader.read(row)
            except ValueError as error:
                raise self._rejected(file, line, str(error)) from None

    def _charges(self, path: Path, file: str) -> Iterator[tuple[int, FocusRow]]:
        """(line, charge line) of one bill file, in its order."""
        readers = [_LineReader(self.config, line) for line in self.config.lines]
        sums = _Sums(self.config)
        # A table has its columns by its header, JSON objects only by having them.
        named = {name for reader in readers for name in reader.amount.reads()}
        named |= mapped_columns.asked_empty(self.config.left_out or {})
        untold = named if self.config.format == "ndjson" else set()
        line = None
        for line, row in self._rows(path, file):
            untold = {name for name in untold if name not in row and lookup(row, name) is None}
            try:
                if sums.take(row) or (self.config.left_out and fits(row, self.config.left_out)):
                    continue
                is_first = True
                for reader in (fitting := _fitting(readers, row)):
                    if told := reader.line_of(row, is_first=is_first):
                        is_first = False
                        sums.add(told)
                        yield from ((line, one) for one in reader.by_day(told))
                if is_first:
                    names = ", ".join(repr(name) for reader in fitting for name in reader.amount.reads())
                    raise ValueError(f"nothing tells an amount: {names:.200}")
            except ValueError as error:
                raise self._rejected(file, line, str(error)) from None
        if line is not None and untold:
            raise mapped_columns.changed(f"no row has {min(untold)!r:.80}", table=file, source=self.name)
        if self.config.total is not None:
            self._check_total(sums, file)

    def _check_total(self, sums: _Sums, file: str) -> None:
        """Raises ``SourceRejected`` for a file whose lines do not make the total it tells.

        Paper rounds a total to the decimals of its currency, so the lines' sum is rounded to them, or to as many as are told.
        """
        if not sums.told:
            raise self._rejected(file, None, "no row tells its total; it was cut off, or `total` is wrong")
        if len(sums.lines) > 1:
            currencies = ", ".join(sorted(sums.lines))
            raise self._rejected(file, None, f"its total is of several currencies: {currencies}")
        ((currency, lines),) = sums.lines.items() or [("of no currency", Decimal(0))]
        for told in sums.told:
            decimals = max(money.decimals_of(currency), -int(told.as_tuple().exponent))
            made = money.round_half_away(lines, Decimal(1).scaleb(-decimals))
            results.check_total(
                {currency: made}, {currency: told}, source=self.name, of="the file", file=file, hint=_HINT
            )

    def _rejected(self, file: str, line: int | None, problem: str) -> SourceRejected:
        return SourceRejected(problem, source=self.name, file=file, line=line, hint=_HINT)


class _Reader:
    """Makes FOCUS columns of text of a row. Its methods raise ``ValueError`` for what cannot be read."""

    def __init__(self, config: MappedBillConfig, columns: Mapping[str, Column]) -> None:
        self.config, self.columns = config, columns
        self.texts = {name: mapped_columns.mapped_text(column, keeps_others=True) for name, column in columns.items()}

    def read(self, row: Row) -> FocusRow:
        told = {name: text(row) for name, text in self.texts.items()}
        for name in _MEASURES:
            if (text := told.get(name)) is not None:
                told[name] = _named(name, partial(_number, self.config, is_cost=name in _COSTS), text)
        start = self._instant("ChargePeriodStart", told)
        end = _midnight_after(start.date())
        if "ChargePeriodEnd" in self.columns:
            end = _named("ChargePeriodEnd", self._end, self._instant("ChargePeriodEnd", told))
        told |= {"ChargePeriodStart": start.isoformat(), "ChargePeriodEnd": end.isoformat()}
        if not _MONTH.fullmatch(month := told.get("BillingPeriodStart") or ""):
            told["BillingPeriodStart"] = (month and self._instant("BillingPeriodStart", told).isoformat()) or None
        return told

    def _instant(self, name: str, told: FocusRow) -> datetime:
        if (text := told[name]) is None:
            raise ValueError(f"{name} is empty")
        try:
            return mapped_columns.instant(text, self.columns[name].time)
        except (ValueError, OverflowError, ArithmeticError) as error:
            hint = "; say how it is written beside its column, 09/15/2026 as `time: '%m/%d/%Y'`"
            raise ValueError(f"{name}: {error}{hint}") from None

    def _end(self, told: datetime) -> datetime:
        """The instant a period ends, from what the table tells of it."""
        if self.config.period_end == "month":
            return datetime.combine(Period.of_month(told.date()).end, time())
        if self.config.period_end == "last_day":
            return _midnight_after(told.date())
        if told.time() >= time(23, 59):
            raise ValueError(f"{told} is the end of a day that `period_end: exclusive` would lose; say `last_day`")
        return told


class _LineReader(_Reader):
    """The same of one of ``lines``."""

    def __init__(self, config: MappedBillConfig, line: Line) -> None:
        super().__init__(config, config.columns | line.columns)
        self.line, self.amount = line, self.columns["BilledCost"]

    def line_of(self, row: Row, *, is_first: bool) -> FocusRow | None:
        """The charge line of a row; null where it has no amount of this kind, or after its first line one of 0.

        Of what the row has once, a further line has only what its own columns say.
        """
        own = self.line.columns
        if "BilledCost" in own and self.texts["BilledCost"](row) is None:
            return None
        told = self.read(row)
        if (billed := told["BilledCost"]) is None:
            raise ValueError("BilledCost is empty")
        if not is_first:
            if not money.parse_amount(billed):
                return None
            told = {name: text for name, text in told.items() if name in own or name not in _ONCE}
        if self.line.negated:
            told |= {name: _named(name, _negated, text) for name in _MEASURES if (text := told.get(name)) is not None}
        told.setdefault("EffectiveCost", told["BilledCost"])
        if (told["ChargeCategory"] or "").lower() == "credit" and money.parse_amount(told["BilledCost"] or "") > 0:
            raise ValueError(
                f"a credit of {told['BilledCost']} adds to the bill; where credits are told without a sign, say so (`negated`);"
                " where it takes a credit back, map its category to Adjustment"
            )
        return told

    def by_day(self, told: FocusRow) -> Iterator[FocusRow]:
        """The line, or the days it is spread over."""
        if not self.line.spread:
            yield told
            return
        first, after = (datetime.fromisoformat(told[name] or "").date() for name in _PERIOD)
        days = list(Period(first, after).days())
        parts = {name: money.split(text, [1] * len(days)) for name in _MEASURES if (text := told.get(name)) is not None}
        for place, day in enumerate(days):
            period = zip(_PERIOD, (day.isoformat(), _midnight_after(day).isoformat()), strict=True)
            yield told | dict(period) | {name: part[place] for name, part in parts.items()}
            told = told | {"x_LineId": None}


class _Sums:
    """What a file's lines add up to by currency, and what it tells they do; nothing of a file that is held to no total."""

    def __init__(self, config: MappedBillConfig) -> None:
        self.config = config
        self.lines: dict[str, Decimal] = {}
        self.told: list[Decimal] = []

    def take(self, row: Row) -> bool:
        """Whether a row tells the sum; what it tells is kept."""
        if (total := self.config.total) is None or not fits(row, total.where):
            return False
        text = plain(lookup(row, total.column))
        if text is None:
            raise ValueError(f"the total in {total.column} is empty")
        self.told.append(Decimal(_number(self.config, text, is_cost=True)))
        return True

    def add(self, told: FocusRow) -> None:
        if self.config.total is not None:
            currency = _named("BillingCurrency", focus_values.currency, told["BillingCurrency"] or "")
            self.lines[currency] = money.sum_exactly(self.lines.get(currency, Decimal(0)), told["BilledCost"] or "")


def _fitting(readers: Sequence[_LineReader], row: Row) -> list[_LineReader]:
    """The lines a row is. Raises ``ValueError`` where it is none, or where two of them count one column."""
    fitting = [reader for reader in readers if fits(row, reader.line.where)]
    if not fitting:
        names = dict.fromkeys(name for reader in readers for name in reader.line.where)
        told = ", ".join(f"{name} is {plain(lookup(row, name))!r:.60}" for name in names)
        raise ValueError(f"fits none of `lines`: {told}")
    counted = [name for reader in fitting for name in reader.amount.reads()]
    if twice := next((name for name in counted if counted.count(name) > 1), None):
        raise ValueError(f"fits two of `lines` that both count column {twice!r:.60}")
    return fitting


def _number(config: MappedBillConfig, text: str, *, is_cost: bool) -> str:
    """A plain decimal of a number as the table writes it; a cost in its currency's unit. Raises ``ValueError`` for none."""
    if config.numbers in _NUMBERS:
        form, signs = _NUMBERS[config.numbers]
        if not form.fullmatch(text):
            raise ValueError(f"{text!r:.60} is not written as {config.numbers}")
        text = text.translate(signs)
    money.parse_amount(text)
    return money.of_minor(text, config.minor_digits) if is_cost and config.minor_digits else text


def _negated(text: str) -> str:
    if money.parse_amount(text) < 0:
        raise ValueError(f"{text} has its sign already, and its line is `negated`")
    return f"-{text.removeprefix('+')}"


def _named(name: str, read: Callable[[Any], Any], value: Any) -> Any:
    """What is read of a column's value; what is wrong with it names the column."""
    try:
        return read(value)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _midnight_after(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time())
