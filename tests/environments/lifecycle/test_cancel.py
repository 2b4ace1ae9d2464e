"""Cancelling: at once while it is Queued, as a wish while it runs, refused when it has ended."""

import pytest

from environments.actors import Actor
from environments.choices import Failure, Origin, Status
from environments.errors import OperationEnded
from environments.lifecycle.cancel import cancel
from environments.lifecycle.claim import claim, finish
from environments.lifecycle.run import run
from environments.models import Activity

from .conftest import INES, Asking, fresh

pytestmark = pytest.mark.django_db(transaction=True)
OMAR = Actor("Omar Operator", Origin.PERSON)


def test_a_queued_one_ends_at_once_and_is_never_run(ask: Asking) -> None:
    operation = ask("quick")

    cancel(operation, by=OMAR)

    assert (fresh(operation).status, operation.failure) == (Status.FAILED, Failure.CANCELLED)
    assert operation.message == "Cancelled by Omar Operator."
    assert operation.finished_at
    line = Activity.objects.get()
    assert (line.action, line.actor_name) == ("quick.cancelled", "Omar Operator")
    run(operation.pk)
    assert ask.lines == []


def test_its_place_is_free_for_the_next(ask: Asking) -> None:
    cancel(ask("quick"), by=INES)

    run(ask("quick").pk)

    assert ask.lines == ["began 1", "ended 1"]


def test_a_running_one_is_only_asked_to_end_and_asking_twice_is_one_event(ask: Asking) -> None:
    operation = claim(ask("quick").pk)
    assert operation

    cancel(operation, by=OMAR)
    cancel(operation, by=INES)

    assert (fresh(operation).status, operation.cancelled_by_name) == (Status.RUNNING, "Omar Operator")
    assert [line.action for line in Activity.objects.all()] == ["quick.cancel_requested"]


def test_what_has_ended_cannot_be_cancelled_whatever_the_caller_remembers(ask: Asking) -> None:
    remembered = claim(ask("quick").pk)
    assert remembered and finish(remembered, Status.COMPLETED, "Done.")

    with pytest.raises(OperationEnded):
        cancel(remembered, by=OMAR)

    assert (fresh(remembered).status, remembered.cancelled_by_name) == (Status.COMPLETED, "")
