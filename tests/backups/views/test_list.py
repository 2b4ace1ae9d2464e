"""The list: what a row says, filters, and what it costs."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backups.choices import Rule
from environments import clock
from environments.choices import Right
from environments.models import Environment
from tests.factories import BackupFactory, EnvironmentFactory, GrantFactory
from tests.reading import text, texts

from .conftest import Address, CheckDoor, SignIn


def test_the_list_is_for_members(environment: Environment, address: Address, check_door: CheckDoor) -> None:
    check_door(address("list", environment))


def test_an_unknown_environment_is_not_there(environment: Environment, sign_in: SignIn, support: User) -> None:
    assert sign_in(support).get("/apps/order-desk/nowhere/backups/").status_code == 404


def test_who_may_not_view_is_a_stranger_to_this_environment(
    environment: Environment, developer: User, sign_in: SignIn, address: Address
) -> None:
    GrantFactory(environment=environment, membership=developer.memberships.get(), rights=[])

    assert sign_in(developer).get(address("list", environment)).status_code == 404


def test_a_completed_row_says_everything(
    environment: Environment, viewer: User, sign_in: SignIn, address: Address
) -> None:
    made = BackupFactory(environment=environment, comment="before the rollout", kept_by=Rule.SUNDAY)

    page = sign_in(viewer).get(address("list", environment))

    assert text(page, class_="c-status") == "Completed not verified yet"
    assert text(page, class_="c-date") == f"{made.created_at:%Y-%m-%d %H:%M} {made.created_at:%a}, 5 h ago"
    assert text(page, class_="c-by") == "Maren Holt before the rollout"
    assert texts(page, class_="c-model")[1] == "1.4.2.118"
    assert texts(page, class_="c-size")[1] == "4.81 GB"
    assert text(page, class_="c-expires") == f"{made.expires_at:%Y-%m-%d} Sunday: 3 months"


def test_rows_stand_newest_first_in_one_unit(
    environment: Environment, viewer: User, sign_in: SignIn, address: Address
) -> None:
    now = clock.now()
    for hours, size in ((3, 5_000_000), (1, 7_000_000_000), (2, 400)):
        BackupFactory(
            environment=environment, created_at=now - timedelta(hours=hours), database_bytes=size, files_bytes=0
        )

    page = sign_in(viewer).get(address("list", environment))

    assert texts(page, class_="c-size")[1:] == ["7.00 GB", "0.01 GB", "0.01 GB"]
    assert text(page, class_="pager") == "3 backups, 7.01 GB"


def test_a_running_row_shows_how_far_it_is(
    environment: Environment, viewer: User, sign_in: SignIn, address: Address
) -> None:
    started_at = clock.now() - timedelta(minutes=2, seconds=24)
    BackupFactory(environment=environment, running=True, operation__started_at=started_at)

    page = sign_in(viewer).get(address("list", environment))

    assert text(page, class_="c-status") == "Running 64 %"
    line = text(page, class_="facts-line")
    assert line.startswith("Saving the uploaded files step 3 of 4 3.08 of 4.82 GB 2 min 2")
    assert line.endswith("The app keeps running. You may leave this page.")
    assert b'max="100" value="64"' in page.content
    assert texts(page, class_="c-size")[1] == "3.08 GB so far"


def test_a_queued_row_says_what_it_waits_for(
    environment: Environment, viewer: User, sign_in: SignIn, address: Address
) -> None:
    again_at = clock.now().replace(hour=19, minute=10)
    BackupFactory(environment=environment, queued=True)
    BackupFactory(
        environment=environment, queued=True, operation__attempt=1, operation__not_before_at=again_at, nightly=True
    )

    page = sign_in(viewer).get(address("list", environment))

    assert sorted(line.split(" The app")[0] for line in texts(page, class_="facts-line")) == [
        "Queued try 2 of 3 at 19:10 UTC",
        "Queued waiting for a worker",
    ]


def test_a_failed_row_says_why_and_how_to_go_on(
    environment: Environment, developer: User, viewer: User, sign_in: SignIn, address: Address
) -> None:
    BackupFactory(environment=environment, failed=True, comment="a & b")

    page = sign_in(developer).get(address("list", environment))

    assert text(page, class_="c-line") == "The vault could not be reached. Nothing was stored. Try again"
    assert f'href="{address("create", environment)}?comment=a%20%26%20b"'.encode() in page.content
    assert "Try again" not in text(sign_in(viewer).get(address("list", environment)), class_="c-line")


def test_pinned_damaged_leaving_and_older_ones_are_told_apart(
    environment: Environment, viewer: User, sign_in: SignIn, address: Address
) -> None:
    now = clock.now()
    pinned = BackupFactory(environment=environment, pinned=True, nightly=True, modeler_version="7.23.1")
    BackupFactory(environment=environment, damaged=True, created_at=now - timedelta(days=1))
    BackupFactory(environment=environment, removal_at=now, created_at=now - timedelta(days=2))

    page = sign_in(viewer).get(address("list", environment))

    assert texts(page, class_="c-expires")[0] == f"{pinned.pinned_until:%Y-%m-%d} pinned"
    assert texts(page, class_="c-model")[1] == "1.4.2.118 older modeler"
    assert texts(page, class_="c-status") == [
        "Completed not verified yet",
        "Completed damaged",
        "Completed could not be deleted",
    ]


def test_markup_and_long_words_stay_words(
    environment: Environment, viewer: User, sign_in: SignIn, address: Address
) -> None:
    script = "<script>alert(1)</script>"
    BackupFactory(environment=environment, comment=script, created_by=f"<b>{script}")

    page = sign_in(viewer).get(address("list", environment, q="<script>"))

    assert script.encode() not in page.content
    assert texts(page, class_="c-by") == [f"<b>{script} {script}"]


def test_only_who_may_create_is_offered_it(
    environment: Environment, developer: User, viewer: User, sign_in: SignIn, address: Address
) -> None:
    assert b"Create Backup" in sign_in(developer).get(address("list", environment)).content
    assert b"Create Backup" not in sign_in(viewer).get(address("list", environment)).content


def test_an_empty_list_says_what_to_do_and_an_empty_search_how_to_leave_it(
    environment: Environment, developer: User, sign_in: SignIn, address: Address
) -> None:
    client = sign_in(developer)

    assert text(client.get(address("list", environment)), class_="empty").startswith("No backups yet")
    nothing = text(client.get(address("list", environment, q="price list")), class_="empty")
    assert nothing == "No backup matches “price list” Clear the search"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"status": "Failed"}, ["failed"]),
        ({"kind": "nightly"}, ["nightly"]),
        ({"kind": "person"}, ["failed", "other"]),
        ({"q": "OTHER"}, ["other"]),
        ({"q": "ines"}, ["failed"]),
        ({"q": "9.9"}, ["nightly"]),
        ({"since": "2026-03-02", "until": "2026-03-02"}, ["nightly"]),
        ({"since": "2026-03-02"}, ["failed", "nightly"]),
        ({"until": "2026-03-02", "kind": "person"}, ["other"]),
        ({"status": "Broken", "kind": "x", "since": "yesterday", "before": "1_2"}, ["failed", "nightly", "other"]),
        ({"until": "9999-12-31", "since": "0001-01-01", "q": "\x00"}, ["failed", "nightly", "other"]),
    ],
)
def test_filters_narrow_the_list(
    environment: Environment, viewer: User, sign_in: SignIn, address: Address, query: dict[str, str], found: list[str]
) -> None:
    at = clock.now().replace(year=2026, month=3, day=1, hour=23, minute=59)
    BackupFactory(environment=environment, comment="other", created_at=at)
    BackupFactory(
        environment=environment,
        comment="nightly",
        nightly=True,
        created_at=at + timedelta(hours=2),
        model_version="9.9",
    )
    BackupFactory(
        environment=environment, comment="failed", failed=True, created_at=at + timedelta(days=3), created_by="Ines"
    )

    page = sign_in(viewer).get(address("list", environment, **query))

    assert [words.split()[-1] for words in texts(page, class_="c-by")] == found


def test_filters_stay_in_the_form_and_in_every_link(
    environment: Environment, viewer: User, sign_in: SignIn, address: Address
) -> None:
    made = BackupFactory(environment=environment, failed=True)

    page = sign_in(viewer).get(address("list", environment, status="Failed")).content.decode()

    assert '<option value="Failed" selected>' in page
    assert f'href="{made.get_absolute_url()}?status=Failed"' in page


def test_other_environments_are_not_in_the_list(
    environment: Environment, acceptance: Environment, viewer: User, sign_in: SignIn, address: Address
) -> None:
    BackupFactory(environment=acceptance)

    assert texts(sign_in(viewer).get(address("list", environment)), class_="c-status") == []


@pytest.mark.parametrize("count", [1, 60])
def test_what_a_page_costs_does_not_grow_with_the_rows(
    environment: Environment, operator: User, sign_in: SignIn, address: Address, count: int
) -> None:
    for number in range(count):
        BackupFactory(environment=environment, created_at=clock.now() - timedelta(hours=number))
        EnvironmentFactory(app=environment.app)
    GrantFactory(environment=environment, membership=operator.memberships.get(), rights=[Right.VIEW])
    client = sign_in(operator)

    with CaptureQueriesContext(connection) as queries:
        assert client.get(address("list", environment)).status_code == 200

    assert len(queries) <= 8
