"""The one gate: 404 to strangers, 403 without the right."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest

from .actors import Actor
from .choices import Right
from .models import Environment, record
from .rights import rights_of


class Passed:
    """An environment whose gate was passed, and what the person may do there."""

    def __init__(self, environment: Environment, rights: frozenset[str], by: Actor) -> None:
        self.environment, self.rights, self.by = environment, rights, by

    def __contains__(self, right: object) -> bool:
        return right in self.rights


def pass_gate(request: HttpRequest, app: str, environment: str, right: str = Right.VIEW) -> Passed:
    """Let the signed-in person through to an environment, for one right.

    Raises:
        Http404: there is no such environment, or the person is no member: a stranger cannot tell which.
        PermissionDenied: a member without the right. The refusal is recorded.
    """
    found = Environment.objects.live().select_related("app", "region", "package").filter(
        app__slug=app, slug=environment
    ).first()
    rights = rights_of(request.user, found) if found else frozenset()
    if found is None or not rights:
        raise Http404("There is no such environment.")
    by = Actor.person(request.user)
    if right not in rights:
        record(found, "access.refused", f"{by.name} was refused: the right to {right.replace('_', ' ')} is missing.", by=by)
        raise PermissionDenied(f"You do not have the right to {right.replace('_', ' ')} in {found.name}.")
    return Passed(found, rights, by)


def environments_of(user: Any) -> list[Environment]:
    """Every environment a person may view, by app and name."""
    everything = Environment.objects.live().select_related("app", "region", "package")
    if user.is_superuser:
        return list(everything)
    mine = everything.filter(app__memberships__user=user).prefetch_related("grants__membership")
    hidden = {
        environment.pk
        for environment in mine
        for grant in environment.grants.all()
        if grant.membership.user_id == user.pk and Right.VIEW not in grant.rights
    }
    return [environment for environment in mine if environment.pk not in hidden]
