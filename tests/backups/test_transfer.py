"""Files come in piece by piece, go on where they stopped, and never mix what two senders send."""

import hashlib
import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from pytest_django.fixtures import Settings

from backups import errors, transfer
from backups.choices import UploadPart, UploadState
from backups.models import Upload
from backups.storage import spool
from backups.storage.checksums import Checksum
from backups.transfer import append, begin, discard_expired_uploads, drop, receive, uploads_of
from environments import clock
from environments.actors import Actor
from environments.errors import AppStillRunning
from environments.models import Environment, Operation
from tests.apps import App
from tests.factories import OperationFactory

pytestmark = pytest.mark.django_db
CONTENT = os.urandom(200_000)


@pytest.fixture
def by(operator: User) -> Actor:
    return Actor.person(operator)


@pytest.fixture
def start(acceptance: Environment, by: Actor) -> Callable[..., Upload]:
    def begun(**different: object) -> Upload:
        asked = {"part": UploadPart.FILES, "filename": "files.zip", "size": len(CONTENT), "by": by, **different}
        return begin(acceptance, **asked)  # type: ignore[arg-type]

    return begun


def held(upload: Upload) -> bytes:
    return spool.path_of(upload.pk).read_bytes()


def fresh(upload: Upload) -> Upload:
    return Upload.objects.get(pk=upload.pk)


def broken_off(*blocks: bytes) -> Iterator[bytes]:
    yield from blocks
    raise ConnectionResetError


def test_a_file_comes_in_pieces_and_the_last_one_has_it_examined(start: Callable[..., Upload]) -> None:
    upload = start()

    assert append(upload, offset=0, blocks=[CONTENT[:70_000], CONTENT[70_000:90_000]]) == 90_000
    assert fresh(upload).state == UploadState.COMING
    assert append(fresh(upload), offset=90_000, blocks=[CONTENT[90_000:]]) == len(CONTENT)

    assert held(upload) == CONTENT
    assert spool.path_of(upload.pk).stat().st_mode & 0o777 == 0o600
    assert fresh(upload).state == UploadState.HERE
    examination = fresh(upload).examination
    assert examination and examination.kind == "examine" and examination.subject == upload.pk


@pytest.mark.parametrize("every", [20_000, 50_000, 200_000])
def test_the_end_may_fall_where_bytes_are_made_safe(
    start: Callable[..., Upload], monkeypatch: pytest.MonkeyPatch, every: int
) -> None:
    monkeypatch.setattr(transfer, "SAFE_EVERY_BYTES", every)
    upload = start()
    blocks = [CONTENT[at : at + 10_000] for at in range(0, len(CONTENT), 10_000)]

    assert append(upload, offset=0, blocks=blocks, is_rung=False) == len(CONTENT)

    assert fresh(upload).state == UploadState.HERE
    assert Operation.objects.get(kind="examine").ring_at is not None
    assert held(upload) == CONTENT


def test_what_came_before_a_connection_broke_is_kept(start: Callable[..., Upload]) -> None:
    upload = start()

    with pytest.raises(ConnectionResetError):
        append(upload, offset=0, blocks=broken_off(CONTENT[:1000], CONTENT[1000:3000]))

    assert fresh(upload).received_bytes == 3000
    append(fresh(upload), offset=3000, blocks=[CONTENT[3000:]])
    assert held(upload) == CONTENT


def test_a_piece_with_a_checksum_counts_whole_or_not_at_all(start: Callable[..., Upload]) -> None:
    upload, piece = start(), CONTENT[:5000]
    with pytest.raises(errors.ChecksumDiffers):
        append(upload, offset=0, blocks=[piece], checksum=Checksum("sha256", hashlib.sha256(b"other").digest()))
    with pytest.raises(ConnectionResetError):
        append(upload, offset=0, blocks=broken_off(piece), checksum=Checksum("sha256", hashlib.sha256(piece).digest()))
    assert fresh(upload).received_bytes == 0

    for algorithm in Checksum.ALGORITHMS:
        start_at = fresh(upload).received_bytes
        digest = hashlib.new(algorithm, CONTENT[start_at : start_at + 5000]).digest()
        append(
            fresh(upload),
            offset=start_at,
            blocks=[CONTENT[start_at : start_at + 5000]],
            checksum=Checksum(algorithm, digest),
        )
    assert fresh(upload).received_bytes == 10_000
    with pytest.raises(ValueError, match="md5"):
        Checksum("md5", b"")


