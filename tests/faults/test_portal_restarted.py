"""The portal's own database restarts under a running operation; where the portal stands on PostgreSQL."""

from collections.abc import Callable

import pytest
from django.conf import settings
from django.db import connection

from environments.choices import Status
from environments.models import Operation
from tests import settings as own
from tests.environments.lifecycle.conftest import Asking, ask, fresh
from tests.workers import Workers, eventually

__all__ = ["ask"]
Start = Callable[..., Workers]
PACE = {"PORTAL_TEST_PACE": "0.5"}  # a lease of half a minute, for a restart on a busy machine


def begin(start_workers: Start, ask: Asking) -> Operation:
    start_workers(**PACE)
    operation = ask("once_slow")
    eventually(lambda: "began 1" in ask.lines and fresh(operation).status == Status.RUNNING)
    return operation


def stop() -> None:
    connection.close()
    own._server.child.end()


if settings.DATABASES["default"]["ENGINE"].endswith("postgresql"):

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize("ends_meanwhile", [False, True], ids=["at work", "at its end"])
    def test_a_restart_is_ridden_out(start_workers: Start, ask: Asking, ends_meanwhile: bool) -> None:
        operation = begin(start_workers, ask)

        stop()
        try:
            if ends_meanwhile:
                ask.open_gate()
        finally:
            own._server.start()
        ask.open_gate()

        eventually(lambda: fresh(operation).is_ended)
        assert (operation.status, operation.attempt) == (Status.COMPLETED, 1)
        assert ask.lines == ["began 1", "ended 1"]
