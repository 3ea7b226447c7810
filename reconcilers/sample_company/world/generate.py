"""A seeded simulation of the company's days. Same arguments, same world, to the last digit and on every machine.

Each day has its own generator, seeded by text, so a day does not depend on the days around it; nor does it on the incidents
of the day, which have generators of their own.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from random import Random

from reconcilers.sample_company.seen.facts import Usage
from reconcilers.sample_company.world.calendar import instant
from reconcilers.sample_company.world.company import (
    ANTHROPIC,
    API_KEYS,
    AWS,
    AWS_DOCUMENTS,
    AWS_PROD,
    AWS_STAGING,
    AZURE,
    CACHE_READ,
    CACHE_WRITE,
    CODING_WORKSPACE,
    COHERE,
    DEFAULT_WORKSPACE,
    DOCUMENTS_SERVICE,
    EMBED,
    FEATURES,
    FINE_TUNED,
    GPT,
    GPT_MINI,
    HAIKU,
    INPUT,
    NOVA_LITE,
    NOVA_PRO,
    OPENAI,
    OPENROUTER,
    OUTPUT,
    PROJECTS,
    READ_UNITS,
    READERS,
    SERVICES,
    SONNET,
    TENANTS,
    VECTOR_INDEX,
    VECTORS,
    ApiKey,
    Feature,
)
from reconcilers.sample_company.world.happened import TrueCall, TrueEvent, TrueOutcome, TrueRun, TrueTool, World
from reconcilers.sample_company.world.incidents import (
    BURST,
    CHATBOT_PROJECT,
    CONCENTRATION,
    CRAWLED_HOURS,
    PROMPT_REGRESSION,
    QUIET,
    REGRESSED_PROMPT,
    RUNAWAY_RUN,
    SUMMARY_HOUR,
    UNINSTRUMENTED,
    Incident,
    amended_on,
    incidents,
    prompt_version,
)

#: Events by hour of the day (UTC), in parts: a European and American office day with a thin night.
_HOURS = (2, 2, 1, 1, 1, 2, 4, 8, 11, 12, 11, 10, 9, 10, 11, 11, 9, 8, 7, 6, 5, 4, 4, 3)
_ENVIRONMENTS = ("production", "staging")
_ENVIRONMENT_WEIGHTS = (95, 5)
#: In a burst a tenant files this many times its usual events, of which this many percent can be answered.
_BURST_FACTOR, _BURST_PERCENT_ANSWERED = 6, 12
#: Questions of a crawler for each ten of everybody's.
_CRAWLED_FOR_TEN = 13
_RUNAWAY_RUNS, _RUNAWAY_CALLS = 3, (40, 80)
#: Tickets that waited for a deploy, and are answered in the half hour after it.
_WAITED = 10
#: One prompt in so many is written to a cache that holds it no more.
_WRITTEN_ONE_IN = 8
#: Who calls the model for one document in three: a portal of those that come by hand, a gateway.
_OTHER_READERS = {AZURE: "azure-portal", COHERE: "cohere-gateway"}

_FEATURE_WEIGHTS = tuple(f.weight for f in FEATURES)
_TENANT_WEIGHTS = tuple(t.weight for t in TENANTS)
_KEYS = {(key.source, key.project): key for key in API_KEYS}
_PROJECT_OF_FEATURE = {
    (OPENAI, "ticket_resolution"): "proj_support",
    (OPENAI, "report_writer"): "proj_reports",
    (OPENAI, "search_assist"): "proj_search",
    (OPENAI, "call_summary"): "proj_voice",
    (ANTHROPIC, "ticket_resolution"): "wrkspc_support",
    (ANTHROPIC, "report_writer"): "wrkspc_reports",
    (ANTHROPIC, "search_assist"): DEFAULT_WORKSPACE,
}
_STAGING_PROJECT = {OPENAI: "proj_staging", ANTHROPIC: "wrkspc_staging"}


def generate(seed: int, start: date, end: date, events_per_day: int) -> World:
    """The true world of ``start <= day < end``. Work begun in range may end after it."""
    if not start < end:
        raise ValueError(f"empty range: {start} to {end} (end is exclusive)")
    if events_per_day < 20:
        raise ValueError("at least 20 events a day: fewer cannot hold all that is planted")
    world = World(seed, start, end, events_per_day, amended_on=amended_on(start, end))
    planned = incidents(start, end)
    for offset in range((end - start).days):
        day = _Day(world, start + timedelta(days=offset))
        day.run()
        day.documents()
        day.coding()
        for incident in planned:
            if incident.touches(day.day):
                day.suffer(incident)
    _silence(world, planned)
    world.calls.sort(key=lambda call: (call.ended_at, call.trace_id, call.span_id))
    for number, call in enumerate(world.calls):
        call.call_id = number
    return world


def _silence(world: World, planned: list[Incident]) -> None:
    """No span of a service that ends while its exporter sends nothing arrives; what it did is done, and billed."""
    for incident in planned:
        if incident.kind == QUIET:
            its = {run.run_id for run in world.runs if run.service == incident.service}
            for call in world.calls:
                call.dropped |= call.service == incident.service and incident.covers(call.ended_at)
            for run in world.runs:
                run.dropped |= run.run_id in its and incident.covers(run.ended_at)
            for tool in world.tools:
                tool.dropped |= tool.run_id in its and incident.covers(tool.ended_at)


class _Day:
    """One day of events and of background traffic on keys nobody instrumented."""

    def __init__(self, world: World, day: date) -> None:
        self.world, self.day = world, day
        self.rng = Random(f"{world.seed}|{day.isoformat()}")
        # Weekends are quieter; the total over a week stays near the asked-for rate.
        percent = 55 if day.weekday() >= 5 else 118
        self.count, self.added = max(12, world.events_per_day * percent // 100), 0

    def run(self) -> None:
        for number in range(self.count):
            self._event(number)
        self._background("proj_marketing", GPT_MINI, self.count // 12 + 1)
        self._background("proj_dev", GPT, self.count // 25 + 1)

    def documents(self) -> None:
        """Documents that customers' systems hand in, to be read in the cloud each is kept in."""
        self.rng = Random(f"{self.world.seed}|{self.day.isoformat()}|documents")
        feature = next(one for one in FEATURES if one.feature_id == "document_intake")
        for source in READERS:
            for _ in range(self.count // 50 + 1):
                tenant = self.rng.choices(TENANTS, _TENANT_WEIGHTS)[0]
                _read_document(self, self._one_more(tenant.tenant_id, feature, self.moment(), None), feature, source)

    def coding(self) -> None:
        """What engineers' coding agents ask: told by the agents themselves, for nobody's event."""
        self.rng = rng = Random(f"{self.world.seed}|{self.day.isoformat()}|coding")
        key = _KEYS[ANTHROPIC, CODING_WORKSPACE]
        for _ in range(self.count // 20 + 1):
            at = self.moment()
            usage = _cached(rng, (3, 900), (9000, 90000), (40, 2500), "5m")
            call = self._alone(ANTHROPIC, SONNET, key, usage, at, "claude-code")
            call.instrumented, call.event_lost = True, True
            self.world.calls.append(call)

    def suffer(self, incident: Incident) -> None:
        """Add what an incident makes happen today."""
        self.rng = Random(f"{self.world.seed}|{self.day.isoformat()}|{incident.kind}")
        if incident.kind == UNINSTRUMENTED:
            self._background(CHATBOT_PROJECT, GPT, self.count // 4 + 1)
        elif incident.kind == BURST:
            self._burst(incident)
        elif incident.kind == CONCENTRATION:
            feature = _feature(incident)
            usual = self.count * feature.weight // sum(_FEATURE_WEIGHTS)
            for _ in range(usual * _CRAWLED_FOR_TEN // 10 + 1):
                at = instant(self.day, self.rng.choice(CRAWLED_HOURS)) + timedelta(
                    milliseconds=self.rng.randrange(3_600_000)
                )
                _answer_search(self, self._of_incident(incident, at), feature)
        elif incident.kind == PROMPT_REGRESSION and self.day == incident.begins.date():
            for _ in range(_WAITED):
                at = incident.begins + timedelta(milliseconds=self.rng.randrange(1_800_000))
                tenant = self.rng.choices(TENANTS, _TENANT_WEIGHTS)[0]
                event = self._one_more(tenant.tenant_id, _feature(incident), at, None)
                _resolve_ticket(self, event, _feature(incident))
        elif incident.kind == RUNAWAY_RUN:
            for _ in range(_RUNAWAY_RUNS):
                at = incident.begins + timedelta(milliseconds=self.rng.randrange(3_600_000))
                _run_away(self, self._of_incident(incident, at), _feature(incident))

    def _burst(self, incident: Incident) -> None:
        tenant = next(one for one in TENANTS if one.tenant_id == incident.tenant_id)
        for hour in range(incident.begins.hour, incident.ends.hour):
            parts = tenant.weight * _HOURS[hour] * (_BURST_FACTOR - 1)
            for _ in range(self.count * parts // (sum(_TENANT_WEIGHTS) * sum(_HOURS)) + 1):
                at = datetime.combine(self.day, time(hour)) + timedelta(milliseconds=self.rng.randrange(3_600_000))
                _bounce_ticket(self, self._of_incident(incident, at), _feature(incident))

    def _of_incident(self, incident: Incident, at: datetime) -> TrueEvent:
        """An event that an incident adds."""
        assert incident.tenant_id is not None
        return self._one_more(incident.tenant_id, _feature(incident), at, incident.kind)

    def _one_more(self, tenant_id: str, feature: Feature, at: datetime, incident: str | None) -> TrueEvent:
        """An event more than the day's, numbered after them."""
        self.added += 1
        return self._named(self.count + self.added - 1, tenant_id, feature, "production", at, incident)

    def moment(self) -> datetime:
        """A time of this day, by the hour weights."""
        rng = self.rng
        hour = rng.choices(range(24), _HOURS)[0]
        return datetime.combine(self.day, time(hour)) + timedelta(milliseconds=rng.randrange(3_600_000))

    def _event(self, number: int) -> None:
        rng = self.rng
        feature = rng.choices(FEATURES, _FEATURE_WEIGHTS)[0]
        tenant = rng.choices(TENANTS, _TENANT_WEIGHTS)[0]
        environment, at = rng.choices(_ENVIRONMENTS, _ENVIRONMENT_WEIGHTS)[0], self.moment()
        if number == 0:
            # Somebody always writes in shortly before midnight.
            feature, environment = FEATURES[0], "production"
            at = datetime.combine(self.day, time(23, 51)) + timedelta(milliseconds=rng.randrange(300_000))
        elif number == 1:
            # And orders a report whose workers run past it.
            feature, environment = FEATURES[1], "production"
            at = datetime.combine(self.day, time(23, 41)) + timedelta(milliseconds=rng.randrange(900_000))
        event = self._named(number, tenant.tenant_id, feature, environment, at)
        _WORKFLOWS[feature.feature_id](self, event, feature)

    def _named(
        self, number: int, tenant_id: str, feature: Feature, environment: str, at: datetime, incident: str | None = None
    ) -> TrueEvent:
        event_id = f"{feature.feature_id.split('_')[0]}-{self.day:%Y%m%d}-{number:05d}"
        event = TrueEvent(event_id, tenant_id, feature.feature_id, environment, at, incident)
        self.world.events.append(event)
        return event

    def begin(
        self,
        event: TrueEvent,
        feature: Feature,
        service: str,
        at: datetime,
        kind: str = "primary",
        parent: TrueRun | None = None,
        retry_of: TrueRun | None = None,
    ) -> _Run:
        """Start a run of an event."""
        rng = self.rng
        milliseconds = int((at - datetime(1970, 1, 1)) / timedelta(milliseconds=1))
        run = TrueRun(
            run_id=_uuid7(rng, milliseconds),
            event_id=event.event_id,
            kind=kind,
            parent_run_id=parent.run_id if parent else None,
            retry_of_run_id=retry_of.run_id if retry_of else None,
            service=service,
            trace_id=f"{rng.getrandbits(128) | 1:032x}",
            root_span_id=_span_id(rng),
            started_at=at,
            ended_at=at,
            succeeded=True,
            error_class=None,
            tenant_id=event.tenant_id,
            feature_id=event.feature_id,
            workflow=feature.workflow,
            # What an event came in with answers it, retries included.
            prompt_version=prompt_version(self.world.start, self.world.end, event.feature_id, event.created_at),
            environment=event.environment,
            user_id=f"user-{event.tenant_id[4:]}-{rng.randrange(40):02d}",
        )
        self.world.runs.append(run)
        return _Run(self, run)

    def decide(self, event: TrueEvent, last: _Run, feature: Feature, percent_success: int) -> None:
        """State the outcome of an event after its last run; one event in fifty never gets one."""
        rng = self.rng
        if rng.randrange(50) == 0:
            return
        good = last.run.succeeded and rng.randrange(100) < percent_success
        outcome = "success" if good else ("partial" if last.run.succeeded and rng.randrange(4) == 0 else "failure")
        emitter = {"ticket_resolution": "evaluator", "invoice_check": "system_of_record"}.get(event.feature_id, "sdk")
        delay = timedelta(minutes=rng.randrange(1, 90))
        value = feature.value_per_outcome if good else None
        reason = None if good else rng.choice(("not_resolved", "wrong_answer", "gave_up"))
        self.world.outcomes.append(
            TrueOutcome(event.event_id, outcome, emitter, last.run.ended_at + delay, value, reason)
        )
        if event.feature_id == "report_writer" and rng.randrange(10) == 0:
            # A human reads one report in ten and mostly agrees.
            human = outcome if rng.randrange(8) else "partial"
            value = feature.value_per_outcome if human == "success" else None
            at = last.run.ended_at + delay + timedelta(hours=rng.randrange(2, 40))
            self.world.outcomes.append(TrueOutcome(event.event_id, human, "human", at, value, "reviewed"))

    def _background(self, project: str, model: str, count: int) -> None:
        """Calls on a key nobody instrumented: the provider bills them, telemetry never sees them."""
        rng = self.rng
        key = _KEYS[OPENAI, project]
        for _ in range(count):
            at = self.moment()
            usage = (Usage(INPUT, _number(rng, 2000, 16000)), Usage(OUTPUT, _number(rng, 400, 4000)))
            self.world.calls.append(self._alone(OPENAI, model, key, usage, at, "(none)"))

    def _alone(
        self, source: str, model: str, key: ApiKey, usage: tuple[Usage, ...], at: datetime, service: str
    ) -> TrueCall:
        """A call of no run and for nobody, that no span tells unless said otherwise."""
        rng = self.rng
        return TrueCall(
            call_id=0,
            source=source,
            operation="chat",
            model=model,
            project=key.project,
            api_key=key.api_key_id,
            usage=usage,
            started_at=at,
            ended_at=at + timedelta(milliseconds=rng.randrange(400, 6000)),
            service=service,
            trace_id=f"{rng.getrandbits(128) | 1:032x}",
            span_id=_span_id(rng),
            parent_span_id="",
            response_id=_response_id(rng, source, "chat"),
            event_id=None,
            run_id=None,
            tenant_id=None,
            feature_id=None,
            workflow=None,
            prompt_version=None,
            environment=key.environment,
            user_id=None,
            instrumented=False,
        )


class _Run:
    """A run in progress; ``now`` is its own clock."""

    def __init__(self, day: _Day, run: TrueRun) -> None:
        self.day, self.run, self.now = day, run, run.started_at + timedelta(milliseconds=20)

    def call(
        self,
        service: str,
        source: str,
        model: str,
        usage: tuple[Usage, ...],
        seconds: tuple[int, int],
        operation: str = "chat",
        batch: str = "false",
        service_tier: str = "standard",
        failed_with: str | None = None,
    ) -> TrueCall:
        """Make a call that lasts between ``seconds`` (in tenths)."""
        rng, run = self.day.rng, self.run
        staging = run.environment == "staging"
        if source == AWS:
            project = AWS_STAGING if staging else AWS_DOCUMENTS if service == DOCUMENTS_SERVICE else AWS_PROD
            api_key = None
        elif source == VECTORS:
            project, api_key = None, None
        elif source in READERS:
            project, api_key = PROJECTS.get(source), None
        else:
            key = _KEYS[source, _STAGING_PROJECT[source] if staging else _PROJECT_OF_FEATURE[source, run.feature_id]]
            project, api_key = key.project, key.api_key_id
        started = self.now
        self.now += timedelta(milliseconds=100 * rng.randint(*seconds) + rng.randrange(100))
        threshold = SERVICES[service].sampling_threshold
        call = TrueCall(
            call_id=0,
            source=source,
            operation=operation,
            model=model,
            project=project,
            api_key=api_key,
            usage=usage,
            started_at=started,
            ended_at=self.now,
            service=service,
            trace_id=run.trace_id,
            span_id=_span_id(rng),
            parent_span_id=run.root_span_id,
            response_id=_response_id(rng, source, operation),
            event_id=run.event_id,
            run_id=run.run_id,
            tenant_id=run.tenant_id,
            feature_id=run.feature_id,
            workflow=run.workflow,
            prompt_version=run.prompt_version,
            environment=run.environment,
            user_id=run.user_id,
            service_tier=service_tier,
            batch=batch,
            failed_with=failed_with,
            sampled_away=threshold is not None and rng.getrandbits(1) == 0,
        )
        self.now += timedelta(milliseconds=rng.randrange(5, 60))
        self.day.world.calls.append(call)
        return call

    def tool(self, name: str) -> None:
        """A tool call: time, no billed usage."""
        rng = self.day.rng
        started = self.now
        self.now += timedelta(milliseconds=rng.randrange(20, 900))
        self.day.world.tools.append(TrueTool(self.run.run_id, name, started, self.now, _span_id(rng)))

    def search(self, service: str) -> None:
        """Embed the question and query the vector index."""
        rng = self.day.rng
        self.call("embedder", OPENAI, EMBED, (Usage(INPUT, _number(rng, 12, 220)),), (1, 4), operation="embeddings")
        self.call(service, VECTORS, VECTOR_INDEX, (Usage(READ_UNITS, _number(rng, 5, 25)),), (1, 3), operation="query")

    def end(self, succeeded: bool, error_class: str | None = None) -> _Run:
        """Close the run."""
        self.now += timedelta(milliseconds=self.day.rng.randrange(10, 80))
        self.run.ended_at, self.run.succeeded = self.now, succeeded
        self.run.error_class = None if succeeded else error_class
        return self


def _resolve_ticket(day: _Day, event: TrueEvent, feature: Feature) -> None:
    """Classify, search, answer; on failure retry, fall back to a larger model, escalate."""
    rng = day.rng
    previous: _Run | None = None
    at = event.created_at
    for kind in ("primary", "retry", "fallback", "escalation"):
        run = day.begin(event, feature, "support-agent", at, kind, retry_of=previous.run if previous else None)
        if kind == "primary":
            model = FINE_TUNED if rng.randrange(12) == 0 else GPT_MINI
            run.call("model-gateway", OPENAI, model, quantities(rng, (1500, 6000), (20, 200)), (2, 8))
            run.search("support-agent")
            run.tool("lookup_order")
        regressed = run.run.prompt_version == REGRESSED_PROMPT
        longer, written = (3, 1) if regressed else (1, _WRITTEN_ONE_IN)
        if kind in ("primary", "retry"):
            usage = _cached(rng, (1200, 6000), (18000, 60000), (500 * longer, 2200 * longer), "5m", written)
            run.call("support-agent", ANTHROPIC, SONNET, usage, (12, 70))
        elif kind == "fallback":
            cached = Usage(CACHE_READ, _number(rng, 20, 90) * 128)
            tier = "priority" if rng.randrange(3) == 0 else "standard"
            usage = (*quantities(rng, (6000, 26000), (800, 3000)), cached)
            run.call("model-gateway", OPENAI, GPT, usage, (15, 80), service_tier=tier)
        else:
            usage = _cached(rng, (8000, 30000), (18000, 60000), (1500, 5000), "5m")
            run.call("support-agent", ANTHROPIC, SONNET, usage, (20, 90), service_tier="priority")
            run.tool("hand_to_human")
        good = rng.randrange(100) < (60 if regressed else 84)
        run.end(good, rng.choice(("AnswerRejected", "ToolError", "APITimeoutError")))
        if good or kind == "escalation" or rng.randrange(12) == 0:
            day.decide(event, run, feature, 97)
            return
        previous, at = run, run.now + timedelta(seconds=rng.randrange(2, 240))


def _bounce_ticket(day: _Day, event: TrueEvent, feature: Feature) -> None:
    """A ticket out of a mail loop: classified, answered once, mostly to no avail, and left at that."""
    rng = day.rng
    run = day.begin(event, feature, "support-agent", event.created_at)
    run.call("model-gateway", OPENAI, GPT_MINI, quantities(rng, (1500, 6000), (20, 200)), (2, 8))
    run.call(
        "support-agent", ANTHROPIC, SONNET, _cached(rng, (1200, 6000), (18000, 60000), (500, 2200), "5m"), (12, 70)
    )
    run.end(rng.randrange(100) < _BURST_PERCENT_ANSWERED, "AnswerRejected")
    day.decide(event, run, feature, 97)


def _run_away(day: _Day, event: TrueEvent, feature: Feature) -> None:
    """An agent that looks an order up, does not find it, and asks again, until somebody stops it."""
    rng = day.rng
    run = day.begin(event, feature, "support-agent", event.created_at)
    run.call("model-gateway", OPENAI, GPT_MINI, quantities(rng, (1500, 6000), (20, 200)), (2, 8))
    for _ in range(rng.randint(*_RUNAWAY_CALLS)):
        usage = _cached(rng, (1200, 6000), (18000, 60000), (500, 2200), "5m")
        run.call("support-agent", ANTHROPIC, SONNET, usage, (12, 70))
        run.tool("lookup_order")
    run.end(False, "MaxIterations")
    day.decide(event, run, feature, 97)


def _write_report(day: _Day, event: TrueEvent, feature: Feature) -> None:
    """Plan now, write hours later in async workers, so that many reports cross midnight and some the month."""
    rng = day.rng
    planner = day.begin(event, feature, "report-worker", event.created_at)
    planner.call(
        "report-worker", ANTHROPIC, SONNET, _cached(rng, (6000, 24000), (30000, 110000), (1500, 6000), "1h"), (20, 90)
    )
    planner.tool("collect_metrics")
    planner.end(True)
    last, at = planner, planner.now
    for _ in range(rng.randint(1, 3)):
        at += timedelta(minutes=rng.randrange(20, 200))
        worker = day.begin(event, feature, "report-worker", at, "worker", parent=planner.run)
        usage = (*quantities(rng, (18000, 80000), (3000, 9000)), Usage(CACHE_READ, _number(rng, 40, 300) * 128))
        worker.call("report-worker", OPENAI, GPT, usage, (60, 400))
        last = worker.end(rng.randrange(100) < 95, "ContentTooLong")
        at = worker.now
    if rng.randrange(100) < 12:
        retry = day.begin(event, feature, "report-worker", at + timedelta(minutes=3), "retry", retry_of=planner.run)
        retry.call(
            "report-worker",
            ANTHROPIC,
            SONNET,
            _cached(rng, (6000, 24000), (30000, 110000), (1500, 6000), "1h"),
            (20, 90),
        )
        last = retry.end(rng.randrange(100) < 90, "ContentTooLong")
    day.decide(event, last, feature, 93)


def _check_invoice(day: _Day, event: TrueEvent, feature: Feature) -> None:
    """A small model on Bedrock; a larger one where it fails."""
    rng = day.rng
    previous: _Run | None = None
    at = event.created_at
    for kind, model in (("primary", NOVA_LITE), ("retry", NOVA_LITE), ("fallback", NOVA_PRO)):
        run = day.begin(event, feature, "invoice-checker", at, kind, retry_of=previous.run if previous else None)
        run.tool("read_pdf")
        run.call("invoice-checker", AWS, model, quantities(rng, (12000, 90000), (600, 3500)), (8, 60))
        good = rng.randrange(100) < 82
        run.end(good, rng.choice(("SchemaMismatch", "ThrottlingException")))
        if good or kind == "fallback":
            day.decide(event, run, feature, 98)
            return
        previous, at = run, run.now + timedelta(seconds=rng.randrange(1, 30))


def _answer_search(day: _Day, event: TrueEvent, feature: Feature) -> None:
    """Embed, query, answer with a small model in the default workspace."""
    rng = day.rng
    run = day.begin(event, feature, "search-api", event.created_at)
    for _ in range(rng.randint(1, 3)):
        run.search("search-api")
    run.call("search-api", ANTHROPIC, HAIKU, _cached(rng, (1500, 9000), (6000, 24000), (300, 1600), "5m"), (6, 30))
    run.end(rng.randrange(100) < 94, "NoResults")
    day.decide(event, run, feature, 90)


def _summarise_call(day: _Day, event: TrueEvent, feature: Feature) -> None:
    """Collected by day, summarised by a batch job of the following night."""
    rng = day.rng
    night = instant(event.created_at.date() + timedelta(days=1), SUMMARY_HOUR)
    at = night + timedelta(milliseconds=rng.randrange(3_600_000))
    run = day.begin(event, feature, "call-summariser", at)
    run.tool("load_transcript")
    run.call(
        "call-summariser", OPENAI, GPT_MINI, quantities(rng, (12000, 80000), (700, 3000)), (30, 1200), batch="true"
    )
    run.end(rng.randrange(100) < 97, "BatchExpired")
    day.decide(event, run, feature, 96)


def _read_document(day: _Day, event: TrueEvent, feature: Feature, source: str) -> None:
    """One call of the cloud's own model, and another where its answer fits no form."""
    rng = day.rng
    other = _OTHER_READERS.get(source)
    service = other if other and rng.randrange(3) == 0 else f"{source}-reader"
    previous: _Run | None = None
    at = event.created_at
    for kind in ("primary", "retry"):
        run = day.begin(event, feature, service, at, kind, retry_of=previous.run if previous else None)
        run.call(service, source, READERS[source], quantities(rng, (4000, 60000), (200, 1800)), (10, 90))
        good = rng.randrange(100) < 86
        run.end(good, "SchemaMismatch")
        if good or kind == "retry":
            day.decide(event, run, feature, 97)
            return
        previous, at = run, run.now + timedelta(seconds=rng.randrange(1, 20))


_WORKFLOWS = {
    "ticket_resolution": _resolve_ticket,
    "report_writer": _write_report,
    "invoice_check": _check_invoice,
    "search_assist": _answer_search,
    "call_summary": _summarise_call,
}


def _feature(incident: Incident) -> Feature:
    return next(one for one in FEATURES if one.feature_id == incident.feature_id)


def quantities(rng: Random, input_range: tuple[int, int], output_range: tuple[int, int]) -> tuple[Usage, ...]:
    """Input and output tokens of one chat call."""
    return Usage(INPUT, _number(rng, *input_range)), Usage(OUTPUT, _number(rng, *output_range))


def _cached(
    rng: Random,
    fresh: tuple[int, int],
    prompt: tuple[int, int],
    output: tuple[int, int],
    cache_ttl: str,
    written: int = _WRITTEN_ONE_IN,
) -> tuple[Usage, ...]:
    """A chat whose prompt is read from the cache, or one time in ``written`` written to it."""
    meter = CACHE_WRITE if rng.randrange(written) == 0 else CACHE_READ
    cached = Usage(meter, _number(rng, *prompt), cache_ttl=cache_ttl if meter == CACHE_WRITE else None)
    return (*quantities(rng, fresh, output), cached)


def _number(rng: Random, low: int, high: int) -> Decimal:
    return Decimal(rng.randint(low, high))


def _span_id(rng: Random) -> str:
    return f"{rng.getrandbits(64) | 1:016x}"


def _uuid7(rng: Random, milliseconds: int) -> str:
    digits = f"{milliseconds:012x}7{rng.getrandbits(12):03x}{8 + rng.getrandbits(2):x}{rng.getrandbits(60):015x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _response_id(rng: Random, source: str, operation: str) -> str | None:
    """The provider's id of its answer, in its own shape; embeddings and vector queries have none."""
    if operation != "chat":
        return None
    if source in (OPENAI, AZURE):
        return f"chatcmpl-{rng.getrandbits(96):024x}"
    if source == ANTHROPIC:
        return f"msg_01{rng.getrandbits(88):022x}"
    if source == OPENROUTER:
        return f"gen-{rng.getrandbits(96):024x}"
    digits = f"{rng.getrandbits(128):032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
