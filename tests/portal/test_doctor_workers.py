"""doctor: what it tells of the workers on all machines."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from backups.storage import spool
from environments.lifecycle.claim import me
from environments.lifecycle.crews import crews, leave
from environments.lifecycle.periods import SIGN_STALE_SECONDS, STUCK_SECONDS, in_seconds
from environments.lifecycle.signs import NO_REAPER
from environments.models import Crew, Environment, Operation, Region, Sign
from portal import own
from portal.doctor.finding import GOOD, MISSING
from tests.factories import BackupFactory
from tests.workers import Workers

from .test_doctor_production import amiss, found, well

__all__ = ["well"]
pytestmark = pytest.mark.django_db


def crew(name: str = "far|boot|1", **facts: Any) -> None:
    Crew.objects.filter(name=name).delete()
    own_name = next(iter(Crew.objects.values_list("name", flat=True)))
    row = Crew.objects.get(name=own_name)
    Crew.objects.create(name=name, at=row.at, clock=row.clock, facts={**row.facts, **facts})


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({"code": "older"}, "run other code than this machine; restart them, or bring the machine to the same version"),
        ({"keys": "other"}, "have other keys; give every machine the same PORTAL_SECRET_KEY and PORTAL_SECRETS_KEYS"),
        ({"uploads": "x"}, "do not share PORTAL_DATA_DIR/uploads with this machine; mount the same folder on both"),
    ],
    ids=["code", "keys", "uploads"],
)
def test_workers_that_run_with_something_else(well: None, facts: dict[str, str], sentence: str) -> None:
    crew(**facts)

    assert amiss() == ("Workers", MISSING, f"The workers on far {sentence}.")


def test_of_two_codes_it_tells_which_came_first(well: None, monkeypatch: pytest.MonkeyPatch) -> None:
    moment = datetime(2026, 11, 25, 14, 30, tzinfo=UTC).timestamp()
    monkeypatch.setattr(own, "code_at", lambda: moment)
    here = me().rpartition("|")[0]
    said = "run other code than this machine, which got its own at 2026-11-25 14:30 UTC and they theirs at"
    advice = "restart them, or bring the older one to the same version"

    for name, at, sentence in (
        (f"{here}|7", moment - 60, "still run the code that lay here before 2026-11-25 14:30 UTC; restart them"),
        ("far|boot|1", moment - 3600, f"{said} 2026-11-25 13:30 UTC; {advice}"),
        (f"{here}|7", moment + 3600, f"{said} 2026-11-25 15:30 UTC; {advice}"),
    ):
        Crew.objects.filter(name__endswith=("|7")).delete()
        Crew.objects.filter(name__startswith="far").delete()
        crew(name, code="other", code_at=at)
        assert amiss() == ("Workers", MISSING, f"The workers on {name.partition('|')[0]} {sentence}.")


def test_workers_whose_clock_is_wrong(well: None) -> None:
    crew()
    Crew.objects.filter(name__startswith="far").update(clock=time.time() - 600)

    about, level, sentence = amiss()

    assert (about, level) == ("Workers", MISSING)
    assert sentence.startswith("far is 6")
    assert "behind the database's clock" in sentence


def test_a_queue_that_nobody_serves(well: None, environment: Environment) -> None:
    Region.objects.update(queue="long-asia", name="Asia")
    assert amiss()[2] == (
        "No worker serves the queue long-asia of the region Asia; start manage.py work --queue long-asia there."
    )
    crew(queues=["long-asia"])
    assert not [one for one in found("Workers") if one.level != GOOD]

    Crew.objects.exclude(name__startswith="far").delete()
    assert amiss()[2] == (
        "No worker serves the queue portal, which carries nights and signs of life; start manage.py work there."
    )
    Crew.objects.update(at=in_seconds(-SIGN_STALE_SECONDS - 1))
    assert crews() == []


def test_without_any_worker_one_sentence_says_so(well: None, environment: Environment) -> None:
    lost = BackupFactory.create(environment=environment, running=True).operation
    Operation.objects.filter(pk=lost.pk).update(lease_until=in_seconds(-STUCK_SECONDS - 1))
    Sign.objects.all().delete()
    Crew.objects.all().delete()

    assert amiss() == ("Workers", MISSING, NO_REAPER)


def test_workers_show_themselves_and_say_when_they_leave(well: None) -> None:
    [one] = crews()
    assert (one.queues, abs(one.clock_wrong) < 5) == (("portal", "long"), True)

    leave()

    assert crews() == []


def test_machines_that_share_the_folder_read_the_same(settings: Settings, tmp_path: Path) -> None:
    first = spool.mark()
    assert spool.mark() == first
    assert list(spool.left_for(-1)) == []
    settings.DATA_DIR = tmp_path
    assert spool.mark() != first


@pytest.mark.django_db(transaction=True)
def test_real_workers_show_what_they_serve(start_workers: Callable[..., Workers]) -> None:
    workers = start_workers("--queue", "portal", "--queue", "long-asia")

    [one] = crews()

    assert one.queues == ("portal", "long-asia")
    assert one.facts == own.own_facts(one.queues)
    workers.process.terminate()
    assert workers.ended() == 0
    assert crews() == []
