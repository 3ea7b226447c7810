"""The command line: a thin edge over ``pipeline`` and ``explain``. Only here is the clock read, when no ``--as-of`` is given."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from decimal import Decimal

    from reconcilers.declared.settings import Settings
    from reconcilers.periods import Period

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="What one successful AI outcome actually cost, for which customer, and whether it made money.",
    epilog="Exit codes: 0 done; 1 failed; 2 typed wrong; 3 published, but not from every unit of every source; 4 refused, nothing "
    "published; 5 settings; 75 try again.",
)

quarantine = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Deliveries that were refused: which stand so, why, what to do, and reading one again once it is mended.",
)
app.add_typer(quarantine, name="quarantine")

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


class Dataset(StrEnum):
    """The datasets that are written for other tools."""

    focus_1_2 = "focus-1.2"
    focus_1_3 = "focus-1.3"


class Output(StrEnum):
    """The forms a query's result is written in."""

    table = "table"
    csv = "csv"
    json = "json"
    parquet = "parquet"
    xlsx = "xlsx"


Form = Annotated[
    Output | None,
    typer.Option(
        "--format", case_sensitive=False, help="Default: what the file's name ends in; else table, or csv in a pipe."
    ),
]
Out = Annotated[Path | None, typer.Option("--out", help="File to write; it is there whole or not at all.")]


def main() -> None:
    """Entry point: errors made on purpose become one line and the exit code of their class (``errors.Exit``)."""
    from reconcilers.errors import ReconcileError

    try:
        app()
    except ReconcileError as error:
        typer.secho(f"{type(error).__name__}: {error}", err=True, fg="red")
        raise SystemExit(error.exit_code) from None


@app.command()
def init(
    out: Annotated[Path, typer.Option(help="Folder to write to; what is there already is never replaced.")] = Path("."),
    billing: Annotated[
        list[str] | None, typer.Option(metavar="KIND", help="A kind of bill. Can be given again.")
    ] = None,
    invoices: Annotated[
        list[str] | None, typer.Option(metavar="KIND", help="A kind of invoices, what is paid for the bills.")
    ] = None,
    telemetry: Annotated[list[str] | None, typer.Option(metavar="KIND", help="A kind of telemetry.")] = None,
    revenue: Annotated[list[str] | None, typer.Option(metavar="KIND", help="A kind of revenue.")] = None,
) -> None:
    """Write the first files of a company: a commented reconcile.yaml, its schema for editors, and every reference file.

    Without any kind it asks for them. docs/configuration.md lists the kinds there are.

    Examples:

        reconcile init

        reconcile init --out acme --billing openai --telemetry otlp --revenue revenue_file
    """
    from reconcilers.console.init import begin

    told = {"billing": billing, "invoices": invoices, "telemetry": telemetry, "revenue": revenue}
    begin(out, {room: kinds or () for room, kinds in told.items()})


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
    from reconcilers.errors import Exit

    settings = _settings(config)
    period, known_at = _over(_period(day, start, end), _instant(as_of))
    if not run_with_progress(settings, period, known_at, reason=reason, accept_missing=accept_missing or ()):
        raise SystemExit(Exit.IN_PART)


@app.command()
def check(
    offline: Annotated[bool, typer.Option("--offline", help="Send no request; files and settings only.")] = False,
    as_of: AsOf = None,
    config: Config = None,
) -> None:
    """Say all that is wrong before anything is asked: settings, credentials, folders, reference files, one small request per source.

    Exit code 0: nothing is wrong, though there may be warnings. 5: something is.

    Examples:

        reconcile check

        reconcile check --offline --config acme/reconcile.yaml
    """
    from reconcilers.console.check import print_check
    from reconcilers.declared.settings import settings_file
    from reconcilers.errors import Exit

    if not print_check(settings_file(config), _instant(as_of), offline):
        raise SystemExit(Exit.SETTINGS)


@app.command()
def schema() -> None:
    """Print the JSON Schema of the settings, so that editors complete and check `reconcile.yaml`.

    Example: reconcile schema > reconcile.schema.json
    """
    from reconcilers.console.schema import print_schema

    print_schema()


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

    period, known_at = _over(_period(None, start, end), _instant(as_of))
    run_with_progress(_settings(config), period, known_at, fetch=False)


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
    """Estimate what the last hours cost, from telemetry and list prices alone, and say what is unlike the weeks before.

    No bill is asked, no finance table touched.

    Example: reconcile watch --date 2026-09-30
    """
    from reconcilers.console.run import print_watch
    from reconcilers.errors import Exit

    period = _period(day, None, None).widened(before_days=1)
    if not print_watch(_settings(config), period, _instant(as_of)):
        raise SystemExit(Exit.IN_PART)


