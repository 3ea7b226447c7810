"""What goes wrong between a call and its span: planted on purpose, one record each, so that the accounting must find it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from reconcilers.sample_company.emitters import rarities
from reconcilers.sample_company.emitters.planting import Planting
from reconcilers.sample_company.providers.ledger import Books
from reconcilers.sample_company.seen.facts import Usage
from reconcilers.sample_company.world.calendar import instant
from reconcilers.sample_company.world.company import (
    ANTHROPIC,
    AWS,
    CACHE_READ,
    CACHE_WRITE,
    FINE_TUNED,
    OPENAI,
    PARTNER_MODEL,
    READERS,
    VECTORS,
)
from reconcilers.sample_company.world.generate import quantities
from reconcilers.sample_company.world.happened import Planted, TrueCall, TrueOutcome, World
from reconcilers.sample_company.world.incidents import CHATBOT_KEY, REGRESSED_PROMPT

UNKNOWN_ENVIRONMENT = "prd-eu"
#: Chance in a thousand that a production span is dropped, delivered twice, loses its event, is cut off, or guesses.
_DROPPED, _TWICE, _EVENT_LOST, _CUT, _GUESSED, _WRAPPED_RUNS = 20, 12, 5, 5, 4, 60


def plant(world: World, books: Books) -> None:
    """Damage telemetry and outcomes of the world and record every damage. Bills have theirs in ``providers.defects``."""
    _Defects(world, books, "defects").run()


class _Defects(Planting):
    def run(self) -> None:
        self.clock_skew()
        self.unknown_environment()
        self.thinned()
        self.nested_usage()
        self.billed_nowhere()
        self.reversed_outcomes()
        rarities.plant(self.world, self.books, self.used)
        self.by_design()

    def clock_skew(self) -> None:
        """Three calls end shortly before midnight and say they ended shortly after."""
        rng = self.rng
        # A call whose tier its span does not tell is taken for a standard one, and would be paid from what these left.
        disguised = {
            (c.api_key, c.ended_at.date()) for c in self.own if c.source == ANTHROPIC and c.service_tier != "standard"
        }
        late = [
            call
            for call in self.own
            if call.source in (OPENAI, ANTHROPIC)
            and call.operation == "chat"
            and call.service_tier == "standard"
            and call.model != FINE_TUNED
            and (call.api_key, call.ended_at.date()) not in disguised
            and call.ended_at >= instant(call.ended_at.date(), 24) - timedelta(minutes=10)
            and call.ended_at.date() + timedelta(days=1) < self.world.end
        ]
        for call in rng.sample(late, min(3, len(late))):
            to_midnight = instant(call.ended_at.date(), 24) - call.ended_at
            call.skew_seconds = int(to_midnight.total_seconds()) + rng.randint(2, 120)
            self.record("clock_skew", f"span ends {call.skew_seconds} s late, across midnight", call, "timing")

    def unknown_environment(self) -> None:
        """One call names an environment nobody declared."""
        call = self.pick(c for c in self.own if c.source == ANTHROPIC)
        call.seen_environment = UNKNOWN_ENVIRONMENT
        self.record(
            "unknown_environment", f"environment {UNKNOWN_ENVIRONMENT!r}", call, "event, and break unknown_environment"
        )

    def thinned(self) -> None:
        """Spans dropped, delivered twice, without their event, cut off before usage was known, or with guessed usage."""
        rng = self.rng
        # A skewed call must find the rest of its key and next day claimed, or it would be taken for that day's own.
        kept = {(c.source, c.model, c.ended_at.date() + timedelta(days=1)) for c in self.own if c.skew_seconds}
        for call in self.own:
            draw = rng.randrange(1000)
            if call.call_id in self.used or (call.source, call.model, call.ended_at.date()) in kept:
                continue
            if draw < _DROPPED:
                call.dropped = True
                self.record("dropped_span", "the span never arrived", call, "no_telemetry")
            elif (draw := draw - _DROPPED) < _TWICE:
                call.delivered_twice = True
                self.record("delivered_twice", "the Collector sent the span again", call, "none after de-duplication")
            elif (draw := draw - _TWICE) < _EVENT_LOST:
                call.event_lost = True
                self.record("call_without_event", "the trace context was lost", call, "untagged")
            elif call.operation != "chat" or call.source in READERS:
                continue
            elif (draw := draw - _EVENT_LOST) < _CUT:
                call.seen_usage, call.failed_with = (), "stream_aborted"
                self.record("cut_stream", "the stream broke before usage was told", call, "no_telemetry")
            elif draw - _CUT < _GUESSED:
                call.seen_usage, call.estimated = estimate(call.usage), True
                self.record(
                    "estimated_usage", "a tokenizer guessed the usage", call, "paid after what is reported (R12)"
                )

    def nested_usage(self) -> None:
        """Some ticket runs are seen by a framework too: an agent span sums its children, a wrapper repeats one of them."""
        runs: dict[str, list[TrueCall]] = defaultdict(list)
        for call in self.world.calls:
            if call.service == "support-agent" and call.operation == "chat" and call.run_id:
                runs[call.run_id].append(call)
        for calls in runs.values():
            draw = self.rng.randrange(1000)
            if draw < _WRAPPED_RUNS and all(self.whole(call) for call in calls):
                for call in calls:
                    call.wrapped = True
                    self.record(
                        "nested_usage", "agent span and wrapper repeat the usage", call, "none: leaf spans count"
                    )

    def billed_nowhere(self) -> None:
        """A few calls went through a partner's account: telemetry has them, no bill ever will."""
        hosts = [c for c in self.own if c.service == "model-gateway" and self.whole(c)]
        for host in self.rng.sample(hosts, min(len(hosts), max(2, (self.world.end - self.world.start).days // 2))):
            usage = quantities(self.rng, (300, 2500), (80, 700))
            call = replace(
                host,
                call_id=len(self.world.calls),
                model=PARTNER_MODEL,
                service_tier="standard",
                usage=usage,
                span_id=f"{self.rng.getrandbits(64) | 1:016x}",
                response_id=f"chatcmpl-{self.rng.getrandbits(96):024x}",
                billed=False,
            )
            self.world.calls.append(call)
            self.record(
                "billed_nowhere", f"{PARTNER_MODEL} on a partner's account", call, "telemetry_without_charge, no money"
            )

    def reversed_outcomes(self) -> None:
        """Three resolved tickets turn out not to be: the system of record says so days later."""
        good = [
            outcome
            for outcome in self.world.outcomes
            if outcome.outcome == "success"
            and outcome.emitter == "evaluator"
            and outcome.occurred_at < instant(self.world.end)
        ]
        for outcome in self.rng.sample(good, min(3, len(good))):
            at = outcome.occurred_at + timedelta(days=self.rng.randint(2, 6), minutes=self.rng.randrange(600))
            self.world.outcomes.append(
                TrueOutcome(outcome.event_id, "failure", "system_of_record", at, None, "ticket_reopened")
            )
            cost = sum(
                (self.books.call_cost(c) for c in self.world.calls if c.event_id == outcome.event_id), Decimal(0)
            )
            what = f"success of {outcome.occurred_at.date()} reversed on {at.date()}"
            effect = "failure: no longer in the denominator, cost turns to failed_event"
            self.world.planted.append(
                Planted("reversed_outcome", what, None, at.date(), (outcome.event_id,), effect, cost)
            )

    def by_design(self) -> None:
        """What is wrong with whole streams of calls, recorded once each with its total."""
        calls = self.world.calls
        for key in ("key_marketing", CHATBOT_KEY, "key_dev"):
            mine = [c for c in calls if c.api_key == key]
            effect = "non_production (R7)" if key == "key_dev" else "no_telemetry"
            self.total("uninstrumented_key", f"nobody instrumented {key}", OPENAI, mine, effect, (key,))
        for source in (OPENAI, ANTHROPIC, AWS, VECTORS):
            mine = [c for c in calls if c.source == source and c.environment == "staging"]
            self.total("staging_traffic", "calls from staging", source, mine, "non_production")
        mine = [c for c in calls if c.model == FINE_TUNED]
        self.total("unpriced_model", f"{FINE_TUNED} stands in no price list", OPENAI, mine, "event, and break unpriced")
        mine = [c for c in calls if c.sampled_away]
        self.total(
            "sampled_spans", "half the embedder's spans are sampled away, and say so", OPENAI, mine, "sampled_out"
        )
        mine = [c for c in calls if c.prompt_version == REGRESSED_PROMPT]
        self.total(
            "prompt_regression",
            f"prompt {REGRESSED_PROMPT} is never read from the cache, talks more and resolves less",
            None,
            mine,
            "cost per success rises",
        )
        saved = [
            self.books.call_cost(c, at_list=True) - self.books.call_cost(c) for c in calls if c.source == ANTHROPIC
        ]
        self.world.planted.append(
            Planted(
                "contract_below_list",
                "Anthropic's contract price is below list, lower still from the amendment on",
                ANTHROPIC,
                self.world.amended_on,
                (),
                "billed below estimated_list",
                sum(saved, Decimal(0)),
            )
        )
        for source in (OPENAI, ANTHROPIC):
            mine = [c for c in calls if c.source == source and c.service_tier == "priority"]
            effect = "billed at the tier's price" if source == OPENAI else "costs what the contract says, bills nothing"
            self.total("price_tier", "calls served at priority", source, mine, effect)
            cached = [c for c in calls if c.source == source and c.billed]
            cost = sum(
                (
                    self.books.cost(c, u.meter, u.quantity, u.cache_ttl)
                    for c in cached
                    for u in c.usage
                    if u.meter in (CACHE_READ, CACHE_WRITE)
                ),
                Decimal(0),
            )
            self.world.planted.append(
                Planted("cached_tokens", "tokens billed at the cache's price", source, None, (), "cache meters", cost)
            )


def estimate(usage: tuple[Usage, ...]) -> tuple[Usage, ...]:
    """What a tokenizer guesses: a few percent off, in whole tokens."""
    return tuple(replace(u, quantity=(u.quantity * 97 // 100).quantize(Decimal(1))) for u in usage)
