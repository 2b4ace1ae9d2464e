"""Asking for many operations at once, and how the night waits its turn."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django_q.models import OrmQ

from environments import clock
from environments.actors import NIGHTLY
from environments.choices import Status
from environments.lifecycle.claim import claim
from environments.lifecycle.reaper import reap
from environments.lifecycle.run import run
from environments.lifecycle.submit import Asked, submit_all
from environments.models import Environment, Operation
from tests.factories import EnvironmentFactory

from .conftest import Asking

pytestmark = pytest.mark.django_db(transaction=True)


def wanted(environment: Environment, key: str | None = None, **more: object) -> Asked:
    return Asked(environment, uuid4(), key, **more)  # type: ignore[arg-type]


def test_they_are_queued_as_one_would_be(ask: Asking) -> None:
    ask.environment.region.queue = "asia"
    ask.environment.region.save()
    later = clock.now() + timedelta(hours=1)
    one = wanted(ask.environment, "nightly:1", not_before=later, params={"late": "late"})

    [operation] = submit_all("quick", [one], by=NIGHTLY, max_attempts=2)

    operation.refresh_from_db()
    assert (operation.status, operation.subject, operation.params) == (Status.QUEUED, one.subject, {"late": "late"})
    assert (operation.queue, operation.not_before_at, operation.max_attempts) == ("asia", later, 2)
    assert (operation.origin, operation.requested_by_name) == ("nightly", "Nightly")


def test_the_next_reaper_rings_for_them(ask: Asking) -> None:
    [operation] = submit_all("quick", [wanted(ask.environment)], by=NIGHTLY)
    assert not OrmQ.objects.exists()

    reap()

    assert OrmQ.objects.get(key="long").task["args"] == (str(operation.pk),)


def test_a_taken_key_is_left_out_and_the_others_are_made(ask: Asking, acceptance: Environment) -> None:
    submit_all("quick", [wanted(ask.environment, "a")], by=NIGHTLY)

    made = submit_all("quick", [wanted(ask.environment, "a"), wanted(acceptance, "b")], by=NIGHTLY)

    assert [operation.environment for operation in made] == [acceptance]
    assert Operation.objects.count() == 2


def test_a_busy_environment_refuses_none(ask: Asking) -> None:
    ask("slow")

    assert len(submit_all("quick", [wanted(ask.environment)], by=NIGHTLY)) == 1


def test_a_hundred_cost_hardly_more_statements_than_one(db: None) -> None:
    def statements(count: int) -> int:
        places = [wanted(place) for place in EnvironmentFactory.create_batch(count)]
        with (
            CaptureQueriesContext(
                connection,
            ) as captured,
            transaction.atomic(),
        ):
            submit_all("quick", places, by=NIGHTLY)
        return len(captured)

    # SQLite takes a limited number of values in one statement.
    assert statements(100) <= statements(1) + 8


def test_a_waiting_nightly_is_not_taken_before_what_a_person_asked_for(ask: Asking) -> None:
    nightly = ask("quick", by=NIGHTLY)
    person = ask("quick")

    assert claim(nightly.pk) is None
    run(person.pk)

    assert claim(nightly.pk) is not None


def test_what_ends_rings_for_the_person_before_the_night(ask: Asking) -> None:
    running = claim(ask("quick").pk)
    assert running
    ask("quick", by=NIGHTLY)
    Operation.objects.filter(pk=running.pk).update(status=Status.COMPLETED)
    person = ask("quick")
    Operation.objects.filter(pk=running.pk).update(status=Status.QUEUED)
    OrmQ.objects.all().delete()

    run(running.pk)

    assert OrmQ.objects.get().task["args"] == (str(person.pk),)