@app.command()
def alerts(
    everything: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    config: Config = None,
    output: Annotated[str, typer.Option("--format", help="table, csv or json; json has the checklists.")] = "table",
) -> None:
    """Open alerts of the last hourly watch (by telemetry) and of the last nightly run (by the bill): owner, driver, what was found.

    Examples:

        reconcile alerts

        reconcile alerts --all --format csv > alerts.csv

        reconcile alerts --format json
    """
    from reconcilers.console.alerts import print_alerts

    print_alerts(_settings(config), everything, output)


@app.command()
def status(config: Config = None) -> None:
    """What is published and the last attempt beside it, what is missing and open, how fresh every source is."""
    from reconcilers.console.status import print_status

    print_status(_settings(config))


@app.command()
def runs(
    limit: Annotated[int, typer.Option(min=1, help="How many, the newest first.")] = 20,
    config: Config = None,
    output: Annotated[str, typer.Option("--format", help="table, csv or json.")] = "table",
) -> None:
    """Every run, those that failed, were refused or were killed too: when, for which days, what came of it, money in and out.

    Example: reconcile runs --limit 400 --format csv
    """
    from reconcilers.console.status import print_runs

    print_runs(_settings(config), limit, output)


@app.command()
def sources(
    config: Config = None,
    output: Annotated[str, typer.Option("--format", help="table, csv or json.")] = "table",
) -> None:
    """Every source of the published tables: kind, last day it answered for, its lag, its newest line, rows, money.

    Example: reconcile sources
    """
    from reconcilers.console.status import print_sources

    print_sources(_settings(config), output)


@app.command()
def report(
    page: Annotated[Path | None, typer.Option("--page", help="Where to write the HTML page.")] = None,
    config: Config = None,
) -> None:
    """The waterfall, the dearest features per success and tenant margins of what is published, and one HTML page."""
    from reconcilers.console.report import print_report

    print_report(_settings(config), page)


@app.command()
def pack(
    month: Annotated[
        str | None, typer.Option(help="A published month, YYYY-MM. Default: the newest that was billed.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder to write to. Default: packs, in the settings' home.")] = None,
    config: Config = None,
) -> None:
    """Write the finance pack of a month: one page of HTML that needs nothing else, and one workbook (XLSX) that says the same.

    Spend, cost per success, margin, waste, coverage and what changed; then features, tenants, breaks, prompt versions, budgets.

    Examples:

        reconcile pack

        reconcile pack --month 2026-10

        reconcile pack --month 2026-10 --out board --config acme/reconcile.yaml
    """
    from reconcilers.console.pack import print_pack

    print_pack(_settings(config), _month(month) if month else None, out)


@app.command()
def query(
    sql: Annotated[str, typer.Argument(help="SQL over schema finance of the published tables.")],
    config: Config = None,
    output: Form = None,
    out: Out = None,
    vertical: Annotated[bool, typer.Option("--vertical", help="A block for each row, a line for each value.")] = False,
) -> None:
    """Ask the published tables in SQL; read-only, never blocked by a run.

    A terminal shows as many columns as fit and names the others; a pipe gets plain CSV.

    Examples:

        reconcile query "select outcome, sum(reconciled_cost) from finance.fct_cost_per_outcome group by 1"

        reconcile query "select * from finance.fct_tenant_margin limit 1" --vertical

        reconcile query "select * from finance.fct_tenant_margin" --out margins.xlsx
    """
    from reconcilers.console.query import print_query

    print_query(_settings(config), sql, _form(output, out, vertical), out, vertical)


@app.command()
def tables(
    name: Annotated[str | None, typer.Argument(help="A table, for its columns.")] = None,
    config: Config = None,
    output: Annotated[str, typer.Option("--format", help="table, csv or json.")] = "table",
) -> None:
    """The finance tables: what a row of each is and means; of one its columns, their types and meaning.

    Examples:

        reconcile tables

        reconcile tables fct_tenant_margin
    """
    from reconcilers.console.tables import print_tables

    print_tables(_settings(config), name, output)


@app.command()
def diff(
    earlier: Annotated[
        str | None, typer.Argument(help="Number of a published version; default: the one before.")
    ] = None,
    later: Annotated[str | None, typer.Argument(help="Number of a later one; default: what is published.")] = None,
    months: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="MONTH MONTH", help="Compare two months, YYYY-MM, the earlier first."),
    ] = None,
    config: Config = None,
    output: Form = None,
    out: Out = None,
) -> None:
    """What changed between two publications or two months: rows of each table; money of each feature, tenant and source, split into
    volume, mix, price, new, gone and restated, which sum to the change.

    Examples:

        reconcile diff --months 2026-09 2026-10

        reconcile diff

        reconcile diff 3 5 --out restated.xlsx
    """
    from reconcilers.console.diff import print_diff

    days = (_month(months[0]), _month(months[1])) if months else None
    print_diff(_settings(config), (earlier, later), days, _form(output, out), out)


