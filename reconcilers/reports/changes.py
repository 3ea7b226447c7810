"""What changed between two publications or two months, in rows and in money.

Money is the reconciled cost of ``fct_allocation``, which sums to the bill, told three ways: by feature, by tenant, by billing source.
What is on no call stands under its destination in parentheses. ``before`` is month *a* as an earlier publication tells it, ``after``
month *b* as a later one does; a comparison of one publication has no restatement, one of the same months nothing else. The parts sum to
``after − before``, to the nano:

``restated``   what the later publication tells of the *before* month, less what the earlier one did. Of publications without months: the
               change of every source and day (month, for lines longer than a day) that the earlier one has a row of.
``new``        what has no before: all cost of a meter that the feature, tenant or source did not use in month *a*; of publications
               without months, all cost of a source's days that the earlier one has no row of.
``gone``       what has no after, negative: all cost of a meter not used in month *b*.
``volume``     (Q₁ − Q₀) × C₀ ÷ Q₀, by meter: more or less of the same, at its average price before. Of what tells no quantity, its change.
``mix``        Σ p₀ × q₁ − Q₁ × C₀ ÷ Q₀, by meter: another share of dearer sources and models.
``price``      Σ (p₁ − p₀) × q₁, by source, model and meter: another price per unit. What had no price before has the price after.

Q, C: quantity and cost of a meter; q, p: quantity and price of a source's model of it. Quantities of two meters are never added. The exact
fractions are cut to nanos, and the nanos left given to the parts that lost most, in the order price, mix, volume.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from reconcilers.errors import SettingsInvalid
from reconcilers.money import nanos_of
from reconcilers.warehouses.base import Figures, Published

#: How money is told: section → what of a share names it. What is on no call is nobody's.
SECTIONS = {
    "feature": "case when target_kind = 'call' and production then coalesce(feature_id, '(none)')"
    " when target_kind = 'call' then '(non_production)' else concat('(', destination, ')') end",
    "tenant": "case when target_kind = 'call' and production then coalesce(tenant_id, '(unassigned)')"
    " when target_kind = 'call' then '(non_production)' else concat('(', destination, ')') end",
    "source": "source",
}
#: Quantity and cost of one month, as it is decomposed.
OF_MONTH = """
select {name} as name, source, model, meter, sum(quantity) as quantity, sum(reconciled_cost) as cost, max(currency) as currency
from finance.fct_allocation
where charge_month = ?
group by 1, 2, 3, 4
"""
_DAYS = """
select {name} as name, source, coalesce(charge_day, charge_month) as day, charge_day is null as is_month,
    sum(reconciled_cost) as cost, max(currency) as currency
