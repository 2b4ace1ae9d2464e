"""Restore: source and target beside each other, what will happen, what is asked first, and asking for it."""

from functools import cached_property
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from environments.access import Passed, pass_gate
from environments.choices import Right, State, Status
from environments.errors import EnvironmentBusy, Refused
from environments.models import Environment, Operation, Package
from environments.views.dialogs import INVALID, REFUSED, status_of

from ..errors import NameNotTyped
from ..forms import RestoreForm
from ..models import Backup
from ..operations.delete import check_name
from ..operations.prospect import Mood, Prospect, Seen, restore_under_way, targets_of
from ..operations.restore import request_restore
from ..policy.versions import Comparison
from .details import Details, details_of
from .page import list_address


@require_http_methods(["GET", "HEAD", "POST"])
def restore(request: HttpRequest, app: str, environment: str, backup: UUID) -> HttpResponse:
    passed = pass_gate(request, app, environment, Right.DOWNLOAD)
    details = details_of(passed, backup)
    targets = targets_of(details.backup, request.user)
    # Where nothing is asked for: here, else the first place where it is allowed, else here is refused.
    slug = request.GET.get("to") or _first(targets, passed.environment).slug
    target = pass_gate(request, app, slug, Right.RESTORE, is_destructive=True)
    sheet = Sheet(details, target, targets)
    if request.method != "POST":
        return _show(request, sheet, sheet.form(initial={"contents": request.GET.get("contents")}))
    return _ask(request, sheet)


class Sheet:
    """One backup, one target, and everything that the page says of the two."""

    def __init__(self, details: Details, target: Passed, targets: list[Environment]) -> None:
        self.details, self.target, self.targets = details, target, targets
        self.backup, self.into = details.backup, target.environment
        self.prospect = Prospect(details.backup, target.environment)

    @property
    def warns(self) -> bool:
        """Whether the versions give something to acknowledge."""
        return self.prospect.comparison != Comparison.EQUAL

    @property
    def versions(self) -> tuple[str, str]:
        """The backup's and the target's, in words."""
        return versions_in_words(self.backup), versions_in_words(self.into.package)

    @property
    def is_running(self) -> bool:
        return self.prospect.state == State.RUNNING

    @property
    def starts_after(self) -> bool:
        return self.is_running and not self.warns

    @property
    def undo_hours(self) -> int:
        hours: int = settings.UNDO_HOURS
        return hours

    @property
    def problems(self) -> list[tuple[str, str]]:
        """What stands in the way, said before the button."""
        bad = [one for one in self.prospect.findings if one.mood == Mood.BAD]
        return [(one.words, one.detail) for one in bad]

    @cached_property
    def took_before(self) -> float | None:
        """How many seconds the last restore into this environment took."""
        done = Operation.objects.filter(environment=self.into, kind="restore", status=Status.COMPLETED)
        last = done.exclude(started_at=None).order_by("-finished_at").first()
        if last is None or last.started_at is None or last.finished_at is None:
            return None
        return (last.finished_at - last.started_at).total_seconds()

    def form(self, given: Any = None, initial: dict[str, Any] | None = None) -> RestoreForm:
        possible, seen = self.prospect.contents, self.prospect.seen
        chosen = (initial or {}).get("contents")
        return RestoreForm(
            given,
            initial={
                "contents": chosen if chosen in possible else possible[0],
                "seen_package": seen.package,
                "seen_generation": seen.generation,
            },
            possible=possible,
            asks_version=self.warns,
            asks_stop=self.is_running,
            asks_stopped=self.prospect.state == State.UNKNOWN,
            asks_name=self.into.is_production,
        )


def versions_in_words(of: Backup | Package | None) -> str:
    """Modeler 7.23.3, package 1.4.2.118; without what is not known."""
    if of is None:
        return "no package"
    modeler = f"modeler {of.modeler_version}, " if of.modeler_version else ""
    return f"{modeler}package {of.model_version or 'unknown'}"


def _first(targets: list[Environment], here: Environment) -> Environment:
    return next((one for one in targets if one.pk == here.pk), targets[0] if targets else here)


def _ask(request: HttpRequest, sheet: Sheet) -> HttpResponse:
    form = sheet.form(request.POST)
    if restore_under_way(sheet.backup, sheet.into, request.user):
        return HttpResponseRedirect(list_address(sheet.into))  # clicked twice: there it is
    seen = Seen(form.data.get("seen_package", ""), form.data.get("seen_generation", ""))
    if changes := sheet.prospect.changes_since(seen):
        return _refuse(request, sheet, form, REFUSED, *changes)
    if not form.is_valid():
        _look_at_name(sheet, form)
        return _show(request, sheet, form, INVALID)
    try:
        request_restore(sheet.backup, into=sheet.into, by=sheet.target.by, **form.agreed)
    except NameNotTyped as refused:
        form.add_error("confirm", str(refused))
        return _show(request, sheet, form, INVALID)
    except EnvironmentBusy as busy:
        if restore_under_way(sheet.backup, sheet.into, request.user) is None:
            return _refuse(request, sheet, form, REFUSED, str(busy))
    except Refused as refused:
        return _refuse(request, sheet, form, status_of(refused), str(refused))
    return HttpResponseRedirect(list_address(sheet.into))


def _look_at_name(sheet: Sheet, form: RestoreForm) -> None:
    """Say all that is wrong at once, the name too."""
    if typed := form.cleaned_data.get("confirm"):
        try:
            check_name(sheet.into, typed)
        except NameNotTyped as refused:
            form.add_error("confirm", str(refused))


def _refuse(request: HttpRequest, sheet: Sheet, form: RestoreForm, status: int, *sentences: str) -> HttpResponse:
    """Answer that it cannot be asked for as it is; what was typed stays, and what is shown is new."""
    form.is_valid()
    for sentence in sentences:
        form.add_error(None, sentence)
    return _show(request, sheet, form, status)


def _show(request: HttpRequest, sheet: Sheet, form: RestoreForm, status: int = 200) -> HttpResponse:
    context = {
        "sheet": sheet,
        "form": form,
        "seen": sheet.prospect.seen,
        "details": sheet.details,
        "backup": sheet.backup,
        "into": sheet.into,
        "environment": sheet.details.environment,
        "prospect": sheet.prospect,
    }
    return render(request, "backups/restore.html", context, status=status)
