"""Settle: an exchange whose attempt ended early is brought to a whole end, by itself or by whoever finds it lost.

Whatever was renamed is carried through, or, where that is of no use, taken back; before the first rename everything is
backed out.
"""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

import psycopg

from environments.choices import State, Status
from environments.errors import Failed, Refused
from environments.lifecycle.attempt import Attempt, Fenced, Interrupted, Unsettled
from environments.lifecycle.lease import Lease
from environments.lifecycle.periods import BEAT_SECONDS, LEASE_SECONDS
from environments.models import Environment, Operation
from environments.runtimes.choose import runtime_of
from environments.states import look

from ..choices import Contents
from ..engines import staging
from ..engines import swap as databases
from ..engines.place import Place
from ..errors import PuttingBackRefused, TakenBack
from ..models import Generation, Restore, Swap
from ..models.generation import Kept
from ..models.swap import Step
from .exchange import database_name, finish, follow_up, place_of, scratch_of, tree_label
from .exchange_files import clear_files, files_of, take_back

TOO_LATE = "It was to end early, after the data had been exchanged."


class Settled(NamedTuple):
    """How an exchange ended: with the new data, or with the old; and the sentence that says so."""

    status: Status
    sentence: str


@contextmanager
def kept_whole(attempt: Attempt, conclude: Callable[[Operation], None] = lambda _: None) -> Iterator[None]:
    """Whatever goes wrong in here, the environment is brought to a whole end before the error goes on.

    A worker that is stopped before the exchange backs out, and hands the operation back; one that is stopped within
    it goes on to the end.

    `conclude`: what is still to be done for an operation when the new data is live.

    Raises:
        PuttingBackRefused: it went wrong after the exchange: the new data stays.
        Unsettled: it cannot be brought to a whole end now; whoever takes it over does.
    """
    attempt.may_begin_again = True  # until the exchange begins
    try:
        yield
    except Fenced:
        with suppress(psycopg.Error, OSError, Failed):
            _clear_behind(attempt)
        raise
    except BaseException as error:
        try:
            settled = settle(attempt.operation, attempt.number)
            if settled.status == Status.COMPLETED:
                conclude(attempt.operation)
        except Fenced:
            raise
        except Exception as failure:
            raise Unsettled(str(error)) from failure
        if settled.status == Status.COMPLETED:
            said = TOO_LATE if isinstance(error, Interrupted) else str(error)
            raise PuttingBackRefused(f"{said} {settled.sentence}") from error
        if isinstance(error, TakenBack):
            raise PuttingBackRefused(settled.sentence) from error
        raise


def _clear_behind(attempt: Attempt) -> None:
    """An attempt that was only slow may have made something since whoever took over cleared up: it removes its own."""
    operation, deadline = attempt.operation, time.monotonic() + LEASE_SECONDS
    rows = Operation.objects.filter(pk=operation.pk)
    while rows.filter(status=Status.RUNNING).exists() and time.monotonic() < deadline:
        time.sleep(BEAT_SECONDS / 10)
    # Backed out, for good: with a journal, or with the new data live, none of these names is ours to remove.
    if rows.filter(status=Status.FAILED).exists() and not Swap.objects.filter(operation=operation).exists():
        place = place_of(operation.environment)
        staging.drop_database(place, database_name("in", operation, attempt.number))
        staging.drop_role(place, attempt.label)
        if _has_staged_files(operation, None):
            files_of(operation.environment).withdraw(tree_label(operation, attempt.number))


