"""Upload Data, the last step: what leaves, what comes, the name to type."""

import io
import json
import zipfile
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client

from backups.choices import UploadPart
from backups.models import Backup, Upload
from environments.actors import Actor
from environments.models import Environment, Operation
from tests.apps import App
from tests.backups.uploaded import bring, dump_of
from tests.cast import signed_in
from tests.factories import AppServiceFactory, BackupFactory, OperationFactory
from tests.reading import text, texts

from .conftest import Address, SignIn
from .uploading import zip_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def client(support: User, sign_in: SignIn) -> Client:
    return sign_in(support)


@pytest.fixture
def archive(target: Environment, support: User) -> Upload:
    """Two files, brought and examined."""
    return bring(target, UploadPart.FILES, zip_of("a", "b/c"), by=Actor.person(support), name="new.zip")


def brought(page: object) -> str:
    """What the page hands back of what it has shown."""
    return page.context["brought"]  # type: ignore[attr-defined,no-any-return]


def test_it_says_what_leaves_and_what_comes(
    target: Environment, archive: Upload, support: User, client: Client, address: Address
) -> None:
    target.is_production = True
    target.save()
    AppServiceFactory(environment=target, name="JobIntake", version="1.2.0")
    dump = dump_of(target.database_address)
    bring(target, UploadPart.DATABASE, dump, by=Actor.person(support), name="new.backup")
    BackupFactory(environment=target)

    page = client.get(address("upload_confirm", target))

    loss = text(page, class_="loss")
    assert loss.startswith(
        f"{target.name} is cleared completely The deployment package, the uploaded files and the database are removed. "
        "Published app services will be unpublished."
    )
    assert "Deployment package 1.4.2.118 modeler 7.23.3 none deploy one before you start the app" in loss
    assert "MB, 1 table 1 table, a dump of 0.01 MB new.backup" in loss
    assert "Uploaded files 0.01 MB, 1 file 0.01 MB, 2 files new.zip" in loss
    assert "1 published JobIntake 1.2.0 none published" in loss
    assert f"{target.name} is a production environment" in texts(page, class_="is-prod")[-1]
    assert "apart from the backup of" in texts(page, class_="is-prod")[-1]
    assert texts(page, class_="is-destructive") == [f"Clear and replace {target.name}"]
    assert "Unpublish the app services." in text(page, class_="happens")


def test_what_is_not_brought_is_left_empty(
    target: Environment, archive: Upload, client: Client, address: Address
) -> None:
    loss = text(client.get(address("upload_confirm", target)), class_="loss")

    assert "1 table nothing an empty database" in loss
    assert "app services" not in loss


def test_a_full_backup_brings_both_and_bars_the_others(
    target: Environment, support: User, client: Client, address: Address
) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as full:
        full.writestr("db/db.backup", dump_of(target.database_address))
        full.writestr("tree/pictures/a", "a")
        full.writestr(".metadata", json.dumps({"app": target.app.slug, "model_version": "1.3.9"}))
    bring(target, UploadPart.FULL, made.getvalue(), by=Actor.person(support), name="full.zip")

    files = client.get(address("upload", target))
    loss = text(client.get(address("upload_confirm", target)), class_="loss")

    assert "dump with 1 table; 1 file, 0.01 MB, read to its end Checked" in text(files, id="part-full")
    assert "The full backup brings both." in text(files, id="part-database")
    assert "The full backup brings both." in text(files, id="part-files")
    assert b'type="file"' not in files.content
    assert "deploy 1.3.9 before you start the app" in loss
    assert loss.count("full.zip") == 2


def test_the_right_name_asks_for_it_and_leads_to_the_list(
    target: Environment, archive: Upload, support: User, client: Client, address: Address
) -> None:
    page = client.get(address("upload_confirm", target))

    answer = client.post(address("upload_confirm", target), {"confirm": target.name, "brought": brought(page)})

    assert (answer.status_code, answer.url) == (302, address("list", target))
    operation = Operation.objects.get(kind="upload")
    archive.refresh_from_db()
    assert (archive.operation, operation.requested_by) == (operation, support)
    assert not Backup.objects.exists()
    again = client.post(address("upload_confirm", target), {"confirm": target.name, "brought": brought(page)})
    assert again.url == answer.url  # clicked twice
    assert "is being put into" in text(client.get(address("upload", target)), class_="asks")


