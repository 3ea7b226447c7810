"""What alerts came of the incidents of sample companies, hour by hour and night by night: ``make alerts [ARGS="1 2 3 4 5"]``, seeds.

For each incident when it began, when its alert was first told and by which of the hourly or nightly runs, then every alert that
no incident explains, then precision and recall. Alerts of budgets and margins are facts of the sample's budgets and prices; the
tests hold them to the truth.
"""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from reconcilers.periods import parse_instant
from tests.claims.incidents.company import Hours, Raised, explains, raised_by, served

#: Of what nothing was planted: they follow from budgets and prices.
FACTS = ("budget_state", "negative_margin_tenant")


def main(seeds: list[int]) -> bool:
    """Print what came of each seed's incidents. Returns whether every one raised its alert, and no month had more than one false one."""
    found, wanted, true, told, months = 0, 0, 0, 0, 0.0
    for seed in seeds:
        with TemporaryDirectory(prefix="incidents-") as folder, served(Path(folder), seed) as company:
            company.reconcile(datetime.combine(company.period.end, datetime.min.time()) + timedelta(days=5))
            alerts = [*Hours(company).all_alerts(), *company.billed()]
        print(f"\nseed {seed}, {company.period}")
        for incident in company.incidents:
            alert = raised_by(incident, alerts)
            wanted, found = wanted + 1, found + (alert is not None)
            print(f"  {incident['kind']:28} {incident['from']}  {_told(incident['from'], alert)}")
        of_incidents = [alert for alert in alerts if alert.kind not in FACTS]
        false = [
            alert for alert in of_incidents if not any(explains(incident, alert) for incident in company.incidents)
        ]
        true, told = true + len(of_incidents) - len(false), told + len(of_incidents)
        months += (company.period.end - company.period.start).days / 30
        for alert in false:
            print(f"  false: {alert.kind} {alert.opened_at}: {alert.message}")
    per_month = (told - true) / months
    print(f"\nrecall {found} of {wanted}, precision {true} of {told}, {per_month:.2f} false alerts a simulated month")
    return found == wanted and per_month <= 1


def _told(begins: str, alert: Raised | None) -> str:
    if alert is None:
        return "no alert"
    if alert.store == "finance":
        nights = (alert.opened_at.date() - parse_instant(begins).date()).days
        return f"told for its day {nights + 1}, by the bill"
    hours = (alert.opened_at + timedelta(hours=1) - parse_instant(begins)) // timedelta(hours=1)
    return f"told after {hours} hours, at {alert.opened_at + timedelta(hours=1):%m-%d %H:00}"


if __name__ == "__main__":
    sys.exit(0 if main([int(seed) for seed in sys.argv[1:]] or [7]) else 1)
