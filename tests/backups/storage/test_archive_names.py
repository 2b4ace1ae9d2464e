"""Names in archives: all different, all readable, and the original can be told from each."""

import json
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backups.storage.archive_names import written_names
from backups.storage.archive_rows import name_pairs, rows_of
from backups.storage.columns import FolderColumns, FolderRecord

BYTES = st.lists(
    st.sampled_from([b"a", b"%", b"0", b"A", b"\n", b"\xe4", "ä".encode(), b"2", b"5", b"/", b"\x7f", b" "]),
    min_size=1,
    max_size=8,
).map(b"".join)


def text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


@pytest.mark.parametrize(
    ("name", "written"),
    [
        (b"plain", "plain"),
        (b"100%", "100%"),
        (b"%41", "%41"),
        (b"a%0ab", "a%0ab"),
        (b"back\\slash: \x80"[:12], "back\\slash: "),
        (b"a\nb", "a%0Ab"),
        (b"50%\x1b", "50%25%1B"),
        (b"\xe4/x", "%E4/x"),
        ("ä\x7f".encode(), "ä%7F"),
        (b"a%0Ab", "a%250Ab"),  # else it would meet the one above
        (b"a%250Ab", "a%25250Ab"),
    ],
)
def test_names_are_written_only_where_they_have_to_be(name: bytes, written: str) -> None:
    assert written_names([text(name)]) == [written]
    assert written_names(["other", text(name)]) == ["other", written]


@given(st.sets(BYTES, min_size=1, max_size=20))
def test_no_two_names_meet(names: set[bytes]) -> None:
    written = written_names([text(name) for name in sorted(names)])

    assert len(set(written)) == len(names)
    for name, one in zip(sorted(names), written, strict=True):
        one.encode()
        assert all(ord(character) >= 0x20 and character != "\x7f" for character in one)
        assert one.encode() == name or unquote_to_bytes(one.encode()) == name


def test_a_name_too_long_for_a_zip_is_written_short() -> None:
    long = ["\udce4" * 30_000, "x" * 70_000, "y" * 65_000, "x" * 70_001]

    written = written_names(long)

    assert written[2] == long[2]
    assert len(set(written)) == 4
    assert all(len(name.encode()) <= 65_000 for name in written)


def test_folders_that_hold_something_are_no_entries() -> None:
    folders = FolderColumns()
    for path, is_empty in (("a", False), ("a/b", True), ("c\n", True)):
        folders.add(FolderRecord(path, 0o755, 0, 0, 10**9, is_empty))

    rows = rows_of(folders)

    assert rows.names == ["tree/a/b/", "tree/c%0A/"]
    assert [json.loads(b"{" + pair + b"}") for pair in name_pairs(rows)] == [{"tree/c%0A/": "tree/c\n/"}]
