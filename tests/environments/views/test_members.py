"""The members' page and its dialogs, for each who may stand before it."""

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from environments.choices import Role
from environments.models import Activity, Environment, Membership
from tests.cast import signed_in
from tests.factories import GrantFactory, MembershipFactory, UserFactory
from tests.reading import text, texts


def at(name: str, *ids: int) -> str:
    return reverse(f"environments:{name}", args=["order-desk", "live", *ids])


@pytest.fixture
def member(environment: Environment, developer: User) -> Membership:
    return Membership.objects.get(user=developer)


def test_the_doors(
    environment: Environment, member: Membership, operator: User, stranger: User, technical_contact: User
) -> None:
    """The list is for members, all else for who manages them; neither is there for strangers."""
    for name, ids in (("invite", []), ("change_member", [member.pk]), ("remove_member", [member.pk])):
        for method in ("get", "post"):
            ask = lambda client: getattr(client, method)(at(name, *ids))  # noqa: B023, E731
            assert ask(Client()).url.startswith(reverse("sign_in"))
            assert ask(signed_in(stranger)).status_code == 404
            assert ask(signed_in(operator)).status_code == 403
        assert signed_in(technical_contact).put(at(name, *ids)).status_code == 405
    assert signed_in(operator).get(at("members")).status_code == 200
    assert signed_in(stranger).get(at("members")).status_code == 404
    assert signed_in(operator).post(at("members")).status_code == 405
    assert Activity.objects.filter(action="access.refused", actor=operator).exists()


def test_a_grant_in_one_environment_opens_no_door(environment: Environment, operator: User) -> None:
    membership = Membership.objects.get(user=operator)
    GrantFactory(environment=environment, membership=membership, rights=["view", "manage_members"])

    answer = signed_in(operator).post(at("change_member", membership.pk), {"role": Role.TECHNICAL_CONTACT})

    assert answer.status_code == 403
    assert Membership.objects.get(user=operator).role == Role.OPERATOR


def test_the_list_tells_roles_own_rights_and_who_has_not_come_yet(
    environment: Environment, acceptance: Environment, member: Membership, viewer: User
) -> None:
    GrantFactory(environment=acceptance, membership=member, rights=["view"])
    invited = UserFactory(username="new@example.org", first_name="", last_name="", is_active=False)
    MembershipFactory(app=environment.app, user=invited, role=Role.VIEWER)

    team = text(signed_in(viewer).get(at("members")), class_="team")

    assert "Dana Developer dana@example.org Developer In Acceptance: view" in team
    assert "new@example.org invited, not here yet" in team
    assert "Change" not in team


def test_inviting_shows_the_link_once(environment: Environment, technical_contact: User) -> None:
    client = signed_in(technical_contact)

    shown = client.post(at("invite"), {"email": "new@example.org", "role": Role.OPERATOR})

    link = re.search(r"http://127.0.0.1:8000(/invitations/[^<\s\"]+)", shown.content.decode())
    assert link
    assert "no-store" in shown.headers["Cache-Control"]
    assert "Welcome to Order Desk" in text(Client().get(link[1]), class_="door")
    assert Membership.objects.get(user__email="new@example.org").role == Role.OPERATOR
    assert "/invitations/" not in client.get(at("members")).content.decode()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"email": "nobody", "role": "viewer"}, "valid email"),
        ({"email": "vera@example.org", "role": "operator"}, "Vera Viewer is a member already"),
        ({"email": "new@example.org", "role": "king"}, "not one of the available choices"),
    ],
)
def test_what_cannot_be_invited_is_said_and_kept(
    environment: Environment, viewer: User, technical_contact: User, given: dict[str, str], said: str
) -> None:
    answer = signed_in(technical_contact).post(at("invite"), given)

    assert answer.status_code == 422
    assert said in text(answer, class_="error")
    assert f'value="{given["email"]}"' in answer.content.decode()


def test_rights_are_changed(
    environment: Environment, acceptance: Environment, member: Membership, technical_contact: User
) -> None:
    key = acceptance.pk.hex
    client = signed_in(technical_contact)
    given = {"role": "operator", f"own_{key}": "on", f"rights_{key}": ["download"], f"rights_{environment.pk.hex}": []}

    answer = client.post(at("change_member", member.pk), given, follow=True)

    assert "The rights of Dana Developer are changed." in answer.content.decode()

    member.refresh_from_db()
    assert member.role == Role.OPERATOR
    assert [(grant.environment, grant.rights) for grant in member.grants.all()] == [(acceptance, ["view", "download"])]
    page = client.get(at("change_member", member.pk)).content.decode()
    assert re.search(rf'name="own_{key}"[^>]*checked', page)


def test_the_last_contact_is_told_so(environment: Environment, technical_contact: User) -> None:
    oneself = Membership.objects.get(user=technical_contact)
    client = signed_in(technical_contact)

    for name, given in (("change_member", {"role": "viewer"}), ("remove_member", {})):
        answer = client.post(at(name, oneself.pk), given)
        assert answer.status_code == 409
        said = texts(answer, class_="error") + texts(answer, role="alert")
        assert "the only technical contact of Order Desk" in " ".join(said)
    assert Membership.objects.get(user=technical_contact).role == Role.TECHNICAL_CONTACT


def test_whoever_is_removed_while_signed_in_is_a_stranger_at_once(
    environment: Environment, member: Membership, developer: User, technical_contact: User
) -> None:
    theirs = signed_in(developer)
    assert theirs.get(environment.get_absolute_url()).status_code == 200

    answer = signed_in(technical_contact).post(at("remove_member", member.pk))

    assert answer.url == at("members")
    assert theirs.get(environment.get_absolute_url()).status_code == 404


def test_members_of_other_apps_are_out_of_reach(environment: Environment, technical_contact: User) -> None:
    other = MembershipFactory()

    for name in ("change_member", "remove_member"):
        assert signed_in(technical_contact).post(at(name, other.pk), {"role": "viewer"}).status_code == 404
    assert Membership.objects.filter(pk=other.pk).exists()


def test_rights_that_somebody_else_changed_meanwhile_are_shown_and_not_overwritten(
    environment: Environment, member: Membership, technical_contact: User
) -> None:
    client = signed_in(technical_contact)
    form = client.get(at("change_member", member.pk))
    seen = form.context["seen"]
    Membership.objects.filter(pk=member.pk).update(role=Role.OPERATOR)

    stale = client.post(at("change_member", member.pk), {"role": "viewer", "seen": seen})

    assert stale.status_code == 409
    assert "were changed meanwhile: operator." in text(stale, role="alert")
    member.refresh_from_db()
    assert member.role == Role.OPERATOR
    for _ in range(2):  # clicked twice
        given = {"role": "viewer", "seen": stale.context["seen"]}
        assert client.post(at("change_member", member.pk), given).url == at("members")
    member.refresh_from_db()
    assert member.role == Role.VIEWER
