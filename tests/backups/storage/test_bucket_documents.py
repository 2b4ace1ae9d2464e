"""Uploaded files in a bucket are packed as those of a directory are: what is unchanged is not even asked for."""

from pathlib import Path

import pytest

from backups.storage.columns import FRAME
from backups.storage.documents_store import DocumentsStore, store_of
from backups.storage.packs import PackReader
from backups.storage.unpack import unpack
from backups.storage.vault import Vault
from environments.files_address import FilesAddress
from tests.stores.scripted import ScriptedStore
from tests.stores.uploads import Uploads

from .trip import contents, files_in, keep, noise, tree

KINDS = {"app/report.txt": b"text " * 30, "app/empty": b"", "b.bin": noise(100_000), "b/c.jpg": noise(3000), "ü": b"u"}


@pytest.fixture
def source(scripted_uploads: Uploads) -> DocumentsStore:
    scripted_uploads.put_all(KINDS)
    return store_of(scripted_uploads.address)


def as_tree(uploads: Uploads) -> dict[bytes, bytes | None]:
    return {name.encode(): content for name, content in uploads.contents().items()}


def test_a_real_bucket_comes_back_byte_for_byte(uploads: Uploads, vault: Vault) -> None:
    uploads.put_all({**KINDS, **{f"many/{number % 7}/{number}.bin": noise(number, number) for number in range(300)}})
    uploads.put("large", noise(2 * FRAME + 77))
    kept = keep(store_of(uploads.address), vault)
    assert contents(vault, kept) == as_tree(uploads)
    assert (kept.saved.files_count, kept.saved.changed_count) == (306, 0)


def test_what_is_unchanged_is_not_read(scripted_store: ScriptedStore, source: DocumentsStore, vault: Vault) -> None:
    first = keep(source, vault)
    scripted_store.asked.clear()
    again = keep(source, vault, first)
    assert set(scripted_store.asked) == {"list"}
    assert again.saved.stored_bytes == 0
    assert contents(vault, again) == contents(vault, first)


def test_what_is_young_is_read_once_more(scripted_store: ScriptedStore, source: DocumentsStore, vault: Vault) -> None:
    first = keep(source, vault, is_trusted=False)
    scripted_store.asked.clear()
    keep(source, vault, first)
    assert scripted_store.asked.count("get") == len(KINDS)


def test_what_changed_came_and_went_is_seen(
    scripted_store: ScriptedStore, scripted_uploads: Uploads, source: DocumentsStore, vault: Vault
) -> None:
    first = keep(source, vault)
    scripted_uploads.put("b/c.jpg", noise(3000, 9))
    scripted_uploads.put("app/report.txt", KINDS["app/report.txt"])
    scripted_uploads.put("new", "new")
    scripted_uploads.remove("b.bin")
    scripted_store.asked.clear()
    again = keep(source, vault, first)
    assert scripted_store.asked.count("get") == 3
    assert again.saved.stored_bytes == 3003
    assert contents(vault, again) == as_tree(scripted_uploads)


def test_other_content_of_the_same_moment_and_size_is_seen(
    scripted_store: ScriptedStore, scripted_uploads: Uploads, source: DocumentsStore, vault: Vault
) -> None:
    first = keep(source, vault)
    before = scripted_store.shelves.objects["app/uploads/ü"]
    scripted_uploads.put("ü", "v")
    scripted_store.shelves.objects["app/uploads/ü"].changed_at = before.changed_at
    assert contents(vault, keep(source, vault, first))["ü".encode()] == b"v"


def test_a_store_without_etags_is_read_each_time(
    scripted_store: ScriptedStore, source: DocumentsStore, vault: Vault
) -> None:
    for one in scripted_store.shelves.objects.values():
        one.headers["ETag"] = ""
    scripted_store.asked.clear()
    again = keep(source, vault, keep(source, vault))
    assert scripted_store.asked.count("get") == 2 * len(KINDS)
    assert again.saved.stored_bytes == 0


def test_what_is_kept_beside_the_bytes_is_in_the_manifest_and_stays_there(
    scripted_uploads: Uploads, vault: Vault
) -> None:
    own = {"ContentType": "image/svg+xml", "CacheControl": "no-store", "Metadata": {"who": "me"}}
    scripted_uploads.put_all({"a": b"a", "c": b"c"})
    scripted_uploads.put("b", "b", **own)
    source = store_of(scripted_uploads.address)
    first = keep(source, vault)
    scripted_uploads.put("d", "d", ContentType="text/x-d")
    second = keep(source, vault, first)
    third = keep(source, vault, second)
    for kept in (second, third):
        assert {row.path: row.headers for row in kept.reader.files()} == {
            "a": None,
            "b": own,
            "c": None,
            "d": {"ContentType": "text/x-d"},
        }


def test_a_tree_keeps_nothing_beside_its_bytes(root: Path, vault: Vault) -> None:
    (root / "a").write_text("a")
    kept = keep(root, vault)
    assert [columns.headers for columns in kept.reader.file_columns()] == [[]]
    assert contents(vault, kept) == tree(root)


def test_a_large_object_that_only_moved_is_not_stored_again(scripted_uploads: Uploads, vault: Vault) -> None:
    scripted_uploads.put("large", noise(FRAME + 5))
    source = store_of(scripted_uploads.address)
    first = keep(source, vault)
    scripted_uploads.put("elsewhere/large", noise(FRAME + 5))
    scripted_uploads.remove("large")
    again = keep(source, vault, first)
    assert again.saved.stored_bytes == 0
    assert contents(vault, again) == as_tree(scripted_uploads)


def test_what_was_kept_of_a_bucket_is_put_back_with_what_stands_beside_the_bytes(
    scripted_uploads: Uploads, vault: Vault, tmp_path: Path
) -> None:
    own = {
        "ContentType": "text/x-own",
        "CacheControl": "no-store",
        "ContentEncoding": "gzip",
        "Metadata": {"who": "me"},
    }
    scripted_uploads.put("a.svg", "a", **own)
    scripted_uploads.put_all({"b/c": b"c" * 9, "empty/": b""})
    store = store_of(scripted_uploads.address)
    kept = keep(store, vault)
    place = store.staging("1")
    with store.opened(place) as writer:
        unpack(kept.reader, PackReader(vault), writer, beat=lambda *_: None)
    there = Uploads(scripted_uploads.address.endpoint, FilesAddress.parse(place).prefix)
    assert {name: there.get(name) for name in scripted_uploads.names()} == scripted_uploads.contents()
    told = there.headers("a.svg")
    assert {name: told[name] for name in own} == own

    (tmp_path / "live").mkdir()
    directory = files_in(tmp_path / "live")
    directory.make(directory.staging("1"))
    with directory.opened(directory.staging("1")) as writer:
        unpack(kept.reader, PackReader(vault), writer, beat=lambda *_: None)
    assert tree(Path(directory.staging("1"))) == {b"a.svg": b"a", b"b": None, b"b/c": b"c" * 9, b"empty": None}
