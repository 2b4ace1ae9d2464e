"""doctor: what is missing, one sentence each; exit code 0 when nothing is."""

import json
import re
from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder
from django_q.conf import Conf
from pytest_django.fixtures import Settings

from backups.models import Installation
from backups.operations.mark import mark_vault
from backups.storage.vault import open_vault
from environments.lifecycle.signs import PORTAL, REAPER, sign
from environments.models import Environment, Sign
from environments.secrets import encrypt
from portal.doctor import machine
from tests.redis_server import RedisServer
from tests.stores.rclone import RcloneStore
from tests.stores.vaults import use_vault

pytestmark = pytest.mark.django_db


def check_one_sentence(said: str) -> None:
    assert said.endswith(".") and not re.search(r"[.!?] [A-Z]", said), said


def findings() -> dict[str, list[dict[str, str]]]:
    """What it found, by what it looked at."""
    out = StringIO()
    with suppress(CommandError):
        call_command("doctor", "--json", stdout=out)
    found: dict[str, list[dict[str, str]]] = {}
    for one in json.loads(out.getvalue()):
        check_one_sentence(one["sentence"])
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
    assert [line for line in lines if re.match(r"good     Workers: Workers: \d+ s ago\.", line)]
    assert "good     Portal database:" in out.getvalue()


def test_what_is_missing_is_counted_and_fails(well: None) -> None:
    Sign.objects.all().delete()

    with pytest.raises(CommandError, match=r"^1 of \d+ things looked at is missing\.$"):
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

    assert (
        found["Portal database"][0]["sentence"]
        == "It does not answer: connection refused; start it, or correct DATABASE_URL."
    )
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

    assert only("Keys") == (
        "missing",
        "PORTAL_SECRETS_KEYS holds something that is no Fernet key; correct or remove that one.",
    )


def test_a_vault_nobody_wrote_to_is_no_fault() -> None:
    level, sentence = only("Vault")
    assert (level, sentence.startswith("It is made by the first backup, where that can be; the vault at ")) == (
        "warning",
        True,
    )
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
    monkeypatch.setattr(machine, "all_tools", list)

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
    assert machine.is_below_floor(version) == is_below


def test_workers_that_do_not_show_themselves_are_missing() -> None:
    assert only("Workers")[0] == "missing"


def test_it_tells_what_programs_cannot_give_up_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.sandbox, "missing", list)
    assert only("Sandbox")[0] == "good"
    monkeypatch.setattr(machine.sandbox, "missing", lambda: ["network"])
    level, sentence = only("Sandbox")
    assert (level, "give up their network" in sentence) == ("warning", True)


def test_a_vault_on_s3_says_what_is_missing_one_after_the_other(settings: Settings, real_store: RcloneStore) -> None:
    def look(**wrong: str) -> tuple[str, str]:
        use_vault(settings, real_store.endpoint, "doctor", pauses=(), **wrong)
        return only("Vault")

    assert look(endpoint_url="http://127.0.0.1:9")[1].startswith("The vault at s3://vaults/doctor cannot be reached")
    assert "AWS_ACCESS_KEY_ID" in look(access_key="other")[1]
    assert "AWS_SECRET_ACCESS_KEY" in look(secret_key="other")[1]
    assert look(bucket_name="other")[1].startswith("There is no bucket other at http://127.0.0.1:")
    assert {look(bucket_name="other")[0], look(secret_key="other")[0]} == {"missing"}
    assert look() == ("good", "Nothing was written to it yet; the first backup marks it as this portal's.")
    mark_vault(open_vault())
    assert look() == ("good", "It answers, and its marker names this portal.")


def test_the_queue_is_in_the_database_where_no_redis_is_set() -> None:
    assert only("Queue") == ("good", "The queue lives in the portal's database.")


def test_a_redis_that_takes_messages_is_good(redis_queue: RedisServer) -> None:
    assert only("Queue") == ("good", f"{redis_queue.url} takes messages.")


def test_a_redis_that_takes_no_message_is_explained(redis_queue: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """With why and what to do, and without a password."""
    tail = "so what is asked for stays Queued for a while; start Redis there, or correct REDIS_URL."
    redis_queue.client.config_set("requirepass", "another word")
    assert only("Queue") == ("missing", f"{redis_queue.url} takes no messages (Authentication required), {tail}")
    wrong = redis_queue.url.replace("redis://", "redis://:s3cret@")
    monkeypatch.setattr(Conf, "REDIS", wrong)
    level, sentence = only("Queue")
    assert (level, "invalid username-password pair" in sentence, "s3cret" in sentence) == ("missing", True, False)

    redis_queue.kill()

    level, sentence = only("Queue")
    assert (level, "connection refused" in sentence, "s3cret" in sentence) == ("missing", True, False)


def test_a_redis_that_is_only_a_copy_is_explained(redis_queue: RedisServer) -> None:
    redis_queue.client.replicaof("127.0.0.1", 1)

    level, sentence = only("Queue")

    assert (level, "read only replica" in sentence) == ("missing", True)
