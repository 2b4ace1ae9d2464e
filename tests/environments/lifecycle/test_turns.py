"""Turns at a database server: only so many backups at a time, one place kept for people, and nobody forgotten."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django_q.models import OrmQ

from environments import clock
from environments.actors import NIGHTLY
from environments.choices import Status
from environments.errors import EnvironmentBusy
from environments.lifecycle.claim import claim, finish
from environments.lifecycle.run import run, run_here
from environments.lifecycle.signs import stuck_queues
from environments.lifecycle.turns import PEOPLE_FIRST, SERVER_IS_BUSY
from environments.models import Operation, Region
from tests.factories import EnvironmentFactory, OperationFactory

from .conftest import CANNOT_BEGIN, Asking, fresh

pytestmark = pytest.mark.django_db(transaction=True)
ELSEWHERE = "postgresql://app@elsewhere.example:5432/app"


@pytest.fixture
def night(ask: Asking) -> Callable[..., Operation]:
    """A function that asks, as the night, for heavy work in an environment of its own."""

    def asked(**fields: Any) -> Operation:
        return ask("heavy_quick", EnvironmentFactory(**fields), by=NIGHTLY, is_rung=False)

    return asked


@pytest.fixture
def person(ask: Asking) -> Callable[..., Operation]:
    def asked(**fields: Any) -> Operation:
        return ask("heavy_quick", EnvironmentFactory(**fields), is_rung=False)

    return asked


Asks = Callable[..., Operation]


def test_the_night_takes_all_places_but_one_and_a_person_that_one(night: Asks, person: Asks) -> None:
    first, second = night(), night()

    assert claim(first.pk)
    assert claim(second.pk) is None
    assert claim(person().pk)

    assert (fresh(second).status, second.phase, second.attempt) == (Status.QUEUED, SERVER_IS_BUSY, 0)


def test_nobody_takes_more_than_there_are(night: Asks, person: Asks) -> None:
    claimed = [claim(one.pk) for one in (person(), person(), person(), night())]

    assert [bool(one) for one in claimed] == [True, True, False, False]


@pytest.mark.parametrize(("most", "nights"), [(1, 1), (2, 1), (3, 2), (5, 4)])
def test_how_many_it_may_be_stands_with_the_region(night: Asks, most: int, nights: int) -> None:
    Region.objects.update(backups_at_once=most)
    asked = [night() for _ in range(6)]
    Region.objects.update(backups_at_once=most)

    assert sum(claim(one.pk) is not None for one in asked) == nights


def test_each_server_has_its_own_turns_however_it_is_written(night: Asks) -> None:
    here = [night(database=f"postgresql://a@{host}:7/a") for host in ("localhost", "127.0.0.1", "[::1]", "LOCALHOST")]
    there = night(database=ELSEWHERE)

    assert [bool(claim(one.pk)) for one in here] == [True, False, False, False]
    assert claim(there.pk)


def test_work_that_reads_no_database_takes_no_turn(night: Asks, ask: Asking) -> None:
    assert claim(night().pk)

    assert ask("quick", is_rung=False).server == ""
    assert claim(ask("quick", EnvironmentFactory(), by=NIGHTLY).pk)


def test_the_night_gives_way_to_people_of_the_same_workers(night: Asks, ask: Asking) -> None:
    waiting = ask("quick", is_rung=False)
    nightly = night(database=ELSEWHERE)

    assert claim(nightly.pk) is None
    assert fresh(nightly).phase == PEOPLE_FIRST

    assert claim(waiting.pk)
    assert claim(nightly.pk)


@pytest.mark.parametrize(
    "change",
    CANNOT_BEGIN,
    ids=lambda change: next(iter(change)),
)
def test_it_gives_way_to_nothing_that_could_not_begin(night: Asks, ask: Asking, change: dict[str, Any]) -> None:
    Operation.objects.filter(pk=ask("quick", is_rung=False).pk).update(**change)

    assert claim(night().pk)


def test_it_gives_way_to_nobody_who_waits_for_something_else(night: Asks, person: Asks, ask: Asking) -> None:
    OperationFactory(environment=ask.environment, kind="quick", running=True)
    OperationFactory(environment=ask.environment, kind="quick", queued=True)
    assert [bool(claim(person(database=ELSEWHERE).pk)) for _ in range(3)] == [True, True, False]

    assert claim(night().pk)


def test_who_ends_there_rings_for_the_next_people_first(night: Asks, person: Asks) -> None:
    one, *others = (night() for _ in range(3))
    people = [person(), person()]
    assert claim(people[0].pk)
    OrmQ.objects.all().delete()

    run(one.pk)  # gives way: a person waits
    assert not OrmQ.objects.exists()
    claimed = claim(people[1].pk)
    assert claimed
    finish(claimed, Status.COMPLETED, "done")
    run(one.pk)

    [message] = OrmQ.objects.all()
    assert message.task["args"] == (str(others[0].pk),)


def test_who_cannot_begin_there_is_not_the_next(night: Asks) -> None:
    one, blocked, free = (night() for _ in range(3))
    OperationFactory(environment=blocked.environment, kind="quick", running=True)
    OrmQ.objects.all().delete()

    run(one.pk)

    [message] = OrmQ.objects.all()
    assert message.task["args"] == (str(free.pk),)


def test_waiting_for_a_turn_is_no_sign_that_the_workers_are_deaf(night: Asks) -> None:
    first, second = night(), night()
    assert claim(first.pk)
    Operation.objects.update(rings=9, started_at=clock.now() - timedelta(hours=1))
    assert stuck_queues() == ["long"]

    run(second.pk)

    assert stuck_queues() == []
    assert fresh(second).ring_at and fresh(second).ring_at > clock.now()


def test_here_and_now_it_says_what_it_waits_for(person: Asks) -> None:
    assert claim(person().pk) and claim(person().pk)

    with pytest.raises(EnvironmentBusy, match="its database server gives as many backups at a time as it may"):
        run_here(person())


def test_claims_at_once_do_not_take_one_place_twice(night: Asks) -> None:
    asked = [night() for _ in range(8)]
    start, won = threading.Barrier(8), []

    def try_it(operation: Operation) -> None:
        start.wait()
        try:
            if claim(operation.pk):
                won.append(operation)
        finally:
            connection.close()

    threads = [threading.Thread(target=try_it, args=[one]) for one in asked]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(won) == 1
