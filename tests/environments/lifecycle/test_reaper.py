"""The reaper: what was lost is found, buried and tried again, or ended; nothing is taken from the living."""

import logging
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import OperationalError
from django_q.models import OrmQ

from environments import clock
from environments.choices import Failure, Status
from environments.lifecycle import claim as claims
from environments.lifecycle import kinds, reaper
from environments.lifecycle.cancel import cancel
from environments.lifecycle.claim import claim
from environments.lifecycle.kinds import Kind, register
from environments.lifecycle.periods import in_seconds
from environments.lifecycle.reaper import LOST, reap
from environments.lifecycle.run import run
from environments.lifecycle.signs import PORTAL, REAPER, sign, sign_ages
from environments.models import Activity, Environment, Operation
from environments.programs import Program, start_ticks
from tests.factories import OperationFactory
from tests.workers import eventually, is_running, offspring_of

from .conftest import INES, Asking, fresh

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _forgets_the_special_kind() -> Iterator[None]:
    yield
    kinds._kinds.pop("special", None)


def lose(operation: Operation) -> Operation:
    """Claim it, and let its worker be gone for longer than the lease."""
    claimed = claim(operation.pk)
    assert claimed
    Operation.objects.filter(pk=claimed.pk).update(lease_until=in_seconds(-1))
    return claimed


def rung() -> list[str]:
    """The operations named in messages."""
    return [message.task["args"][0] for message in OrmQ.objects.filter(key="long").order_by("id")]


def test_whoever_keeps_its_lease_is_left_alone(ask: Asking) -> None:
    operation = claim(ask("quick").pk)
    assert operation

    reap()

    assert (fresh(operation).status, operation.owner) == (Status.RUNNING, claims.me())


def test_lost_work_that_may_be_repeated_is_swept_queued_and_rung(ask: Asking) -> None:
    operation = lose(ask("quick", is_rung=False))

    reap()

    assert (fresh(operation).status, operation.attempt, operation.owner) == (Status.QUEUED, 1, "")
    assert operation.phase == reaper.TRIED_AGAIN
    assert ask.lines == ["swept 1"]
    assert rung() == [str(operation.pk)]
    assert not Activity.objects.exists()  # it has not ended


def test_lost_work_that_may_not_be_repeated_has_failed_and_frees_its_place(ask: Asking) -> None:
    operation = lose(ask("once_quick"))

    reap()

    assert (fresh(operation).status, operation.failure) == (Status.FAILED, Failure.LOST)
    assert operation.message.startswith("The worker was lost (try 1 of 3).")
    assert Activity.objects.get().action == "once_quick.failed"
    ask("quick")


def test_the_third_loss_is_the_last(ask: Asking) -> None:
    operation = ask("quick")
    for _ in range(3):
        lose(operation)
        reap()

    assert (fresh(operation).status, operation.failure, operation.attempt) == (Status.FAILED, Failure.LOST, 3)
    assert operation.message.startswith("The worker was lost (try 3 of 3).")
    assert ask.lines == ["swept 1", "swept 2", "swept 3"]


def test_a_lost_one_that_was_to_be_cancelled_is_not_tried_again(ask: Asking) -> None:
    operation = lose(ask("quick"))
    cancel(operation, by=INES)

    reap()

    assert (fresh(operation).failure, operation.message) == (Failure.CANCELLED, "Cancelled by Ines Duarte.")


def test_a_wish_that_fell_between_two_attempts_is_heard(ask: Asking) -> None:
    operation = ask("quick")
    Operation.objects.filter(pk=operation.pk).update(cancelled_by_name="Ines Duarte")

    reap()
    reap()

    assert (fresh(operation).status, operation.failure) == (Status.FAILED, Failure.CANCELLED)
    assert [line.action for line in Activity.objects.all()] == ["quick.cancelled"]


def test_the_slow_are_fenced_before_anything_of_theirs_is_removed(ask: Asking) -> None:
    """A worker that wakes up while it is being buried must find the row no longer its own."""
    seen: list[bool] = []
    slow: list[Operation] = []

    def sweep(operation: Operation, _: int) -> None:
        seen.append(claims.owned(slow[0]).exists())

    register(Kind("special", lambda _: "", is_exclusive=True, may_repeat=True, sweep=sweep))
    slow.append(lose(ask("special")))

    reap()

    assert seen == [False]