@app.command("what-if")
def what_if(
    feature: Annotated[str | None, typer.Option(help="A feature; default: every one.")] = None,
    tenant: Annotated[str | None, typer.Option(help="A tenant; default: every one, and all together.")] = None,
    price: Annotated[
        str | None, typer.Option(help="What a success would be sold for, in the reporting currency.")
    ] = None,
    month: Annotated[str | None, typer.Option(help="YYYY-MM; default: the last with a success.")] = None,
    config: Config = None,
    output: Form = None,
    out: Out = None,
) -> None:
    """What an outcome must be sold for to pay its calls; with a price, the margin it would have made.

    Both bounds are told: counting resolved events only, and counting all that may still fail. Coverage and status stand beside.

    Examples:

        reconcile what-if --feature ticket_resolution --price 0.99

        reconcile what-if --tenant ten_acme --month 2026-10 --format csv
    """
    from reconcilers.console.what_if import print_what_if
    from reconcilers.money import charged

    try:
        asked = None if price is None else charged(price).rounded
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    print_what_if(_settings(config), feature, tenant, asked, _month(month) if month else None, _form(output, out), out)


@app.command()
def export(
    month: Annotated[str, typer.Option(help="Billing month, YYYY-MM.")],
    out: Annotated[Path, typer.Option(help="File to write, .csv or .parquet; it is there whole or not at all.")],
    dataset: Annotated[Dataset, typer.Option("--format", case_sensitive=False)] = Dataset.focus_1_2,
    config: Config = None,
) -> None:
    """A month's bill, allocated, as a FOCUS dataset for FinOps tools: a row per share, with event, run, tenant, feature and outcome as x_ columns.

    Its costs sum to the bill, per source, currency and billing period.

    Example: reconcile export --format focus-1.2 --month 2026-10 --out october.parquet
    """
    from reconcilers.console.export import write_focus

    write_focus(_settings(config), dataset.value.removeprefix("focus-"), _month(month), out)


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
    from reconcilers.errors import Exit

    if not print_explanation(_settings(config), event_id, limit):
        raise SystemExit(Exit.REFUSED)


@app.command()
def dashboard(
    host: Annotated[
        str, typer.Option(help="Address to listen at. Any but loopback lets others read all that is published.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0: any that is free.", min=0, max=65535)] = 8050,
    config: Config = None,
) -> None:
    """What is published as pages in a browser: from a month to an event, and down to its stored bytes. Read-only; a run never stops it.

    Examples:

        reconcile dashboard

        reconcile dashboard --port 0 --config acme/reconcile.yaml
    """
    from reconcilers.console.dashboard import serve_dashboard

    serve_dashboard(_settings(config), host, port)


@app.command()
def verify(config: Config = None) -> None:
    """Read everything stored again: landed bytes, lake files, published versions. Each problem says what to delete and what makes it again.

    Nothing is changed and no source is asked. Exit code 1 where something is not as it was written.

    Example: reconcile verify
    """
    from reconcilers.console.verify import print_verified
    from reconcilers.errors import Exit

    if not print_verified(_settings(config)):
        raise SystemExit(Exit.FAILED)


RefusedId = Annotated[str, typer.Argument(metavar="ID", help="The id of a refused delivery, or how it begins.")]


@quarantine.command("list")
def list_quarantined(
    everything: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    as_of: AsOf = None,
    config: Config = None,
    output: Annotated[str, typer.Option("--format", help="table, csv or json.")] = "table",
) -> None:
    """Every delivery that stands refused: source, unit, file, line and why. What was known of its unit before stays in force.

    Examples:

        reconcile quarantine list

        reconcile quarantine list --all --format json
    """
    from reconcilers.console.quarantine import print_quarantined

    print_quarantined(_settings(config), _instant(as_of), everything, output)


@quarantine.command("show")
def show_quarantined(told: RefusedId, as_of: AsOf = None, config: Config = None) -> None:
    """One refused delivery in full: why, since when, for which days, what to do, and where what was received of it is kept.

    Example: reconcile quarantine show 3f8a12
    """
    from reconcilers.console.quarantine import print_delivery

    print_delivery(_settings(config), _instant(as_of), told)


@quarantine.command("readmit")
def readmit_quarantined(told: RefusedId, config: Config = None) -> None:
    """Read a refused delivery again as its source is configured now: it lands, or the reason is said again.

    Mend first what was wrong: a mapping, a setting, the program. What was received is read as it is kept; where nothing is, the
    source is asked for that unit once more. Running it again changes nothing.

    Example: reconcile quarantine readmit 3f8a12
    """
    from reconcilers.console.quarantine import print_readmitted

    print_readmitted(_settings(config), _instant(None), told)


