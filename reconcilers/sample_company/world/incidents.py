"""What went wrong in the company's weeks, with dates: each is a part of the range, so that a short range has all of them, too.

Nothing here is random. ``generate`` makes them happen, each day's from a generator of its own: the rest of the day is as it
would have been.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from reconcilers.sample_company.world.calendar import instant
from reconcilers.sample_company.world.company import ANTHROPIC, OPENAI

PROMPT_REGRESSION = "prompt_regression"
RUNAWAY_RUN = "runaway_run"
BURST = "burst_with_falling_success"
CONCENTRATION = "tenant_concentration"
UNINSTRUMENTED = "uninstrumented_key"
PRICE_CHANGE = "price_change"
QUIET = "telemetry_quiet"

#: Prompt versions of ticket resolution. ``v13`` begins with the time, so that nothing of it is read from the cache, and talks more.
FIRST_PROMPT, REGRESSED_PROMPT, REPAIRED_PROMPT = "v12", "v13", "v14"
#: The hour (UTC) of a working day at which people deploy.
_DEPLOY_HOUR = 10
#: The hours of a day in which a crawler asks, and the one in which the calls of the day before are summarised.
CRAWLED_HOURS, SUMMARY_HOUR = range(10, 12), 1
#: The key that nobody instruments from some day on, and its project.
CHATBOT_KEY, CHATBOT_PROJECT = "key_chatbot", "proj_chatbot"


@dataclass(frozen=True)
class Incident:
    """What happens from ``begins`` until ``ends`` (UTC, exclusive), to what and by whom; ``None`` = not of one in particular.

    ``alert`` is the kind of alert it must raise.
    """

    kind: str
    alert: str
    what: str
    begins: datetime
    ends: datetime
    tenant_id: str | None = None
    feature_id: str | None = None
    prompt_version: str | None = None
    service: str | None = None
    source: str | None = None
    api_key_id: str | None = None

    def covers(self, at: datetime) -> bool:
        """Whether ``at`` is in its time."""
        return self.begins <= at < self.ends

    def touches(self, day: date) -> bool:
        """Whether any of its time is on a UTC day."""
        return self.begins < instant(day, 24) and instant(day) < self.ends


def amended_on(start: date, end: date) -> date:
    """When Anthropic's contract price was cut: the middle of the range."""
    return start + (end - start) // 2


def prompt_version(start: date, end: date, feature_id: str, at: datetime) -> str:
    """The prompt that answers what a feature is asked at a time."""
    if feature_id != "ticket_resolution":
        return "v3"
    regressed, repaired = deploys(start, end)
    return FIRST_PROMPT if at < regressed else REGRESSED_PROMPT if at < repaired else REPAIRED_PROMPT


def deploys(start: date, end: date) -> tuple[datetime, datetime]:
    """When the regressed prompt of ticket resolution went live, and the one that repaired it."""
    return instant(_working_day(start, end, 60), _DEPLOY_HOUR), instant(_day_at(start, end, 80), _DEPLOY_HOUR)


def _day_at(start: date, end: date, percent: int) -> date:
    return start + timedelta(days=(end - start).days * percent // 100)


def _working_day(start: date, end: date, percent: int, weekdays: range = range(5)) -> date:
    """The last of these weekdays up to there: what stops on a Sunday surprises nobody."""
    there = _day_at(start, end, percent)
    days = (there - timedelta(days=number) for number in range((there - start).days + 1))
    return next((day for day in days if day.weekday() in weekdays), there)


def incidents(start: date, end: date) -> list[Incident]:
    """Every incident of ``start <= day < end``, in order of time."""
    over = instant(end)
    burst, crawled, runaway = (_working_day(start, end, percent) for percent in (48, 70, 85))
    # A night after a working day, of whose calls there are enough to be missed.
    quiet = _working_day(start, end, 92, range(1, 5))
    regressed, repaired = deploys(start, end)
    found = [
        Incident(
            UNINSTRUMENTED,
            "unattributed_share",
            f"{CHATBOT_KEY} goes live and nobody instrumented it: its usage stands on the bill alone",
            instant(_day_at(start, end, 55)),
            over,
            source=OPENAI,
            api_key_id=CHATBOT_KEY,
        ),
        Incident(
            PRICE_CHANGE,
            "price_change",
            "Anthropic's contract price is cut by an amendment",
            instant(amended_on(start, end)),
            over,
            source=ANTHROPIC,
        ),
        Incident(
            BURST,
            "burst_with_falling_success",
            "a customer's mail loop files six times its usual tickets, and hardly any can be answered",
            instant(burst, 9),
            instant(burst, 13),
            tenant_id="ten_globex",
            feature_id="ticket_resolution",
        ),
        Incident(
            CONCENTRATION,
            "tenant_concentration",
            "a pilot customer's crawler asks more questions each morning than everybody else in a day",
            instant(crawled, CRAWLED_HOURS[0]),
            over,
            tenant_id="ten_wayne",
            feature_id="search_assist",
        ),
        Incident(
            RUNAWAY_RUN,
            "runaway_run",
            "an agent asks its model again and again for an order that does not exist",
            instant(runaway, 14),
            instant(runaway, 16),
            tenant_id="ten_stark",
            feature_id="ticket_resolution",
        ),
        Incident(
            QUIET,
            "telemetry_quiet",
            "the exporter of the nightly summaries is misconfigured and sends nothing",
            instant(quiet, SUMMARY_HOUR),
            instant(quiet, SUMMARY_HOUR + 3),
            feature_id="call_summary",
            service="call-summariser",
        ),
    ]
    if regressed < repaired:
        found.append(
            Incident(
                PROMPT_REGRESSION,
                "cost_per_call_drift",
                f"prompt {REGRESSED_PROMPT} is never read from the cache, talks more and resolves less",
                regressed,
                repaired,
                feature_id="ticket_resolution",
                prompt_version=REGRESSED_PROMPT,
            )
        )
    return sorted(found, key=lambda one: (one.begins, one.kind))
