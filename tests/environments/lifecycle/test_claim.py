"""Claiming, ending and handing back: compare and set, whoever else tries."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, connection

from environments import clock
from environments.choices import Failure, Status
from environments.lifecycle.claim import claim, finish, hand_back, me
from environments.models import Activity, Environment, Operation
from tests.factories import OperationFactory

from .conftest import Asking, fresh

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def failing_statements(times: int) -> Iterator[list[str]]:
    """The next statements that would change an operation fail, as when the database restarts."""
    failed: list[str] = []

    def fail(run: Any, statement: str, *rest: Any) -> Any:
        if statement.startswith("UPDATE") and len(failed) < times:
            failed.append(statement)
            raise OperationalError("terminating connection due to administrator command")
        return run(statement, *rest)

    with connection.execute_wrapper(fail):
        yield failed


def test_eight_claims_at_once_have_one_winner(ask: Asking) -> None:
    operation = ask("quick")
    start, won = threading.Barrier(8), []

    def try_it() -> None:
        start.wait()
        if (claimed := claim(operation.pk)) is not None:
            won.append(claimed.attempt)
        connection.close()

    threads = [threading.Thread(target=try_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert won == [1]
    assert (fresh(operation).status, operation.attempt, operation.owner) == (Status.RUNNING, 1, me())
    assert operation.lease_until and timedelta(0) < operation.lease_until - clock.now() < timedelta(seconds=6.5)


@pytest.mark.parametrize(
    "change",
    [
        {"status": Status.RUNNING},
        {"status": Status.COMPLETED},
        {"status": Status.FAILED},
        {"cancelled_by_name": "Ines"},
        {"protocol": 2},
        {"kind": "from the future"},
    ],
    ids=str,
)
def test_what_is_not_to_be_taken_is_not_taken(ask: Asking, change: dict[str, Any]) -> None:
    operation = ask("quick")
    Operation.objects.filter(pk=operation.pk).update(**change)

    assert claim(operation.pk) is None
    assert fresh(operation).attempt == 0


def test_nothing_is_taken_before_its_time(ask: Asking) -> None:
    operation = ask("quick", not_before=clock.now() + timedelta(minutes=1))
    assert claim(operation.pk) is None

    Operation.objects.filter(pk=operation.pk).update(not_before_at=clock.now() - timedelta(seconds=1))
    assert claim(operation.pk) is not None


def test_one_exclusive_operation_runs_in_an_environment(ask: Asking, acceptance: Environment) -> None:
    first = ask("quick")
    second = OperationFactory(queued=True, environment=ask.environment, kind="quick")
    assert claim(first.pk) is not None

    assert claim(second.pk) is None
    assert claim(ask("side_quick").pk) is not None
    assert claim(ask("quick", acceptance).pk) is not None


def test_the_index_refuses_a_second_exclusive_one_whatever_the_code_says(ask: Asking) -> None:
    assert claim(ask("quick").pk) is not None

    with pytest.raises(IntegrityError):
        OperationFactory(running=True, environment=ask.environment, kind="quick")


def test_a_claim_that_the_index_refuses_is_none(ask: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    assert claim(ask("quick").pk) is not None
    second = OperationFactory(queued=True, environment=ask.environment, kind="quick")
    monkeypatch.setattr("environments.lifecycle.claim.is_its_turn", lambda _: True)

    assert claim(second.pk) is None
    assert fresh(second).status == Status.QUEUED


def test_a_zombie_can_neither_end_nor_hand_back_what_another_attempt_has(ask: Asking) -> None:
    zombie = claim(ask("quick").pk)
    assert zombie
    assert hand_back(zombie, "given up", is_a_try=True)
    living = claim(zombie.pk)
    assert living and living.attempt == 2

    assert not finish(zombie, Status.COMPLETED, "The zombie was here.")
    assert not hand_back(zombie, "by a zombie", is_a_try=True)
    assert (fresh(living).status, living.message, living.phase) == (Status.RUNNING, "", "")
    assert not Activity.objects.exists()


def test_an_end_is_written_once_with_its_line_of_history(ask: Asking) -> None:
    operation = claim(ask("quick").pk)
    assert operation

    assert finish(operation, Status.FAILED, "It did not work.", Failure.ERROR)
    finish(operation, Status.COMPLETED, "It did after all.")

    assert (fresh(operation).status, operation.failure, operation.message) == ("Failed", "error", "It did not work.")
    assert operation.finished_at and not operation.owner and operation.lease_until is None
    [line] = Activity.objects.all()
    assert (line.action, line.sentence, line.operation) == ("quick.failed", "It did not work.", operation.pk)
    assert line.actor_name == "Ines Duarte"


def test_an_end_survives_a_database_that_is_away_for_a_while(ask: Asking) -> None:
    operation = claim(ask("quick").pk)
    assert operation

    with failing_statements(3) as failed:
        assert finish(operation, Status.COMPLETED, "Done.")

    assert len(failed) == 3
    assert (fresh(operation).status, Activity.objects.count()) == (Status.COMPLETED, 1)


def test_an_end_whose_commit_was_not_heard_of_is_not_written_twice(ask: Asking) -> None:
    operation = claim(ask("quick").pk)
    assert operation and finish(operation, Status.COMPLETED, "Done.")

    assert finish(operation, Status.COMPLETED, "Done.")  # as it is tried again after a lost connection

    assert Activity.objects.count() == 1


def test_what_is_handed_back_waits_as_before_and_has_not_used_up_a_try(ask: Asking) -> None:
    operation = claim(ask("quick").pk)
    assert operation
    Operation.objects.filter(pk=operation.pk).update(percent=40, child="1|2", rings=5)

    assert hand_back(operation, "The worker was stopped", is_a_try=False)

    assert (fresh(operation).status, operation.phase, operation.percent) == (
        Status.QUEUED,
        "The worker was stopped",
        None,
    )
    assert (operation.owner, operation.child, operation.rings, operation.started_at) == ("", "", 0, None)
    assert (operation.attempt, operation.max_attempts) == (1, 4)
