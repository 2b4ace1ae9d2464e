"""What is done by the clock: one row a schedule among the library's, and a message when its time has come."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time, timedelta

import pytest
from django.db import DatabaseError, connection
from django.utils import timezone
from django_q.models import OrmQ
from django_q.models import Schedule as Row
from django_q.scheduler import scheduler

from backups.tasks import SCHEDULES
from environments.lifecycle import schedules as module
from environments.lifecycle.doorbell import ensure_schedules
from environments.lifecycle.schedules import Schedule, register_schedule
from tests.workers import Workers, eventually

pytestmark = pytest.mark.django_db(transaction=True)
TASK = "environments.tasks.sign_of_life"


@pytest.fixture(autouse=True)
def registered() -> Iterator[dict[str, Schedule]]:
    """None at first, and afterwards those that were there."""
    own = dict(module._schedules)
    module._schedules.clear()
    yield module._schedules
    module._schedules.clear()
    module._schedules.update(own)


def row(name: str) -> Row:
    return Row.objects.get(name=f"portal: {name}")


def test_each_schedule_has_one_row_however_often_it_is_ensured() -> None:
    register_schedule(Schedule("often", TASK, minutes=5))

    for _ in range(3):
        ensure_schedules()

    assert (row("often").schedule_type, row("often").minutes, row("often").repeats) == (Row.MINUTES, 5, -1)


def test_when_it_runs_next_is_kept_unless_the_schedule_has_changed() -> None:
    register_schedule(Schedule("often", TASK, minutes=5))
    ensure_schedules()
    later = timezone.now() + timedelta(minutes=4)
    Row.objects.update(next_run=later)
    ensure_schedules()
    assert row("often").next_run == later

    register_schedule(Schedule("often", TASK, minutes=7))
    ensure_schedules()

    assert (row("often").minutes, row("often").next_run < later) == (7, True)


def test_a_daily_one_runs_first_when_its_time_comes() -> None:
    register_schedule(Schedule("noon", TASK, at=time(12, 0)))

    ensure_schedules()

    first = row("noon").next_run
    assert (first.hour, first.minute) == (12, 0)
    assert timedelta() < first - timezone.now() <= timedelta(days=1)
    assert row("noon").schedule_type == Row.DAILY


def test_doubles_and_what_nobody_registers_any_more_go_and_other_peoples_rows_stay(
    registered: dict[str, Schedule],
) -> None:
    register_schedule(Schedule("often", TASK, minutes=5))
    register_schedule(Schedule("old", TASK, minutes=5))
    ensure_schedules()
    double = row("often")
    double.pk = None
    double.save()
    Row.objects.create(name="theirs", func=TASK)
    del registered["old"]

    ensure_schedules()

    assert sorted(Row.objects.values_list("name", flat=True)) == ["portal: often", "theirs"]


def test_its_time_come_the_short_queue_has_one_message_and_it_is_due_again_later() -> None:
    register_schedule(Schedule("often", TASK, minutes=1))
    ensure_schedules()
    Row.objects.update(next_run=timezone.now() - timedelta(days=3))

    scheduler()
    scheduler()

    [message] = OrmQ.objects.all()
    assert (message.key, message.func()) == ("portal", TASK)
    assert message.task["ack_failure"] and not message.task["save"]
    assert row("often").next_run > timezone.now()


def test_before_the_tables_are_there_it_says_so() -> None:
    def absent(run: Callable[..., object], statement: str, *rest: object) -> object:
        if "django_q_schedule" in statement:
            raise DatabaseError("no such table")
        return run(statement, *rest)

    with connection.execute_wrapper(absent), pytest.raises(DatabaseError):
        ensure_schedules()


def test_the_workers_see_to_it_when_they_start(start_workers: Callable[..., Workers]) -> None:
    start_workers()

    names = {f"portal: {schedule.name}" for schedule in SCHEDULES}
    assert eventually(lambda: set(Row.objects.values_list("name", flat=True)) == names)
    assert row("prune").next_run.time() == time(12, 0)
    assert row("prune").next_run.astimezone(UTC) > datetime.now(UTC)
