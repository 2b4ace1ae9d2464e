"""A web server killed in the middle of a piece: the file goes on from what was safe, and is whole at the end."""

import base64
import hashlib
import http.client
import io
import os
import secrets
import zipfile
from collections.abc import Iterator
from contextlib import closing, suppress
from email.message import Message

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from backups.choices import UploadState
from backups.models import Upload
from backups.storage import spool
from backups.transfer import SAFE_EVERY_BYTES
from environments.choices import Role
from environments.lifecycle.run import run_here
from environments.models import Environment
from tests.backups.conftest import keep, stopped_app, target
from tests.factories import MembershipFactory, UserFactory
from tests.journeys.site import Site, site
from tests.workers import eventually

__all__ = ["keep", "site", "stopped_app", "target"]
pytestmark = pytest.mark.django_db(transaction=True)
BLOCK = 1 << 20
ENOUGH = 2 * SAFE_EVERY_BYTES + 3 * BLOCK


class Sender:
    """Somebody's browser, as far as the protocol goes."""

    def __init__(self, site: Site, person: User) -> None:
        client = Client()
        client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
        session, token = client.cookies[settings.SESSION_COOKIE_NAME].value, secrets.token_hex(16)
        cookies = f"{settings.SESSION_COOKIE_NAME}={session}; {settings.CSRF_COOKIE_NAME}={token}"
        self.headers = {"Tus-Resumable": "1.0.0", "Cookie": cookies, "X-CSRFToken": token}
        self.site = site

    def begin(self, place: Environment, size: int) -> str:
        """The address of a new upload."""
        metadata = ",".join(f"{name} {base64.b64encode(value).decode()}" for name, value in METADATA.items())
        doors = reverse("backups:transfers", args=[place.app.slug, place.slug])
        return self.ask("POST", doors, **{"Upload-Length": str(size), "Upload-Metadata": metadata})["Location"]

    def ask(self, method: str, address: str, body: bytes = b"", **headers: str) -> Message:
        """The answer's headers."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.site.port, timeout=30)) as line:
            line.request(method, address, body, {**self.headers, **headers})
            with line.getresponse() as answer:
                assert answer.status < 300, answer.read()
                return answer.headers

    def begin_to_send(self, address: str, blocks: Iterator[bytes], size: int) -> http.client.HTTPConnection:
        """A piece of `size` bytes of which only these blocks are ever sent."""
        line = http.client.HTTPConnection("127.0.0.1", self.site.port, timeout=30)
        line.putrequest("PATCH", address)
        piece = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": "0", "Content-Length": str(size)}
        for name, value in {**self.headers, **piece}.items():
            line.putheader(name, value)
        line.endheaders()
        for block in blocks:
            line.send(block)
        return line


METADATA = {"filename": b"large.zip", "part": b"files"}


def ended_at(sender: Sender, door: str) -> int:
    """Where the file ends; 0 as long as the server is still coming."""
    with suppress(ConnectionError, http.client.HTTPException):
        return int(sender.ask("HEAD", door)["Upload-Offset"])
    return 0


def test_a_file_cut_in_the_middle_goes_on_after_the_server_was_killed(target: Environment, site: Site) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("large.bin", os.urandom(2 * ENOUGH))
    content = made.getvalue()
    person = UserFactory()
    MembershipFactory(app=target.app, user=person, role=Role.OPERATOR)
    sender = Sender(site, person)
    door = sender.begin(target, len(content))

    first = (content[at : at + BLOCK] for at in range(0, ENOUGH, BLOCK))
    line = sender.begin_to_send(door, first, len(content))
    eventually(lambda: spool.path_of(Upload.objects.get().pk).stat().st_size == ENOUGH)
    site.kill()
    line.close()
    site.start()

    told = eventually(lambda: ended_at(sender, door))
    assert 2 * SAFE_EVERY_BYTES <= told < ENOUGH
    piece = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": str(told)}
    assert sender.ask("PATCH", door, content[told:], **piece)["Upload-Offset"] == str(len(content))
    upload = Upload.objects.get()
    assert upload.state == UploadState.HERE and upload.examination
    run_here(upload.examination)
    upload.refresh_from_db()
    assert (upload.state, upload.sha256) == (UploadState.GOOD, hashlib.sha256(content).hexdigest())
