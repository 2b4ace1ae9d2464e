"""A vault in an S3 store: parts, conditions, repetitions and ranges, against a store that fails as it is told."""

from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import pytest

from backups.errors import StoredAlready, StoredDiffers, StoredMissing, VaultUnreachable
from backups.storage import vault_s3_writer
from backups.storage.vault_s3 import S3Vault
from tests.stores.scripted import ScriptedStore
from tests.stores.shelves import Object, Said
from tests.stores.vaults import PAUSES, s3_vault

from .test_vault import store
from .trip import everything, noise

MIB = 1 << 20


@pytest.fixture
def vault(scripted_store: ScriptedStore) -> S3Vault:
    return s3_vault(scripted_store.endpoint, "ours")


def content_of(vault: S3Vault, name: str) -> bytes:
    return b"".join(vault.stream(name))


def test_an_object_is_sent_in_parts_of_eight_mib(vault: S3Vault, scripted_store: ScriptedStore) -> None:
    content = noise(20 * MIB)
    with vault.create("a") as writer:
        for at in range(0, len(content), 3 * MIB):
            writer.write(content[at : at + 3 * MIB])
        writer.commit()
    assert sorted(scripted_store.shelves.part_sizes) == [4 * MIB, 8 * MIB, 8 * MIB]
    assert content_of(vault, "a") == content


def test_parts_double_so_that_ten_thousand_suffice(
    vault: S3Vault, scripted_store: ScriptedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vault_s3_writer, "PART", 10)
    monkeypatch.setattr(vault_s3_writer, "DOUBLED_AFTER", 2)
    store(vault, "a", bytes(range(101)))
    assert sorted(scripted_store.shelves.part_sizes) == [1, 10, 10, 20, 20, 40]
    assert content_of(vault, "a") == bytes(range(101))


def test_no_more_than_two_parts_are_on_their_way(
    vault: S3Vault, scripted_store: ScriptedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vault_s3_writer, "PART", 10)
    scripted_store.will("part", "slow", times=100, seconds=0.02)
    with vault.create("a") as one, vault.create("b") as other:
        for _ in range(8):
            one.write(bytes(10))
            other.write(bytes(10))
        one.commit()
        other.commit()
    assert scripted_store.parts_most == 2


def test_no_part_is_filled_while_two_are_on_their_way(vault: S3Vault) -> None:
    with vault.create("a") as writer, ThreadPoolExecutor(1) as thread:
        with vault.slots, vault.slots:
            writing = thread.submit(writer.write, b"x")
            wait([writing], timeout=0.3)
            assert not writing.done()
            assert writer._part.tell() == 0
        writing.result()
        writer.commit()
    assert content_of(vault, "a") == b"x"


def test_a_name_that_is_given_meanwhile_is_not_written_over(vault: S3Vault, scripted_store: ScriptedStore) -> None:
    with vault.create("a") as writer:
        writer.write(b"ours")
        scripted_store.shelves.objects["ours/a"] = Object(b"theirs", {"ETag": '"t"'})
        with pytest.raises(StoredAlready, match="already in the vault"):
            writer.commit()
    assert content_of(vault, "a") == b"theirs"
    assert vault.unfinished("") == []


def test_a_store_that_knows_no_conditions_is_asked_without(vault: S3Vault, scripted_store: ScriptedStore) -> None:
    scripted_store.will("complete", "refuse", status=501, code="NotImplemented")
    store(vault, "a", b"x")
    assert content_of(vault, "a") == b"x"


def test_a_store_that_cannot_list_what_is_begun_is_used_all_the_same(
    vault: S3Vault, scripted_store: ScriptedStore
) -> None:
    scripted_store.will("list_uploads", "refuse", times=9, status=501, code="NotImplemented")
    store(vault, "a", b"x")
    assert vault.unfinished("") == []


def use_all(vault: S3Vault) -> None:
    """One of each question."""
    store(vault, "a/b", b"content")
    left = vault.create("a/c")
    assert vault.exists("a/b")
    assert content_of(vault, "a/b") == b"content"
    assert vault.listdir("a") == ([], ["b"])
    vault.discard("a/c")
    left.abort()
    vault.delete("a/b")
    assert everything(vault) == set()


KINDS = ["begin", "part", "complete", "abort", "list", "list_uploads", "head", "get", "delete"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "fault",
    [
        {"how": "refuse", "status": 503, "code": "SlowDown"},
        {"how": "refuse", "status": 500, "code": "InternalError"},
        {"how": "drop"},
        {"how": "lose"},
    ],
    ids=["slow down", "internal error", "cut before", "answer lost"],
)
def test_what_passes_is_repeated(
    vault: S3Vault, scripted_store: ScriptedStore, kind: str, fault: dict[str, Any]
) -> None:
    scripted_store.will(kind, times=2, **fault)
    use_all(vault)
    assert scripted_store.faults[0].times == 0


def test_repetition_ends(vault: S3Vault, scripted_store: ScriptedStore) -> None:
    scripted_store.will("all", "refuse", times=1000)
    with pytest.raises(VaultUnreachable, match=r"fails \(ServiceUnavailable\)"):
        vault.create("a")
    assert len(scripted_store.asked) == len(PAUSES) + 1


def test_what_will_not_pass_is_not_repeated(vault: S3Vault, scripted_store: ScriptedStore) -> None:
    writer = vault.create("a")
    writer.write(b"x")
    scripted_store.will("all", "refuse", times=1000, status=403, code="AccessDenied")
    before = len(scripted_store.asked)
    with pytest.raises(VaultUnreachable, match="Access is denied"):
        writer.commit()
    assert scripted_store.asked[before:] == ["part", "abort"]