from finance.fct_allocation
group by 1, 2, 3, 4
"""
#: (source, model, meter) → quantity and cost in nanos
Cells = Mapping[tuple[str, str | None, str | None], tuple[Fraction, int]]


@dataclass(frozen=True)
class Change:
    """How the cost of one feature, tenant or source changed. The parts are defined above; they sum to ``change``."""

    section: str
    name: str
    before: Decimal
    after: Decimal
    volume: Decimal
    mix: Decimal
    price: Decimal
    new: Decimal
    gone: Decimal
    restated: Decimal
    currency: str

    @property
    def change(self) -> Decimal:
        """``after − before``."""
        return self.after - self.before


PARTS = ("volume", "mix", "price", "new", "gone", "restated")


def changes_of_months(
    earlier: Published, later: Published, month: date, other: date, sections: Sequence[str] = tuple(SECTIONS)
) -> list[Change]:
    """Change from ``month`` as ``earlier`` tells it to ``other`` as ``later`` does, by section, the largest first; the two publications
    may be one.

    Raises ``SettingsInvalid`` for a month that is not published.
    """
    found = []
    for section in sections:
        name = SECTIONS[section]
        sql = OF_MONTH.format(name=name)
        told = earlier.ask(sql, month)
        again = told if earlier is later else later.ask(sql, month)
        after = later.ask(sql, other)
        for figures, of, published in ((told, month, earlier), (after, other, later)):
            if not figures.rows:
                raise SettingsInvalid(
                    f"{published.name} has no cost of {of:%Y-%m}", hint="`reconcile status` says what it is for"
                )
        currency = str(after.rows[0][-1])
        first, restated, last = (_cells(one) for one in (told, again, after))
        for one in sorted({*first, *restated, *last}):
            parts = decomposed(restated.get(one, {}), last.get(one, {}))
            before = sum(cost for _, cost in first.get(one, {}).values())
            parts["restated"] = sum(cost for _, cost in restated.get(one, {}).values()) - before
            found.append(_change(section, one, before, parts, currency))
    return _largest_first(found)


def changes_of_publications(earlier: Published, later: Published) -> list[Change]:
    """Change of everything two publications tell, by section, the largest first: restated, or new."""
    found = []
    for section, name in SECTIONS.items():
        first, last = earlier.ask(_DAYS.format(name=name)), later.ask(_DAYS.format(name=name))
        known = {row[1:4] for row in first.rows}
        before: dict[str, int] = defaultdict(int)
        parts: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(PARTS, 0))
        for one, *_, cost, _ in first.rows:
            before[one] += nanos_of(cost)
            parts[one]["restated"] -= nanos_of(cost)
        for one, source, day, is_month, cost, _ in last.rows:
            parts[one]["restated" if (source, day, is_month) in known else "new"] += nanos_of(cost)
        currency = next((str(row[-1]) for row in (*last.rows, *first.rows)), "")
        found += [_change(section, one, before[one], parts[one], currency) for one in sorted(parts)]
    return _largest_first(found)


def decomposed(before: Cells, after: Cells) -> dict[str, int]:
    """Volume, mix, price, new and gone of one feature, tenant or source between two months, in nanos; they sum to the change."""
    parts = dict.fromkeys(PARTS, 0)
    exact = dict.fromkeys(("price", "mix", "volume"), Fraction(0))
    for meter in {key[2] for key in (*before, *after)}:
        first, last = ({key: one for key, one in cells.items() if key[2] == meter} for cells in (before, after))
        (quantity, cost), (other_quantity, other_cost) = _sum(first), _sum(last)
        if not first:
            parts["new"] += other_cost
        elif not last:
            parts["gone"] -= cost
        elif (
            meter is None or min(quantity, other_quantity, *(one[0] for one in (*first.values(), *last.values()))) <= 0
        ):
            exact["volume"] += other_cost - cost
        else:
            at_old_prices = sum((q * _price(first.get(key, (q, c))) for key, (q, c) in last.items()), Fraction(0))
            average = cost / quantity
            exact["volume"] += (other_quantity - quantity) * average
            exact["mix"] += at_old_prices - other_quantity * average
            exact["price"] += other_cost - at_old_prices
    return parts | _in_nanos(exact)


def figures_of(changes: Sequence[Change]) -> Figures:
    """The same as rows."""
    names = [field.name for field in fields(Change)]
    names.insert(names.index("volume"), "change")
    return Figures(names, [tuple(getattr(one, name) for name in names) for one in changes])


def reasons(publications: Iterable[Published]) -> list[str]:
    """Why publications restated history, where they say: their days and the reason that was given."""
    return [f"{one.facts['period']}: {one.facts['reason']}" for one in publications if "reason" in one.facts]


def _cells(figures: Figures) -> dict[str, dict[tuple[Any, ...], tuple[Fraction, int]]]:
    found: dict[str, dict[tuple[Any, ...], tuple[Fraction, int]]] = defaultdict(dict)
    for name, source, model, meter, quantity, cost, _ in figures.rows:
        found[name][source, model, meter] = (Fraction(quantity or 0), nanos_of(cost))
    return found


def _sum(cells: Cells) -> tuple[Fraction, int]:
    return sum((quantity for quantity, _ in cells.values()), Fraction(0)), sum(cost for _, cost in cells.values())


def _price(cell: tuple[Fraction, int]) -> Fraction:
    return cell[1] / cell[0]


def _in_nanos(parts: Mapping[str, Fraction]) -> dict[str, int]:
    """Whole nanos that sum to what the fractions sum to, which is whole."""
    found = {name: part.numerator // part.denominator for name, part in parts.items()}
    left = int(sum(parts.values()) - sum(found.values()))
    for name in sorted(parts, key=lambda name: found[name] - parts[name])[:left]:
        found[name] += 1
    return found


def _change(section: str, name: str, before: int, parts: Mapping[str, int], currency: str) -> Change:
    money = {part: Decimal(nanos).scaleb(-9) for part, nanos in parts.items()}
    return Change(
        section,
        name,
        Decimal(before).scaleb(-9),
        Decimal(before + sum(parts.values())).scaleb(-9),
        currency=currency,
        **money,
    )


def _largest_first(changes: Iterable[Change]) -> list[Change]:
    places = {section: place for place, section in enumerate(SECTIONS)}
    return sorted(changes, key=lambda one: (places[one.section], -abs(one.change), one.name))
