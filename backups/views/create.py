"""Create Backup: the form, and asking for it."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from environments import clock
from environments.access import Passed, pass_gate
from environments.choices import Right
from environments.lifecycle.submit import asked_already
from environments.views.dialogs import answer, leave_dialog, show_dialog

from ..forms import CreateForm
from ..operations.create import request_create
from ..policy import retention
from .page import backups_in, list_address


@require_http_methods(["GET", "HEAD", "POST"])
def create(request: HttpRequest, app: str, environment: str) -> HttpResponse:
    passed = pass_gate(request, app, environment, Right.CREATE)
    given = request.POST if request.method == "POST" else None
    form = CreateForm(given, initial={"comment": request.GET.get("comment", "")})
    status = answer(
        form,
        lambda: request_create(passed.environment, by=passed.by, comment=form.cleaned_data["comment"]),
        is_asked_already=lambda: asked_already("create", passed.environment, passed.by),
    )
    if status is None:
        return leave_dialog(request, list_address(passed.environment))
    return _show(request, passed, form, status)


def _show(request: HttpRequest, passed: Passed, form: CreateForm, status: int) -> HttpResponse:
    now = clock.now()
    rule = retention.rule_for(now.date())
    context = {
        "environment": passed.environment,
        "form": form,
        "now": now,
        "rule": rule,
        "expires_at": retention.expires_at(now, rule),
        "took_before": _took_before(passed),
        "back": list_address(passed.environment),
    }
    return show_dialog(request, "backups/dialogs/create.html", context, status)


def _took_before(passed: Passed) -> int | None:
    """How many seconds the newest Completed one took."""
    completed = backups_in(passed.environment).completed().newest_first()
    return completed.values_list("duration_seconds", flat=True).first()
