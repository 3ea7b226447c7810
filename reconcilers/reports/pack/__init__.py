"""The finance pack of a month: one page of HTML and one workbook, which say the same of what is published.

``questions`` is what is asked, ``figures`` what was answered; ``page`` with ``charts`` and ``workbook`` write it down, ``written`` is
how a figure is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from reconcilers.reports.files import whole
from reconcilers.reports.pack.figures import Pack, Restated, newest_month, pack_of
from reconcilers.reports.pack.page import page_of
from reconcilers.reports.pack.workbook import write_workbook
from reconcilers.warehouses.base import Published

__all__ = ["Pack", "Restated", "newest_month", "pack_of", "write_pack"]


def write_pack(
    published: Published, month: date, folder: Path, company: str = "", restated: Sequence[Restated] = ()
) -> list[Path]:
    """Write ``pack-2026-10.html`` and ``pack-2026-10.xlsx`` to ``folder``, each whole or not at all.

    ``month`` is its first day; ``restated`` is which of its days were made again and why. Raises
    ``SettingsInvalid`` for a month that is not published.
    """
    pack = pack_of(published, month, company, restated)
    folder.mkdir(parents=True, exist_ok=True)
    name = f"pack-{pack.month:%Y-%m}"
    page, workbook = folder / f"{name}.html", folder / f"{name}.xlsx"
    with whole(page) as path:
        path.write_text(page_of(pack), encoding="utf-8")
    with whole(workbook) as path:
        write_workbook(pack, path)
    return [page, workbook]
