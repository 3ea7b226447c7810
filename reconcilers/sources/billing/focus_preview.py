"""What FOCUS 1.0's preview says in ChargeSubcategory and later versions elsewhere: commitments used or not, credits.

https://focus.finops.org/focus-specification/ had ``Used Commitment`` and ``Unused Commitment`` of usage there, and ``Credit``
of an adjustment. Azure's and Oracle's exports of that version have them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_COMMITMENTS = {"used commitment": "Used", "unused commitment": "Unused"}


def of_subcategories(
    subcategories: Sequence[str | None], columns: Mapping[str, Sequence[str | None]]
) -> dict[str, list[str | None]]:
    """``CommitmentDiscountStatus`` and ``ChargeCategory`` of rows, by their own columns and their subcategories."""
    said = [(text or "").strip().lower() for text in subcategories]
    statuses = columns.get("CommitmentDiscountStatus") or [None] * len(said)
    return {
        "CommitmentDiscountStatus": [told or _COMMITMENTS.get(one) for told, one in zip(statuses, said, strict=True)],
        "ChargeCategory": [
            "Credit" if one == "credit" else told for told, one in zip(columns["ChargeCategory"], said, strict=True)
        ],
    }
