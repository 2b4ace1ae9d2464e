"""A bucket that changes, breaks off, refuses or dies while uploaded files are read from it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from backups.errors import FilesStoreUnreachable, FilesUnreadable
from backups.storage.bucket_object import OpenedObject
from backups.storage.columns import FRAME
from backups.storage.documents_store import DocumentsStore, store_of
from backups.storage.vault import Vault
from tests.stores.rclone import RcloneStore
from tests.stores.scripted import ScriptedStore
from tests.stores.shelves import Object
from tests.stores.uploads import Uploads
from tests.stores.vaults import BUCKET

from .test_bucket_documents import KINDS, as_tree
from .test_documents_faults import threads
from .trip import contents, keep, noise


@pytest.fixture
def source(scripted_uploads: Uploads) -> DocumentsStore:
    scripted_uploads.put_all(KINDS)
    return store_of(scripted_uploads.address)


def on_first_piece(monkeypatch: pytest.MonkeyPatch, name: str, meddle: Callable[[], None], times: int = 1) -> None:
    """Lets somebody meddle when the first bytes of this object have come."""
    first, left = OpenedObject._first, [times]

    def first_and_meddle(opened: OpenedObject) -> None:
        first(opened)
        if opened._found.path == name and left[0]:
            left[0] -= 1
            meddle()

    monkeypatch.setattr(OpenedObject, "_first", first_and_meddle)


@contextmanager
def leaving_no_thread() -> Iterator[None]:
    yield
    assert threads() == set()


def test_an_object_that_vanishes_is_skipped(
    scripted_uploads: Uploads, source: DocumentsStore, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = list(source.walk())
    scripted_uploads.remove("b.bin")
    monkeypatch.setattr(source, "walk", lambda *_: (one for one in found))
    kept = keep(source, vault)
    assert b"b.bin" not in contents(vault, kept)
    assert kept.saved.files_count == len(KINDS) - 1


def test_an_object_that_changes_is_taken_as_it_became(
    scripted_store: ScriptedStore,
    scripted_uploads: Uploads,
    source: DocumentsStore,
    vault: Vault,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Once between list and reading, once while it is read and the answer breaks off."""
    found = list(source.walk())
    scripted_uploads.put("b/c.jpg", noise(5000, 3))
    scripted_uploads.put("b.bin", noise(3 << 20, 1))
    scripted_store.will("get", "cut", length=2 << 20, skips=3)
    on_first_piece(monkeypatch, "b.bin", lambda: scripted_uploads.put("b.bin", noise(3 << 20, 2)))
    monkeypatch.setattr(source, "walk", lambda *_: (one for one in found))
    source.pace = source.pace._replace(threads=1)
    kept = keep(source, vault)
    assert contents(vault, kept) == as_tree(scripted_uploads)
    assert kept.saved.changed_count == 0


@pytest.mark.parametrize("size", [3 << 20, FRAME + (3 << 20)])
def test_an_object_that_changes_whenever_it_is_read_refuses_the_backup(
    size: int,
    scripted_store: ScriptedStore,
    scripted_uploads: Uploads,
    vault: Vault,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scripted_uploads.put("b.bin", noise(size))
    scripted_store.will("get", "cut", length=2 << 20, times=99)
    numbers = iter(range(1, 99))
    on_first_piece(monkeypatch, "b.bin", lambda: scripted_uploads.put("b.bin", noise(size, next(numbers))), 99)
    with (
        leaving_no_thread(),
        pytest.raises(FilesUnreadable, match=r"b\.bin in the uploaded files changes, or"),
    ):
        keep(store_of(scripted_uploads.address), vault)


def test_a_large_object_that_changes_once_is_stored_as_it_became(
    scripted_store: ScriptedStore, scripted_uploads: Uploads, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = 2 * FRAME + 5
    scripted_uploads.put("large", noise(size))
    scripted_store.will("get", "cut", length=FRAME + 9)
    on_first_piece(monkeypatch, "large", lambda: scripted_uploads.put("large", noise(size, 2)))
    kept = keep(store_of(scripted_uploads.address), vault)
    assert contents(vault, kept) == {b"large": noise(size, 2)}


def test_a_large_object_that_breaks_off_is_gone_on_with(
    scripted_store: ScriptedStore, scripted_uploads: Uploads, vault: Vault
) -> None:
    scripted_uploads.put("large", noise(2 * FRAME + 5))
    scripted_store.will("get", "cut", length=FRAME + 9, times=1)
    scripted_store.will("get", "cut", length=77, times=2)
    kept = keep(store_of(scripted_uploads.address), vault)
    assert contents(vault, kept) == as_tree(scripted_uploads)


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ({"status": 403, "code": "AccessDenied"}, "could not be read. Access is denied in the store of uploaded files"),
        ({"status": 403, "code": "ExpiredToken"}, "could not be read. The credentials for the store of uploaded files"),
        ({"status": 403, "code": "InvalidObjectState"}, "could not be read. The object lies in an archive"),
        ({"status": 500, "code": "InternalError"}, "could not be read. The store of uploaded files at s3://.* fails"),
    ],
    ids=["denied", "expired", "archived", "failing"],
)
def test_an_object_that_cannot_be_read_refuses_the_backup_by_name(
    fault: dict[str, object], sentence: str, scripted_store: ScriptedStore, source: DocumentsStore, vault: Vault
) -> None:
    scripted_store.will("get", "refuse", times=999, skips=2, **fault)
    with leaving_no_thread(), pytest.raises(FilesStoreUnreachable, match=sentence):
        keep(source, vault)


