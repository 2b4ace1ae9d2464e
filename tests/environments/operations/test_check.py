"""What fits an environment: a directory and a database that are nobody else's, and a region with a start."""

from importlib import import_module
from pathlib import Path

import pytest
from django.apps import apps
from pytest_django.fixtures import Settings

from environments.models import Environment, Region
from environments.operations.register import Wishes, register
from tests.factories import EnvironmentFactory, OperationFactory

from .conftest import BY, URL, Say, elsewhere, refusal_of


def test_a_directory_that_may_not_be_read_is_refused(say: Say, monkeypatch: pytest.MonkeyPatch, files: str) -> None:
    def closed(_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("environments.operations.check.os.scandir", closed)

    assert f"The files directory {files} cannot be read (Permission denied)" in refusal_of(say)


def test_the_portals_own_rooms_are_no_files_of_an_app(say: Say, settings: Settings) -> None:
    for own in (Path(settings.DATA_DIR), Path(settings.DATA_DIR, "keys"), Path(settings.VAULT_LOCATION, "inside")):
        own.mkdir(parents=True, exist_ok=True)

        assert "the portal's own" in refusal_of(lambda own=own: say(files=str(own)))  # type: ignore[misc]


def test_a_directory_belongs_to_one_environment_by_whatever_path(say: Say, files: str) -> None:
    say()
    beside = Path(files).parent
    (beside / "link").symlink_to(files)
    (Path(files) / "below").mkdir()

    for path in (files, f"{files}/", str(beside / "link"), str(Path(files) / "below"), str(beside)):
        assert "overlaps that of order-desk/live" in refusal_of(lambda path=path: elsewhere(say, files=path))  # type: ignore[misc]


def test_a_database_belongs_to_one_environment_by_whatever_address(say: Say) -> None:
    say()

    for url in (URL, URL.replace("shop:s3cret", "other"), URL.replace("127.0.0.1", "localhost")):
        assert "is already that of order-desk/live" in refusal_of(lambda url=url: elsewhere(say, database=url))  # type: ignore[misc]


def test_the_place_is_not_changed_under_the_feet_of_work(say: Say) -> None:
    environment = say().environment
    OperationFactory(environment=environment, running=True)

    sentence = refusal_of(lambda: say(database=URL.replace("/shop", "/moved")))
    assert "A backup is Queued or under way in order-desk/live, asked for by Maren Holt" in sentence

    register("order-desk/live", Wishes(is_nightly_on=False), by=BY)
    assert not Environment.objects.get().is_nightly_on


def test_environments_whose_place_is_gone_are_in_nobodys_way(say: Say) -> None:
    EnvironmentFactory(files_directory="/nowhere", database="postgresql://app@nowhere.invalid/app")

    assert say().is_new


def test_the_first_regions_are_those_of_the_specification(db: None) -> None:
    """As the migration makes them, safe to repeat; taken back where nobody is in them."""
    regions = import_module("environments.migrations.0002_regions")
    Region.objects.all().delete()
    for _ in range(2):
        regions.make_regions(apps, None)

    found = {
        (region.slug, region.zone, start.cloud_version, f"{start.starts_at:%H:%M}")
        for region in Region.objects.all()
        for start in region.starts.all()  # type: ignore[attr-defined]
    }
    assert found == {
        ("europe", "Europe/Amsterdam", "v3", "22:00"),
        ("europe", "Europe/Amsterdam", "v4", "19:00"),
        ("us-east", "America/New_York", "v3", "05:00"),
        ("us-east", "America/New_York", "v4", "01:00"),
        ("asia-pacific", "Asia/Tokyo", "v4", "16:00"),
    }
    EnvironmentFactory()
    regions.remove_regions(apps, None)
    assert list(Region.objects.values_list("slug", flat=True)) == ["europe"]
