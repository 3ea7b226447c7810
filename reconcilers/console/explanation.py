"""One event down to stored bytes."""

from __future__ import annotations

from rich.console import Console

from reconcilers.console.paper import paper, plain, print_table
from reconcilers.declared.settings import Settings
from reconcilers.explain import SHOWN_CHARACTERS, StoredLine, explain


def print_explanation(settings: Settings, event_id: str, limit: int) -> bool:
    """An event from its cost down to stored bytes. Returns whether every share shown follows from the rules."""
    found = explain(settings, event_id, limit)
    out, event = paper(), found.event
    out.print(
        f"[bold]event {plain(event_id)}[/]: {event['outcome']}, tenant {plain(str(event['tenant_id']))}, feature "
        f"{plain(str(event['feature_id']))}\n"
        f"cost {event['reconciled_cost']:f} {event['currency']} billed, {event['accrued_cost']:f} accrued, "
        f"{event['waste_cost']:f} waste; {event['runs']} runs, {event['failed_attempts']} failed attempts"
    )
    columns = ["run_id", "kind", "attempt", "status", "error_type", "waste_class", "calls", "reconciled_cost"]
    print_table(out, columns, [[run[column] for column in columns] for run in found.runs])
    for share in found.shares:
        out.print(
            f"\n[bold]call {share.call_id}[/]  {plain(str(share.model))} {share.meter}: {share.quantity:f} of the "
            f"{share.cell_quantity:f} in match group {share.cell_id}\n"
            f"  received {share.cost:f} of its {share.cell_cost:f}; reckoned again by R17: {share.rederived_cost:f} "
            f"{'[green]equal[/]' if share.holds else '[red]NOT EQUAL[/]'}"
        )
        if share.contract_price is not None:
            out.print(
                f"  contract price {share.contract_price:f} per million, version {plain(str(share.price_version))}"
            )
        for line in share.lines:
            out.print(f"  paid by charge {line.charge_id} ({line.part}) of {line.cost:f}")
            _print_stored(out, line.stored)
    if len(found.shares) < found.shares_in_all:
        out.print(f"\n{found.shares_in_all - len(found.shares)} smaller shares not shown; --limit shows more")
    for span in found.spans:
        out.print("\n[bold]as telemetry was landed[/]")
        for part, calls in span.parts.items():
            out.print(f"  {_did(part)} {f'call {calls[0]}' if len(calls) == 1 else f'{len(calls)} calls of the event'}")
        _print_stored(out, span.stored)
    if len(found.spans) < found.spans_in_all:
        out.print(f"\n{found.spans_in_all - len(found.spans)} more lines of telemetry not shown; --limit shows more")
    return all(share.holds for share in found.shares)


#: What a line of telemetry did, as ``took_part`` of ``docs/lake.md`` says it.
_PARTS = {
    "counted": "its usage is that of",
    "beyond": "its usage beyond the calls below it is that of",
    "told": "tells, and its usage does not count:",
    "wraps": "contains in its own usage:",
}


def _did(part: str) -> str:
    verb, _, names = part.partition(" ")
    return _PARTS[verb] if verb in _PARTS else f"tells {', '.join(names.split())} of"


def _print_stored(out: Console, stored: StoredLine | None) -> None:
    if stored is None:
        out.print("    landed anew since this was published; run the job, then ask again")
        return
    cut = stored.text if len(stored.text) <= SHOWN_CHARACTERS else f"{stored.text[:SHOWN_CHARACTERS]} …"
    out.print(f"    {plain(stored.source)} {plain(stored.file)} line {stored.line}, sha256 {stored.sha256}")
    out.print(f"    {plain(cut)}", style="dim", highlight=False)
