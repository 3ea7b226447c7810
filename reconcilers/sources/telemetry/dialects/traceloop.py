"""Traceloop's SDK and OpenLLMetry: ``traceloop.*`` beside OpenTelemetry's GenAI names.

``set_association_properties`` puts whatever it is given on every span below, as ``traceloop.association.properties.<key>``.
The instrumentations are in part copies of OpenTelemetry's with readings of their own, which its table of emitters tells.
Seen of 0.62.4, Python, and 0.27.0, npm. https://github.com/traceloop/openllmetry
"""

from __future__ import annotations

from pathlib import Path

from reconcilers.sources.telemetry.base import Dialect, read_emitters

DIALECT = Dialect(
    name="traceloop",
    recognised_by=("traceloop.span.kind", "traceloop.workflow.name", "traceloop.entity.name"),
    attributes={
        "kind": ("traceloop.span.kind",),
        "workflow": ("traceloop.workflow.name",),
        "prompt_version": ("traceloop.prompt.version",),
    },
    carriers=("traceloop.association.properties.*",),
    kinds={"workflow": "other", "task": "other", "agent": "other", "tool": "tool"},
    emitters=read_emitters(Path(__file__).with_name("traceloop_emitters.csv")),
    texts=(
        "traceloop.entity.input",
        "traceloop.entity.output",
        "traceloop.prompt.template",
        "traceloop.prompt.template_variables",
        "llm.prompts",
        "llm.prompts.",
        "llm.completions",
        "llm.completions.",
        "llm.request.functions",
        "llm.request.functions.",
    ),
    no_texts=("traceloop.",),
)
