"""Download: take a backup home, whole or in part, in forms that public tools read."""

import hashlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.core import signing

from environments.actors import Actor
from environments.lookup import moment
from environments.models import Activity, Environment, record

from ..choices import BROKEN, Contents, Format
from ..errors import (
    BackupBroken,
    BackupGone,
    BackupLeaving,
    BackupNotCompleted,
    LinkNotValid,
    LinkUnknown,
    StoredDiffers,
)
from ..models import Backup
from ..storage import names
from ..storage.archive import FORM, Archive, DumpArchive, archive_of
from ..storage.archive_parts import ahead
from ..storage.manifest import ManifestReader
from ..storage.stored import Stored
from ..storage.vault import Vault, open_vault
from .hold import hold, holding

LINK_SECONDS = 8 * 3600
SALT = "backups.download"
STARTED = "download.started"
ENDINGS = {Contents.FULL: "", Contents.FILES: "-files"}
PARTS = {Contents.FULL: "", Contents.FILES: "the uploaded files of ", Contents.DATABASE: "the database of "}
TYPES = {Format.ZIP: "application/zip", Format.TAR_GZ: "application/gzip"}


@dataclass(frozen=True)
class Link:
    """What a download link says. `number` tells it from every other link."""

    number: str
    backup: UUID
    app: str
    environment: str
    contents: Contents
    archive_format: Format
    is_expired: bool


