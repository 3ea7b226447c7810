"""A stranger follows README's section "Your own company" and has a first number, which is right: its commands, run as they stand.

The provider is a server on loopback, so one key of the settings, ``base_url``, is what a stranger would not write.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import takewhile
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

README = Path(__file__).parents[3] / "README.md"
DAY = date(2026, 9, 29)
MODEL = "gpt-4.1-mini-2025-04-14"
KEY = "sk-admin-of-a-stranger"
FIVE_MINUTES = 300

#: What the provider bills the day: what, tokens, and dollars.
BILL = (("input", 1_000_000, "0.40"), ("cached input", 500_000, "0.05"), ("output", 250_000, "0.40"))
#: Two tickets. The second is tried twice, and its calls are a fifth of everything; input contains what is cached.
CALLS = f"""call_id,ended_at,event_id,run_id,tenant_id,feature_id,provider,model,input_tokens,cached_tokens,output_tokens
c1,2026-09-29T10:00:00Z,ticket-1,run-1,ten_acme,support,openai,{MODEL},1200000,400000,200000
c2,2026-09-29T11:00:00Z,ticket-2,run-2,ten_globex,support,openai,{MODEL},150000,50000,25000
c3,2026-09-29T11:05:00Z,ticket-2,run-3,ten_globex,support,openai,{MODEL},150000,50000,25000
"""
OUTCOMES = """event_id,outcome,occurred_at
ticket-1,resolved,2026-09-29T10:01:00Z
ticket-2,given up,2026-09-29T11:06:00Z
"""
REVENUE = """revenue_id,tenant_id,feature_id,kind,service_period_start,service_period_end,amount,currency
r1,ten_acme,support,invoice,2026-09-29,2026-09-30,5.00,USD
"""


class Provider(BaseHTTPRequestHandler):
    """OpenAI's organisation API over one project and one key; it bills ``DAY`` and no other."""

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        start = int(parse_qs(asked.query)["start_time"][0])
        results: list[dict[str, object]] = []
        if datetime.fromtimestamp(start, UTC).date() == DAY:
            results = self.costs("group_by" in asked.query) if asked.path.endswith("/costs") else self.usage(asked.path)
        bucket = {"object": "bucket", "start_time": start, "end_time": start + 86_400, "results": results}
        body = json.dumps({"object": "page", "data": [bucket], "has_more": False, "next_page": None}).encode()
        allowed = self.headers["Authorization"] == f"Bearer {KEY}"
        self.send_response(200 if allowed else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def costs(self, is_grouped: bool) -> list[dict[str, object]]:
        kind = {"object": "organization.costs.result", "organization_id": "org-acme"}
        if not is_grouped:
            return [kind | {"line_item": None, "project_id": None, "amount": {"value": 0.85, "currency": "usd"}}]
        owner = {"project_id": "proj_1", "api_key_id": "key_1"}
        return [
            kind | owner | {"line_item": f"{MODEL}, {what}", "amount": {"value": float(dollars), "currency": "usd"}}
            for what, _, dollars in BILL
        ]

    def usage(self, path: str) -> list[dict[str, object]]:
        if not path.endswith("/completions"):
            return []
        used = {what: tokens for what, tokens, _ in BILL}
        return [
            {
                "object": "organization.usage.completions.result",
                "project_id": "proj_1",
                "api_key_id": "key_1",
                "model": MODEL,
                "batch": False,
                "service_tier": "default",
                "input_tokens": used["input"] + used["cached input"],
                "input_cached_tokens": used["cached input"],
                "output_tokens": used["output"],
                "num_model_requests": 3,
            }
        ]

    def log_message(self, *_: object) -> None:
        """Requests are not logged."""


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Provider) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@dataclass
class Followed:
    """README followed to its end: what each command printed, and how long it all took."""

    folder: Path
    printed: dict[str, str]
    seconds: float


def commands() -> list[str]:
    section = re.search(r"^## Your own company\n(.*?)^## ", README.read_text(), re.MULTILINE | re.DOTALL)
    assert section is not None
    blocks = re.findall(r"^```\n(.*?)^```", section[1], re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory, provider: str) -> Followed:
    folder = tmp_path_factory.mktemp("stranger")
    environment = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder),
        "OPENAI_ADMIN_KEY": KEY,
    }
    printed = {}
    began = time.monotonic()
    for command in commands():
        if command.startswith("export "):
            assert command.split("=")[0] == "export OPENAI_ADMIN_KEY"
            continue
        done = subprocess.run(
            command, shell=True, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        printed[command.split()[1]] = done.stdout
        if command.startswith("reconcile init"):
            put_what_the_company_has(folder / "acme", provider)
    return Followed(folder / "acme", printed, time.monotonic() - began)


def put_what_the_company_has(company: Path, provider: str) -> None:
    (company / "calls" / "september.csv").write_text(CALLS)
    (company / "outcomes" / "september.csv").write_text(OUTCOMES)
    (company / "revenue" / "september.csv").write_text(REVENUE)
    settings = company / "reconcile.yaml"
    kind = "    kind: openai\n"
    assert settings.read_text().count(kind) == 1
    settings.write_text(settings.read_text().replace(kind, f"{kind}    base_url: {provider}\n"))


def test_readme_has_the_whole_way() -> None:
    names = [command.split()[1].partition("=")[0] for command in commands()]
    assert names == ["init", "OPENAI_ADMIN_KEY", "check", "run", "report", "query"]


def test_nothing_is_wrong_with_what_init_wrote(followed: Followed) -> None:
    assert followed.printed["check"] == "nothing is wrong; 4 sources answered\n"


def test_the_first_number_is_the_right_one(followed: Followed) -> None:
    """0.85 in all. Ticket 1 has 800,000 of 1,000,000 uncached, 400,000 of 500,000 cached and 200,000 of 250,000 output tokens."""
    told = [line.split(",") for line in followed.printed["query"].splitlines() if "ticket" in line]
    assert [(event, outcome, Decimal(cost)) for event, outcome, cost in told] == [
        ("ticket-1", "success", Decimal("0.68")),
        ("ticket-2", "failure", Decimal("0.17")),
    ]
    report = followed.printed["report"]
    assert "difference 0.000000000" in report
    assert figures(report, "billed") == figures(report, "event") == [Decimal("0.85")]
    assert figures(report, "support")[:2] == [1, Decimal("0.85")]
    assert figures(report, "ten_acme")[:2] == [5, Decimal("0.68")]


def figures(report: str, name: str) -> list[Decimal]:
    """What stands in the report's row of that name, up to its first share."""
    (row,) = (line.split()[1:] for line in report.splitlines() if line.split()[:1] == [name])
    return [Decimal(cell) for cell in takewhile(lambda cell: re.fullmatch(r"-?[\d.]+", cell), row)]


def test_it_takes_less_than_five_minutes(followed: Followed) -> None:
    assert followed.seconds < FIVE_MINUTES


def test_the_days_asked_for_are_those_of_the_bill() -> None:
    """So that the figures above cannot come of a run that read nothing."""
    (run,) = (command for command in commands() if command.startswith("reconcile run"))
    first, last = (date.fromisoformat(found) for found in re.findall(r"\d{4}-\d\d-\d\d", run))
    assert first <= DAY <= last
    assert last - first < timedelta(days=31)
