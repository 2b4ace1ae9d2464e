"""Turns among people: who asks for much does not go before who asks for little, and no worker idles for that."""

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models.functions import Now
from django_q.models import OrmQ

from environments import clock
from environments.actors import NIGHTLY, Actor
from environments.choices import Origin, Status
from environments.lifecycle.claim import claim, finish
from environments.lifecycle.reaper import reap
from environments.lifecycle.run import ring_next
from environments.lifecycle.turns import OTHERS_FIRST
from environments.models import Environment, Operation, Region
from tests.factories import EnvironmentFactory, OperationFactory, UserFactory

from .conftest import CANNOT_BEGIN, Asking, at_once, fresh

pytestmark = pytest.mark.django_db(transaction=True)
Asks = Callable[..., Operation]


@pytest.fixture
def many(developer: User, ask: Asking) -> Asks:
    """A function that asks in an environment of its own, for who asks for much."""
    return lambda kind="quick", **options: ask(kind, EnvironmentFactory(), by=Actor.person(developer), **options)


@pytest.fixture
def few(operator: User, ask: Asking) -> Asks:
    """The same, for who asks for little."""
    return lambda kind="quick", **options: ask(kind, EnvironmentFactory(), by=Actor.person(operator), **options)


class Workers:
    """So many workers of one queue, that take messages in their order; only the work itself is left out."""

    def __init__(self, number: int) -> None:
        self.number, self.running, self.begun = number, list[Operation](), list[Operation]()

    def look(self) -> None:
        """Idle ones take messages as long as there are some."""
        while len(self.running) < self.number and (message := OrmQ.objects.filter(key="long").order_by("pk").first()):
            message.delete()
            if found := claim(message.task["args"][0]):
                self.running.append(found)
                self.begun.append(found)

    def end(self, at: int = 0) -> None:
        operation = self.running.pop(at)
        assert finish(operation, Status.COMPLETED, "done")
        ring_next(operation.environment)
        self.look()


@pytest.mark.parametrize("number", [1, 2, 3])
def test_after_ten_of_one_the_next_is_that_of_another(many: Asks, few: Asks, number: int) -> None:
    workers = Workers(number)
    asked = [many() for _ in range(10)]
    workers.look()
    hers = few()

    workers.end()

    assert workers.begun[number] == hers
    while workers.running:  # nobody idles, and nobody waits for the reaper
        assert len(workers.running) == min(number, 11 - len(workers.begun) + len(workers.running))
        workers.end()
    assert set(workers.begun) == {*asked, hers}


def test_it_says_that_others_go_first_and_rings_for_them(many: Asks, few: Asks) -> None:
    assert claim(many().pk)
    second, hers = many(), few()
    OrmQ.objects.all().delete()  # the queue lost its messages

    assert claim(second.pk) is None
    assert (fresh(second).status, second.phase, second.attempt) == (Status.QUEUED, OTHERS_FIRST, 0)
    workers = Workers(2)
    workers.look()

    assert workers.begun == [hers, second]


def test_it_lets_others_go_first_again_without_ringing_for_itself(many: Asks, few: Asks) -> None:
    assert claim(many().pk)
    second, hers = many(), few()
    assert claim(second.pk) is None
    OrmQ.objects.all().delete()

    assert claim(second.pk) is None

    [message] = OrmQ.objects.all()
    assert message.task["args"] == (str(hers.pk),)
    ring_at = fresh(second).ring_at
    assert second.rings == 0 and ring_at and ring_at < clock.now() + timedelta(seconds=5)


def test_who_ends_rings_for_those_who_let_others_go_first(many: Asks, few: Asks) -> None:
    workers = Workers(2)
    first, second, hers = many(), many(), few()
    running = claim(first.pk)
    assert running and claim(second.pk) is None
    assert claim(hers.pk)
    OrmQ.objects.all().delete()

    workers.running = [running]
    workers.end()

    assert workers.begun == [second]


def test_whose_last_turn_is_older_goes_first(many: Asks, few: Asks, ask: Asking) -> None:
    workers = Workers(1)
    for asks in (few, many):
        asks()
        workers.look()
        workers.end()

    newest, older, none = many(), few(), ask("quick", by=Actor.person(UserFactory()))
    workers.look()
    workers.end()
    workers.end()

    assert workers.begun[2:] == [none, older, newest]


