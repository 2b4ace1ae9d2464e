"""The year of what is kept: one mark a day by the longest rule, and the same in a table."""

from datetime import UTC, datetime, timedelta

from django.contrib.auth.models import User

from backups.choices import Rule
from backups.views.calendar import WEEKS, calendar_of
from environments import clock
from environments.models import Environment
from tests.factories import BackupFactory
from tests.reading import text, texts

from .conftest import Address, CheckDoor, SignIn

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)  # a Wednesday


def test_the_year_is_for_members(environment: Environment, address: Address, check_door: CheckDoor) -> None:
    check_door(address("calendar", environment))


def test_a_day_wears_its_longest_rule_and_a_pin_above_all(environment: Environment) -> None:
    day = NOON - timedelta(days=3)
    BackupFactory(environment=environment, created_at=day, kept_by=Rule.DAILY)
    BackupFactory(environment=environment, created_at=day + timedelta(hours=1), kept_by=Rule.SUNDAY)
    pinned = NOON - timedelta(days=100)
    BackupFactory(environment=environment, created_at=pinned, kept_by=Rule.FIRST_SUNDAY, pinned_at=pinned)

    with clock.turned_to(NOON):
        found = {mark.day: (mark.by, mark.backups) for mark in calendar_of(environment).marks}

    assert found == {day.date(): (Rule.SUNDAY, 2), pinned.date(): ("pinned", 1)}


def test_what_is_not_kept_has_no_mark(environment: Environment) -> None:
    BackupFactory(environment=environment, created_at=NOON, failed=True)
    BackupFactory(environment=environment, created_at=NOON, damaged=True)
    BackupFactory(environment=environment, created_at=NOON - timedelta(weeks=WEEKS + 1))
    BackupFactory(created_at=NOON)

    with clock.turned_to(NOON):
        assert calendar_of(environment).marks == []


def test_sundays_are_the_bottom_line_and_today_is_the_last_week(environment: Environment) -> None:
    for created_at in (NOON, datetime(2026, 11, 22, 19, tzinfo=UTC), datetime(2025, 11, 24, 1, tzinfo=UTC)):
        BackupFactory(environment=environment, created_at=created_at)

    with clock.turned_to(NOON):
        calendar = calendar_of(environment)

    first, sunday, today = calendar.marks
    assert calendar.bed < sunday.y < calendar.bed + calendar.pitch
    assert (first.x, first.y) == (calendar.left + 7, calendar.top + 7)
    assert today.x == calendar.left + (WEEKS - 0.5) * calendar.pitch


def test_a_nightlys_day_is_that_of_its_slot(environment: Environment) -> None:
    slot = datetime(2026, 11, 22, 22, tzinfo=UTC)
    BackupFactory(environment=environment, created_at=slot + timedelta(hours=5), slot_at=slot, kept_by=Rule.SUNDAY)

    with clock.turned_to(NOON):
        assert [mark.day for mark in calendar_of(environment).marks] == [slot.date()]


def test_the_table_says_the_same_and_it_is_a_page_without_scripts(
    environment: Environment, viewer: User, sign_in: SignIn, address: Address
) -> None:
    BackupFactory(environment=environment, created_at=NOON, kept_by=Rule.DAILY)
    client = sign_in(viewer)

    with clock.turned_to(NOON):
        page = client.get(address("calendar", environment))
        part = client.get(address("calendar", environment), headers={"HX-Request": "true"})

    year, starts = texts(page, class_="fold")
    assert "Wed 2026-11-25 any day: 2 weeks 1" in year
    assert "Europe v4 19:00 20:00 Amsterdam" in starts
    assert "Asia Pacific v4 16:00 01:00 Tokyo" in starts
    assert "<html" in page.content.decode()
    assert "<html" not in part.content.decode()


def test_what_is_wrong_stands_above_the_list(
    environment: Environment, viewer: User, sign_in: SignIn, address: Address, check_door: CheckDoor
) -> None:
    check_door(address("alarms", environment))
    client = sign_in(viewer)
    assert client.get(address("alarms", environment)).content.strip() == b""

    BackupFactory(environment=environment, damaged=True)

    assert "damaged" in text(client.get(address("alarms", environment)), class_="banner")


def test_the_list_says_when_the_next_nightly_is(
    environment: Environment, viewer: User, sign_in: SignIn, address: Address
) -> None:
    client = sign_in(viewer)
    with clock.turned_to(NOON):
        assert "Next nightly backup today at 19:00 UTC (20:00 Amsterdam)" in text(
            client.get(address("list", environment)), class_="heading"
        )
    Environment.objects.update(is_nightly_on=False)
    assert "Nightly backups are off" in text(client.get(address("list", environment)), class_="heading")