@pytest.mark.parametrize("offset", [0, 999, 1001, 5_000_000])
def test_a_piece_for_another_place_is_refused_and_says_where_the_file_ends(
    start: Callable[..., Upload], offset: int
) -> None:
    upload = start()
    append(upload, offset=0, blocks=[CONTENT[:1000]])

    with pytest.raises(errors.OffsetDiffers) as caught:
        append(fresh(upload), offset=offset, blocks=[b"x"])

    assert caught.value.offset == 1000
    assert held(upload) == CONTENT[:1000]


def test_what_a_killed_sender_wrote_but_did_not_count_is_cut_off(start: Callable[..., Upload]) -> None:
    upload = start()
    append(upload, offset=0, blocks=[CONTENT[:1000]])
    with spool.path_of(upload.pk).open("ab") as file:
        file.write(b"half a piece, not synced")

    append(fresh(upload), offset=1000, blocks=[CONTENT[1000:2000]])

    assert held(upload) == CONTENT[:2000]


@pytest.mark.parametrize("other_bytes", [500, 1000, 3000])
def test_two_senders_never_mix(start: Callable[..., Upload], other_bytes: int) -> None:
    """The second takes over in the middle of the first one's request; the first learns it at its next block or end."""
    upload = start()
    append(upload, offset=0, blocks=[b"a" * 1000])

    def first() -> Iterator[bytes]:
        yield b"b" * 1000
        append(fresh(upload), offset=1000, blocks=[b"c" * other_bytes])
        yield b"b" * 1000

    with pytest.raises(errors.OffsetDiffers):
        append(fresh(upload), offset=1000, blocks=first())

    assert fresh(upload).received_bytes == 1000 + other_bytes
    append(fresh(upload), offset=1000 + other_bytes, blocks=[b"d" * 10])
    assert held(upload) == b"a" * 1000 + b"c" * other_bytes + b"d" * 10


def test_more_than_was_told_is_refused(start: Callable[..., Upload]) -> None:
    upload = start(size=100)
    with pytest.raises(errors.TooMuchSent):
        append(upload, offset=0, blocks=[b"x" * 101])
    assert fresh(upload).received_bytes == 0


