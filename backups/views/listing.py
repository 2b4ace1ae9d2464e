"""The list's pages: by the place of their first row, never by number, so that the last is as quick as the first."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple, Self
from uuid import UUID

from django.db.models import Count, F, Q, Sum

from ..models.backup import BackupQuerySet
from .rows import Row, rows_of

PAGE = 50
COUNTED = 1000


class Cursor(NamedTuple):
    """A row's place in the order, and how many stand before it as far as anybody counted."""

    created_at: datetime
    id: UUID
    number: int | None = None

    @classmethod
    def read(cls, text: str) -> Self | None:
        """None when it is none: then the list begins at its beginning."""
        try:
            created_at, backup, *number = text.split("_")
            moment = datetime.fromisoformat(created_at).astimezone(UTC)
            return cls(moment, UUID(backup), max(int(number[0]), 1) if number else None)
        except (ValueError, OverflowError):
            return None

    def __str__(self) -> str:
        number = "" if self.number is None else f"_{self.number}"
        return f"{self.created_at.isoformat().replace('+00:00', 'Z')}_{self.id.hex}{number}"


@dataclass(frozen=True)
class Page:
    """One page, newest first. `count` and `total_bytes` are None where there is more than anybody wants to count."""

    rows: list[Row]
    first_number: int | None
    newer: Cursor | None
    older: Cursor | None
    count: int | None
    total_bytes: int | None

    @property
    def counted(self) -> int:
        """How far anybody counts."""
        return COUNTED

    @property
    def last_number(self) -> int | None:
        return None if self.first_number is None else self.first_number + len(self.rows) - 1


def page_of(backups: BackupQuerySet, *, before: Cursor | None, after: Cursor | None) -> Page:
    """The page of rows older than `before`, or newer than `after`, or the first."""
    if after and not before:
        return _newer_page(backups, after)
    rows = rows_of(_older_than(backups, before)[: PAGE + 1] if before else backups.newest_first()[: PAGE + 1])
    number = before.number + 1 if before and before.number is not None else None if before else 1
    return _page(backups, rows[:PAGE], number, has_newer=bool(before), has_older=len(rows) > PAGE)


def _newer_page(backups: BackupQuerySet, after: Cursor) -> Page:
    beyond = Q(created_at__gt=after.created_at) | Q(created_at=after.created_at, id__gt=after.id)
    found = rows_of(backups.filter(beyond, created_at__gte=after.created_at).order_by("created_at", "id")[: PAGE + 1])
    if len(found) <= PAGE:
        return page_of(backups, before=None, after=None)
    rows = found[:PAGE][::-1]
    number = None if after.number is None else max(after.number - PAGE, 1)
    return _page(backups, rows, number, has_newer=True, has_older=True)


def _page(backups: BackupQuerySet, rows: list[Row], number: int | None, *, has_newer: bool, has_older: bool) -> Page:
    newer = older = None
    if rows and has_newer:
        newer = Cursor(rows[0].created_at, rows[0].id, number)
    if rows and has_older:
        older = Cursor(rows[-1].created_at, rows[-1].id, None if number is None else number + len(rows) - 1)
    is_whole = not has_newer and not has_older
    count, total_bytes = _sums(rows) if is_whole else _counted(backups)
    return Page(rows, number, newer, older, count, total_bytes)


def _older_than(backups: BackupQuerySet, before: Cursor) -> BackupQuerySet:
    # The bound on the moment alone is what an index can seek; the rest decides between rows of one moment.
    beyond = Q(created_at__lt=before.created_at) | Q(id__lt=before.id)
    return backups.filter(beyond, created_at__lte=before.created_at).newest_first()


def _sums(rows: list[Row]) -> tuple[int, int]:
    return len(rows), sum(row.stored_bytes or 0 for row in rows if not row.is_active)


def _counted(backups: BackupQuerySet) -> tuple[int | None, int | None]:
    found = backups.annotate(bytes=F("database_bytes") + F("files_bytes")).order_by()[: COUNTED + 1]
    sums = found.aggregate(count=Count("pk"), total=Sum("bytes"))
    return (None, None) if sums["count"] > COUNTED else (sums["count"], sums["total"] or 0)
