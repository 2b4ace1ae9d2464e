"""Long work and history: looked at, searched, never written. What is under way can be cancelled."""

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from ..actors import Actor
from ..errors import Refused
from ..lifecycle.cancel import cancel
from ..models import Activity, Operation


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """History and long work are looked at here, never written."""

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        return False


@admin.register(Operation)
class OperationAdmin(ReadOnlyAdmin):
    list_display = ("kind", "environment", "status", "requested_by_name", "created_at", "message")
    list_select_related = ("environment__app",)
    list_filter = ("status", "kind")
    search_fields = (
        *("id", "subject", "requested_by_name", "requested_by__username", "requested_by__email", "message"),
        *("environment__slug", "environment__name", "environment__app__slug", "environment__app__name"),
    )
    date_hierarchy = "created_at"
    actions: tuple[str, ...] = ("cancel",)

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("environments.change_operation")

    @admin.action(description="Cancel", permissions=["cancel"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Operation]) -> None:
        for one in queryset:
            try:
                cancel(one, by=Actor.person(request.user))
                messages.success(request, f"{one.kind} of {one.environment}: it ends at its next sign of life.")
            except Refused as refusal:
                messages.error(request, f"{one.kind} of {one.environment}: {refusal}")


@admin.register(Activity)
class ActivityAdmin(ReadOnlyAdmin):
    list_display = ("at", "environment_name", "actor_name", "action", "sentence")
    list_filter = ("action",)
    search_fields = (
        *("operation", "subject", "sentence", "environment_name", "environment__name", "environment__app__name"),
        *("actor_name", "actor__username", "actor__email"),
    )
    date_hierarchy = "at"
