"""Admit: give a person a place in an app's team, and let every environment's history tell."""

from collections.abc import Iterable

from django.contrib.auth.models import User
from django.db import transaction

from ..actors import Actor
from ..choices import Role
from ..models import Activity, App, Environment, Membership, unwritten


def admit(app: App, user: User, role: str, *, by: Actor) -> Membership:
    """Make a person a member, or change a member's role."""
    with transaction.atomic():
        membership, is_new = Membership.objects.get_or_create(app=app, user=user, defaults={"role": role})
        if is_new or membership.role != role:
            membership.role = role
            membership.save()
            tell(app, f"{by.name} made {called(user)} {Role(role).label.lower()} of {app.name}.", by=by)
    return membership


def tell(app: App, sentence: str, *, by: Actor, action: str = "rights.changed") -> None:
    """Write a change of rights, or another one of the whole app, into the history of each of its environments."""
    tell_all(app.environments.live().select_related("app"), sentence, by=by, action=action)


def tell_all(environments: Iterable[Environment], sentence: str, *, by: Actor, action: str) -> None:
    """Write the same line into the history of each environment. They come with their apps."""
    Activity.objects.bulk_create(unwritten(one, action, sentence, by=by) for one in environments)


def called(user: User) -> str:
    """A person's name, or what they sign in with."""
    return user.get_full_name() or user.get_username()
