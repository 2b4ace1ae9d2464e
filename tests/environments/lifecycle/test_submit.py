"""Asking for an operation: one transaction, one message after it, and refusals that say why."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django_q.conf import Conf
from django_q.models import OrmQ

from environments import clock
from environments.actors import NIGHTLY
from environments.choices import Status
from environments.errors import EnvironmentBusy
from environments.lifecycle.reaper import reap
from environments.models import Environment, Operation, Region

from .conftest import INES, Asking, at_once, fresh

pytestmark = pytest.mark.django_db(transaction=True)
Count = Callable[[], int]


@contextmanager
def broken_queue() -> Iterator[None]:
    """The queue's table refuses every message."""

    def refuse(run: Any, statement: str, *rest: Any) -> Any:
        if statement.startswith("INSERT INTO") and "django_q_ormq" in statement:
            raise OperationalError("the queue is down")
        return run(statement, *rest)

    with connection.execute_wrapper(refuse):
        yield


def test_a_rolled_back_request_leaves_neither_row_nor_message(ask: Asking, messages: Count) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        ask("quick")
        raise ZeroDivisionError

    assert (Operation.objects.count(), messages()) == (0, 0)


def test_the_message_is_sent_after_the_commit_and_names_the_operation_only(ask: Asking, messages: Count) -> None:
    with transaction.atomic():
        operation = ask("quick")
        assert messages() == 0

    [message] = OrmQ.objects.all()
    assert (message.key, message.func(), message.task["args"]) == (
        "long",
        "environments.tasks.look_at",
        (str(operation.pk),),
    )


def test_a_dead_queue_fails_no_request_and_the_reaper_rings_again(ask: Asking, messages: Count) -> None:
    with broken_queue():
        operation = ask("quick")
        assert fresh(operation).status == Status.QUEUED
        reap()
        assert messages() == 0

    reap()

    assert OrmQ.objects.filter(key="long").count() == 1


def test_the_bell_is_rung_again_later_and_later(ask: Asking, messages: Count) -> None:
    operation = ask("quick")
    pauses = []
    for _ in range(7):
        asked = Operation.objects.filter(pk=operation.pk)
        ring_at = fresh(operation).ring_at
        assert ring_at
        pauses.append(round((ring_at - clock.now()).total_seconds()))
        reap()
        assert OrmQ.objects.filter(key="long").count() == len(pauses)  # not yet time
        asked.update(ring_at=clock.now() - timedelta(seconds=1))
        reap()

    assert pauses == [6, 12, 24, 48, 90, 90, 90]  # a tenth of a minute, doubled, up to a tenth of fifteen


def test_a_second_exclusive_request_is_refused_with_what_is_in_the_way(ask: Asking, messages: Count) -> None:
    with clock.turned_to(datetime(2026, 11, 25, 14, 30, tzinfo=UTC)):
        first = ask("quick")

    with pytest.raises(EnvironmentBusy) as refused:
        ask("slow")

    assert str(refused.value) == (
        "The quick work waits for a worker in this environment since 2026-11-25 14:30 UTC, "
        "asked for by Ines Duarte. Nothing was started; wait for its end, or cancel it."
    )
    Operation.objects.filter(pk=first.pk).update(status=Status.RUNNING, started_at=first.created_at)
    with pytest.raises(EnvironmentBusy, match="is under way in this environment since 2026-11-25 14:30 UTC"):
        ask("slow")
    assert Operation.objects.count() == 1


def test_ended_ones_other_places_and_side_work_are_in_nobodys_way(ask: Asking, acceptance: Environment) -> None:
    Operation.objects.filter(pk=ask("quick").pk).update(status=Status.COMPLETED)
    ask("quick")
    ask("quick", acceptance)
    ask("side_quick")
    ask("side_quick")


def test_a_waiting_nightly_gives_way_to_people_but_a_running_one_does_not(ask: Asking) -> None:
    nightly = ask("quick", by=NIGHTLY)

    person = ask("quick")

    Operation.objects.filter(pk=person.pk).update(status=Status.COMPLETED)
    Operation.objects.filter(pk=nightly.pk).update(status=Status.RUNNING)
    with pytest.raises(EnvironmentBusy, match="asked for by Nightly"):
        ask("quick")


def test_two_exclusive_requests_at_once_are_one_operation_and_one_refusal(ask: Asking) -> None:
    refused = at_once(8, lambda: ask("quick"))

    assert Operation.objects.count() == 1
    assert [type(one) for one in refused] == [EnvironmentBusy] * 7


def test_one_key_asked_for_six_times_at_once_makes_one_operation(ask: Asking, messages: Count) -> None:
    assert at_once(6, lambda: ask("quick", by=NIGHTLY, unique_key="nightly/2026-11-25")) == []

    assert Operation.objects.count() == 1
    assert messages() == 1
    again = ask("quick", by=NIGHTLY, unique_key="nightly/2026-11-25")
    assert again == Operation.objects.get()


def test_a_region_names_the_queue_of_its_workers(ask: Asking) -> None:
    Region.objects.update(queue="asia")

    assert ask("quick").queue == "asia"
    assert OrmQ.objects.get().key == "asia"


def test_what_is_asked_for_later_is_rung_for_when_its_time_has_come(ask: Asking, messages: Count) -> None:
    operation = ask("quick", not_before=clock.now() + timedelta(hours=1))
    reap()
    assert not OrmQ.objects.filter(key="long").exists()

    Operation.objects.filter(pk=operation.pk).update(not_before_at=clock.now() - timedelta(seconds=1))
    reap()

    assert OrmQ.objects.filter(key="long").count() == 1


def test_what_is_done_here_is_left_to_us_for_a_minute_and_then_belongs_to_the_workers(
    ask: Asking, messages: Count
) -> None:
    operation = ask("quick", is_rung=False)
    reap()
    assert not OrmQ.objects.filter(key="long").exists()
    ring_at = fresh(operation).ring_at
    assert ring_at and 4 < (ring_at - clock.now()).total_seconds() <= 6  # a tenth of a minute

    Operation.objects.filter(pk=operation.pk).update(ring_at=clock.now() - timedelta(seconds=1))
    reap()

    assert OrmQ.objects.filter(key="long").count() == 1


def test_the_moment_and_the_asker_are_kept_as_they_were(ask: Asking) -> None:
    moment = datetime(2026, 2, 28, 12, tzinfo=UTC)

    operation = fresh(ask("quick", at=moment, max_attempts=1))

    assert (operation.created_at, operation.max_attempts) == (moment, 1)
    assert (operation.requested_by_name, operation.origin) == (INES.name, INES.origin)


def test_without_a_queue_at_all_everything_is_done_in_the_asking_process(
    ask: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Conf, "SYNC", True)

    operation = ask("quick")

    assert (fresh(operation).status, ask.lines) == (Status.COMPLETED, ["began 1", "ended 1"])
