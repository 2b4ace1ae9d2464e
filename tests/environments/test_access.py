"""The gate: strangers see nothing, members without the right are refused and that is remembered."""

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.test import RequestFactory
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from environments.access import Passed, environments_of, pass_gate
from environments.choices import RIGHTS_OF, Right, Role
from environments.models import Activity, Environment
from tests.factories import EnvironmentFactory, GrantFactory, MembershipFactory, UserFactory


def request_of(user: User | AnonymousUser) -> HttpRequest:
    request = RequestFactory().get("/")
    request.user = user
    return request


def gate(user: User | AnonymousUser, environment: Environment, right: str = Right.VIEW) -> Passed:
    return pass_gate(request_of(user), environment.app.slug, environment.slug, right)


def test_who_holds_the_right_passes_with_all_rights(developer: User, environment: Environment) -> None:
    passed = gate(developer, environment, Right.CREATE)

    assert passed.environment == environment
    assert passed.rights == RIGHTS_OF[Role.DEVELOPER]
    assert Right.DOWNLOAD in passed
    assert Right.DELETE not in passed
    assert (passed.by.name, passed.by.user) == ("Dana Developer", developer)


@pytest.mark.parametrize("right", Right.values)
def test_a_stranger_finds_nothing_whatever_is_asked(stranger: User, environment: Environment, right: str) -> None:
    with pytest.raises(Http404):
        gate(stranger, environment, right)

    assert not Activity.objects.exists()


def test_a_stranger_cannot_tell_what_is_there_from_what_is_not(stranger: User, environment: Environment) -> None:
    with pytest.raises(Http404) as there:
        gate(stranger, environment)
    with pytest.raises(Http404) as not_there:
        pass_gate(request_of(stranger), environment.app.slug, "not-there")

    assert str(there.value) == str(not_there.value)


@pytest.mark.parametrize("right", [Right.CREATE, Right.DELETE, Right.MANAGE_MEMBERS])
def test_a_member_without_the_right_is_refused_once_and_by_name(
    viewer: User, environment: Environment, right: str
) -> None:
    with pytest.raises(PermissionDenied, match=f"the right to {right.replace('_', ' ')} in Live"):
        gate(viewer, environment, right)

    refusal = Activity.objects.get()
    assert (refusal.action, refusal.environment, refusal.actor) == ("access.refused", environment, viewer)
    assert right.replace("_", " ") in refusal.sentence


def test_a_member_whose_grant_leaves_nothing_is_a_stranger_there(viewer: User, environment: Environment) -> None:
    GrantFactory(environment=environment, membership=viewer.memberships.get(), rights=[])  # type: ignore[attr-defined]

    with pytest.raises(Http404):
        gate(viewer, environment)


def test_support_staff_with_all_rights_pass_everywhere(support: User, environment: Environment) -> None:
    assert gate(support, environment, Right.MANAGE_MEMBERS).rights == set(Right.values)


def test_nobody_and_the_switched_off_find_nothing(environment: Environment) -> None:
    gone = UserFactory(is_active=False)
    MembershipFactory(app=environment.app, user=gone, role=Role.TECHNICAL_CONTACT)

    for user in (AnonymousUser(), gone):
        with pytest.raises(Http404):
            gate(user, environment)


def test_an_environment_that_was_removed_is_not_there(technical_contact: User, environment: Environment) -> None:
    environment.deleted_at = timezone.now()
    environment.save()

    with pytest.raises(Http404):
        gate(technical_contact, environment)
    assert environments_of(technical_contact) == []


def test_the_gate_asks_once_and_a_list_asks_once(
    developer: User, environment: Environment, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(20):
        EnvironmentFactory(app=environment.app)

    with django_assert_num_queries(1):
        gate(developer, environment)
    with django_assert_num_queries(1):
        found = environments_of(developer)
        assert len([one.app.name + one.region.name for one in found]) == 21


def test_a_list_holds_what_may_be_viewed_and_nothing_else(
    developer: User, environment: Environment, acceptance: Environment
) -> None:
    EnvironmentFactory()  # of an app without this person
    GrantFactory(environment=acceptance, membership=developer.memberships.get(), rights=["create"])  # type: ignore[attr-defined]

    assert environments_of(developer) == [environment]


def test_support_staff_see_all_environments(support: User, environment: Environment) -> None:
    other = EnvironmentFactory()

    assert set(environments_of(support)) == {environment, other}
