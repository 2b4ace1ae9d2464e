"""Restore: put a backup back into an environment, all of it or nothing; the outage is the exchange, not the load."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import transaction

from environments.actors import Actor
from environments.choices import Right, Status
from environments.lifecycle.attempt import Attempt
from environments.lifecycle.kinds import Kind
from environments.lifecycle.lease import Lease
from environments.lifecycle.submit import submit
from environments.models import Environment, Operation, record
from environments.rights import rights_of

from ..choices import Contents
from ..engines import postgresql, staging
from ..engines.preflight import check_before
from ..engines.toc import read_toc
from ..engines.tools import find_tools
from ..errors import (
    BackupBroken,
    BackupLeaving,
    BackupNotCompleted,
    NotOfThisApp,
    PuttingBackRefused,
    RightsWithdrawn,
    StoredDiffers,
    VersionNotAccepted,
)
from ..models import Backup, Restore, Swap
from ..policy.versions import Comparison, compare
from ..storage import names
from ..storage.manifest import ManifestReader
from ..storage.packs import PackReader
from ..storage.stored import Stored, read_through
from ..storage.unpack import unpack
from ..storage.vault import open_vault
from .delete import check_name
from .exchange import carry_out, database_name, journal, place_of, scratch_of, tree_label
from .exchange_files import files_of
from .generations import discard_older
from .settle import kept_whole, settle

STEPS = 5
# What the old and the new data need beside each other, beyond their own size.
SPARE = 1.05


def request_restore(
    backup: Backup,
    *,
    into: Environment,
    by: Actor,
    confirm: str | None,
    contents: Contents = Contents.FULL,
    may_stop_app: bool = False,
    is_said_stopped: bool = False,
    accepts_version: bool = False,
    is_rung: bool = True,
) -> Operation:
    """Queue a restore. `confirm` is the target's name as the person typed it; only production asks for it.

    Raises:
        BackupNotCompleted, BackupBroken, BackupLeaving, NotOfThisApp, NameNotTyped, VersionNotAccepted,
        EnvironmentBusy: and nothing has changed.
    """
    check_source(backup, into)
    check_name(into, confirm)
    if compare_versions(backup, into) in (Comparison.OLDER, Comparison.NEWER) and not accepts_version:
        raise VersionNotAccepted
    with transaction.atomic():
        operation = submit("restore", environment=into, by=by, subject=backup.pk, is_rung=is_rung)
        Restore.objects.create(
            operation=operation,
            backup=backup,
            environment=into,
            contents=contents,
            may_stop_app=may_stop_app,
            is_said_stopped=is_said_stopped,
        )
        _tell(operation, backup, contents)
    return operation


def _tell(operation: Operation, backup: Backup, contents: Contents) -> None:
    """Write the request into the target's history."""
    into, by = operation.environment, operation.by
    record(
        into,
        "restore.requested",
        f"{by.name} asked to restore the backup of {backup.environment}, {backup.created_at:%Y-%m-%d %H:%M} UTC, "
        f"into {into.name}.",
        by=by,
        subject=backup.pk,
        operation=operation.pk,
        contents=contents,
    )


def check_source(backup: Backup, into: Environment) -> None:
    """Whether a backup can be put into an environment at all. Raises as `request_restore`."""
    if backup.environment.app_id != into.app_id:
        raise NotOfThisApp
    if not backup.is_completed:
        raise BackupNotCompleted
    if backup.removal_at is not None:
        raise BackupLeaving
    if not backup.is_usable:
        raise BackupBroken


def compare_versions(backup: Backup, into: Environment) -> Comparison:
    """The backup's versions against those of the package that the target has deployed now."""
    package = into.package
    target = (package.modeler_version, package.model_version) if package else ("", "")
    return compare((backup.modeler_version, backup.model_version), target)


def perform_restore(attempt: Attempt) -> str:
    """Load beside, check, stop, exchange, start; returns the closing sentence."""
    restore = Restore.objects.select_related("backup__environment__app", "environment__app").get(
        operation=attempt.operation
    )
    if restore.backup is None:
        raise BackupBroken
    restoring = Restoring(attempt, restore, restore.backup)
    try:
        with kept_whole(attempt):
            return restoring.put_back()
    finally:
        restoring.clear()


