{{ config(alias='calls', materialized='by_day', cluster_by=['event_id'], meta={'day': 'charge_day', 'made_from': 'int_call_inputs'}) }}
-- depends_on: {{ ref('int_call_inputs') }}
-- grain: call, with its usage as told. The digits of its digest stand for call_id, which fct_allocation spells out
select
    call_high, call_low, call_tail, profile, {{ listed(call_dimensions()) }},
    cache_blind, assumed, inherited, identity_group, names_two_events, answered_from_cache, inconsistent_emitter, event_id, run_id,
    {{ listed(names_of_calls() + names_of_settings()) }}, production, environment_unknown,
    started_at, ended_at, {{ listed(signals_of_calls()) }}, reported_cost, usage
from {{ ref('int_calls__placed') }}
