"""What ``reconcile init`` writes is right as it stands, but for what only the company knows, which ``reconcile check`` names."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from reconcilers import check, configuration
from reconcilers.declared import reference
from reconcilers.errors import SettingsInvalid
from reconcilers.new_company import write_company
from reconcilers.sources import registry

AS_OF = datetime(2026, 10, 5)
KINDS = [(room, kind) for room in registry.ROOMS for kind in registry.kinds(room)]


def errors(folder: Path) -> list[str]:
    """What ``check`` calls wrong without a request: keys and what is said of them."""
    found = check.check(folder / "reconcile.yaml", AS_OF, offline=True).findings
    return [one.problem for one in found if not one.is_warning]


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_ADMIN_KEY", raising=False)


@pytest.mark.parametrize(("room", "kind"), KINDS)
def test_every_kind_begins_with_settings_that_are_taken_once_they_are_filled_in(
    tmp_path: Path, room: str, kind: str
) -> None:
    write_company(tmp_path, {room: [kind]})
    settings = tmp_path / "reconcile.yaml"
    for what in errors(tmp_path):
        assert "fill it in" in what or "is not set" in what or "should match pattern" in what
    filled = settings.read_text().replace("<", "a").replace(">", "")
    settings.write_text(filled)
    assert [what for what in errors(tmp_path) if "is not set" not in what] == []
    sources = yaml.safe_load(filled)[room]
    assert len(sources) == len(registry.source_class(room, kind).begins)
    assert {source["kind"] for source in sources} == {kind}
    assert list(Draft202012Validator(configuration.schema()).iter_errors(yaml.safe_load(filled))) == []


def test_what_is_to_be_filled_in_is_named(tmp_path: Path) -> None:
    write_company(tmp_path, {"billing": ["openai", "aws", "gcp"], "revenue": ["revenue_file"]})
    assert errors(tmp_path)[:3] == [
        "billing.openai: environment variable OPENAI_ADMIN_KEY is not set; it holds the credential",
        "billing.aws.uri: still says <bucket>; fill it in",
        "billing.gcp.table: still says <project>; fill it in",
    ]


def test_every_reference_file_is_there_with_its_header_and_what_is_known_of_bills(tmp_path: Path) -> None:
    write_company(tmp_path, {"billing": ["openai", "focus_file"]})
    rows = {name: reference.read(tmp_path / "reference" / f"{name}.csv", name) for name in reference.CONTRACTS}
    ((openai),) = rows.pop("billing_sources")
    assert (openai["source"], openai["provider"], openai["finality_days"]) == ("openai", "openai", 7)
    assert [row["dimension"] for row in rows.pop("billing_grain")] == ["service_tier", "batch"]
    assert not any(rows.values())
    header = (tmp_path / "reference" / "tenants.csv").read_text()
    assert header == "tenant_id,name,segment\n"


def test_the_schema_stands_where_the_settings_say(tmp_path: Path) -> None:
    write_company(tmp_path, {})
    first = (tmp_path / "reconcile.yaml").read_text().splitlines()[0]
    assert (tmp_path / first.partition("$schema=")[2]).read_text() == (tmp_path / "reconcile.schema.json").read_text()


def test_nothing_that_is_there_is_replaced_and_nothing_else_is_written_then(tmp_path: Path) -> None:
    (tmp_path / "reference").mkdir()
    (tmp_path / "reference" / "tenants.csv").write_text("tenant_id\nten_a\n")
    with pytest.raises(SettingsInvalid, match=r"reference/tenants\.csv is there already"):
        write_company(tmp_path, {"billing": ["openai"]})
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["tenants.csv"]


def test_a_kind_there_is_not_is_told_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="no billing kind 'opnai'; nearest is openai -> use one of aws, "):
        write_company(tmp_path, {"billing": ["opnai"]})
    assert list(tmp_path.iterdir()) == []


def test_without_kinds_the_command_asks_until_it_knows_them(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "reconcilers.cli", "init", "--out", str(tmp_path / "acme")]
    answers = "opnai\nopenai, gcp\n\nnone\n\n"
    done = subprocess.run(command, input=answers, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "there is no kind 'opnai'; nearest is openai" in done.stdout
    settings = yaml.safe_load((tmp_path / "acme" / "reconcile.yaml").read_text())
    kinds = {room: [source["kind"] for source in settings[room]] for room in registry.ROOMS}
    assert kinds == {"billing": ["openai", "gcp"], "invoices": [], "telemetry": [], "revenue": ["revenue_file"]}
    again = subprocess.run([*command, "--billing", "openai"], capture_output=True, text=True, check=False)
    assert (again.returncode, "is there already" in again.stderr) == (5, True)
