"""Exchange: the one journalled swap that restore, upload and undo share. It ends whole, whatever is killed when.

The order: the journal's row, the stop, `swapping`, the database, the files, then the portal's record and the kept
generation in one transaction, and the start. Until `swapping` everything can be backed out; from the first rename on
it is carried through, by the same function, called by the attempt itself or by whoever finds it lost. Only files in a
bucket can be found lost after that: then all is taken back, the files and the database.
"""

import logging
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction

from environments import clock
from environments.choices import State
from environments.errors import AppStillRunning, RuntimeRefused
from environments.lifecycle.attempt import Attempt, Fenced
from environments.lifecycle.claim import owned
from environments.lifecycle.lease import Lease
from environments.models import AppService, Environment, Operation
from environments.operations.start import start_app
from environments.operations.stop import stop_app
from environments.states import look, why_not_stopped

from ..engines import staging
from ..engines import swap as databases
from ..engines.place import Place
from ..engines.preflight import check_again
from ..errors import FilesNotWhole, TakenBack
from ..models import Generation, Swap
from ..models.generation import Kept
from ..models.swap import Step
from ..storage.documents_store import DocumentsStore
from .exchange_files import clear_files, discard_files, files_of, put_in
from .follow import follow

logger = logging.getLogger(__name__)


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


def journal(attempt: Attempt, *, database: str = "", files: str = "", **facts: object) -> Swap:
    """Write down what is about to take the live data's place, once it is on its disk. Nothing of it has begun."""
    operation = attempt.operation
    store = files_of(operation.environment)
    if files:
        store.sync(files, attempt.beat)
    Swap.objects.filter(operation=operation).delete()
    return Swap.objects.create(
        operation=operation,
        attempt=attempt.number,
        incoming_database=database,
        outgoing_database=database and database_name("was", operation, attempt.number),
        incoming_files=files,
        outgoing_files=files and store.previous(tree_label(operation, attempt.number)),
        is_switched=bool(files) and store.is_switched,
        **facts,
    )


def carry_out(swap: Swap, attempt: Attempt, *, may_stop_app: bool, is_said_stopped: bool) -> None:
    """Stop the app where it runs, exchange, close the journal, and start the app again where that was agreed.

    Raises:
        PuttingBackRefused, AppStillRunning, Fenced and others before `swapping`: nothing has changed. Afterwards only
        what `finish` raises.
    """
    environment = attempt.operation.environment
    store = files_of(environment, swap)
    if swap.incoming_files and store.keeps_copies:
        attempt.beat("Copying the live files aside")
        store.prepare(swap.outgoing_files, attempt.beat)
    if swap.incoming_database:
        check_again(place_of(environment))
    _stop(swap, attempt, may_stop_app=may_stop_app, is_said_stopped=is_said_stopped)
    attempt.beat("Exchanging the data")
    if swap.incoming_files:
        store.keep(swap.outgoing_files, attempt.beat)
    _begin(swap, attempt)
    finish(swap, environment, Lease(attempt.operation).beat, store)
    follow_up(swap, environment, attempt.beat)
    if swap.starts_after:
        attempt.beat("Starting the app")
        start_app(environment, attempt)
    clear_files(swap, environment, attempt.beat)


def finish(swap: Swap, environment: Environment, beat: Callable[[], None], store: DocumentsStore | None = None) -> None:
    """Exchange what the journal names and close it. Safe to call again, by anybody, until it has returned.

    `store`: of the files, where whoever calls has asked it before.

    Raises:
        SwapRefused, psycopg.Error, OSError, FilesStoreUnreachable: calling again goes on where it was.
        TakenBack: it cannot be carried through; the journal says so, and the old data is to be live again.
        Fenced
    """
    place = place_of(environment)
    if swap.incoming_database and swap.step == Step.SWAPPING:
        incoming, outgoing = swap.incoming_database, swap.outgoing_database
        databases.swap(place, live=place.app.name, incoming=incoming, outgoing=outgoing, beat=beat)
        _step(swap, Step.DATABASE_SWAPPED)
    if swap.incoming_files and swap.step in (Step.SWAPPING, Step.DATABASE_SWAPPED):
        try:
            put_in(
                swap, environment, store or files_of(environment, swap), beat, lambda: _step(swap, Step.FILES_SWAPPED)
            )
        except (FilesNotWhole, RuntimeRefused) as error:
            swap.refusal = str(error)
            _step(swap, Step.TAKING_BACK)
            raise TakenBack(swap.refusal) from error
    if swap.step != Step.CLOSED:
        _close(swap, environment)


def discard_generation(generation: Generation, beat: Callable[[], None] = lambda: None) -> None:
    """Remove a generation that can no longer come back.

    Raises: psycopg.Error, OSError, Failed; call again then.
    """
    if generation.database:
        staging.drop_database(place_of(generation.environment), generation.database)
    if generation.files:
        discard_files(generation.environment, generation.files, beat)
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


def follow_up(swap: Swap, environment: Environment, beat: Callable[[], None]) -> None:
    """Let the runtime know what is live now, and keep what is to be said of that."""
    if said := follow(swap, environment, beat, scratch_of(swap.operation, swap.attempt)):
        swap.remarks = [*swap.remarks, *(one for one in said if one not in swap.remarks)]
        Swap.objects.filter(pk=swap.pk).update(remarks=swap.remarks)


def _begin(swap: Swap, attempt: Attempt) -> None:
    """Say in the journal that names may change from now on. Raises: Fenced: whoever took it over backs it out."""
    attempt.check_owned()
    attempt.may_begin_again = False
    prepared = Swap.objects.filter(pk=swap.pk, step=Step.PREPARED, operation__in=owned(attempt.operation))
    if not prepared.update(step=Step.SWAPPING):
        raise Fenced
    swap.step = Step.SWAPPING


def _step(swap: Swap, step: Step) -> None:
    """Write down how far it is. Raises: Fenced: whoever took it over takes it back, or has."""
    swap.step = step
    # Whoever was only slow does not open a closed journal again.
    rows = Swap.objects.filter(pk=swap.pk).exclude(step__in=(Step.CLOSED, Step.TAKING_BACK))
    if not rows.update(step=step, refusal=swap.refusal) and not Swap.objects.filter(pk=swap.pk, step=Step.CLOSED):
        raise Fenced


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
