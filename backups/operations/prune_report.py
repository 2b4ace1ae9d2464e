"""What pruning does, or would do: environment by environment, backup by backup, with reasons and bytes."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db.models import F

from environments.actors import Actor
from environments.choices import Status
from environments.lifecycle.run import run_here
from environments.models import Environment

from ..errors import Failed
from ..models import Backup, Installation
from ..policy.retention import Cause, Plan, Verdict
from ..storage import names
from ..storage.survey import survey
from ..storage.vault import Vault, open_vault
from .mark import mark_vault
from .prune import pages_due, request_prune
from .shelf import plan_of

REMOVED, KEPT, FAILED = "removed", "kept", "failed"


@dataclass(frozen=True)
class Line:
    """One backup that has expired: what became of it, or would, and why."""

    verdict: Verdict
    outcome: str
    stored_bytes: int

    def __str__(self) -> str:
        reason = str(self.verdict) if self.outcome != FAILED else f"not removed now: {self.verdict.reason}"
        return f"{self.verdict.backup.id}\t{self.verdict.backup.created_at:%Y-%m-%d %H:%M} UTC\t{reason}"


@dataclass
class Report:
    """One environment. `freed_bytes` come back, the packs' a day later; `problem` is a sentence, or empty."""

    environment: Environment
    held_back: str = ""
    lines: list[Line] = field(default_factory=list)
    freed_bytes: int = 0
    problem: str = ""

    @property
    def removed(self) -> list[Line]:
        return [line for line in self.lines if line.outcome == REMOVED]


def prune(now: datetime, *, by: Actor, is_forced: bool = False, is_dry_run: bool = False) -> Iterator[Report]:
    """Prune every environment here and now, or, in a dry run, only say what that would do.

    One environment's failure holds up no other: it is in its report.
    """
    for page in pages_due(now):
        for environment in page:
            if is_dry_run:
                yield _look(environment, now, is_forced)
            else:
                yield _carry_out(environment, now, is_forced, by)


def _look(environment: Environment, now: datetime, is_forced: bool) -> Report:
    plan = plan_of(environment, now, is_forced=is_forced)
    report = Report(environment, plan.held_back, _lines(plan))
    report.freed_bytes = sum(line.stored_bytes for line in report.removed)
    if Installation.own().marked_at is not None and not plan.held_back:
        try:
            report.freed_bytes += _packs_bytes(open_vault(), environment, plan)
        except Failed as error:
            report.problem = str(error)
    return report


def _packs_bytes(vault: Vault, environment: Environment, plan: Plan) -> int:
    """What would come back of packs: those that nobody needs then, and the dead part of those that are rewritten."""
    mark_vault(vault)
    going = Backup.objects.filter(pk__in=[kept.id for kept in plan.removed]).exclude(stored_attempt=None)
    without = {names.manifest(environment.pk, one.pk, one.stored_attempt or 0) for one in going}
    found = survey(vault, environment.pk, without=without)
    dead = sum(found.size(name) or vault.size(name) for name in found.packs - set(found.needed))
    return dead + sum(found.size(name) - found.needed[name] for name in found.half_dead)


def _carry_out(environment: Environment, now: datetime, is_forced: bool, by: Actor) -> Report:
    plan = plan_of(environment, now, is_forced=is_forced)
    lines = _lines(plan)
    operation = run_here(request_prune(environment, by=by, now=now, is_forced=is_forced, is_rung=False))
    left = set(Backup.objects.filter(pk__in=[kept.id for kept in plan.removed]).values_list("pk", flat=True))
    report = Report(environment, plan.held_back, [_after(line, left) for line in lines])
    report.freed_bytes = sum(line.stored_bytes for line in report.removed)
    if operation.status == Status.FAILED:
        report.problem = operation.message
    return report


def _after(line: Line, left: set[UUID]) -> Line:
    has_failed = line.verdict.is_removed and line.verdict.backup.id in left
    return Line(line.verdict, FAILED, 0) if has_failed else line


def _lines(plan: Plan) -> list[Line]:
    """Whatever has expired. Bytes are those of manifest and dump."""
    expired = [verdict for verdict in plan.verdicts if verdict.cause != Cause.NOT_EXPIRED]
    sizes = _sizes([verdict.backup.id for verdict in expired])
    return [
        Line(one, REMOVED if one.is_removed else KEPT, sizes.get(one.backup.id, 0) if one.is_removed else 0)
        for one in expired
    ]


def _sizes(backups: list[UUID]) -> dict[UUID, int]:
    rows = Backup.objects.filter(pk__in=backups, manifest_bytes__isnull=False).order_by()
    return dict(rows.values_list("pk", F("manifest_bytes") + F("database_bytes")))
