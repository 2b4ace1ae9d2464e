"""What an environment does now, and since when that is so."""

from datetime import timedelta

import pytest

from environments import clock
from environments.choices import State
from environments.models import Environment
from environments.states import look
from tests.factories import EnvironmentFactory

pytestmark = pytest.mark.django_db


def ask(environment: Environment) -> Environment:
    look(environment)
    return Environment.objects.get(pk=environment.pk)


def test_the_moment_of_a_state_is_that_of_its_first_answer() -> None:
    environment = EnvironmentFactory(commands={"status": "true"})
    began = clock.now() - timedelta(hours=2)
    with clock.turned_to(began):
        first = ask(environment)
    again = ask(environment)

    assert first.state == again.state == State.RUNNING
    assert first.state_since is not None and first.state_since == again.state_since
    assert again.state_at is not None and again.state_at - again.state_since >= timedelta(hours=2)

    environment.commands = {"status": "false"}
    stopped = ask(environment)
    assert (stopped.state, stopped.state_since) == (State.STOPPED, stopped.state_at)
    assert environment.state_since == stopped.state_since
