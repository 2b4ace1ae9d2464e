"""Delete: what will be lost, the name to type, and asking for it."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from environments.access import pass_gate
from environments.choices import Right
from environments.lifecycle.submit import asked_already
from environments.views.dialogs import answer, leave_dialog, show_dialog

from ..forms import DeleteForm
from ..operations.delete import request_delete
from .details import Details, details_of
from .page import backups_in, list_address


@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, app: str, environment: str, backup: UUID) -> HttpResponse:
    passed = pass_gate(request, app, environment, Right.DELETE, is_destructive=True)
    details = details_of(passed, backup)
    given = request.POST if request.method == "POST" else None
    form = DeleteForm(given, is_asked=passed.environment.is_production)
    status = answer(
        form,
        lambda: request_delete(details.backup, by=passed.by, confirm=form.cleaned_data.get("confirm")),
        is_asked_already=lambda: asked_already("delete", passed.environment, passed.by, subject=details.backup.pk),
    )
    if status is not None:
        return _show(request, details, form, status)
    message = f"The backup of {details.backup.created_at:%Y-%m-%d %H:%M} UTC is being deleted."
    return leave_dialog(request, list_address(passed.environment), message)


def _show(request: HttpRequest, details: Details, form: DeleteForm, status: int) -> HttpResponse:
    others = backups_in(details.environment).usable().newest_first().exclude(pk=details.backup.pk)
    context = {
        "details": details,
        "form": form,
        "others_count": others.count(),
        "newest": others.first(),
        "back": details.backup.get_absolute_url(),
    }
    return show_dialog(request, "backups/dialogs/delete.html", context, status)