def test_a_silent_store_is_waited_for_and_then_given_up(scripted_store: ScriptedStore) -> None:
    vault = s3_vault(scripted_store.endpoint, "ours", read_seconds=0.3)
    store(vault, "a", b"x")
    scripted_store.will("get", "slow", seconds=0.6)
    assert content_of(vault, "a") == b"x"
    scripted_store.will("get", "slow", times=1000, seconds=0.6)
    with pytest.raises(VaultUnreachable, match="does not answer in time"):
        content_of(vault, "a")


@pytest.mark.parametrize(("start", "length"), [(0, None), (100_000, None), (7, 250_000)])
def test_reading_goes_on_where_it_broke_off(
    vault: S3Vault, scripted_store: ScriptedStore, start: int, length: int | None
) -> None:
    content = noise(300_000)
    store(vault, "a", content)
    scripted_store.will("get", "cut", times=3, length=70_000)
    read = b"".join(vault.stream("a", start, length, block=10_000))
    assert read == content[start:][:length]
    assert scripted_store.asked.count("get") == (3 if start == 100_000 else 4)


def test_reading_that_breaks_off_again_and_again_is_given_up(vault: S3Vault, scripted_store: ScriptedStore) -> None:
    store(vault, "a", noise(300_000))
    scripted_store.will("get", "cut", times=1000, length=1000)
    with pytest.raises(VaultUnreachable, match="breaks off"):
        content_of(vault, "a")


def test_what_changes_while_it_is_read_is_not_mixed(vault: S3Vault, scripted_store: ScriptedStore) -> None:
    store(vault, "a", noise(300_000))
    scripted_store.will("get", "cut", length=70_000)
    reading = vault.stream("a", block=70_000)
    next(reading)
    found = scripted_store.shelves.objects["ours/a"]
    found.content, found.headers = noise(300_000, 1), {"ETag": '"other"'}
    with pytest.raises(StoredDiffers, match="changed while it was read"):
        list(reading)


def test_a_store_that_ignores_ranges_is_not_believed(vault: S3Vault, scripted_store: ScriptedStore) -> None:
    store(vault, "a", b"0123456789")
    scripted_store.will("get", "whole", times=2)
    with pytest.raises(VaultUnreachable, match="Use a store that knows ranges"):
        list(vault.stream("a", 3, 4))
    assert list(vault.stream("a", 0, 4)) == [b"0123"]


def test_an_object_that_is_gone_is_missing_and_a_bucket_is_another_matter(
    vault: S3Vault, scripted_store: ScriptedStore
) -> None:
    for attempt in (lambda: vault.size("a"), lambda: content_of(vault, "a"), lambda: list(vault.stream("a", 3, 0))):
        with pytest.raises(StoredMissing, match="a is missing in the vault"):
            attempt()
    elsewhere = s3_vault(scripted_store.endpoint, "ours", bucket_name="elsewhere")
    for missing in (lambda: elsewhere.size("a"), lambda: elsewhere.delete("a"), lambda: elsewhere.exists("a")):
        with pytest.raises(VaultUnreachable, match="no bucket elsewhere"):
            missing()


@pytest.mark.parametrize("more", ["", "<NextContinuationToken>same</NextContinuationToken>"])
def test_half_a_list_is_no_list(
    vault: S3Vault, scripted_store: ScriptedStore, monkeypatch: pytest.MonkeyPatch, more: str
) -> None:
    page = f"<Result><Name>x</Name><IsTruncated>true</IsTruncated>{more}</Result>".encode()
    monkeypatch.setattr(scripted_store.shelves, "list", lambda *_: Said(200, page))
    with pytest.raises(VaultUnreachable, match="lists only a part"):
        vault.listdir("")


def test_lists_of_many_pages_are_whole(vault: S3Vault) -> None:
    names = [f"{number:02}" for number in range(10)]
    for name in names:
        store(vault, f"a/{name}", b"")
        store(vault, f"b/{name}/c", b"")
    assert vault.listdir("a") == ([], names)
    assert vault.listdir("b") == (names, [])
    left = [vault.create(f"c/{name}") for name in names]
    assert vault.unfinished("c") == [f"c/{name}" for name in names]
    for one in left:
        one.abort()


def test_a_folder_that_a_console_made_is_no_object(vault: S3Vault, scripted_store: ScriptedStore) -> None:
    store(vault, "a/b", b"x")
    scripted_store.shelves.objects["ours/a/"] = scripted_store.shelves.objects["ours/a/b"]
    assert vault.listdir("a") == ([], ["b"])


def test_a_neighbour_whose_name_begins_alike_is_left_alone(vault: S3Vault) -> None:
    other = vault.create("a/bc")
    other.write(b"x")
    store(vault, "a/b", b"y")
    vault.discard("a/b")
    other.commit()
    assert vault.listdir("a") == ([], ["b", "bc"])


def test_two_installations_in_one_bucket_do_not_see_each_other(scripted_store: ScriptedStore) -> None:
    ours, theirs = (s3_vault(scripted_store.endpoint, prefix) for prefix in ("ours", "ours2"))
    store(ours, "a", b"x")
    assert everything(theirs) == set()
    whole_bucket = s3_vault(scripted_store.endpoint, "")
    assert everything(whole_bucket) == {"ours/a"}
