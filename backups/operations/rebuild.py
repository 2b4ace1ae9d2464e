"""Rebuild: bring the catalogue back from the vault alone, or add to it what the vault has and it lacks.

Nothing is ever removed, in the vault or here, and nothing is written into the vault. Killed and run again, it goes on.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import Q

from environments import clock
from environments.actors import Actor
from environments.choices import Status
from environments.lifecycle.adopt import UNKNOWN, Ended, adopt, complete_after_all, end_all
from environments.models import Activity, Environment, Operation, unwritten

from ..choices import Condition
from ..errors import ManifestNotReadable, NotesNotReadable, StoredMissing, VaultForeign
from ..models import Backup, Installation
from ..storage.marker import check_marker, installation_of
from ..storage.notes import read_notes
from ..storage.portal_copies import NO_COPY, newest_label
from ..storage.shelved import Shelved, environments_in, header_of, is_gone, shelved_in, tell
from ..storage.vault import Vault
from .rebuild_places import bring_up_to, check_header, place_of, remember_packages
from .rebuild_rows import CHANGING, Read, changing_facts, read_rows, stored

PAGE = 200
Newer = dict[UUID, tuple[Shelved, dict[str, Any]]]
PINS = ("pinned_at", "pinned_until", "pin_reason")
PUT_BACK = f"The portal's database was put back from an older copy. {UNKNOWN}"
Told = Callable[[str], None]


@dataclass
class Rebuilt:
    """What came of one environment: how many backups were found anew, completed after all, told more of, missed."""

    name: str
    is_new: bool = False
    known: int = 0
    found: int = 0
    completed: int = 0
    changed: int = 0
    missing: int = 0
    problems: list[str] = field(default_factory=list)


def rebuild(vault: Vault, *, by: Actor, is_dry: bool = False, told: Told = lambda _: None) -> Iterator[Rebuilt]:
    """Go through everything that lies in the vault, an environment at a time; `told` hears how far it is.

    A dry run writes nothing.

    Raises:
        VaultForeign: the vault is another portal's, and this one has backups or a vault of its own; or no vault's.
        VaultUnreachable: what was done until then stays, and running it again goes on.
    """
    own = _take(vault, is_dry=is_dry)
    newest = newest_label(vault)
    if own.saved_label and newest > own.saved_label and not is_dry:
        end_all(PUT_BACK)
    known = Backup.objects.filter(stored_attempt__isnull=False).order_by().values_list("environment_id", flat=True)
    for identity in sorted({*environments_in(vault), *known.distinct()}):
        yield _Rebuilding(vault, identity, by, is_dry, told).rebuild()
    if not is_dry:
        Installation.objects.update(rebuilt_at=clock.now(), saved_label=max(newest, NO_COPY))


def _take(vault: Vault, *, is_dry: bool) -> Installation:
    """The installation that the marker names; a portal that has never written anywhere becomes it."""
    own, marker = Installation.own(), installation_of(vault)
    is_free = own.marked_at is None and not Backup.objects.exists()
    if marker is None or marker == str(own.pk) or not is_free:
        check_marker(vault, str(own.pk), may_make=False)
        return own
    try:
        becomes = Installation(id=UUID(marker), marked_at=clock.now(), saved_label=NO_COPY)
    except ValueError:
        raise VaultForeign(f"The vault's marker names {marker[:60]!r}, which is no installation.") from None
    if not is_dry:
        with transaction.atomic():
            Installation.objects.all().delete()
            becomes.save(force_insert=True)
    return becomes


class _Rebuilding:
    """One environment, a page of its backups at a time: read first, then written in one short transaction."""

    def __init__(self, vault: Vault, identity: UUID, by: Actor, is_dry: bool, told: Told) -> None:
        self.vault, self.identity, self.by, self.is_dry, self.told = vault, identity, by, is_dry, told
        place = self._place()
        self.done = Rebuilt(str(place or identity))
        self.seen: set[tuple[UUID, int]] = set()

    def rebuild(self) -> Rebuilt:
        found = shelved_in(self.vault, self.identity)
        while page := list(islice(found, PAGE)):
            self.seen |= {(one.backup, one.attempt) for attempts in page for one in attempts}
            self._rebuild(page)
            self.told(f"{self.done.name}: {len(self.seen)} backups looked at")
        self._miss()
        place = self._place()
        if place is not None and not place.is_registered and not self.is_dry:
            self._bring_up_to(place)
        return self.done

    def _place(self) -> Environment | None:
        return Environment.objects.select_related("app").filter(pk=self.identity).first()

    def _rebuild(self, page: list[list[Shelved]]) -> None:
        identities = [attempts[0].backup for attempts in page]
        rows = Backup.objects.select_related("operation").in_bulk(identities)
        creates = Operation.objects.filter(kind="create", subject__in=identities).values_list("subject", flat=True)
        removed = set(creates) - rows.keys()  # on purpose, and what is left of them waits for `collect`
        fresh, lost, newer = list[Read](), list[Read](), Newer()
        for attempts in page:
            row = rows.get(attempts[0].backup)
            if row is None:
                fresh += self._read(attempts[0]) if attempts[0].backup not in removed else []
            elif row.is_completed:
                self.done.known += 1
                newer |= self._newer(row, attempts)
            elif attempts[0].notes and _is_left(row.operation):
                lost += self._read(attempts[0])
        if fresh or lost or newer:
            with transaction.atomic():
                self._write(fresh, lost, newer)
                transaction.set_rollback(self.is_dry)

    def _read(self, one: Shelved) -> list[Read]:
        try:
            read = read_rows(one, tell(self.vault, one))
            check_header(read.header)
        except (ManifestNotReadable, StoredMissing) as error:
            if not is_gone(self.vault, one.environment, one.backup, one.attempt):
                self.done.problems.append(f"{one.folder}: {error}")
            return []
        if read.remark:
            self.done.problems.append(f"{one.folder}: {read.remark}")
        return [read]

    def _newer(self, row: Backup, attempts: list[Shelved]) -> Newer:
        """What newer notes than the row's say of a backup that is known."""
        one = next((one for one in attempts if one.attempt == row.stored_attempt), None)
        if one is None or one.notes < row.notes_number + row.is_noted or row.removal_at or not one.notes:
            return {}
        try:
            return {row.pk: (one, changing_facts(read_notes(self.vault, one.folder, one.notes)))}
        except (NotesNotReadable, ManifestNotReadable, StoredMissing) as error:
            self.done.problems.append(f"{one.folder}: {error}")
            return {}

    def _write(self, fresh: list[Read], lost: list[Read], newer: Newer) -> None:
        list(Installation.objects.select_for_update())  # one at a time: what another one wrote is seen
        if fresh:
            self._add(fresh)
        lines = [line for read in lost for line in self._complete(read)] + self._change(newer)
        Activity.objects.bulk_create(lines)

    def _add(self, fresh: list[Read]) -> None:
        there = set(Backup.objects.filter(pk__in=[read.shelved.backup for read in fresh]).values_list("pk", flat=True))
        new = [read for read in fresh if read.shelved.backup not in there]
        place, is_new = place_of(self.identity, fresh[0].header)
        self.done.name, self.done.is_new = str(place), self.done.is_new or is_new
        remember_packages(place, ((read.facts["model_version"], read.facts["modeler_version"]) for read in new))
        operations = {one.subject: one for one in adopt(_free([read.ended(place) for read in new]))}
        backups = [read.row(place, operations[read.shelved.backup]) for read in new]
        Backup.objects.bulk_create(backups)
        Activity.objects.bulk_create(self._line(place, one, "found", "was found in the vault") for one in backups)
        self.done.found += len(backups)

    def _complete(self, read: Read) -> Iterator[Activity]:
        row = Backup.objects.select_related("environment__app", "environment__region").get(pk=read.shelved.backup)
        if complete_after_all(read.ended(row.environment)):
            Backup.objects.filter(pk=row.pk).update(**read.facts, **stored(read.shelved), is_noted=True)
            self.done.completed += 1
            yield self._line(row.environment, row, "found", "was found whole in the vault")

    def _change(self, newer: Newer) -> list[Activity]:
        rows = Backup.objects.select_for_update(of=("self",)).select_related("environment__app").order_by("pk")
        found = list(rows.filter(pk__in=newer, removal_at=None))
        for row in found:
            one, facts = newer[row.pk]
            is_told_here = not row.is_noted  # since the copy that the database was put back from
            taken = CHANGING if not is_told_here else () if row.pinned_at else PINS
            for name in taken:
                setattr(row, name, facts[name])
            row.notes_number, row.is_noted = one.notes + is_told_here, not is_told_here
        Backup.objects.bulk_update(found, [*CHANGING, "notes_number", "is_noted"])
        self.done.changed += len(found)
        return [self._line(row.environment, row, "noted", "is known again as the vault tells it") for row in found]

    def _miss(self) -> None:
        """Mark the Completed ones whose manifest is gone. A vault that went away meanwhile is another matter."""
        rows = Backup.objects.completed().filter(environment=self.identity, removal_at=None)
        stored_rows = rows.filter(stored_attempt__isnull=False).exclude(condition=Condition.MISSING)
        for row in stored_rows.select_related("environment__app"):
            assert row.stored_attempt is not None
            place = (self.identity, row.pk, row.stored_attempt)
            if place[1:] in self.seen or not is_gone(self.vault, *place):
                continue
            installation_of(self.vault)
            self.done.missing += 1
            if not self.is_dry:
                with transaction.atomic():
                    if stored_rows.filter(pk=row.pk).update(condition=Condition.MISSING):
                        self._line(row.environment, row, "missing", "is missing in the vault").save()

    def _bring_up_to(self, place: Environment) -> None:
        newest = Backup.objects.filter(environment=place).usable().newest_first().first()
        if newest is None or newest.stored_attempt is None:
            return
        with suppress(ManifestNotReadable, StoredMissing), transaction.atomic():
            bring_up_to(place, header_of(self.vault, place.pk, newest.pk, newest.stored_attempt))
        self.done.name = str(place)

    def _line(self, place: Environment, backup: Backup, how: str, words: str) -> Activity:
        sentence = f"The backup of {backup.created_at:%Y-%m-%d %H:%M} UTC {words}."
        return unwritten(place, f"backup.{how}", sentence, by=self.by, subject=backup.pk, operation=backup.operation_id)


def _is_left(operation: Operation) -> bool:
    """Whether nobody works on it now; the last word has the UPDATE."""
    return operation.status != Status.RUNNING or bool(operation.lease_until and operation.lease_until < clock.now())


def _free(ended: list[Ended]) -> Iterator[Ended]:
    """The same, with another id or without the night's key where those are taken."""
    keys = [one.unique_key for one in ended if one.unique_key]
    rows = Operation.objects.filter(Q(pk__in=[one.id for one in ended]) | Q(unique_key__in=keys))
    taken = {value for pair in rows.values_list("pk", "unique_key") for value in pair}
    for one in ended:
        identity = uuid4() if one.id in taken else one.id
        key = None if one.unique_key in taken else one.unique_key
        taken |= {identity, key}
        yield replace(one, id=identity, unique_key=key)
