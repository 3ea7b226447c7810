"""A small company drawn at random that has in it what rules R29 to R34 speak of, and what can change of it between two nights.

``RandomCompany`` holds what the world says now: tellings of calls (spans of traces, records of a gateway) and the file each
stands in, bills and their lines, runs, outcomes, revenue, reference files. ``write`` puts it where the job's sources look.
Every one of ``STORIES`` happens to it at least once; ``CHANGES`` are what a night may bring. Days are numbered from ``FIRST``,
and October begins among them.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import yaml

from reconcilers.declared.settings import Settings, read_settings
from reconcilers.periods import Period

FIRST = date(2026, 9, 28)
DAYS = range(5)
#: Files of a day that each kind of telemetry comes in.
FILES = 2
#: All of September is asked for, so that a source of which nothing was refused has it whole.
PERIOD = Period(date(2026, 9, 1), FIRST + timedelta(days=len(DAYS)))
Row = dict[str, Any]

#: Emitters by what their dialect's table says of them: it contains the cached tokens, it lies over the first, nothing.
SDK, FRAMEWORK, OWN = (
    "opentelemetry.instrumentation.genai.openai",
    "openinference.instrumentation.langchain",
    "acme.llm",
)
#: From what input on a call of the model ``large`` is long, and what no other call has.
LONG, SHORT = 5000, 3000
#: Part of a telling → the attribute of a span that tells it; a telling may have any of them.
_ATTRIBUTES = {
    "operation": "gen_ai.operation.name",
    "provider": "gen_ai.provider.name",
    "model": "gen_ai.response.model",
    "response": "gen_ai.response.id",
    "input": "gen_ai.usage.input_tokens",
    "cached": "gen_ai.usage.cache_read.input_tokens",
    "written": "gen_ai.usage.cache_creation.input_tokens",
    "audio": "gen_ai.usage.audio.input_tokens",
    "output": "gen_ai.usage.output_tokens",
    "thoughts": "gen_ai.usage.reasoning.output_tokens",
    "total": "gen_ai.usage.total_tokens",
    "unheard_of": "gen_ai.usage.unheard_of_tokens",
    "cache_hit": "llm.cache_hit",
    "batch": "gen_ai.request.batch",
    "probability": "sampling.probability",
    "counted_by": "gen_ai.usage.source",
    "event": "event_id",
    "run": "run_id",
    "tenant": "tenant_id",
    "feature": "feature_id",
    "environment": "deployment.environment.name",
    "key": "api_key_id",
}
#: Columns of the gateway's table → parts of a telling.
_COLUMNS = {
    "record_id": "id",
    "trace_id": "trace",
    "span_id": "span",
    "response_id": "response",
    "provider": "provider",
    "model": "model",
    "api_key_id": "key",
    "event_id": "event",
    "run_id": "run",
    "tenant_id": "tenant",
    "feature_id": "feature",
    "environment": "environment",
    "ended_at": "at",
}
_RUN = ["run_id", "event_id", "started_at", "ended_at", "status"]
_METERS = {"input_tokens": "input", "cache_read_input_tokens": "cached", "output_tokens": "output"}
#: A price of a million tokens of each meter.
_PRICES = {"input_tokens": "3", "cache_read_input_tokens": "0.3", "output_tokens": "15"}


@dataclass
class Telling:
    """A span, or a record of the gateway: what it tells, and the day and number of the file it stands in."""

    source: str
    file: tuple[int, int]
    told: Row

    def also(self, **told: Any) -> Telling:
        """A copy that tells something else, too."""
        return replace(self, told=self.told | told)


@dataclass
class Bill:
    """A file of a bill's lines."""

    source: str
    name: str
    lines: list[Row]


