"""Start: let an app run, and see that it does."""

import time

from django.db import transaction

from ..actors import Actor
from ..choices import State
from ..errors import AppDidNotStart, Refused
from ..lifecycle.attempt import Attempt
from ..lifecycle.kinds import Kind
from ..lifecycle.submit import submit
from ..models import Environment, Operation, record
from ..runtimes.choose import runtime_of
from ..states import look

WITHIN_SECONDS = 60
STAYS_UP_SECONDS = 1.0
LOOK_EVERY_SECONDS = 0.5


class NothingToStart(Refused):
    """An environment without a package has no app."""


def request_start(environment: Environment, *, by: Actor, is_rung: bool = True) -> Operation:
    """Queue the starting of an app.

    Raises:
        NothingToStart: no package is deployed.
        EnvironmentBusy
    """
    if environment.package_id is None:
        raise NothingToStart(f"{environment.name} is Empty. Deploy a package before it can start.")
    with transaction.atomic():
        operation = submit("start", environment=environment, by=by, is_rung=is_rung)
        sentence = f"{by.name} asked to start {environment.name}."
        record(environment, "start.requested", sentence, by=by, operation=operation.pk)
    return operation


def perform_start(attempt: Attempt) -> str:
    """Start the app; returns the closing sentence."""
    environment = attempt.operation.environment
    start_app(environment, attempt)
    return f"{environment.name} is running."


def start_app(environment: Environment, attempt: Attempt) -> None:
    """Start the app within another operation; returns when it runs, and still runs a second later.

    Raises:
        RuntimeRefused: the runtime did not do it.
        AppDidNotStart: it was asked, and the app does not run, or does not stay up.
    """
    runtime_of(environment).start(attempt.beat)
    deadline = time.monotonic() + WITHIN_SECONDS
    up_since: float | None = None
    while True:
        attempt.beat()
        if look(environment) != State.RUNNING:
            up_since = None
        elif up_since is None:
            up_since = time.monotonic()
        elif time.monotonic() - up_since >= STAYS_UP_SECONDS:
            return
        if time.monotonic() > deadline:
            raise AppDidNotStart(f"{environment.name} was asked to start and does not run. Look at the app's own log.")
        time.sleep(LOOK_EVERY_SECONDS)


KIND = Kind("start", perform_start, is_exclusive=True, may_repeat=True, time_limit_seconds=600, title="A start")
