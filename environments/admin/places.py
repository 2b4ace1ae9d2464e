"""Apps, environments, packages and regions: what support staff change of them is told where it holds."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from ..actors import Actor
from ..environment_form import EnvironmentForm
from ..errors import Refused
from ..inspections import inspect
from ..models import App, AppService, Environment, Package, Region, RegionStart, record
from ..operations.admit import tell, tell_all
from ..operations.register import remember


@admin.register(App)
class AppAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("name", "slug", "created_at")
    search_fields = ("name", "slug")

    def get_readonly_fields(self, request: HttpRequest, obj: App | None = None) -> tuple[str, ...]:  # noqa: ARG002
        """It stands in addresses and in the vault."""
        return ("slug",) if obj else ()

    def save_model(self, request: HttpRequest, obj: App, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if change and form.changed_data:
            by = Actor.person(request.user)
            sentence = f"{by.name} changed the app: it is called {obj.name} now."
            tell(obj, sentence, by=by, action="environment.changed")


@admin.register(Package)
class PackageAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """A version never changes; one that is removed lets go of its file a day later."""

    list_display = ("app", "model_version", "modeler_version", "file_name", "created_at")
    list_select_related = ("app",)
    list_filter = ("app",)
    search_fields = ("model_version", "modeler_version")
    fields = ("app", "model_version", "modeler_version", "file_name", "file_bytes", "file_sha256")

    def get_readonly_fields(self, request: HttpRequest, obj: Package | None = None) -> tuple[str, ...]:  # noqa: ARG002
        return self.fields if obj else self.fields[3:]

    def save_model(self, request: HttpRequest, obj: Package, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change:
            self._tell(request, obj, "registered")

    def delete_model(self, request: HttpRequest, obj: Package) -> None:
        self._tell(request, obj, "removed")
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Package]) -> None:
        for one in queryset.select_related("app"):
            self.delete_model(request, one)

    def _tell(self, request: HttpRequest, package: Package, deed: str) -> None:
        by = Actor.person(request.user)
        sentence = f"{by.name} {deed} the package {package.model_version}."
        tell(package.app, sentence, by=by, action=f"package.{deed}")


class RegionStartInline(admin.TabularInline):  # type: ignore[type-arg]
    model = RegionStart
    extra = 0


@admin.register(Region)
class RegionAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("name", "slug", "zone", "queue", "backups_at_once")
    inlines = (RegionStartInline,)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if form.has_changed() or any(formset.has_changed() for formset in formsets):
            by, region = Actor.person(request.user), form.instance
            starts = ", ".join(f"{one.cloud_version} at {one.starts_at:%H:%M} UTC" for one in region.starts.all())
            sentence = f"{by.name} changed the region {region.name}: zone {region.zone}, nights {starts or 'none'}."
            there = Environment.objects.live().filter(region=region).select_related("app")
            tell_all(there, sentence, by=by, action="environment.changed")


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
        ("Files and package", {"fields": ("files_directory", "new_files_secret", "package", "commands")}),
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