def settle(operation: Operation, attempt: int) -> Settled:
    """Bring an exchange whose attempt has ended early to a whole end: through if anything was renamed, else back.

    What turns out to be impossible to carry through is taken back.

    Called by the attempt itself when something fails, and by the reaper when the attempt was lost. Safe to call again.

    Raises:
        Fenced: somebody else is at it by now.
        what `finish` or the removal of staging raises: the database, the disk or the store is away; call again.
    """
    environment, beat = operation.environment, Lease(operation).beat
    shutil.rmtree(scratch_of(operation, attempt), ignore_errors=True)
    swap = Swap.objects.filter(operation=operation).first()
    if swap is None or not _has_begun(swap, environment):
        said = _back_out(operation, attempt, swap, beat)
        return Settled(Status.FAILED, f"{environment.name} holds its old data, unchanged.{said}")
    if swap.step != Step.TAKING_BACK:
        with suppress(TakenBack):
            finish(swap, environment, beat)
    if swap.step == Step.TAKING_BACK:
        return _take_back(operation, attempt, swap, beat)
    follow_up(swap, environment, beat)
    said = " ".join([f"{environment.name} holds the new data.", *swap.remarks])
    said += _start_again(environment, beat) if swap.starts_after else ""
    clear_files(swap, environment, beat)
    return Settled(Status.COMPLETED, said)


def _take_back(operation: Operation, attempt: int, swap: Swap, beat: Callable[[], None]) -> Settled:
    """Let the old data be live again, files and database, then back out of the rest. Safe to call again."""
    environment, place = operation.environment, place_of(operation.environment)
    take_back(swap, environment, beat)
    comes, goes = swap.incoming_database, swap.outgoing_database
    if comes and databases.is_swapped(place, incoming=comes, outgoing=goes):
        databases.swap(place, live=place.app.name, incoming=goes, outgoing=comes, beat=beat)
    said = _back_out(operation, attempt, swap, beat)
    return Settled(Status.FAILED, f"{swap.refusal} {environment.name} holds its old data, unchanged.{said}")


def _has_begun(swap: Swap, environment: Environment) -> bool:
    """Whether anything was renamed, or may have been."""
    if swap.step != Step.SWAPPING:
        return swap.step != Step.PREPARED
    if not swap.incoming_database:
        return True
    place = place_of(environment)
    return databases.is_swapped(place, incoming=swap.incoming_database, outgoing=swap.outgoing_database)


def _back_out(operation: Operation, attempt: int, swap: Swap | None, beat: Callable[[], None]) -> str:
    """Remove what was prepared, open the door, and let the app run again if it was this exchange that stopped it.

    Returns what is to be said of that. The journal goes last: as long as it is there, calling again does it all.
    """
    environment = operation.environment
    place = place_of(environment)
    label = f"op-{operation.pk.hex}.{attempt}"
    staging.end_sessions(place, label)
    with place.beside() as connection:
        databases.open_door(connection, place.app.name)
    beat()
    staging.drop_database(place, database_name("in", operation, attempt))
    if swap is not None and swap.step in (Step.SWAPPING, Step.TAKING_BACK):
        _fence(swap, place)
    staging.drop_role(place, label)
    said = _start_again(environment, beat) if swap is not None and swap.was_running else ""
    if _has_staged_files(operation, swap):  # after the start: their store may be away
        files_of(environment).withdraw(tree_label(operation, attempt), beat)
    if swap is not None:
        Swap.objects.filter(pk=swap.pk).delete()
    return said


def _has_staged_files(operation: Operation, swap: Swap | None) -> bool:
    """Whether anything of this attempt may lie beside the live files. An undo stages nothing but for its journal."""
    if swap is not None:
        return bool(swap.incoming_files)
    return not Restore.objects.filter(operation=operation, contents=Contents.DATABASE).exists()


def _fence(swap: Swap, place: Place) -> None:
    """Whoever lost this exchange may only be slow, and right before the renames: let it find nothing to rename.

    A staging is gone by now; a generation that was to come back by an undo gets a new name.
    """
    instead = f"{swap.outgoing_database}_back"
    databases.fence(place, incoming=swap.incoming_database, instead=instead)
    kept = Generation.objects.filter(environment=swap.operation.environment_id, kept=Kept.KEPT)
    kept.filter(database=swap.incoming_database).update(database=instead)


def _start_again(environment: Environment, beat: Callable[[], None]) -> str:
    """Start the app where that was agreed; a failure to start is said, and is no reason to take the data back."""
    if look(environment) == State.RUNNING:
        return ""
    try:
        runtime_of(environment).start(beat)
    except Refused as error:
        return f" It was not started: {error}"
    look(environment)
    return ""