@dataclass(frozen=True)
class Download:
    """A backup in the form in which it is taken home. Its length in bytes is known before the first of them is made.

    `etag` is strong and quoted: the same tag, the same bytes. `sha256` is in hex, empty where nobody knows it.
    """

    backup: Backup
    contents: Contents
    archive_format: Format
    filename: str
    content_type: str
    etag: str
    sha256: str
    archive: Archive

    @property
    def length(self) -> int:
        return self.archive.length

    @property
    def supports_ranges(self) -> bool:
        return self.archive.is_rangeable

    @property
    def form(self) -> str:
        """zip, tar.gz or backup."""
        return "backup" if self.contents == Contents.DATABASE else self.archive_format.value

    @property
    def made_at(self) -> datetime:
        return self.backup.operation.finished_at or self.backup.created_at

    @property
    def stored_as(self) -> str:
        """The name in the vault of the very bytes; empty where they are composed on the way."""
        return self.archive.stored_as

    def hand_over(self) -> None:
        """Hold the backup while somebody else sends its bytes, who does not tell when he is done.

        Raises: BackupLeaving
        """
        hold(self.backup.pk, timedelta(seconds=LINK_SECONDS))

    def stream(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The bytes from `start` up to `end`, never fewer without an error. The backup is held meanwhile.

        Raises, while read: StoredDiffers, StoredMissing, VaultUnreachable, ManifestNotReadable, BackupLeaving.
        """
        pieces = self.archive.stream(start, end)
        return holding(self.backup.pk, pieces if self.stored_as else ahead(pieces))


def check_usable(backup: Backup) -> None:
    """Raises: BackupNotCompleted, BackupLeaving, BackupBroken."""
    if not backup.is_completed:
        raise BackupNotCompleted
    if backup.removal_at is not None:
        raise BackupLeaving
    if backup.condition in BROKEN:
        raise BackupBroken


def make_link(backup: Backup, *, contents: str, archive_format: str, user: Any) -> str:
    """The token of a link that lives 8 hours and is good for this person alone.

    Raises:
        BackupNotCompleted, BackupLeaving, BackupBroken.
    """
    check_usable(backup)
    environment = backup.environment
    said = [
        *(secrets.token_hex(8), user.pk, backup.pk.hex, environment.app.slug, environment.slug),
        *(str(contents), str(archive_format)),
    ]
    return signing.dumps(said, salt=SALT)


def read_link(token: str, *, user: Any) -> Link:
    """What the link says. Whether the person may still download there is the gate's to say.

    Raises:
        LinkUnknown: it was changed, or made for somebody else.
    """
    try:
        number, owner, backup, app, environment, contents, archive_format = signing.loads(token, salt=SALT)
    except (signing.BadSignature, ValueError):
        raise LinkUnknown from None
    if owner != user.pk:
        raise LinkUnknown
    try:
        signing.loads(token, salt=SALT, max_age=LINK_SECONDS)
        is_expired = False
    except signing.SignatureExpired:
        is_expired = True
    return Link(number, UUID(backup), app, environment, Contents(contents), Format(archive_format), is_expired)


def linked_backup(link: Link, environment: Environment) -> Backup:
    """The backup that the link leads to.

    Raises:
        LinkNotValid, BackupGone, BackupNotCompleted, BackupLeaving, BackupBroken.
    """
    if link.is_expired:
        raise LinkNotValid
    rows = Backup.objects.select_related("operation", "environment__app")
    backup = rows.filter(pk=link.backup, environment=environment).first()
    if backup is None:
        raise BackupGone
    check_usable(backup)
    return backup


def name_of(backup: Backup, contents: Contents, archive_format: Format) -> str:
    """The file's name: app, environment and the moment the backup was asked for, in UTC."""
    environment = backup.environment
    stem = f"{environment.app.slug}-{environment.slug}-{backup.created_at.astimezone(UTC):%Y%m%d%H%M}"
    return f"{stem}.backup" if contents == Contents.DATABASE else f"{stem}{ENDINGS[contents]}.{archive_format}"


def open_archive(backup: Backup, contents: str, archive_format: str, *, is_checked: bool = False) -> Download:
    """The backup as a download. `archive_format` says nothing about a database, which is the dump itself.

    With `is_checked` what is read is compared with its sums on the way, the dump with its SHA-256.

    Raises:
        BackupNotCompleted, BackupLeaving, BackupBroken; StoredMissing, StoredDiffers, ManifestNotReadable,
        VaultUnreachable: it cannot be read.
    """
    check_usable(backup)
    kind, form = Contents(contents), Format(archive_format)
    filename = name_of(backup, kind, form)
    vault = open_vault()
    if kind == Contents.DATABASE:
        dump = _stored_dump(vault, backup)
        archive: Archive = DumpArchive(vault, dump, is_checked=is_checked)
        tag, sha256, content_type = f'"{dump.sha256}"', dump.sha256, "application/octet-stream"
    else:
        manifest = ManifestReader(vault, names.manifest(*_place(backup)))
        archive, tail = archive_of(
            vault,
            manifest,
            has_dump=kind == Contents.FULL,
            is_tar=form == Format.TAR_GZ,
            is_checked=is_checked,
            at=int((backup.data_at or backup.created_at).timestamp()),
            about=_about(backup, kind),
            filename=filename,
        )
        tag, sha256, content_type = _tag(backup, kind, form, tail), "", TYPES[form]
    return Download(backup, kind, form, filename, content_type, tag, sha256, archive)


def record_download(download: Download, *, by: Actor, link: Link | None = None, is_continued: bool = False) -> None:
    """Write the line of history of a download that begins.

    One that goes on from the middle is written down only where its link has no line yet: nobody takes the rest of a
    backup home unseen.
    """
    backup, environment = download.backup, download.backup.environment
    number = link.number if link else ""
    lines = Activity.objects.filter(environment=environment, action=STARTED, subject=backup.pk)
    if is_continued and lines.filter(facts__link=number).exists():
        return
    record(
        environment,
        STARTED,
        f"{by.name} began to download {PARTS[download.contents]}the backup of {backup.created_at:%Y-%m-%d %H:%M} UTC.",
        by=by,
        subject=backup.pk,
        contents=download.contents,
        format=download.form,
        filename=download.filename,
        bytes=download.length,
        link=number,
    )


def _place(backup: Backup) -> tuple[UUID, UUID, int]:
    assert backup.stored_attempt is not None
    return backup.environment_id, backup.pk, backup.stored_attempt


def _stored_dump(vault: Vault, backup: Backup) -> Stored:
    name, size = names.dump(*_place(backup)), vault.size(names.dump(*_place(backup)))
    if size != backup.database_bytes:
        raise StoredDiffers(
            f"The dump in the vault has {size} bytes and should have {backup.database_bytes}. Nothing was downloaded. "
            "Choose another backup, and look at the vault's disk."
        )
    return Stored(name, size, backup.dump_sha256)


def _tag(backup: Backup, contents: Contents, archive_format: Format, tail: bytes) -> str:
    """Everything that decides about the bytes: the form, what is stored, and what may change."""
    parts = f"{FORM} {contents} {archive_format} {backup.pk} {backup.manifest_sha256} ".encode() + tail
    return f'"{hashlib.sha256(parts).hexdigest()}"'


def _about(backup: Backup, contents: Contents) -> dict[str, Any]:
    """What .metadata says."""
    environment = backup.environment
    names_of_place = {
        "app": environment.app.slug,
        "app_name": environment.app.name,
        "environment": environment.slug,
        "environment_name": environment.name,
    }
    moments = {"created_at": moment(backup.created_at), "data_at": moment(backup.data_at)}
    copied = (
        *("created_by", "kept_by", "comment", "model_version", "modeler_version", "database_bytes", "files_bytes"),
        *("files_count", "dump_sha256", "server_version", "client_version"),
    )
    rest = {name: getattr(backup, name) for name in copied}
    return {"contents": contents, "backup": str(backup.pk), **names_of_place, **moments, **rest}
