"""Members: roles, rights of their own in one environment, and the last technical contact."""

import pytest
from django.contrib.auth.models import User

from environments.actors import Actor
from environments.choices import RIGHTS_OF, Right, Role
from environments.errors import LastContact, MemberAlready
from environments.models import Activity, App, Environment, Membership
from environments.operations.members import change_member, invite_member, manages_members, remove_member
from environments.rights import rights_of
from tests.factories import GrantFactory, MembershipFactory, UserFactory


@pytest.fixture
def by(technical_contact: User) -> Actor:
    return Actor.person(technical_contact)


def of(user: User) -> Membership:
    return Membership.objects.select_related("app", "user").get(user=user)


def test_a_role_holds_everywhere_but_where_other_rights_are_given(
    environment: Environment, acceptance: Environment, viewer: User, by: Actor
) -> None:
    own = {acceptance: frozenset({Right.VIEW, Right.RESTORE, Right.MANAGE_MEMBERS})}
    change_member(of(viewer), role=Role.DEVELOPER, own_rights=own, by=by)

    assert rights_of(viewer, environment) == RIGHTS_OF[Role.DEVELOPER]
    assert rights_of(viewer, acceptance) == {Right.VIEW, Right.RESTORE}
    told = Activity.objects.filter(action="rights.changed", environment=environment).latest("at")
    assert told.sentence == "Tess Contact made Vera Viewer developer of Order Desk. In Acceptance: view, restore."

    change_member(of(viewer), role=Role.VIEWER, own_rights={}, by=by)
    assert rights_of(viewer, acceptance) == {Right.VIEW}


def test_a_technical_contact_holds_all_rights_everywhere(
    acceptance: Environment, technical_contact: User, viewer: User, by: Actor
) -> None:
    GrantFactory(environment=acceptance, membership=of(viewer), rights=["view"])

    change_member(of(viewer), role=Role.TECHNICAL_CONTACT, own_rights={acceptance: frozenset()}, by=by)

    assert rights_of(viewer, acceptance) == frozenset(Right)


@pytest.mark.parametrize("leave", ["change", "remove"])
def test_the_last_technical_contact_stays(technical_contact: User, viewer: User, by: Actor, leave: str) -> None:
    MembershipFactory(app=of(technical_contact).app, user=UserFactory(is_active=False), role=Role.TECHNICAL_CONTACT)
    last = of(technical_contact)

    def go() -> None:
        if leave == "remove":
            remove_member(last, by=by)
        else:
            change_member(last, role=Role.VIEWER, own_rights={}, by=by)

    with pytest.raises(LastContact, match="the only technical contact of Order Desk"):
        go()
    assert of(technical_contact).role == Role.TECHNICAL_CONTACT

    change_member(of(viewer), role=Role.TECHNICAL_CONTACT, own_rights={}, by=by)
    go()
    assert not Membership.objects.filter(user=technical_contact, role=Role.TECHNICAL_CONTACT).exists()


def test_who_is_removed_loses_everything_at_once(environment: Environment, operator: User, by: Actor) -> None:
    remove_member(of(operator), by=by)

    assert rights_of(operator, environment) == frozenset()
    assert User.objects.filter(pk=operator.pk, is_active=True).exists()
    told = Activity.objects.filter(action="rights.changed").latest("at")
    assert told.sentence == "Tess Contact took Omar Operator out of the team of Order Desk."


def test_a_right_in_one_place_manages_nobody(
    app: App, environment: Environment, operator: User, technical_contact: User, support: User, stranger: User
) -> None:
    """Else a grant in one environment would be a way to all rights in all."""
    GrantFactory(environment=environment, membership=of(operator), rights=["view", "manage_members"])

    assert [manages_members(one, app) for one in (technical_contact, support, operator, stranger)] == [
        *(True, True, False, False)
    ]


def test_members_are_not_invited_twice_but_an_unused_link_is_made_anew(app: App, viewer: User, by: Actor) -> None:
    first = invite_member(app, "new@example.org", Role.VIEWER, by=by)
    again = invite_member(app, "NEW@example.org", Role.VIEWER, by=by)

    assert first.token != again.token
    for email, role in (("vera@example.org", Role.OPERATOR), ("new@example.org", Role.OPERATOR)):
        with pytest.raises(MemberAlready, match="is a member already, as viewer"):
            invite_member(app, email, role, by=by)
    assert of(viewer).role == Role.VIEWER
