"""Activity: the history of an environment, day by day, and the same as a table to take home."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils.functional import cached_property
from django.views.decorators.http import require_safe

from environments import clock
from environments.access import pass_gate
from environments.forms import ActivityForm
from environments.models import Activity, Environment

from ..models import Backup

PAGE = 50
COLUMNS = ("at", "who", "action", "what", "environment", "operation", "subject", "facts")
# A cell that begins so is a formula to spreadsheets.
FORMULAS = ("=", "+", "-", "@", "\t", "\r")
ICONS = {
    **dict.fromkeys(("create", "backup", "comment"), "archive"),
    "download": "download",
    "restore": "rotate-ccw",
    "undo": "undo-2",
    "upload": "arrow-up",
    "verify": "shield-check",
    "delete": "trash-2",
    "prune": "trash-2",
    "stop": "circle-stop",
    "start": "circle-play",
    "environment": "server",
    "deploy": "package",
    "package": "package",
    "rights": "lock",
    "access": "lock",
}
ICONS_BY_ACTION = {"backup.pinned": "pin", "backup.unpinned": "pin", "backup.commented": "message-square"}
ENDS = {"failed": "circle-x", "refused": "ban", "cancelled": "ban"}


# What one night may write many of: one after the other, they are shown as one line that unfolds.
FOLDED = ("backup.removed",)


@dataclass(frozen=True)
class Line:
    """One entry as it is shown. `subject` is the backup it tells of, while that is there."""

    entry: Activity
    subject: Backup | None

    @property
    def end(self) -> str:
        """How it ended, where the action says so."""
        return self.entry.action.rpartition(".")[2]

    @property
    def icon(self) -> str:
        action = self.entry.action
        return ENDS.get(self.end) or ICONS_BY_ACTION.get(action) or ICONS.get(action.partition(".")[0], "info")

    @property
    def rest(self) -> str:
        """The sentence behind the name that it begins with."""
        return self.entry.sentence.removeprefix(self.entry.actor_name)

    @property
    def begins_with_name(self) -> bool:
        return bool(self.entry.actor_name) and self.entry.sentence.startswith(f"{self.entry.actor_name} ")

    @cached_property
    def files(self) -> list[dict[str, object]]:
        """The files of an upload: name, size and checksum each."""
        found = self.entry.facts.get("files", [])
        return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


@dataclass(frozen=True)
class Fold:
    """What one night's pruning removed, as one line; the entries lie inside, each as it is."""

    lines: list[Line]


@require_safe
def activity(request: HttpRequest, app: str, environment: str) -> HttpResponse:
    passed = pass_gate(request, app, environment)
    form = ActivityForm(request.GET)
    found = form.narrow(entries_of(passed.environment))
    before = _cursor(request.GET.get("before", ""))
    shown = list(_older_than(found, before)[: PAGE + 1])
    older = shown[PAGE - 1] if len(shown) > PAGE else None
    context = {
        "environment": passed.environment,
        "form": form,
        "days": _days(shown[:PAGE]),
        "now": clock.now(),
        "is_first": before is None,
        "older": form.query_with(before=f"{older.at.isoformat()}_{older.pk}") if older else "",
    }
    return render(request, "backups/activity.html", context)


@require_safe
def activity_table(request: HttpRequest, app: str, environment: str) -> StreamingHttpResponse:
    """All entries that the filters leave, oldest first, one line each, as they are read."""
    passed = pass_gate(request, app, environment)
    found = ActivityForm(request.GET).narrow(entries_of(passed.environment)).order_by("at", "id")
    name = f"activity-{app}-{environment}-{clock.now():%Y%m%d%H%M}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return StreamingHttpResponse(table_of(found), content_type="text/csv; charset=utf-8", headers=headers)


def entries_of(environment: Environment) -> QuerySet[Activity]:
    return Activity.objects.filter(environment=environment)


def table_of(entries: QuerySet[Activity]) -> Iterator[str]:
    """Lines of comma-separated values; no cell is a formula to whoever opens them."""
    writer = csv.writer(_Echo())
    yield writer.writerow(COLUMNS)
    for one in entries.iterator(chunk_size=1000):
        moment = one.at.isoformat(timespec="seconds").replace("+00:00", "Z")
        facts = "; ".join(f"{name}: {value}" for name, value in one.facts.items())
        row = (
            moment,
            one.actor_name,
            one.action,
            one.sentence,
            one.environment_name,
            one.operation,
            one.subject,
            facts,
        )
        yield writer.writerow([_plain(cell) for cell in row])


class _Echo:
    """A file that hands back what is written to it."""

    def write(self, line: str) -> str:
        return line


def _plain(cell: object) -> str:
    text = "" if cell is None else str(cell)
    return f"'{text}" if text.startswith(FORMULAS) else text


def _cursor(text: str) -> tuple[datetime, int] | None:
    """None when it is none: then the history begins with its newest entry."""
    moment, _, number = text.rpartition("_")
    try:
        found = datetime.fromisoformat(moment.replace(" ", "+")), int(number)
    except ValueError:
        return None
    return found if found[0].tzinfo else None


def _older_than(entries: QuerySet[Activity], before: tuple[datetime, int] | None) -> QuerySet[Activity]:
    if before is None:
        return entries
    moment, number = before
    # The bound on the moment alone is what the index can seek.
    return entries.filter(at__lte=moment).exclude(at=moment, id__gte=number)


def _days(entries: list[Activity]) -> list[tuple[date, list[Line | Fold]]]:
    known = _backups(one.subject for one in entries)
    lines = [Line(one, known.get(one.subject) if one.subject else None) for one in entries]
    return [(day, _folded(group)) for day, group in groupby(lines, key=lambda line: line.entry.at.date())]


def _folded(lines: Iterable[Line]) -> list[Line | Fold]:
    """The lines of one day; what one work removed in a row becomes one of them."""
    shown: list[Line | Fold] = []
    for (action, _), group in groupby(lines, key=lambda line: (line.entry.action, line.entry.operation)):
        found = list(group)
        shown += [Fold(found)] if action in FOLDED and len(found) > 1 else found
    return shown


def _backups(subjects: Iterable[UUID | None]) -> dict[UUID, Backup]:
    wanted = {one for one in subjects if one}
    return Backup.objects.select_related("environment__app").in_bulk(wanted) if wanted else {}
