"""Verify: read every stored byte of a backup against its SHA-256, and the dump to its end."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from environments import clock
from environments.actors import PORTAL, Actor
from environments.choices import ACTIVE
from environments.lifecycle.attempt import Attempt
from environments.lifecycle.kinds import Kind
from environments.lifecycle.submit import Asked, submit, submit_all
from environments.models import Operation, record

from ..choices import BROKEN, Condition
from ..engines import postgresql
from ..engines.tools import find_tools
from ..errors import (
    BackupFoundBroken,
    BackupLeaving,
    BackupNotCompleted,
    ManifestNotReadable,
    StoredDiffers,
    StoredMissing,
)
from ..models import Backup
from ..policy.nightly import spread_at
from ..storage import names
from ..storage.check import check_files
from ..storage.manifest import ManifestReader
from ..storage.stored import Stored, read_back, read_through
from ..storage.vault import Vault, open_vault
from .mark import mark_vault
from .note import note_soon

STEPS = 3
AGAIN_AFTER = timedelta(days=29)  # looked for each hour, so that no backup is unread for 30 days
PAGE = 500


def request_verify(backup: Backup, *, by: Actor, is_rung: bool = True) -> Operation:
    """Queue the reading of everything a backup holds.

    Raises:
        BackupNotCompleted, BackupLeaving.
    """
    if not backup.is_completed:
        raise BackupNotCompleted
    if backup.removal_at is not None:
        raise BackupLeaving
    with transaction.atomic():
        params = {"is_told": True}
        operation = submit(
            "verify", environment=backup.environment, by=by, subject=backup.pk, params=params, is_rung=is_rung
        )
        sentence = f"{by.name} asked to verify the backup of {backup.created_at:%Y-%m-%d %H:%M} UTC."
        record(backup.environment, "verify.requested", sentence, by=by, subject=backup.pk, operation=operation.pk)
    return operation


def request_due_verifications(now: datetime | None = None) -> Iterator[list[Operation]]:
    """Queue the verifying of every backup that is new, or was not read for 29 days; pages of operations.

    Those that are known to be broken are left to people. The others are spread, so that nobody who wants a backup now
    waits behind all of them.
    """
    now, places = now or clock.now(), count()
    under_way = Operation.objects.filter(kind="verify", subject=OuterRef("pk"), status__in=ACTIVE)
    is_due = Q(verified_at=None) | Q(verified_at__lte=now - AGAIN_AFTER)
    rows = Backup.objects.usable().filter(is_due, ~Exists(under_way)).select_related("environment").order_by("pk")
    after = UUID(int=0)
    while page := list(rows.filter(pk__gt=after)[:PAGE]):
        after = page[-1].pk
        yield submit_all("verify", [_asked(backup, now, next(places)) for backup in page], by=PORTAL)


def _asked(backup: Backup, now: datetime, place: int) -> Asked:
    key = f"verify:{backup.pk.hex}:{now:%Y-%m-%dT%H}"
    return Asked(backup.environment, backup.pk, key, spread_at(now, place))


def perform_verify(attempt: Attempt) -> str:
    """Read one backup and write down what was found.

    Raises:
        BackupFoundBroken: it is damaged or missing, and no longer offered; whatever else: nothing is known.
    """
    assert attempt.operation.subject is not None
    rows = Backup.objects.select_related("operation", "environment__app")
    backup = rows.filter(pk=attempt.operation.subject, removal_at=None).completed().first()
    if backup is None or backup.stored_attempt is None:
        return "The backup is gone; there was nothing to verify."
    vault = open_vault()
    mark_vault(vault)
    try:
        _Verifying(attempt, backup, vault).verify()
        condition, why = Condition.GOOD, ""
    except StoredMissing as error:
        mark_vault(vault)  # a vault that went away meanwhile is another matter
        condition, why = Condition.MISSING, str(error)
    except (StoredDiffers, ManifestNotReadable) as error:
        condition, why = Condition.DAMAGED, str(error)
    attempt.check_owned()
    return _write_down(attempt.operation, backup, condition, why)


def _write_down(operation: Operation, backup: Backup, condition: Condition, why: str) -> str:
    when = f"{backup.created_at:%Y-%m-%d %H:%M} UTC"
    there = Backup.objects.filter(pk=backup.pk, removal_at=None)
    if not there.change_noted(condition=condition, verified_at=clock.now()):
        return f"The backup of {when} was removed meanwhile."
    note_soon(backup.pk)
    if condition in BROKEN:
        raise BackupFoundBroken(
            f"The backup of {when} is {condition.label} and is no longer offered. {why} Create another one now, and "
            "look at the vault's disk."
        )
    sentence = f"The backup of {when} was read to its end: everything is as it was saved."
    if operation.params.get("is_told"):
        record(
            backup.environment, "backup.verified", sentence, by=operation.by, subject=backup.pk, operation=operation.pk
        )
    return sentence


class _Counted:
    """Blocks that are counted as they are taken."""

    def __init__(self, blocks: Iterator[bytes], told: Callable[[int], None]) -> None:
        self.is_at_end = False
        self._blocks, self._told, self._done = blocks, told, 0

    def __iter__(self) -> Iterator[bytes]:
        for block in self._blocks:
            yield block
            self._done += len(block)
            self._told(self._done)
        self.is_at_end = True


class _Verifying:
    """One reading of one backup."""

    def __init__(self, attempt: Attempt, backup: Backup, vault: Vault) -> None:
        assert backup.stored_attempt is not None
        self.attempt, self.backup, self.vault = attempt, backup, vault
        self.place = (backup.environment_id, backup.pk, backup.stored_attempt)

    def verify(self) -> None:
        """Raises: StoredDiffers, StoredMissing, ManifestNotReadable: it is broken; others: it is not known."""
        backup, beat = self.backup, self.attempt.beat
        beat("Reading the list of what it holds", step=1, steps=STEPS)
        listed = Stored(names.manifest(*self.place), backup.manifest_bytes or 0, backup.manifest_sha256)
        read_back(self.vault, listed, beat)
        manifest = ManifestReader(self.vault, listed.name)
        beat("Reading the database's dump", step=2, steps=STEPS)
        self._read_dump(manifest)
        beat("Reading the uploaded files", step=3, steps=STEPS)
        check_files(self.vault, manifest, self._told)

    def _read_dump(self, manifest: ManifestReader) -> None:
        dump = Stored(names.dump(*self.place), self.backup.database_bytes or 0, self.backup.dump_sha256)
        said = manifest.end["dump"]
        if (said["bytes"], said["sha256"]) != (dump.size, dump.sha256):
            raise StoredDiffers("The backup's list tells of another dump than the portal remembers.")
        tools = find_tools(int(self.backup.client_version.split(".")[0]))
        blocks = _Counted(read_through(self.vault, dump), partial(self._told, total=dump.size))
        try:
            postgresql.check_dump(blocks, tools, label=self.attempt.label, beat=self.attempt.beat)
        finally:
            # It may end before it has taken everything. And where the bytes are those that were saved, it is the
            # program that is to blame, not the backup.
            if not blocks.is_at_end:
                read_back(self.vault, dump, self.attempt.beat)

    def _told(self, done: int, total: int) -> None:
        self.attempt.beat(done_bytes=done, total_bytes=total or None)


KIND = Kind(
    "verify", perform_verify, is_exclusive=False, may_repeat=True, is_quiet=True, title="The verifying of a backup"
)