class RandomCompany:
    """What its sources would say if asked now; ``seed`` decides all of it."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.random, self.names = folder, random.Random(seed), 0
        self.tellings: list[Telling] = []
        self.runs: list[Row] = []
        self.outcomes: list[Row] = []
        self.gone: set[Path] = set()
        for story in [*STORIES, *self.random.choices(STORIES, k=6)]:
            story(self)
        self.runs.append(self.run("silent", "e-silent", 1))
        self.bills = [Bill("bill", f"day-{number}.csv", self._lines(number)) for number in DAYS]
        self.columns = [*self.bills[0].lines[0]]
        again = [dict(line) for bill in self.bills[:3] for line in self.random.sample(bill.lines, 2)]
        self.bills.append(Bill("bill", "month-to-date.csv", again))
        self.bills.append(Bill("export", "export.csv", [dict(self.bills[1].lines[0])]))
        self.revenue = [_revenue("r1", "t0", "900"), _revenue("r2", "t1", "55.5"), _revenue("r3", "nobody", "7")]
        self.reference = _reference()
        self.settings = _settings()

    def name(self, kind: str) -> str:
        """A name that nothing else has."""
        self.names += 1
        return f"{kind}{self.names}"

    def tokens(self, most: int = SHORT) -> int:
        return self.random.randint(most // 10, most)

    def day(self) -> int:
        return self.random.choice(DAYS)

    def work(self, number: int | None = None) -> Telling:
        """What a call of some event tells, its counts apart; its run and perhaps its outcome are told, too."""
        number = self.day() if number is None else number
        event = self.name("e")
        run, at = f"{event}/run", datetime.combine(FIRST, time(self.random.randrange(2, 22), 30)) + timedelta(number)
        self.runs.append(self.run(run, event, number))
        if outcome := self.random.choice(["success", "success", "failure", ""]):
            self.outcomes.append({"event_id": event, "outcome": outcome, "at": at + timedelta(hours=1)})
        told = {
            "operation": "chat",
            "provider": "acme",
            "model": self.random.choice(["small", "large"]),
            "scope": SDK,
            "trace": self.name("trace"),
            "id": self.name("span"),
            "at": at,
            "seconds": self.random.randint(1, 40),
            "event": event,
            "run": run,
            "tenant": f"t{self.random.randrange(3)}",
            "feature": self.random.choice(["chat", "search"]),
            "environment": self.random.choice(["production", "production", "production", "preview"]),
            "key": f"K{self.random.randrange(3)}",
        }
        return Telling("traces", (number, self.random.randrange(FILES)), told)

    def call(self, work: Telling | None = None, **told: Any) -> Telling:
        """A call that tells its counts."""
        counts = {"input": self.tokens(), "output": self.tokens(800)}
        return (work or self.work()).also(**{"id": self.name("span")} | counts | told)

    def tell(self, *tellings: Telling) -> None:
        self.tellings += tellings

    def elsewhere(self, telling: Telling, *, may_move: bool = True) -> Telling:
        """The same in a file of some day, and of that day, too, where it may be and chance has it."""
        number, told = self.day(), dict(telling.told)
        if may_move and self.random.random() < 0.5:
            told["at"] += timedelta(number - (told["at"].date() - FIRST).days)
        return Telling(telling.source, (number, self.random.randrange(FILES)), told)

    def of(self, wanted: Callable[[Telling], object]) -> Telling | None:
        """One of the tellings that are so."""
        found = [telling for telling in self.tellings if wanted(telling)]
        return self.random.choice(found) if found else None

    def run(self, run: str, event: str, number: int) -> Row:
        """What is said of a run of some day."""
        at = datetime.combine(FIRST, time(2)) + timedelta(number)
        status = self.random.choice(["success", "success", "failure", ""])
        return {"run_id": run, "event_id": event, "started_at": at, "ended_at": at, "status": status}

    def _lines(self, number: int) -> list[Row]:
        lines = [
            self.line(number, key, model, meter)
            for key in ("K0", "K1", "K2")
            for model in ("small", "large")
            for meter in _METERS
            if meter != "cache_read_input_tokens" or self.random.random() < 0.4
        ]
        lines.append(self.line(number, "K0", "large", "input_tokens", band="long"))
        lines += [
            self.line(number, "", "", "", cost="0.4", category="Tax", currency=currency) for currency in ("SEK", "EUR")
        ]
        if number == 2:
            lines.append(self.line(number, "K1", "large", "output_tokens", quantity="", whole_month=True))
        return lines

    def line(self, number: int, key: str, model: str, meter: str, **told: Any) -> Row:
        """A line of the bill, of a day or its whole month."""
        start, end = FIRST + timedelta(number), FIRST + timedelta(number + 1)
        if told.get("whole_month"):
            start = start.replace(day=1)
            end = (start + timedelta(days=31)).replace(day=1)
        cost = told.get("cost", f"0.0{self.random.randint(1, 99999):05}")
        return {
            "BilledCost": cost,
            "EffectiveCost": cost,
            "ListCost": cost,
            "BillingAccountId": "acct",
            "BillingCurrency": told.get("currency", "USD"),
            "BillingPeriodStart": start.replace(day=1),
            "ChargePeriodStart": f"{start}T00:00:00Z",
            "ChargePeriodEnd": f"{end}T00:00:00Z",
            "ChargeCategory": told.get("category", "Usage"),
            "ServiceName": "API",
            "ConsumedQuantity": told.get("quantity", self.tokens(2 * SHORT) if meter else ""),
            "ConsumedUnit": "tokens" if meter else "",
            "x_ApiKeyId": key,
            "x_Model": model,
            "x_Meter": meter,
            "x_ContextBand": told.get("band", "standard" if meter else ""),
            "x_LineId": self.name("line"),
        }

    def write(self) -> Settings:
        """The files as they are now, without those that are gone, and the settings that read them."""
        files: dict[Path, str] = {}
        for number in DAYS:
            for file in range(FILES):
                spans, records = (
                    [t.told for t in self.tellings if t.source == source and t.file == (number, file)]
                    for source in ("traces", "gateway")
                )
                files[Path(f"traces/{number}-{file}.json")] = "".join(_messages(spans))
                files[Path(f"gateway/{number}-{file}.csv")] = _csv(_record({}), map(_record, records))
        files |= {Path(bill.source) / bill.name: _csv(self.columns, bill.lines) for bill in self.bills}
        files[Path("runs/runs.csv")] = _csv(_RUN, self.runs)
        files[Path("outcomes/outcomes.csv")] = _csv(["event_id", "outcome", "at"], self.outcomes)
        files[Path("revenue/lines.csv")] = _csv(_revenue("", "", ""), self.revenue)
        for name, rows in self.reference.items():
            files[Path(f"reference/{name}.csv")] = _csv(rows[0], rows)
        files[Path("reconcile.yaml")] = yaml.safe_dump(self.settings)
        for path, text in files.items():
            place = self.folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            if path in self.gone:
                place.unlink(missing_ok=True)
            elif not place.is_file() or place.read_text() != text:
                place.write_text(text)
        return read_settings(self.folder / "reconcile.yaml")


def _csv(columns: Iterable[str], rows: Iterable[Row]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, [*columns], restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _record(told: Row) -> Row:
    """A row of the gateway's table."""
    parts = {column: told.get(part, "") for column, part in (_COLUMNS | _METERS).items()}
    return parts | {"cache_hit": told.get("cache_hit", "false")}


