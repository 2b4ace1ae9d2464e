"""Downloads over HTTP: the link, its headers, its ranges."""

import base64
import hashlib
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponseBase
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from backups.choices import Contents, Format
from backups.models import Backup
from environments.models import Activity, Environment
from tests.factories import BackupFactory

from ..taken import DUMP, keep_backup, link_for
from .conftest import CheckDoor, SignIn

pytestmark = pytest.mark.django_db


@pytest.fixture
def backup(environment: Environment, tmp_path: Path) -> Backup:
    root = tmp_path / "files"
    root.mkdir()
    (root / "page.html").write_text("<script>alert(1)</script>")
    return keep_backup(environment, root)


@pytest.fixture
def client(sign_in: SignIn, developer: User) -> Client:
    return sign_in(developer)


def menu_address(backup: Backup, contents: str = "full") -> str:
    environment = backup.environment
    return reverse("backups:download", args=[environment.app.slug, environment.slug, backup.pk, contents])


def body(response: HttpResponseBase) -> bytes:
    return b"".join(response.streaming_content)  # type: ignore[attr-defined]


def lines() -> int:
    return Activity.objects.filter(action="download.started").count()


# The link


@pytest.mark.parametrize("method", ["get", "post"])
def test_choosing_a_download_makes_a_link_and_follows_it(backup: Backup, client: Client, method: str) -> None:
    response = getattr(client, method)(menu_address(backup, "files"))

    assert response.status_code == 302
    assert response.url.endswith("/order-desk-live-202611251430-files.zip")
    assert body(client.get(response.url)).startswith(b"PK")


def test_the_other_form_can_be_chosen(backup: Backup, client: Client) -> None:
    assert client.get(menu_address(backup) + "?format=tar.gz").url.endswith(".tar.gz")  # type: ignore[attr-defined]
    assert client.post(menu_address(backup), {"format": "tar.gz"}).url.endswith(".tar.gz")  # type: ignore[attr-defined]


@pytest.mark.parametrize("wrong", ["full/?format=rar", "everything/", "FULL/"])
def test_there_is_nothing_else_to_choose(backup: Backup, client: Client, wrong: str) -> None:
    assert client.get(menu_address(backup).replace("full/", wrong)).status_code == 404


def test_the_menu_stands_behind_the_gate(backup: Backup, viewer: User, check_door: CheckDoor) -> None:
    check_door(menu_address(backup), without=viewer, wrong="put")


def test_a_backup_that_is_not_there_has_no_link(
    client: Client, backup: Backup, acceptance: Environment, environment: Environment
) -> None:
    running = BackupFactory.create(environment=environment, running=True)

    assert client.get(menu_address(running)).status_code == 409
    elsewhere = reverse("backups:download", args=["order-desk", "acceptance", backup.pk, "full"])
    assert client.get(elsewhere).status_code == 404


# What it leads to


@pytest.mark.parametrize("contents", list(Contents))
@pytest.mark.parametrize("archive_format", list(Format))
def test_a_download_says_all_about_itself(
    backup: Backup, client: Client, developer: User, contents: Contents, archive_format: Format
) -> None:
    response = client.get(link_for(backup, developer, contents, archive_format))

    content = body(response)
    assert response.status_code == 200
    assert int(response["Content-Length"]) == len(content)
    assert response["Content-Disposition"].startswith('attachment; filename="order-desk-live-202611251430')
    assert response["Content-Type"] in ("application/zip", "application/gzip", "application/octet-stream")
    assert response["ETag"].startswith('"')
    assert response["Accept-Ranges"] == ("none" if response["Content-Type"] == "application/gzip" else "bytes")
    assert response["Cache-Control"] == "private, no-store"
    assert response["X-Accel-Buffering"] == "no"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"].startswith("sandbox")
    assert parsedate_to_datetime(response["Last-Modified"])


def test_the_database_brings_its_digest(backup: Backup, client: Client, developer: User) -> None:
    response = client.get(link_for(backup, developer, Contents.DATABASE))

    digest = base64.b64encode(hashlib.sha256(DUMP).digest()).decode()
    assert response["Repr-Digest"] == f"sha-256=:{digest}:"
    assert body(response) == DUMP


