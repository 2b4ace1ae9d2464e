"""What the tests of the lifecycle share: who asks, where, and what was traced."""

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django_q.models import OrmQ

from environments import clock
from environments.actors import Actor
from environments.choices import Origin
from environments.lifecycle.submit import submit
from environments.models import Environment, Operation

INES = Actor("Ines Duarte", Origin.PERSON)
# What of a Queued operation's row keeps it from being what somebody else gives way to.
CANNOT_BEGIN: list[dict[str, Any]] = [
    {"queue": "other"},
    {"kind": "from the future"},
    {"protocol": 2},
    {"cancelled_by_name": "Ines"},
    {"not_before_at": clock.now() + timedelta(days=4000)},
    {"origin": Origin.NIGHTLY},
]


class Asking:
    """Asks for operations of the tests' kinds, and reads what they wrote down."""

    def __init__(self, folder: Path, environment: Environment) -> None:
        self.file, self.gate, self.environment = folder / "trace", folder / "gate", environment

    def __call__(
        self, kind: str, environment: Environment | None = None, *, limit: int | None = None, **options: Any
    ) -> Operation:
        """`limit`: its time limit in seconds, which the kind would say."""
        params = {"trace": str(self.file), "until": str(self.gate)}
        options = {"by": INES, "params": params, **options}
        with transaction.atomic():
            operation = submit(kind, environment=environment or self.environment, **options)
            if limit:
                operation.time_limit_seconds = limit
                operation.save(update_fields=["time_limit_seconds"])
        return operation

    @property
    def lines(self) -> list[str]:
        """What was traced so far."""
        return self.file.read_text().splitlines() if self.file.exists() else []

    def open_gate(self) -> None:
        """Let the slow ones end."""
        self.gate.touch()


@pytest.fixture
def ask(tmp_path: Path, environment: Environment) -> Asking:
    return Asking(tmp_path, environment)


@pytest.fixture
def messages() -> Callable[[], int]:
    """How many messages are in the queue."""
    return OrmQ.objects.count


def fresh(operation: Operation) -> Operation:
    operation.refresh_from_db()
    return operation


def at_once(times: int, act: Callable[[], object]) -> list[BaseException]:
    """Do it in so many threads that begin together; what they raised."""
    start, raised = threading.Barrier(times), []

    def run() -> None:
        start.wait()
        try:
            act()
        except BaseException as error:
            raised.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised
