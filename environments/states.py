"""What an environment does now, and whether its app is really stopped."""

import time
from collections.abc import Callable

from . import clock
from .choices import State
from .holders import holders_of
from .inspections import sessions_in
from .models import Environment
from .runtimes.choose import runtime_of

SHOWN = 3
AGAIN_AFTER_SECONDS = 1.0


def look(environment: Environment) -> State:
    """Ask the runtime, and remember what it says. Stopped without a package is Empty."""
    state = runtime_of(environment).status()
    if state == State.STOPPED and environment.package_id is None:
        state = State.EMPTY
    moment = clock.now()
    rows = Environment.objects.filter(pk=environment.pk)
    if rows.exclude(state=state, state_since__isnull=False).update(state=state, state_at=moment, state_since=moment):
        environment.state_since = moment
    else:
        rows.update(state_at=moment)
    environment.state, environment.state_at = state, moment
    return state


def why_not_stopped(environment: Environment, *, said_by_hand: bool = False) -> str:
    """Empty when the app is really stopped; else the sentence that says why that is not believed.

    Believed is a runtime that says so, or a person where the runtime cannot tell; and only while the app has no
    session on its database and no visible process holds anything in its uploaded files.
    """
    state = look(environment)
    if state == State.RUNNING:
        return f"{environment.name} is running."
    if state == State.UNKNOWN and not said_by_hand:
        return f"The portal cannot tell whether {environment.name} is stopped. Stop it, then confirm that you have."
    if sessions := sessions_in(environment):
        return f"{environment.name} still has {_some(sessions, 'session')} on its database."
    files = environment.plain_files_address
    if not files.is_s3 and (holders := holders_of(files.directory)):
        return f"{environment.name} still has {_some(holders, 'process', 'processes')} in its uploaded files."
    return ""


def wait_until_stopped(
    environment: Environment, beat: Callable[[], None], *, said_by_hand: bool, within_seconds: float
) -> str:
    """Look until it is really stopped, twice in a row, because some apps come back; returns what `why_not_stopped` says
    at the end."""
    deadline = time.monotonic() + within_seconds
    seen = 0
    while True:
        beat()
        why = why_not_stopped(environment, said_by_hand=said_by_hand)
        seen = 0 if why else seen + 1
        # Once is never enough: who is found stopped when the time is over is looked at once more.
        if seen == 2 or (why and time.monotonic() > deadline):
            return why
        time.sleep(AGAIN_AFTER_SECONDS / 2)


def _some(found: list[str], one: str, many: str = "") -> str:
    word = one if len(found) == 1 else many or f"{one}s"
    shown = ", ".join(found[:SHOWN]) + (", …" if len(found) > SHOWN else "")
    return f"{len(found)} {word} ({shown})"
