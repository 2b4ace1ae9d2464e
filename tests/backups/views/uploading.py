"""What tests of Upload Data share: a stopped place, who may upload there, and files to bring."""

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from backups.models import Upload
from environments.models import Environment
from tests.apps import App

from .conftest import SignIn


@pytest.fixture
def place(acceptance: Environment, stopped_app: App, tmp_path: Path) -> Environment:
    """A stopped environment."""
    files = tmp_path / "files"
    files.mkdir()
    acceptance.commands, acceptance.files_directory = stopped_app.commands, str(files)
    acceptance.save()
    return acceptance


@pytest.fixture
def client(sign_in: SignIn, operator: User) -> Client:
    return sign_in(operator)


def zip_of(*names: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name in names:
            archive.writestr(name, name)
    return made.getvalue()


def send(client: Client, door: str, content: bytes, part: str = "files", name: str = "files.zip") -> Any:
    return client.post(door, {"part": part, "file": SimpleUploadedFile(name, content)})


def one(place: Environment, name: str, upload: Upload) -> str:
    return reverse(f"backups:{name}", args=[place.app.slug, place.slug, upload.pk])
