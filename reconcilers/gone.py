"""What was there before and is gone: nothing is published without it until somebody says that it is meant (rule R34).

A source that the last publication had and that is not configured now, a reference file that was declared then, a unit in
force that its source no longer lists. Such a unit counts on; what a source or a file of the first two said does not, and the
tables would pass for complete (D37). ``accept`` keeps who said so, when and why in landing.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from reconcilers.configured import source_names
from reconcilers.declared import reference
from reconcilers.declared.settings import Settings
from reconcilers.errors import GoneMissing, SettingsInvalid
from reconcilers.ingest.landing import Landing
from reconcilers.periods import parse_instant
from reconcilers.pipeline import LandingReport, who
from reconcilers.warehouses.choice import warehouse_of

#: What was accepted lands under this name.
ACCEPTED = "(accepted)"
_SHOWN = 5


@dataclass(frozen=True)
class Gone:
    """``name`` or ``source`` is what it is accepted by; it was known to be there at ``last_known``."""

    source: str
    name: str
    what: str
    last_known: datetime


def gone(settings: Settings, as_of: datetime, reports: Sequence[LandingReport]) -> list[Gone]:
    """All that is gone and was not accepted as known at ``as_of``; ``reports`` are what the run's landing said."""
    landing = Landing(settings.landing, settings.renamed)
    return [one for one in _found(settings, landing, as_of, reports) if not _is_accepted(landing, one, as_of)]


def refuse_gone(settings: Settings, as_of: datetime, reports: Sequence[LandingReport]) -> None:
    """Raises ``GoneMissing`` that names all that is gone and how to say that it is meant."""
    if found := gone(settings, as_of, reports):
        more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        accepting = " ".join(f"--accept-missing {one.name!r}" for one in found[:_SHOWN])
        raise GoneMissing(
            "; ".join(one.what for one in found[:_SHOWN]) + more,
            hint=f"bring it back, or if it is meant: reconcile run … {accepting} --reason WHY",
        )


def accept(
    settings: Settings, names: Collection[str], reason: str, as_of: datetime, reports: Sequence[LandingReport]
) -> None:
    """Keep that it is meant that these are gone. Raises ``SettingsInvalid`` for a name of nothing that is, or without a reason."""
    if not names:
        return
    if not reason:
        raise SettingsInvalid("what is accepted as missing needs a reason", hint="say why with --reason")
    found = gone(settings, as_of, reports)
    if unknown := sorted(set(names) - {name for one in found for name in (one.name, one.source)}):
        missing = ", ".join(repr(one.name) for one in found[:_SHOWN]) or "nothing"
        raise SettingsInvalid(f"not missing: {', '.join(map(repr, unknown))}", hint=f"missing is: {missing}")
    landing = Landing(settings.landing, settings.renamed)
    with landing.adding():
        for name in names:
            pull = landing.pull(ACCEPTED, "accepted", name)
            told = {"who": who(), "when": as_of.isoformat(), "why": reason}
            pull.add("accepted.json", "", json.dumps(told).encode())
            landing.commit(pull, as_of)


def _found(settings: Settings, landing: Landing, as_of: datetime, reports: Sequence[LandingReport]) -> Iterator[Gone]:
    published, here = warehouse_of(settings).current(), {*source_names(settings), *chain(*settings.renamed.values())}
    if published is not None and (then := parse_instant(published.facts["as_of"])) <= as_of:
        for name in sorted(set(published.facts.get("sources", ())) - here):
            yield Gone(name, name, f"source {name} was in the last publication and is not configured", then)
        before = {one.unit: one.objects[0].name for one in landing.known(then, [reference.SOURCE]) if one.objects}
        for one in landing.known(as_of, [reference.SOURCE]):
            if one.unit in before and not one.objects:
                file = before[one.unit]
                yield Gone(
                    reference.SOURCE, file, f"reference file {file} was in the last publication and is gone", then
                )
    for report in reports:
        known = {one.unit: one.known_at for one in landing.known(as_of, [report.source])}
        for unit in report.gone:
            what = f"source {report.source} no longer has {unit}, which is in force"
            yield Gone(report.source, f"{report.source}/{unit}", what, known[unit])


def _is_accepted(landing: Landing, one: Gone, as_of: datetime) -> bool:
    return any(
        one.last_known <= accepted.known_at <= as_of
        for name in (one.name, one.source)
        for accepted in landing.history(ACCEPTED, name)
    )
