"""The one gate: 404 to strangers, 403 without the right."""

from datetime import time
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Case, OuterRef, Subquery, When
from django.http import Http404, HttpRequest

from .actors import Actor
from .choices import Right
from .models import Environment, RegionStart, record
from .proof import require_proof
from .rights import rights_in, with_rights


class Passed:
    """An environment whose gate was passed, and what the person may do there.

    The page's first line needs the start of the night, so it comes along instead of costing a query of its own.
    """

    def __init__(self, environment: Environment, rights: frozenset[str], by: Actor) -> None:
        self.environment, self.rights, self.by = environment, rights, by

    @property
    def night_starts_at(self) -> time | None:
        """When the region's nights begin for this environment, in UTC; None where they do not."""
        found: time | None = vars(self.environment)["night_starts_at"]
        return found

    def __contains__(self, right: object) -> bool:
        return right in self.rights


def pass_gate(
    request: HttpRequest, app: str, environment: str, right: str = Right.VIEW, *, is_destructive: bool = False
) -> Passed:
    """Let the signed-in person through to an environment, for one right.

    Raises:
        ReauthenticationRequired: posting what is destructive needs a recent proof of identity in production.
        Http404: there is no such environment, or the person is no member: a stranger cannot tell which.
        PermissionDenied: a member without the right. The refusal is recorded.
    """
    starts = RegionStart.objects.filter(region=OuterRef("region"), cloud_version=OuterRef("cloud_version"))
    everywhere = Environment.objects.live().select_related("app", "region", "package")
    everywhere = everywhere.annotate(night_starts_at=Subquery(starts.values("starts_at")[:1]))
    found = with_rights(everywhere, request.user).filter(app__slug=app, slug=environment).first()
    rights = rights_in(found, request.user) if found else frozenset()
    if found is None or not rights:
        raise Http404("There is no such environment.")
    by = Actor.person(request.user)
    if right not in rights:
        words = right.replace("_", " ")
        record(found, "access.refused", f"{by.name} was refused: the right to {words} is missing.", by=by)
        raise PermissionDenied(f"You do not have the right to {words} in {found.name}.")
    if is_destructive and found.is_production and request.method == "POST":
        require_proof(request)
    return Passed(found, rights, by)


def environments_of(user: Any, *, first_app: str = "", most: int | None = None) -> list[Environment]:
    """Every environment a person may view, by app and name; those of one app may come first. One query."""
    everywhere = with_rights(Environment.objects.live().select_related("app", "region", "package"), user)
    if not user.is_superuser:
        everywhere = everywhere.filter(app__memberships__user=user)
    is_later = Case(When(app__slug=first_app, then=0), default=1)
    ordered = everywhere.order_by(is_later, "app__name", "app__slug", "name", "slug")[:most]
    return [environment for environment in ordered if Right.VIEW in rights_in(environment, user)]
