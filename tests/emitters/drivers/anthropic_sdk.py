"""Anthropic's SDK alone, which traces as soon as there is a tracer provider; the ids are on a span around it."""

import work
from anthropic_calls import client, scenarios

work.traced()
work.perform(scenarios(client()), "claude-sonnet-4", work.on_parent)
