"""Who holds which right where, by the table of the specification."""

import pytest
from django.contrib.auth.models import AnonymousUser, User
from pytest_django import DjangoAssertNumQueries

from environments.choices import Right, Role
from environments.models import Environment
from environments.rights import rights_of
from tests.factories import AppFactory, EnvironmentFactory, GrantFactory, MembershipFactory, UserFactory

VIEWER = {"view"}
DEVELOPER = VIEWER | {"create", "download"}
OPERATOR = DEVELOPER | {"restore", "upload", "operate"}
TABLE = {
    Role.VIEWER: VIEWER,
    Role.DEVELOPER: DEVELOPER,
    Role.OPERATOR: OPERATOR,
    Role.TECHNICAL_CONTACT: OPERATOR | {"delete", "manage_members"},
}


@pytest.mark.parametrize("role", Role.values)
def test_each_role_holds_what_the_table_says(environment: Environment, role: str) -> None:
    member = MembershipFactory(app=environment.app, role=role)

    assert rights_of(member.user, environment) == TABLE[Role(role)]


def test_a_grant_replaces_the_role_in_its_environment_alone(environment: Environment, acceptance: Environment) -> None:
    member = MembershipFactory(app=environment.app, role=Role.OPERATOR)
    GrantFactory(environment=environment, membership=member, rights=["view", "download"])

    assert rights_of(member.user, environment) == {"view", "download"}
    assert rights_of(member.user, acceptance) == OPERATOR


def test_an_empty_grant_leaves_nothing(environment: Environment) -> None:
    member = MembershipFactory(app=environment.app, role=Role.TECHNICAL_CONTACT)
    GrantFactory(environment=environment, membership=member, rights=[])

    assert rights_of(member.user, environment) == frozenset()


def test_a_membership_of_another_app_gives_nothing_here(environment: Environment) -> None:
    """Not even by a grant that names this environment."""
    user = UserFactory()
    elsewhere = MembershipFactory(app=AppFactory(), user=user, role=Role.TECHNICAL_CONTACT)
    GrantFactory(environment=environment, membership=elsewhere, rights=["view", "delete"])
    assert rights_of(user, environment) == frozenset()

    MembershipFactory(app=environment.app, user=user, role=Role.VIEWER)

    assert rights_of(user, environment) == VIEWER


def test_words_that_are_no_rights_give_nothing(environment: Environment) -> None:
    member = MembershipFactory(app=environment.app)
    GrantFactory(environment=environment, membership=member, rights=["view", "everything"])

    assert rights_of(member.user, environment) == {"view"}


def test_superusers_hold_all_rights_everywhere(support: User, environment: Environment) -> None:
    assert rights_of(support, environment) == set(Right.values)


def test_being_staff_alone_gives_no_right(environment: Environment) -> None:
    assert rights_of(UserFactory(is_staff=True), environment) == frozenset()


@pytest.mark.parametrize("is_superuser", [False, True])
def test_an_account_that_is_switched_off_holds_nothing(environment: Environment, is_superuser: bool) -> None:
    user = UserFactory(is_active=False, is_superuser=is_superuser)
    MembershipFactory(app=environment.app, user=user, role=Role.TECHNICAL_CONTACT)

    assert rights_of(user, environment) == frozenset()


def test_nobody_holds_nothing(environment: Environment) -> None:
    assert rights_of(AnonymousUser(), environment) == frozenset()


def test_rights_are_asked_for_in_one_query(
    technical_contact: User, environment: Environment, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        rights_of(technical_contact, environment)


def test_djangos_own_question_is_answered_too(developer: User, support: User, environment: Environment) -> None:
    assert developer.has_perm("environments.download", environment)
    assert not developer.has_perm("environments.delete", environment)
    assert not developer.has_perm("environments.download")
    assert support.has_perm("environments.delete", EnvironmentFactory())