@app.command("lint-telemetry")
def lint_telemetry(
    day: Annotated[
        str | None, typer.Option("--date", help="One UTC day, YYYY-MM-DD. Default: all that landed.")
    ] = None,
    start: Annotated[str | None, typer.Option("--from", help="First day of a range.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="Last day of a range, included.")] = None,
    service: Annotated[str | None, typer.Option(help="Calls of this service only.")] = None,
    at_least: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SHARE", help="Exit with 1 below this share, 0 to 1; NAME=SHARE for one name. Can be given again."
        ),
    ] = None,
    as_of: AsOf = None,
    config: Config = None,
    output: Annotated[str, typer.Option("--format", help="table, csv or json.")] = "table",
) -> None:
    """Who keeps to the contract of telemetry: the share of calls that tell event, run, tenant, feature, model and usage, per service and
    emitter, and what to set where they do not.

    What has landed is read; no source is asked. A share holds for each service and emitter by itself.

    Examples:

        reconcile lint-telemetry

        reconcile lint-telemetry --date 2026-09-30 --format json

        reconcile lint-telemetry --service checkout --at-least 0.95 --at-least event_id=0.99 --at-least feature_id=0
    """
    from reconcilers.console.telemetry_lint import print_lint
    from reconcilers.errors import Exit

    period = _period(day, start, end) if day or start or end else None
    if not print_lint(_settings(config), period, _instant(as_of), service, _shares(at_least), output):
        raise SystemExit(Exit.FAILED)


@app.command()
def forget(
    user_id: Annotated[str, typer.Argument(help="The user's id as telemetry tells it.")],
    reason: Annotated[str, typer.Option(help="Why; kept in landing with who asked and when.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say where it stands.")] = False,
    config: Config = None,
) -> None:
    """Take a user's id out of landing and the lake, in all of history; every call, cost and tenant stays. Running it again finishes it.

    Remove it first where telemetry comes from: what is pulled again lands again as its source tells it.

    Example: reconcile forget user-4711 --reason "request 88 under Art. 17 GDPR"
    """
    from reconcilers.console.forget import print_forgotten

    if not user_id.strip():
        raise typer.BadParameter("give the user's id")
    print_forgotten(_settings(config), user_id.strip(), _instant(None), reason, dry_run)


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
    room: Annotated[str, typer.Argument(help="billing, invoices, telemetry or revenue.")],
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


def _form(output: Output | None, out: Path | None, vertical: bool = False) -> str:
    """The form a result is written in: as told, as the file's name ends, or for whoever reads standard output."""
    from reconcilers.reports.files import ENDINGS

    if vertical and output in (None, Output.table):
        return "table"
    if vertical:
        raise typer.BadParameter("--vertical is a form of table")
    if output:
        return output.value
    if out is None:
        return "table" if sys.stdout.isatty() else "csv"
    if out.suffix.lower() not in ENDINGS:
        raise typer.BadParameter(f"say --format: {out.name} ends in none of {', '.join(ENDINGS)}")
    return ENDINGS[out.suffix.lower()]


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


def _shares(told: list[str] | None) -> dict[str, Decimal] | None:
    """The least share of each name of the contract, as people type them: ``0.95``, ``event_id=0.99``; null where none is given."""
    from decimal import Decimal, InvalidOperation

    from reconcilers.errors import nearest
    from reconcilers.sources.telemetry.attribute_contract import NAMES

    if not told:
        return None
    shares = dict.fromkeys(NAMES, Decimal(0))
    # The share of one name goes before that of all, in whichever order they are given.
    for text in sorted(told, key=lambda text: "=" in text):
        name, _, share = text.rpartition("=")
        if name and name not in NAMES:
            raise typer.BadParameter(
                f"the contract has no {name!r:.40}{nearest(name, NAMES)}; it has {', '.join(NAMES)}"
            )
        try:
            least = Decimal(share)
            is_share = 0 <= least <= 1
        except InvalidOperation:
            is_share = False
        if not is_share:
            raise typer.BadParameter(f"{share!r:.20} is no share: give one from 0 to 1, such as 0.95")
        shares |= dict.fromkeys([name] if name else NAMES, least)
    return shares


def _month(text: str) -> date:
    """The first day of a month, as people type it."""
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        raise typer.BadParameter(f"{text!r:.20} is no month: write it as 2026-10") from None


def _over(period: Period, as_of: datetime) -> tuple[Period, datetime]:
    """A day that is not over has no bill yet, and telemetry that will still come."""
    if period.end > as_of.date():
        last = period.end - timedelta(days=1)
        raise typer.BadParameter(
            f"{last} is not over at {as_of} UTC: give days that are; `reconcile watch` estimates those that are not"
        )
    return period, as_of


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
