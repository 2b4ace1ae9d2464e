"""Pin: keep a backup past its date, and let go of it again."""

from datetime import UTC, datetime, time
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from environments.access import pass_gate
from environments.choices import Right
from environments.errors import Refused

from ..forms import PinForm, UnpinForm
from ..operations import pin as operations
from .details import details_of
from .dialogs import INVALID, REFUSED, leave_dialog, show_dialog


@require_http_methods(["GET", "HEAD", "POST"])
def pin(request: HttpRequest, app: str, environment: str, backup: UUID) -> HttpResponse:
    passed = pass_gate(request, app, environment, Right.DELETE)
    details = details_of(passed, backup)
    given = request.POST if request.method == "POST" else None
    form = PinForm(given, initial={"reason": details.backup.pin_reason, "until": details.backup.pinned_until})
    status = INVALID if form.is_bound else 200
    if form.is_valid():
        last_day = form.cleaned_data["until"]
        until = datetime.combine(last_day, time.max, UTC) if last_day else None
        try:
            operations.pin(details.backup, by=passed.by, reason=form.cleaned_data["reason"], until=until)
        except Refused as refused:
            form.add_error(None, str(refused))
            status = REFUSED
        else:
            return leave_dialog(request, details.backup.get_absolute_url(), "The backup is pinned.")
    context = {"details": details, "form": form, "back": details.backup.get_absolute_url()}
    return show_dialog(request, "backups/dialogs/pin.html", context, status)


@require_http_methods(["GET", "HEAD", "POST"])
def unpin(request: HttpRequest, app: str, environment: str, backup: UUID) -> HttpResponse:
    passed = pass_gate(request, app, environment, Right.DELETE)
    details = details_of(passed, backup)
    form = UnpinForm(request.POST if request.method == "POST" else None)
    status = 200
    if form.is_bound:
        try:
            operations.unpin(details.backup, by=passed.by)
        except Refused as refused:
            form.add_error(None, str(refused))
            status = REFUSED
        else:
            return leave_dialog(request, details.backup.get_absolute_url(), "The pin is taken out.")
    context = {"details": details, "form": form, "back": details.backup.get_absolute_url()}
    return show_dialog(request, "backups/dialogs/unpin.html", context, status)
