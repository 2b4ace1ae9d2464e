"""Nightly: queue what the night asks for, once an environment and slot, and end what waited for too long."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from environments import clock
from environments.actors import NIGHTLY
from environments.choices import Origin, Status
from environments.lifecycle.give_up import give_up
from environments.lifecycle.kinds import title_of
from environments.lifecycle.submit import Asked, submit_all
from environments.models import Activity, Environment, Operation

from ..models import Backup
from ..policy import nightly
from ..policy.nightly import Due
from .create import backup_of, requested
from .nights import key_of, last_slot, starts_by_region, with_last_night

PAGE = 500
WAITS_FOR = timedelta(hours=4)


class Wanted(NamedTuple):
    """One nightly to be made now."""

    environment: Environment
    due: Due
    asked: Asked


def queue_nightlies(now: datetime | None = None) -> list[Backup]:
    """Queue every nightly whose slot has come and that nobody asked for; returns the new ones.

    Any number may call it, at any time, as often as they like. What waited for a busy environment too long is ended.
    """
    return [backup for page in queue_pages(now) for backup in page]


def queue_pages(now: datetime | None = None) -> Iterator[list[Backup]]:
    """The same, a page of environments at a time: memory stays flat, and no row is locked for longer than a page."""
    now = now or clock.now()
    end_long_waits(now)
    starts, before = starts_by_region(), Counter[int]()
    begins = min(now, clock.now())  # whoever asks for a later moment does not wait for it
    for page in _pages(now):
        wanted = []
        for environment in page:
            starts_at = starts.get((environment.region_id, environment.cloud_version))
            last = last_slot(environment)
            due = starts_at and nightly.due_slot(
                existed_since=environment.created_at,
                nightly_since=environment.nights_since,
                made=[last] if last else [],
                now=now,
                starts_at=starts_at,
            )
            if due:
                wanted.append(_wanted(environment, due, nightly.spread_at(begins, before[environment.region_id])))
                before[environment.region_id] += 1
        if wanted:
            yield _request(wanted, now)


def _pages(now: datetime) -> Iterator[list[Environment]]:
    rows = Environment.objects.registered().filter(is_nightly_on=True).select_related("app", "package")
    after = UUID(int=0)
    while page := list(with_last_night(rows.filter(pk__gt=after), now).order_by("pk")[:PAGE]):
        yield page
        after = page[-1].pk


def _wanted(environment: Environment, due: Due, not_before: datetime) -> Wanted:
    params = {"late": str(due)} if due.is_late else {}
    return Wanted(environment, due, Asked(environment, uuid4(), key_of(environment, due.slot_at), not_before, params))


def _request(wanted: list[Wanted], now: datetime) -> list[Backup]:
    """Write a page's operations, backups and lines of history, in one short transaction."""
    by_key = {one.asked.unique_key: one for one in wanted}
    with transaction.atomic():
        operations = submit_all("create", [one.asked for one in wanted], by=NIGHTLY, at=now, max_attempts=nightly.TRIES)
        backups, lines = [], []
        for operation in operations:
            environment, due, _ = by_key[operation.unique_key]
            backup = backup_of(operation, environment, due.rule, slot_at=due.slot_at)
            backups.append(backup)
            lines.append(requested(backup, NIGHTLY, f": {due}" if due.is_late else ""))
        Backup.objects.bulk_create(backups)
        Activity.objects.bulk_create(lines)
    return backups


def end_long_waits(now: datetime) -> list[Operation]:
    """End the nightlies that have waited four hours for what else runs in their environment; returns them."""
    latest = now - WAITS_FOR
    blockers = Operation.objects.filter(environment=OuterRef("environment"), status=Status.RUNNING, is_exclusive=True)
    since_then = Q(created_at__lte=latest) & (Q(not_before_at=None) | Q(not_before_at__lte=latest))
    waiting = Operation.objects.filter(
        since_then, Exists(blockers), status=Status.QUEUED, kind="create", origin=Origin.NIGHTLY
    )
    found = waiting.select_related("environment__app")
    return [operation for operation in found if give_up(operation, _waited_for(operation))]


def _waited_for(operation: Operation) -> str:
    blocker = Operation.objects.filter(
        environment=operation.environment_id, status=Status.RUNNING, is_exclusive=True
    ).first()
    if blocker is None:
        return "The nightly backup waited 4 hours for another operation and was not begun."
    title = title_of(blocker.kind)
    return (
        f"The nightly backup waited 4 hours for {title[0].lower()}{title[1:]} that is under way since "
        f"{blocker.started_at:%Y-%m-%d %H:%M} UTC, asked for by {blocker.requested_by_name}, and was not begun. "
        "The next night tries again; until then create one by hand."
    )
