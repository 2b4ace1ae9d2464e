"""Downloads that nginx sends from the vault's directory: nothing that the portal promises gets weaker by it."""

import base64
import hashlib
import os
import random
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from http.client import HTTPException, HTTPSConnection
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from pytest_django.fixtures import Settings

from backups.choices import Contents
from backups.models import Backup, Hold
from backups.operations.hold import hold
from backups.storage import names
from environments import clock
from environments.models import Activity, Environment
from tests.nginx import Nginx, example, free_port

from ..taken import keep_backup, link_for
from .conftest import SignIn
from .served import Served, served

__all__ = ["served"]
pytestmark = pytest.mark.django_db(transaction=True)
MIB = 1 << 20
DUMP = [random.Random(number).randbytes(MIB) for number in range(16)]
WHOLE = b"".join(DUMP)
Ask = Callable[..., tuple[int, dict[str, str], bytes]]


@pytest.fixture
def process_environ(process_environ: dict[str, str]) -> dict[str, str]:
    return {**process_environ, "PORTAL_X_ACCEL": "/vault", "DJANGO_SETTINGS_MODULE": "tests.web_settings"}


@pytest.fixture
def backup(environment: Environment, tmp_path: Path) -> Backup:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "small.txt").write_text("small")
    return keep_backup(environment, tmp_path / "files", DUMP)


@pytest.fixture
def site(served: Served, tmp_path: Path) -> Iterator[str]:
    """The address of our example in front of the portal."""
    (tmp_path / "nginx").mkdir()
    plain, safe, vault = free_port(), free_port(), Path(settings.VAULT_LOCATION)
    nginx = Nginx(tmp_path / "nginx", example(tmp_path / "nginx", web=served.port, plain=plain, safe=safe, vault=vault))
    try:
        nginx.start(safe)
        yield f"https://127.0.0.1:{safe}"
    finally:
        nginx.stop()


