"""The lease of a recovery: kept by its own loop, lost by one that hangs, and not kept for ever."""

import time
from collections.abc import Callable

import pytest

from environments.choices import Status
from environments.lifecycle import lease as leases
from environments.lifecycle.attempt import Fenced, TimeUp
from environments.lifecycle.claim import claim
from environments.lifecycle.lease import Lease
from environments.lifecycle.periods import BEAT_SECONDS, LEASE_SECONDS, in_seconds
from environments.models import Operation
from tests.workers import Workers, eventually

from .conftest import Asking, fresh

pytestmark = pytest.mark.django_db(transaction=True)
Start = Callable[..., Workers]
PACE = {"PORTAL_TEST_PACE": "0.05"}
SECONDS = 3  # of a lease, at that pace


def lose(ask: Asking, **params: object) -> Operation:
    operation = ask("recovered", is_rung=False)
    Operation.objects.filter(pk=operation.pk).update(params=operation.params | params)
    assert claim(operation.pk)
    ask.file.touch()
    Operation.objects.filter(pk=operation.pk).update(owner="elsewhere|boot|1", lease_until=in_seconds(-1))
    return operation


def test_two_reapers_never_recover_at_once_however_long_it_takes(start_workers: Start, ask: Asking) -> None:
    start_workers(**PACE)
    start_workers(**PACE)
    operation = lose(ask)
    eventually(lambda: ask.lines)
    began = time.monotonic()

    eventually(lambda: time.monotonic() - began > 2.5 * SECONDS)
    assert ask.lines == ["recovering 1"]
    ask.open_gate()

    eventually(lambda: fresh(operation).is_ended)
    assert (operation.status, operation.message) == (Status.COMPLETED, "It was recovered.")
    assert ask.lines == ["recovering 1", "recovered 1"]


def test_a_recovery_that_hangs_is_followed_by_another_and_does_nothing_any_more(
    start_workers: Start, ask: Asking
) -> None:
    start_workers(**PACE)
    start_workers(**PACE)
    operation = lose(ask, hangs=True)

    eventually(lambda: ask.lines == ["recovering 1"] * 2)
    ask.open_gate()

    eventually(lambda: fresh(operation).is_ended)
    assert ask.lines == ["recovering 1", "recovering 1", "recovered 1"]


def test_it_is_renewed_no_oftener_than_a_beat(ask: Asking) -> None:
    operation = claim(ask("quick").pk)
    assert operation
    lease = Lease(operation)
    Operation.objects.filter(pk=operation.pk).update(lease_until=in_seconds(-LEASE_SECONDS))
    old = fresh(operation).lease_until

    lease.beat()
    assert fresh(operation).lease_until == old
    time.sleep(BEAT_SECONDS)
    lease.beat()

    assert operation.lease_until and old and fresh(operation).lease_until != old


def test_whoever_is_no_longer_the_owner_is_told_at_once(ask: Asking) -> None:
    operation = claim(ask("quick").pk)
    assert operation
    Operation.objects.filter(pk=operation.pk).update(owner="somebody else")

    with pytest.raises(Fenced):
        Lease(operation)


def test_it_is_not_kept_for_ever(ask: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    operation = claim(ask("quick").pk)
    assert operation
    lease = Lease(operation)
    monkeypatch.setattr(leases, "RECOVER_WITHIN_SECONDS", 0)

    with pytest.raises(TimeUp):
        lease.beat()
