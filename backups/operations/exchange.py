"""Exchange: the one journalled swap that restore, upload and undo share. It ends whole, whatever is killed when.

The order: the journal's row, the stop, `swapping`, the database, the files, then the portal's record and the kept
generation in one transaction, and the start. Until `swapping` everything can be backed out; from the first rename on
it is carried through, by the same function, called by the attempt itself or by whoever finds it lost.
"""

import logging
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import psycopg
from django.conf import settings
from django.db import transaction

from environments import clock
from environments.choices import State, Status
from environments.errors import AppStillRunning, Failed, Refused
from environments.lifecycle.attempt import Attempt
from environments.models import AppService, Environment, Operation
from environments.operations.start import start_app
from environments.operations.stop import stop_app
from environments.runtimes.choose import runtime_of
from environments.states import look, why_not_stopped

from ..engines import staging
from ..engines import swap as databases
from ..engines.place import Place
from ..models import Generation, Swap
from ..models.generation import Kept
from ..models.swap import Step
from ..storage.swaps import choose_swap, discard

logger = logging.getLogger(__name__)
NO_BEAT: Callable[[], None] = lambda: None  # noqa: E731 - a function of no words


class Settled(NamedTuple):
    """How an exchange ended: with the new data, or with the old; and the sentence that says so."""

    status: Status
    sentence: str


def place_of(environment: Environment) -> Place:
    """The server place of an environment's database."""
    return Place(environment.database_address, environment.admin_address, environment.template_database)


def database_name(word: str, operation: Operation, attempt: int) -> str:
    """`portal_in_…` or `portal_was_…`: by operation and attempt only, because longer names are cut silently."""
    return f"portal_{word}_{operation.pk.hex[:12]}_{attempt}"


def tree_label(operation: Operation, attempt: int) -> str:
    return f"{operation.pk.hex[:12]}-{attempt}"


def scratch_of(operation: Operation, attempt: int) -> Path:
    """Where an attempt keeps what it needs only while it works."""
    return Path(settings.DATA_DIR) / "scratch" / tree_label(operation, attempt)


def journal(attempt: Attempt, *, database: str = "", files: Path | None = None, **facts: object) -> Swap:
    """Write down what is about to take the live data's place. Nothing of it has begun."""
    operation, environment = attempt.operation, attempt.operation.environment
    way = choose_swap(Path(environment.files_directory))
    Swap.objects.filter(operation=operation).delete()
    return Swap.objects.create(
        operation=operation,
        attempt=attempt.number,
        incoming_database=database,
        outgoing_database=database and database_name("was", operation, attempt.number),
        incoming_files=str(files) if files else "",
        outgoing_files=str(way.previous(tree_label(operation, attempt.number))) if files else "",
        **facts,
    )


def carry_out(swap: Swap, attempt: Attempt, *, may_stop_app: bool, is_said_stopped: bool) -> None:
    """Stop the app where it runs, exchange, close the journal, and start the app again where that was agreed.

    Raises:
        AppStillRunning and others before `swapping`: nothing has changed. Afterwards only what `finish` raises.
    """
    environment = attempt.operation.environment
    _stop(swap, attempt, may_stop_app=may_stop_app, is_said_stopped=is_said_stopped)
    attempt.beat("Exchanging the data")
    attempt.check_owned()
    _step(swap, Step.SWAPPING)
    finish(swap, environment)
    if swap.starts_after:
        attempt.beat("Starting the app")
        start_app(environment, attempt)


def finish(swap: Swap, environment: Environment) -> None:
    """Exchange what the journal names and close it. Safe to call again, by anybody, until it has returned.

    Raises:
        SwapRefused, psycopg.Error, OSError: calling again goes on where it was.
    """
    place = place_of(environment)
    if swap.incoming_database and swap.step == Step.SWAPPING:
        databases.swap(place, live=place.app.name, incoming=swap.incoming_database, outgoing=swap.outgoing_database)
        _step(swap, Step.DATABASE_SWAPPED)
    if swap.incoming_files and swap.step in (Step.SWAPPING, Step.DATABASE_SWAPPED):
        way = choose_swap(Path(environment.files_directory))
        way.exchange(Path(swap.incoming_files), Path(swap.outgoing_files), str(swap.generation))
        _step(swap, Step.FILES_SWAPPED)
    if swap.step != Step.CLOSED:
        _close(swap, environment)


def settle(operation: Operation, attempt: int) -> Settled:
    """Bring an exchange whose attempt has ended early to a whole end: through if anything was renamed, else back.

    Called by the attempt itself when something fails, and by the reaper when the attempt was lost. Safe to call again.

    Raises:
        what `finish` or the removal of staging raises: the database or the disk is away; call again.
    """
    environment = operation.environment
    shutil.rmtree(scratch_of(operation, attempt), ignore_errors=True)
    swap = Swap.objects.filter(operation=operation).first()
    if swap is None or not _has_begun(swap, environment):
        _back_out(operation, attempt, swap)
        return Settled(Status.FAILED, f"{environment.name} holds its old data, unchanged.")
    finish(swap, environment)
    return Settled(Status.COMPLETED, f"{environment.name} holds the new data.{_start_again(swap, environment)}")


