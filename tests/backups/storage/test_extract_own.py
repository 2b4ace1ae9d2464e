"""Archives of our own, and full backups: their files lie below tree/, their names may be any, the dump comes along."""

import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backups.errors import UploadRefused
from backups.storage.extract import Inspection

from . import tars, zips
from .unpacking import look, tree, unpack

DUMP = b"PGDMP\1\x0e\0\4\x08\1" + b"\0\0\0\0\0" * 20 + bytes(range(256)) * 500
METADATA = json.dumps({"format": "portal-archive/1", "model_version": "1.4.2"}).encode()
NAMES = {
    "tree/a%0Ab.txt": "a\nb.txt",
    "tree/%E4/x": "\udce4/x",
    "tree/50%25%1B": "50%\x1b",
    "tree/%07": "\x07",
    "tree/a%250A": "a%0A",
}

Maker = Callable[[dict[str, bytes]], bytes]


def _zip(files: dict[str, bytes]) -> bytes:
    return zips.make_zip(*(zips.Entry(name.encode(), content, 0) for name, content in files.items()))


def _tar_gz(files: dict[str, bytes]) -> bytes:
    members = (
        tars.long_name(name.encode()) * (len(name) > 100) + tars.file(name.encode()[:100], content)
        for name, content in files.items()
    )
    return tars.gzip(b"".join(members) + tars.END)


@pytest.fixture(params=[_zip, _tar_gz], ids=["zip", "tar.gz"])
def make(request: pytest.FixtureRequest) -> Maker:
    maker: Maker = request.param
    return maker


def _own(names: dict[str, Any] | bytes | None = None, **more: bytes) -> dict[str, bytes]:
    listed = names if isinstance(names, bytes) else json.dumps(names or {}).encode()
    files = {f"tree/{name}": content for name, content in more.items()} or {"tree/a.txt": b"a"}
    return {**files, "SHA256SUMS": b"", "NAMES.json": listed, ".metadata": METADATA, "README.txt": b"Read me."}


def _refused(content: bytes) -> str:
    with pytest.raises(UploadRefused) as caught:
        look(content)
    return caught.value.code


def test_a_full_backup_brings_files_and_dump(make: Maker, tmp_path: Path) -> None:
    taken = io.BytesIO()
    seen = unpack(make({"db/db.backup": DUMP} | _own(**{"d/a.txt": b"a", "b": b"bb"})), tmp_path, dump_into=taken)

    assert tree(tmp_path) == {"b": b"bb", "d": None, "d/a.txt": b"a"}
    assert taken.getvalue() == DUMP
    assert seen.dump and (seen.dump.bytes, seen.dump.sha256) == (len(DUMP), hashlib.sha256(DUMP).hexdigest())
    assert seen.dump.header.version == (1, 14, 0)
    assert (seen.root, seen.files, seen.bytes, seen.has_metadata) == ("tree/", 2, 3, True)
    assert seen.metadata and seen.metadata["model_version"] == "1.4.2"
    assert Inspection.from_json(seen.to_json()) == seen


def test_the_dump_is_left_where_it_is_unless_asked_for(make: Maker, tmp_path: Path) -> None:
    unpack(make({"db/db.backup": DUMP} | _own()), tmp_path)
    assert tree(tmp_path) == {"a.txt": b"a"}


def test_a_full_backup_needs_no_metadata_and_no_files(make: Maker, tmp_path: Path) -> None:
    seen = unpack(make({"tree/aa/bb/cc": b"1", "db/db.backup": DUMP}), tmp_path)
    assert (tree(tmp_path)["aa/bb/cc"], seen.root, seen.has_metadata) == (b"1", "tree/", False)

    alone = look(make({"db/db.backup": DUMP}))
    assert alone.dump and alone.files == 0


def test_files_alone_come_from_below_tree(make: Maker, tmp_path: Path) -> None:
    seen = unpack(make(_own()), tmp_path)
    assert tree(tmp_path) == {"a.txt": b"a"} and seen.dump is None


@pytest.mark.parametrize("form", ["whole", "below"])
def test_written_names_come_back(make: Maker, form: str, tmp_path: Path) -> None:
    names = {key: f"tree/{name}" for key, name in NAMES.items()} if form == "whole" else NAMES
    files = {key.removeprefix("tree/"): key.encode() for key in NAMES} | {"100%": b"stays", "%41": b"stays too"}
    seen = unpack(make(_own(names, **files)), tmp_path)

    assert seen.written_names == 5
    assert {name for name, content in tree(tmp_path).items() if content is not None} == {
        *NAMES.values(),
        "100%",
        "%41",
    }


def test_written_names_come_back_from_a_stored_inspection(make: Maker, tmp_path: Path) -> None:
    content = make(_own({"tree/%01": "\x01"}, **{"%01": b"x"}))
    stored = Inspection.from_json(json.loads(json.dumps(look(content).to_json())))

    unpack(content, tmp_path, stored)

    assert tree(tmp_path) == {"\x01": b"x"}


