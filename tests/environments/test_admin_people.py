"""What support staff do to accounts, teams and what apps have in common, and how it is told where it concerns."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from environments.choices import Role
from environments.models import Activity, Environment, Membership, Package
from tests.cast import signed_in
from tests.factories import PASSWORD, MembershipFactory, PackageFactory, RegionStartFactory, UserFactory

from .conftest import page, text


def change(client: Client, person: User, **more: Any) -> Any:
    """Sends the form of an account; the boxes are those that are named here."""
    joined = {"date_joined_0": "2026-01-01", "date_joined_1": "12:00"}
    given = {"username": person.username, "first_name": person.first_name, "last_name": person.last_name, **joined}
    return client.post(page("user", person.pk, "auth"), {**given, "email": person.email, **more}, follow=True)


def told() -> list[str]:
    return list(Activity.objects.order_by("pk").values_list("sentence", flat=True))


def test_switching_an_account_off_ends_its_sessions_and_is_told(
    staff: Client, environment: Environment, acceptance: Environment, developer: User
) -> None:
    theirs = Client()
    theirs.post(reverse("sign_in"), {"login": developer.username, "password": PASSWORD})
    assert theirs.get(environment.get_absolute_url()).status_code == 200

    change(staff, developer)

    assert theirs.get(environment.get_absolute_url()).status_code == 302
    assert told() == ["Sumi Support switched off the account of Dana Developer."] * 2
    change(staff, developer, is_active="on")
    assert told()[2:] == ["Sumi Support switched on the account of Dana Developer."] * 2
    assert theirs.get(environment.get_absolute_url()).status_code == 302


def test_more_power_is_told_where_it_reaches(staff: Client, environment: Environment, developer: User) -> None:
    change(staff, developer, is_active="on", is_staff="on")
    change(staff, developer, is_active="on", is_staff="on", is_superuser="on")
    change(staff, developer, is_active="on")

    assert told() == [
        "Sumi Support made Dana Developer support staff.",
        "Sumi Support gave Dana Developer all rights everywhere.",
        "Sumi Support took Dana Developer out of the support staff.",
        "Sumi Support took all rights everywhere from Dana Developer.",
    ]


def test_switching_off_the_last_contact_warns(staff: Client, environment: Environment, technical_contact: User) -> None:
    assert "Order Desk has no technical contact any more" in text(change(staff, technical_contact))


def test_who_is_no_superuser_makes_nobody_powerful(environment: Environment, support: User, developer: User) -> None:
    some = UserFactory(is_staff=True)
    some.user_permissions.set(Permission.objects.filter(content_type__app_label="auth"))
    client = signed_in(some)

    change(client, some, is_active="on", is_staff="on", is_superuser="on")
    change(client, developer, is_active="on", is_superuser="on", is_staff="on")

    for person in (some, developer):
        person.refresh_from_db()
        assert not person.is_superuser
    assert not developer.is_staff
    assert change(client, support).status_code == 403
    assert client.get(f"/admin/auth/user/{support.pk}/password/").status_code == 403
    assert client.post(f"/admin/auth/user/{developer.pk}/delete/", {"post": "yes"}).status_code == 403


def test_the_last_contact_stays(staff: Client, environment: Environment, technical_contact: User) -> None:
    last = Membership.objects.get(user=technical_contact)
    lesser = {"role": Role.VIEWER, "grants-TOTAL_FORMS": 0, "grants-INITIAL_FORMS": 0}

    assert "keeps one technical contact" in text(staff.post(page("membership", last.pk), lesser))
    asked = {"action": "delete_selected", "_selected_action": [last.pk], "post": "yes"}
    assert "keeps one technical contact" in text(staff.post(page("membership"), asked))
    assert "keeps one technical contact" in text(
        staff.post(f"/admin/environments/membership/{last.pk}/delete/", {"post": "yes"})
    )
    assert Membership.objects.get(pk=last.pk).role == Role.TECHNICAL_CONTACT
    other = MembershipFactory(app=environment.app, role=Role.TECHNICAL_CONTACT)
    both = {"action": "delete_selected", "_selected_action": [last.pk, other.pk], "post": "yes"}
    assert "keeps one technical contact" in text(staff.post(page("membership"), both))
    staff.post(page("membership"), asked)
    assert list(Membership.objects.filter(app=environment.app)) == [other]


@pytest.mark.parametrize("name", ["Orders", "Order Desk"])
def test_another_name_of_an_app_is_told(staff: Client, environment: Environment, name: str) -> None:
    staff.post(page("app", environment.app.pk), {"name": name, "slug": "other"})

    environment.app.refresh_from_db()
    assert (environment.app.name, environment.app.slug) == (name, "order-desk")
    assert told() == (["Sumi Support changed the app: it is called Orders now."] if name == "Orders" else [])


def test_packages_that_come_and_go_are_told(staff: Client, environment: Environment) -> None:
    new = {"app": environment.app.pk, "model_version": "1.5.0", "modeler_version": ""}
    staff.post("/admin/environments/package/add/", new)
    unused = PackageFactory(app=environment.app, model_version="1.3.9")
    asked = {"action": "delete_selected", "_selected_action": [unused.pk], "post": "yes"}
    staff.post(page("package"), asked)

    assert told() == ["Sumi Support registered the package 1.5.0.", "Sumi Support removed the package 1.3.9."]
    assert list(Package.objects.filter(app=environment.app, model_version="1.3.9")) == []


def test_other_nights_of_a_region_are_told_in_its_environments(staff: Client, environment: Environment) -> None:
    start = RegionStartFactory(region=environment.region)
    region = environment.region
    given = {"name": region.name, "slug": region.slug, "zone": region.zone, "queue": "", "backups_at_once": 2}
    rows = {"starts-TOTAL_FORMS": 1, "starts-INITIAL_FORMS": 1, "starts-0-id": start.pk, "starts-0-region": region.pk}
    night = {"starts-0-cloud_version": start.cloud_version, "starts-0-starts_at": "23:30"}

    staff.post(page("region", region.pk), {**given, **rows, **night})

    zone = f"zone {region.zone}, nights v3 at 22:00 UTC, v4 at 23:30 UTC"
    assert told() == [f"Sumi Support changed the region {region.name}: {zone}."]