def _messages(spans: list[Row]) -> Iterator[str]:
    """OTLP/JSON, a line for every two spans."""
    for place in range(0, len(spans), 2):
        scoped = [{"scope": {"name": told["scope"]}, "spans": [_span(told)]} for told in spans[place : place + 2]]
        yield json.dumps({"resourceSpans": [{"resource": {}, "scopeSpans": scoped}]}) + "\n"


def _span(told: Row) -> Row:
    values = {attribute: told[part] for part, attribute in _ATTRIBUTES.items() if told.get(part) not in (None, "")}
    ended = told["at"].replace(tzinfo=UTC)
    began = ended - timedelta(seconds=told["seconds"])
    times = {"start": began, "end": ended}
    span = {
        "traceId": _hexadecimal(told["trace"], 32),
        "spanId": _hexadecimal(told["id"], 16),
        "name": told["id"],
        "kind": 3,
        "attributes": [
            {"key": name, "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": str(value)}}
            for name, value in values.items()
        ],
    }
    if "parent" in told:
        span["parentSpanId"] = _hexadecimal(told["parent"], 16)
    if not told.get("untimed"):
        span |= {f"{end}TimeUnixNano": f"{int(moment.timestamp())}000000000" for end, moment in times.items()}
    return span


def _hexadecimal(name: str, digits: int) -> str:
    return hashlib.md5(name.encode()).hexdigest()[:digits]


