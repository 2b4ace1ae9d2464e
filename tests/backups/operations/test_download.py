"""Download: links for one person, archives by name and tag, and one line of history for each."""

import hashlib
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.contrib.auth.models import User

from backups.choices import Condition, Contents, Format
from backups.errors import (
    BackupBroken,
    BackupGone,
    BackupLeaving,
    BackupNotCompleted,
    LinkNotValid,
    LinkUnknown,
    ManifestNotReadable,
    StoredDiffers,
    StoredMissing,
)
from backups.models import Backup
from backups.operations.comment import change_comment
from backups.operations.download import (
    Link,
    linked_backup,
    make_link,
    open_archive,
    read_link,
    record_download,
)
from backups.storage import names
from backups.storage.vault import open_vault
from environments import clock
from environments.actors import Actor
from environments.choices import Status
from environments.models import Activity, Environment

from ..taken import DUMP, keep_backup

pytestmark = pytest.mark.django_db
Spoil = Callable[[Backup], None]


@pytest.fixture
def backup(environment: Environment, tmp_path: Path) -> Backup:
    root = tmp_path / "files"
    root.mkdir()
    (root / "one.txt").write_text("one")
    return keep_backup(environment, root)


def link_of(backup: Backup, user: User) -> Link:
    return read_link(make_link(backup, contents="full", archive_format="zip", user=user), user=user)


def read(backup: Backup, contents: str, archive_format: str = "zip", **options: bool) -> bytes:
    return b"".join(open_archive(backup, contents, archive_format, **options).stream())


@pytest.mark.parametrize(
    ("contents", "archive_format", "filename", "content_type"),
    [
        ("full", "zip", "order-desk-live-202611251430.zip", "application/zip"),
        ("full", "tar.gz", "order-desk-live-202611251430.tar.gz", "application/gzip"),
        ("files", "zip", "order-desk-live-202611251430-files.zip", "application/zip"),
        ("files", "tar.gz", "order-desk-live-202611251430-files.tar.gz", "application/gzip"),
        ("database", "zip", "order-desk-live-202611251430.backup", "application/octet-stream"),
    ],
)
def test_each_download_has_its_name_and_type(
    backup: Backup, contents: str, archive_format: str, filename: str, content_type: str
) -> None:
    download = open_archive(backup, contents, archive_format)

    assert (download.filename, download.content_type) == (filename, content_type)
    assert download.length == len(b"".join(download.stream()))
    assert download.supports_ranges == (archive_format == "zip")


def test_the_database_is_the_dump_itself(backup: Backup) -> None:
    download = open_archive(backup, "database", "zip")

    assert b"".join(download.stream()) == DUMP
    assert download.sha256 == hashlib.sha256(DUMP).hexdigest()


def test_the_archive_tells_what_the_row_knows(backup: Backup, tmp_path: Path) -> None:
    (tmp_path / "live.zip").write_bytes(read(backup, "full"))

    with zipfile.ZipFile(tmp_path / "live.zip") as archive:
        metadata = archive.read(".metadata").decode()
    for word in ('"app": "order-desk"', '"created_at": "2026-11-25T14:30:00Z"', backup.dump_sha256, '"1.4.2.118"'):
        assert word in metadata


def test_a_tag_stands_for_the_bytes(backup: Backup, technical_contact: User) -> None:
    def tags() -> list[str]:
        fresh = Backup.objects.select_related("operation", "environment__app").get(pk=backup.pk)
        kinds = [("full", "zip"), ("full", "tar.gz"), ("files", "zip"), ("database", "zip")]
        return [open_archive(fresh, *kind).etag for kind in kinds]

    before = tags()
    assert len(set(before)) == 4
    assert tags() == before
    assert all(tag.startswith('"') and tag.endswith('"') for tag in before)

    change_comment(backup, by=Actor.person(technical_contact), comment="now with a comment")

    after = tags()
    assert after[3] == before[3], "the dump is the same"
    assert not set(after[:3]) & set(before[:3])


def test_a_link_is_good_for_its_person_alone(backup: Backup, developer: User, operator: User) -> None:
    token = make_link(backup, contents="files", archive_format="tar.gz", user=developer)

    link = read_link(token, user=developer)
    assert (link.backup, link.contents, link.archive_format) == (backup.pk, Contents.FILES, Format.TAR_GZ)
    assert (link.app, link.environment) == ("order-desk", "live")
    assert linked_backup(link, backup.environment) == backup
    with pytest.raises(LinkUnknown):
        read_link(token, user=operator)


