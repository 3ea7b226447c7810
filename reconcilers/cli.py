"""The command line: a thin edge over ``pipeline`` and ``explain``. Only here is the clock read, when no ``--as-of`` is given."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from reconcilers.declared.settings import Settings
    from reconcilers.periods import Period

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="What one successful AI outcome actually cost, for which customer, and whether it made money.",
)

Config = Annotated[
    Path | None, typer.Option("--config", "-c", help="Settings file; else RECONCILE_CONFIG, else ./reconcile.yaml.")
]
AsOf = Annotated[
    str | None, typer.Option("--as-of", help="Knowledge cut-off, UTC: what was known at this instant. Default: now.")
]


class Warehouse(StrEnum):
    """The warehouses there are."""

    duckdb = "duckdb"
    bigquery = "bigquery"


def main() -> None:
    """Entry point: errors made on purpose become one line and exit code 1, or 75 where trying again may help."""
    from reconcilers.errors import ReconcileError

    try:
        app()
    except ReconcileError as error:
        typer.secho(f"{type(error).__name__}: {error}", err=True, fg="red")
        raise SystemExit(75 if error.retryable else 1) from None


@app.command()
def run(
    day: Annotated[str | None, typer.Option("--date", help="One UTC day, YYYY-MM-DD.")] = None,
    start: Annotated[str | None, typer.Option("--from", help="First day of a range.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="Last day of a range, included.")] = None,
    as_of: AsOf = None,
    reason: Annotated[
        str, typer.Option(help="Why history is restated, or what is missing is meant; kept for the auditor.")
    ] = "",
    accept_missing: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Publish though this source, file or unit is gone. Can be given again."),
    ] = None,
    config: Config = None,
) -> None:
    """Land, build, audit and publish a day or a range. Running it again changes nothing.

    Examples:

        reconcile run --date 2026-09-30

        reconcile run --from 2026-09-01 --to 2026-09-30 --as-of 2026-10-03T06:00:00

        reconcile run --from 2026-07-01 --to 2026-09-30 --reason "credit note 4711 of October"

        reconcile run --date 2026-09-30 --accept-missing old-gateway --reason "switched off on 12 September"
    """
    from reconcilers.console.run import run_with_progress

    settings = _settings(config)
    if not run_with_progress(
        settings, _period(day, start, end), _instant(as_of), reason=reason, accept_missing=accept_missing or ()
    ):
        raise SystemExit(2)


@app.command()
def rebuild(
    start: Annotated[str, typer.Option("--from", help="First day of the range the tables are said to be for.")],
    end: Annotated[str, typer.Option("--to", help="Last day of it, included.")],
    as_of: AsOf = None,
    config: Config = None,
) -> None:
    """Publish again from landing alone: no source is asked, and lake, store and published tables may be gone.

    With the `--as-of` of an earlier run the tables say what that run's said.

    Example: reconcile rebuild --from 2026-09-01 --to 2026-09-30 --as-of 2026-10-03T06:00:00
    """
    from reconcilers.console.run import run_with_progress

    run_with_progress(_settings(config), _period(None, start, end), _instant(as_of), fetch=False)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def dbt(
    context: typer.Context,
    days: Annotated[
        str | None, typer.Option(help="Days to render models for that are kept by day, apart by commas.")
    ] = None,
    config: Config = None,
) -> None:
    """A dbt command over the store as the last build left it: the loop of whoever changes a model. Nothing is published.

    Examples:

        reconcile dbt build -s int_runs+

        reconcile dbt compile -s int_usages --days 2026-09-03
    """
    from reconcilers import pipeline

    named = {"days": days.split(",")} if days else {}
    raise SystemExit(pipeline.run_dbt(_settings(config), context.args, named))


@app.command()
def watch(
    day: Annotated[str, typer.Option("--date", help="UTC day to watch, with the day before it.")],
    as_of: AsOf = None,
    config: Config = None,
) -> None:
    """Estimate what the last hours cost, from telemetry and list prices alone; no bill is asked, no finance table touched.

    Example: reconcile watch --date 2026-09-30
    """
    from reconcilers.console.run import print_watch

    period = _period(day, None, None).widened(before_days=1)
    if not print_watch(_settings(config), period, _instant(as_of)):
        raise SystemExit(2)


@app.command()
def status(config: Config = None) -> None:
    """What is published: period, knowledge cut-off, coverage, open breaks, and what failed in the last run."""
    from reconcilers.console.status import print_status

    print_status(_settings(config))


@app.command()
def report(
    page: Annotated[Path | None, typer.Option("--page", help="Where to write the HTML page.")] = None,
    config: Config = None,
) -> None:
    """The waterfall, the dearest features per success and tenant margins of what is published, and one HTML page."""
    from reconcilers.console.report import print_report

    print_report(_settings(config), page)


@app.command()
def query(
    sql: Annotated[str, typer.Argument(help="SQL over schema finance of the published tables.")],
    config: Config = None,
    output: Annotated[str, typer.Option("--format", help="table, csv or json.")] = "table",
) -> None:
    """Ask the published tables in SQL; read-only, never blocked by a run.

    Example: reconcile query "select outcome, sum(reconciled_cost) from finance.fct_cost_per_outcome group by 1"
    """
    from reconcilers.console.query import print_query

    print_query(_settings(config), sql, output)


@app.command()
def explain(
    event_id: Annotated[str, typer.Argument(help="The event whose cost to take apart.")],
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many of its dearest shares to show.")] = 5,
    config: Config = None,
) -> None:
    """One event's cost down to its runs, calls, charge lines, prices and the stored bytes; every share is reckoned again.

    Example: reconcile explain ticket-20260901-00042
    """
    from reconcilers.console.explanation import print_explanation

    if not print_explanation(_settings(config), event_id, limit):
        raise SystemExit(1)


@app.command()
def sample(
    out: Annotated[Path, typer.Option(help="Folder to write; an earlier sample there is replaced.")] = Path(
        "var/sample"
    ),
    seed: Annotated[int, typer.Option(help="Same seed and range, same bytes.")] = 7,
    start: Annotated[str, typer.Option("--from", help="First day.")] = "2026-09-01",
    end: Annotated[str, typer.Option("--to", help="Last day, included.")] = "2026-10-15",
    events_per_day: Annotated[int, typer.Option(help="At least 20.")] = 120,
    warehouse: Annotated[Warehouse, typer.Option(help="Where its job builds and publishes.")] = Warehouse.duckdb,
) -> None:
    """Write a company that sells AI features: telemetry, bills, revenue, reference data, and the true answer.

    Example: reconcile sample --seed 3 --from 2026-09-25 --to 2026-10-04 --events-per-day 60 --out /tmp/acme
    """
    from reconcilers.console.sample import make_sample

    make_sample(seed, _period(None, start, end), events_per_day, out, warehouse.value)


@app.command("serve-sample", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def serve_sample(
    context: typer.Context,
    out: Annotated[Path, typer.Option(help="Folder of the sample.")] = Path("var/sample"),
    known_at: Annotated[
        str | None, typer.Option(help="Show every bill as its provider knew it then, UTC. Default: all settled.")
    ] = None,
    host: Annotated[
        str, typer.Option(help="Name or address to listen at, which the sample's settings then name.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port of OpenAI's API; S3 takes any. 0: any.", min=0, max=65535)] = 0,
) -> None:
    """Serve a sample's bills as its providers do: OpenAI's API over HTTP, exports in S3.

    With a command after `--`, run it with what the job needs in its environment, and stop when it ends; else serve until
    interrupted. GET /sample/known_at answers once the sample's settings name the servers: a job may start then.

    Examples:

        reconcile serve-sample

        reconcile serve-sample -- reconcile run --from 2026-09-01 --to 2026-10-20 --as-of 2026-12-01
    """
    from reconcilers.console.sample import serve

    raise SystemExit(serve(out, None if known_at is None else _instant(known_at), host, port, context.args))


@app.command("new-source")
def new_source(
    room: Annotated[str, typer.Argument(help="billing, telemetry or revenue.")],
    kind: Annotated[str, typer.Argument(help="Its name in settings: lower-case words with _ between.")],
    checkout: Annotated[Path, typer.Option(help="Checkout of this project to write into.")] = Path(),
) -> None:
    """Begin a source: one file that works and one fixture folder, to be changed into the provider's own. See CONTRIBUTING.md.

    Example: reconcile new-source billing acme_ai
    """
    from reconcilers.new_source import new_source as begin

    for path in begin(room, kind, checkout):
        typer.echo(f"wrote {path}")
    typer.echo("next: make accept, then CONTRIBUTING.md from step 2 on")


def _settings(config: Path | None) -> Settings:
    from reconcilers.declared.settings import read_settings

    return read_settings(config)


def _period(day: str | None, start: str | None, end: str | None) -> Period:
    from reconcilers.periods import Period, parse_day

    try:
        if day and not (start or end):
            return Period.of_day(parse_day(day))
        if start and end and not day:
            return Period(parse_day(start), parse_day(end) + timedelta(days=1))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    raise typer.BadParameter("give --date DAY, or --from DAY --to DAY")


def _instant(text: str | None) -> datetime:
    from reconcilers.periods import parse_instant

    if text is None:
        return datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    try:
        return parse_instant(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


if __name__ == "__main__":
    main()
