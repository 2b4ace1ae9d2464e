"""What support staff see and change of apps, places and people. What they do is recorded like everybody's."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from .actors import Actor
from .choices import Role
from .errors import Refused
from .forms import EnvironmentForm, GrantForm
from .inspections import inspect
from .lifecycle.cancel import cancel
from .models import (
    Activity,
    App,
    AppService,
    Environment,
    Grant,
    Membership,
    Operation,
    Package,
    Region,
    RegionStart,
    record,
)
from .operations.admit import called, tell
from .operations.register import remember


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """History and long work are looked at here, never written."""

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        return False


@admin.register(App)
class AppAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("name", "slug", "created_at")
    search_fields = ("name", "slug")


@admin.register(Package)
class PackageAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("app", "model_version", "modeler_version", "created_at")
    list_select_related = ("app",)
    list_filter = ("app",)
    search_fields = ("model_version", "modeler_version")


class RegionStartInline(admin.TabularInline):  # type: ignore[type-arg]
    model = RegionStart
    extra = 0


@admin.register(Region)
class RegionAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("name", "slug", "zone", "queue")
    inlines = (RegionStartInline,)


class AppServiceInline(admin.TabularInline):  # type: ignore[type-arg]
    model = AppService
    extra = 0


@admin.register(Environment)
class EnvironmentAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """As registered by command: looked at first, refused with the reason."""

    form = EnvironmentForm
    list_display = ("name", "app", "is_production", "region", "cloud_version", "package", "is_nightly_on", "state")
    list_select_related = ("app", "region", "package")
    list_filter = ("app", "region", "is_production", "is_nightly_on")
    search_fields = ("name", "slug", "app__name", "app__slug")
    actions = ("test_connection",)
    inlines = (AppServiceInline,)
    fieldsets = (
        (None, {"fields": ("app", "slug", "name", "is_production", "region", "cloud_version", "is_nightly_on")}),
        ("Database", {"fields": ("database", "new_password")}),
        ("Restores", {"fields": ("admin_database", "new_admin_password", "template_database")}),
        ("Files and package", {"fields": ("files_directory", "package", "commands")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Environment | None = None) -> tuple[str, ...]:
        """Names stand in addresses and in the vault; commands are run by the portal's own user."""
        fixed = ("app", "slug") if obj else ()
        return fixed if request.user.is_superuser else (*fixed, "commands")

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        services = {"services"} if any(formset.has_changed() for formset in formsets) else set()
        remember(form.instance, form.changed | services, is_new=not change, by=Actor.person(request.user))
        for remark in form.remarks:
            messages.info(request, remark)

    def delete_model(self, request: HttpRequest, obj: Environment) -> None:
        by = Actor.person(request.user)
        record(obj, "environment.removed", f"{by.name} removed {obj.name} from the portal.", by=by)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Environment]) -> None:
        for one in queryset:
            self.delete_model(request, one)

    @admin.action(description="Test the connection", permissions=["change"])
    def test_connection(self, request: HttpRequest, queryset: QuerySet[Environment]) -> None:
        for one in queryset.select_related("app", "region"):
            try:
                messages.success(request, f"{one}: {' '.join(inspect(one))}")
            except Refused as refusal:
                messages.error(request, f"{one}: {refusal}")


class GrantInline(admin.StackedInline):  # type: ignore[type-arg]
    model = Grant
    form = GrantForm
    fields = ("environment", "rights")
    extra = 0


@admin.register(Membership)
class MembershipAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("user", "app", "role", "created_at")
    list_select_related = ("user", "app")
    list_filter = ("app", "role")
    search_fields = ("user__username", "user__email", "user__first_name", "user__last_name")
    autocomplete_fields = ("user", "app")
    inlines = (GrantInline,)

    def get_readonly_fields(
        self,
        request: HttpRequest,  # noqa: ARG002
        obj: Membership | None = None,
    ) -> tuple[str, ...]:
        return ("user", "app") if obj else ()

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if form.has_changed() or any(formset.has_changed() for formset in formsets):
            by, member = Actor.person(request.user), form.instance
            role = Role(member.role).label.lower()
            own = "".join(
                f" In {grant.environment.name}: {', '.join(grant.rights) or 'nothing'}."
                for grant in member.grants.select_related("environment")
            )
            tell(member.app, f"{by.name} made {called(member.user)} {role} of {member.app.name}.{own}", by=by)

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        by = Actor.person(request.user)
        tell(obj.app, f"{by.name} took {called(obj.user)} out of the team of {obj.app.name}.", by=by)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Membership]) -> None:
        for one in queryset.select_related("app", "user"):
            self.delete_model(request, one)


@admin.register(Operation)
class OperationAdmin(ReadOnlyAdmin):
    list_display = ("kind", "environment", "status", "requested_by_name", "created_at", "message")
    list_select_related = ("environment__app",)
    list_filter = ("status", "kind")
    search_fields = ("id", "requested_by_name", "message")
    actions = ("cancel",)

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
    search_fields = ("environment_name", "actor_name", "sentence")
