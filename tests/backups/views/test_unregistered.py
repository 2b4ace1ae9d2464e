"""A place that was only found in the vault: its pages open and say so, and nothing is begun there."""

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from backups.operations.nightly import queue_nightlies
from environments import clock
from environments.lifecycle.turns import next_turns
from environments.models import Environment, Operation
from tests.factories import BackupFactory, EnvironmentFactory, RegionStartFactory

pytestmark = pytest.mark.django_db
PAGES = (
    *("list", "alarms", "calendar", "rows", "current", "environment", "environment_live", "environment_database"),
    *("activity", "create", "upload", "start", "stop", "undo", "add_package"),
)


@pytest.fixture
def found() -> Environment:
    RegionStartFactory()
    place = EnvironmentFactory(database="", files_directory="", name="Found", slug="found")
    BackupFactory(environment=place)
    return place


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("sam", "sam@example.org"))
    return client


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_or_refuses(page: str, found: Environment, staff: Client) -> None:
    answer = staff.get(reverse(f"backups:{page}", args=[found.app.slug, found.slug]))
    assert answer.status_code < 500
    if page in ("list", "environment"):
        assert f"register_environment {found}" in answer.content.decode()
        assert "Create Backup" not in answer.content.decode()


def test_its_backups_can_be_seen_and_restored_elsewhere(found: Environment, staff: Client) -> None:
    EnvironmentFactory(app=found.app, slug="other", name="Other place", region=found.region)
    backup = found.backups.get()
    assert staff.get(backup.get_absolute_url()).status_code == 200
    page = staff.get(reverse("backups:restore", args=[found.app.slug, found.slug, backup.pk]))
    assert page.status_code == 200
    assert "Other place" in page.content.decode()
    assert staff.get("/").status_code == 200


def test_nothing_is_begun_there(found: Environment, staff: Client) -> None:
    answer = staff.post(reverse("backups:create", args=[found.app.slug, found.slug]), {"comment": ""})
    assert answer.status_code < 500
    assert "register_environment" in answer.content.decode()
    backup = found.backups.get()
    commands: list[tuple[tuple[str, ...], dict[str, object]]] = [
        (("create_backup", str(found)), {}),
        (("restore_backup", str(backup.pk)), {"to": str(found)}),
        (("start_app", str(found)), {}),
        (("undo", str(found)), {}),
    ]
    for words, options in commands:
        with pytest.raises(CommandError):
            call_command(*words, **options)
    assert queue_nightlies(clock.now()) == []
    assert next_turns(found) == []
    assert Operation.objects.count() == 1
