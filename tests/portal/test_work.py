"""`manage.py work`: how it begins and how it ends, whoever is told or killed. Nobody is ever left behind."""

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from django_q.models import OrmQ

from environments.actors import Actor
from environments.choices import Origin, Status
from environments.lifecycle.signs import PORTAL, sign_ages
from environments.lifecycle.submit import submit
from environments.models import Operation, Region
from environments.programs import start_ticks
from tests.factories import EnvironmentFactory
from tests.workers import Workers, children_of, eventually, is_running, offspring_of

Start = Callable[..., Workers]
INES = Actor("Ines Duarte", Origin.PERSON)


@pytest.fixture
def ask(tmp_path: Path) -> Callable[..., Operation]:
    """A function that asks for an operation in an environment of its own."""

    def ask(kind: str = "slow", **fields: object) -> Operation:
        place = EnvironmentFactory(**fields)
        return submit(kind, environment=place, by=INES, params={"until": str(tmp_path / "gate")})

    return ask


def crew_of(workers: Workers) -> list[tuple[int, str]]:
    """Everybody, with the moment each began, so that a number given away again is not mistaken."""
    return [(pid, start_ticks(pid)) for pid in [workers.pid, *offspring_of(workers.pid)]]


def is_gone(crew: list[tuple[int, str]]) -> bool:
    return not [pid for pid, ticks in crew if start_ticks(pid) == ticks]


def running() -> int:
    return Operation.objects.filter(status=Status.RUNNING).count()


def busy(start_workers: Start, ask: Callable[..., Operation]) -> tuple[Workers, list[tuple[int, str]]]:
    """Workers with two operations running and two waiting."""
    workers = start_workers()
    for _ in range(4):
        ask()
    eventually(lambda: running() == 2)
    return workers, crew_of(workers)


def test_told_to_stop_it_hands_everything_back_within_seconds(
    start_workers: Start, ask: Callable[..., Operation]
) -> None:
    workers, crew = busy(start_workers, ask)

    workers.signal(signal.SIGTERM)

    assert workers.ended() == 0
    assert [one.status for one in Operation.objects.all()] == [Status.QUEUED] * 4
    assert sorted(one.attempt for one in Operation.objects.all()) == [0, 0, 1, 1]  # nothing new was begun
    assert "did not end in time" not in workers.log.read_text()
    assert is_gone(crew)


def test_what_was_handed_back_goes_on_with_the_next_workers(
    start_workers: Start, ask: Callable[..., Operation], tmp_path: Path
) -> None:
    workers, _ = busy(start_workers, ask)
    workers.signal(signal.SIGTERM)
    assert workers.ended() == 0

    (tmp_path / "gate").touch()
    start_workers()

    eventually(lambda: {one.status for one in Operation.objects.all()} == {Status.COMPLETED})


def test_ctrl_c_is_the_same(start_workers: Start, ask: Callable[..., Operation]) -> None:
    workers, crew = busy(start_workers, ask)

    os.killpg(workers.pid, signal.SIGINT)  # as a terminal does

    assert workers.ended() == 0
    assert running() == 0
    assert is_gone(crew)


def test_told_to_stop_together_with_its_clusters_it_is_the_same(
    start_workers: Start, ask: Callable[..., Operation]
) -> None:
    workers, crew = busy(start_workers, ask)

    for pid in [workers.pid, *children_of(workers.pid)]:
        os.kill(pid, signal.SIGTERM)

    assert workers.ended() == 0
    assert running() == 0
    assert is_gone(crew)


def test_killed_it_takes_its_clusters_along_and_they_hand_back(
    start_workers: Start, ask: Callable[..., Operation]
) -> None:
    workers, crew = busy(start_workers, ask)

    workers.signal(signal.SIGKILL)

    eventually(lambda: is_gone(crew))
    assert running() == 0


@pytest.mark.parametrize("queue", ["portal", "long"])
def test_one_cluster_that_is_killed_ends_all_with_exit_code_1(
    start_workers: Start, ask: Callable[..., Operation], queue: str
) -> None:
    workers, crew = busy(start_workers, ask)

    os.kill(workers.cluster(queue), signal.SIGKILL)

    assert workers.ended() == 1
    eventually(lambda: is_gone(crew))
    # What the killed cluster ran is for the reaper; what could be handed back was.
    assert running() == (2 if queue == "long" else 0)


