"""Stop and start an environment's app: what it means, and asking for it."""

from collections.abc import Callable
from typing import NamedTuple

from django.http import HttpRequest, HttpResponse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods

from environments.access import Passed, pass_gate
from environments.choices import Right
from environments.lifecycle.submit import asked_already
from environments.models import Operation
from environments.operations.start import request_start
from environments.operations.stop import request_stop
from environments.views.dialogs import answer, leave_dialog, show_dialog

from ..forms import OperateForm
from .environment import Here, environment_address


class Deed(NamedTuple):
    """One of the two: its operation and its dialog."""

    kind: str
    request: Callable[..., Operation]

    @property
    def template(self) -> str:
        return f"backups/dialogs/{self.kind}.html"


STOP = Deed("stop", request_stop)
START = Deed("start", request_start)


@require_http_methods(["GET", "HEAD", "POST"])
def stop(request: HttpRequest, app: str, environment: str) -> HttpResponse:
    return _answer(request, pass_gate(request, app, environment, Right.OPERATE), STOP)


@require_http_methods(["GET", "HEAD", "POST"])
def start(request: HttpRequest, app: str, environment: str) -> HttpResponse:
    return _answer(request, pass_gate(request, app, environment, Right.OPERATE), START)


def _answer(request: HttpRequest, passed: Passed, deed: Deed) -> HttpResponse:
    form = OperateForm(request.POST if request.method == "POST" else None)
    back = _back(request, passed)
    status = answer(
        form,
        lambda: deed.request(passed.environment, by=passed.by),
        is_asked_already=lambda: asked_already(deed.kind, passed.environment, passed.by),
    )
    if status is None:
        return leave_dialog(request, back)
    context = {"here": Here(passed), "environment": passed.environment, "form": form, "back": back}
    return show_dialog(request, deed.template, context, status)


def _back(request: HttpRequest, passed: Passed) -> str:
    """Where the person came from, if that is ours; else the environment's page."""
    asked = request.POST.get("next") or request.GET.get("next") or ""
    is_ours = url_has_allowed_host_and_scheme(asked, {request.get_host()}, request.is_secure())
    return asked if is_ours else environment_address(passed.environment)
