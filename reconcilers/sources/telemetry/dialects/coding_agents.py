"""Coding agents that write bare names: Claude Code's spans and log events, Codex's and Gemini CLI's log events.

Claude Code passes on what Anthropic counts, so what is cached stands beside the input; the two others count it inside.
Claude Code's span is ``claude_code.llm_request``. Names from a capture of Claude Code 2.1.266 that users published, and from
what the three document of their telemetry; none was driven here. https://code.claude.com/docs/en/monitoring-usage,
https://github.com/openai/codex/blob/main/docs/config.md, https://geminicli.com/docs/cli/telemetry/
"""

from __future__ import annotations

from pathlib import Path

from reconcilers.sources.telemetry.base import Dialect, read_emitters

DIALECT = Dialect(
    name="coding_agents",
    recognised_by=("input_tokens", "output_tokens", "input_token_count", "output_token_count", "cache_read_tokens"),
    attributes={
        "model": ("model",),
        "request_model": ("model",),
        "reported_cost": ("cost_usd",),
    },
    counts={
        "input": ("input_tokens", "input_token_count"),
        "output": ("output_tokens", "output_token_count"),
        "total": ("total_token_count", "total_tokens"),
        "cache_read": (
            "cache_read_tokens",
            "cache_read_input_tokens",
            "cached_input_tokens",
            "cached_token_count",
            "cached_content_token_count",
        ),
        "cache_write": ("cache_creation_tokens", "cache_creation_input_tokens"),
        "reasoning": ("reasoning_token_count", "thoughts_token_count"),
        "tool": ("tool_token_count",),
    },
    kinds_by_name={
        "claude_code.llm_request": "model",
        "claude_code.api_request": "model",
        "claude_code.interaction": "other",
        "claude_code.tool": "tool",
        "claude_code.tool.execution": "other",
        "claude_code.tool.blocked_on_user": "other",
        "codex.sse_event": "model",
        "gemini_cli.api_response": "model",
    },
    exclusive_by=("cache_creation_tokens", "cache_creation_input_tokens"),
    emitters=read_emitters(Path(__file__).with_name("coding_agents_emitters.csv")),
    texts=("prompt", "user_prompt", "response_text", "request_text", "function_args", "tool_input", "tool_parameters"),
)
