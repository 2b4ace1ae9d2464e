"""Admit: give a person a place in an app's team, and let every environment's history tell."""

from django.contrib.auth.models import User
from django.db import transaction

from ..actors import Actor
from ..choices import Role
from ..models import App, Membership, record


def admit(app: App, user: User, role: str, *, by: Actor) -> Membership:
    """Make a person a member, or change a member's role."""
    with transaction.atomic():
        membership, is_new = Membership.objects.get_or_create(app=app, user=user, defaults={"role": role})
        if is_new or membership.role != role:
            membership.role = role
            membership.save()
            tell(app, f"{by.name} made {called(user)} {Role(role).label.lower()} of {app.name}.", by=by)
    return membership


def tell(app: App, sentence: str, *, by: Actor) -> None:
    """Write a change of rights into the history of every environment of the app."""
    for environment in app.environments.live().select_related("app"):
        record(environment, "rights.changed", sentence, by=by)


def called(user: User) -> str:
    """A person's name, or what they sign in with."""
    return user.get_full_name() or user.get_username()
