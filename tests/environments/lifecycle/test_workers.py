"""Real workers, real queues, real kills."""

import os
import signal
from collections.abc import Callable

import pytest
from django_q.models import OrmQ
from django_q.status import Stat

from environments.choices import Failure, Status
from environments.lifecycle import signs
from environments.lifecycle.cancel import cancel
from environments.lifecycle.doorbell import ring
from environments.lifecycle.periods import in_seconds
from environments.models import Activity, Environment, Operation
from tests.workers import Workers, eventually, is_running, offspring_of

from .conftest import INES, Asking, fresh

Start = Callable[..., Workers]
SHORT_LEASE = {"PORTAL_TEST_PACE": "0.05"}  # three seconds


def owner_of(operation: Operation) -> int:
    """The process of the worker that runs it."""
    return int(fresh(operation).owner.rpartition("|")[2])


def has_begun(operation: Operation, ask: Asking, attempt: int = 1) -> bool:
    begun = [line for line in ask.lines if line.startswith(f"began {attempt}")]
    return bool(begun) and fresh(operation).status == Status.RUNNING


def family_of(operation: Operation) -> list[int]:
    """The guard, its program and the program's children; all of them running."""
    guard = int(fresh(operation).child.partition("|")[0])
    return eventually(lambda: (found := [guard, *offspring_of(guard)]) and len(found) == 4 and found)


def test_what_is_asked_for_is_done_by_a_worker(start_workers: Start, ask: Asking) -> None:
    start_workers()

    operation = ask("quick")

    eventually(lambda: fresh(operation).is_ended)
    assert (operation.status, operation.message, operation.attempt) == (Status.COMPLETED, "It was quick.", 1)
    assert ask.lines == ["began 1", "ended 1"]


def test_many_messages_to_many_workers_are_one_run(start_workers: Start, ask: Asking) -> None:
    start_workers()
    start_workers()
    operation = ask("slow")
    for _ in range(6):
        ring(operation)
    eventually(lambda: has_begun(operation, ask))
    eventually(lambda: OrmQ.objects.filter(key="long").count() <= 1)  # the one whose worker is at it

    ask.open_gate()
    eventually(lambda: fresh(operation).is_ended)
    ring(operation)  # a late one

    eventually(lambda: not OrmQ.objects.filter(key="long").exists())
    assert ask.lines == ["began 1", "ended 1"]
    assert fresh(operation).status == Status.COMPLETED


def test_a_purged_queue_is_filled_again(start_workers: Start, ask: Asking) -> None:
    operation = ask("quick")
    OrmQ.objects.all().delete()
    Operation.objects.filter(pk=operation.pk).update(ring_at=in_seconds(-1))  # a minute later

    start_workers()

    eventually(lambda: fresh(operation).status == Status.COMPLETED)


def test_operations_of_one_environment_take_turns_and_hold_up_no_other(
    start_workers: Start, ask: Asking, acceptance: Environment
) -> None:
    start_workers()
    first = ask("slow")
    eventually(lambda: has_begun(first, ask))
    second = Operation.objects.create(**_like(first))
    ring(second)
    elsewhere = ask("quick", acceptance)

    eventually(lambda: fresh(elsewhere).is_ended)
    assert (fresh(first).status, fresh(second).status) == (Status.RUNNING, Status.QUEUED)
    ask.open_gate()

    eventually(lambda: fresh(second).status == Status.COMPLETED)
    assert second.started_at and fresh(first).finished_at
    assert first.finished_at <= second.started_at


def _like(operation: Operation) -> dict[str, object]:
    """Another one as if it had come in by a way that does not refuse it."""
    kept = ("kind", "environment", "params", "requested_by_name", "origin", "queue", "time_limit_seconds", "created_at")
    return {name: getattr(operation, name) for name in kept} | {"is_exclusive": True, "may_repeat": True}


def test_a_killed_worker_is_noticed_and_the_work_is_tried_again(start_workers: Start, ask: Asking) -> None:
    start_workers(**SHORT_LEASE)
    operation = ask("slow")
    eventually(lambda: has_begun(operation, ask))

    os.kill(owner_of(operation), signal.SIGKILL)

    eventually(lambda: has_begun(operation, ask, attempt=2))
    ask.open_gate()
    eventually(lambda: fresh(operation).is_ended)
    assert (operation.status, operation.attempt) == (Status.COMPLETED, 2)
    assert ask.lines == ["began 1", "swept 1", "swept 1", "began 2", "ended 2"]


