"""The door for large files speaks tus 1.0 to whoever may upload, about that person's own files alone."""

import base64
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from backups.choices import UploadPart, UploadState
from backups.models import Upload
from backups.storage import spool
from environments.models import Activity, Environment
from tests.apps import App

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]
TUS = {"Tus-Resumable": "1.0.0"}
PIECE = "application/offset+octet-stream"
CONTENT = bytes(range(256)) * 40


def written(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.fixture
def doors(acceptance: Environment) -> str:
    return reverse("backups:transfers", args=[acceptance.app.slug, acceptance.slug])


@pytest.fixture
def client(sign_in: SignIn, operator: User) -> Client:
    return sign_in(operator)


def begin(client: Client, doors: str, **different: str) -> HttpResponse:
    metadata = f"filename {written('größe.zip')},part {written('files')}"
    headers = {**TUS, "Upload-Length": str(len(CONTENT)), "Upload-Metadata": metadata, **different}
    return client.post(doors, headers=headers)  # type: ignore[return-value]


def send(client: Client, door: str, offset: int, piece: bytes, **more: str) -> HttpResponse:
    headers = {**TUS, "Upload-Offset": str(offset), **more}
    return client.patch(door, piece, content_type=PIECE, headers=headers)  # type: ignore[return-value]


def test_a_file_is_begun_sent_in_pieces_asked_for_and_examined(client: Client, doors: str) -> None:
    answer = begin(client, doors)
    assert answer.status_code == 201
    door = answer["Location"]
    upload = Upload.objects.get()
    assert (upload.filename, upload.part, upload.size_bytes) == ("größe.zip", UploadPart.FILES, len(CONTENT))
    assert door.endswith(f"/{upload.pk}/")
    assert "GMT" in answer["Upload-Expires"]

    assert send(client, door, 0, CONTENT[:4000])["Upload-Offset"] == "4000"
    told = client.head(door, headers=TUS)
    assert (told.status_code, told["Upload-Offset"], told["Upload-Length"]) == (200, "4000", str(len(CONTENT)))
    assert told["Cache-Control"] == "no-store"
    last = send(client, door, 4000, CONTENT[4000:])

    assert (last.status_code, last["Upload-Offset"], last["Tus-Resumable"]) == (204, str(len(CONTENT)), "1.0.0")
    upload.refresh_from_db()
    assert upload.state == UploadState.HERE
    assert spool.path_of(upload.pk).read_bytes() == CONTENT
    assert client.head(door, headers=TUS)["Upload-Offset"] == str(len(CONTENT))


def test_it_says_what_it_speaks(client: Client, doors: str) -> None:
    answer = client.options(doors)

    assert answer.status_code == 204
    assert answer["Tus-Version"] == "1.0.0"
    assert answer["Tus-Extension"] == "creation,termination,checksum,expiration"
    assert answer["Tus-Checksum-Algorithm"] == "sha256,sha1"


def test_an_upload_can_be_ended(client: Client, doors: str) -> None:
    door = begin(client, doors)["Location"]

    assert client.delete(door, headers=TUS).status_code == 204
    assert client.head(door, headers=TUS).status_code == 404
    assert not Upload.objects.exists()
    assert list(spool.folder().iterdir()) == []


def checksum(content: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm} {base64.b64encode(hashlib.new(algorithm, content).digest()).decode()}"


WRONG = {
    "another place": (409, {"Upload-Offset": "7"}),
    "another checksum": (460, {"Upload-Checksum": checksum(b"other")}),
    "a checksum nobody knows": (400, {"Upload-Checksum": checksum(b"", "md5")}),
    "a checksum that is none": (400, {"Upload-Checksum": "sha256 ?"}),
    "another version": (412, {"Tus-Resumable": "0.2.2"}),
    "no offset": (400, {"Upload-Offset": ""}),
    "a negative offset": (400, {"Upload-Offset": "-1"}),
    "another content type": (415, {"Content-Type": "application/octet-stream"}),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_piece_that_does_not_fit_is_refused_by_the_protocols_own_status(
    client: Client, doors: str, wrong: str
) -> None:
    door = begin(client, doors)["Location"]
    status, headers = WRONG[wrong]
    kind = headers.get("Content-Type", PIECE)
    headers = {
        **TUS,
        "Upload-Offset": "0",
        **{name: value for name, value in headers.items() if name != "Content-Type"},
    }

    answer = client.patch(door, CONTENT[:100], content_type=kind, headers=headers)

    assert answer.status_code == status
    assert answer.content.decode().isprintable() and answer.content.endswith(b".")
    assert Upload.objects.get().received_bytes == 0
    assert send(client, door, 0, CONTENT[:100], **{"Upload-Checksum": checksum(CONTENT[:100])}).status_code == 204


BAD_BEGINNINGS = {
    "no length": (400, {"Upload-Length": ""}),
    "an empty file": (422, {"Upload-Length": "0"}),
    "more than the disk has": (413, {"Upload-Length": str(10**17)}),
    "a part nobody knows": (400, {"Upload-Metadata": f"part {written('cellar')}"}),
    "no part": (400, {"Upload-Metadata": ""}),
    "metadata that is no base64": (400, {"Upload-Metadata": "part %%%"}),
    "another version": (412, {"Tus-Resumable": "2"}),
}


@pytest.mark.parametrize("bad", BAD_BEGINNINGS)
def test_a_beginning_that_does_not_fit_is_refused(client: Client, doors: str, bad: str) -> None:
    status, headers = BAD_BEGINNINGS[bad]

    assert begin(client, doors, **headers).status_code == status
    assert not Upload.objects.exists()


def test_a_piece_that_is_too_long_is_not_even_read(client: Client, doors: str) -> None:
    door = begin(client, doors)["Location"]
    headers = {**TUS, "Upload-Offset": "0", "Content-Length": str((64 << 20) + 1)}

    answer = client.patch(door, b"x", content_type=PIECE, headers=headers)

    assert answer.status_code == 413
    assert Upload.objects.get().received_bytes == 0


def test_while_the_app_runs_nothing_begins_and_nothing_goes_on(
    client: Client, doors: str, acceptance: Environment, tmp_path: Path
) -> None:
    door = begin(client, doors)["Location"]
    app = App(tmp_path)
    acceptance.commands = app.commands
    acceptance.save()

    for answer in (begin(client, doors), send(client, door, 0, CONTENT)):
        assert answer.status_code == 422
        assert "is running. Stop it" in answer.content.decode()
    assert Upload.objects.get().received_bytes == 0
    app.flag.unlink()
    assert send(client, door, 0, CONTENT).status_code == 204


def test_a_file_that_has_come_takes_nothing_more(client: Client, doors: str) -> None:
    door = begin(client, doors)["Location"]
    send(client, door, 0, CONTENT)

    answer = send(client, door, len(CONTENT), b"more")

    assert (answer.status_code, answer["Upload-Offset"]) == (409, str(len(CONTENT)))


def test_another_persons_upload_is_not_there(
    client: Client, doors: str, sign_in: SignIn, technical_contact: User
) -> None:
    door = begin(client, doors)["Location"]
    other = sign_in(technical_contact)

    assert other.head(door, headers=TUS).status_code == 404
    assert send(other, door, 0, CONTENT).status_code == 404
    assert other.delete(door, headers=TUS).status_code == 404
    assert Upload.objects.get().received_bytes == 0


def test_only_who_may_upload_passes(
    client: Client, doors: str, sign_in: SignIn, stranger: User, developer: User
) -> None:
    door = begin(client, doors)["Location"]

    assert begin(Client(), doors).status_code == 302
    assert send(Client(), door, 0, CONTENT).status_code == 302
    assert begin(sign_in(stranger), doors).status_code == 404
    assert begin(sign_in(developer), doors).status_code == 403
    assert send(sign_in(developer), door, 0, CONTENT).status_code == 403
    assert Activity.objects.filter(action="access.refused", actor=developer).count() == 2
    assert client.put(door).status_code == 405
    assert client.get(doors).status_code == 405


def test_requests_from_other_sites_are_refused(doors: str, operator: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(operator, backend="django.contrib.auth.backends.ModelBackend")
    client.get(reverse("home"))

    assert begin(client, doors).status_code == 403
    token = {"X-CSRFToken": client.cookies["csrftoken"].value} if "csrftoken" in client.cookies else {}
    assert token
    door = begin(client, doors, **token)["Location"]
    assert send(client, door, 0, CONTENT).status_code == 403
    assert send(client, door, 0, CONTENT, **token).status_code == 204