@pytest.fixture
def ask(served: Served, site: str, tmp_path: Path) -> Ask:
    """A function that asks nginx as this person: status, headers by their small names, and bytes."""

    def asked(address: str, person: User, *options: str) -> tuple[int, dict[str, str], bytes]:
        head = tmp_path / "head"
        words = ["curl", "-sSk", "--path-as-is", "-D", str(head), "-b", served.cookie(person), *options]
        done = subprocess.run([*words, f"{site}{address}"], capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr
        first, *lines = head.read_text().strip().splitlines()
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        return int(first.split()[1]), headers, done.stdout

    return asked


def dump_of(backup: Backup) -> Path:
    return Path(settings.VAULT_LOCATION) / names.dump(backup.environment_id, backup.pk, 1)


def test_nginx_sends_a_dump_as_the_portal_does(ask: Ask, served: Served, backup: Backup, developer: User) -> None:
    address = link_for(backup, developer, Contents.DATABASE)
    digest = base64.b64encode(hashlib.sha256(WHOLE).digest()).decode()

    _, told, _ = ask(address, developer, "-I")
    status, headers, content = ask(address, developer)

    assert (status, content == WHOLE) == (200, True)
    assert headers["repr-digest"] == f"sha-256=:{digest}:"
    assert headers["cache-control"] == "private, no-store"
    own = {"date", "server", "connection", "x-accel-buffering"}
    assert {name: value for name, value in headers.items() if name not in own} == {
        name: value for name, value in told.items() if name not in own
    }, "HEAD is answered by the portal"
    assert Activity.objects.filter(action="download.started").count() == 1
    assert Hold.objects.get().until > clock.now() + timedelta(hours=7)
    status, headers, content = ask(link_for(backup, developer), developer)
    assert (status, content[:2], int(headers["content-length"])) == (200, b"PK", len(content)), "archives come from it"
    # Nobody else can take for whole what the portal itself answers.
    direct = served.curl(address, developer, "-i")
    assert direct.returncode == 18
    assert b"X-Accel-Redirect: /vault/environments/" in direct.stdout


def test_a_part_is_the_part_that_was_asked_for(ask: Ask, backup: Backup, developer: User) -> None:
    address = link_for(backup, developer, Contents.DATABASE)
    tag = ask(address, developer, "-I")[1]["etag"]

    def part(wanted: str, *more: str) -> tuple[int, str, bytes]:
        status, headers, content = ask(address, developer, "-H", f"Range: bytes={wanted}", *more)
        assert status == 304 or headers.get("etag") == tag
        return status, headers.get("content-range", ""), content

    size = len(WHOLE)
    rest = (206, f"bytes {7 * MIB}-{size - 1}/{size}", WHOLE[7 * MIB :])
    assert part(f"{7 * MIB}-", "-H", f"If-Range: {tag}") == rest
    assert Activity.objects.filter(action="download.started").count() == 1
    assert part("-50") == (206, f"bytes {size - 50}-{size - 1}/{size}", WHOLE[-50:])
    assert part(f"{size}-") == (416, f"bytes */{size}", b"")
    for wanted, *more in (
        ("5-", "-H", 'If-Range: "another"'),
        ("5-", "-H", "If-Range: Wed, 25 Nov 2026 14:30:00 GMT"),
        ("0-1,5-6",),
        ("5-1",),
    ):
        assert part(wanted, *more) == (200, "", WHOLE)
    assert ask(address, developer, "-H", f"If-Match: {tag}")[0] == 200
    assert ask(address, developer, "-H", 'If-Match: "another"')[0] == 412
    assert ask(address, developer, "-H", f"If-None-Match: {tag}")[0] == 304


def test_only_who_may_gets_it_and_only_by_the_portal(
    ask: Ask, backup: Backup, developer: User, viewer: User, stranger: User
) -> None:
    address = link_for(backup, developer, Contents.DATABASE)
    inside = dump_of(backup).relative_to(settings.VAULT_LOCATION)

    assert ask(address, stranger)[0] == ask(address, viewer)[0] == 404
    assert ask(f"/apps/order-desk/live/backups/{backup.pk}/download/database/", viewer)[0] == 403
    for way in (f"/vault/{inside}", f"//vault/{inside}", f"/static/../vault/{inside}", f"/%76ault/{inside}", "/vault/"):
        status, _, content = ask(way, developer, "-H", f"X-Accel-Redirect: /vault/{inside}")
        assert (status, WHOLE[:MIB] in content) == (404, False), way
    assert not Activity.objects.filter(action="download.started").exists()


def test_a_damaged_dump_is_never_taken_for_whole(
    ask: Ask, site: str, served: Served, backup: Backup, developer: User
) -> None:
    address = link_for(backup, developer, Contents.DATABASE)
    trusting = ssl._create_unverified_context()  # noqa: S323 - a certificate of this test alone
    with closing(HTTPSConnection(site.removeprefix("https://"), timeout=60, context=trusting)) as connection:
        connection.connect()
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 10)
        connection.request("GET", address, headers={"Cookie": served.cookie(developer)})
        with connection.getresponse() as response:
            response.read(MIB)
            os.truncate(dump_of(backup), 12 * MIB)
            with pytest.raises((HTTPException, OSError)):
                response.read()

    status, _, page = ask(address, developer)

    assert status == 503
    assert b"should have 16777216" in page
    dump_of(backup).unlink()
    assert ask(address, developer)[0] == 503


@pytest.mark.django_db
def test_what_was_pruned_meanwhile_is_not_handed_over(
    backup: Backup, developer: User, sign_in: SignIn, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.X_ACCEL = "/vault/"
    client: Client = sign_in(developer)
    address = link_for(backup, developer, Contents.DATABASE)

    def leave(*_: object) -> None:
        Backup.objects.update(removal_at=clock.now())
        hold(backup.pk)

    monkeypatch.setattr("backups.operations.download.hold", leave)

    assert client.get(address).status_code == 410
    assert not Activity.objects.filter(action="download.started").exists()
