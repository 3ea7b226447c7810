"""What a provider reckons that usage costs and does not bill so: lake rows beside its bill, which stand in no sum with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Literal

from reconcilers.ingest.lake import schema
from reconcilers.money import Amount

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Estimate:
    """One estimate of a day, told in ``line`` of a landing: of a model, null where none is told, and of what ``kind``.

    ``tokens`` by meter are those it is of; a meter that is left out or null is not known.
    """

    line: int
    kind: Literal["claude_code", "byok"]
    day: date
    model: str | None
    cost: Amount
    currency: str
    customer_type: str | None = None
    tokens: Mapping[str, int | None] = field(default_factory=dict)


def table(estimates: Iterable[Estimate], source: str, landing_id: str) -> pa.Table:
    """The rows in the lake's shape, in the order given."""
    import pyarrow as pa

    rows = [
        {
            "source": source,
            "landing_id": landing_id,
            "landing_line": one.line,
            "kind": one.kind,
            "charge_day": one.day,
            "customer_type": one.customer_type,
            "model": one.model,
            **one.tokens,
            "estimated_cost": one.cost.rounded,
            "estimated_cost_text": one.cost.text,
            "currency": one.currency,
        }
        for one in estimates
    ]
    return pa.Table.from_pylist(rows, schema=schema("provider_estimates"))
