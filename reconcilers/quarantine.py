"""Deliveries that were refused: which stand so, why, and how one is read again once what was wrong is mended.

What was received whole is kept as it would have landed, and no build reads it. Of telemetry that is what its source lets into
landing: a file that is refused before its prompts are taken out is not kept (D24), and is asked for again.
"""

from __future__ import annotations

from datetime import datetime

from reconcilers import pipeline
from reconcilers.declared import reference
from reconcilers.declared.settings import Settings
from reconcilers.errors import SettingsInvalid
from reconcilers.ingest.landing import Landing, Quarantined
from reconcilers.pipeline import LISTING, LandingReport


def quarantined(settings: Settings, as_of: datetime, everything: bool = False) -> list[Quarantined]:
    """The deliveries that stand refused at ``as_of``, or with ``everything`` also those that are over, by source and unit."""
    found = Landing(settings.landing, settings.renamed).quarantined(as_of)
    return [one for one in found if one.refused.unit != LISTING and (everything or one.stands)]


def find(settings: Settings, as_of: datetime, told: str) -> Quarantined:
    """The delivery whose id begins so, whether or not it stands. Raises ``SettingsInvalid`` where none does, or several do."""
    found = [one for one in quarantined(settings, as_of, everything=True) if one.landing_id.startswith(told.lower())]
    if len(found) != 1 or not told:
        problem = (
            f"{len(found)} refused deliveries have an id that begins with"
            if found
            else "no refused delivery has the id"
        )
        raise SettingsInvalid(f"{problem} {told!r:.40}", hint="`reconcile quarantine list --all` has the ids")
    return found[0]


def readmit(settings: Settings, as_of: datetime, told: str) -> LandingReport:
    """Read the delivery with that id again, as configured now, and land it; one that has landed since is no news. Raises what refuses
    it, and ``SettingsInvalid`` for one after which another was taken or received, or that is a reference file."""
    delivery = find(settings, as_of, told)
    refused = delivery.refused
    if refused.source == reference.SOURCE:
        raise SettingsInvalid(
            f"{refused.unit} is a reference file",
            hint=f"mend it in {settings.path(settings.reference)}; a run reads it",
        )
    landed = Landing(settings.landing, settings.renamed).history(refused.source, refused.unit)
    is_taken = bool(landed) and landed[-1].known_at > delivery.last_known
    is_this = is_taken and landed[-1].landing_id == delivery.landing_id
    # One that was killed when it had landed stands until it is readmitted again.
    if is_this and not delivery.stands:
        return LandingReport(refused.source, units=1)
    if (is_taken and not is_this) or _received_later(settings, as_of, delivery):
        raise SettingsInvalid(
            "a later delivery of the unit was taken or refused, whose place it would take",
            source=refused.source,
            period=refused.unit,
            hint="`reconcile quarantine list` has what stands",
        )
    return pipeline.readmit(settings, delivery, as_of)


def _received_later(settings: Settings, as_of: datetime, delivery: Quarantined) -> bool:
    of_unit = (delivery.refused.source, delivery.refused.unit)
    return any(
        (one.refused.source, one.refused.unit) == of_unit
        and one.received.objects
        and one.last_known > delivery.last_known
        for one in quarantined(settings, as_of, everything=True)
    )
