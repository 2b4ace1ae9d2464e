"""A real Redis of one test alone: killed, frozen, started again on the same port, emptied."""

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from django_q.conf import Conf

from portal import settings as portal_settings
from portal.demo.children import Child
from tests.workers import eventually


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class RedisServer:
    def __init__(self, folder: Path, password: str = "") -> None:
        self.folder, self.port, self.password = folder, free_port(), password
        self.url = f"redis://{password and f':{password}@'}127.0.0.1:{self.port}/0"
        self.client = redis.from_url(f"{self.url}?socket_timeout=5")
        self.child: Child | None = None

    def start(self) -> None:
        words = {"port": str(self.port), "bind": "127.0.0.1", "save": "", "appendonly": "no", "dir": str(self.folder)}
        words |= {"requirepass": self.password} if self.password else {}
        arguments = [word for name, value in words.items() for word in (f"--{name}", value)]
        child = self.child = Child("Redis", ["redis-server", *arguments], log=self.folder / "redis.log")
        eventually(lambda: self._answers() or child.has_ended)
        assert not child.has_ended, child.last_words()

    def kill(self) -> None:
        """What it held in memory is gone."""
        assert self.child
        os.kill(self.child.process.pid, signal.SIGKILL)
        self.child.process.wait()

    def freeze(self) -> None:
        assert self.child
        os.kill(self.child.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.child
        os.kill(self.child.process.pid, signal.SIGCONT)

    def end(self) -> None:
        if self.child and not self.child.has_ended:
            self.thaw()
            self.child.end()
        self.client.close()

    def waiting(self, queue: str) -> int:
        """How many messages lie there."""
        return int(self.client.llen(f"django_q:{queue}:q"))  # type: ignore[arg-type]

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.RedisError:
            return False


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """An empty Redis."""
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.end()


@pytest.fixture
def redis_queue(redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> RedisServer:
    """An empty Redis that this process rings through; workers are told of it by REDIS_URL."""
    monkeypatch.setattr(Conf, "ORM", None)
    monkeypatch.setattr(Conf, "REDIS", portal_settings._redis(redis_server.url))
    return redis_server
