"""Cancel: end a backup, or other work, that is Queued or Running."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from environments.access import pass_gate
from environments.choices import Right
from environments.lifecycle import cancel as lifecycle
from environments.lifecycle.kinds import title_of
from environments.models import Operation
from environments.views.dialogs import answer, leave_dialog, show_dialog

from ..forms import CancelForm
from .details import details_of
from .page import list_address


@require_http_methods(["GET", "HEAD", "POST"])
def cancel(request: HttpRequest, app: str, environment: str, backup: UUID) -> HttpResponse:
    """Whoever asked for it may, and whoever holds the right to operate."""
    passed = pass_gate(request, app, environment)
    details = details_of(passed, backup)
    if not details.is_own:
        pass_gate(request, app, environment, Right.OPERATE)
    form = CancelForm(request.POST if request.method == "POST" else None)
    status = answer(form, lambda: lifecycle.cancel(details.operation, by=passed.by))
    if status is None:
        message = f"The backup of {details.backup.created_at:%Y-%m-%d %H:%M} UTC is being cancelled."
        return leave_dialog(request, list_address(passed.environment), message)
    context = {"details": details, "form": form, "back": details.backup.get_absolute_url()}
    return show_dialog(request, "backups/dialogs/cancel.html", context, status)


@require_http_methods(["GET", "HEAD", "POST"])
def cancel_operation(request: HttpRequest, app: str, environment: str, operation: UUID) -> HttpResponse:
    """End a restore, an upload, an undo, a stop, a start or a deploy: by the same rights."""
    passed = pass_gate(request, app, environment)
    found = Operation.objects.filter(environment=passed.environment, pk=operation).first()
    if found is None:
        raise Http404("There is no such operation.")
    if passed.by.user is None or found.requested_by_id != passed.by.user.pk:
        pass_gate(request, app, environment, Right.OPERATE)
    noun = title_of(found.kind).split(" ", 1)[-1]
    form = CancelForm(request.POST if request.method == "POST" else None)
    status = answer(form, lambda: lifecycle.cancel(found, by=passed.by))
    if status is None:
        return leave_dialog(request, list_address(passed.environment), f"The {noun} is being cancelled.")
    context = {"environment": passed.environment, "operation": found, "noun": noun, "form": form}
    context["back"] = list_address(passed.environment)
    return show_dialog(request, "backups/dialogs/cancel_operation.html", context, status)