def test_passing_faults_are_outlived(
    scripted_store: ScriptedStore, scripted_uploads: Uploads, source: DocumentsStore, vault: Vault
) -> None:
    for how in ("refuse", "drop", "lose", "cut"):
        scripted_store.will("get", how, times=1)
        scripted_store.will("list", "refuse", times=1)
    kept = keep(source, vault)
    assert contents(vault, kept) == as_tree(scripted_uploads)


def test_a_store_that_is_slow_is_waited_for_and_read_by_many_at_once(
    scripted_store: ScriptedStore, scripted_uploads: Uploads, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(160):
        scripted_store.shelves.objects[f"app/uploads/{number}"] = Object(b"x", {"ETag": f'"{number}"'})
    scripted_store.will("get", "slow", times=160, seconds=0.1)
    first, lock, now, most = OpenedObject._first, threading.Lock(), [0], [0]

    def counted(opened: OpenedObject) -> None:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        first(opened)
        with lock:
            now[0] -= 1

    monkeypatch.setattr(OpenedObject, "_first", counted)
    kept = keep(store_of(scripted_uploads.address), vault)
    assert kept.saved.files_count == 160
    assert 8 <= most[0] <= 16


def test_a_store_that_dies_in_the_middle_is_said(uploads: Uploads, vault: Vault, tmp_path: Path) -> None:
    own = RcloneStore(tmp_path)
    own.make_bucket(BUCKET)
    own.start()
    mine = Uploads(own.endpoint, "app")
    mine.put_all({f"{number}": bytes([number]) * (1 << 20) for number in range(60)})

    def beat(done: int, total: int | None) -> None:
        if done > 500_000:
            own.stop()

    try:
        with leaving_no_thread(), pytest.raises(FilesStoreUnreachable, match=r"nothing answers at|breaks off"):
            keep(store_of(mine.address), vault, beat=beat)
    finally:
        own.stop()


def test_an_object_that_is_listed_and_never_given_refuses_the_backup(
    scripted_store: ScriptedStore, source: DocumentsStore, vault: Vault
) -> None:
    source.pace = source.pace._replace(threads=1)
    scripted_store.will("get", "refuse", times=99, skips=2, status=404, code="NoSuchKey")
    with leaving_no_thread(), pytest.raises(FilesUnreadable, match=r"in the uploaded files changes, or breaks off"):
        keep(source, vault)


def test_a_name_that_is_no_utf8_refuses_the_backup(
    scripted_store: ScriptedStore, source: DocumentsStore, vault: Vault
) -> None:
    scripted_store.shelves.objects["app/uploads/odd\udcff.txt"] = Object(b"x", {"ETag": '"1"'})
    with leaving_no_thread(), pytest.raises(FilesUnreadable, match=r"odd.\.txt in the uploaded files has a name that"):
        keep(source, vault)
