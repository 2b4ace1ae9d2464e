"""Pin: keep a backup past its date, and let go of it again."""

from datetime import UTC, datetime, time
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from environments.access import pass_gate
from environments.choices import Right
from environments.views.dialogs import answer, leave_dialog, show_dialog

from ..forms import PinForm, UnpinForm
from ..operations import pin as operations
from .details import details_of


@require_http_methods(["GET", "HEAD", "POST"])
def pin(request: HttpRequest, app: str, environment: str, backup: UUID) -> HttpResponse:
    passed = pass_gate(request, app, environment, Right.DELETE)
    details = details_of(passed, backup)
    given = request.POST if request.method == "POST" else None
    form = PinForm(given, initial={"reason": details.backup.pin_reason, "until": details.backup.pinned_until})

    def ask() -> None:
        last_day = form.cleaned_data["until"]
        until = datetime.combine(last_day, time.max, UTC) if last_day else None
        seen = request.POST.get("seen")
        operations.pin(details.backup, by=passed.by, reason=form.cleaned_data["reason"], until=until, seen=seen)

    status = answer(form, ask)
    if status is None:
        return leave_dialog(request, details.backup.get_absolute_url(), "The backup is pinned.")
    context = {"details": details, "form": form, "back": details.backup.get_absolute_url()}
    return show_dialog(request, "backups/dialogs/pin.html", context, status)


@require_http_methods(["GET", "HEAD", "POST"])
def unpin(request: HttpRequest, app: str, environment: str, backup: UUID) -> HttpResponse:
    passed = pass_gate(request, app, environment, Right.DELETE)
    details = details_of(passed, backup)
    form = UnpinForm(request.POST if request.method == "POST" else None)
    status = answer(form, lambda: operations.unpin(details.backup, by=passed.by))
    if status is None:
        return leave_dialog(request, details.backup.get_absolute_url(), "The pin is taken out.")
    context = {"details": details, "form": form, "back": details.backup.get_absolute_url()}
    return show_dialog(request, "backups/dialogs/unpin.html", context, status)
