"""A row of the list: the facts it shows, and its HTML."""

from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db.models import Case, Exists, OuterRef, QuerySet, Value, When
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from environments.choices import ACTIVE, Origin, Status, tone_of
from environments.models import Operation

from ..choices import BROKEN, Condition, Rule
from ..models import Backup
from ..policy.versions import Comparison, compare


class Row(NamedTuple):
    """What a row shows, as plain values: a page of them costs one query and no model instances."""

    id: UUID
    created_at: datetime
    created_by: str
    comment: str
    model_version: str
    modeler_version: str
    database_bytes: int | None
    files_bytes: int | None
    condition: str
    expires_at: datetime
    kept_by: str
    pinned_at: datetime | None
    pinned_until: datetime | None
    removal_at: datetime | None
    status: str
    failure: str
    origin: str
    message: str
    phase: str
    step: int | None
    steps: int | None
    percent: int | None
    done_bytes: int | None
    total_bytes: int | None
    started_at: datetime | None
    attempt: int
    max_attempts: int
    not_before_at: datetime | None
    cancelled_by_name: str
    is_leaving: bool

    @property
    def is_active(self) -> bool:
        return self.status in ACTIVE

    @property
    def is_changing(self) -> bool:
        """Whether a page that is left open shows something else soon."""
        return self.is_active or self.is_leaving

    @property
    def tone(self) -> str:
        return tone_of(self.status, self.failure)

    @property
    def is_nightly(self) -> bool:
        return self.origin == Origin.NIGHTLY

    @property
    def is_broken(self) -> bool:
        return self.condition in BROKEN

    @property
    def stored_bytes(self) -> int | None:
        """Database and uploaded files together; while running, what is done so far."""
        if self.is_active:
            return self.done_bytes
        if self.database_bytes is None or self.files_bytes is None:
            return None
        return self.database_bytes + self.files_bytes

    @property
    def condition_in_words(self) -> str:
        """The second line under the status."""
        if self.is_leaving:
            return "being deleted"
        if self.removal_at is not None:
            return "could not be deleted"
        return Condition(self.condition).label if self.status == Status.COMPLETED else ""

    @property
    def rule_in_words(self) -> str:
        return "pinned" if self.pinned_at else Rule(self.kept_by).label.replace(" of the month", "")

    @property
    def mark(self) -> str:
        """The keep mark's name."""
        return "pinned" if self.pinned_at else self.kept_by

    @property
    def waits_for(self) -> str:
        return waits_for(self)


class Place(NamedTuple):
    """Where rows are shown: what all rows of a page have in common."""

    address: str  # of the list, as /apps/order-desk/live/backups/
    query: str  # ?status=Failed, so that filters stay when a row is opened
    unit: str
    modeler_version: str
    may_create: bool
    minute: datetime  # what is shown holds for one minute, because ages grow


def rows_of(backups: QuerySet[Backup]) -> list[Row]:
    """The backups as rows, in one query."""
    return [Row(*values) for values in backups.annotate(is_leaving=_is_leaving()).values_list(*_LOOKUPS)]


def row_html(row: Row, place: Place, *, is_selected: bool = False) -> SafeString:
    """One row. Rendered once a minute at most, and in DEBUG or while it is changing each time."""
    render = _render if settings.DEBUG or row.is_changing else _render_once
    return render(row, place, is_selected)


def modeler_against(row: Row | Backup, deployed: str) -> str:
    """older, newer or nothing: the backup's modeler version against the deployed one."""
    found = compare((row.modeler_version, ""), (deployed, ""))
    return found.value if found in (Comparison.OLDER, Comparison.NEWER) else ""


def waits_for(operation: Row | Operation) -> str:
    """What a Queued one waits for: a worker, or its next try (try 2 of 3 at 19:10 UTC)."""
    if not operation.attempt:
        return "waiting for a worker"
    moment = f" at {operation.not_before_at:%H:%M} UTC" if operation.not_before_at else ""
    return f"try {operation.attempt + 1} of {operation.max_attempts}{moment}"


def _render(row: Row, place: Place, is_selected: bool) -> SafeString:
    context: dict[str, Any] = {
        "row": row,
        "place": place,
        "is_selected": is_selected,
        "modeler": modeler_against(row, place.modeler_version),
    }
    return render_to_string("backups/_row.html", context)


# Templates cost most of a page's time, and a row is a pure function of these facts.
_render_once = lru_cache(maxsize=1000)(_render)


def _is_leaving() -> Case:
    deletes = Operation.objects.filter(
        environment=OuterRef("environment"), kind="delete", status__in=ACTIVE, subject=OuterRef("pk")
    )
    return Case(When(removal_at=None, then=Value(False)), default=Exists(deletes))


_OF_THE_OPERATION = {
    *("status", "failure", "origin", "message", "phase", "step", "steps", "percent", "done_bytes", "total_bytes"),
    *("started_at", "attempt", "max_attempts", "not_before_at", "cancelled_by_name"),
}
_LOOKUPS = [f"operation__{name}" if name in _OF_THE_OPERATION else name for name in Row._fields]
