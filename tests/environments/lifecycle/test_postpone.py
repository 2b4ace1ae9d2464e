"""A failed attempt whose kind says when it is tried again, on the same row."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from environments import clock
from environments.choices import Failure, Status
from environments.errors import Failed
from environments.lifecycle import kinds
from environments.lifecycle.attempt import Attempt, Fenced, TimeUp
from environments.lifecycle.cancel import cancel
from environments.lifecycle.claim import claim, postpone
from environments.lifecycle.kinds import Again, Kind, register
from environments.lifecycle.reaper import reap
from environments.lifecycle.run import run
from environments.models import Activity, Operation

from .conftest import INES, Asking, fresh

pytestmark = pytest.mark.django_db(transaction=True)
Outcome = Callable[[Attempt], str]


@pytest.fixture(autouse=True)
def _forgets_the_special_kind() -> Iterator[None]:
    yield
    kinds._kinds.pop("special", None)


def twice_more(operation: Operation) -> Again | None:
    """In ten minutes, until the third has failed."""
    if operation.attempt >= operation.max_attempts:
        return None
    return Again(clock.now() + timedelta(minutes=10), f"try {operation.attempt + 1} of 3")


def asked_for(ask: Asking, perform: Outcome) -> Operation:
    register(Kind("special", perform, is_exclusive=True, may_repeat=True, after_failure=twice_more))
    return ask("special", is_rung=False)


def raising(error: BaseException) -> Outcome:
    def perform(_: Attempt) -> str:
        raise error

    return perform


def let_its_time_come(operation: Operation) -> None:
    Operation.objects.filter(pk=operation.pk).update(not_before_at=timezone.now() - timedelta(seconds=1))


def test_it_waits_on_its_own_row_and_says_why_and_until_when(ask: Asking) -> None:
    operation = asked_for(ask, raising(Failed("The table is locked.")))

    run(operation.pk)

    assert (fresh(operation).status, operation.phase, operation.failure) == (Status.QUEUED, "try 2 of 3", "")
    assert operation.message == "The table is locked."
    assert operation.not_before_at and operation.not_before_at > clock.now() + timedelta(minutes=9)
    assert (operation.owner, operation.lease_until, operation.started_at) == ("", None, None)
    [line] = Activity.objects.all()
    assert line.action == "special.postponed"
    assert line.sentence == "The table is locked. It is tried again: try 2 of 3."


def test_nobody_takes_it_before_its_time_and_the_reaper_rings_when_it_has_come(ask: Asking) -> None:
    operation = asked_for(ask, raising(Failed("The table is locked.")))
    run(operation.pk)

    reap()
    run(operation.pk)
    assert not OrmQ.objects.filter(key="long").exists()
    assert fresh(operation).attempt == 1

    let_its_time_come(operation)
    reap()
    assert OrmQ.objects.get(key="long").task["args"] == (str(operation.pk),)


def test_the_last_failure_is_final_and_says_so_once(ask: Asking) -> None:
    operation = asked_for(ask, raising(Failed("The table is locked.")))

    for _ in range(4):
        run(operation.pk)
        let_its_time_come(operation)

    assert (fresh(operation).status, operation.attempt, operation.failure) == (Status.FAILED, 3, Failure.ERROR)
    actions = list(Activity.objects.order_by("id").values_list("action", flat=True))
    assert actions == ["special.postponed", "special.postponed", "special.failed"]


def test_a_later_success_forgets_what_went_wrong_before(ask: Asking) -> None:
    outcomes: list[Outcome] = [raising(Failed("The table is locked.")), lambda _: "It went well."]
    operation = asked_for(ask, lambda attempt: outcomes[attempt.number - 1](attempt))
    run(operation.pk)
    let_its_time_come(operation)

    run(operation.pk)

    assert (fresh(operation).status, operation.message) == (Status.COMPLETED, "It went well.")


@pytest.mark.parametrize("error", [TimeUp(), Fenced()], ids=repr)
def test_only_errors_are_tried_again(ask: Asking, error: Exception) -> None:
    operation = asked_for(ask, raising(error))

    run(operation.pk)

    assert fresh(operation).status != Status.QUEUED
    assert not Activity.objects.filter(action="special.postponed").exists()


def test_one_that_waits_for_its_next_try_can_be_cancelled(ask: Asking) -> None:
    operation = asked_for(ask, raising(Failed("The table is locked.")))
    run(operation.pk)

    cancel(fresh(operation), by=INES)

    assert (fresh(operation).status, operation.failure) == (Status.FAILED, Failure.CANCELLED)


def test_a_zombie_cannot_put_off_what_another_attempt_has(ask: Asking) -> None:
    zombie = claim(asked_for(ask, lambda _: "done").pk)
    assert zombie
    Operation.objects.filter(pk=zombie.pk).update(attempt=2)

    assert not postpone(zombie, Again(clock.now(), "try 2 of 3"), "The zombie failed.")

    assert fresh(zombie).status == Status.RUNNING
    assert not Activity.objects.exists()


@pytest.mark.parametrize(("error", "lines"), [(None, []), (Failed("It is damaged."), ["special.failed"])])
def test_a_quiet_kind_tells_of_its_failures_alone(ask: Asking, error: Exception | None, lines: list[str]) -> None:
    perform = raising(error) if error else lambda _: "Nothing to tell."
    register(Kind("special", perform, is_exclusive=False, may_repeat=True, is_quiet=True))

    run(ask("special", is_rung=False).pk)

    assert list(Activity.objects.values_list("action", flat=True)) == lines
