"""The cache that several web machines share: in Redis, and in each machine's own files while that is away."""

import pickle
import time
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.core.cache import BaseCache, caches
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from portal import settings as portal_settings
from portal.cache import SharedCache
from tests.factories import PASSWORD
from tests.redis_server import RedisServer


@pytest.fixture
def shared(redis_server: RedisServer, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[BaseCache]:
    settings.CACHES = portal_settings._caches(portal_settings._redis(redis_server.url))
    monkeypatch.setattr(SharedCache, "away_until", 0.0)
    yield caches["default"]
    caches["machine"].clear()


def test_what_one_machine_writes_another_reads(shared: BaseCache, redis_server: RedisServer) -> None:
    shared.set("count", [1.5], 60)

    caches["machine"].clear()  # this machine's own

    assert shared.get("count") == [1.5]
    assert shared.add("count", 2) is False
    assert shared.touch("count", 60) is True
    assert 0 < int(redis_server.client.ttl("portal:1:count")) <= 60  # type: ignore[arg-type]
    assert shared.delete("count") is True
    assert shared.get("count", "none") == "none"


def test_while_redis_is_away_each_machine_keeps_its_own(shared: BaseCache, redis_server: RedisServer) -> None:
    redis_server.kill()

    assert shared.add("lock", True, 60) is True
    assert shared.add("lock", True, 60) is False
    assert shared.get("lock") is True

    redis_server.start()
    assert shared.get("lock") is True  # not asked again yet
    SharedCache.away_until = time.monotonic()
    assert shared.get("lock") is None


def test_one_that_hangs_is_waited_for_once(shared: BaseCache, redis_server: RedisServer) -> None:
    redis_server.freeze()
    began = time.monotonic()

    for number in range(20):
        shared.set(f"count{number}", number)

    assert 2 < time.monotonic() - began < 6
    assert shared.get("count19") == 19


@pytest.mark.parametrize(
    "stored", [pickle.dumps(print), b"gASVAQAAAE4u:forged", b"\xff"], ids=["bare", "forged", "noise"]
)
def test_what_others_wrote_into_redis_is_not_read(shared: BaseCache, redis_server: RedisServer, stored: bytes) -> None:
    redis_server.client.set("portal:1:count", stored)

    assert shared.get("count", "none") == "none"


@pytest.mark.parametrize("is_redis_up", [True, False], ids=["with Redis", "without"])
def test_guessing_is_stopped_after_five_wrong_passwords(
    shared: BaseCache, redis_server: RedisServer, viewer: User, is_redis_up: bool
) -> None:
    if not is_redis_up:
        redis_server.kill()

    answers = [
        Client().post(reverse("sign_in"), {"login": viewer.username, "password": password}).content.decode()
        for password in ["wrong"] * 5 + [PASSWORD]
    ]

    assert ["Too many attempts" in answer for answer in answers] == [False] * 5 + [True]
    assert bool(is_redis_up and redis_server.client.keys("portal:1:*")) == is_redis_up
