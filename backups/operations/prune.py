"""Prune: remove what has expired, as the schedule says, and never the last good backup; then give back the space."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from environments import clock
from environments.actors import PORTAL, Actor
from environments.choices import FINAL, Status
from environments.lifecycle.attempt import Attempt
from environments.lifecycle.kinds import Kind
from environments.lifecycle.submit import Asked, submit, submit_all
from environments.models import Environment, Operation

from ..errors import ManifestNotReadable, PruneHeldBack, PruneIncomplete, VaultUnreachable
from ..models import Backup, DeadObject, Installation
from ..policy.nightly import spread_at
from ..policy.retention import NEWEST_FOR, Plan, gap_before
from ..storage import names
from ..storage.stored import Tick, no_tick
from ..storage.vault import Vault, open_vault
from .collect import WAIT, collect
from .making import in_words
from .mark import mark_vault
from .remove import remove_expired
from .shelf import plan_of, shelf_of

LOOKED_BACK = timedelta(days=2)
SUNDAY = 7
PAGE = 500


@dataclass
class Pruned:
    """What came of one environment: bytes that came back of each backup that was removed, and what did not succeed."""

    plan: Plan
    removed: dict[UUID, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    packs_bytes: int = 0
    unknown: int = 0

    def __str__(self) -> str:
        number = len(self.removed)
        words = f"{number} expired backup{'s' * (number != 1)} {'was' if number == 1 else 'were'} removed"
        if size := sum(self.removed.values()) + self.packs_bytes:
            words += f", {in_words(size)} came back"
        if self.unknown:
            words += f". The vault holds {self.unknown} backups here that the portal does not know; they stay"
        return f"{words}."


def request_prune(
    environment: Environment,
    *,
    by: Actor,
    now: datetime | None = None,
    is_forced: bool = False,
    is_rung: bool = True,
) -> Operation:
    """Queue the pruning of one environment. `now` is the moment that counts as now (default: when it begins)."""
    params = {"now": now and now.isoformat(), "is_forced": is_forced}
    return submit("prune", environment=environment, by=by, params=params, is_rung=is_rung)


def request_due_prunes(now: datetime | None = None) -> Iterator[list[Operation]]:
    """Queue the pruning of every environment where something may be to remove, once a day; pages of operations.

    They are spread, so that nobody who wants a backup now waits behind all of them.
    """
    now, places = now or clock.now(), count()
    for page in pages_due(now):
        asked = (Asked(one, None, f"prune:{one.pk.hex}:{now:%Y-%m-%d}", spread_at(now, next(places))) for one in page)
        yield submit_all("prune", asked, by=PORTAL)


def pages_due(now: datetime) -> Iterator[list[Environment]]:
    """The environments, deleted ones too, where something may be to remove. On Sundays all that have any backup."""
    rows = _due(now).select_related("app", "region").order_by("pk")
    after = UUID(int=0)
    while page := list(rows.filter(pk__gt=after)[:PAGE]):
        yield page
        after = page[-1].pk


def _due(now: datetime) -> QuerySet[Environment]:
    """Also where the last pruning failed: the next one says whether that is still so."""
    here = {"environment": OuterRef("pk")}
    ended = Operation.objects.filter(**here, finished_at__gte=now - LOOKED_BACK)
    left = Q(kind="delete") | Q(kind="create", status=Status.FAILED)
    backups = Backup.objects.filter(**here)
    if now.isoweekday() != SUNDAY:
        backups = backups.filter(expires_at__lte=now)
    prunes = Operation.objects.filter(**here, kind="prune", status__in=FINAL, created_at__lte=now)
    last = prunes.order_by("-created_at", "-pk").values("status")[:1]
    return Environment.objects.annotate(last_prune=Subquery(last)).filter(
        Q(last_prune=Status.FAILED)
        | Exists(backups)
        | Exists(DeadObject.objects.filter(**here))
        | Exists(ended.filter(left))
    )


def perform_prune(attempt: Attempt) -> str:
    """Prune one environment.

    Raises:
        PruneHeldBack: a guard keeps everything; PruneIncomplete: something could not be removed now.
    """
    operation = attempt.operation
    attempt.beat("Removing what has expired", step=1, steps=1)
    given = operation.params.get("now")
    pruned = prune_environment(
        open_vault(),
        operation.environment,
        now=datetime.fromisoformat(given) if given else clock.now(),
        by=operation.by,
        is_forced=operation.params.get("is_forced", False),
        operation=operation.pk,
        tick=attempt.beat,
    )
    if pruned.plan.held_back:
        raise PruneHeldBack(pruned.plan.held_back)
    if pruned.problems:
        raise PruneIncomplete(f"{pruned} But: {' '.join(dict.fromkeys(pruned.problems))} The next prune tries again.")
    return str(pruned)


def prune_environment(
    vault: Vault,
    environment: Environment,
    *,
    now: datetime,
    by: Actor,
    is_forced: bool = False,
    operation: UUID | None = None,
    wait: timedelta = WAIT,
    tick: Tick = no_tick,
) -> Pruned:
    """Remove what the plan says, then what nobody needs any more. Two at once, or one that was killed, do no harm.

    Raises: VaultForeign, VaultUnreachable: nothing was removed.
    """
    pruned = Pruned(plan_of(environment, now, is_forced=is_forced))
    if pruned.plan.held_back:
        return pruned
    has_vault = Installation.own().marked_at is not None
    if has_vault:
        mark_vault(vault)
        # A vault that cannot list cannot be believed in anything.
        vault.listdir(names.packs_folder(environment.pk))
        vault.listdir(names.backups_folder(environment.pk))
    for verdict in pruned.plan.verdicts:
        tick()
        if verdict.is_removed:
            try:
                size = remove_expired(vault, environment, verdict, now=now, by=by, operation=operation)
            except VaultUnreachable as error:
                pruned.problems.append(str(error))
            else:
                pruned.removed |= {} if size is None else {verdict.backup.id: size}
    if has_vault and not _has_a_gap(environment):
        _collect(vault, environment, pruned, wait, tick)
    return pruned


def _has_a_gap(environment: Environment) -> bool:
    """Whether nothing new came for long although it should: then the clock may be wrong, and a day not over."""
    if not environment.is_nightly_on or environment.deleted_at is not None:
        return False
    backups, now = Backup.objects.filter(environment=environment), clock.now()
    recent = backups.usable().filter(created_at__gte=now - NEWEST_FOR)
    if not recent.exists():
        return backups.completed().exists()
    return gap_before(shelf_of(environment, backups), now) is not None


def _collect(vault: Vault, environment: Environment, pruned: Pruned, wait: timedelta, tick: Tick) -> None:
    try:
        collected = collect(vault, environment, wait=wait, tick=tick)
    except (VaultUnreachable, ManifestNotReadable) as error:
        pruned.problems.append(f"{error} So it is not known which packs are still needed, and none was removed.")
        return
    pruned.packs_bytes, pruned.unknown = collected.freed_bytes, collected.unknown
    pruned.problems += collected.problems


KIND = Kind(
    "prune", perform_prune, is_exclusive=False, may_repeat=True, is_quiet=True, title="The removing of expired backups"
)