def test_head_says_the_same_and_brings_nothing(backup: Backup, client: Client, developer: User) -> None:
    address = link_for(backup, developer)

    asked, got = client.head(address), client.get(address)

    for name in ("Content-Length", "ETag", "Content-Type", "Accept-Ranges", "Content-Disposition"):
        assert asked[name] == got[name]
    assert body(asked) == b""
    assert lines() == 1


def test_a_range_is_a_part_of_the_whole(backup: Backup, client: Client, developer: User) -> None:
    address = link_for(backup, developer)
    whole = body(client.get(address))

    for wanted, start, stop in (
        ("100-299", 100, 300),
        ("-50", len(whole) - 50, len(whole)),
        ("200-", 200, len(whole)),
    ):
        response = client.get(address, headers={"Range": f"bytes={wanted}"})
        assert response.status_code == 206
        assert response["Content-Range"] == f"bytes {start}-{stop - 1}/{len(whole)}"
        assert int(response["Content-Length"]) == stop - start
        assert body(response) == whole[start:stop]


@pytest.mark.parametrize("wanted", ["bytes=0-1,5-6", "rows=1-2", "bytes=5-1"])
def test_ranges_of_other_kinds_bring_the_whole(backup: Backup, client: Client, developer: User, wanted: str) -> None:
    response = client.get(link_for(backup, developer, Contents.DATABASE), headers={"Range": wanted})

    assert (response.status_code, body(response)) == (200, DUMP)


def test_a_tar_brings_the_whole_whatever_range_is_asked(backup: Backup, client: Client, developer: User) -> None:
    address = link_for(backup, developer, archive_format=Format.TAR_GZ)

    response = client.get(address, headers={"Range": "bytes=100-"})

    assert response.status_code == 200
    assert body(response).startswith(b"\x1f\x8b")


def test_a_range_behind_the_end_is_refused(backup: Backup, client: Client, developer: User) -> None:
    address = link_for(backup, developer, Contents.DATABASE)

    response = client.get(address, headers={"Range": f"bytes={len(DUMP)}-"})

    assert response.status_code == 416
    assert response["Content-Range"] == f"bytes */{len(DUMP)}"
    assert lines() == 0


def test_a_range_holds_only_for_the_bytes_it_was_begun_with(backup: Backup, client: Client, developer: User) -> None:
    address = link_for(backup, developer)
    tag = client.head(address)["ETag"]
    Backup.objects.filter(pk=backup.pk).update(comment="changed meanwhile")

    for condition in (tag, f"W/{tag}", "Wed, 25 Nov 2026 14:30:00 GMT"):
        response = client.get(address, headers={"Range": "bytes=100-", "If-Range": condition})
        assert response.status_code == 200
        assert body(response).startswith(b"PK")
    fresh = client.head(address)["ETag"]
    response = client.get(address, headers={"Range": "bytes=100-", "If-Range": fresh})
    assert response.status_code == 206


def test_whoever_has_it_already_is_told_so(backup: Backup, client: Client, developer: User) -> None:
    address = link_for(backup, developer)
    tag = client.head(address)["ETag"]

    same = client.get(address, headers={"If-None-Match": tag})
    other = client.get(address, headers={"If-Match": '"another"'})

    assert (same.status_code, same["ETag"], same.content) == (304, tag, b"")
    assert other.status_code == 412
    assert lines() == 0


def test_a_download_costs_few_queries(
    backup: Backup, client: Client, developer: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    address = link_for(backup, developer)

    with django_assert_max_num_queries(5):
        response = client.get(address)
    with django_assert_max_num_queries(9):  # the hold, with this test's savepoints
        body(response)
    with django_assert_max_num_queries(5):
        client.get(address, headers={"Range": "bytes=1-"})


def test_going_on_writes_no_second_line(backup: Backup, client: Client, developer: User) -> None:
    address = link_for(backup, developer)

    body(client.get(address, headers={"Range": "bytes=0-"}))
    for start in (1, 500):
        body(client.get(address, headers={"Range": f"bytes={start}-"}))
    assert lines() == 1

    body(client.get(link_for(backup, developer), headers={"Range": "bytes=1-"}))
    assert lines() == 2, "the rest of it alone, by another link"