def test_a_reaper_that_dies_over_a_burial_is_followed_by_another(ask: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    operation = lose(ask("quick"))
    with monkeypatch.context() as patch:
        patch.setattr(reaper, "_sweep", lambda _: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            reap()
    assert fresh(operation).status == Status.RUNNING
    assert operation.owner.startswith(LOST) and operation.owner.endswith(f"|{claims.me()}")
    reap()  # not before its lease is over
    assert fresh(operation).status == Status.RUNNING

    Operation.objects.filter(pk=operation.pk).update(lease_until=in_seconds(-1))
    reap()

    assert (fresh(operation).status, ask.lines) == (Status.QUEUED, ["swept 1"])


def test_two_reapers_bury_once(ask: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    operation = lose(ask("once_quick"))
    found = reaper._lost()
    reap()
    monkeypatch.setattr(reaper, "_lost", lambda: found)

    reap()

    assert (fresh(operation).failure, ask.lines) == (Failure.LOST, ["swept 1"])
    assert Activity.objects.count() == 1


def test_what_cannot_be_swept_now_is_logged_and_tried_before_the_next_attempt(
    ask: Asking, caplog: pytest.LogCaptureFixture
) -> None:
    swept: list[int] = []

    def sweep(_: Operation, attempt: int) -> None:
        swept.append(attempt)
        if len(swept) == 1:
            raise OSError("vault away")

    register(Kind("special", lambda _: "Done.", is_exclusive=True, may_repeat=True, sweep=sweep))
    operation = lose(ask("special"))
    reap()
    assert "vault away" in caplog.text
    assert fresh(operation).status == Status.QUEUED

    run(operation.pk)

    assert (fresh(operation).status, swept) == (Status.COMPLETED, [1, 1])


def test_a_kind_nobody_knows_any_more_still_ends(ask: Asking) -> None:
    operation = lose(ask("once_quick"))
    Operation.objects.filter(pk=operation.pk).update(kind="forgotten")

    reap()

    assert fresh(operation).failure == Failure.LOST


def test_the_program_of_a_lost_worker_is_ended_first(ask: Asking, tmp_path: Any) -> None:
    with Program(["sh", "-c", "sleep 61 & setsid sleep 62 & exec sleep 63"], environ={}) as program:
        guard = int(program.child.partition("|")[0])
        family = eventually(lambda: (found := [guard, *offspring_of(guard)]) and len(found) == 4 and found)
        operation = lose(ask("quick"))
        Operation.objects.filter(pk=operation.pk).update(child=program.child)

        reap()

        assert fresh(operation).status == Status.QUEUED
        assert not [pid for pid in family if is_running(pid)]


@pytest.mark.parametrize("change", [{"owner": "elsewhere|boot|1"}, {"child": "{pid}|1"}], ids=["machine", "number"])
def test_a_process_that_only_has_its_number_is_left_alone(ask: Asking, change: dict[str, str]) -> None:
    with subprocess.Popen(["sleep", "60"]) as stranger:
        operation = lose(ask("quick"))
        child = f"{stranger.pid}|{start_ticks(stranger.pid)}"
        fields = {"child": child} | {name: value.format(pid=stranger.pid) for name, value in change.items()}
        Operation.objects.filter(pk=operation.pk).update(**fields)

        reap()

        assert is_running(stranger.pid)
        stranger.kill()


def test_the_database_sessions_of_a_lost_attempt_are_ended_and_no_others(
    ask: Asking, make_place: Callable[..., Environment]
) -> None:
    place = make_place()
    operation = lose(ask("quick", place))
    where = place.database_address
    login: dict[str, Any] = {"host": where.host, "port": where.port, "dbname": where.name, "user": where.user}
    with (
        psycopg.connect(**login, application_name=f"op-{operation.pk.hex}.1", autocommit=True) as lost,
        psycopg.connect(**login, application_name=f"op-{operation.pk.hex}.2", autocommit=True) as other,
    ):
        reap()

        with pytest.raises(psycopg.OperationalError):
            lost.execute("SELECT 1")
        other.execute("SELECT 1")


def test_a_database_out_of_reach_holds_up_no_burial(ask: Asking, caplog: pytest.LogCaptureFixture) -> None:
    operation = lose(ask("quick"))

    with caplog.at_level(logging.WARNING):
        reap()

    assert fresh(operation).status == Status.QUEUED
    assert "could not be looked for" in caplog.text


def test_a_dead_queue_is_asked_once_a_pass(ask: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = OperationFactory.create_batch(3, queued=True, kind="quick", ring_at=clock.now() - timedelta(seconds=1))
    asked: list[str] = []

    def refuse(name: str, *arguments: str, **_: object) -> None:
        asked.extend(arguments)
        raise OperationalError("no queue")

    monkeypatch.setattr("environments.lifecycle.doorbell.async_task", refuse)

    reap()

    assert len([one for one in asked if one != PORTAL]) == 1
    assert all(fresh(one).rings == 0 for one in waiting)


def test_each_pass_is_signed_and_the_short_queue_is_asked_to_sign(ask: Asking) -> None:
    reap()

    assert REAPER in sign_ages()
    [message] = OrmQ.objects.filter(key=PORTAL)
    assert (message.func(), message.task["args"]) == ("environments.tasks.sign_of_life", (PORTAL,))


def test_a_queue_that_answers_nobody_is_not_filled_with_questions(ask: Asking) -> None:
    for _ in range(5):
        reap()
    assert OrmQ.objects.filter(key=PORTAL).count() == 1

    sign(PORTAL)  # the answer
    reap()

    assert OrmQ.objects.filter(key=PORTAL).count() == 2