def test_a_second_signal_is_not_patient(start_workers: Start, ask: Callable[..., Operation]) -> None:
    workers = start_workers()
    operation = ask("once_slow")  # is not handed back
    eventually(lambda: running() == 1)
    crew = crew_of(workers)
    workers.signal(signal.SIGTERM)
    eventually(lambda: len(children_of(workers.pid)) == 1)  # the short queue's has ended
    with pytest.raises(subprocess.TimeoutExpired):
        workers.ended(1)

    workers.signal(signal.SIGTERM)

    assert workers.ended() == 0
    eventually(lambda: is_gone(crew))
    operation.refresh_from_db()
    assert operation.status == Status.RUNNING


def test_what_may_not_be_repeated_is_waited_for(
    start_workers: Start, ask: Callable[..., Operation], tmp_path: Path
) -> None:
    workers = start_workers(PORTAL_TEST_PACE="0.05")
    operation = ask("once_slow")
    eventually(lambda: running() == 1)
    workers.signal(signal.SIGTERM)
    with pytest.raises(subprocess.TimeoutExpired):
        workers.ended(5)  # beyond the three seconds that a cluster may take

    (tmp_path / "gate").touch()

    assert workers.ended() == 0
    operation.refresh_from_db()
    assert (operation.status, operation.message) == (Status.COMPLETED, "It was slow.")


def test_a_deaf_worker_is_killed_when_its_time_is_over(start_workers: Start, ask: Callable[..., Operation]) -> None:
    workers = start_workers(PORTAL_TEST_PACE="0.05")
    ask("deaf")
    eventually(lambda: running() == 1)
    crew = crew_of(workers)

    workers.signal(signal.SIGTERM)

    assert workers.ended() == 0
    assert is_gone(crew)


def test_a_worker_of_a_region_serves_only_its_queue(start_workers: Start, ask: Callable[..., Operation]) -> None:
    asia = Region.objects.create(slug="asia", name="Asia", zone="Asia/Tokyo", queue="asia")
    near, far = ask("quick", region=asia), ask("quick")

    workers = start_workers("--queue", "asia", waits=False)

    eventually(lambda: Operation.objects.get(pk=near.pk).is_ended)
    assert len(children_of(workers.pid)) == 1
    assert len(workers.workers("asia")) == 2
    far.refresh_from_db()
    assert far.status == Status.QUEUED
    assert PORTAL not in sign_ages()  # asked, but nobody serves the short queue
    assert OrmQ.objects.filter(key=PORTAL).exists()


def test_each_cluster_has_a_session_of_its_own(start_workers: Start) -> None:
    workers = start_workers()

    sessions = {os.getsid(pid) for pid in children_of(workers.pid)}

    assert sessions == set(children_of(workers.pid))
    assert len(sessions) == 2


def test_sentinels_workers_and_monitors_die_with_their_main_process(start_workers: Start) -> None:
    """Otherwise they live on without it and take messages."""
    workers = start_workers()
    main = workers.cluster("long")
    theirs = eventually(lambda: len(found := offspring_of(main)) == 5 and found)
    assert theirs
    os.kill(workers.pid, signal.SIGSTOP)  # nobody clears up behind it
    try:
        os.kill(main, signal.SIGKILL)

        eventually(lambda: not [pid for pid in theirs if is_running(pid)])
    finally:
        os.kill(workers.pid, signal.SIGCONT)


def test_a_database_that_is_away_at_the_start_is_waited_for(start_workers: Start) -> None:
    workers = start_workers(waits=False, DATABASE_URL="postgresql://nobody@127.0.0.1:1/nowhere")
    eventually(lambda: b"does not reach the portal's database" in workers.log.read_bytes())
    crew = crew_of(workers)

    workers.signal(signal.SIGTERM)

    assert workers.ended() == 0
    assert is_gone(crew)
