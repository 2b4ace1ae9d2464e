"""A database that is older than its vault is told what happened since, and touches nothing there before."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from backups.choices import Condition
from backups.models import Backup
from backups.operations.comment import change_comment
from backups.operations.create import request_create
from backups.operations.delete import request_delete
from backups.operations.note import note_rest
from backups.operations.pin import pin
from backups.storage import names
from backups.storage.portal_copies import PortalCopy, publish
from backups.storage.stored import Stored
from backups.storage.vault import open_vault
from environments import clock
from environments.choices import Status
from environments.lifecycle.claim import claim
from environments.lifecycle.reaper import reap
from environments.lifecycle.run import run_here
from environments.models import Environment, Operation
from tests.backups.operations.lost import copied, held, listed, put_back, rebuilt, whole
from tests.backups.operations.pruned import DAY, prune
from tests.backups.operations.test_rebuild import filled, nightly, verify
from tests.backups.operations.test_restore import BY, back_up

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def here(make_place: Callable[..., Environment]) -> Environment:
    return filled(make_place)


def test_an_old_copy_is_told_what_happened_since(here: Environment) -> None:
    """What was made, commented, pinned and removed after the copy; and what ran when it was taken."""
    early, goes = back_up(here), back_up(here)
    running = request_create(here, by=BY, is_rung=False)
    rows = copied()
    running_done = run_here(running.operation)
    later = nightly(here, clock.now() - DAY)
    change_comment(early, by=BY, comment="said later")
    pin(early, by=BY, reason="audit")
    verify(early)
    run_here(request_delete(goes, by=BY, confirm="Acceptance", is_rung=False))
    before, objects = whole(listed(str(here))), held()
    put_back(rows)
    assert claim(running.operation_id)  # a worker was at it when the copy was taken, and is lost
    Operation.objects.filter(pk=running.operation_id).update(lease_until=clock.now() - timedelta(hours=1))
    reap()  # it tries to begin again, and removes nothing of what others are built upon

    assert held() == objects
    [done] = rebuilt()

    found = (done["found"], done["completed"], done["changed"], done["missing"])
    assert found == (1, 1, 1, 1), done
    missing = Backup.objects.get(pk=goes.pk)
    assert missing.condition == Condition.MISSING
    assert [one for one in listed(str(here)) if one["id"] != str(goes.pk)] == before
    assert Operation.objects.get(pk=running.operation_id).message == running_done.message
    assert held() == objects
    assert Backup.objects.filter(pk=later.pk).exists()
    [again] = rebuilt()
    assert (again["found"], again["completed"], again["changed"], again["missing"]) == (0, 0, 0, 0)


def test_what_was_said_here_since_the_copy_stays(here: Environment) -> None:
    backup = back_up(here)
    rows = copied()
    change_comment(backup, by=BY, comment="said before the loss")
    pin(backup, by=BY, reason="audit")
    put_back(rows)
    Backup.objects.update(comment="said after it", notes_number=2, is_noted=False)

    [done] = rebuilt()

    backup.refresh_from_db()
    assert done["changed"] == 1
    assert (backup.comment, backup.pin_reason) == ("said after it", "audit")
    assert not backup.is_noted and backup.notes_number == 4


def test_what_was_removed_on_purpose_and_is_under_way_is_left_alone(here: Environment) -> None:
    kept, removed = back_up(here), back_up(here)
    under_way = open_vault().create(names.manifest(here.pk, removed.pk, 2))
    Backup.objects.filter(pk=removed.pk).delete()  # its objects wait
    before = held()

    [done] = rebuilt()

    assert (done["found"], done["known"], done["missing"]) == (0, 1, 0)
    assert list(Backup.objects.values_list("pk", flat=True)) == [kept.pk]
    assert held() == before
    under_way.abort()


def test_a_portal_that_is_behind_its_vault_touches_nothing_until_it_knows_all(here: Environment) -> None:
    """Its database is an old copy, or another portal has taken the vault over since."""
    kept = back_up(here)
    vault, label = open_vault(), "20990101T000000000000Z"
    publish(vault, PortalCopy(label, "sqlite", clock.now(), "", Stored(names.portal_copy(label), 0, "")))
    waiting = request_create(here, by=BY, is_rung=False)
    before = held()

    for done in (run_here(waiting.operation), prune(here, at=clock.now())):
        assert done.status == Status.FAILED
        assert "older than the vault" in done.message and "rebuild_catalogue" in done.message
    change_comment(kept, by=BY, comment="not noted yet")
    assert (note_rest(), held()) == (1, before)

    assert rebuilt()[0]["problems"] == []
    assert note_rest() == 0
    assert back_up(here).is_completed
