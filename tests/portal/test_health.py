"""/health: for machines, without signing in, without secrets."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client

from environments.lifecycle.periods import SIGN_STALE_SECONDS, in_seconds
from environments.lifecycle.signs import NO_ANSWER, NO_REAPER, PORTAL, REAPER, sign
from environments.models import Sign

pytestmark = pytest.mark.django_db


@contextmanager
def away() -> Iterator[None]:
    def refuse(*_: Any) -> Any:
        raise OperationalError("password authentication failed for user portal")

    with connection.execute_wrapper(refuse):
        yield


@pytest.fixture
def well() -> None:
    sign(REAPER)
    sign(PORTAL)


def test_all_is_well(client: Client, well: None) -> None:
    answer = client.get("/health")

    assert answer.status_code == 200
    assert answer.json() == {
        "live": True,
        "ready": True,
        "workers": {"alive": True, "seen_seconds": pytest.approx(0, abs=5), "problems": []},
    }
    assert "no-store" in answer["Cache-Control"]


def test_without_workers_it_is_unavailable_and_says_why(client: Client) -> None:
    answer = client.get("/health")

    assert answer.status_code == 503
    assert answer.json()["workers"] == {"alive": False, "seen_seconds": None, "problems": [NO_REAPER]}


def test_workers_that_do_not_answer_are_no_workers(client: Client, well: None) -> None:
    Sign.objects.filter(name=PORTAL).update(at=in_seconds(-SIGN_STALE_SECONDS - 1))

    answer = client.get("/health")

    assert (answer.status_code, answer.json()["workers"]["problems"]) == (503, [NO_ANSWER])


def test_without_its_database_it_lives_but_is_not_ready_and_tells_no_details(client: Client) -> None:
    with away():
        answer = client.get("/health")
        alone = client.get("/health?only=live")

    assert answer.status_code == 503
    assert answer.json() == {"live": True, "ready": False, "workers": None}
    assert (alone.status_code, alone.json()) == (200, {"live": True})


def test_readiness_does_not_ask_for_workers(client: Client) -> None:
    assert client.get("/health?only=ready").status_code == 200
    with away():
        assert client.get("/health?only=ready").status_code == 503


def test_it_is_read_only(client: Client, well: None) -> None:
    assert client.post("/health").status_code == 405
    assert client.head("/health").status_code == 200
