"""``kind: bedrock_invocation_logs`` — calls of Amazon Bedrock from its model invocation logs in S3, where no service tells them.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-invocation-logging.html: files ``<prefix>/AWSLogs/<account>/
BedrockModelInvocationLogs/<region>/<year>/<month>/<day>/<hour>/….json.gz``, a JSON object a line, one a call. Input counts do not
contain what was cached. A call names its caller by ARN, whose session is cut off, so that it is who the bill names
(``callers`` of a source of kind ``aws``); ``requestMetadata`` is what the caller sent along, and where whom the call was for may
stand. A call that failed has an ``errorCode`` and no output. ``modelId`` may be the ARN of an inference profile, which an alias
says the model of (``model_aliases.csv``).

A call that a service's own spans tell, too, would be known twice: no id is in both. Prompts and answers are in the files, or
beside them below ``data/``; nothing of them is landed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from reconcilers import naming
from reconcilers.sources.contract import Expression, SourceConfig
from reconcilers.sources.telemetry.mapped import Mapped, MappedConfig
from reconcilers.sources.telemetry.mapping import EntityRow, TelemetryColumn, Usage

if TYPE_CHECKING:
    from reconcilers.sources.rejected import Rejections

#: Lake column ← member of a log.
_COLUMNS: Mapping[str, Any] = {
    "record_id": "requestId",
    "ended_at": "timestamp",
    "provider": {"constant": "aws.bedrock"},
    "sub_account_id": "accountId",
    "region": "region",
    "api_key_id": "identity.arn",
    "model": "modelId",
    "operation": "operation",
    "status": {"column": "errorCode", "map": {"": "ok", "*": "error"}},
    "error_type": "errorCode",
    **{name: f"requestMetadata.{name}" for name in ("event_id", "run_id", "tenant_id", "feature_id")},
}
_USAGE = {
    "semantics": "exclusive",
    "meters": [
        {"meter": "input_tokens", "column": "input.inputTokenCount"},
        {"meter": "cache_read_input_tokens", "column": "input.cacheReadInputTokenCount"},
        {"meter": "cache_write_input_tokens", "column": "input.cacheWriteInputTokenCount"},
        {"meter": "output_tokens", "column": "output.outputTokenCount"},
    ],
}


class BedrockInvocationLogsConfig(MappedConfig):
    """Where the logs are, and which members of them tell whom a call was for."""

    told_by_every_row = _COLUMNS

    pattern: Expression = r"(?!(.*/)?data/).*\.json(\.gz)?"
    """A regular expression for whole keys below `uri`."""
    format: Literal["ndjson"] = "ndjson"
    """A file is a JSON object a line."""
    entity: Literal["calls"] = "calls"
    """A line is a call."""
    columns: dict[str, TelemetryColumn] = Field(
        default={}, validate_default=True, examples=[{"event_id": "requestMetadata.ticket"}]
    )
    """Where columns of the lake (`docs/lake.md`) come from, beside and before those that every line tells: whom the call was for,
    which without it is `event_id`, `run_id`, `tenant_id` and `feature_id` of `requestMetadata`."""
    usage: Usage | None = Field(default=Usage.model_validate(_USAGE))
    """Which members count what the call used."""
    where: dict[str, str | tuple[str, ...]] = Field(default={"schemaType": "ModelInvocationLog"})
    """Keeps the lines whose members have one of the given texts."""


class BedrockInvocationLogs(Mapped):
    """Lines of the logs as calls."""

    kind: ClassVar[str] = "bedrock_invocation_logs"
    begins = MappingProxyType(
        {
            "": "uri: s3://<bucket>/<prefix>/AWSLogs/<account>/BedrockModelInvocationLogs/<region>\n"
            "partition: '%Y/%m/%d/'  # only the folders of the asked days are listed\n"
        }
    )
    Config: ClassVar[type[SourceConfig]] = BedrockInvocationLogsConfig
    config: BedrockInvocationLogsConfig

    def _entity_rows(self, unit: str, path: Path, rejections: Rejections) -> Iterator[EntityRow]:
        """A caller is told without its session."""
        for row in super()._entity_rows(unit, path, rejections):
            caller = row.get("api_key_id")
            yield row | {"api_key_id": caller and naming.aws_principal(caller)}
