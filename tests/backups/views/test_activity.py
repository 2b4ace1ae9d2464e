"""Activity: who sees it, what it shows, how it is narrowed, and the table to take home."""

import csv
import io
import uuid
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from environments import clock
from environments.actors import Actor
from environments.models import Activity, Environment, record
from tests.factories import ActivityFactory, BackupFactory
from tests.reading import text, texts

from .conftest import Address, CheckDoor, SignIn


def table(client: Client, address: str) -> list[dict[str, str]]:
    body = b"".join(client.get(address)).decode()  # type: ignore[call-overload]
    return list(csv.DictReader(io.StringIO(body)))


def lines(client: Client, address: str) -> list[str]:
    return texts(client.get(address), class_="entry")


def test_it_is_for_members(environment: Environment, address: Address, check_door: CheckDoor) -> None:
    check_door(address("activity", environment))
    check_door(address("activity_table", environment))


def test_days_and_entries_newest_first(
    environment: Environment, acceptance: Environment, viewer: User, sign_in: SignIn, address: Address
) -> None:
    now = clock.now()
    ActivityFactory(environment=environment, at=now, actor_name="Ines Duarte", sentence="Ines Duarte stopped Live.")
    ActivityFactory(environment=environment, at=now - timedelta(days=1), action="create.failed", sentence="It failed.")
    ActivityFactory(environment=acceptance, sentence="Elsewhere.")

    page = sign_in(viewer).get(address("activity", environment))

    found = texts(page, class_="entry")
    assert [one.partition(" ")[2].split(" by ")[0] for one in found] == ["Ines Duarte stopped Live.", "It failed."]
    assert found[1].endswith("failed")
    assert len(texts(page, class_="day")) == 2


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ({}, {"stop", "night", "person"}),
        ({"q": "LIVE"}, {"stop"}),
        ({"q": "orders.dump"}, {"person"}),
        ({"kind": "app"}, {"stop"}),
        ({"kind": "data"}, {"person"}),
        ({"who": "portal"}, {"night"}),
        ({"who": "people"}, {"stop", "person"}),
        ({"days": "1"}, {"stop", "person"}),
        ({"kind": "nonsense", "days": "-1", "before": "yesterday_x"}, {"stop", "night", "person"}),
    ],
)
def test_filters(
    environment: Environment, viewer: User, sign_in: SignIn, address: Address, query: dict[str, str], left: set[str]
) -> None:
    by = Actor.person(viewer)
    record(environment, "stop.requested", "stop: Live", by=by)
    record(
        environment,
        "upload.requested",
        "person: an upload",
        by=by,
        files=[{"name": "orders.dump", "bytes": 3, "sha256": "ab"}],
    )
    old = clock.now() - timedelta(days=3)
    ActivityFactory(environment=environment, action="create.completed", sentence="night: a backup", actor=None, at=old)
    client = sign_in(viewer)

    shown = lines(client, address("activity", environment, **query))
    told = table(client, address("activity_table", environment, **query))

    assert {one.partition(" ")[2].partition(":")[0].removeprefix("by ") for one in shown} == left
    assert {row["what"].partition(":")[0] for row in told} == left


def test_what_one_night_removed_is_one_line_that_unfolds_and_the_table_has_it_all(
    environment: Environment, viewer: User, sign_in: SignIn, address: Address
) -> None:
    nights = [uuid.uuid4(), uuid.uuid4()]
    noon = clock.now().replace(hour=0, minute=30)
    for number in range(7):
        ActivityFactory(
            environment=environment,
            at=noon + timedelta(seconds=number),
            action="backup.removed",
            sentence=f"The backup {number} was removed.",
            operation=nights[number == 6],
        )
        if number == 3:
            ActivityFactory(environment=environment, at=noon + timedelta(seconds=3.5), sentence="Between.")
    client = sign_in(viewer)

    page = client.get(address("activity", environment))

    folds = texts(page, class_="fold")
    assert [one.partition(" The")[0] for one in folds] == [
        "2 expired backups were removed",
        "4 expired backups were removed",
    ]
    assert "The backup 2 was removed." in folds[1]
    assert len(texts(page, class_="entry")) == 4
    assert len(table(client, address("activity_table", environment))) == 8


def test_every_entry_is_met_once_from_page_to_page(
    environment: Environment, viewer: User, sign_in: SignIn, address: Address
) -> None:
    now = clock.now()
    for number in range(120):  # many in one moment
        ActivityFactory(environment=environment, at=now - timedelta(minutes=number // 40), sentence=f"Entry {number}.")
    client, seen, where = sign_in(viewer), [], address("activity", environment)
    while where:
        page = client.get(where)
        seen += [one.partition("Entry ")[2].partition(".")[0] for one in texts(page, class_="entry")]
        where = address("activity", environment) + page.context["older"] if page.context["older"] else ""

    assert sorted(map(int, seen)) == list(range(120))


def test_a_page_costs_the_same_whatever_it_shows(
    environment: Environment,
    viewer: User,
    sign_in: SignIn,
    address: Address,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for backup in BackupFactory.create_batch(5, environment=environment):
        ActivityFactory.create_batch(8, environment=environment, subject=backup.pk)
    client = sign_in(viewer)

    with django_assert_max_num_queries(8):
        page = client.get(address("activity", environment))
    assert page.content.decode().count("The backup</a>") == 40


def test_markup_is_words_and_formulas_are_text(
    environment: Environment, viewer: User, sign_in: SignIn, address: Address
) -> None:
    for bad in ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", '"><script>alert(1)</script>', "{{ 7|add:7 }}"):
        ActivityFactory(environment=environment, sentence=bad, actor_name=bad)
    client = sign_in(viewer)

    assert "<script>alert" not in client.get(address("activity", environment)).content.decode()
    for row in table(client, address("activity_table", environment)):
        for cell in row.values():
            assert not cell.startswith(("=", "+", "-", "@", "\t", "\r")), cell


def test_nobody_edits_it(environment: Environment, support: User, sign_in: SignIn) -> None:
    entry = ActivityFactory(environment=environment, sentence="As it was.")
    client = sign_in(support)

    for verb in ("change", "delete"):
        client.post(f"/admin/environments/activity/{entry.pk}/{verb}/", {"sentence": "Otherwise.", "post": "yes"})

    assert Activity.objects.get(pk=entry.pk).sentence == "As it was."


def test_an_empty_history_says_so(environment: Environment, viewer: User, sign_in: SignIn, address: Address) -> None:
    client = sign_in(viewer)

    assert "Nothing has happened here yet" in text(client.get(address("activity", environment)), class_="empty")
    assert "Clear the search" in text(client.get(address("activity", environment, q="x")), class_="empty")