def test_what_may_not_be_repeated_is_ended_as_lost_and_frees_its_place(start_workers: Start, ask: Asking) -> None:
    workers = start_workers(**SHORT_LEASE)
    operation = ask("once_slow")
    eventually(lambda: has_begun(operation, ask))

    for pid in [workers.pid, *offspring_of(workers.pid)]:
        os.kill(pid, signal.SIGKILL)
    start_workers(**SHORT_LEASE)

    eventually(lambda: fresh(operation).is_ended)
    assert (operation.status, operation.failure) == (Status.FAILED, Failure.LOST)
    assert operation.message.startswith("The worker was lost")
    assert Activity.objects.filter(action="once_slow.failed", operation=operation.pk).count() == 1
    following = ask("quick")
    eventually(lambda: fresh(following).status == Status.COMPLETED)
    assert [line for line in ask.lines if line.startswith("began")] == ["began 1", "began 1"]


def test_a_worker_that_slept_too_long_writes_nothing_any_more(start_workers: Start, ask: Asking) -> None:
    start_workers(**SHORT_LEASE)
    operation = ask("slow")
    eventually(lambda: has_begun(operation, ask))
    sleeper = owner_of(operation)

    os.kill(sleeper, signal.SIGSTOP)
    try:
        eventually(lambda: has_begun(operation, ask, attempt=2))
        ask.open_gate()
        eventually(lambda: fresh(operation).is_ended)
    finally:
        os.kill(sleeper, signal.SIGCONT)
    following = ask("quick")
    eventually(lambda: fresh(following).is_ended)

    assert "ended 1" not in ask.lines[: ask.lines.index("ended 2") + 1]
    assert (fresh(operation).status, operation.attempt, operation.message) == (Status.COMPLETED, 2, "It was slow.")
    assert Activity.objects.filter(operation=operation.pk).count() == 1


def test_cancelling_ends_the_program_and_its_children(start_workers: Start, ask: Asking) -> None:
    start_workers()
    operation = ask("family")
    eventually(lambda: has_begun(operation, ask))
    family = family_of(operation)

    cancel(operation, by=INES)

    eventually(lambda: fresh(operation).is_ended)
    assert (operation.failure, operation.message) == (Failure.CANCELLED, "Cancelled by Ines Duarte.")
    assert not [pid for pid in family if is_running(pid)]


def test_a_killed_worker_takes_its_program_and_its_children_along(start_workers: Start, ask: Asking) -> None:
    start_workers()
    operation = ask("once_family")
    eventually(lambda: has_begun(operation, ask))
    family = family_of(operation)

    os.kill(owner_of(operation), signal.SIGKILL)

    eventually(lambda: not [pid for pid in family if is_running(pid)])
    assert fresh(operation).status == Status.RUNNING  # so it was not the reaper


def test_the_librarys_own_time_out_is_an_ending_like_others(start_workers: Start, ask: Asking) -> None:
    start_workers(PORTAL_TEST_LIBRARY_TIMEOUT="2")
    operation = ask("deaf")

    eventually(lambda: fresh(operation).is_ended)

    assert (operation.failure, operation.attempt) == (Failure.TIME_LIMIT, 1)
    eventually(lambda: not OrmQ.objects.filter(key="long").exists())


def test_the_operations_own_time_limit_fires_first_and_the_worker_lives_on(start_workers: Start, ask: Asking) -> None:
    workers = start_workers()
    before = workers.workers("long")
    operation = ask("slow", limit=1)

    eventually(lambda: fresh(operation).is_ended)

    assert operation.failure == Failure.TIME_LIMIT
    following = ask("quick")
    eventually(lambda: fresh(following).is_ended)
    assert workers.workers("long") == before


def test_a_killed_idle_worker_may_deafen_the_queue_which_health_and_work_notice(
    start_workers: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers = start_workers(PORTAL_TEST_PACE="0.015")
    monkeypatch.setattr(signs, "SIGN_STALE_SECONDS", 3)
    assert signs.worker_health().problems == ()
    [idle] = workers.workers("portal")

    os.kill(idle, signal.SIGKILL)

    eventually(lambda: signs.worker_health().problems == (signs.NO_ANSWER,))
    # The library believes in itself; what it says of that lasts three seconds.
    eventually(lambda: any(str(one.status) in ("Idle", "Working") for one in Stat.get_all()))
    assert workers.ended() == 1