def _revenue(revenue_id: str, tenant: str, amount: str) -> Row:
    return {
        "revenue_id": revenue_id,
        "tenant_id": tenant,
        "feature_id": "chat",
        "kind": "invoice",
        "service_period_start": "2026-09-15",
        "service_period_end": "2026-10-15",
        "amount": amount,
        "currency": "USD",
    }


def _reference() -> dict[str, list[Row]]:
    priced = {"source": "bill", "currency": "USD", "version": "1", "context_band": "", "time_from": "", "time_to": ""}
    return {
        "billing_sources": [
            {"source": "bill", "provider": "acme", "default_account_id": "acct", "finality_days": "3"},
        ],
        "billing_grain": [{"source": "bill", "dimension": "context_band"}],
        "environments": [
            {"environment": "production", "production": "true"},
            {"environment": "preview", "production": "false"},
        ],
        "contract_prices": [
            priced | {"model": model, "meter": meter, "price_per_million": price} | more
            for model in ("small", "large")
            for meter, price in _PRICES.items()
            for more in (
                {},
                {"context_band": "long", "price_per_million": "7"},
                {"time_from": "13:00", "time_to": "19:00", "price_per_million": "9.5"},
            )
            if not more or (model, meter) == ("large", "input_tokens")
        ],
        "context_thresholds": [{"provider": "acme", "model": "large", "threshold": LONG, "version": "1"}],
        "exchange_rates": [
            {"currency": "SEK", "billing_period_start": month, "rate": "0.1", "version": "1"}
            for month in ("2026-09-01", "2026-10-01")
        ],
        "model_aliases": [{"provider": "acme", "alias": "tiny", "model": "small"}],
        "key_map": [{"source": "bill", "api_key_id": "K1", "sub_account_id": "p1", "environment": ""}],
        "features": [{"feature_id": name, "name": name} for name in ("chat", "search")],
        "tenants": [{"tenant_id": f"t{number}", "name": f"T{number}"} for number in range(3)],
    }


def _mapped(name: str, entity: str, columns: Row, **more: Any) -> Row:
    return {
        "name": name,
        "kind": "mapped",
        "uri": name,
        "format": "csv",
        "entity": entity,
        "columns": columns,
        "pattern": r".*\.csv",
    } | more


def _settings() -> Row:
    outcome = {"event_id": "event_id", "outcome": "outcome", "occurred_at": "at"}
    return {
        "price_book": "none",
        "billing": [{"name": name, "kind": "focus_file", "uri": name} for name in ("bill", "export")],
        "telemetry": [
            {"name": "traces", "kind": "otlp", "uri": "traces", "pattern": r".*\.json"},
            _mapped(
                "gateway",
                "calls",
                {name: name for name in _COLUMNS} | {"answered_from_cache": "cache_hit"},
                usage={
                    "semantics": "inclusive",
                    "meters": [{"meter": name, "column": name} for name in _METERS],
                },
            ),
            _mapped("runs", "runs", {name: name for name in _RUN}),
            _mapped("outcomes", "outcomes", outcome | {"emitter": {"constant": "system_of_record"}}),
        ],
        "revenue": [{"name": "revenue", "kind": "revenue_file", "uri": "revenue"}],
    }


# What happens to a company, by the rule that decides it.


def ordinary_calls(company: RandomCompany) -> None:
    """An event of two runs, and a run whose call names that event and not the one it is said to be of. Of the calls one is estimated,
    one of a batch, one just after midnight, one kept by chance, one of nobody."""
    first = company.work()
    second = first.also(run=f"{first.told['event']}/again")
    company.runs.append(company.run(second.told["run"], first.told["event"], first.file[0]))
    midnight = datetime.combine(first.told["at"].date(), time()) + timedelta(minutes=company.random.randint(0, 9))
    company.tell(
        company.call(first),
        company.call(first, model="tiny", counted_by="estimated"),
        company.call(second, batch="true", environment="unheard"),
        company.call(second, at=midnight, audio=30),
        company.call(second, probability="0.5", written=40, input=900),
        company.call(event="", run="", tenant=""),
        company.call(event=first.told["event"], feature=first.told["feature"]),
    )


