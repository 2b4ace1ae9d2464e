"""Comment: the form, and changing it."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from environments.access import pass_gate
from environments.choices import Right
from environments.views.dialogs import answer, leave_dialog, show_dialog

from ..forms import CommentForm
from ..operations.comment import change_comment
from .details import details_of


@require_http_methods(["GET", "HEAD", "POST"])
def comment(request: HttpRequest, app: str, environment: str, backup: UUID) -> HttpResponse:
    passed = pass_gate(request, app, environment, Right.CREATE)
    details = details_of(passed, backup)
    form = CommentForm(request.POST if request.method == "POST" else None, initial={"comment": details.backup.comment})
    seen = request.POST.get("seen")
    status = answer(
        form, lambda: change_comment(details.backup, by=passed.by, comment=form.cleaned_data["comment"], seen=seen)
    )
    if status is None:
        return leave_dialog(request, details.backup.get_absolute_url(), "The comment is saved.")
    context = {"details": details, "form": form, "back": details.backup.get_absolute_url()}
    return show_dialog(request, "backups/dialogs/comment.html", context, status)
