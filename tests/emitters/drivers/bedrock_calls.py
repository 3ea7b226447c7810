"""The scenarios of boto3's Bedrock client, whoever instruments it."""

from __future__ import annotations

import json
from typing import Any

import boto3
import work
from botocore.config import Config


def client(attempts: int) -> Any:
    """A client of the fake provider; it must be made after its instrumentation."""
    return boto3.client(
        "bedrock-runtime",
        region_name="us-east-1",
        endpoint_url=work.PROVIDER,
        aws_access_key_id="local",
        aws_secret_access_key="local",
        config=Config(retries={"total_max_attempts": attempts, "mode": "standard"}),
    )


def scenarios() -> dict[str, work.Scenario]:
    """Converse and InvokeModel in every way."""
    bedrock, once = client(3), client(1)

    def asked(prompt: str) -> list[dict[str, Any]]:
        return [{"role": "user", "content": [{"text": prompt}]}]

    def converse(model: str, prompt: str) -> None:
        bedrock.converse(modelId=f"{model}-v1:0", messages=asked(prompt))

    def streamed(model: str, prompt: str) -> None:
        for _ in bedrock.converse_stream(modelId=f"{model}-v1:0", messages=asked(prompt))["stream"]:
            pass

    def left(model: str, prompt: str) -> None:
        answer = bedrock.converse_stream(modelId=f"{model}-v1:0", messages=asked(prompt))["stream"]
        for _ in answer:
            break
        answer.close()

    def failed(model: str, prompt: str) -> None:
        once.converse(modelId=f"{model}-v1:0", messages=asked(prompt))

    def invoke(model: str, prompt: str) -> None:
        body = {
            "anthropic_version": "bedrock-2023-05-31",
            "max_tokens": 100,
            "messages": [{"role": "user", "content": prompt}],
        }
        answer = bedrock.invoke_model(modelId=f"{model}-v1:0", body=json.dumps(body), contentType="application/json")
        answer["body"].read()

    return {
        "plain": converse,
        "cached": converse,
        "streamed": streamed,
        "cut": streamed,
        "left": left,
        "failed": failed,
        "retried": converse,
        "invoked": invoke,
    }