def test_our_own_may_hold_names_that_others_may_not(make: Maker, tmp_path: Path) -> None:
    odd = {
        name: name.encode()
        for name in ("a\\b", "C:", "a.txt", "A.txt", "é", "e\u0301", "\x9b", "．．", "docs/a", "Docs/b")
    }
    unpack(make(_own(**odd)), tmp_path)
    assert {name for name, content in tree(tmp_path).items() if content is not None} == set(odd)

    assert _refused(make({"tree/A": b"", "tree/a": b""})) == "case-clash"
    for name in ("a\\b", "C:/x", "\x9b", "．．/x"):
        assert _refused(make({f"tree/{name}": b""})).startswith("name-")


def test_a_long_name_may_be_longer_while_written(make: Maker, tmp_path: Path) -> None:
    name = "\x01" * 255
    written = "%01" * 255
    unpack(make(_own({f"tree/{written}": name}, **{written: b"x"})), tmp_path)
    assert tree(tmp_path) == {name: b"x"}

    assert _refused(make(_own({}, **{written: b"x"}))) == "part-too-long"


@pytest.mark.parametrize(
    "names",
    [
        {"tree/a%0Ab": "something else"},
        {"tree/%2E%2E/x": "../x"},
        {"tree/%2E%2E/%01": "../\x01"},
        {"tree/a%2F%01": "a/\x01"},
        {"tree/%00": "\0"},
        {"tree/a": "a"},
        {"tree/%41": "A"},
        {"tree/%61%01": "a\x01"},
        {"tree/a%0ab": "a\nb"},
        {"%01": "\x01"},
        b'{"tree/%01": "\\u0001", "tree/%01": "\\u0001"}',
        {"tree//%01": "/\x01"},
        {"tree/" + "%01" * 256: "\x01" * 256},
        {"tree/%01": "\ud800"},
        {"tree/%01": 1},
        ["tree/%01"],
        b"",
        b"{",
        b'{"tree/%01": "\\u0001"',
        b'{"tree/%01": "\\u0001",}',
        b'{"tree/%01": "\\u0001"} and more',
        b'{"tree/%01": "\\u0001"}{"tree/%02": "\\u0002"}',
        b'{"' + b"x" * (300 << 10),
        b'{"tree/%01": "\\u0001"} "tree/%02": "\\u0002"}',
        b"\xff\xfe",
    ],
    ids=lambda names: str(names)[:40],
)
def test_a_list_of_names_that_does_not_fit_is_refused(make: Maker, names: Any) -> None:
    listed = names if isinstance(names, bytes) else json.dumps(names).encode()
    assert _refused(make(_own(listed))) == "names-list"


def test_two_files_of_one_name_are_refused_when_unpacked(make: Maker, tmp_path: Path) -> None:
    """A name that looks written and is not listed falls together with one that is."""
    content = make(_own({"tree/a%250A": "a%0A"}, **{"a%250A": b"1", "a%0A": b"2"}))
    with pytest.raises(UploadRefused) as caught:
        unpack(content, tmp_path)
    assert caught.value.code == "duplicate"


def test_a_list_of_names_is_just_a_file_elsewhere(make: Maker, tmp_path: Path) -> None:
    unpack(make({"NAMES.json": b"{", "tree/a": b"a", ".metadata": b"no JSON"}), tmp_path)
    assert set(tree(tmp_path)) == {"NAMES.json", "tree", "tree/a", ".metadata"}


@pytest.mark.parametrize("more", [{"other.txt": b""}, {"db/other": b""}, {"tree": b""}, {".metadata/x": b""}])
def test_what_has_more_in_it_keeps_its_paths(make: Maker, more: dict[str, bytes], tmp_path: Path) -> None:
    files = (
        {"NAMES.json": b"{}", "README.txt": b""}
        | more
        | {"db/db.backup": DUMP}
        | ({} if ".metadata/x" in more else {".metadata": b"{}"})
    )
    seen = unpack(make(files), tmp_path)

    assert {name for name, content in tree(tmp_path).items() if content is not None} == set(files)
    assert (seen.root, seen.dump, seen.has_metadata) == ("", None, False)


@pytest.mark.parametrize("metadata", [b"", b"[]", b"{", b"\xff", b'{"a": "' + b"x" * (70 << 10) + b'"}', b"[" * 60_000])
def test_metadata_that_is_none_makes_no_archive_of_ours(make: Maker, metadata: bytes) -> None:
    seen = look(make({".metadata": metadata, "tree/a": b"a"}))
    assert (seen.root, seen.metadata) == ("", None)


@pytest.mark.parametrize(
    "dump", [b"", b"-- PostgreSQL database dump\n", b"PGDMP", DUMP[:5] + b"\1\x0e\0\4\x08\3" + DUMP[11:]]
)
def test_a_full_backup_with_another_dump_is_refused(make: Maker, dump: bytes) -> None:
    assert _refused(make({"db/db.backup": dump, "tree/a": b"a"})) in ("not-a-dump", "dump-damaged")


def test_an_archive_of_ours_without_files_is_empty(make: Maker) -> None:
    files = {name: content for name, content in _own().items() if not name.startswith("tree/")}
    assert _refused(make(files)) == "empty"
