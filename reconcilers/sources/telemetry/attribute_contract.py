"""What an emitter is asked to tell of a call, and the names under which each vocabulary reads it.

``docs/telemetry-contract.md`` has the tables made of this (``make docs``); ``reconcile lint-telemetry`` counts who keeps to it.

``python -m reconcilers.sources.telemetry.attribute_contract FILE`` writes the tables into the page.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from reconcilers.sources.contract import Source
from reconcilers.sources.telemetry.base import WHO_AND_WHY, Dialect
from reconcilers.sources.telemetry.mapping import MappingConfig
from reconcilers.sources.telemetry.otlp import DIALECTS, Otlp, dialect_named

#: OpenTelemetry's own vocabulary, whose names a baggage processor writes.
_OWN = "otel_genai"
#: What stands around the tables in the page.
BEGIN, END = "<!-- made by `make docs` -->", "<!-- end of what `make docs` makes -->"


@dataclass(frozen=True)
class Asked:
    """Something a call is asked to tell.

    ``name`` is what it is called here and in the lake, ``fields`` what of a span tells it (of ``FIELDS`` and ``COUNTS``; any one
    of them does), ``says`` what it means, ``without`` what is not known where it is missing.
    """

    name: str
    says: str
    without: str
    fields: tuple[str, ...] = ()

    @property
    def told_by(self) -> tuple[str, ...]:
        return self.fields or (self.name,)


# fmt: off
REQUIRED = (
    Asked("event_id", "the work the call is for: one ticket, one report", "its cost is `untagged`, and of no outcome"),
    Asked("run_id", "the attempt at it; another attempt has another", "attempts, and what failed ones cost, are not told apart"),
    Asked("tenant_id", "the customer's account that the work is for", "unless its event's other calls have one tenant, it is `(unassigned)`"),
    Asked("feature_id", "the feature that is sold", "the same of the feature"),
    Asked("model", "the model that answered, else the one asked for", "it has no price, and meets its bill by what is left"),
    Asked("usage", "the tokens of input and output that the provider counted; calls that failed owe none", "no billed cent reaches it", ("input", "output")),
)
RECOMMENDED = (
    Asked("provider", "whose bill the call is on", "it meets a bill only where `billing_sources.csv` has a row for any provider"),
    Asked("cache_read", "of the input, what was read from a cache", "until other calls of its emitter tell, cached tokens pass for others (R8)"),
    Asked("cache_write", "of the input, what was written to a cache", "the same"),
    Asked("reasoning", "the thoughts of the output", "thoughts that an emitter leaves out of the output are found by totals only (R31)"),
    Asked("response_id", "the provider's id of the answer", "what two emitters tell of one call is known for one only where a table of emitters says so (R29)"),
    Asked("service", "which service called", "`lint-telemetry` cannot say who has to mend it"),
    Asked("environment", "production or not", "it counts as production, and is a break"),
    Asked("workflow", "the way the work is done", "ways are not compared"),
    Asked("prompt_version", "which prompt", "what a prompt changed is not known"),
    Asked("customer_id", "the customer within the tenant", "customers are not told apart"),
    Asked("user_id", "the person; only a keyed hash of it is in the lake and the tables", "users are not counted"),
    Asked("retry_of_run_id", "the run that this one does again", "retries follow from order and models (R22)"),
    Asked("parent_run_id", "the run that began this one", "workers follow from runs that overlap (R22)"),
    Asked("run_kind", "`primary`, `retry`, `fallback`, `escalation` or `worker`", "the kind of a run follows from order and models (R22)"),
    Asked("outcome", "how the event ended, on any span that tells the event", "unless another source tells it, the event is given up after `abandoned_after_days`"),
    Asked("api_key_id", "the key called with, as the bill names it", "it meets its bill by what is left"),
    Asked("service_tier", "the tier that answered", "the provider's default is assumed"),
)
# fmt: on
NAMES = tuple(asked.name for asked in REQUIRED)


def read_names(dialect: Dialect, asked: Asked) -> Iterator[str]:
    """The names under which a vocabulary reads it, the preferred first; those that it carries under names of its own after them."""
    for field in asked.told_by:
        yield from dialect.attributes.get(field, ())
        yield from dialect.counts.get(field, ())
        if field in WHO_AND_WHY:
            yield from (carrier.replace("*", field) for carrier in dialect.carriers)


def what_to_set(source: Source | None, dialect: str, name: str) -> str:
    """What a person changes so that a call of a source, said in a vocabulary, tells one of ``NAMES``.

    ``source`` is null where it is configured no more.
    """
    asked = next(one for one in REQUIRED if one.name == name)
    if isinstance(source, Otlp):
        found = [names for field in asked.told_by if (names := _preferred(source, dialect, field))]
        return f"set {' and '.join(found)}"
    if source is not None and isinstance(source.config, MappingConfig):
        return _in_a_table(source.config, name)
    return f"let its source tell {name}"


def _preferred(source: Otlp, dialect: str, field: str) -> str | None:
    """The attribute to set: the company's own, else of the vocabulary that is spoken, else OpenTelemetry's, else any that is read."""
    own = source.config.attributes.get(field, ())
    spoken = sorted(source.config.dialects, key=lambda one: (one != dialect, one != _OWN))
    of_dialects = (name for one in spoken for name in read_names(dialect_named(one), Asked(field, "", "")))
    return next((name for name in (*own, *of_dialects) if not {"/", "$"} & {*name}), None)


def _in_a_table(config: MappingConfig, name: str) -> str:
    if name == "usage":
        columns = [meter.column for meter in config.usage.meters] if config.usage else []
        return f"fill its columns {', '.join(columns)}" if columns else "declare under `usage` which columns count"
    if name not in config.columns:
        return f"map a column to {name} under `columns`"
    columns = config.columns[name].reads()
    return f"fill its column {', '.join(columns)}" if columns else f"map a column, not a constant, to {name}"


def page_with_tables(page: str) -> str:
    """The page with the tables as they are now. Raises ``ValueError`` where it has no place for them."""
    head, begun, rest = page.partition(BEGIN)
    _, ended, tail = rest.partition(END)
    if not (begun and ended):
        raise ValueError(f"no {BEGIN} before {END}")
    return f"{head}{BEGIN}\n\n{_tables()}\n{END}{tail}"


def _tables() -> str:
    dialects = [dialect_named(name) for name in DIALECTS]
    parts = ["### Required\n", *_table(REQUIRED, dialects), "\n### Recommended\n", *_table(RECOMMENDED, dialects)]
    return "\n".join(parts) + "\n"


def _table(asked: Sequence[Asked], dialects: Sequence[Dialect]) -> Iterator[str]:
    yield "| column | set | says | without it | read from |\n|---|---|---|---|---|"
    for one in asked:
        told = ((dialect.name, _written(read_names(dialect, one))) for dialect in dialects)
        read = "; ".join(f"{name}: {names}" for name, names in told if names)
        own = (next(read_names(dialect_named(_OWN), Asked(field, "", ""))) for field in one.told_by)
        yield f"| `{one.name}` | {_written(own)} | {one.says} | {one.without} | {read} |"


def _written(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(page_with_tables(path.read_text(encoding="utf-8")), encoding="utf-8")
