"""A bucket's objects, told as a directory's files would be."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backups.errors import FilesStoreUnreachable, FilesUnreadable
from backups.storage.base import sort_key
from backups.storage.bucket_object import FoundObject
from backups.storage.columns import FolderRecord
from backups.storage.documents_store import store_of
from tests.stores.scripted import ScriptedStore
from tests.stores.shelves import Object
from tests.stores.uploads import Uploads

from .trip import files_in

CLOSE_TO_A_SLASH = " !#%&'()*+,-.012aé\x01\x7f"
NAMES = st.text(CLOSE_TO_A_SLASH, min_size=1, max_size=3).filter(lambda name: name not in (".", ".."))
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)


def put(store: ScriptedStore, *keys: str, content: bytes = b"x") -> None:
    """Past all requests: many, or such as a client would not send."""
    for key in keys:
        store.shelves.objects[key] = Object(content, {"ETag": f'"{len(key)}"'})


def found(uploads: Uploads) -> list[str]:
    return [one.path for one in store_of(uploads.address).walk() if isinstance(one, FoundObject)]


def test_files_come_in_the_order_in_which_a_directory_tells_them(
    scripted_store: ScriptedStore, scripted_uploads: Uploads
) -> None:
    @given(st.sets(PATHS, max_size=12))
    def check(paths: set[str]) -> None:
        files = {path for path in paths if not any(other.startswith(f"{path}/") for other in paths)}
        scripted_store.shelves.objects.clear()
        put(scripted_store, *(f"app/uploads/{path}" for path in files))
        put(scripted_store, "app/uploads.portal-1/x", "app/upload", "app/uploads0")
        assert found(scripted_uploads) == sorted(files, key=sort_key)

    check()


def test_a_directory_with_the_same_names_tells_them_alike(
    scripted_store: ScriptedStore, scripted_uploads: Uploads, tmp_path: Path
) -> None:
    names = ["a", "a b/1", "a-/2", "a.txt", "b/c", "b!", "b.d/e/f", "b0", "ü/x", "u/y", "Z"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    put(scripted_store, *(f"app/uploads/{name}" for name in names))
    there = [one.path for one in files_in(tmp_path).walk() if not isinstance(one, FolderRecord)]
    assert found(scripted_uploads) == there


def test_a_folder_with_an_object_of_its_own_is_a_folder(
    scripted_store: ScriptedStore, scripted_uploads: Uploads
) -> None:
    put(scripted_store, *(f"app/uploads/{name}" for name in ("", "empty/", "full/", "more/")), content=b"")
    put(scripted_store, "app/uploads/full/1", "app/uploads/full.txt", "app/uploads/implied/1")
    walked = list(store_of(scripted_uploads.address).walk())
    assert [one.path for one in walked] == ["empty", "full", "full/1", "full.txt", "implied/1", "more"]
    assert [one.is_empty for one in walked if isinstance(one, FolderRecord)] == [True, False, True]
    assert store_of(scripted_uploads.address).measure() == (3, 3)


def test_what_the_portal_keeps_there_does_not_count(scripted_store: ScriptedStore) -> None:
    put(scripted_store, ".portal/generation", ".portal-in-1/a", ".portal-was-1/b", "c", ".portaled", "d/.portal/e")
    whole = Uploads(scripted_store.endpoint, "")
    assert found(whole) == [".portaled", "c", "d/.portal/e"]
    assert store_of(whole.address).measure() == (3, 3)
    put(scripted_store, "d/.portal-/f")
    assert found(Uploads(scripted_store.endpoint, "d")) == [".portal-/f"]


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        (["a//b"], "a//b in the uploaded files is no path of a file"),
        (["/a"], "/a in the uploaded files is no path"),
        (["a/../b"], "is no path"),
        (["./a"], "is no path"),
        (["a/."], "is no path"),
        (["a//"], "is no path"),
        (["a\0b"], r"a\\x00b in the uploaded files is no path"),
        (["a", "a/b"], "a in the uploaded files is a file and a folder at once"),
        (["a", "a.txt", "a0", "a/b/c"], "a in the uploaded files is a file and a folder"),
        (["a", "a/"], "a in the uploaded files is a file and a folder at once"),
        (["b/a/"], "b/a/ in the uploaded files has the name of a folder and holds something"),
        (["ü" * 128], "has a part of more than 255 bytes"),
        (["a/" * 201 + "b"], "lies more than 200 folders deep"),
    ],
    ids=str,
)
def test_a_key_that_no_file_can_have_refuses_the_backup(
    scripted_store: ScriptedStore, scripted_uploads: Uploads, keys: list[str], why: str
) -> None:
    put(scripted_store, *(f"app/uploads/{key}" for key in keys), "app/uploads/harmless")
    with pytest.raises(FilesUnreadable, match=f"The object .*{why}.* No backup was made. Give it another key"):
        found(scripted_uploads)


def test_names_of_the_greatest_length_and_depth_are_taken(
    scripted_store: ScriptedStore, scripted_uploads: Uploads
) -> None:
    keys = ["a/" * 200 + "b", "x" * 255, "tab\tand\nline"]
    put(scripted_store, *(f"app/uploads/{key}" for key in keys))
    assert found(scripted_uploads) == keys[:1] + keys[2:] + keys[1:2]


def test_half_a_list_is_no_list(scripted_store: ScriptedStore, scripted_uploads: Uploads) -> None:
    put(scripted_store, *(f"app/uploads/{number}" for number in range(9)))
    scripted_store.will("list", "refuse", times=99, skips=2)
    with pytest.raises(FilesStoreUnreachable, match="The store of uploaded files at s3://vaults/app/uploads fails"):
        found(scripted_uploads)


def test_somebody_is_told_while_the_list_is_fetched(scripted_store: ScriptedStore, scripted_uploads: Uploads) -> None:
    put(scripted_store, *(f"app/uploads/{number}" for number in range(9)))
    told: list[None] = []
    next(store_of(scripted_uploads.address).walk(lambda: told.append(None)))
    assert len(told) >= 3