def one_call_told_twice(company: RandomCompany) -> None:
    """R29: by the gateway and the SDK, by one span in two files of two days, by a framework over its SDK."""
    both = company.call(response=company.name("response"))
    record = both.also(
        provider="gateway", at=both.told["at"] + timedelta(seconds=1), id=company.name("record"), trace=""
    )
    again = company.call()
    under = company.call(seconds=20)
    over = under.also(scope=FRAMEWORK, id=company.name("span"), seconds=21)
    same = company.call()
    at_gateway = same.also(
        trace=_hexadecimal(same.told["trace"], 32), span=_hexadecimal(same.told["id"], 16), id=company.name("record")
    )
    company.tell(both, replace(company.elsewhere(record), source="gateway"), again, company.elsewhere(again))
    company.tell(
        under, company.elsewhere(over, may_move=False), same, replace(company.elsewhere(at_gateway), source="gateway")
    )


def twins_that_disagree(company: RandomCompany) -> None:
    """R29: calls of three events, days apart, that tell one response id."""
    response = company.name("response")
    company.tell(*(company.call(response=response, input=1000 + 37 * number) for number in range(3)))


def wrapped_calls(company: RandomCompany) -> None:
    """R30: an agent over calls of two files that tells more than they do, one that tells their sum, a router over what it chose."""
    for more in (company.tokens(500), 0):
        agent = company.work().also(operation="invoke_agent", model="")
        tool = agent.also(operation="execute_tool", id=company.name("span"), parent=agent.told["id"])
        below = [
            company.call(agent, operation="chat", model="small", parent=up.told["id"]) for up in (agent, agent, tool)
        ]
        sums = {count: sum(call.told[count] for call in below) for count in ("input", "output")}
        company.tell(agent.also(**sums | {"input": sums["input"] + more}), tool, below[0], below[2])
        company.tell(company.elsewhere(below[1]))
    chosen = company.call(model="small")
    router = chosen.also(id=company.name("span"), model="large")
    company.tell(router, company.elsewhere(chosen.also(parent=router.told["id"])))


def counts_to_be_read(company: RandomCompany) -> None:
    """R31: an emitter found to count without the cached tokens, totals that prove it of a single call, one that no reading fits."""
    for _ in range(3):
        company.tell(company.call(scope=OWN, input=100, cached=company.tokens(900) + 101))
    company.tell(company.call(scope=OWN, input=400, cached=300, output=50))
    company.tell(company.call(input=300, cached=200, output=50, total=550))
    company.tell(company.call(input=1000, output=0, total=700))
    company.tell(company.call(input=900, output=100, thoughts=160))


def names_of_others(company: RandomCompany) -> None:
    """R32: names that only the root tells, in another file; that only a sibling tells; a replayed answer; a long prompt."""
    nameless = {"event": "", "run": "", "tenant": "", "feature": "", "environment": ""}
    below = company.call(model="large")
    root = company.work().also(operation="", provider="", model="", trace=below.told["trace"])
    company.tell(company.elsewhere(root), below.also(parent=root.told["id"], **nameless))
    sibling = company.call()
    company.tell(sibling, company.elsewhere(company.call(sibling, **nameless)))
    answered = company.call(response=company.name("response"))
    replayed = company.work().told | {"cache_hit": "true"}
    replayed |= {part: answered.told[part] for part in ("response", "input", "output")}
    company.tell(answered, replace(answered, told=replayed))
    company.tell(company.call(model="large", input=LONG + company.tokens(), key="K0"))


def what_cannot_be_used(company: RandomCompany) -> None:
    """R33: a span without a time, a count nobody reads, an outcome of an event nobody saw."""
    company.tell(company.call(untimed=True), company.call(unheard_of=7))
    at = datetime.combine(FIRST, time(12))
    company.outcomes.append({"event_id": company.name("unseen"), "outcome": "success", "at": at})