@pytest.mark.parametrize(
    "change",
    [
        *CANNOT_BEGIN,
        {"origin": Origin.COMMAND_LINE},
        {"requested_by": None},
    ],
    ids=lambda change: "-".join([*change, str(change.get("origin", ""))]),
)
def test_it_waits_for_nothing_that_could_not_begin(many: Asks, few: Asks, change: dict[str, Any]) -> None:
    assert claim(many().pk)
    Operation.objects.filter(pk=few().pk).update(**change)

    assert claim(many().pk)


def test_it_waits_for_nobody_whose_environment_or_server_is_taken(many: Asks, few: Asks, ask: Asking) -> None:
    assert claim(many("heavy_quick").pk) and claim(ask("heavy_quick", EnvironmentFactory(), by=NIGHTLY).pk)
    few("heavy_quick")  # two are at work at this server
    assert claim(many().pk)

    hers = few()
    OperationFactory(environment=hers.environment, kind="quick", running=True)
    assert claim(many().pk)

    few("side_quick")  # excludes nothing, so it could begin
    assert claim(many().pk) is None


def test_how_many_a_server_gives_is_asked_of_each_region(many: Asks, few: Asks) -> None:
    assert claim(many("heavy_quick").pk)
    hers = few("heavy_quick")
    wider = Region.objects.create(slug="wider", name="Wider", zone="UTC", backups_at_once=5)
    Region.objects.exclude(pk=wider.pk).update(backups_at_once=1)
    assert claim(many().pk)

    Environment.objects.filter(pk=hers.environment_id).update(region=wider)

    assert claim(many().pk) is None


def test_it_waits_for_nobody_who_has_something_at_work_here(many: Asks, few: Asks) -> None:
    assert claim(many().pk)
    hers = few()
    assert claim(hers.pk)
    few()

    assert claim(many().pk)
    Operation.objects.filter(pk=hers.pk).update(queue="other")
    assert claim(many().pk) is None


def test_what_one_has_at_work_in_another_queue_counts_there(many: Asks, few: Asks) -> None:
    running = claim(many().pk)
    assert running
    few()
    Operation.objects.filter(pk=running.pk).update(queue="other")

    assert claim(many().pk)


def test_many_claims_at_once_do_not_all_go_before_another(many: Asks, few: Asks) -> None:
    asked = [many() for _ in range(8)]
    few()
    won = list[Operation]()

    def take() -> None:
        if found := claim(asked.pop().pk):
            won.append(found)

    assert at_once(8, take) == []

    assert len(won) == 1


@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_all_is_done_and_nobody_is_passed_over(ask: Asking, seed: int) -> None:
    chance, workers = random.Random(seed), Workers(1 + seed)
    people = [Actor.person(UserFactory()) for _ in range(3)]
    places = [EnvironmentFactory(database=f"postgresql://app@db-{one % 2}/app") for one in range(12)]
    asked = set()
    for _ in range(60):
        begun_before = len(workers.begun)
        busy = {one.environment_id for one in Operation.objects.filter(status__in=("Queued", "Running"))}
        free = [place for place in places if place.pk not in busy]
        if free and chance.random() < 0.6:
            kind = chance.choice(["quick", "heavy_quick"])
            asked.add(ask(kind, free[0], by=chance.choice([people[0], *people])).pk)
        elif workers.running:
            workers.end(chance.randrange(len(workers.running)))
        workers.look()
        assert_nobody_passed_over(workers, begun_before)
    while workers.running:
        workers.end()
        Operation.objects.filter(status=Status.QUEUED).update(ring_at=Now())
        reap()
        workers.look()

    assert {one.pk for one in workers.begun} == asked
    assert set(Operation.objects.values_list("status", "attempt")) == {(Status.COMPLETED, 1)}


def assert_nobody_passed_over(workers: Workers, begun_before: int) -> None:
    """Where somebody's second began just now, nobody waited who had none and could begin."""
    at_work = [one.requested_by_id for one in workers.running]
    waiting = Operation.objects.filter(status=Status.QUEUED, server="").exclude(requested_by__in=at_work)
    for operation in workers.begun[begun_before:]:
        assert at_work.count(operation.requested_by_id) < 2 or not waiting.exists()
