"""Rows that change by themselves, for a page that is left open. It asks again until nothing changes any more."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from environments.access import Passed, pass_gate

from ..forms import FilterForm
from .details import Details, details_of
from .listing import PAGE
from .page import backups_in, place_in
from .rows import row_html, rows_of

STOP_POLLING = 286


@require_safe
def rows(request: HttpRequest, app: str, environment: str) -> HttpResponse:
    """The rows asked for (`ids`), and the panel of the one that is open (`panel`). The last answer has status 286."""
    passed = pass_gate(request, app, environment)
    ids = _ids(request.GET.get("ids", ""))
    query = FilterForm(request.GET).query
    place = place_in(passed, query=query, unit="GB" if request.GET.get("unit") == "GB" else "MB")
    found = rows_of(backups_in(passed.environment).filter(pk__in=ids).newest_first())
    context = {
        "passed": passed,
        "rows": [row_html(row, place) for row in found],
        "ended": [row for row in found if not row.is_changing],
        "gone": sorted(set(ids) - {row.id for row in found}),
        "details": _opened(request, passed, query),
        "has_panel": "panel" in request.GET,
    }
    is_over = not any(row.is_changing for row in found)
    return render(request, "backups/_rows.html", context, status=STOP_POLLING if is_over else 200)


def _ids(text: str) -> list[UUID]:
    """As many as a page holds; what is no id is left out."""
    found = []
    for part in text.split(",")[:PAGE]:
        try:
            found.append(UUID(part))
        except ValueError:
            continue
    return found


def _opened(request: HttpRequest, passed: Passed, query: str) -> Details | None:
    ids = _ids(request.GET.get("panel", ""))
    try:
        return details_of(passed, ids[0], query) if ids else None
    except Http404:
        return None