STORIES: list[Callable[[RandomCompany], None]] = [
    ordinary_calls,
    one_call_told_twice,
    twins_that_disagree,
    wrapped_calls,
    counts_to_be_read,
    names_of_others,
    what_cannot_be_used,
]


# What a night may bring.


def tell_a_call_anew(company: RandomCompany) -> None:
    """A file told again with another count."""
    if telling := company.of(lambda telling: "input" in telling.told):
        telling.told["input"] += company.tokens(200)


def lose_a_call(company: RandomCompany) -> None:
    """The marks of the calls behind it shift."""
    if telling := company.of(lambda telling: "input" in telling.told):
        company.tellings.remove(telling)


def lose_a_proof(company: RandomCompany) -> None:
    """One of the calls that prove how an emitter counts."""
    if telling := company.of(lambda telling: telling.told["scope"] == OWN):
        company.tellings.remove(telling)


def move_a_call_to_another_day(company: RandomCompany) -> None:
    if telling := company.of(lambda telling: "input" in telling.told):
        to = company.day()
        telling.told["at"] = telling.told["at"] + timedelta(to - (telling.told["at"].date() - FIRST).days)
        telling.file = (to, telling.file[1])


def move_a_telling_to_another_file(company: RandomCompany) -> None:
    if telling := company.of(lambda telling: True):
        telling.file = company.elsewhere(telling).file


def tell_a_span_again(company: RandomCompany) -> None:
    """In a file of another day."""
    if telling := company.of(lambda telling: "input" in telling.told):
        company.tell(company.elsewhere(telling))


def join_twins(company: RandomCompany) -> None:
    """Two calls of one response id agree now, or two that had none have one."""
    if (one := company.of(lambda t: "input" in t.told)) and (other := company.of(lambda t: "input" in t.told)):
        response = one.told.get("response") or company.name("response")
        one.told["response"] = other.told["response"] = response
        other.told |= {count: one.told[count] for count in ("input", "output", "model", "at")}


def lose_or_find_a_name(company: RandomCompany) -> None:
    """Of a root or a call; whoever has it from there has another."""
    for name in ("event", "tenant"):
        if telling := company.of(lambda telling: telling.source == "traces"):
            telling.told[name] = "" if telling.told.get(name) else company.name(name[0])


def lose_a_parent(company: RandomCompany) -> None:
    if telling := company.of(lambda telling: "parent" in telling.told):
        del telling.told["parent"]


def empty_a_day(company: RandomCompany) -> None:
    """All telemetry files of a day have no rows any more."""
    number = company.day()
    company.tellings = [telling for telling in company.tellings if telling.file[0] != number]


def lose_the_files_of_a_day(company: RandomCompany) -> None:
    """They are no longer where they were; what was known counts on."""
    number = company.day()
    company.gone |= {Path(f"traces/{number}-{file}.json") for file in range(FILES)}


def another_story(company: RandomCompany) -> None:
    company.random.choice(STORIES)(company)


def restate_a_bill(company: RandomCompany) -> None:
    """A line dearer, one gone, one more, one credited, one told in another delivery, too."""
    bill = company.random.choice([bill for bill in company.bills if len(bill.lines) > 3])
    dearer, gone, again = company.random.sample(bill.lines, 3)
    dearer |= {"BilledCost": "0.0777", "EffectiveCost": "0.0777"}
    bill.lines.remove(gone)
    number = company.day()
    bill.lines.append(company.line(number, "K2", "small", "input_tokens"))
    bill.lines.append(
        company.line(number, "K0", "large", "output_tokens", cost="-0.004", quantity="", category="Credit")
    )
    other = company.random.choice([other for other in company.bills if other is not bill])
    other.lines.append(dict(again))


def bill_nothing(company: RandomCompany) -> None:
    company.random.choice(company.bills).lines.clear()


