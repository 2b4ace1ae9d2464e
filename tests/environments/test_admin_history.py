"""The admin: who comes in, what is only looked at, and who belongs to whom."""

from typing import Any

from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from environments.choices import Right, Role
from environments.models import Activity, Environment, Grant, Membership
from tests.factories import (
    ActivityFactory,
    BackupFactory,
    EnvironmentFactory,
    MembershipFactory,
    OperationFactory,
)

from .conftest import page, text


def test_whoever_is_not_signed_in_is_sent_to_the_portals_door(client: Client, db: None) -> None:
    for address in ("/admin/", "/admin/login/?next=/admin/", page("environment")):
        last, _ = client.get(address, follow=True).redirect_chain[-1]
        assert last.startswith(f"{reverse('sign_in')}?next=/admin/")


def test_members_find_no_way_in(technical_contact: User, client: Client) -> None:
    client.force_login(technical_contact)

    assert client.get("/admin/", follow=True).status_code == 403
    assert client.get(page("environment"), follow=True).status_code == 403


def test_every_list_and_form_opens(staff: Client, environment: Environment) -> None:
    backup, activity = BackupFactory(environment=environment), ActivityFactory(environment=environment)
    rows = {
        "environment": environment.pk,
        "app": environment.app.pk,
        "package": environment.package_id,
        "region": environment.region.pk,
        "membership": MembershipFactory(app=environment.app).pk,
        "operation": backup.operation.pk,
        "activity": activity.pk,
    }
    assert staff.get("/admin/").status_code == 200
    for model, key in rows.items():
        assert staff.get(page(model)).status_code == 200
        assert staff.get(page(model, key)).status_code == 200
    assert staff.get(page("backup", app="backups")).status_code == 200
    assert staff.get(page("backup", backup.pk, app="backups")).status_code == 200


def test_lists_ask_the_same_for_many_rows(
    staff: Client, environment: Environment, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(20):
        BackupFactory(environment=EnvironmentFactory(app=environment.app))
        MembershipFactory(app=environment.app)

    for address in (page("environment"), page("operation"), page("membership"), page("backup", app="backups")):
        with django_assert_max_num_queries(12):
            staff.get(address)


def test_long_work_backups_and_history_are_only_looked_at(staff: Client, environment: Environment) -> None:
    backup, activity = BackupFactory(environment=environment), ActivityFactory(environment=environment)
    for app, model, key in (
        ("environments", "operation", backup.operation.pk),
        ("backups", "backup", backup.pk),
        ("environments", "activity", activity.pk),
    ):
        assert staff.post(page(model, key, app), {"message": "other"}).status_code == 403
        for verb, arguments in (("add", []), ("delete", [key])):
            address = reverse(f"admin:{app}_{model}_{verb}", args=arguments)
            assert staff.post(address, {"post": "yes"}).status_code == 403
        asked = {"action": "delete_selected", "_selected_action": [key], "post": "yes"}
        staff.post(page(model, app=app), asked)
    backup.refresh_from_db()
    activity.refresh_from_db()


def test_an_operation_can_be_cancelled(staff: Client, environment: Environment) -> None:
    queued = OperationFactory(environment=environment, queued=True)
    asked = {"action": "cancel", "_selected_action": [queued.pk]}

    staff.post(page("operation"), asked)

    queued.refresh_from_db()
    assert (queued.failure, queued.cancelled_by_name or queued.message) == ("cancelled", "Sumi Support")


def member_form(member: Membership, role: str, **grant: Any) -> dict[str, Any]:
    count = 1 if grant else 0
    form = {"role": role, "grants-TOTAL_FORMS": count, "grants-INITIAL_FORMS": 0}
    return form | {f"grants-0-{name}": value for name, value in grant.items()} | {"grants-0-membership": member.pk}


def test_roles_and_own_rights_are_given_and_told(staff: Client, environment: Environment) -> None:
    member = MembershipFactory(app=environment.app, role=Role.VIEWER)
    form = member_form(member, Role.OPERATOR, environment=environment.pk, rights=[Right.VIEW, Right.DELETE])

    staff.post(page("membership", member.pk), form)

    member.refresh_from_db()
    assert member.role == Role.OPERATOR
    assert Grant.objects.get().rights == ["view", "delete"]
    sentence = "Sumi Support made Maren Holt operator of Order Desk. In Live: view, delete."
    assert Activity.objects.get().sentence == sentence


def test_own_rights_in_an_environment_of_another_app_are_refused(staff: Client, environment: Environment) -> None:
    member = MembershipFactory(app=environment.app)

    answer = staff.post(
        page("membership", member.pk), member_form(member, member.role, environment=EnvironmentFactory().pk)
    )

    assert "of another app" in text(answer)
    assert not Grant.objects.exists()


def test_taking_a_person_out_is_told(staff: Client, environment: Environment) -> None:
    member = MembershipFactory(app=environment.app)
    asked = {"action": "delete_selected", "_selected_action": [member.pk], "post": "yes"}

    staff.post(page("membership"), asked)

    assert not Membership.objects.exists()
    assert Activity.objects.get().sentence == "Sumi Support took Maren Holt out of the team of Order Desk."
