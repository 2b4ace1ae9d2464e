"""Tests' own uploaded files: what is put into a bucket is there."""

from collections.abc import Callable

import pytest

from backups.storage.documents_store import store_of
from environments.models import Environment
from tests.stores.uploads import Uploads


@pytest.mark.parametrize("kind", ["uploads", "scripted_uploads"])
def test_uploads_are_there_and_gone_again(kind: str, request: pytest.FixtureRequest) -> None:
    uploads: Uploads = request.getfixturevalue(kind)
    uploads.put_all({"a/1.txt": b"one", "b.txt": b"two", "c & ü.txt": b"three"})
    uploads.put("d.txt", "four", ContentType="text/x-own", Metadata={"who": "me"})
    uploads.remove("b.txt")
    assert uploads.contents() == {"a/1.txt": b"one", "c & ü.txt": b"three", "d.txt": b"four"}
    assert uploads.keys(uploads.prefix) == [f"{uploads.prefix}/{name}" for name in uploads.names()]
    assert uploads.headers("d.txt")["ContentType"] == "text/x-own"


@pytest.mark.django_db(transaction=True)
def test_an_environment_may_keep_its_files_there(
    make_bucket_place: Callable[..., Environment], uploads: Uploads
) -> None:
    place = make_bucket_place(uploads, "CREATE TABLE one (id int)", name="Live")
    assert place.files_address == uploads.address
    store_of(place.files_address).look()
