"""What is written beside live files in a bucket: all of it, as it was, or an error."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from backups.errors import FilesStoreUnreachable, UnpackFailed
from backups.storage import bucket_crew, bucket_large, bucket_writer
from backups.storage.bucket_crew import Crew
from backups.storage.bucket_store import BucketStore
from backups.storage.bucket_writer import BucketWriter
from backups.storage.stored import Tick, no_tick
from tests.stores.scripted import ScriptedStore
from tests.stores.uploads import Uploads

from .trip import noise

MIB = 1 << 20


@pytest.fixture
def uploads(scripted_store: ScriptedStore) -> Uploads:
    return Uploads(scripted_store.endpoint, "up/loads.portal-in-1")


@contextmanager
def writing(uploads: Uploads, beat: Tick = no_tick) -> Iterator[BucketWriter]:
    store = BucketStore(uploads.address.with_prefix("up/loads"))
    with store.opened(uploads.address.to_text(), beat) as writer:
        yield writer


def contents(uploads: Uploads) -> dict[str, bytes]:
    return {name: content for name, content in uploads.contents().items() if name != ".portal/whole"}


@pytest.mark.parametrize("kind", ["uploads", "real_uploads"])
def test_small_and_large_files_are_there_as_they_were(request: pytest.FixtureRequest, kind: str) -> None:
    uploads = request.getfixturevalue(kind)
    large = noise(20 * MIB)
    files = {f"d/{number}": bytes([number]) * number for number in range(40)}
    with writing(uploads) as writer:
        for name, content in files.items():
            writer.write_file(name.encode(), [content])
        writer.write_file(b"large.bin", (large[at : at + MIB] for at in range(0, len(large), MIB)))
    assert contents(uploads) == {**files, "large.bin": large}


@pytest.fixture
def real_uploads(request: pytest.FixtureRequest) -> Uploads:
    store = request.getfixturevalue("real_store")
    return Uploads(store.endpoint, "up/loads.portal-in-1")


def test_a_type_is_told_by_the_backup_or_guessed_by_the_name(uploads: Uploads) -> None:
    with writing(uploads) as writer:
        writer.write_file(b"said", [b"1"], headers={"ContentType": "text/x-own", "Metadata": {"by": "ines"}})
        writer.write_file(b"a.png", [b"1"])
        writer.write_file(b"a.tar.gz", [b"1"])
        writer.write_file(b"nothing", [b"1"])
        writer.write_file(b"large.pdf", [bytes(9 * MIB)])
    types = {name: uploads.headers(name)["ContentType"] for name in contents(uploads)}
    assert types == {
        "said": "text/x-own",
        "a.png": "image/png",
        "a.tar.gz": "application/octet-stream",
        "nothing": "application/octet-stream",
        "large.pdf": "application/pdf",
    }
    assert uploads.headers("said")["Metadata"] == {"by": "ines"}


def test_only_empty_folders_become_objects(uploads: Uploads) -> None:
    with writing(uploads) as writer:
        writer.write_file(b"full/deep/a", [b"1"])
        for folder in (b"full", b"full/deep", b"full-", b"empty", b"empty/deeper", "ü".encode()):
            writer.make_folder(folder)
            writer.finish_folder(folder, 0o755, 0)
    assert set(contents(uploads)) == {"full/deep/a", "full-/", "empty/deeper/", "ü/"}


@pytest.mark.parametrize(("path", "why"), [(b"\xff/a", "no UTF-8"), (b"x" * 1010, "longer than 1024")])
def test_a_name_that_no_bucket_takes_is_told(uploads: Uploads, path: bytes, why: str) -> None:
    with pytest.raises(UnpackFailed, match=why), writing(uploads) as writer:
        writer.write_file(path, [b"1"])
    assert contents(uploads) == {}


def test_what_is_altered_on_its_way_is_refused(uploads: Uploads, scripted_store: ScriptedStore) -> None:
    for kind in ("put", "part"):
        scripted_store.will(kind, "alter")
        with pytest.raises(FilesStoreUnreachable), writing(uploads) as writer:
            writer.write_file(b"a", [bytes(9 * MIB) if kind == "part" else b"1"])
    assert contents(uploads) == {}
    assert not scripted_store.shelves.uploads


def test_what_the_store_does_not_list_afterwards_is_told(uploads: Uploads, scripted_store: ScriptedStore) -> None:
    scripted_store.shelves.hidden = lambda key: key.endswith("/b")
    why = r"does not list 'b' as it was written\. Nothing was changed"
    with pytest.raises(UnpackFailed, match=why), writing(uploads) as writer:
        writer.write_file(b"a", [b"1"])
        writer.write_file(b"b", [b"1"])


def test_a_passing_fault_is_got_over(uploads: Uploads, scripted_store: ScriptedStore) -> None:
    for kind in ("put", "begin", "part", "complete"):
        scripted_store.will(kind, "refuse", times=2)
        scripted_store.will(kind, "lose", skips=1)
    with writing(uploads) as writer:
        writer.write_file(b"a", [b"1"])
        writer.write_file(b"b", [b"2"])
        writer.write_file(b"large", [bytes(9 * MIB)])
    assert {name: len(content) for name, content in contents(uploads).items()} == {"a": 1, "b": 1, "large": 9 * MIB}


def test_an_error_of_what_is_written_leaves_nothing_under_way(uploads: Uploads, scripted_store: ScriptedStore) -> None:
    def cut() -> Iterator[bytes]:
        yield bytes(20 * MIB)
        raise UnpackFailed("cut")

    with pytest.raises(UnpackFailed, match="cut"), writing(uploads) as writer:
        writer.write_file(b"large", cut())
    assert not scripted_store.shelves.uploads
    assert contents(uploads) == {}
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("bucket")]


def test_parts_double_so_that_ten_thousand_suffice(
    uploads: Uploads, scripted_store: ScriptedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket_writer, "SMALL", 5)
    monkeypatch.setattr(bucket_large, "PART", 10)
    monkeypatch.setattr(bucket_large, "DOUBLED_AFTER", 2)
    with writing(uploads) as writer:
        writer.write_file(b"a", [bytes(range(101))])
    assert sorted(scripted_store.shelves.part_sizes) == [1, 10, 10, 20, 20, 40]
    assert contents(uploads) == {"a": bytes(range(101))}


def test_whoever_is_told_to_end_ends_between_two_files(uploads: Uploads, scripted_store: ScriptedStore) -> None:
    class Cancelled(Exception):
        """Somebody wishes it to end."""

    def beat() -> None:
        if len(scripted_store.asked) > 10:
            raise Cancelled

    with pytest.raises(Cancelled), writing(uploads, beat) as writer:
        for number in range(200):
            writer.write_file(b"%d" % number, [b"1"])
    assert len(scripted_store.asked) < 100


def test_hands_ask_nothing_while_nobody_beats(monkeypatch: pytest.MonkeyPatch) -> None:
    """So a worker that was frozen, and given up, changes nothing when it wakes."""
    monkeypatch.setattr(bucket_crew, "FRESH_SECONDS", 0.1)
    asked: list[int] = []

    class Fenced(Exception):
        """It is somebody else's by now."""

    def beat() -> None:
        raise Fenced

    with pytest.raises(Fenced), Crew(beat) as crew:
        time.sleep(0.2)
        waiting = {crew.begin(asked.append, number) for number in range(20)}
        time.sleep(0.2)
        crew.some(waiting)
    assert asked == []
