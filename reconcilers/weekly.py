"""The review of a week as people read it, of the published ``rpt_weekly_review``."""

from __future__ import annotations

from datetime import date, timedelta

from reconcilers.declared.settings import Settings
from reconcilers.warehouses.choice import current

#: Sections in the order they are read, with their titles.
SECTIONS = {
    "last_week": "last week's actions",
    "negative_margin_path": "features that lost money",
    "prompt_version": "prompt versions",
    "budget": "budgets",
    "outlier_tenant": "tenants that lost money",
}


def review_of(settings: Settings, monday: date) -> list[str]:
    """The week's decisions, a line each under the titles of their sections; a line that says so where there are none.

    Raises ``SettingsInvalid`` where nothing is published, or nothing with reviews.
    """
    sql = """select section, feature_id, tenant_id, prompt_version, amount, currency, action, reason, owner
             from finance.rpt_weekly_review where week = ? order by section, rank"""
    found = current(settings).ask(sql, monday).rows
    lines = []
    for section, title in SECTIONS.items():
        rows = [row[1:] for row in found if row[0] == section]
        lines += [title] if rows else []
        for feature, tenant, version, amount, currency, action, reason, owner in rows:
            of_what = " ".join(one for one in (feature, version, tenant) if one) or "all"
            about = "" if section == "last_week" else f" ({amount:.2f} {currency})"
            lines.append(f"  {of_what}: {action}{about}; {reason}" + (f"; {owner}" if owner else ""))
    until = monday + timedelta(days=6)
    return lines or [f"nothing to decide for {monday} to {until}, or not every day of it is known yet"]
