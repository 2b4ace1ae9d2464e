"""Delete: what will be lost, the name to type, and asking for it."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from environments.access import pass_gate
from environments.choices import Right
from environments.errors import Refused

from ..errors import NameNotTyped
from ..forms import DeleteForm
from ..operations.delete import request_delete
from .details import Details, details_of
from .dialogs import INVALID, REFUSED, leave_dialog, show_dialog
from .page import backups_in, list_address


@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, app: str, environment: str, backup: UUID) -> HttpResponse:
    passed = pass_gate(request, app, environment, Right.DELETE)
    details = details_of(passed, backup)
    is_asked = passed.environment.is_production
    if request.method != "POST":
        return _show(request, details, DeleteForm(is_asked=is_asked))
    form = DeleteForm(request.POST, is_asked=is_asked)
    if not form.is_valid():
        return _show(request, details, form, INVALID)
    try:
        request_delete(details.backup, by=passed.by, confirm=form.cleaned_data.get("confirm"))
    except NameNotTyped as refused:
        form.add_error("confirm", str(refused))
        return _show(request, details, form, INVALID)
    except Refused as refused:
        form.add_error(None, str(refused))
        return _show(request, details, form, REFUSED)
    message = f"The backup of {details.backup.created_at:%Y-%m-%d %H:%M} UTC is being deleted."
    return leave_dialog(request, list_address(passed.environment), message)


def _show(request: HttpRequest, details: Details, form: DeleteForm, status: int = 200) -> HttpResponse:
    others = backups_in(details.environment).usable().newest_first().exclude(pk=details.backup.pk)
    context = {
        "details": details,
        "form": form,
        "others_count": others.count(),
        "newest": others.first(),
        "back": details.backup.get_absolute_url(),
    }
    return show_dialog(request, "backups/dialogs/delete.html", context, status)
