"""What people bring is read to its end before anything is touched, and told in words."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_django import Settings

from backups.choices import UploadPart, UploadState
from backups.errors import UploadElsewhere, UploadGone, UploadRefused
from backups.models import Upload
from backups.operations import found
from backups.operations.examine import request_examination
from backups.storage import directory_store, spool
from backups.storage.extract import Limits
from backups.transfer import begin, drop, receive
from environments.actors import Actor
from environments.addresses import DatabaseAddress
from environments.choices import Origin, Status
from environments.lifecycle.run import run_here
from environments.models import Activity, Environment, Operation
from tests import rich
from tests.backups.storage.hostile_tars import HOSTILE_TARS
from tests.backups.storage.hostile_zips import HOSTILE_ZIPS
from tests.backups.uploaded import BY, bring, dump_of, leftovers, state, zip_of

from .dumps import Entry, make_dump, table

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_dump_is_told_in_words(target: Environment, make_database: Callable[..., DatabaseAddress]) -> None:
    address = make_database(*rich.statements())
    content = dump_of(address)

    upload = bring(target, UploadPart.DATABASE, content)

    assert upload.state == UploadState.GOOD, upload.refusal
    facts = upload.found
    assert facts["kind"] == "a PostgreSQL dump in custom format"
    assert facts["tables"] > 3
    assert facts["database_bytes"] == len(content)
    assert facts["dumped_from"].startswith("17.") and facts["made_by"].startswith("17.")
    assert facts["database"] == address.name
    assert upload.examination and "was read to its end" in upload.examination.message
    assert not Activity.objects.filter(action="examine.completed").exists()


def test_a_backup_of_our_own_tells_where_it_comes_from(target: Environment) -> None:
    about = b'{"app": "%s", "environment_name": "Live", "model_version": "1.2.3", "modeler_version": "9.1"}'
    own = zip_of(**{"tree/a": b"1", ".metadata": about % target.app.slug.encode()})
    other = zip_of(**{"tree/a": b"1", ".metadata": about % b"other"})

    facts = bring(target, UploadPart.FILES, own).found
    warnings = bring(target, UploadPart.FILES, other).warnings

    assert (facts["from_environment"], facts["model_version"], facts["modeler_version"]) == ("Live", "1.2.3", "9.1")
    assert (facts["files"], facts["files_bytes"], facts["files_now"]) == (1, 1, 1)
    assert warnings == ["The archive says that it is a backup of another app, 'other'."]


def test_what_looks_like_a_mistake_is_a_warning(target: Environment) -> None:
    for number in range(40):
        (Path(target.files_directory) / f"{number}.txt").touch()
    full = zip_of(**{"db/db.backup": make_dump(table(name="strange")), "tree/a": b"1"})

    few, other = bring(target, UploadPart.FILES, zip_of(a=b"1")), bring(target, UploadPart.FULL, full)
    with_dump = bring(target, UploadPart.FILES, full)
    nothing = bring(target, UploadPart.DATABASE, make_dump())

    assert any("far fewer files" in warning and "1 instead of 41" in warning for warning in few.warnings)
    assert any("may be another app's dump" in warning for warning in other.warnings)
    assert any("holds a database dump, which is left out" in warning for warning in with_dump.warnings)
    assert nothing.warnings == ["The dump holds no table."]


def test_what_the_server_lacks_is_said_before_anybody_confirms(target: Environment) -> None:
    needs = Entry("CREATE EXTENSION not_there;", "EXTENSION", "not_there", None)

    upload = bring(target, UploadPart.DATABASE, make_dump(needs, table()))

    assert upload.state == UploadState.BAD
    assert "not_there" in upload.refusal and "Nothing was changed" in upload.refusal


def test_a_bad_file_is_refused_in_history_too_and_stays_until_it_is_given_up(target: Environment) -> None:
    upload = bring(target, UploadPart.DATABASE, b"SELECT 1;\n")

    assert upload.state == UploadState.BAD
    assert upload.examination and upload.examination.status == Status.FAILED
    assert upload.examination.message == upload.refusal
    assert Activity.objects.filter(action="examine.failed", sentence=upload.refusal).exists()
    with pytest.raises(UploadGone):
        request_examination(upload, by=BY)
    drop(upload, by=BY)


def test_what_is_no_full_backup_is_told_what_one_is(target: Environment) -> None:
    upload = bring(target, UploadPart.FULL, b"just a text")

    assert upload.state == UploadState.BAD
    assert "A full backup is what a portal gives under Download" in upload.refusal
    assert "tar -czf" not in upload.refusal


def test_an_examination_that_could_not_be_made_is_made_again(
    target: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*_: object, **__: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as patched:
        patched.setattr(found, "inspect", lost)
        upload = bring(target, UploadPart.FILES, zip_of(a=b"1"))
    assert upload.state == UploadState.HERE
    assert upload.examination and upload.examination.status == Status.FAILED

    run_here(request_examination(upload, by=BY, is_rung=False))

    upload.refresh_from_db()
    assert upload.state == UploadState.GOOD


def test_an_older_examination_does_not_speak_over_a_newer_one(target: Environment) -> None:
    asked = {"part": UploadPart.FILES, "filename": "a.zip", "by": BY, "is_rung": False}
    content = zip_of(a=b"1")
    upload = receive(target, size=len(content), blocks=[content], **asked)  # type: ignore[arg-type]
    older = upload.examination
    newer = request_examination(upload, by=BY, is_rung=False)
    assert older

    run_here(older)
    upload.refresh_from_db()
    assert upload.state == UploadState.HERE
    run_here(newer)
    upload.refresh_from_db()
    assert upload.state == UploadState.GOOD


def test_a_file_given_up_meanwhile_is_no_failure(target: Environment) -> None:
    asked = {"part": UploadPart.FILES, "filename": "a.zip", "by": BY, "is_rung": False}
    upload = receive(target, size=5, blocks=[b"abcde"], **asked)  # type: ignore[arg-type]
    examination = upload.examination
    assert examination
    drop(upload, by=BY)

    operation = run_here(examination)

    assert (operation.status, operation.message) == (
        Status.COMPLETED,
        "The file was given up; there was nothing to examine.",
    )


def test_a_file_that_lies_on_another_machine_is_told(target: Environment, settings: Settings, tmp_path: Path) -> None:
    asked = {"part": UploadPart.FILES, "filename": "a.zip", "by": BY, "is_rung": False}
    examination = receive(target, size=5, blocks=[b"abcde"], **asked).examination  # type: ignore[arg-type]
    assert examination
    settings.DATA_DIR = tmp_path  # a worker with a folder of its own

    operation = run_here(examination)

    assert (operation.status, operation.message) == (Status.FAILED, UploadElsewhere.sentence)
    assert Upload.objects.get(examination=examination).refusal == UploadElsewhere.sentence


def test_old_programs_read_no_strangers_dump_unless_a_setting_says_so(target: Environment, settings: Settings) -> None:
    settings.ALLOW_OLD_CLIENTS = False

    with pytest.raises(UploadRefused, match="not safe with other people's dumps") as caught:
        begin(target, part=UploadPart.DATABASE, filename="a", size=5, by=BY)

    assert caught.value.code == "old-client"
    assert bring(target, UploadPart.FILES, zip_of(a=b"1")).state == UploadState.GOOD


def test_what_unpacks_to_more_than_half_of_the_room_is_refused(
    target: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = shutil.disk_usage(target.files_directory)._replace(free=199_999)
    monkeypatch.setattr(directory_store.shutil, "disk_usage", lambda _: room)

    upload = bring(target, UploadPart.FILES, zip_of(a=bytes(100_000)))

    assert upload.state == UploadState.BAD
    assert "no room here" in upload.refusal


def test_the_limits_of_archives_are_settings(target: Environment, settings: Settings) -> None:
    settings.UPLOAD_LIMITS = {**settings.UPLOAD_LIMITS, "entries": 2}

    assert bring(target, UploadPart.FILES, zip_of(a=b"1", b=b"2")).state == UploadState.GOOD
    assert "more than 2 files and folders" in bring(target, UploadPart.FILES, zip_of(a=b"1", b=b"2", c=b"3")).refusal


# Each alone is tried where archives are unpacked; here every third, all the way from the first byte that comes.
HOSTILE_ARCHIVES = [one for one in [*HOSTILE_ZIPS, *HOSTILE_TARS] if one.code != "empty"][::3]


def test_hostile_archives_are_refused_and_leave_nothing(
    environment: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    live = tmp_path / "files"
    live.mkdir()
    (live / "mine.txt").write_text("mine")
    environment.files_directory = str(live)
    environment.save()
    for hostile in HOSTILE_ARCHIVES:
        with subtests.test(str(hostile)):
            limits = Limits(**{"unpacked_bytes": 64 << 20, **hostile.limits})
            monkeypatch.setattr(found, "limits_of", lambda _, limits=limits: limits)
            upload = bring(environment, UploadPart.FILES, hostile.content or b"\0")

            assert upload.state == UploadState.BAD
            assert "Nothing was changed" in upload.refusal and upload.refusal.isprintable()
    assert len(HOSTILE_ARCHIVES) > 60
    assert [path.name for path in tmp_path.rglob("*")] == ["files", "mine.txt"]
    assert len(list(spool.folder().iterdir())) == 1


def test_one_examination_runs_beside_anything_else(target: Environment) -> None:
    Operation.objects.create(
        kind="create",
        environment=target,
        status=Status.QUEUED,
        origin=Origin.PERSON,
        is_exclusive=True,
        may_repeat=True,
        queue="long",
        time_limit_seconds=60,
        created_at=target.created_at,
    )
    was = state(target)

    upload = bring(target, UploadPart.FILES, zip_of(a=b"1"), by=Actor("Tom", Origin.PERSON))

    assert upload.state == UploadState.GOOD
    assert state(target) == was
    assert leftovers(target) == []
    assert Upload.objects.count() == 1
