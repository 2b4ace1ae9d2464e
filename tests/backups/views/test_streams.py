"""One person's downloads leave threads for everybody else: so many at once in a process, and not one more."""

import gc
import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponseBase
from django.test import Client
from pytest_django.fixtures import Settings

from backups.choices import Contents
from backups.models import Backup
from backups.views.streams import Stream
from environments.errors import TooMuchAtOnce
from environments.models import Activity, Environment
from tests.reading import text
from tests.workers import eventually

from ..taken import DUMP, keep_backup, link_for
from .conftest import SignIn
from .served import Served, served

__all__ = ["served"]
pytestmark = pytest.mark.django_db(transaction=True)  # whatever ends a response closes the database
MOST = 2
MORE_THAN_ANY_BUFFER = 24 << 20


@pytest.fixture(autouse=True)
def _most(settings: Settings) -> None:
    settings.DOWNLOADS_PER_PERSON = MOST


@pytest.fixture
def backup(environment: Environment, tmp_path: Path) -> Backup:
    root = tmp_path / "files"
    root.mkdir()
    (root / "large.bin").write_bytes(os.urandom(MORE_THAN_ANY_BUFFER))
    return keep_backup(environment, root)


@pytest.fixture
def address(backup: Backup, developer: User) -> str:
    return link_for(backup, developer)


@pytest.fixture
def client(sign_in: SignIn, developer: User) -> Client:
    return sign_in(developer)


@pytest.fixture
def under_way(client: Client, address: str) -> list[HttpResponseBase]:
    """As many of one person's as there may be, none of them read yet."""
    return [client.get(address) for _ in range(MOST)]  # type: ignore[misc]


def test_the_next_is_refused_with_what_to_do_and_not_told_as_taken(
    under_way: list[HttpResponseBase], client: Client, address: str
) -> None:
    told = Activity.objects.filter(action="download.started").count()

    answer = client.get(address)

    assert (answer.status_code, answer["Retry-After"]) == (429, "60")
    page = text(answer, class_="empty")
    assert page.startswith("This cannot be downloaded now Downloads of yours under way here: 2, as many as one ")
    assert "Nothing of this one was sent; wait until one has ended, or stop one, then try again." in page
    assert Activity.objects.filter(action="download.started").count() == told == MOST


def test_others_are_served_and_so_is_what_sends_no_bytes(
    under_way: list[HttpResponseBase], client: Client, backup: Backup, address: str, operator: User, sign_in: SignIn
) -> None:
    theirs = [sign_in(operator).get(link_for(backup, operator)) for _ in range(MOST)]

    assert [answer.status_code for answer in theirs] == [200] * MOST
    assert client.head(address).status_code == 200
    assert client.get(address, headers={"If-None-Match": theirs[0]["ETag"]}).status_code == 304
    assert client.get(address, headers={"Range": "bytes=99999999999-"}).status_code == 416
    assert client.get("/").status_code == 302


def test_what_nginx_sends_does_not_count(
    under_way: list[HttpResponseBase], client: Client, backup: Backup, developer: User, settings: Settings
) -> None:
    settings.X_ACCEL = "/vault/"
    dump = link_for(backup, developer, Contents.DATABASE)

    assert [client.get(dump).status_code for _ in range(2 * MOST)] == [200] * 2 * MOST


def test_when_one_was_read_or_closed_or_forgotten_the_next_is_sent(
    under_way: list[HttpResponseBase], client: Client, address: str
) -> None:
    assert len(b"".join(under_way[0].streaming_content)) > MORE_THAN_ANY_BUFFER  # type: ignore[attr-defined]
    under_way[0] = client.get(address)  # type: ignore[assignment]
    assert client.get(address).status_code == 429

    under_way[0].close()  # not a byte of it was read
    under_way[0] = client.get(address)  # type: ignore[assignment]
    assert (under_way[0].status_code, client.get(address).status_code) == (200, 429)

    under_way.clear()  # something failed between the view and the server
    gc.collect()
    again = [client.get(address) for _ in range(MOST)]
    assert [answer.status_code for answer in again] == [200] * MOST


def test_many_at_once_are_not_more_than_there_may_be(settings: Settings) -> None:
    start, begun, refused = threading.Barrier(16), list[Stream](), list[TooMuchAtOnce]()

    def begin(person: int) -> None:
        start.wait()
        try:
            begun.append(Stream(person, iter([b"piece"])))
        except TooMuchAtOnce as error:
            refused.append(error)

    threads = [threading.Thread(target=begin, args=[number % 2]) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(stream.person for stream in begun) == [0, 0, 1, 1]  # type: ignore[type-var]
    assert len(refused) == 12
    for stream in begun:
        stream.close()


def test_what_it_reads_from_is_closed_with_it() -> None:
    closed = []

    def pieces() -> Iterator[bytes]:
        try:
            yield b"one"
            yield b"two"
        finally:
            closed.append(True)

    stream = Stream("somebody", pieces())
    assert next(stream) == b"one"

    stream.close()
    stream.close()

    assert closed == [True]


@pytest.fixture
def process_environ(process_environ: dict[str, str]) -> dict[str, str]:
    """For a server with twice as many threads, whose pages need no collected files."""
    return {
        **process_environ,
        "PORTAL_DOWNLOADS_PER_PERSON": str(MOST),
        "DJANGO_SETTINGS_MODULE": "tests.web_settings",
    }


def test_others_are_served_beside_a_flood_and_going_away_makes_room(
    served: Served, backup: Backup, developer: User, operator: User, address: str
) -> None:
    with ExitStack() as flood:
        for _ in range(MOST):
            response = flood.enter_context(served.begin(address, developer))
            assert (response.status, len(response.read(1 << 20))) == (200, 1 << 20)
        for _ in range(2 * MOST):
            with served.begin(address, developer) as refused:
                assert (refused.status, refused.headers["Retry-After"]) == (429, "60")

        dump = served.curl(link_for(backup, operator, Contents.DATABASE), operator)
        assert dump.stdout == DUMP

    def is_sent() -> bool:
        with served.begin(address, developer) as response:
            return response.status == 200

    eventually(is_sent)
