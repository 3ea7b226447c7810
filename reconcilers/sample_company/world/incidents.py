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

#: Prompt versions of ticket resolution by part of the range, in percent: ``v13`` talks more and resolves less.
REGRESSED_PROMPT = "v13"
PROMPTS = ((60, "v12"), (80, REGRESSED_PROMPT), (101, "v14"))
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


def prompt_version(start: date, end: date, feature_id: str, day: date) -> str:
    """The prompt a feature ran with on a day."""
    if feature_id != "ticket_resolution":
        return "v3"
    percent = (day - start).days * 100 // (end - start).days
    return next(version for limit, version in PROMPTS if percent < limit)


def incidents(start: date, end: date) -> list[Incident]:
    """Every incident of ``start <= day < end``, in order of time."""
    days = [start + timedelta(days=number) for number in range((end - start).days)]

    def at(percent: int) -> date:
        return days[len(days) * percent // 100]

    def weekday(percent: int) -> date:
        """The last working day up to there: a service that is silent on a Sunday surprises nobody."""
        return next((day for day in reversed(days[: days.index(at(percent)) + 1]) if day.weekday() < 5), at(percent))

    over, burst, runaway, quiet = instant(end), at(48), at(85), weekday(92)
    found = [
        Incident(
            UNINSTRUMENTED,
            "unattributed_share",
            f"{CHATBOT_KEY} goes live and nobody instrumented it: its usage stands on the bill alone",
            instant(at(55)),
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
            "a pilot customer's crawler asks more questions than everybody else together",
            instant(at(70)),
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
            "the invoice checker's exporter is misconfigured and sends nothing",
            instant(quiet, 7),
            instant(quiet, 18),
            feature_id="invoice_check",
            service="invoice-checker",
        ),
    ]
    regressed = [day for day in days if prompt_version(start, end, "ticket_resolution", day) == REGRESSED_PROMPT]
    if regressed:
        found.append(
            Incident(
                PROMPT_REGRESSION,
                "cost_per_call_drift",
                f"prompt {REGRESSED_PROMPT} talks more and resolves less",
                instant(regressed[0]),
                instant(regressed[-1], 24),
                feature_id="ticket_resolution",
                prompt_version=REGRESSED_PROMPT,
            )
        )
    return sorted(found, key=lambda one: (one.begins, one.kind))
