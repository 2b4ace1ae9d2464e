"""The Backups page: the list, with one backup's details beside it."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from environments import clock
from environments.access import Passed, pass_gate
from environments.choices import Right
from environments.models import Environment

from ..forms import FilterForm
from ..models import Backup
from ..models.backup import BackupQuerySet
from ..operations.nights import next_nightly
from .details import Details, details_of
from .listing import Cursor, page_of
from .rows import Place, Row, row_html


@require_safe
def backups(request: HttpRequest, app: str, environment: str) -> HttpResponse:
    return _page(request, pass_gate(request, app, environment))


@require_safe
def details(request: HttpRequest, app: str, environment: str, backup: UUID) -> HttpResponse:
    """The same page with a backup opened; where it is narrow, only that is seen."""
    passed = pass_gate(request, app, environment)
    return _page(request, passed, details_of(passed, backup, FilterForm(request.GET).query))


@require_safe
def panel(request: HttpRequest, app: str, environment: str, backup: UUID) -> HttpResponse:
    """The details alone, for a page whose list is there already. The address that can be shared goes with it."""
    passed = pass_gate(request, app, environment)
    opened = details_of(passed, backup, FilterForm(request.GET).query)
    response = render(request, "backups/_panel.html", {"details": opened})
    response["HX-Push-Url"] = opened.backup.get_absolute_url() + opened.query
    return response


@require_safe
def menu(request: HttpRequest, app: str, environment: str, backup: UUID) -> HttpResponse:
    """The menu of one row."""
    passed = pass_gate(request, app, environment)
    return render(request, "backups/_menu.html", {"details": details_of(passed, backup)})


def list_address(environment: Environment) -> str:
    return reverse("backups:list", args=[environment.app.slug, environment.slug])


def backups_in(environment: Environment) -> BackupQuerySet:
    return Backup.objects.filter(environment=environment)


def place_in(passed: Passed, *, query: str, unit: str) -> Place:
    package = passed.environment.package
    return Place(
        address=list_address(passed.environment),
        query=query,
        unit=unit,
        modeler_version=package.modeler_version if package else "",
        may_create=Right.CREATE in passed and passed.environment.is_registered,
        minute=clock.now().replace(second=0, microsecond=0),
    )


def unit_for(rows: list[Row]) -> str:
    """One unit a table: that of its largest size."""
    return "GB" if any((row.stored_bytes or 0) >= 1_000_000_000 for row in rows) else "MB"


def _page(request: HttpRequest, passed: Passed, opened: Details | None = None) -> HttpResponse:
    form = FilterForm(request.GET)
    before, after = (Cursor.read(request.GET.get(name, "")) for name in ("before", "after"))
    page = page_of(form.narrow(backups_in(passed.environment)), before=before, after=after)
    place = place_in(passed, query=form.query, unit=unit_for(page.rows))
    opened_id = opened.backup.pk if opened else None
    context = {
        "passed": passed,
        "environment": passed.environment,
        "form": form,
        "page": page,
        "place": place,
        "newer": form.query_with(after=page.newer) if page.newer else "",
        "older": form.query_with(before=page.older) if page.older else "",
        "live": form.query_with(ids=",".join(str(row.id) for row in page.rows if row.is_changing), unit=place.unit),
        "rows": [row_html(row, place, is_selected=row.id == opened_id) for row in page.rows],
        "is_changing": any(row.is_changing for row in page.rows),
        "is_filtered": bool(form.asked),
        "details": opened,
        "alarms": passed.environment.notices,
        "next_nightly": next_nightly(passed.environment, passed.night_starts_at, clock.now()),
    }
    return render(request, "backups/page.html", context)
