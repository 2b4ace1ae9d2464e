"""Rights, and who holds them: one predicate per right (django-rules)."""

from collections.abc import Callable

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import OuterRef, QuerySet, Subquery
from rules.permissions import add_perm
from rules.predicates import predicate

from .choices import RIGHTS_OF, Right
from .models import Environment, Grant, Membership

NOBODY = 0


def with_rights(environments: QuerySet[Environment], user: AbstractBaseUser | AnonymousUser) -> QuerySet[Environment]:
    """The same environments, each with the person's role in its app and own grant there; `rights_in` reads them."""
    person = user.pk or NOBODY
    memberships = Membership.objects.filter(app=OuterRef("app"), user_id=person)
    grants = Grant.objects.filter(
        environment=OuterRef("pk"), membership__user_id=person, membership__app=OuterRef("app")
    )
    return environments.annotate(
        role_held=Subquery(memberships.values("role")[:1]), rights_granted=Subquery(grants.values("rights")[:1])
    )


def rights_in(environment: Environment, user: AbstractBaseUser | AnonymousUser) -> frozenset[str]:
    """All rights a person holds in an environment that came `with_rights`; empty for strangers. No query."""
    if not user.is_active:
        return frozenset()
    if getattr(user, "is_superuser", False):
        return frozenset(Right.values)
    role, granted = vars(environment)["role_held"], vars(environment)["rights_granted"]
    if role is None:
        return frozenset()
    return frozenset(RIGHTS_OF[role]) if granted is None else frozenset(granted) & frozenset(Right.values)


def rights_of(user: AbstractBaseUser | AnonymousUser, environment: Environment) -> frozenset[str]:
    """All rights a person holds in an environment; empty for strangers. One query."""
    found = with_rights(Environment.objects.filter(pk=environment.pk), user).first()
    return rights_in(found, user) if found else frozenset()


def _holds(right: str) -> Callable[..., bool]:
    @predicate(f"holds_{right}")  # type: ignore[no-untyped-call,untyped-decorator]
    def holds(user: AbstractBaseUser, environment: Environment | None) -> bool:
        return environment is not None and right in rights_of(user, environment)

    return holds  # type: ignore[no-any-return]


for _right in Right.values:
    add_perm(f"environments.{_right}", _holds(_right))  # type: ignore[no-untyped-call]
