"""Messages that were forged, or signed with a key that is gone: never unpickled, and in nobody's way."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core import signing
from django.utils import timezone
from django_q.models import OrmQ

from environments.choices import Status
from environments.lifecycle.doorbell import ring
from environments.models import Operation
from tests.workers import Workers, eventually

from .conftest import Asking, fresh

pytestmark = pytest.mark.django_db(transaction=True)
OTHER_KEY = "another key, as long as it has to be: " + "k" * 30


class Harm:
    """What does harm when it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Callable[..., None], tuple[str]]:
        return os.mkdir, (str(self.canary),)


class Pickled:
    """As the queue's library writes what it signs."""

    def dumps(self, found: object) -> bytes:
        return pickle.dumps(found)

    def loads(self, found: bytes) -> object:
        return found


def forgeries(canary: Path, real: str) -> list[str]:
    harm = Harm(canary)
    body, _, signature = real.rpartition(":")
    signed = signing.dumps(harm, key=OTHER_KEY, salt="portal", serializer=Pickled)
    return [
        signed,
        f"{signing.b64_encode(pickle.dumps(harm)).decode()}:{signature}",
        f"{signed.rpartition(':')[0]}:{signature}",
        f"{body[:-4]}AAAA:{signature}",
        signing.b64_encode(pickle.dumps(harm)).decode(),
        "",
    ]


def test_a_forged_message_does_nothing_and_real_work_goes_on(
    start_workers: Callable[..., Workers], ask: Asking, tmp_path: Path
) -> None:
    canary = tmp_path / "canary"
    operation = ask("quick")
    if not OrmQ.objects.exists():
        ring(operation)
    real = OrmQ.objects.get()
    forged = forgeries(canary, real.payload)
    with pytest.raises(FileExistsError):  # the harm is real: whoever trusted it would be struck
        canary.mkdir()
        pickle.loads(pickle.dumps(Harm(canary)))  # noqa: S301 - that is the point
    canary.rmdir()
    OrmQ.objects.all().delete()
    for payload in forged:
        OrmQ.objects.create(key=real.key, payload=payload, lock=timezone.now())

    start_workers()
    Operation.objects.filter(pk=operation.pk).update(ring_at=timezone.now())

    eventually(lambda: fresh(operation).status == Status.COMPLETED)
    eventually(lambda: not OrmQ.objects.filter(key=real.key).exists())
    assert not canary.exists()


def test_a_message_of_the_key_before_is_dropped_and_the_reaper_rings_again(
    start_workers: Callable[..., Workers], ask: Asking
) -> None:
    operation = ask("quick")
    if not OrmQ.objects.exists():
        ring(operation)
    assert fresh(operation).status == Status.QUEUED

    start_workers(PORTAL_SECRET_KEY=OTHER_KEY)
    Operation.objects.filter(pk=operation.pk, status=Status.QUEUED).update(ring_at=timezone.now())

    eventually(lambda: fresh(operation).status == Status.COMPLETED)
    assert ask.lines == ["began 1", "ended 1"]
