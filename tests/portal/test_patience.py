"""A page does not wait long for an app that does not say whether it runs; a worker does."""

import time

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.urls import reverse

from environments.choices import State
from environments.models import Environment
from environments.runtimes.choose import runtime_of
from environments.runtimes.patience import at_most
from portal import middleware
from tests.cast import signed_in
from tests.factories import PackageFactory

pytestmark = pytest.mark.django_db
HANGS = {"status": "sleep 30", "stop": "true", "start": "true"}


@pytest.fixture
def hanging(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> Environment:
    monkeypatch.setattr(middleware, "APP_ANSWERS_WITHIN_SECONDS", 0.3)
    Environment.objects.filter(pk=environment.pk).update(commands=HANGS, state=State.RUNNING)
    cache.clear()
    return environment


@pytest.mark.parametrize("page", ["environment_live", "upload"])
def test_pages_that_ask_the_app_come_in_time_and_say_that_nothing_is_known(
    hanging: Environment, operator: User, page: str
) -> None:
    began = time.monotonic()
    answer = signed_in(operator).get(reverse(f"backups:{page}", args=[hanging.app.slug, hanging.slug]))

    assert answer.status_code == 200
    assert time.monotonic() - began < 15  # the command's own limit is 20
    assert "does not say whether this app runs" in answer.content.decode() or "annot tell" in answer.content.decode()
    hanging.refresh_from_db()
    assert hanging.state == State.UNKNOWN


def test_a_form_asks_the_person_instead(hanging: Environment, operator: User) -> None:
    package = PackageFactory(app=hanging.app, model_version="9.9")

    answer = signed_in(operator).get(reverse("backups:deploy", args=[hanging.app.slug, hanging.slug, package.pk]))

    assert "is_said_stopped" in answer.content.decode()


def test_workers_have_the_patience_that_pages_lack(environment: Environment) -> None:
    environment.commands = {"status": "sleep 0.5"}

    assert at_most(20) == 20
    assert runtime_of(environment).status() == State.RUNNING
