"""Backups as support staff see them: everything, nothing to change, and what helps without a shell."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.db.models import QuerySet
from django.http import HttpRequest

from environments.actors import Actor
from environments.admin import OperationAdmin, ReadOnlyAdmin
from environments.choices import Status
from environments.errors import Refused
from environments.lifecycle.cancel import cancel
from environments.models import Operation

from .models import Backup
from .operations.create import request_create
from .operations.delete import request_delete
from .operations.pin import LONGEST_REASON, pin, unpin
from .operations.verify import request_verify


class ReasonForm(ActionForm):
    """Beside the action: why, where a pin asks for it."""

    reason = forms.CharField(required=False, max_length=LONGEST_REASON, label="Reason (for Pin)")


@admin.register(Backup)
class BackupAdmin(ReadOnlyAdmin):
    list_display = ("environment", "created_at", "created_by", "status", "condition", "expires_at", "comment")
    list_select_related = ("environment__app", "operation")
    list_filter = ("operation__status", "condition", "kept_by", "environment__app")
    search_fields = (
        *("id", "operation__id", "comment", "created_by", "operation__requested_by__email"),
        *("environment__slug", "environment__name", "environment__app__slug", "environment__app__name"),
    )
    date_hierarchy = "created_at"
    action_form = ReasonForm
    actions = ("verify", "retry", "pin", "unpin", "cancel")

    def has_help_permission(self, request: HttpRequest) -> bool:
        """Whether a person may do more here than look."""
        return request.user.has_perm("backups.change_backup")

    @admin.action(description="Verify now", permissions=["help"])
    def verify(self, request: HttpRequest, queryset: QuerySet[Backup]) -> None:
        _each(request, queryset, lambda backup, by: request_verify(backup, by=by), "is being verified.")

    @admin.action(description="Try again (Failed ones)", permissions=["help"])
    def retry(self, request: HttpRequest, queryset: QuerySet[Backup]) -> None:
        _each(request, queryset, _try_again, "is made again, as a new backup.")

    @admin.action(description="Pin, with a reason", permissions=["help"])
    def pin(self, request: HttpRequest, queryset: QuerySet[Backup]) -> None:
        reason = request.POST.get("reason", "")
        _each(request, queryset, lambda backup, by: pin(backup, by=by, reason=reason), "is pinned.")

    @admin.action(description="Take the pin out", permissions=["help"])
    def unpin(self, request: HttpRequest, queryset: QuerySet[Backup]) -> None:
        _each(request, queryset, lambda backup, by: unpin(backup, by=by), "is not pinned any more.")

    @admin.action(description="Cancel (Queued or Running ones)", permissions=["help"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Backup]) -> None:
        _each(request, queryset, lambda backup, by: cancel(backup.operation, by=by), "ends at its next sign of life.")


UNKNOWN = UUID(int=0)
RETRIES: dict[str, Callable[[Backup, Actor], Any]] = {
    "create": lambda backup, by: request_create(backup.environment, by=by, comment=backup.comment),
    "verify": lambda backup, by: request_verify(backup, by=by),
    "delete": lambda backup, by: request_delete(backup, by=by, confirm=backup.environment.slug),
}

admin.site.unregister(Operation)


@admin.register(Operation)
class WorkAdmin(OperationAdmin):
    """Tries again what harms nobody. What exchanges live data is asked for on its page, where its questions are."""

    actions = (*OperationAdmin.actions, "retry")

    @admin.action(description="Try again (Failed backups, verifications, deletions)", permissions=["cancel"])
    def retry(self, request: HttpRequest, queryset: QuerySet[Operation]) -> None:
        by = Actor.person(request.user)
        for one in queryset.select_related("environment__app"):
            try:
                _retry(one, by)
                messages.success(request, f"{one.kind} of {one.environment}: it is tried again, as a new operation.")
            except Refused as refusal:
                messages.error(request, f"{one.kind} of {one.environment}: {refusal}")


def _retry(operation: Operation, by: Actor) -> None:
    if operation.status != Status.FAILED:
        raise Refused("It is not Failed; there is nothing to try again.")
    if operation.kind not in RETRIES:
        raise Refused("Ask for it again on the environment's page: it has questions of its own.")
    backup = Backup.objects.select_related("environment__app").filter(pk=operation.subject or UNKNOWN).first()
    if backup is None:
        raise Refused("Its backup is not there any more.")
    RETRIES[operation.kind](backup, by)


def _each(
    request: HttpRequest, backups: QuerySet[Backup], act: Callable[[Backup, Actor], Any], what_happens: str
) -> None:
    """Do it to each, through the same door as everybody, and say of each what came of it."""
    by = Actor.person(request.user)
    for backup in backups.select_related("environment__app", "operation"):
        name = f"{backup.environment}, {backup.created_at:%Y-%m-%d %H:%M} UTC"
        try:
            act(backup, by)
            messages.success(request, f"{name}: it {what_happens}")
        except Refused as refusal:
            messages.error(request, f"{name}: {refusal}")


def _try_again(backup: Backup, by: Actor) -> None:
    _retry(backup.operation, by)
