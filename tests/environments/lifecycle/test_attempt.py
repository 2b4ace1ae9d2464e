"""The beat: cheap, telling, and the place where an attempt learns that it is to end."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from environments.choices import Status
from environments.lifecycle import attempt as attempts
from environments.lifecycle import drain
from environments.lifecycle.attempt import Attempt, Cancelled, Drained, Fenced, TimeUp
from environments.lifecycle.cancel import cancel
from environments.lifecycle.claim import claim
from environments.models import Operation

from .conftest import INES, Asking, fresh

pytestmark = pytest.mark.django_db(transaction=True)
Begin = Callable[..., Attempt]


@pytest.fixture
def begin(ask: Asking) -> Begin:
    def begin(kind: str = "quick", **options: Any) -> Attempt:
        began = time.monotonic()
        operation = claim(ask(kind, **options).pk)
        assert operation
        return Attempt(operation, began)

    return begin


@contextmanager
def queries() -> Iterator[CaptureQueriesContext]:
    with CaptureQueriesContext(connection) as captured:
        yield captured


@contextmanager
def away() -> Iterator[None]:
    def refuse(*_: Any) -> Any:
        raise OperationalError("the database is away")

    with connection.execute_wrapper(refuse):
        yield


def beat_is_due(attempt: Attempt) -> None:
    """As if the last one were five seconds old."""
    attempt._beaten -= attempts.BEAT_SECONDS


def test_a_beat_between_beats_costs_no_query(begin: Begin) -> None:
    attempt = begin()
    attempt.beat("Saving the database")

    with queries() as captured:
        for done in range(1000):
            attempt.beat(done_bytes=done, total_bytes=1000)

    assert len(captured) == 0


def test_a_new_phase_is_shown_at_once_and_begins_without_percent(begin: Begin) -> None:
    attempt = begin()
    attempt.beat("Saving the database", step=2, steps=4, done_bytes=30, total_bytes=90)
    shown = fresh(attempt.operation)
    assert (shown.phase, shown.step, shown.steps, shown.percent) == ("Saving the database", 2, 4, 33)
    assert (shown.done_bytes, shown.total_bytes) == (30, 90)

    attempt.beat("Saving the uploaded files", step=3)

    shown = fresh(attempt.operation)
    assert (shown.phase, shown.step, shown.steps) == ("Saving the uploaded files", 3, 4)
    assert (shown.percent, shown.done_bytes, shown.total_bytes) == (None, None, None)


def test_percent_never_exceeds_a_hundred_and_is_unknown_without_a_total(begin: Begin) -> None:
    attempt = begin()
    attempt.beat("One", done_bytes=500)
    assert fresh(attempt.operation).percent is None

    attempt.beat("Two", done_bytes=500, total_bytes=400)

    assert fresh(attempt.operation).percent == 100


def test_a_beat_renews_the_lease(begin: Begin) -> None:
    attempt = begin()
    before = fresh(attempt.operation).lease_until
    beat_is_due(attempt)

    attempt.beat()

    after = fresh(attempt.operation).lease_until
    assert before and after and after > before


def test_a_wish_to_cancel_is_heard_with_the_name(begin: Begin) -> None:
    attempt = begin()
    cancel(attempt.operation, by=INES)
    attempt.beat()  # between beats nothing is heard
    beat_is_due(attempt)

    with pytest.raises(Cancelled, match="Ines Duarte"):
        attempt.beat()


def test_the_time_limit_ends_it(begin: Begin) -> None:
    attempt = begin(limit=1)
    attempt.beat()
    attempt._began -= 2

    with pytest.raises(TimeUp):
        attempt.beat()


@pytest.mark.parametrize("change", [{"attempt": 2}, {"status": Status.FAILED}, {"owner": "lost|me"}], ids=str)
def test_whoever_lost_it_is_told_and_changes_nothing(begin: Begin, change: dict[str, Any]) -> None:
    attempt = begin()
    Operation.objects.filter(pk=attempt.operation.pk).update(**change)

    for write in (lambda: attempt.beat("New"), attempt.check_owned, lambda: attempt.holds_child("1|2")):
        with pytest.raises(Fenced):
            write()

    untouched = Operation.objects.get(pk=attempt.operation.pk)
    assert (untouched.phase, untouched.child) == ("", "")


def test_the_child_is_remembered_for_the_reaper(begin: Begin) -> None:
    attempt = begin()
    attempt.holds_child("4711|99")
    attempt.beat("Further")

    assert fresh(attempt.operation).child == "4711|99"


def test_a_database_that_is_away_is_ridden_out_while_the_lease_lasts(begin: Begin) -> None:
    attempt = begin()
    with away():
        attempt.beat("Saving the database", step=2)
        beat_is_due(attempt)
        attempt.beat()
    beat_is_due(attempt)

    attempt.beat()

    assert fresh(attempt.operation).phase == "Saving the database"


def test_a_database_that_is_away_longer_than_the_lease_ends_it(begin: Begin) -> None:
    attempt = begin()
    attempt._lease_end = time.monotonic() - 0.01

    with away(), pytest.raises(Fenced):
        attempt.beat("New")


def test_before_an_effect_nobody_goes_on_without_an_answer(begin: Begin) -> None:
    attempt = begin()
    attempt._lease_end = time.monotonic() + 0.5

    with away(), pytest.raises(Fenced):
        attempt.check_owned()
    attempt._lease_end = time.monotonic() + 60
    attempt.check_owned()


def test_while_the_worker_is_stopped_only_what_may_be_repeated_ends(
    begin: Begin, ask: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    repeatable, single = begin("side_quick"), begin("once_quick")
    monkeypatch.setattr(drain, "is_on", lambda: True)

    with pytest.raises(Drained):
        repeatable.beat()
    single.beat()


def test_its_label_fits_a_database_session(begin: Begin) -> None:
    attempt = begin()

    assert attempt.label == f"op-{attempt.operation.pk.hex}.1"
    assert len(attempt.label.encode()) <= 63