@pytest.mark.parametrize("typed", ["", "Live", "accept"])
def test_a_wrong_name_starts_nothing(
    target: Environment, archive: Upload, client: Client, address: Address, typed: str
) -> None:
    page = client.get(address("upload_confirm", target))

    answer = client.post(address("upload_confirm", target), {"confirm": typed, "brought": brought(page)})

    assert answer.status_code == 422
    assert text(answer, class_="field").count("Type the name of the environment") == 1
    assert text(answer, id="id_confirm_error")
    assert b'aria-invalid="true"' in answer.content
    assert not Operation.objects.filter(kind="upload").exists()


def test_what_has_changed_since_is_told_before_anything_starts(
    target: Environment, archive: Upload, support: User, client: Client, address: Address
) -> None:
    page = client.get(address("upload_confirm", target))
    bring(target, UploadPart.FILES, zip_of("other"), by=Actor.person(support), name="other.zip")

    answer = client.post(address("upload_confirm", target), {"confirm": target.name, "brought": brought(page)})

    assert answer.status_code == 409
    assert "Something has changed since this page was opened" in text(answer, id="summary")
    assert "other.zip" in text(answer, class_="loss")
    assert not Operation.objects.filter(kind="upload").exists()
    again = client.post(address("upload_confirm", target), {"confirm": target.name, "brought": brought(answer)})
    assert again.status_code == 302


def test_a_running_app_leads_back_to_its_stop(
    target: Environment, archive: Upload, stopped_app: App, client: Client, address: Address
) -> None:
    page = client.get(address("upload_confirm", target))
    stopped_app.start()

    answer = client.post(address("upload_confirm", target), {"confirm": target.name, "brought": brought(page)})

    assert answer.status_code == 409
    assert texts(answer, class_="is-primary") == ["Stop application"]
    assert not Operation.objects.filter(kind="upload").exists()


def test_a_busy_environment_refuses(target: Environment, archive: Upload, client: Client, address: Address) -> None:
    page = client.get(address("upload_confirm", target))
    OperationFactory(environment=target, running=True, requested_by_name="Ines Duarte")

    answer = client.post(address("upload_confirm", target), {"confirm": target.name, "brought": brought(page)})

    assert answer.status_code == 409
    assert "asked for by Ines Duarte" in text(answer, id="summary")


def test_an_archive_without_files_is_asked_about(
    target: Environment, support: User, client: Client, address: Address
) -> None:
    bring(target, UploadPart.FILES, zip_of(), by=Actor.person(support), name="empty.zip")
    page = client.get(address("upload_confirm", target))
    given = {"confirm": target.name, "brought": brought(page)}

    unsaid = client.post(address("upload_confirm", target), given)
    said = client.post(address("upload_confirm", target), {**given, "allow_empty": "on"})

    assert "Yes, make it empty" in text(page, class_="tick")
    assert unsaid.status_code == 422
    assert "The archive holds no file." in text(unsaid, id="summary")
    assert said.status_code == 302


def test_far_fewer_files_are_a_warning(target: Environment, support: User, client: Client, address: Address) -> None:
    for number in range(40):
        (Path(target.files_directory) / f"{number}").touch()
    bring(target, UploadPart.FILES, zip_of("a"), by=Actor.person(support))

    page = client.get(address("upload_confirm", target))

    assert "far fewer files" in text(page, class_="is-warn")


def test_production_wants_a_fresh_proof_of_who_asks(
    target: Environment, archive: Upload, support: User, address: Address
) -> None:
    target.is_production = True
    target.save()
    client = signed_in(support, seconds_ago=3600)
    page = client.get(address("upload_confirm", target))

    answer = client.post(address("upload_confirm", target), {"confirm": target.name, "brought": brought(page)})

    assert answer.status_code == 302
    assert answer["Location"].startswith("/account/proof/")
    assert not Operation.objects.filter(kind="upload").exists()
