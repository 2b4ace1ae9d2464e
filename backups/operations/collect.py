"""Collect: give back the space of what nobody needs any more, in two steps a day apart, and rewrite half-dead packs."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from environments import clock
from environments.choices import ACTIVE, Status
from environments.models import Environment, Operation

from ..errors import StoredDiffers, StoredMissing, VaultUnreachable
from ..models import Backup, DeadObject
from ..storage import names
from ..storage.rewrite import AT_ONCE, rewrite
from ..storage.stored import Tick, no_tick
from ..storage.survey import Survey, survey
from ..storage.vault import Vault
from .shelf import is_being_backed_up

WAIT = timedelta(hours=24)
"""Between the first sight of a dead object and its removal: who may still come to need it has ended by then."""

MOST_PROBLEMS = 10


@dataclass
class Collected:
    """What came of it: bytes that came back, what could not be removed (sentences), and backups that no row knows."""

    freed_bytes: int = 0
    problems: list[str] = field(default_factory=list)
    unknown: int = 0


def collect(vault: Vault, environment: Environment, *, wait: timedelta = WAIT, tick: Tick = no_tick) -> Collected:
    """Remove what has been dead for `wait`, mark what is dead since now, and rewrite packs that are half dead.

    Nothing is touched while a backup is being made there. Folders of backups that no row and no operation knows stay:
    they may be all that is left after the portal's own database was put back.

    Raises: VaultUnreachable, ManifestNotReadable: what is dead is not known, and nothing was removed.
    """
    done = Collected()
    if is_being_backed_up(environment):
        return done
    leftovers = _leftovers(vault, environment, done)
    found = survey(vault, environment.pk, known=_known_manifests(environment), tick=tick)
    _remove(vault, environment, _mark(environment, found.dead | leftovers, wait), done, tick)
    if not done.problems and not is_being_backed_up(environment):
        _rewrite(vault, environment, found, done, tick)
    return done


def _leftovers(vault: Vault, environment: Environment, done: Collected) -> set[str]:
    """Everything in the folders of attempts that came to nothing, and of backups that were removed."""
    folder = names.backups_folder(environment.pk)
    attempts = {name: _attempt_in(name) for name in vault.listdir(folder)[0]}
    known = _stored_attempts(environment)
    others = {attempt[0] for attempt in attempts.values() if attempt and attempt[0] not in known}
    creates = Operation.objects.filter(environment=environment, kind="create", subject__in=others)
    removed = set(creates.values_list("subject", flat=True))
    leftovers = set[str]()
    for name, attempt in attempts.items():
        inside = f"{folder}/{name}"
        if attempt is None or attempt[0] not in known.keys() | removed:
            there = [f"{inside}/{file}" for file in vault.listdir(inside)[1]]
            if there and all(map(names.notes_number, there)):
                leftovers |= set(there)  # notes on what is gone
            else:
                done.unknown += 1
        elif known.get(attempt[0], 0) not in (attempt[1], None):
            there = [f"{inside}/{file}" for file in vault.listdir(inside)[1]]
            leftovers |= {*there, *vault.unfinished(inside)}
    return leftovers


def _stored_attempts(environment: Environment) -> dict[UUID, int | None]:
    """Which attempt each backup is stored as: 0 where none is, None where that is not decided yet."""
    rows = Backup.objects.filter(environment=environment)
    found = rows.values_list("pk", "stored_attempt", "operation__status")
    return {
        backup: None if status in ACTIVE else stored or 0 if status == Status.COMPLETED else 0
        for backup, stored, status in found
    }


def _known_manifests(environment: Environment) -> list[str]:
    rows = Backup.objects.filter(environment=environment, stored_attempt__isnull=False)
    found = rows.values_list("pk", "stored_attempt")
    return [names.manifest(environment.pk, backup, attempt or 0) for backup, attempt in found]


def _attempt_in(name: str) -> tuple[UUID, int] | None:
    """The backup and attempt that a folder's name tells."""
    backup, _, attempt = name.rpartition(".")
    try:
        return UUID(backup), int(attempt)
    except ValueError:
        return None


def _mark(environment: Environment, dead: Iterable[str], wait: timedelta) -> list[str]:
    """Remember since when each is dead, forget those that are not; returns those that have been so for long enough."""
    now, dead = clock.now(), set(dead)
    rows = DeadObject.objects.filter(environment=environment)
    found = dict(rows.values_list("name", "found_at"))
    fresh = dict.fromkeys(dead - found.keys(), now)
    DeadObject.objects.bulk_create(
        (DeadObject(environment=environment, name=name, found_at=now) for name in sorted(fresh)), ignore_conflicts=True
    )
    revived = sorted(found.keys() - dead)
    for at in range(0, len(revived), 500):
        rows.filter(name__in=revived[at : at + 500]).delete()
    due = [name for name, at in (found | fresh).items() if name in dead and at <= now - wait]
    # Manifests first: without one nothing looks like a backup any more.
    return sorted(due, key=lambda name: (not name.endswith(names.MANIFEST), name))


def _remove(vault: Vault, environment: Environment, due: list[str], done: Collected, tick: Tick) -> None:
    for name in due:
        try:
            done.freed_bytes += _remove_one(vault, name)
        except VaultUnreachable as error:
            done.problems.append(str(error))
            if len(done.problems) >= MOST_PROBLEMS:
                return
            continue
        DeadObject.objects.filter(environment=environment, name=name).delete()
        tick()


def _remove_one(vault: Vault, name: str) -> int:
    """Remove an object, finished or not, and return its size. Gone already is as good."""
    try:
        size = vault.size(name)
    except StoredMissing:
        size = 0
    vault.delete(name)
    vault.discard(name)
    return size


def _rewrite(vault: Vault, environment: Environment, found: Survey, done: Collected, tick: Tick) -> None:
    """Rewrite what is half dead. What was replaced is dead from now on, and goes in a day."""
    now = clock.now()
    try:
        while True:
            rewritten = rewrite(vault, environment.pk, found, tick=tick)
            DeadObject.objects.bulk_create(
                (DeadObject(environment=environment, name=name, found_at=now) for name in rewritten.replaced),
                ignore_conflicts=True,
            )
            if len(rewritten.replaced) < AT_ONCE:
                return
            found = survey(vault, environment.pk, known=_known_manifests(environment), tick=tick)
    except (VaultUnreachable, StoredDiffers) as error:
        done.problems.append(str(error))
