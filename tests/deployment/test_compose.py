"""`docker-compose.yml` against the Compose specification and what a production deployment has to keep.

That its commands work is seen where they run: `tests/dags/test_scheduler.py`.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.deployment.compose import FILE, PROJECT, Composed, copy_of_image, services

ONCE = {"migrate", "sample"}
DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")


def schema_errors(file: Path) -> str:
    """What the Compose specification's schema has against a file; empty where nothing."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_the_file_follows_the_specification(tmp_path: Path) -> None:
    assert schema_errors(FILE) == ""
    misspelt = tmp_path / "docker-compose.yml"
    misspelt.write_text(FILE.read_text().replace("healthcheck:", "health_check:"))
    assert "health_check" in schema_errors(misspelt)


def test_every_image_is_pinned_by_its_digest() -> None:
    pinned = [services()["postgres"]["image"]]
    pinned += re.findall(r"^FROM (\S+)", (PROJECT / "Dockerfile").read_text(), re.MULTILINE)
    assert len(pinned) == 2
    assert [image for image in pinned if not DIGEST.search(image)] == []
    # Every other service is the project's own image.
    own = {service["image"].partition(":")[0] for name, service in services().items() if name != "postgres"}
    assert own == {"reconcile"}


def test_nothing_runs_as_root() -> None:
    users = re.findall(r"^USER (\S+)", (PROJECT / "Dockerfile").read_text(), re.MULTILINE)
    assert users
    assert users[-1] != "root"
    assert services()["postgres"]["user"] != "root"
    assert [name for name, service in services().items() if service.get("privileged")] == []


@pytest.mark.parametrize("name", sorted(services()))
def test_what_runs_on_is_watched_and_started_again(name: str) -> None:
    service = services()[name]
    if name in ONCE:
        assert service["restart"] == "no"
    else:
        assert service["healthcheck"]["test"][0] == "CMD"
        assert service["restart"] == "unless-stopped"


def test_secrets_come_from_the_environment_alone() -> None:
    """Without them Compose refuses to start, and names the one that is missing."""
    with pytest.raises(KeyError, match=r"AIRFLOW_FERNET_KEY: see \.env\.example"):
        Composed("scheduler", {}, {})
    example = (PROJECT / ".env.example").read_text()
    asked = set(re.findall(r"\$\{(\w+):\?", FILE.read_text()))
    assert {name for name in asked if not re.search(f"^{name}=$", example, re.MULTILINE)} == set()
    passed = {name for name, value in services()["scheduler"]["environment"].items() if value is None}
    assert {name for name in passed if not re.search(f"^#?{name}=", example, re.MULTILINE)} == set()
    assert ".env" in (PROJECT / ".gitignore").read_text().replace("/", "").split()


def test_landing_lake_and_published_files_are_in_one_volume() -> None:
    """The image's folders are gone with its container; the job's home has to be mounted."""
    for name in ("sample", "providers", "scheduler"):
        mounted = {volume.partition(":")[2] for volume in services()[name]["volumes"]}
        assert "/srv/reconcile/company" in mounted
    config = Composed(
        "scheduler", dict.fromkeys(("POSTGRES_PASSWORD", "AIRFLOW_JWT_SECRET", "AIRFLOW_FERNET_KEY"), "x"), {}
    )
    assert config.environment["RECONCILE_CONFIG"].startswith("/srv/reconcile/company/")
    assert set(yaml.safe_load(FILE.read_text())["volumes"]) == {"company", "airflow", "postgres"}


def test_the_image_holds_all_the_job_needs_and_no_more(tmp_path: Path) -> None:
    copy_of_image(tmp_path)
    command = [sys.executable, "-c", "import reconcilers.cli as cli; print(cli.__file__)"]
    done = subprocess.run(
        command, cwd=tmp_path, env={"PYTHONPATH": f"{tmp_path}"}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == f"{tmp_path / 'reconcilers' / 'cli.py'}"
    assert {path.name for path in tmp_path.iterdir()} == {
        "dags",
        "dbt_project",
        "pyproject.toml",
        "reconcilers",
        "requirements.txt",
    }
