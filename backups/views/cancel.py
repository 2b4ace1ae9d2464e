"""Cancel: end a backup that is Queued or Running."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from environments.access import pass_gate
from environments.choices import Right
from environments.errors import Refused
from environments.lifecycle.cancel import cancel as cancel_operation

from ..forms import CancelForm
from .details import details_of
from .dialogs import REFUSED, leave_dialog, show_dialog
from .page import list_address


@require_http_methods(["GET", "HEAD", "POST"])
def cancel(request: HttpRequest, app: str, environment: str, backup: UUID) -> HttpResponse:
    """Whoever asked for it may, and whoever holds the right to operate."""
    passed = pass_gate(request, app, environment)
    details = details_of(passed, backup)
    if not details.is_own:
        pass_gate(request, app, environment, Right.OPERATE)
    form = CancelForm(request.POST if request.method == "POST" else None)
    status = 200
    if form.is_bound:
        try:
            cancel_operation(details.operation, by=passed.by)
        except Refused as refused:
            form.add_error(None, str(refused))
            status = REFUSED
        else:
            message = f"The backup of {details.backup.created_at:%Y-%m-%d %H:%M} UTC is being cancelled."
            return leave_dialog(request, list_address(passed.environment), message)
    context = {"details": details, "form": form, "back": details.backup.get_absolute_url()}
    return show_dialog(request, "backups/dialogs/cancel.html", context, status)
