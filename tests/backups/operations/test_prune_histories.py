"""Pruning beside everything else, in random histories. PORTAL_TEST_THOROUGH=1 takes all 2,000 of them."""

from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest

from backups.models import Backup, DeadObject
from backups.operations.prune import prune_environment
from backups.operations.remove import remove_stored
from backups.storage import names
from backups.storage.survey import survey
from environments import clock
from environments.actors import PORTAL
from environments.choices import Status
from environments.models import Operation
from tests.backups.operations.histories import History
from tests.backups.policy.histories import IS_THOROUGH

pytestmark = [pytest.mark.django_db, pytest.mark.hypothesis]  # the second for `make properties`

HISTORIES = 2_000 if IS_THOROUGH else 40
CHUNKS = 8
EVENTS = 60


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_no_history_breaks_a_backup(chunk: int, tmp_path: Path) -> None:
    kills = removed = 0
    for seed in range(chunk, HISTORIES, CHUNKS):
        history = History(seed, tmp_path)
        history.live(EVENTS)
        assert history.broken == []
        check_that_nothing_is_left_behind(history)
        kills, removed = kills + history.kills, removed + history.removed
    assert kills and removed  # else nothing was tried


def check_that_nothing_is_left_behind(history: History) -> None:
    """In peace, everything that is there is needed, and nothing is half dead."""
    found = survey(history.vault, history.shelf.environment.pk)
    assert found.dead == set()
    assert found.half_dead == []
    assert not DeadObject.objects.filter(environment=history.shelf.environment).exists()
    assert not history.vault.parts


@pytest.mark.parametrize(("wait", "is_whole"), [(timedelta(hours=24), True), (timedelta(0), False)], ids=str)
def test_without_the_day_between_it_would_break(wait: timedelta, is_whole: bool, tmp_path: Path) -> None:
    """A backup begins right after prune has seen that none runs; what it builds upon is found damaged and deleted."""
    history = History(0, tmp_path, wait=wait)
    shelf, folder = history.shelf, names.packs_folder(history.shelf.environment.pk)
    with clock.turned_to(history.now):
        shelf.write(one=b"1" * 300)
        shelf.make()
        shelf.write(two=b"2" * 300)
        newest = shelf.make()
        making = shelf.perform(backup := shelf.begin(history.now), 1)
        Operation.objects.filter(pk=backup.operation_id).update(status=Status.QUEUED)
        looked = count(1)

        def meanwhile(effect: str, name: str) -> None:
            if (effect, name) == ("listdir", folder) and next(looked) == 2:
                Operation.objects.filter(pk=backup.operation_id).update(status=Status.RUNNING)
                assert [next(making) for _ in range(3)] == ["begun", "packed", "confirmed"]
                Backup.objects.filter(pk=newest.pk).delete()
                remove_stored(history.vault, newest)

        history.vault.told = meanwhile
        prune_environment(history.vault, shelf.environment, now=history.now, by=PORTAL, wait=wait)
        for _ in making:
            pass
        history._check()

    backup.refresh_from_db()
    assert backup.is_completed
    assert (history.broken == []) == is_whole


if IS_THOROUGH:

    def test_without_the_day_between_some_random_history_breaks(tmp_path: Path) -> None:
        for seed in range(1000):
            history = History(seed, tmp_path, wait=timedelta(0))
            history.live(EVENTS)
            if history.broken:
                return
        pytest.fail("1,000 histories without the 24 hours broke nothing")
