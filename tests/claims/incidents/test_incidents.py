"""Every planted incident raises its alert, once, in the run that could first know; nothing else is an alarm. ``make alerts`` does other seeds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from reconcilers import alerts as told
from reconcilers.periods import Period, parse_instant
from reconcilers.warehouses.duckdb import read_only
from reconcilers.watch import watch
from tests import AT_LENGTH
from tests.claims.coverage import unanswered
from tests.claims.incidents.__main__ import FACTS
from tests.claims.incidents.company import Company, Hours, Raised, explains, raised_by, served

#: What telemetry shows: told by the hourly run after the hour in which it began.
OF_THE_HOUR = {
    "burst_with_falling_success",
    "runaway_run",
    "prompt_regression",
    "tenant_concentration",
    "telemetry_quiet",
}
#: The bill's: told for the first day.
OF_THE_BILL = {"price_change", "uninstrumented_key"}

pytestmark = pytest.mark.skipif(
    not AT_LENGTH, reason="make long: four minutes; test_watch.py has hours, test_alerts.py messages"
)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with served(tmp_path_factory.mktemp("incidents"), seed=7) as made:
        made.reconcile(datetime(2026, 10, 20))
        yield made


@pytest.fixture(scope="module")
def hours(company: Company) -> Hours:
    return Hours(company)


@pytest.fixture(scope="module")
def raised(company: Company, hours: Hours) -> list[Raised]:
    return [*hours.all_alerts(), *company.billed()]


def test_every_incident_raises_its_alert_in_time(company: Company, raised: list[Raised]) -> None:
    assert {incident["kind"] for incident in company.incidents} == OF_THE_HOUR | OF_THE_BILL
    for incident in company.incidents:
        alert = raised_by(incident, raised)
        assert alert is not None, incident["kind"]
        waited = alert.opened_at - parse_instant(incident["from"])
        if incident["kind"] in OF_THE_BILL:
            assert (alert.store, waited) == ("finance", timedelta(0))
        else:
            assert (alert.store, waited) == ("watch", timedelta(0)), incident["kind"]
            assert alert.owner == incident["owner"]


def test_who_drives_an_incident_is_named(company: Company, raised: list[Raised]) -> None:
    for incident in company.incidents:
        alert = raised_by(incident, raised)
        assert alert is not None
        for name in ("feature_id", "tenant_id", "prompt_version"):
            assert incident[name] in (None, getattr(alert, name)), incident["kind"]


def test_at_most_one_false_alert_a_month(company: Company, raised: list[Raised]) -> None:
    of_incidents = [alert for alert in raised if alert.kind not in FACTS]
    false = [one for one in of_incidents if not any(explains(incident, one) for incident in company.incidents)]
    assert len(of_incidents) >= len(company.incidents)
    assert len(false) <= 1, false


def test_an_hour_s_run_says_what_later_ones_say_of_it(company: Company, hours: Hours, raised: list[Raised]) -> None:
    """The alert is there with the run after its hour and not before, under one identity as long as it lasts."""
    for kind in sorted(OF_THE_HOUR):
        incident = next(one for one in company.incidents if one["kind"] == kind)
        alert = raised_by(incident, raised)
        assert alert is not None
        for later, is_there in (
            (timedelta(minutes=5), False),
            (timedelta(hours=1, minutes=5), True),
            (timedelta(hours=9), True),
        ):
            found = {one.alert_id: one for one in hours.alerts(alert.opened_at + later)}
            assert (alert.alert_id in found) == is_there, (kind, later)
            if is_there:
                assert found[alert.alert_id].opened_at == alert.opened_at


def test_two_runs_of_the_watch_tell_of_a_silence_once(company: Company, hours: Hours, raised: list[Raised]) -> None:
    incident = next(one for one in company.incidents if one["kind"] == "telemetry_quiet")
    alert = raised_by(incident, raised)
    assert alert is not None
    settings, day = company.settings, Period.of_day(alert.opened_at.date()).widened(before_days=1)
    first = alert.opened_at + timedelta(hours=1, minutes=5)
    watch(settings, day, first)
    found = {one.alert_id: one for one in told.alerts(settings, "watch")}
    assert set(found) == {one.alert_id for one in hours.alerts(first)}
    quiet = found[alert.alert_id]
    assert (quiet.state, quiet.kind, quiet.driver_feature_id) == ("open", "telemetry_quiet", "call_summary")
    assert [line[:2] for line in quiet.lines()[3:]] == ["1.", "2.", "3.", "4.", "5."]
    assert alert.alert_id in [one.alert_id for one in told.news(settings, "watch")]
    watch(settings, day, first + timedelta(hours=1))
    again = {one.alert_id: one for one in told.alerts(settings, "watch")}
    assert again[alert.alert_id].opened_at == quiet.opened_at
    assert again[alert.alert_id].last_seen_at == quiet.last_seen_at + timedelta(hours=1)
    assert list(told.news(settings, "watch")) == []


def test_transitions_of_budgets_are_told_once_and_in_order(company: Company) -> None:
    steps: dict[tuple[str, int], list[Raised]] = {}
    for alert in sorted(company.billed(), key=lambda one: one.opened_at):
        if alert.kind == "budget_state":
            steps.setdefault((alert.scope_value, alert.opened_at.month), []).append(alert)
    order = ["warning", "spend_alert", "exceeded"]
    assert steps
    for found in steps.values():
        states = [one.message.split(" is billed: ")[1].split(";")[0] for one in found]
        assert states == sorted(set(states), key=order.index)


def test_messages_say_percent_and_dollars(raised: list[Raised]) -> None:
    said = {
        kind: {one.message.split("; ")[-1] for one in raised if one.kind == kind}
        for kind in {one.kind for one in raised}
    }
    assert said["budget_state"] <= {f"alarms from {share} % of the budget" for share in (75, 90, 100)}
    assert said["negative_margin_tenant"] == {"alarms from a loss of 0 USD"}
    assert said["tenant_concentration"] == {"alarms from 30 points above expected"}
    assert said["price_change"] == {"alarms from 2 % off expected"}
    assert said["cost_per_call_drift"] == {"alarms from 1.5 times expected"}
    [key] = [one for one in raised if one.kind == "unattributed_share" and one.scope_value == "key_chatbot"]
    assert key.message.startswith("key key_chatbot: 100 % of what openai bills of it, which is new")


def test_tenants_that_lose_money_are_those_of_the_truth(company: Company) -> None:
    margins: dict[str, Decimal] = {}
    for row in company.truth["tenant_margins"]:
        if row["month"] == "2026-09-01" and row["tenant_id"] != "(unassigned)":
            margins[row["tenant_id"]] = margins.get(row["tenant_id"], Decimal(0)) + Decimal(row["margin"])
    losing = {tenant for tenant, margin in margins.items() if margin <= -1}
    assert losing
    assert {one.scope_value for one in company.billed() if one.kind == "negative_margin_tenant"} == losing


def test_all_that_was_asked_for_is_answered(company: Company) -> None:
    """docs/coverage.md: every query of it has rows on the whole sample."""
    with read_only(company.settings.path(company.settings.home) / "published" / "current") as published:
        assert list(unanswered(published)) == []
