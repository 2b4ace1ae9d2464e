"""The shelf of an environment: what pruning has to know of each of its backups."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from environments import clock
from environments.choices import ACTIVE, Status
from environments.models import Environment, Operation

from ..choices import Rule
from ..models import Backup, Hold
from ..models.backup import BackupQuerySet
from ..policy.retention import Kept, Plan, plan_pruning

RESTORED, DOWNLOADED, MADE = "being restored", "being downloaded", "being made"
BUILT_UPON = "a running backup may build upon it"
FIELDS = (
    *("created_at", "expires_at", "kept_by", "condition", "removal_at", "pinned_at", "pinned_until", "pin_reason"),
    *("operation__status",),
)


def plan_of(environment: Environment, now: datetime, *, is_forced: bool = False) -> Plan:
    """What pruning does with each backup of an environment. A deleted environment has no nights."""
    is_nightly_on = environment.is_nightly_on and environment.deleted_at is None
    rows = Backup.objects.filter(environment=environment)
    return plan_pruning(shelf_of(environment, rows), now=now, is_nightly_on=is_nightly_on, is_forced=is_forced)


def still_goes(backup: Backup, now: datetime) -> bool:
    """Whether a backup that was planned to go may really go: asked right before, with its rows locked.

    The two guards are not asked again: they were asked for all that go together, of which half may be gone by now.
    """
    rows = Backup.objects.filter(environment=backup.environment_id)
    good = rows.usable().newest_first()
    newest = (good.first(), good.filter(created_at__lte=now).first())
    those = rows.filter(pk__in=[backup.pk, *(one.pk for one in newest if one)])
    plan = plan_pruning(shelf_of(backup.environment, those), now=now, is_nightly_on=False, is_forced=True)
    return any(kept.id == backup.pk for kept in plan.removed)


def shelf_of(environment: Environment, backups: BackupQuerySet) -> list[Kept]:
    """These backups of an environment, newest first, and what each is in use for. Four queries."""
    rows = backups.select_related("operation").only(*FIELDS).newest_first()
    used = _used_in(environment)
    kept = [kept_of(row, used.get(row.pk, "")) for row in rows]
    return _with_base(kept) if is_being_backed_up(environment) else kept


def kept_of(backup: Backup, in_use: str) -> Kept:
    return Kept(
        id=backup.pk,
        created_at=backup.created_at,
        expires_at=backup.expires_at,
        kept_by=Rule(backup.kept_by),
        is_completed=backup.is_completed,
        is_usable=backup.is_usable,
        in_use=MADE if backup.operation.is_active else in_use,
        is_pinned=backup.is_pinned,
        pinned_until=backup.pinned_until,
        pin_reason=backup.pin_reason,
    )


def is_being_backed_up(environment: Environment) -> bool:
    creates = Operation.objects.filter(environment=environment, kind="create", status=Status.RUNNING)
    return creates.exists()


def _used_in(environment: Environment) -> dict[UUID, str]:
    """Which backups of an environment are read just now, and what for; they may be restored into its neighbours."""
    held = Hold.objects.filter(backup__environment=environment, until__gt=clock.now())
    restores = Operation.objects.filter(
        environment__app=environment.app_id, kind="restore", status__in=ACTIVE, subject__isnull=False
    )
    restored = (subject for subject in restores.values_list("subject", flat=True) if subject)
    return dict.fromkeys(held.values_list("backup_id", flat=True), DOWNLOADED) | dict.fromkeys(restored, RESTORED)


def _with_base(newest_first: list[Kept]) -> list[Kept]:
    """Holds what a running backup may build upon: the newest good one of when it began, which may be known to be broken
    by now. So every Completed one stays that is at least as new as the newest that is good now."""
    kept, is_beyond = [], False
    for backup in newest_first:
        is_held = backup.is_completed and not is_beyond and not backup.in_use
        kept.append(replace(backup, in_use=BUILT_UPON) if is_held else backup)
        is_beyond = is_beyond or backup.is_usable
    return kept
