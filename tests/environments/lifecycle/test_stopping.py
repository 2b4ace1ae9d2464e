"""Stopping workers: what is in hand is waited for, the library's own stop is not when it hangs."""

import os
import signal
import time
from collections.abc import Callable

import pytest

from environments.choices import Status
from environments.lifecycle.signs import PORTAL
from tests.workers import Workers, eventually

from .conftest import Asking, fresh

pytestmark = pytest.mark.django_db(transaction=True)
Start = Callable[..., Workers]
# Within its thirty seconds nobody else kills a cluster that hangs; it does so itself after four.
PACE = {"PORTAL_TEST_PACE": "0.5"}


def test_a_stop_in_which_the_library_hangs_ends_within_seconds(start_workers: Start) -> None:
    workers = start_workers(**PACE)
    # An idle worker that is killed takes the lock of its queue along: the next ones wait for it, also when all stop.
    [idle] = workers.workers(PORTAL)
    os.kill(idle, signal.SIGKILL)
    eventually(lambda: idle not in workers.workers(PORTAL))
    began = time.monotonic()

    workers.signal(signal.SIGTERM)

    assert workers.ended(90) == 0
    assert time.monotonic() - began < 25


def test_what_is_in_hand_is_waited_for(start_workers: Start, ask: Asking) -> None:
    workers = start_workers(**PACE)
    operation = ask("once_slow")
    eventually(lambda: "began 1" in ask.lines)
    began = time.monotonic()

    workers.signal(signal.SIGTERM)
    eventually(lambda: time.monotonic() - began > 5)
    assert workers.process.poll() is None
    ask.open_gate()

    assert workers.ended(45) == 0
    assert fresh(operation).status == Status.COMPLETED
