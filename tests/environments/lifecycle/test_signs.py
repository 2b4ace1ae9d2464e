"""Signs of life: who is well is told by what came through, not by who is there."""

import pytest
from django.db.models.functions import Now

from environments.choices import Status
from environments.lifecycle import signs
from environments.lifecycle.periods import SIGN_STALE_SECONDS, STUCK_SECONDS, in_seconds
from environments.lifecycle.signs import ASKED, NO_ANSWER, NO_REAPER, PORTAL, REAPER, ago, sign, worker_health
from environments.models import Environment, Operation, Sign
from environments.tasks import sign_of_life
from tests.factories import OperationFactory

pytestmark = pytest.mark.django_db


def aged(name: str, seconds: float) -> None:
    Sign.objects.update_or_create(name=name, defaults={"at": Now()})
    Sign.objects.filter(name=name).update(at=in_seconds(-seconds))


@pytest.fixture
def well() -> None:
    sign(REAPER)
    sign(PORTAL)


def waiting(environment: Environment, **fields: object) -> Operation:
    """Rung for in vain for minutes."""
    operation: Operation = OperationFactory(queued=True, environment=environment, rings=3, **fields)
    return operation


def test_nobody_was_ever_there() -> None:
    health = worker_health()

    assert (health.is_alive, health.problems, str(health)) == (False, (NO_REAPER,), "Workers: never seen")


def test_all_is_well(well: None) -> None:
    health = worker_health()

    assert (health.is_alive, health.problems) == (True, ())
    assert str(health) == "Workers: 0 s ago"


def test_the_age_is_that_of_the_sign_that_came_through_the_queue(well: None) -> None:
    aged(PORTAL, 6)

    assert str(worker_health()) == "Workers: 6 s ago"


def test_an_old_pass_of_the_reaper_is_a_problem(well: None) -> None:
    aged(REAPER, SIGN_STALE_SECONDS + 1)

    assert worker_health().problems == (NO_REAPER,)


def test_a_queue_that_does_not_answer_is_a_problem_though_the_reaper_lives(well: None) -> None:
    aged(PORTAL, SIGN_STALE_SECONDS + 1)

    assert worker_health().problems == (NO_ANSWER,)


def test_work_that_waits_although_workers_are_idle_is_a_problem(well: None, environment: Environment) -> None:
    waiting(environment)

    assert worker_health().problems == ("Operations wait in the queue 'long', and no worker takes them.",)


def test_work_that_waits_for_good_reasons_is_none(
    well: None, environment: Environment, acceptance: Environment
) -> None:
    OperationFactory(queued=True, environment=environment, rings=1)  # only just rung
    running = OperationFactory(running=True, environment=environment, started_at=in_seconds(-STUCK_SECONDS - 60))
    waiting(environment)  # its turn has not come

    assert worker_health().problems == ()
    waiting(acceptance)
    assert len(worker_health().problems) == 1
    OperationFactory(running=True, started_at=in_seconds(-STUCK_SECONDS - 60))  # both workers are busy
    assert worker_health().problems == ()
    Operation.objects.filter(pk=running.pk).update(status=Status.COMPLETED)
    Operation.objects.filter(status=Status.RUNNING).update(started_at=Now())  # things are moving
    assert worker_health().problems == ()


def test_a_regions_queue_is_looked_at_too(well: None, environment: Environment) -> None:
    waiting(environment, queue="asia")

    assert worker_health().problems == ("Operations wait in the queue 'asia', and no worker takes them.",)
    assert signs.workers_of("asia") == signs.workers_of("long") == 2


def test_the_task_signs() -> None:
    sign_of_life(PORTAL)

    assert list(signs.sign_ages()) == [PORTAL]


def test_a_question_is_asked_again_when_it_was_answered_or_long_ago() -> None:
    assert signs.may_ask()
    sign(ASKED)
    assert not signs.may_ask()
    aged(PORTAL, SIGN_STALE_SECONDS / 2)
    aged(ASKED, SIGN_STALE_SECONDS / 3)
    assert not signs.may_ask()
    aged(PORTAL, SIGN_STALE_SECONDS / 4)
    assert signs.may_ask()
    aged(PORTAL, SIGN_STALE_SECONDS + 60)
    aged(ASKED, SIGN_STALE_SECONDS + 1)
    assert signs.may_ask()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (6, "6 s"), (119, "119 s"), (120, "2 min"), (7199, "119 min"), (7200, "2 h"), (172800, "2 days")],
)
def test_ages_are_said_in_one_unit(seconds: float, words: str) -> None:
    assert ago(seconds) == words
