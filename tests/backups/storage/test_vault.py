"""What every vault promises, whatever it is made of."""

import pytest

from backups.errors import StoredAlready, StoredDiffers, StoredMissing
from backups.storage.vault import Vault
from tests.stores.vaults import every_kind

from .trip import everything

pytestmark = every_kind


def store(vault: Vault, name: str, content: bytes) -> None:
    with vault.create(name) as writer:
        writer.write(content)
        writer.commit()


def test_what_is_committed_reads_back(vault: Vault) -> None:
    with vault.create("a/b/c") as writer:
        writer.write(b"one ")
        writer.write(memoryview(b"two"))
        writer.commit()
    assert b"".join(vault.stream("a/b/c")) == b"one two"
    assert vault.size("a/b/c") == 7
    assert vault.exists("a/b/c")


def test_an_empty_object_is_one(vault: Vault) -> None:
    store(vault, "empty", b"")
    assert list(vault.stream("empty")) == []
    assert vault.size("empty") == 0


def test_a_name_appears_at_commit_and_not_before(vault: Vault) -> None:
    with vault.create("a/b") as writer:
        writer.write(b"x" * 100_000)
        assert not vault.exists("a/b")
        assert vault.listdir("a") == ([], [])
        assert vault.unfinished("a") == ["a/b"]
        writer.commit()
    assert vault.listdir("a") == ([], ["b"])
    assert vault.unfinished("a") == []


def test_left_without_commit_nothing_stays(vault: Vault) -> None:
    with pytest.raises(ZeroDivisionError), vault.create("a/b") as writer:
        writer.write(b"x")
        raise ZeroDivisionError
    assert everything(vault) == set()


def test_abort_may_come_twice_and_after_commit(vault: Vault) -> None:
    writer = vault.create("a/b")
    writer.abort()
    writer.abort()
    assert everything(vault) == set()
    writer = vault.create("a/b")
    writer.commit()
    writer.abort()
    assert everything(vault) == {"a/b"}


def test_nothing_is_written_over_what_is_stored(vault: Vault) -> None:
    store(vault, "a/b", b"first")
    with pytest.raises(StoredAlready, match="already in the vault"):
        vault.create("a/b")
    assert b"".join(vault.stream("a/b")) == b"first"


def test_two_cannot_write_one_name(vault: Vault) -> None:
    with vault.create("a/b") as writer:
        with pytest.raises(StoredAlready, match="already being written"):
            vault.create("a/b")
        writer.write(b"first")
        writer.commit()
    assert b"".join(vault.stream("a/b")) == b"first"


@pytest.mark.parametrize(
    ("start", "length", "expected"),
    [(0, None, "0123456789"), (3, None, "3456789"), (3, 4, "3456"), (0, 10, "0123456789"), (10, None, ""), (4, 0, "")],
)
def test_any_range_is_streamed(vault: Vault, start: int, length: int | None, expected: str) -> None:
    store(vault, "a", b"0123456789")
    assert b"".join(vault.stream("a", start, length)) == expected.encode()


def test_blocks_are_no_longer_than_asked(vault: Vault) -> None:
    store(vault, "a", bytes(1000))
    assert [len(block) for block in vault.stream("a", 1, 900, block=400)] == [400, 400, 100]


def test_a_range_beyond_the_end_is_an_error_not_a_short_answer(vault: Vault) -> None:
    store(vault, "a", b"0123456789")
    with pytest.raises(StoredDiffers, match="3 bytes too short"):
        list(vault.stream("a", 5, 8))


def test_what_is_missing_is_said_to_be(vault: Vault) -> None:
    with pytest.raises(StoredMissing, match="a/b is missing in the vault"):
        list(vault.stream("a/b"))
    with pytest.raises(StoredMissing):
        vault.size("a/b")
    assert not vault.exists("a/b")


def test_delete_may_come_twice(vault: Vault) -> None:
    store(vault, "a/b", b"x")
    vault.delete("a/b")
    vault.delete("a/b")
    assert everything(vault) == set()


def test_delete_leaves_neighbours_alone_and_no_empty_folders(vault: Vault) -> None:
    store(vault, "a/b/c", b"x")
    store(vault, "a/d", b"x")
    vault.delete("a/b/c")
    assert vault.listdir("a") == ([], ["d"])


def test_a_folder_that_is_not_there_is_empty(vault: Vault) -> None:
    assert vault.listdir("nowhere/at/all") == ([], [])
    assert vault.unfinished("nowhere/at/all") == []


def test_listing_tells_folders_from_objects(vault: Vault) -> None:
    for name in ("z", "b/x", "b/y", "a/x"):
        store(vault, name, b"")
    assert vault.listdir("") == (["a", "b"], ["z"])
    assert vault.listdir("b") == ([], ["x", "y"])


def test_what_is_unfinished_can_be_discarded_by_anybody(vault: Vault) -> None:
    left = vault.create("a/b")
    left.write(b"x")
    assert vault.unfinished("a") == ["a/b"]
    vault.discard("a/b")
    vault.discard("a/b")
    assert everything(vault) == set()
    left.abort()


def test_a_writer_whose_beginning_was_discarded_cannot_commit(vault: Vault) -> None:
    zombie = vault.create("a/b")
    zombie.write(b"x")
    vault.discard("a/b")
    with pytest.raises(Exception, match="vault"):
        zombie.commit()
    assert everything(vault) == set()


def test_names_cannot_leave_the_vault(vault: Vault) -> None:
    with pytest.raises(Exception, match=r"outside|Detected path traversal|denied"):
        vault.create("../escaped")
