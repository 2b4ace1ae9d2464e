"""As many operations as one person may have at once: the next is refused, and everybody else is served."""

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from pytest_django.fixtures import Settings

from environments.actors import NIGHTLY, PORTAL, Actor
from environments.choices import ACTIVE, Origin, Status
from environments.errors import EnvironmentBusy, TooMuchAtOnce
from environments.lifecycle.claim import claim, finish
from environments.lifecycle.submit import submit
from environments.models import Operation
from tests.factories import EnvironmentFactory

from .conftest import Asking, at_once

pytestmark = pytest.mark.django_db(transaction=True)
MOST = 3


@pytest.fixture
def dana(developer: User) -> Actor:
    return Actor.person(developer)


@pytest.fixture
def full(ask: Asking, dana: Actor, settings: Settings) -> list[Operation]:
    """All that Dana may have at once, one of it begun."""
    settings.ACTIVE_PER_PERSON = MOST
    asked = [ask("side_quick", by=dana) for _ in range(MOST)]
    assert claim(asked[0].pk)
    return asked


def test_the_next_is_refused_and_nothing_of_it_is_left(full: list[Operation], ask: Asking, dana: Actor) -> None:
    with pytest.raises(TooMuchAtOnce) as refused:
        ask("side_quick", by=dana)

    assert str(refused.value) == (
        "Operations of yours at work or waiting: 3, as many as one person may have at once. "
        "Nothing was started; wait until one of them ends, or cancel one."
    )
    assert Operation.objects.count() == MOST


def test_everybody_else_the_night_and_commands_are_served(full: list[Operation], ask: Asking, operator: User) -> None:
    for by in (Actor.person(operator), NIGHTLY, PORTAL, *[Actor.command_line()] * MOST):
        assert claim(ask("side_quick", by=by).pk)


def test_when_one_has_ended_the_next_is_taken(full: list[Operation], ask: Asking, dana: Actor) -> None:
    begun = Operation.objects.get(status=Status.RUNNING)
    finish(begun, Status.COMPLETED, "done")

    ask("side_quick", by=dana)

    with pytest.raises(TooMuchAtOnce):
        ask("side_quick", by=dana)


def test_many_at_once_are_not_more_than_there_may_be(ask: Asking, dana: Actor, settings: Settings) -> None:
    settings.ACTIVE_PER_PERSON = MOST
    places = [EnvironmentFactory() for _ in range(8)]

    refused = at_once(8, lambda: ask("quick", places.pop(), by=dana))

    assert [type(one) for one in refused] == [TooMuchAtOnce] * (8 - MOST)
    assert Operation.objects.filter(requested_by=dana.user, status__in=ACTIVE).count() == MOST


def test_a_person_in_the_way_of_herself_is_told_of_that_first(full: list[Operation], ask: Asking, dana: Actor) -> None:
    Operation.objects.filter(pk=full[0].pk).update(is_exclusive=True)

    with pytest.raises(EnvironmentBusy):
        ask("quick", by=dana)


def test_none_is_no_limit(full: list[Operation], ask: Asking, dana: Actor, settings: Settings) -> None:
    settings.ACTIVE_PER_PERSON = 0

    ask("side_quick", by=dana)


@pytest.mark.parametrize("origin", Origin)
def test_only_people_pay_for_it_and_two_questions_each(
    ask: Asking, developer: User, origin: Origin, django_assert_num_queries: pytest.FixtureRequest
) -> None:
    by = Actor("Dana", origin, developer if origin == Origin.PERSON else None)
    questions = 4 if origin == Origin.PERSON else 2  # the savepoint is the test's, the place and the row are all's

    with transaction.atomic(), django_assert_num_queries(questions + 2):  # type: ignore[operator]
        submit("side_quick", environment=ask.environment, by=by, is_rung=False)