def discard_generation(generation: Generation) -> None:
    """Remove a generation that can no longer come back. Raises: psycopg.Error, OSError; call again then."""
    if generation.database:
        staging.drop_database(place_of(generation.environment), generation.database)
    if generation.files:
        discard(Path(generation.files))
    Generation.objects.filter(pk=generation.pk).update(kept=Kept.GONE)


def _stop(swap: Swap, attempt: Attempt, *, may_stop_app: bool, is_said_stopped: bool) -> None:
    environment = attempt.operation.environment
    attempt.beat("Seeing that the app is stopped")
    is_running = look(environment) == State.RUNNING
    if not is_running:
        why = why_not_stopped(environment, said_by_hand=is_said_stopped)
        if why:
            raise AppStillRunning(f"{why} Nothing was changed.")
        swap.starts_after = False
        Swap.objects.filter(pk=swap.pk).update(starts_after=False)
        return
    if not may_stop_app:
        raise AppStillRunning(f"{environment.name} is running. Agree that it is stopped, then try again.")
    Swap.objects.filter(pk=swap.pk).update(was_running=True)
    swap.was_running = True
    attempt.beat("Stopping the app")
    stop_app(environment, attempt)


def _step(swap: Swap, step: Step) -> None:
    swap.step = step
    Swap.objects.filter(pk=swap.pk).update(step=step)


def _has_begun(swap: Swap, environment: Environment) -> bool:
    """Whether anything was renamed, or may have been."""
    if swap.step != Step.SWAPPING:
        return swap.step != Step.PREPARED
    if not swap.incoming_database:
        return True
    place = place_of(environment)
    return databases.is_swapped(place, incoming=swap.incoming_database, outgoing=swap.outgoing_database)


def _close(swap: Swap, environment: Environment) -> None:
    """The record of what is live, and what was, change together with the journal."""
    moment = clock.now()
    with transaction.atomic():
        left = _leave(swap, environment)
        older = Generation.objects.filter(environment=environment, kept=Kept.KEPT).exclude(pk=left.pk)
        came_back = older.filter(database=swap.incoming_database, files=swap.incoming_files)
        came_back.update(kept=Kept.BACK)
        if swap.changes_package:
            Environment.objects.filter(pk=environment.pk).update(package=swap.package)
            environment.package = swap.package
        if swap.services is not None:
            _publish(environment, swap.services)
        _step(swap, Step.CLOSED)
    logger.info("%s: the exchange is closed at %s.", swap.operation, moment)


def _leave(swap: Swap, environment: Environment) -> Generation:
    moment = clock.now()
    published = AppService.objects.filter(environment=environment, is_published=True)
    left, _ = Generation.objects.get_or_create(
        operation=swap.operation,
        defaults={
            "environment": environment,
            "database": swap.outgoing_database,
            "files": swap.outgoing_files,
            "package": environment.package,
            "services": [[service.name, service.version] for service in published],
            "left_at": moment,
            "undo_until": moment + timedelta(hours=settings.UNDO_HOURS),
        },
    )
    return left


def _publish(environment: Environment, services: list[list[str]]) -> None:
    """Let exactly these services be the published ones, in the record."""
    wanted = {(name, version) for name, version in services}
    for service in AppService.objects.filter(environment=environment):
        is_published = (service.name, service.version) in wanted
        AppService.objects.filter(pk=service.pk).update(is_published=is_published)


def _back_out(operation: Operation, attempt: int, swap: Swap | None) -> None:
    """Remove what was prepared, open the door, and let the app run again if it was this exchange that stopped it."""
    environment = operation.environment
    place = place_of(environment)
    label = f"op-{operation.pk.hex}.{attempt}"
    staging.end_sessions(place, label)
    with place.beside() as connection:
        databases.open_door(connection, place.app.name)
    _discard_staging(operation, attempt, place, swap)
    staging.drop_role(place, label)
    if swap is not None and swap.was_running and look(environment) != State.RUNNING:
        runtime_of(environment).start(NO_BEAT)
        look(environment)


def _discard_staging(operation: Operation, attempt: int, place: Place, swap: Swap | None) -> None:
    """Remove the staging of this attempt: never an earlier generation that an undo was to bring back."""
    staging.drop_database(place, database_name("in", operation, attempt))
    tree = choose_swap(Path(operation.environment.files_directory)).staging(tree_label(operation, attempt))
    discard(tree)
    if swap is not None:
        Swap.objects.filter(pk=swap.pk).delete()


def _start_again(swap: Swap, environment: Environment) -> str:
    """Start the app where that was agreed; a failure to start is said, and is no reason to take the data back."""
    if not swap.starts_after or look(environment) == State.RUNNING:
        return ""
    try:
        runtime_of(environment).start(NO_BEAT)
    except Refused as error:
        return f" It was not started: {error}"
    look(environment)
    return ""


FAILURES = (Failed, Refused, psycopg.Error, OSError)
