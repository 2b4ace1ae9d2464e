"""What is done through a page is told in the history: each deed by its own lines, once, and none is written over."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User

from backups.models import Backup
from environments.choices import Status
from environments.lifecycle.run import run_here
from environments.models import Activity, Environment, Operation
from tests.cast import signed_in
from tests.factories import BackupFactory
from tests.test_doors import FROM, PEOPLE, RIGHTS, ROLES, address, foreigner, place  # noqa: F401 - fixtures

pytestmark = pytest.mark.django_db(transaction=True)
# The deed, what its form is sent, and its lines: when it is asked for, and when a worker has done with it. The
# environment's database leads nowhere, so that what needs it fails, and says so.
DEEDS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "create": ({"comment": "by the matrix"}, ["create.requested", "create.failed"]),
    "comment": ({"comment": "other words"}, ["backup.commented"]),
    "pin": ({"reason": "for the auditors"}, ["backup.pinned"]),
    "unpin": ({}, ["backup.unpinned"]),
    "delete": ({"confirm": "Live"}, ["delete.requested", "backup.deleted", "delete.completed"]),
    "cancel": ({}, ["create.cancel_requested"]),  # its end is told when a worker has let go of it
    "cancel_operation": ({}, ["create.cancelled"]),
    "stop": ({}, ["stop.requested", "stop.failed"]),
    "start": ({}, ["start.requested", "start.failed"]),
    "add_package": ({"model_version": "7.7.7"}, ["package.registered"]),
    "invite": ({"email": "new@example.org", "role": "viewer"}, ["rights.changed"]),
    "change_member": ({"role": "operator"}, ["rights.changed"]),
    "remove_member": ({}, ["rights.changed"]),
}


def lines(since: int) -> list[str]:
    return list(Activity.objects.filter(pk__gt=since).order_by("pk").values_list("action", flat=True))


def last() -> int:
    return Activity.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def work() -> None:
    """What a worker would do with all that waits."""
    for operation in Operation.objects.filter(status=Status.QUEUED).exclude(kind="prune"):
        run_here(operation)


@pytest.mark.parametrize("name", DEEDS)
def test_each_deed_is_told_once(place: Backup, technical_contact: User, name: str) -> None:  # noqa: F811
    given, told = DEEDS[name]
    where = address(name, place)
    if name == "delete":  # neither pinned nor the last good one
        Backup.objects.filter(pk=place.pk).update(pinned_at=None, created_at=place.created_at - timedelta(days=1))
    before = list(Activity.objects.order_by("pk").values())
    since = last()

    answer = signed_in(technical_contact).post(where, given)
    if name != "cancel":
        work()

    assert answer.status_code in (200, 302), answer.content.decode()[:2000]
    assert lines(since) == told
    assert list(Activity.objects.filter(pk__lte=since).order_by("pk").values()) == before
    for line in Activity.objects.filter(pk__gt=since):
        assert line.environment == place.environment
        assert line.sentence and (line.actor == technical_contact or line.operation)


@pytest.mark.parametrize(
    "name", sorted(set(RIGHTS) - {name for name, right in RIGHTS.items() if FROM[right] == "viewer"})
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_each_refusal_is_told_once(place: Backup, name: str, method: str) -> None:  # noqa: F811
    person = User.objects.get(username=PEOPLE[ROLES.index(FROM[RIGHTS[name]]) - 1])
    where, since = address(name, place), last()

    answer = getattr(signed_in(person), method)(where)

    told = Activity.objects.filter(pk__gt=since)
    if answer.status_code == 405:
        assert not told
    else:
        assert answer.status_code == 403
        [line] = told
        assert (line.action, line.actor, line.environment) == ("access.refused", person, place.environment)


def test_no_door_and_no_role_can_change_or_remove_a_line(
    place: Backup,  # noqa: F811
    environment: Environment,
    support: User,
) -> None:
    BackupFactory(environment=environment)
    signed_in(User.objects.get(username="vera")).post(address("create", place))
    line = Activity.objects.get(action="access.refused")
    was = Activity.objects.filter(pk=line.pk).values().get()
    for person in (*(User.objects.get(username=name) for name in PEOPLE), support):
        client = signed_in(person)
        for verb in ("change", "delete"):
            client.post(f"/admin/environments/activity/{line.pk}/{verb}/", {"sentence": "Other.", "post": "yes"})
        client.post("/admin/environments/activity/", {"action": "delete_selected", "_selected_action": [line.pk]})

    assert Activity.objects.filter(pk=line.pk).values().get() == was
