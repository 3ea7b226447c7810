"""What a provider delivers, served as each kind asks for it: a folder, an API over HTTP, Amazon's, BigQuery's.

A delivery is names → bytes as under ``received/`` of a fixture: keys of a folder, or ``<unit>/<object>`` as landed.
"""

from __future__ import annotations

import json
import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from reconcilers.sources import microsoft
from tests.sources.conftest import QUICK, Answer, Api, Params
from tests.sources.google_answers import Google

Delivery = Mapping[str, bytes]
#: What is answered to the n-th request of a run instead of what is delivered; null for that.
Instead = Callable[[int], Answer | None]


@dataclass
class FarSide(ABC):
    """Where a source looks. ``api`` answers those that ask, ``folder`` is theirs who read files."""

    api: Api
    folder: Path

    @property
    @abstractmethod
    def config(self) -> Mapping[str, Any]:
        """Beside what the case says, the settings of a source that asks here."""

    @abstractmethod
    def deliver(self, delivery: Delivery) -> None:
        """From now on there is this and nothing else."""


class Folder(FarSide):
    """Files of a folder."""

    @property
    def config(self) -> Mapping[str, Any]:
        return {"uri": str(self.folder)}

    def deliver(self, delivery: Delivery) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        for name, content in delivery.items():
            (path := self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


class Asked(FarSide):
    """One that is asked over HTTP. ``requests`` counts those of this delivery, ``instead`` may answer otherwise."""

    #: What a refusal for the credential's sake names, as a regular expression.
    credential: ClassVar[str]
    #: Settings of a source that asks once.
    impatient: ClassVar[Mapping[str, Any]] = {"retry": {**QUICK, "attempts": 1}}
    requests = 0
    instead: Instead | None = None

    def deliver(self, delivery: Delivery) -> None:
        (unit,) = {name.partition("/")[0] for name in delivery}
        objects = {name.partition("/")[2]: content for name, content in delivery.items()}
        answer, self.requests = self.answering(unit, objects), 0

        def counted(path: str, params: Params) -> Answer:
            if path == "/identity":
                return token(params)
            self.requests += 1
            return (self.instead and self.instead(self.requests)) or answer(path, params)

        self.api.answer = counted

    @abstractmethod
    def answering(self, unit: str, objects: Delivery) -> Callable[[str, Params], Answer]:
        """How requests for the objects of a unit are answered."""


class Pages(Asked):
    """Objects as answers: ``named`` says which list or object a request is for; a list's second page has a cursor."""

    @property
    def config(self) -> Mapping[str, Any]:
        return {"base_url": self.api.url, "retry": QUICK}

    def answering(self, unit: str, objects: Delivery) -> Callable[[str, Params], Answer]:
        def answer(path: str, params: Params) -> Answer:
            name, cursor = self.named(path, dict(params))
            found = sorted(one for one in objects if one == name or one.startswith(f"{name}/"))
            return 200, objects[found[1 if cursor else 0]], {}

        return answer

    @abstractmethod
    def named(self, path: str, asked: Mapping[str, str]) -> tuple[str, bool]:
        """The list or object that is asked for, and whether its second page."""


class OpenAI(Pages):
    credential = "OPENAI_ADMIN_KEY"

    def named(self, path: str, asked: Mapping[str, str]) -> tuple[str, bool]:
        name = path.rpartition("/")[2]
        return "costs_total" if name == "costs" and "group_by[]" not in asked else name, "page" in asked


class Anthropic(Pages):
    credential = "ANTHROPIC_ADMIN_KEY"

    def named(self, path: str, asked: Mapping[str, str]) -> tuple[str, bool]:
        costs = "costs" if "group_by[]" in asked else "costs_total"
        return {"me": "organization", "cost_report": costs}.get(path.rpartition("/")[2], "messages"), "page" in asked


class OpenRouter(Pages):
    credential = "OPENROUTER_MANAGEMENT_KEY"

    def named(self, path: str, asked: Mapping[str, str]) -> tuple[str, bool]:
        return "activity.json" if "group_by" in asked else "activity_total.json", False


class Stripe(Pages):
    credential = "STRIPE_API_KEY"

    @property
    def config(self) -> Mapping[str, Any]:
        return {**super().config, "earlier_months": 0, "later_months": 0}

    def named(self, path: str, asked: Mapping[str, str]) -> tuple[str, bool]:
        name, _, one = path.removeprefix("/v1/").partition("/")
        of = {"credit_notes": f"credit_notes/{asked.get('invoice')}", "invoice_payments": "invoice_payments"}
        return f"refunded_invoices/{one}.json" if one else of.get(name, name), False


class LiteLLM(Asked):
    """Rows, all on one page."""

    credential = "LITELLM_ADMIN_KEY"

    @property
    def config(self) -> Mapping[str, Any]:
        return {"base_url": self.api.url, "retry": QUICK, "late_days": 0}

    def answering(self, unit: str, objects: Delivery) -> Callable[[str, Params], Answer]:
        rows = objects[f"{unit}.ndjson"].splitlines()
        return lambda path, params: (200, b'{"data":[%s],"total":%d}' % (b",".join(rows), len(rows)), {})


class AzureInvoices(Pages):
    """Its caller is signed in by the same server, as a machine's identity."""

    credential = "AZURE_CLIENT_SECRET"

    @property
    def config(self) -> Mapping[str, Any]:
        return {**super().config, "earlier_months": 0}

    def named(self, path: str, asked: Mapping[str, str]) -> tuple[str, bool]:
        return "invoices", "$skiptoken" in asked


class AWSInvoices(Asked):
    """Asked by boto3, which has a patience of its own."""

    credential = "renew the AWS credentials"
    impatient: ClassVar[Mapping[str, Any]] = {}

    @property
    def config(self) -> Mapping[str, Any]:
        return {"endpoint_url": self.api.url, "earlier_months": 0}

    def answering(self, unit: str, objects: Delivery) -> Callable[[str, Params], Answer]:
        pages = [objects[name] for name in sorted(objects)]
        return lambda path, params: (200, pages[1 if "NextToken" in json.loads(self.api.bodies[-1]) else 0], {})


class GoogleExport(Asked):
    """A table of one day in BigQuery: which day, how many rows it has, and the rows."""

    credential = r"service account|the job's identity"
    impatient: ClassVar[Mapping[str, Any]] = {"timeout_seconds": 0.01}

    @property
    def config(self) -> Mapping[str, Any]:
        return {"base_url": self.api.url, "table": "p-billing.export.t", "project": "p-jobs", "timeout_seconds": 20}

    def answering(self, unit: str, objects: Delivery) -> Callable[[str, Params], Answer]:
        rows = _rows(objects["rows.ndjson"])
        return Google(self.api, [[[unit]], [[str(len(rows)), unit, unit]], rows])


class GoogleCalls(Asked):
    """A company's own table of calls in BigQuery."""

    credential = r"service account|the job's identity"
    impatient: ClassVar[Mapping[str, Any]] = {"timeout_seconds": 0.01}

    @property
    def config(self) -> Mapping[str, Any]:
        return {"base_url": self.api.url, "late_days": 0, "timeout_seconds": 20}

    def answering(self, unit: str, objects: Delivery) -> Callable[[str, Params], Answer]:
        usage = [{"name": "usage", "type": "RECORD", "fields": [{"name": "input", "type": "INTEGER"}]}]
        columns = {"created_at": "TIMESTAMP", "id": "STRING", "attributes": "JSON", "cost": "NUMERIC"}
        columns |= {"seconds": "FLOAT", "failed": "BOOLEAN"}
        fields = [{"name": name, "type": kind} for name, kind in columns.items()]
        fields.append({"name": "message", "type": "RECORD", "fields": [{"name": "model", "type": "STRING"}, *usage]})
        reference = {"projectId": "acme", "datasetId": "app", "tableId": "model_calls"}
        table = {"tableReference": reference, "schema": {"fields": fields}, "location": "EU", "type": "TABLE"}
        return Google(self.api, [_rows(objects[f"{unit}.ndjson"])], table)


def signed_in(patch: pytest.MonkeyPatch, api: Api) -> None:
    """The environment of a job that has a credential for every provider."""
    for side in (OpenAI, Anthropic, OpenRouter, Stripe, LiteLLM):
        patch.setenv(side.credential, "sk-of-a-test")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        patch.setenv(name, "of-a-test")
    for name in microsoft.SECRETS:
        patch.delenv(name, raising=False)
    patch.setenv("IDENTITY_ENDPOINT", f"{api.url}/identity")
    patch.setenv("IDENTITY_HEADER", "of-the-machine")
    patch.setenv("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential")
    microsoft.identity.cache_clear()


def _rows(lines: bytes) -> list[list[str]]:
    return [[line] for line in lines.decode("utf-8", "surrogateescape").splitlines()]


def token(params: Params) -> Answer:
    answer = {"access_token": "of-a-test", "expires_on": "4102444800", "resource": dict(params)["resource"]}
    return 200, json.dumps(answer | {"token_type": "Bearer"}).encode(), {"Content-Type": "application/json"}
