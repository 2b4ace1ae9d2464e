"""The bell: one small message, and a note of when it is rung again."""

import pytest
from django.db import OperationalError
from django_q.models import OrmQ

from environments import clock
from environments.choices import Status
from environments.lifecycle.doorbell import ask_for_sign, ring, ring_soon
from environments.lifecycle.signs import ASKED, sign_ages
from environments.models import Operation
from tests.factories import OperationFactory

from .conftest import fresh

pytestmark = pytest.mark.django_db


def test_a_message_holds_an_id_and_nothing_else_and_its_result_is_not_kept() -> None:
    operation = OperationFactory(queued=True, params={"password": "secret"})

    assert ring(operation)

    [message] = OrmQ.objects.all()
    task = message.task
    assert (task["args"], task["kwargs"]) == ((str(operation.pk),), {})
    assert (task["ack_failure"], task["save"]) == (True, False)
    assert "secret" not in str(task)


def test_what_was_claimed_meanwhile_is_not_touched() -> None:
    operation = OperationFactory(queued=True)
    Operation.objects.filter(pk=operation.pk).update(status=Status.RUNNING)

    ring(operation)

    assert (fresh(operation).rings, operation.ring_at) == (0, None)


def test_however_often_it_was_rung_the_pause_stays_bounded() -> None:
    operation = OperationFactory(queued=True, rings=5000)

    ring(operation)

    ring_at = fresh(operation).ring_at
    assert ring_at and (ring_at - clock.now()).total_seconds() <= 90


def test_soon_is_at_the_next_pass_and_forgets_the_back_off() -> None:
    operation = OperationFactory(queued=True, rings=9)

    ring_soon(operation.pk)

    ring_at = fresh(operation).ring_at
    assert ring_at and ring_at <= clock.now()
    assert operation.rings == 0


def test_a_dead_queue_raises_nothing(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OperationalError("no queue")

    monkeypatch.setattr("environments.lifecycle.doorbell.async_task", refuse)
    operation = OperationFactory(queued=True)

    assert not ring(operation)
    ask_for_sign()

    assert (fresh(operation).rings, ASKED in sign_ages()) == (0, False)
    assert "The queue does not answer" in caplog.text
