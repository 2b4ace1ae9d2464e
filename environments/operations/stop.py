"""Stop: end an app and see that it has really ended."""

from django.db import transaction

from ..actors import Actor
from ..choices import State
from ..errors import AppStillRunning
from ..lifecycle.attempt import Attempt
from ..lifecycle.kinds import Kind
from ..lifecycle.submit import submit
from ..models import Environment, Operation, record
from ..runtimes.choose import runtime_of
from ..states import look, wait_until_stopped

WITHIN_SECONDS = 60


def request_stop(environment: Environment, *, by: Actor, is_rung: bool = True) -> Operation:
    """Queue the stopping of an app.

    Raises:
        EnvironmentBusy
    """
    with transaction.atomic():
        operation = submit("stop", environment=environment, by=by, is_rung=is_rung)
        sentence = f"{by.name} asked to stop {environment.name}."
        record(environment, "stop.requested", sentence, by=by, operation=operation.pk)
    return operation


def perform_stop(attempt: Attempt) -> str:
    """Stop the app; returns the closing sentence."""
    environment = attempt.operation.environment
    if look(environment) in (State.STOPPED, State.EMPTY):
        return f"{environment.name} was already stopped."
    stop_app(environment, attempt)
    return f"{environment.name} is stopped."


def stop_app(environment: Environment, attempt: Attempt, *, said_by_hand: bool = False) -> None:
    """Stop the app within another operation, and see that it is really stopped.

    Raises:
        RuntimeRefused: the runtime did not do it.
        AppStillRunning: it was asked, and a minute later the app is still there.
    """
    if not said_by_hand:
        runtime_of(environment).stop(attempt.beat)
    why = wait_until_stopped(environment, attempt.beat, said_by_hand=said_by_hand, within_seconds=WITHIN_SECONDS)
    if why:
        raise AppStillRunning(f"{why} It was asked to stop and did not, so nothing else was done.")


KIND = Kind("stop", perform_stop, is_exclusive=True, may_repeat=True, time_limit_seconds=600, title="A stop")
