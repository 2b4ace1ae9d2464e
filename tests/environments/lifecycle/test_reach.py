"""Several machines: each brings to a whole end only what it reaches."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from environments import clock
from environments.choices import Status
from environments.lifecycle import signs
from environments.lifecycle.reach import is_reached, serve
from environments.lifecycle.reaper import ELSEWHERE, NOT_YET, reap
from environments.lifecycle.waiting import PROTOCOL
from environments.models import Operation, Region
from tests.factories import EnvironmentFactory, OperationFactory
from tests.workers import Workers, eventually

from .conftest import Asking, fresh


@pytest.fixture(autouse=True)
def _served() -> Iterator[None]:
    yield
    serve([])


@pytest.fixture
def asia(db: None) -> Region:
    return Region.objects.create(slug="asia", name="Asia", zone="Asia/Tokyo", queue="long-asia")


def lost(ask: Asking, queue: str, kind: str = "recovered", **fields: object) -> Operation:
    """An operation whose worker is gone."""
    params = {"trace": str(ask.file), "until": str(ask.gate)}
    over = clock.now() - timedelta(seconds=1)
    return OperationFactory(running=True, kind=kind, queue=queue, params=params, lease_until=over, **fields)


def test_an_exchange_is_settled_only_by_a_machine_of_its_queue(
    start_workers: Callable[..., Workers], ask: Asking
) -> None:
    ask.open_gate()
    far, near = lost(ask, "long"), lost(ask, "long-asia")

    start_workers("--queue", "long-asia", waits=False)
    eventually(lambda: fresh(near).is_ended)
    start_workers("--queue", "portal", waits=False)
    eventually(lambda: signs.PORTAL in signs.sign_ages())
    assert (fresh(far).status, fresh(far).phase) == (Status.RUNNING, ELSEWHERE.format("long"))

    start_workers()

    eventually(lambda: fresh(far).is_ended)
    assert (far.message, near.message) == ("It was recovered.",) * 2


@pytest.mark.django_db(transaction=True)
def test_each_says_whom_it_waits_for(ask: Asking) -> None:
    queue = f"long-{'a' * 55}"  # the longest that a region may have
    left, tried, held = lost(ask, queue), lost(ask, queue, phase=NOT_YET), lost(ask, queue)
    Operation.objects.filter(pk=held.pk).update(lease_until=clock.now() + timedelta(minutes=1))
    serve(["long"])

    reap()

    phases = [fresh(one).phase for one in (left, tried, held)]
    assert phases == [ELSEWHERE.format(queue), NOT_YET, held.phase]
    assert {fresh(one).status for one in (left, tried, held)} == {Status.RUNNING}


@pytest.mark.django_db(transaction=True)
def test_what_may_be_repeated_is_handed_back_from_anywhere(ask: Asking) -> None:
    operation = lost(ask, "long", "slow")
    serve(["long-asia"])

    reap()

    assert fresh(operation).status == Status.QUEUED


@pytest.mark.django_db(transaction=True)
def test_what_a_newer_release_lost_is_left_to_it(ask: Asking) -> None:
    operation = lost(ask, "long", "slow", protocol=PROTOCOL + 1)

    reap()

    assert fresh(operation).status == Status.RUNNING


@pytest.mark.django_db(transaction=True)
def test_what_nobody_takes_care_of_is_said(ask: Asking) -> None:
    serve(["long"])
    operation = lost(ask, "long-asia")
    sentence = "Operations of the queue 'long-asia' lost their worker; start one of that queue."

    reap()

    assert sentence not in signs.worker_health().problems
    Operation.objects.filter(pk=operation.pk).update(lease_until=clock.now() - timedelta(hours=1))
    assert sentence in signs.worker_health().problems


def test_a_place_is_reached_by_its_regions_queue(asia: Region) -> None:
    far, near = EnvironmentFactory(region=asia), EnvironmentFactory()
    assert is_reached(far) and is_reached(near)  # nobody said otherwise: one machine

    serve(["portal", "long"])

    assert (is_reached(far), is_reached(near)) == (False, True)
