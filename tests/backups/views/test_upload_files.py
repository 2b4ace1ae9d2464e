"""Upload Data, the second step: what was brought, its examination, and the plain form."""

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from backups.choices import UploadPart, UploadState
from backups.models import Upload
from backups.storage import spool
from environments.choices import Status
from environments.lifecycle.run import run_here
from environments.models import Environment, Operation
from tests.apps import App
from tests.reading import text, texts

from .conftest import Address, SignIn
from .uploading import client, one, place, send, zip_of

__all__ = ["client", "place"]
HTMX = {"HX-Request": "true"}


def test_a_plain_form_brings_a_file_and_shows_its_examination(
    place: Environment, client: Client, address: Address
) -> None:
    answer = send(client, address("upload", place), zip_of("a", "b/c"), name="größe <b>.zip")

    upload = Upload.objects.get()
    assert answer.url == address("upload", place)
    assert (upload.filename, upload.part, upload.state) == ("größe <b>.zip", UploadPart.FILES, UploadState.HERE)
    waiting = client.get(address("upload", place))
    assert "Look again" in text(waiting, id="part-files")
    assert texts(waiting, class_="next")[0].startswith("Continue Cancel Possible as soon as every file is checked.")
    assert client.get(address("upload_live", place)).status_code == 200
    assert upload.examination
    run_here(upload.examination)
    live = client.get(address("upload_live", place))
    assert live.status_code == 286
    assert "größe <b>.zip 0.01 MB, 2 files, 0.01 MB, read to its end Checked" in text(live, id="part-files")
    assert "The full backup" not in text(live, id="part-database")
    assert "Remove what you have brought" in text(live, id="part-full")
    assert address("upload_confirm", place).encode() in live.content
    assert text(live, id="announcement") == "größe <b>.zip is checked."


def test_a_bad_file_says_why_and_another_one_takes_its_place(
    place: Environment, client: Client, address: Address
) -> None:
    send(client, address("upload", place), b"no archive at all")
    upload = Upload.objects.get()
    assert upload.examination
    assert run_here(upload.examination).status == Status.FAILED

    page = client.get(address("upload", place))

    upload.refresh_from_db()
    card = text(page, id="part-files")
    assert upload.state == UploadState.BAD
    assert upload.refusal and upload.refusal in card
    assert "Choose another file" in card
    assert b'href="' + address("upload_confirm", place).encode() not in page.content
    send(client, address("upload", place), zip_of("a"))
    assert Upload.objects.get().pk != upload.pk


@pytest.mark.parametrize("given", [{}, {"part": "files"}, {"part": "all", "file": SimpleUploadedFile("a", b"a")}])
def test_a_form_without_a_file_is_told_so(
    place: Environment, client: Client, address: Address, given: dict[str, object]
) -> None:
    answer = client.post(address("upload", place), given)

    assert (answer.status_code, text(answer, class_="is-bad")) == (422, "Choose a file, then send it.")


def test_a_file_for_which_there_is_no_room_is_refused_without_being_kept(
    place: Environment, client: Client, address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backups.views.upload_form.room", lambda: 100)

    answer = send(client, address("upload", place), zip_of("a"))

    assert answer.status_code == 422
    assert "There is no room for this file" in text(answer, class_="is-bad")
    assert not Upload.objects.exists()


def test_forms_from_other_sites_are_refused(place: Environment, operator: User, address: Address) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(operator, backend="django.contrib.auth.backends.ModelBackend")

    assert send(client, address("upload", place), zip_of("a")).status_code == 403
    assert not Upload.objects.exists()


def test_what_is_unfinished_is_listed_and_can_be_removed(place: Environment, client: Client, address: Address) -> None:
    send(client, address("upload", place), zip_of("a"))
    Upload.objects.update(state=UploadState.COMING, size_bytes=4_000_000_000, received_bytes=1_000_000_000)
    upload = Upload.objects.get()

    page = client.get(address("upload", place))
    live = client.get(address("upload_live", place))
    gone = client.post(one(place, "upload_remove", upload), headers=HTMX)

    assert "25 % 1.00 of 4.00 GB" in text(page, id="part-files")
    assert "Choose the same file again, and the upload goes on where it stopped." in text(page, id="part-files")
    assert one(place, "transfer", upload).encode() in page.content
    assert texts(live, id="part-files") == []  # a file that is on its way is its sender's to tell of
    assert "Choose a file" in text(gone, id="part-files")
    assert not Upload.objects.exists()
    assert not spool.path_of(upload.pk).exists()


def test_what_another_person_brought_is_not_there(
    place: Environment, client: Client, technical_contact: User, sign_in: SignIn, address: Address
) -> None:
    send(client, address("upload", place), zip_of("a"))
    upload = Upload.objects.get()
    other = sign_in(technical_contact)

    assert "files.zip" not in other.get(address("upload", place)).content.decode()
    assert other.post(one(place, "upload_remove", upload)).status_code == 404
    assert other.post(one(place, "upload_examine", upload)).status_code == 404
    assert Upload.objects.exists()


def test_an_examination_without_an_answer_can_be_repeated(place: Environment, client: Client, address: Address) -> None:
    send(client, address("upload", place), zip_of("a"))
    Operation.objects.update(status=Status.FAILED, message="The worker was lost.")
    upload = Upload.objects.get()

    page = client.get(address("upload", place))
    client.post(one(place, "upload_examine", upload))
    client.post(one(place, "upload_examine", upload))

    assert "The examination ended without an answer: The worker was lost." in text(page, id="part-files")
    assert Operation.objects.filter(kind="examine").count() == 2


@pytest.mark.django_db(transaction=True)
def test_where_dumps_are_not_taken_it_is_told_before_anything_is_sent(
    target: Environment, stopped_app: App, support: User, sign_in: SignIn, address: Address
) -> None:
    target.admin_address = None
    target.save()
    client = sign_in(support)

    page = client.get(address("upload", target))
    answer = send(client, address("upload", target), b"PGDMP", part="database")

    assert "no maintenance role is registered" in text(page, id="part-database")
    assert "no maintenance role is registered" in text(page, id="part-full")
    assert page.content.count(b'type="file"') == 1
    assert answer.status_code == 409
    stopped_app.start()
    assert "no maintenance role is registered" in text(client.get(address("upload", target)), class_="asks")
