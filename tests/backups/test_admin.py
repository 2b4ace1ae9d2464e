"""Backups in the admin: found, never changed, and helped through the doors that everybody takes."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from backups.models import Backup
from environments.actors import Actor
from environments.choices import Status
from environments.models import Activity, Environment, Operation, record
from tests.cast import signed_in
from tests.factories import (
    ActivityFactory,
    BackupFactory,
    EnvironmentFactory,
    OperationFactory,
    UserFactory,
)

LIST, WORK = "/admin/backups/backup/", "/admin/environments/operation/"
Act = Callable[..., str]


@pytest.fixture
def act(support: User) -> Act:
    """Lets support staff do one action to some backups; what the next page says."""

    def send(action: str, *backups: Backup, by: User = support, **more: str) -> str:
        given = {"action": action, "_selected_action": [str(one.pk) for one in backups], **more}
        return signed_in(by).post(LIST, given, follow=True).content.decode()

    return send


@pytest.mark.parametrize("what", ["id", "operation", "environment", "person", "comment"])
def test_a_backup_is_found_by(environment: Environment, acceptance: Environment, support: User, what: str) -> None:
    wanted = BackupFactory(environment=environment, created_by="Ines Duarte", comment="before the import")
    BackupFactory(environment=acceptance)
    words = {"id": wanted.pk, "operation": wanted.operation.pk, "environment": "live", "person": "Duarte"}

    page = signed_in(support).get(LIST, {"q": str(words.get(what, "before the"))}).content.decode()

    assert "1 result" in page
    assert str(wanted.pk) in page


def test_nothing_is_added_changed_or_deleted(environment: Environment, support: User) -> None:
    backup, client = BackupFactory(environment=environment), signed_in(support)

    assert client.get(f"{LIST}add/").status_code == 403
    assert client.post(f"{LIST}{backup.pk}/change/", {"comment": "other"}).status_code == 403
    assert client.post(f"{LIST}{backup.pk}/delete/", {"post": "yes"}).status_code == 403
    assert client.get(f"{LIST}{backup.pk}/change/").status_code == 200


def test_verify_asks_as_everybody_does(environment: Environment, act: Act) -> None:
    backup = BackupFactory(environment=environment)

    assert "it is being verified." in act("verify", backup)
    operation = Operation.objects.get(kind="verify", subject=backup.pk)
    assert operation.requested_by_name == "Sumi Support"
    assert Activity.objects.filter(action="verify.requested", actor__username="sumi").exists()


def test_a_failed_one_is_made_again_with_its_comment(environment: Environment, act: Act) -> None:
    failed = BackupFactory(environment=environment, failed=True, comment="before the import")
    good = BackupFactory(environment=environment)

    said = act("retry", failed, good)

    assert "it is made again, as a new backup." in said
    assert "It is not Failed; there is nothing to try again." in said
    again = Backup.objects.get(operation__status=Status.QUEUED)
    assert (again.comment, again.created_by) == ("before the import", "Sumi Support")


def test_failed_operations_are_tried_again_where_that_asks_nothing(environment: Environment, support: User) -> None:
    failed, good = BackupFactory(environment=environment, failed=True), BackupFactory(environment=environment)
    verify = OperationFactory(environment=environment, kind="verify", subject=good.pk, failed=True)
    restore = OperationFactory(environment=environment, kind="restore", subject=good.pk, failed=True)
    chosen = [str(one.pk) for one in (failed.operation, good.operation, verify, restore)]
    given = {"action": "retry", "_selected_action": chosen}

    said = signed_in(support).post(WORK, given, follow=True).content.decode()

    assert said.count("it is tried again, as a new operation.") == 2
    assert "It is not Failed" in said
    assert "it has questions of its own" in said
    new = Operation.objects.filter(requested_by=support)
    assert sorted(new.values_list("kind", flat=True)) == ["create", "verify"]


@pytest.mark.parametrize("what", ["id", "subject", "environment", "app", "person", "mail"])
@pytest.mark.parametrize("where", ["operation", "activity"])
def test_operations_and_history_are_found_by(
    environment: Environment, developer: User, support: User, what: str, where: str
) -> None:
    backup = BackupFactory(environment=environment)
    wanted = OperationFactory(environment=environment, kind="verify", subject=backup.pk, requested_by=developer)
    Operation.objects.filter(pk=wanted.pk).update(requested_by_name="Dana Developer")
    record(
        environment, "verify.requested", "As asked.", by=Actor.person(developer), subject=backup.pk, operation=wanted.pk
    )
    other = EnvironmentFactory(name="Elsewhere", slug="elsewhere", app__slug="other", app__name="Other")
    OperationFactory(environment=other)
    ActivityFactory(environment=other, sentence="There.")
    words = {"id": wanted.pk, "subject": backup.pk, "environment": "Live", "app": "Order Desk"}
    words |= {"person": "Dana", "mail": developer.email}

    page = signed_in(support).get(f"/admin/environments/{where}/", {"q": str(words[what])}).content.decode()

    assert "Dana Developer" in page
    assert "lsewhere" not in page


def test_a_pin_asks_for_a_reason(environment: Environment, act: Act) -> None:
    backup = BackupFactory(environment=environment)

    assert "Say why the backup is to be kept longer" in act("pin", backup)
    assert "it is pinned." in act("pin", backup, reason="asked for by the auditors")
    backup.refresh_from_db()
    assert backup.pin_reason == "asked for by the auditors"
    assert "it is not pinned any more." in act("unpin", backup)


def test_what_runs_is_cancelled(environment: Environment, act: Act) -> None:
    running, ended = BackupFactory(environment=environment, running=True), BackupFactory(environment=environment)

    said = act("cancel", running, ended)

    assert "it ends at its next sign of life." in said
    assert "already ended" in said
    running.operation.refresh_from_db()
    assert running.operation.cancelled_by_name == "Sumi Support"


def test_who_may_only_look_has_no_actions(environment: Environment, act: Act) -> None:
    looker = UserFactory(is_staff=True)
    looker.user_permissions.add(Permission.objects.get(codename="view_backup"))
    backup = BackupFactory(environment=environment)

    page = signed_in(looker).get(LIST).content.decode()
    act("pin", backup, by=looker, reason="because")

    assert 'value="pin"' not in page
    backup.refresh_from_db()
    assert backup.pinned_at is None


def test_strangers_to_the_staff_are_shown_the_door(db: None, technical_contact: User) -> None:
    assert Client().get(LIST).url.startswith(reverse("sign_in"))
    assert signed_in(technical_contact).get(LIST, follow=True).status_code == 403