def test_an_empty_file_a_full_disk_and_a_running_app_are_refused_before_anything_comes(
    start: Callable[..., Upload], acceptance: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(errors.UploadRefused, match="empty"):
        start(size=0)
    monkeypatch.setattr(spool, "free_bytes", lambda: 1_000_000)
    start(size=900_000)
    with pytest.raises(errors.NoRoom, match="no room"):
        start(size=200_000, part=UploadPart.FULL)
    acceptance.commands = App(tmp_path).commands
    with pytest.raises(AppStillRunning, match="is running"):
        start()
    assert [upload.size_bytes for upload in Upload.objects.all()] == [900_000]
    assert len(list(spool.folder().iterdir())) == 1


def test_a_disk_that_fills_up_meanwhile_keeps_what_came_before(
    start: Callable[..., Upload], monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = start()
    append(upload, offset=0, blocks=[CONTENT[:1000]])

    def full(handle: int, block: bytes) -> None:
        os.write(handle, block[:10])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched, pytest.raises(errors.NoRoom):
        patched.setattr(spool, "write_all", full)
        append(fresh(upload), offset=1000, blocks=[CONTENT[1000:2000]])

    assert fresh(upload).received_bytes == 1000
    append(fresh(upload), offset=1000, blocks=[CONTENT[1000:2000]])
    assert held(upload) == CONTENT[:2000]


def test_choosing_another_file_of_the_same_part_gives_the_first_one_up(
    start: Callable[..., Upload], acceptance: Environment, operator: User, developer: User
) -> None:
    first, full = start(), start(part=UploadPart.FULL)
    second, other = start(filename="../a\\b/C\n.zip"), start(by=Actor.person(developer))

    assert list(uploads_of(acceptance, operator)) == [second, full]
    assert list(uploads_of(acceptance, developer)) == [other]
    assert not spool.path_of(first.pk).exists()
    assert second.filename == "C\ufffd.zip"


def test_a_whole_file_at_once(acceptance: Environment, by: Actor) -> None:
    asked = {"part": UploadPart.FILES, "filename": "a.zip", "by": by}
    upload = receive(acceptance, size=5, blocks=[b"ab", b"cde"], **asked)  # type: ignore[arg-type]

    assert (held(upload), upload.state) == (b"abcde", UploadState.HERE)
    with pytest.raises(errors.UploadRefused, match="ended before its end"):
        receive(acceptance, size=6, blocks=[b"ab", b"cde"], **asked)  # type: ignore[arg-type]
    assert len(list(spool.folder().iterdir())) == 0


def test_dropping_removes_row_and_bytes_unless_it_is_being_put_in(
    start: Callable[..., Upload], acceptance: Environment, by: Actor
) -> None:
    upload, other = start(), start(part=UploadPart.FULL)
    running = OperationFactory(environment=acceptance, kind="upload", running=True)
    Upload.objects.filter(pk=other.pk).update(operation=running)

    drop(upload, by=by)
    drop(upload, by=by)
    with pytest.raises(errors.UploadInUse):
        drop(other, by=by)

    assert list(Upload.objects.all()) == [other]
    assert [path.name for path in spool.folder().iterdir()] == [str(other.pk)]
    with pytest.raises(errors.UploadGone):
        append(upload, offset=0, blocks=[b"x"])


def test_what_is_dropped_meanwhile_is_not_written_any_more(start: Callable[..., Upload], by: Actor) -> None:
    upload = start()

    def first() -> Iterator[bytes]:
        yield b"b" * 1000
        drop(upload, by=by)
        yield b"b" * 1000

    with pytest.raises(errors.UploadGone):
        append(upload, offset=0, blocks=first())
    assert list(spool.folder().iterdir()) == []


def test_after_a_day_what_nobody_used_is_given_up(start: Callable[..., Upload], acceptance: Environment) -> None:
    old, used, young = start(), start(part=UploadPart.FULL), start(part=UploadPart.DATABASE)
    stray = spool.folder() / "7a7c0e4e-0000-4000-8000-000000000000"
    stray.touch()
    for path in spool.folder().iterdir():
        os.utime(path, (1, 1))
    day_ago = clock.now() - timedelta(hours=24, seconds=1)
    running: Operation = OperationFactory(environment=acceptance, kind="upload", running=True)
    Upload.objects.filter(pk__in=[old.pk, used.pk]).update(touched_at=day_ago)
    Upload.objects.filter(pk=used.pk).update(operation=running)

    discard_expired_uploads()

    assert set(Upload.objects.all()) == {used, young}
    assert {path.name for path in spool.folder().iterdir()} == {str(used.pk), str(young.pk)}


def test_a_dump_that_could_not_be_put_back_is_refused_before_it_comes(
    make_place: Callable[..., Environment], by: Actor
) -> None:
    place = make_place()
    for part in (UploadPart.DATABASE, UploadPart.FULL):
        with pytest.raises(errors.UploadRefused, match="--admin-database") as caught:
            begin(place, part=part, filename="a.backup", size=10, by=by)
        assert caught.value.code == "level"
    begin(place, part=UploadPart.FILES, filename="a.zip", size=10, by=by)


def test_a_piece_that_comes_to_another_machine_is_not_taken(
    start: Callable[..., Upload], settings: Settings, tmp_path: Path
) -> None:
    upload, here = start(), settings.DATA_DIR
    settings.DATA_DIR = tmp_path
    with pytest.raises(errors.UploadElsewhere):
        append(upload, offset=0, blocks=[CONTENT])

    settings.DATA_DIR = here

    assert append(upload, offset=0, blocks=[CONTENT]) == len(CONTENT)