def change_outcomes(company: RandomCompany) -> None:
    """One is reversed, one comes, one goes."""
    reversed_, gone = company.random.sample(company.outcomes, 2)
    at = datetime.combine(FIRST, time(20)) + timedelta(len(DAYS))
    company.outcomes.append(reversed_ | {"outcome": "partial", "at": at})
    company.outcomes.append(
        {"event_id": company.random.choice(company.runs)["event_id"], "outcome": "success", "at": at}
    )
    company.outcomes.remove(gone)


def change_runs(company: RandomCompany) -> None:
    """One turns out to be another event's, one ended otherwise, one is told no more."""
    moved, ended, gone = company.random.sample(company.runs, 3)
    moved["event_id"] = company.random.choice(company.runs)["event_id"]
    ended["status"] = "failure" if ended["status"] == "success" else "success"
    company.runs.remove(gone)


def change_prices(company: RandomCompany) -> None:
    for price in company.random.sample(company.reference["contract_prices"], 2):
        price["price_per_million"] = f"{company.random.randint(1, 900)}.{company.random.randint(0, 99):02}"


def change_names_of_models(company: RandomCompany) -> None:
    alias = {"provider": "acme", "alias": company.random.choice(["tiny", "large"]), "model": "small"}
    rows = [row for row in company.reference["model_aliases"] if row["alias"] != alias["alias"]]
    company.reference["model_aliases"] = [*rows, alias | {"model": company.random.choice(["small", "large", "huge"])}]


def change_the_threshold(company: RandomCompany) -> None:
    company.reference["context_thresholds"][0]["threshold"] = company.random.randint(SHORT // 2, 2 * LONG)


def change_placement(company: RandomCompany) -> None:
    company.reference["key_map"][0] |= {
        "api_key_id": company.random.choice(["K0", "K1", "K2"]),
        "sub_account_id": company.name("p"),
    }
    environment = company.reference["environments"][1]
    environment["production"] = "true" if environment["production"] == "false" else "false"
    grain = company.reference["billing_grain"]
    grain[1:] = [] if len(grain) > 1 else [{"source": "bill", "dimension": "batch"}]


def change_what_finance_declares(company: RandomCompany) -> None:
    """A rate for what had none, a name that was undeclared, another finality."""
    company.reference["exchange_rates"] = [
        *(row for row in company.reference["exchange_rates"] if row["currency"] != "EUR"),
        {"currency": "EUR", "billing_period_start": "2026-09-01", "rate": f"1.{company.random.randint(1, 99):02}", "version": "1"},
    ]  # fmt: skip
    company.reference["tenants"].append({"tenant_id": company.name("t"), "name": "new"})
    company.reference["billing_sources"][0]["finality_days"] = str(company.random.randint(1, 9))
    company.revenue.append(_revenue(company.name("r"), "t2", "12.25"))


def say_how_an_emitter_counts(company: RandomCompany) -> None:
    """All files of the source are read anew."""
    company.settings["telemetry"][0]["token_semantics"] = {OWN: company.random.choice(["inclusive", "exclusive"])}


#: What touches some days, or only money.
CHANGES: list[Callable[[RandomCompany], None]] = [
    tell_a_call_anew,
    lose_a_call,
    lose_a_proof,
    move_a_call_to_another_day,
    move_a_telling_to_another_file,
    tell_a_span_again,
    join_twins,
    lose_or_find_a_name,
    lose_a_parent,
    empty_a_day,
    lose_the_files_of_a_day,
    another_story,
    restate_a_bill,
    bill_nothing,
    change_outcomes,
    change_runs,
]
#: What every day is made again for.
CHANGES_OF_ALL: list[Callable[[RandomCompany], None]] = [
    change_prices,
    change_names_of_models,
    change_the_threshold,
    change_placement,
    change_what_finance_declares,
    say_how_an_emitter_counts,
]


def changes_of_a_night(company: RandomCompany) -> list[Callable[[RandomCompany], None]]:
    """Few of some days, so that what should be made again and is not can be seen; now and then one of all."""
    of_all = company.random.sample(CHANGES_OF_ALL, 1) if company.random.random() < 0.3 else []
    changes = [*company.random.sample(CHANGES, 3), *of_all]
    for change in changes:
        change(company)
    return changes
