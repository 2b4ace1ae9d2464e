"""A clock that jumps ten years, or a machine off for weeks: by queue, schedule and prune, the shelf is not emptied."""

from datetime import datetime, timedelta

import pytest

from backups.models import Backup
from backups.operations.alarm import alarms_of
from backups.operations.delete import request_delete
from backups.operations.nightly import queue_nightlies
from backups.operations.prune import request_due_prunes
from backups.policy.alarms import Cause
from backups.storage.vault import Vault
from environments import clock
from environments.choices import Status
from environments.errors import Refused
from environments.lifecycle.run import run_here
from environments.models import Environment, Operation
from tests.backups.operations.shelves import Shelf

from .nights import regions, since
from .pruned import DAY, INES, NOON, left, objects, prune

pytestmark = pytest.mark.django_db
NIGHT = NOON - timedelta(hours=17)  # 19:00 of the day before
AHEAD = NOON.replace(year=2036)


@pytest.fixture
def nights(shelf: Shelf) -> Shelf:
    """An environment of eight nights, and the two backups that its shelf begins with."""
    regions()
    since(shelf.environment, NIGHT - 8 * DAY)
    for count in reversed(range(8)):
        shelf.make(NIGHT - count * DAY, slot_at=NIGHT - count * DAY)
    Operation.objects.filter(kind="create").update(unique_key=None)
    return shelf


def live_at(shelf: Shelf, moment: datetime) -> list[Operation]:
    """What the schedules of this minute ask for is done: the nightly first, then pruning; returns the prunings."""
    with clock.turned_to(moment):
        for backup in queue_nightlies(moment):
            Operation.objects.filter(pk=backup.operation_id).update(status=Status.RUNNING, attempt=1)
            for _ in shelf.perform(backup, 1):
                pass
        prunes = [one for page in request_due_prunes(moment) for one in page]
        Operation.objects.filter(kind="prune").update(not_before_at=None)  # by the database's clock it is not yet time
        return [run_here(one) for one in prunes]


def test_ten_years_ahead_with_the_catch_up_made_first_nothing_goes(nights: Shelf, vault: Vault) -> None:
    before, stored = left(nights.environment), objects(vault)

    for count in range(14):
        [done] = live_at(nights, AHEAD + count * DAY)
        assert done.status == Status.FAILED
        assert "days without a good backup came before 2036-11-2" in done.message

    assert set(before) < set(left(nights.environment))
    assert stored <= objects(vault)
    assert all(nights.read(backup) == nights.saved[backup.pk] for backup in before)
    alarms = alarms_of([nights.environment], AHEAD + 13 * DAY)[nights.environment.pk]
    assert [alarm.cause for alarm in alarms] == [Cause.NOT_PRUNED]
    assert "See that the clock is right." in alarms[0].sentence


def test_when_the_clock_is_right_again_everything_goes_on(nights: Shelf) -> None:
    live_at(nights, AHEAD)
    made_ahead = left(nights.environment)[0]

    [done] = live_at(nights, NOON + timedelta(hours=8))

    assert done.status == Status.COMPLETED
    kept = left(nights.environment)
    assert kept[0] == made_ahead
    assert len(kept) == 11  # of eleven before one had expired, and one was made
    alarms = alarms_of([nights.environment], NOON + timedelta(hours=9))[nights.environment.pk]
    assert [alarm.cause for alarm in alarms] == [Cause.AHEAD]


def test_what_was_dated_ahead_may_be_deleted_and_the_real_newest_one_not(nights: Shelf) -> None:
    live_at(nights, AHEAD)
    made_ahead, newest, *_ = left(nights.environment)

    with clock.turned_to(NOON), pytest.raises(Refused):
        request_delete(newest, by=INES, confirm="live", is_rung=False)
    with clock.turned_to(NOON):
        assert run_here(request_delete(made_ahead, by=INES, confirm="live", is_rung=False)).status == Status.COMPLETED


def test_off_for_forty_days_nothing_goes_for_two_weeks_and_then_what_has_expired(nights: Shelf) -> None:
    before = set(left(nights.environment))
    back = NIGHT + 40 * DAY

    for count in range(14):
        assert all(done.status == Status.FAILED for done in live_at(nights, back + count * DAY))
        assert before < set(left(nights.environment))
    [done] = live_at(nights, back + 14 * DAY)

    assert done.status == Status.COMPLETED
    kept = left(nights.environment)
    assert {backup.kept_by for backup in before & set(kept)} <= {"sunday", "first_sunday"}
    assert len(kept) >= 14


def test_where_no_nights_are_wanted_the_table_alone_rules(shelf: Shelf) -> None:
    Environment.objects.update(is_nightly_on=False)
    shelf.environment.refresh_from_db()
    shelf.make(AHEAD)

    prune(shelf.environment, AHEAD)

    assert Backup.objects.count() == 1