class Restoring:
    """One restore: what each step hands to the next."""

    def __init__(self, attempt: Attempt, restore: Restore, backup: Backup) -> None:
        self.attempt, self.restore, self.backup = attempt, restore, backup
        self.environment = attempt.operation.environment
        self.place = place_of(self.environment)
        self.vault = open_vault()
        assert backup.stored_attempt is not None
        self.manifest = ManifestReader(
            self.vault, names.manifest(backup.environment_id, backup.pk, backup.stored_attempt)
        )
        self.scratch = scratch_of(attempt.operation, attempt.number)
        self.scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.remarks: list[str] = []

    def put_back(self) -> str:
        attempt, contents = self.attempt, self.restore.contents
        check_source(self.backup, self.environment)
        database = files = ""
        if contents != Contents.FILES:
            database = self._stage_database()
        if contents != Contents.DATABASE:
            files = self._stage_files()
        check_rights(attempt.operation, self.backup, self.environment)
        swap = journal(attempt, database=database, files=files, starts_after=self._fits(), remarks=self.remarks)
        carry_out(
            swap,
            attempt,
            may_stop_app=self.restore.may_stop_app,
            is_said_stopped=self.restore.is_said_stopped,
        )
        discard_older(self.environment, Lease(attempt.operation).beat)
        return self._sentence(swap)

    def clear(self) -> None:
        shutil.rmtree(self.scratch, ignore_errors=True)

    def _stage_database(self) -> str:
        attempt, place = self.attempt, self.place
        attempt.beat("Reading the database's dump", step=1, steps=STEPS)
        check_before(place, None, is_untrusted=False)
        tools = find_tools(postgresql.look_at(place.app).major)
        dump = self._fetch_dump()
        toc = read_toc(dump, tools, beat=attempt.beat)
        self.remarks += check_before(place, toc, is_untrusted=False)
        attempt.beat("Loading the database beside the live one", step=2, steps=STEPS)
        name = database_name("in", attempt.operation, attempt.number)
        report = staging.load(
            place, name, dump, tools, toc=toc, label=attempt.label, hold=attempt.holds_child, beat=attempt.beat
        )
        staging.check_staging(place, name, toc)
        self.remarks += report.remarks
        return name

    def _fetch_dump(self) -> Path:
        """A copy of the dump in scratch: the bytes whose SHA-256 was compared are the bytes that are loaded."""
        end = self.manifest.end["dump"]
        stored = Stored(end["name"], end["bytes"], end["sha256"])
        check_space(shutil.disk_usage(self.scratch).free, stored.size, "the database's dump", self.scratch)
        target = self.scratch / "db.backup"
        with _writing("The database's dump", target.parent), target.open("wb") as file:
            for block in read_through(self.vault, stored):
                file.write(block)
                self.attempt.beat(done_bytes=file.tell(), total_bytes=stored.size)
        return target

    def _stage_files(self) -> str:
        attempt, store = self.attempt, files_of(self.environment)
        attempt.beat("Unpacking the uploaded files beside the live ones", step=3, steps=STEPS)
        with _writing("The uploaded files", store.address):
            target = store.staging(tree_label(attempt.operation, attempt.number))
            store.make(target, attempt.beat)
            check_space(store.free_bytes(), self.backup.files_bytes or 0, "the uploaded files", store.address)
            with store.opened(target, attempt.beat) as writer:
                unpack(
                    self.manifest,
                    PackReader(self.vault),
                    writer,
                    beat=lambda done, total: attempt.beat(done_bytes=done, total_bytes=total),
                )
        return target

    def _fits(self) -> bool:
        """Whether the app may run on the restored data: its package is the one the backup was made with."""
        return compare_versions(self.backup, self.environment) == Comparison.EQUAL

    def _sentence(self, swap: Swap) -> str:
        name = self.environment.name
        said = f"{name} holds the data of {self.backup.data_at or self.backup.created_at:%Y-%m-%d %H:%M} UTC."
        if swap.was_running and not swap.starts_after:
            said += f" It stays stopped: deploy {self.backup.model_version or 'a fitting package'}, then start it."
        return " ".join([said, *self.remarks])


def recover_restore(operation: Operation, attempt: int) -> tuple[Status, str]:
    """For the reaper: bring a restore whose worker was lost to a whole end. Safe to call again."""
    settled = settle(operation, attempt)
    return settled.status, f"The worker was lost. {settled.sentence}"


def check_rights(operation: Operation, backup: Backup, into: Environment) -> None:
    """Whether who asked may still do it, right before it is done. Commands hold all rights.

    Raises:
        RightsWithdrawn
    """
    user = operation.requested_by
    if user is None:
        return
    user.refresh_from_db()
    may = Right.RESTORE in rights_of(user, into) and Right.DOWNLOAD in rights_of(user, backup.environment)
    if not may:
        raise RightsWithdrawn


def check_space(free: int | None, size: int, what: str, where: object) -> None:
    """Whether there is room, as far as that is known. Raises: PuttingBackRefused"""
    if free is not None and free < size * SPARE:
        raise PuttingBackRefused(
            f"There is no room for {what} beside the live ones: {size / 1e6:,.2f} MB are needed at {where}, "
            f"{free / 1e6:,.2f} MB are free. Nothing was changed."
        )


@contextmanager
def _writing(what: str, where: object) -> Iterator[None]:
    """Lets what vault and disk say become sentences of a restore. Raises: PuttingBackRefused"""
    try:
        yield
    except StoredDiffers as error:
        raise PuttingBackRefused(
            f"{what} cannot be read as saved. {error} Nothing was changed. Choose another backup."
        ) from error
    except OSError as error:
        raise PuttingBackRefused(
            f"{what} cannot be written to {where} ({error.strerror}). Nothing was changed. "
            "Make room there, or let the portal's user write there, then try again."
        ) from error


KIND = Kind(
    "restore",
    perform_restore,
    is_exclusive=True,
    may_repeat=False,
    recover=recover_restore,
    title="A restore",
)
