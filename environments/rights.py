"""Rights, and who holds them: one predicate per right (django-rules)."""

import rules
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

from .choices import Right
from .models import Environment, Membership


def rights_of(user: AbstractBaseUser | AnonymousUser, environment: Environment) -> frozenset[str]:
    """All rights a person holds in an environment; empty for strangers. Two queries, none for superusers."""
    if not user.is_active:
        return frozenset()
    if getattr(user, "is_superuser", False):
        return frozenset(Right.values)
    membership = Membership.objects.filter(app_id=environment.app_id, user_id=user.pk).first()
    if membership is None:
        return frozenset()
    grant = membership.grants.filter(environment=environment).first()
    return frozenset(grant.rights) if grant else frozenset(membership.rights)


def _holds(right: str) -> rules.predicates.Predicate:
    @rules.predicate(f"holds_{right}")
    def holds(user: AbstractBaseUser, environment: Environment | None) -> bool:
        return environment is not None and right in rights_of(user, environment)

    return holds


for _right in Right.values:
    rules.add_perm(f"environments.{_right}", _holds(_right))