def test_a_changed_link_is_none(backup: Backup, developer: User) -> None:
    token = make_link(backup, contents="files", archive_format="zip", user=developer)

    for wrong in (token[:-1], token + "x", token.swapcase(), "", ":", "x:y:z", token.replace(":", ".", 1)):
        with pytest.raises(LinkUnknown):
            read_link(wrong, user=developer)


def test_a_link_lives_eight_hours(backup: Backup, developer: User) -> None:
    token = make_link(backup, contents="full", archive_format="zip", user=developer)
    made_at = clock.now()

    with time_machine.travel(made_at + timedelta(hours=7, minutes=59), tick=False):
        assert linked_backup(read_link(token, user=developer), backup.environment) == backup
    with time_machine.travel(made_at + timedelta(hours=8, minutes=1), tick=False):
        link = read_link(token, user=developer)
        with pytest.raises(LinkNotValid):
            linked_backup(link, backup.environment)


def test_a_link_ends_with_its_backup(backup: Backup, developer: User) -> None:
    link = link_of(backup, developer)
    backup.delete()

    with pytest.raises(BackupGone):
        linked_backup(link, backup.environment)


def test_a_link_leads_into_its_own_environment_alone(backup: Backup, developer: User, acceptance: Environment) -> None:
    with pytest.raises(BackupGone):
        linked_backup(link_of(backup, developer), acceptance)


def _leaves(backup: Backup) -> None:
    backup.removal_at = clock.now()
    backup.save()


def _is_damaged(backup: Backup) -> None:
    backup.condition = Condition.DAMAGED
    backup.save()


def _is_missing(backup: Backup) -> None:
    backup.condition = Condition.MISSING
    backup.save()


def _is_running(backup: Backup) -> None:
    backup.operation.status = Status.RUNNING
    backup.operation.save()


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (_leaves, BackupLeaving),
        (_is_damaged, BackupBroken),
        (_is_missing, BackupBroken),
        (_is_running, BackupNotCompleted),
    ],
)
def test_only_good_backups_are_taken_home(
    backup: Backup, developer: User, spoil: Spoil, error: type[Exception]
) -> None:
    link = link_of(backup, developer)
    spoil(backup)

    with pytest.raises(error):
        linked_backup(link, backup.environment)
    with pytest.raises(error):
        make_link(backup, contents="full", archive_format="zip", user=developer)
    with pytest.raises(error):
        open_archive(backup, "full", "zip")


def test_what_cannot_be_read_is_said_before_anything_is_sent(backup: Backup) -> None:
    vault, place = open_vault(), (backup.environment_id, backup.pk, 1)
    vault.delete(names.manifest(*place))
    vault.delete(names.dump(*place))

    with pytest.raises((StoredMissing, ManifestNotReadable)):
        open_archive(backup, "full", "zip")
    with pytest.raises(StoredMissing):
        open_archive(backup, "database", "zip")


def test_a_dump_of_another_length_is_not_sent(backup: Backup) -> None:
    backup.database_bytes = len(DUMP) + 1

    with pytest.raises(StoredDiffers):
        open_archive(backup, "database", "zip")


def test_a_dump_that_was_changed_is_found_while_it_is_checked(backup: Backup) -> None:
    backup.dump_sha256 = "00" * 32

    with pytest.raises(StoredDiffers):
        read(backup, "database", is_checked=True)


def test_each_download_is_one_line_of_history(backup: Backup, developer: User) -> None:
    download, link = open_archive(backup, "full", "zip"), link_of(backup, developer)

    record_download(download, by=Actor.person(developer), link=link)
    record_download(download, by=Actor.person(developer), link=link, is_continued=True)

    [line] = Activity.objects.filter(action="download.started")
    assert line.subject == backup.pk
    assert line.actor == developer
    assert line.sentence == "Dana Developer began to download the backup of 2026-11-25 14:30 UTC."
    assert line.facts["bytes"] == download.length
    assert (line.facts["contents"], line.facts["format"]) == ("full", "zip")


def test_nobody_takes_the_rest_of_a_backup_home_unseen(backup: Backup, developer: User) -> None:
    download = open_archive(backup, "full", "zip")
    record_download(download, by=Actor.person(developer), link=link_of(backup, developer))

    record_download(download, by=Actor.person(developer), link=link_of(backup, developer), is_continued=True)

    assert Activity.objects.filter(action="download.started").count() == 2
