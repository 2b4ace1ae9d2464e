"""People, and who belongs to which app: what support staff change of them is told in every app that it concerns."""

from collections.abc import Iterable
from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest

from ..actors import Actor
from ..choices import Role
from ..forms import GrantForm, MembershipForm
from ..models import App, Grant, Membership
from ..operations.admit import called, tell
from ..operations.members import leaves_no_contact

# What gives or takes more than a name does, and how it is told.
POWERS = {
    "is_active": ("switched on the account of {}", "switched off the account of {}"),
    "is_staff": ("made {} support staff", "took {} out of the support staff"),
    "is_superuser": ("gave {} all rights everywhere", "took all rights everywhere from {}"),
}


class GrantInline(admin.StackedInline):  # type: ignore[type-arg]
    model = Grant
    form = GrantForm
    fields = ("environment", "rights")
    extra = 0


@admin.register(Membership)
class MembershipAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    form = MembershipForm
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

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[Any, Any, set[str], list[str]]:
        """The admin refuses, and shows why, what this names as protected."""
        shown, count, missing, protected = super().get_deleted_objects(objs, request)
        for app in App.objects.filter(memberships__in=[one.pk for one in objs]).distinct():
            if leaves_no_contact(app, objs):
                protected.append(f"{app.name} keeps one technical contact: make somebody else one first.")
        return shown, count, missing, protected

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        by = Actor.person(request.user)
        tell(obj.app, f"{by.name} took {called(obj.user)} out of the team of {obj.app.name}.", by=by)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Membership]) -> None:
        for one in queryset.select_related("app", "user"):
            self.delete_model(request, one)


class PersonAdmin(UserAdmin):  # type: ignore[type-arg]
    """An account is switched off, never removed: history names it. Only a superuser makes others powerful."""

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        fixed = tuple(super().get_readonly_fields(request, obj))
        powers = ("is_staff", "is_superuser", "groups", "user_permissions")
        return fixed if request.user.is_superuser else (*fixed, *powers)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        is_above = obj is not None and obj.is_superuser and not request.user.is_superuser
        return not is_above and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:  # noqa: ARG002
        return False

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change:
            return
        by = Actor.person(request.user)
        for name, (gives, takes) in POWERS.items():
            if name not in form.changed_data:
                continue
            deed = (gives if getattr(obj, name) else takes).format(called(obj))
            for app in self._concerned(obj, name):
                tell(app, f"{by.name} {deed}.", by=by)
        if "is_active" in form.changed_data and not obj.is_active:
            for session in UserSession.objects.filter(user=obj):
                session.end()  # none of them comes back to life with the account
            self._warn(request, obj)

    def _concerned(self, person: User, power: str) -> Iterable[App]:
        return App.objects.all() if power == "is_superuser" else App.objects.filter(memberships__user=person)

    def _warn(self, request: HttpRequest, person: User) -> None:
        """Whoever left is switched off at once, also the last contact; but somebody has to follow."""
        active = {"memberships__role": Role.TECHNICAL_CONTACT, "memberships__user__is_active": True}
        for app in App.objects.filter(memberships__user=person, memberships__role=Role.TECHNICAL_CONTACT):
            if not App.objects.filter(pk=app.pk, **active).exists():
                messages.warning(request, f"{app.name} has no technical contact any more: make somebody one.")


admin.site.unregister(User)
admin.site.register(User, PersonAdmin)
