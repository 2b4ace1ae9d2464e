"""doctor: what is missing, one sentence each; exit code 0 when nothing is."""

import json
from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder
from pytest_django.fixtures import Settings

from backups.models import Installation
from backups.operations.mark import mark_vault
from backups.storage.vault import open_vault
from environments.lifecycle.signs import PORTAL, REAPER, sign
from environments.models import Environment, Sign
from environments.secrets import encrypt
from portal.management.commands import doctor

pytestmark = pytest.mark.django_db


def findings() -> dict[str, list[dict[str, str]]]:
    """What it found, by what it looked at."""
    out = StringIO()
    with suppress(CommandError):
        call_command("doctor", "--json", stdout=out)
    found: dict[str, list[dict[str, str]]] = {}
    for one in json.loads(out.getvalue()):
        found.setdefault(one["about"], []).append(one)
    return found


def only(about: str) -> tuple[str, str]:
    [one] = findings()[about]
    return one["level"], one["sentence"]


@pytest.fixture
def well() -> None:
    sign(REAPER)
    sign(PORTAL)
    open_vault().settle()


def test_when_nothing_is_missing_it_says_so_line_by_line(well: None) -> None:
    out = StringIO()

    call_command("doctor", stdout=out)

    lines = out.getvalue().splitlines()
    assert not [line for line in lines if line.startswith("missing")]
    assert [line for line in lines if line.startswith("good     Workers: Workers: 0 s ago.")]
    assert "good     Portal database:" in out.getvalue()


def test_what_is_missing_is_counted_and_fails(well: None) -> None:
    Sign.objects.all().delete()

    with pytest.raises(CommandError, match=r"^1 of \d+ things looked at are missing\.$"):
        call_command("doctor", stdout=StringIO())


def test_a_data_directory_that_cannot_be_written_is_missing(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path / "nowhere"

    level, sentence = only("Data directory")

    assert (level, "cannot be written (No such file or directory)" in sentence) == ("missing", True)


def test_a_database_that_is_not_migrated_is_missing() -> None:
    MigrationRecorder.Migration.objects.filter(app="backups").delete()

    level, sentence = only("Portal database")

    assert level == "missing"
    assert "migrations are not applied; run manage.py migrate" in sentence


def test_a_database_that_does_not_answer_is_the_one_thing_missing(well: None) -> None:
    def refuse(*_: Any) -> Any:
        raise OperationalError("connection refused\nIs the server running?")

    with connection.execute_wrapper(refuse):
        found = findings()

    assert found["Portal database"][0]["sentence"] == "It does not answer: connection refused"
    levels = {about: {one["level"] for one in ones} for about, ones in found.items()}
    assert levels["Portal database"] == {"missing"}
    assert levels["Workers"] == levels["Vault"] == levels["Keys"] == {"warning"}


def test_a_key_that_is_gone_is_named_with_the_environment(environment: Environment, settings: Settings) -> None:
    Environment.objects.update(database_password=encrypt("secret"))
    assert only("Keys")[0] == "good"
    settings.SECRETS_KEYS = [Fernet.generate_key().decode()]

    level, sentence = only("Keys")

    assert (level, "order-desk/live" in sentence, "secret" in sentence) == ("missing", True, False)


def test_a_key_that_is_none_is_said(settings: Settings) -> None:
    settings.SECRETS_KEYS = ["not a key"]

    assert only("Keys") == ("missing", "PORTAL_SECRETS_KEYS holds something that is no Fernet key.")


def test_a_vault_nobody_wrote_to_is_no_fault() -> None:
    assert only("Vault")[0] == "warning"  # its directory is made by the first backup
    open_vault().settle()

    assert only("Vault")[0] == "good"


def test_a_vault_without_its_marker_is_missing() -> None:
    open_vault().settle()
    mark_vault(open_vault())
    assert only("Vault") == ("good", "It answers, and its marker names this portal.")
    Installation.objects.update(id="0a1b2c3d-4e5f-4000-8000-000000000001")

    assert only("Vault")[0] == "missing"


def test_client_programs_are_named_with_version_and_place() -> None:
    programs = findings()["Client programs"]

    assert programs
    assert all(one["sentence"].startswith("PostgreSQL ") for one in programs)


def test_no_client_program_at_all_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "all_tools", list)

    assert only("Client programs")[0] == "missing"


@pytest.mark.parametrize(
    ("version", "is_below"),
    [
        ("17.10", True),
        ("17.12", False),
        ("15.19", True),
        ("15.20", False),
        ("18.7", False),
        ("18.6", True),
        ("19.0", False),
        ("13.99", True),
        ("17.12 (Debian 17.12-1.pgdg12+1)", False),
        ("18beta1", True),
    ],
)
def test_unsafe_versions_are_told_apart(version: str, is_below: bool) -> None:
    assert doctor.is_below_floor(version) == is_below


def test_workers_that_do_not_show_themselves_are_missing() -> None:
    assert only("Workers")[0] == "missing"
