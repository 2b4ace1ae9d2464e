"""Upload: a stopped environment holds exactly what was brought, or exactly what it held; and it can be taken back."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from pytest_django.fixtures import Settings

from backups.choices import UploadPart, UploadState
from backups.errors import EmptyNotAgreed, NameNotTyped, UploadElsewhere, UploadGone, UploadNotGood, UploadRefused
from backups.models import Backup, Generation, Upload
from backups.operations.undo import request_undo, right_to_undo
from backups.operations.upload import request_upload
from backups.storage import spool
from backups.transfer import drop
from environments.actors import Actor
from environments.choices import Right, Role, State, Status
from environments.errors import AppStillRunning, EnvironmentBusy
from environments.lifecycle.run import run_here
from environments.models import Activity, Environment, Membership
from tests.apps import App
from tests.backups.uploaded import BY, FILES, bring, dump_of, files_in, has_rows, leftovers, put, state, tar_of, zip_of
from tests.factories import MembershipFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)
NEW_ROWS = ("CREATE TABLE orders (id int)", "INSERT INTO orders SELECT generate_series(1, 7)")
MakeDatabase = Callable[..., object]


@pytest.fixture
def dump(make_database: Callable[..., object]) -> bytes:
    return dump_of(make_database(*NEW_ROWS))  # type: ignore[arg-type]


def test_both_parts_replace_everything_and_undo_brings_all_of_it_back(target: Environment, dump: bytes) -> None:
    was, package = state(target), target.package
    uploads = [bring(target, UploadPart.DATABASE, dump), bring(target, UploadPart.FILES, FILES)]
    assert [upload.state for upload in uploads] == [UploadState.GOOD] * 2

    operation = put(target, *uploads)

    assert operation.status == Status.COMPLETED, operation.message
    assert "is Empty" in operation.message
    assert has_rows(target, 7)
    assert files_in(target) == {"a": b"new", "folder/b": b"newer"}
    target.refresh_from_db()
    assert (target.package, target.state) == (None, State.EMPTY)
    assert not Backup.objects.exists()
    assert set(Upload.objects.values_list("state", flat=True)) == {UploadState.USED}
    assert list(spool.folder().iterdir()) == []
    assert leftovers(target) == []
    assert right_to_undo(Generation.objects.get()) == Right.UPLOAD

    undone = run_here(request_undo(target, by=BY, confirm=None, is_rung=False))
    assert undone.status == Status.COMPLETED, undone.message
    assert state(target) == was
    target.refresh_from_db()
    assert target.package == package
    assert leftovers(target) == []


@pytest.mark.parametrize("part", [UploadPart.DATABASE, UploadPart.FILES])
def test_what_was_not_brought_is_left_empty(target: Environment, dump: bytes, part: UploadPart) -> None:
    content = dump if part == UploadPart.DATABASE else FILES

    operation = put(target, bring(target, part, content))

    assert operation.status == Status.COMPLETED, operation.message
    if part == UploadPart.DATABASE:
        assert has_rows(target, 7) and files_in(target) == {}
    else:
        assert not any("orders" in line for line in state(target)[0])
        assert files_in(target) == {"a": b"new", "folder/b": b"newer"}
    assert leftovers(target) == []


def test_a_full_backup_brings_both(target: Environment, dump: bytes) -> None:
    full = tar_of(db__db=b"", tree__a=b"1", tree__b__c=b"2")
    assert bring(target, UploadPart.FULL, full).state == UploadState.BAD
    for made in (tar_of, zip_of):
        full = made(**{"db/db.backup": dump, "tree/a": b"1", "tree/b/c": b"2"})
        upload = bring(target, UploadPart.FULL, full)
        assert upload.state == UploadState.GOOD, upload.refusal
        assert (upload.found["tables"], upload.found["files"]) == (1, 2)

        operation = put(target, upload)

        assert operation.status == Status.COMPLETED, operation.message
        assert has_rows(target, 7)
        assert files_in(target) == {"a": b"1", "b/c": b"2"}
        assert leftovers(target) == []


def test_history_tells_who_brought_what(target: Environment) -> None:
    upload = bring(target, UploadPart.FILES, FILES, name="holiday pictures.zip")

    put(target, upload)

    line = Activity.objects.get(action="upload.requested")
    assert line.actor_name == BY.name
    assert "holiday pictures.zip" in line.sentence and upload.sha256 in line.sentence
    assert line.facts["files"] == [
        {"part": "files", "name": "holiday pictures.zip", "bytes": len(FILES), "sha256": upload.sha256}
    ]
    assert Activity.objects.filter(action="upload.completed").exists()


def test_a_running_app_is_refused_by_every_door(target: Environment, stopped_app: App) -> None:
    upload, was = bring(target, UploadPart.FILES, FILES), state(target)
    asked = request_upload(target, by=BY, uploads=[upload], confirm=target.name, is_rung=False)
    stopped_app.start()

    with pytest.raises(AppStillRunning):
        bring(target, UploadPart.FILES, FILES)
    operation = run_here(asked)

    assert operation.status == Status.FAILED
    assert "is running" in operation.message
    assert stopped_app.is_running and not stopped_app.trace.exists()
    assert state(target) == was
    assert leftovers(target) == []
    with pytest.raises(AppStillRunning):
        put(target, Upload.objects.get())


@pytest.mark.parametrize("confirm", [None, "", "acceptance?"])
def test_the_name_is_always_typed(target: Environment, confirm: str | None) -> None:
    upload = bring(target, UploadPart.FILES, FILES)
    with pytest.raises(NameNotTyped):
        put(target, upload, confirm=confirm)
    assert put(target, upload, confirm=str(target)).status == Status.COMPLETED


def test_an_empty_archive_needs_a_word_of_its_own(target: Environment) -> None:
    upload = bring(target, UploadPart.FILES, zip_of())
    assert upload.state == UploadState.GOOD and upload.found["is_empty"]
    assert any("fewer files" in warning for warning in upload.warnings)

    with pytest.raises(EmptyNotAgreed):
        put(target, upload)
    assert put(target, upload, allow_empty=True).status == Status.COMPLETED
    assert files_in(target) == {}


def test_parts_that_do_not_go_together_are_refused(
    target: Environment, dump: bytes, make_place: Callable[..., Environment]
) -> None:
    files = bring(target, UploadPart.FILES, FILES)
    full = bring(target, UploadPart.FULL, zip_of(**{"db/db.backup": dump, "tree/a": b"1"}))
    bad = bring(target, UploadPart.DATABASE, b"PGDMP and no more")

    for uploads in ([], [files, full], [files, files]):
        with pytest.raises(UploadRefused, match="or one full backup alone"):
            put(target, *uploads)
    with pytest.raises(UploadNotGood, match="no known kind"):
        put(target, bad)
    with pytest.raises(UploadGone):
        put(make_place(name=target.name), files)


def test_the_same_file_is_not_put_in_twice_at_once(target: Environment) -> None:
    upload = bring(target, UploadPart.FILES, FILES)
    first = request_upload(target, by=BY, uploads=[upload], confirm=target.name, is_rung=False)

    with pytest.raises(EnvironmentBusy):
        put(target, upload)
    assert run_here(first).status == Status.COMPLETED
    with pytest.raises(UploadNotGood):
        put(target, Upload.objects.get())


def test_a_file_exchanged_after_its_examination_is_found(target: Environment, dump: bytes) -> None:
    was = state(target)
    for part, content in ((UploadPart.DATABASE, dump), (UploadPart.FILES, FILES)):
        upload = bring(target, part, content)
        other = bytearray(content)
        other[len(other) // 2] ^= 1
        spool.path_of(upload.pk).write_bytes(other)

        operation = put(target, upload)

        assert operation.status == Status.FAILED
        assert "Nothing was changed" in operation.message
        assert state(target) == was
        assert leftovers(target) == []


def test_a_failed_upload_may_be_tried_again_with_the_same_file(target: Environment, stopped_app: App) -> None:
    upload = bring(target, UploadPart.FILES, FILES)
    asked = request_upload(target, by=BY, uploads=[upload], confirm=target.name, is_rung=False)
    stopped_app.start()
    assert run_here(asked).status == Status.FAILED
    stopped_app.flag.unlink()

    assert put(target, Upload.objects.get()).status == Status.COMPLETED


def test_rights_withdrawn_meanwhile_leave_everything_as_it_was(target: Environment) -> None:
    member = MembershipFactory(app=target.app, user=UserFactory(), role=Role.OPERATOR)
    by = Actor.person(member.user)
    upload, was = bring(target, UploadPart.FILES, FILES, by=by), state(target)
    asked = request_upload(target, by=by, uploads=[upload], confirm=target.name, is_rung=False)
    Membership.objects.filter(pk=member.pk).update(role=Role.DEVELOPER)

    operation = run_here(asked)

    assert operation.status == Status.FAILED
    assert "no longer holds the right" in operation.message
    assert state(target) == was
    assert leftovers(target) == []


def test_without_a_maintenance_role_files_can_be_brought_and_dumps_cannot(target: Environment) -> None:
    target.admin_address = None
    target.save()

    with pytest.raises(UploadRefused, match="--admin-database"):
        bring(target, UploadPart.DATABASE, b"PGDMP")
    assert put(target, bring(target, UploadPart.FILES, FILES)).status == Status.COMPLETED
    assert leftovers(target) == []


def test_a_dropped_upload_is_gone(target: Environment, operator: User) -> None:
    upload = bring(target, UploadPart.FILES, FILES)
    drop(upload, by=BY)
    with pytest.raises(UploadGone):
        put(target, upload)


def test_a_file_that_lies_on_another_machine_changes_nothing(
    target: Environment, settings: Settings, tmp_path: Path
) -> None:
    upload, before = bring(target, UploadPart.FILES, zip_of(a=b"one")), state(target)
    settings.DATA_DIR = tmp_path  # a worker with a folder of its own

    operation = put(target, upload)

    assert (operation.status, operation.message) == (Status.FAILED, UploadElsewhere.sentence)
    assert (state(target), leftovers(target)) == (before, [])
