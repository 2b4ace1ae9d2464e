"""The details of one backup: as a page, as the panel beside the list, and as the menu of its row."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from environments import clock
from environments.models import Environment
from tests.factories import BackupFactory, OperationFactory
from tests.reading import text, texts

from .conftest import Address, CheckDoor, SignIn

VIEWS = ["details", "panel", "menu"]


@pytest.mark.parametrize("view", VIEWS)
def test_details_are_for_members(environment: Environment, address: Address, check_door: CheckDoor, view: str) -> None:
    check_door(address(view, BackupFactory(environment=environment)))


@pytest.mark.parametrize("view", VIEWS)
def test_a_backup_is_found_in_its_own_environment_only(
    environment: Environment, acceptance: Environment, viewer: User, sign_in: SignIn, address: Address, view: str
) -> None:
    elsewhere = address(view, BackupFactory(environment=acceptance)).replace("acceptance", "live")

    assert sign_in(viewer).get(elsewhere).status_code == 404


def test_a_completed_backup_is_described_in_full(
    environment: Environment, viewer: User, sign_in: SignIn, address: Address
) -> None:
    made_at = datetime(2026, 11, 22, 19, tzinfo=UTC)
    with clock.turned_to(datetime(2026, 11, 23, 14, 30, tzinfo=UTC)):
        backup = BackupFactory(environment=environment, nightly=True, verified=True, created_at=made_at)
        page = sign_in(viewer).get(address("details", backup))

    words = text(page, id="details")
    assert "2026-11-22 19:00 UTC" in words
    assert "Sunday, 20:00 in Amsterdam, 19 hours ago" in words
    assert "Created by Nightly" in words
    assert "Expires on 2027-02-22, in 91 days Sunday: 3 months" in words
    assert "Model version 1.4.2.118 modeler 7.23.3, deployed now" in words
    assert "Comment None." in words
    assert "Database 214 tables 3.94 GB" in words
    assert "Uploaded files 18,204 files 0.87 GB" in words
    assert "Together 4.81 GB" in words
    assert "Verified 2026-11-22 20:00 UTC Every byte read back, the dump read to its end." in words
    assert backup.dump_sha256 in words
    assert "Took 3 min 48 s" in words
    assert "PostgreSQL 16.4 saved with pg_dump 17.10" in words
    assert f"manage.py show_backup {backup.pk.hex[:8]}" in words


def test_what_was_left_out_or_changed_is_said(
    environment: Environment, viewer: User, sign_in: SignIn, address: Address
) -> None:
    made_at = clock.now() - timedelta(hours=1)
    backup = BackupFactory(
        environment=environment,
        created_at=made_at,
        data_at=made_at + timedelta(minutes=20),
        left_out_count=3,
        changed_count=1,
        modeler_version="7.23.1",
    )

    words = text(sign_in(viewer).get(address("details", backup)), id="details")

    assert "3 links and devices left out" in words
    assert "1 file changed while being read" in words
    assert f"data of {backup.data_at:%Y-%m-%d %H:%M} UTC" in words
    assert "modeler 7.23.1, older than deployed now" in words
    assert "Verified Not yet" in words


def test_a_failed_backup_begins_with_why(
    environment: Environment, developer: User, sign_in: SignIn, address: Address
) -> None:
    backup = BackupFactory(environment=environment, failed=True)

    page = sign_in(developer).get(address("details", backup))

    assert text(page, class_="is-bad") == "The vault could not be reached. Nothing was stored. Try again"
    assert "Download" not in text(page, id="details")
    assert "Contents" not in text(page, id="details")


def test_a_damaged_backup_is_no_longer_offered(
    environment: Environment, support: User, sign_in: SignIn, address: Address
) -> None:
    backup = BackupFactory(environment=environment, damaged=True)

    page = sign_in(support).get(address("details", backup))

    assert text(page, class_="banner") == "This backup is damaged. It is no longer offered."
    assert "Download" not in text(page, id="details")


def test_the_newest_good_one_is_kept_past_its_date(
    environment: Environment, viewer: User, sign_in: SignIn, address: Address
) -> None:
    old = BackupFactory(environment=environment, created_at=clock.now() - timedelta(days=500))

    words = text(sign_in(viewer).get(address("details", old)), id="details")

    assert "kept past its date because it is the newest undamaged backup" in words


def test_a_pin_says_until_when_and_why(
    environment: Environment, viewer: User, sign_in: SignIn, address: Address
) -> None:
    backup = BackupFactory(environment=environment, pinned=True)

    words = text(sign_in(viewer).get(address("details", backup)), id="details")

    assert f"Expires on {backup.pinned_until:%Y-%m-%d}, in " in words
    assert "pinned: until the rollout is accepted" in words


def test_each_person_is_offered_what_they_may_do(
    environment: Environment,
    viewer: User,
    developer: User,
    operator: User,
    technical_contact: User,
    sign_in: SignIn,
    address: Address,
) -> None:
    older = BackupFactory(environment=environment, created_at=clock.now() - timedelta(days=1))
    newest = BackupFactory(environment=environment)
    queued = BackupFactory(environment=environment, queued=True, operation__requested_by=developer)
    downloads = ["Full backup .zip, 4.81 GB", "Uploaded files .zip, 0.87 GB", "Database .backup, 3.94 GB"]

    def offered(person: User, backup: object) -> list[str]:
        return texts(sign_in(person).get(address("menu", backup)), role="menuitem")

    assert offered(viewer, older) == ["Details"]
    assert offered(developer, older) == ["Details", *downloads, "Comment"]
    assert offered(operator, older) == ["Details", "Restore", *downloads, "Comment"]
    assert offered(technical_contact, older) == ["Details", "Restore", *downloads, "Comment", "Pin", "Delete"]
    assert offered(technical_contact, newest) == ["Details", "Restore", *downloads, "Comment", "Pin"]
    assert offered(developer, queued) == ["Details", "Comment", "Cancel"]
    assert offered(operator, queued) == ["Details", "Comment", "Cancel"]
    queued.operation.requested_by = None
    queued.operation.save()
    assert offered(developer, queued) == ["Details", "Comment"]


def test_the_panel_offers_the_other_form_too(
    environment: Environment, developer: User, sign_in: SignIn, address: Address
) -> None:
    backup = BackupFactory(environment=environment)

    page = sign_in(developer).get(address("panel", backup))

    assert text(page, id="downloads").endswith("Full backup .tar.gz Uploaded files .tar.gz")
    assert f'href="{backup.get_absolute_url()}download/files/?format=tar.gz"' in page.content.decode()


def test_a_leaving_backup_is_offered_for_nothing(
    environment: Environment, support: User, sign_in: SignIn, address: Address
) -> None:
    BackupFactory(environment=environment)
    leaving = BackupFactory(environment=environment, removal_at=clock.now(), created_at=clock.now() - timedelta(days=1))
    OperationFactory(environment=environment, kind="delete", queued=True, subject=leaving.pk, is_exclusive=False)

    client = sign_in(support)

    assert texts(client.get(address("menu", leaving)), role="menuitem") == ["Details", "Comment"]
    assert "This backup is being deleted." in text(client.get(address("details", leaving)), id="details")


def test_the_panel_is_a_part_that_brings_its_address(
    environment: Environment, viewer: User, sign_in: SignIn, address: Address
) -> None:
    backup = BackupFactory(environment=environment)

    part = sign_in(viewer).get(address("panel", backup, kind="person"))

    assert part["HX-Push-Url"] == f"{backup.get_absolute_url()}?kind=person"
    assert b"<html" not in part.content
    assert f"Backup of {backup.created_at:%Y-%m-%d %H:%M} UTC" in part.content.decode()


def test_the_page_holds_the_list_too_and_marks_the_row(
    environment: Environment, viewer: User, sign_in: SignIn, address: Address
) -> None:
    backup, _ = BackupFactory(environment=environment), BackupFactory(environment=environment)

    page = sign_in(viewer).get(address("details", backup)).content.decode()

    assert page.count("data-panel=") == 2
    (row,) = [row for row in page.split("<tr ") if 'aria-current="true">' in row and "data-panel" in row]
    assert f'id="backup-{backup.pk}"' in row


def test_markup_in_a_comment_stays_words(
    environment: Environment, developer: User, sign_in: SignIn, address: Address
) -> None:
    script = '"><script>alert(1)</script>'
    backup = BackupFactory(environment=environment, comment=script, created_by=script, model_version=script)
    client = sign_in(developer)

    for view in [*VIEWS, "comment"]:
        assert b"<script>alert" not in client.get(address(view, backup)).content


@pytest.mark.parametrize(("view", "most"), [("details", 10), ("panel", 6), ("menu", 6)])
def test_what_details_cost(
    environment: Environment, technical_contact: User, sign_in: SignIn, address: Address, view: str, most: int
) -> None:
    backups = [BackupFactory(environment=environment) for _ in range(20)]
    client = sign_in(technical_contact)

    with CaptureQueriesContext(connection) as queries:
        assert client.get(address(view, backups[0])).status_code == 200

    assert len(queries) <= most
