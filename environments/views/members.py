"""Members: who belongs to the team; inviting, changing and removing them."""

from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from ..access import Passed, pass_gate
from ..choices import Right
from ..errors import LastContact, MemberChanged, Refused
from ..forms import InviteForm, MemberForm
from ..models import Environment, Membership, record
from ..operations.members import change_member, invite_member, manages_members, remove_member, rights_in_words
from .dialogs import INVALID, REFUSED, leave_dialog, show_dialog

METHODS = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
def members(request: HttpRequest, app: str, environment: str) -> HttpResponse:
    passed = pass_gate(request, app, environment)
    team = (
        Membership.objects.filter(app=passed.environment.app)
        .select_related("user")
        .prefetch_related("grants__environment")
        .order_by("user__first_name", "user__last_name", "user__username")
    )
    context = {"environment": passed.environment, "team": team, "may_manage": _may_manage(request, passed)}
    return render(request, "environments/members.html", context)


@METHODS
@never_cache
def invite(request: HttpRequest, app: str, environment: str) -> HttpResponse:
    passed = _pass(request, app, environment)
    if request.method != "POST":
        return _show(request, passed, "invite", {"form": InviteForm(initial={"email": request.GET.get("email", "")})})
    form = InviteForm(request.POST)
    if not form.is_valid():
        return _show(request, passed, "invite", {"form": form}, INVALID)
    given = form.cleaned_data
    try:
        invited = invite_member(passed.environment.app, given["email"], given["role"], by=passed.by)
    except Refused as refused:
        form.add_error("email", str(refused))
        return _show(request, passed, "invite", {"form": form}, INVALID)
    if not invited.token:
        return leave_dialog(request, _address(passed.environment), f"{given['email']} is a member now.")
    link = f"{settings.BASE_URL}{reverse('environments:invitation', args=[invited.token])}"
    return _show(request, passed, "invited", {"link": link, "email": given["email"]})


@METHODS
def change(request: HttpRequest, app: str, environment: str, membership: int) -> HttpResponse:
    passed = _pass(request, app, environment)
    member = _member(passed, membership)
    places = list(passed.environment.app.environments.live().order_by("name"))
    form = MemberForm(request.POST or None, membership=member, environments=places)
    context = {"form": form, "member": member, "seen": rights_in_words(member)}
    if request.method != "POST":
        return _show(request, passed, "member", context)
    if not form.is_valid():
        return _show(request, passed, "member", context, INVALID)
    try:
        seen = request.POST.get("seen")
        change_member(member, role=form.cleaned_data["role"], own_rights=form.own_rights, by=passed.by, seen=seen)
    except MemberChanged as refused:
        now = MemberForm(membership=member, environments=places)
        return _show(request, passed, "member", {**context, "form": now, "refusal": str(refused)}, REFUSED)
    except LastContact as refused:
        form.add_error("role", str(refused))
        return _show(request, passed, "member", context, REFUSED)
    return leave_dialog(request, _address(passed.environment), f"The rights of {_name(member)} are changed.")


@METHODS
def remove(request: HttpRequest, app: str, environment: str, membership: int) -> HttpResponse:
    passed = _pass(request, app, environment)
    member = _member(passed, membership)
    if request.method != "POST":
        return _show(request, passed, "remove_member", {"member": member})
    try:
        remove_member(member, by=passed.by)
    except LastContact as refused:
        return _show(request, passed, "remove_member", {"member": member, "refusal": str(refused)}, REFUSED)
    is_oneself = member.user == request.user
    there = reverse("home") if is_oneself else _address(passed.environment)
    return leave_dialog(request, there, f"{_name(member)} is no member of {passed.environment.app.name} any more.")


def _pass(request: HttpRequest, app: str, environment: str) -> Passed:
    """Through the gate with the right to manage members, which is a matter of the whole app."""
    passed = pass_gate(request, app, environment, Right.MANAGE_MEMBERS)
    if not _may_manage(request, passed):
        by = passed.by
        sentence = f"{by.name} was refused: only a technical contact manages members."
        record(passed.environment, "access.refused", sentence, by=by)
        raise PermissionDenied("Only a technical contact manages the members of an app.")
    return passed


def _may_manage(request: HttpRequest, passed: Passed) -> bool:
    assert isinstance(request.user, User)
    return manages_members(request.user, passed.environment.app)


def _member(passed: Passed, membership: int) -> Membership:
    found = Membership.objects.filter(app=passed.environment.app, pk=membership).select_related("user", "app").first()
    if found is None:
        raise Http404("There is no such member.")
    return found


def _name(member: Membership) -> str:
    return member.user.get_full_name() or member.user.get_username()


def _address(environment: Environment) -> str:
    return reverse("environments:members", args=[environment.app.slug, environment.slug])


def _show(
    request: HttpRequest, passed: Passed, dialog: str, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    context = {"environment": passed.environment, "back": _address(passed.environment), **context}
    return show_dialog(request, f"environments/dialogs/{dialog}.html", context, status)
