"""Undo: what comes back and what leaves, and asking for it."""

from functools import cached_property
from typing import Any, NamedTuple

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from environments.access import Passed, pass_gate
from environments.choices import State
from environments.lifecycle.submit import asked_already, in_the_way
from environments.models import AppService, Environment, Operation
from environments.states import look
from environments.views.dialogs import REFUSED, answer, leave_dialog, show_dialog

from ..errors import NothingToUndo
from ..forms import UndoForm
from ..operations.lineage import Lineage, lineage_of
from ..operations.undo import request_undo, right_to_undo
from .page import list_address

STAYS, STAY = "stays as it is", "stay as they are"


class Part(NamedTuple):
    """One part of the environment: what leaves, and what takes its place."""

    name: str
    leaves: str
    comes: str

    @property
    def same(self) -> str:
        """What is said where nothing changes; empty where it does."""
        if self.comes in (STAYS, STAY):
            return self.comes
        return f"{self.comes}, as now" if self.leaves == self.comes else ""


class Return:
    """What an undo would bring back into an environment. `lineage` is None when there is nothing to take back."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.lineage: Lineage | None = lineage_of(environment)

    @cached_property
    def state(self) -> State:
        return look(self.environment)

    @cached_property
    def in_the_way(self) -> Operation | None:
        return in_the_way(self.environment)

    @property
    def key(self) -> str:
        """What the person sees, to be handed back with their decision."""
        return str(self.lineage.left.pk) if self.lineage else ""

    @property
    def starts_after(self) -> bool:
        return self.state == State.RUNNING and self.lineage is not None and self.lineage.left.package is not None

    @property
    def undo_hours(self) -> int:
        hours: int = settings.UNDO_HOURS
        return hours

    @cached_property
    def parts(self) -> list[Part]:
        assert self.lineage is not None
        left, package = self.lineage.left, self.environment.package
        published = AppService.objects.filter(environment=self.environment, is_published=True)
        return [
            Part("Database", "as it is now", "as it was then" if left.database else STAYS),
            Part("Uploaded files", "as they are now", "as they were then" if left.files else STAY),
            Part("Package", str(package or "none"), str(left.package or "none")),
            Part(
                "App services",
                ", ".join(f"{one.name} {one.version}" for one in published) or "none",
                ", ".join(f"{name} {version}" for name, version in left.services) or "none",
            ),
        ]

    def form(self, given: Any = None) -> UndoForm:
        return UndoForm(
            given,
            initial={"generation": self.key},
            asks_stopped=self.state == State.UNKNOWN,
            asks_name=self.environment.is_production,
        )


@require_http_methods(["GET", "HEAD", "POST"])
def undo(request: HttpRequest, app: str, environment: str) -> HttpResponse:
    passed = pass_gate(request, app, environment)
    back = Return(passed.environment)
    if back.lineage is not None:
        passed = pass_gate(request, app, environment, right_to_undo(back.lineage.left), is_destructive=True)
    if back.lineage is None:
        return _show(request, back, back.form(), REFUSED)
    if request.method != "POST":
        return _show(request, back, back.form())
    return _ask(request, passed, back)


def _ask(request: HttpRequest, passed: Passed, back: Return) -> HttpResponse:
    form = back.form(request.POST)
    if form.data.get("generation", "") != back.key:
        form.add_error(
            None, f"Meanwhile the data of {back.environment.name} was exchanged. Look at what comes back now."
        )
        return _show(request, back, form, REFUSED)
    status = answer(
        form,
        lambda: request_undo(back.environment, by=passed.by, **form.agreed),
        is_asked_already=lambda: asked_already("undo", back.environment, passed.by),
    )
    if status is not None:
        return _show(request, back, form, status)
    return leave_dialog(request, list_address(back.environment))


def _show(request: HttpRequest, back: Return, form: UndoForm, status: int = 200) -> HttpResponse:
    context = {
        "back": list_address(back.environment),
        "environment": back.environment,
        "coming": back,
        "lineage": back.lineage,
        "nothing": NothingToUndo.sentence,
        "form": form,
    }
    return show_dialog(request, "backups/dialogs/undo.html", context, status)
