"""Backups that are kept without a database server, and taken home: what tests of downloads share."""

import os
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from django.contrib.auth.models import User

from backups.choices import Contents, Format
from backups.models import Backup
from backups.operations.download import make_link, name_of
from backups.operations.mark import mark_vault
from backups.storage import names
from backups.storage.archive import Archive, ArchiveSums, archive_of
from backups.storage.documents import save_documents
from backups.storage.manifest import ManifestReader, ManifestWriter
from backups.storage.packs import PackWriter
from backups.storage.stored import Stored, StoredStream
from backups.storage.vault import Vault, open_vault
from environments.models import Environment
from tests.factories import BackupFactory

from .storage.trip import files_in, quiet

AT = 1_795_617_000  # 2026-11-25 14:30 UTC
DUMP = b"PGDMP\1\x0e\0\4\x08\1" + bytes(100) + bytes(range(256)) * 400
ABOUT = {
    "app_name": "Order Desk",
    "environment_name": "Live",
    "created_by": "Ines Duarte",
    "created_at": "2026-11-25T14:30:00Z",
    "data_at": "2026-11-25T14:30:05Z",
    "comment": "Before the migration",
    "model_version": "1.4.2.118",
    "modeler_version": "7.23.3",
    "client_version": "17.10",
    "server_version": "16.4",
}
PLACE = (UUID("11111111-2222-3333-4444-555555555555"), UUID("66666666-7777-8888-9999-aaaaaaaaaaaa"), 1)
Place = tuple[UUID, UUID, int]


class Taken(NamedTuple):
    """A backup in a vault."""

    vault: Vault
    reader: ManifestReader
    manifest: Stored
    dump: Stored
    files: tuple[int, int]

    def archive(
        self, *, has_dump: bool = True, is_tar: bool = False, is_checked: bool = False, **about: Any
    ) -> Archive:
        made, _ = archive_of(
            self.vault,
            ManifestReader(self.vault, self.reader.name),
            has_dump=has_dump,
            is_tar=is_tar,
            is_checked=is_checked,
            at=AT,
            about=ABOUT | about,
            filename="live.tar.gz" if is_tar else "live.zip",
        )
        return made


def keep(
    root: Path,
    vault: Vault,
    dump: Iterable[bytes] = (DUMP,),
    place: Place = PLACE,
    base: Taken | None = None,
    **more: Any,
) -> Taken:
    """Back up a tree and a dump as the create operation does."""
    with StoredStream(vault, names.dump(*place)) as stream:
        for piece in dump:
            stream.write(piece)
        stored = stream.commit()
    sums = ArchiveSums()
    header = {"walk_started_at_ns": 1 << 62}  # a backup upon this one trusts files written just now
    with (
        ManifestWriter(vault, names.manifest(*place), header) as manifest,
        PackWriter(vault, partial(names.pack, *place), **more) as packs,
    ):
        reader = base and base.reader
        saved = save_documents(
            files_in(root), vault=vault, base=reader, packs=packs, manifest=manifest, sums=sums, beat=quiet
        )
        ours = {"name": stored.name, "bytes": stored.size, "sha256": stored.sha256, "crc32": stored.crc32}
        kept = manifest.finish(saved.as_end() | {"dump": ours, "archives": sums.end(stored)})
    return Taken(vault, ManifestReader(vault, kept.name), kept, stored, (saved.files_count, saved.files_bytes))


def keep_backup(environment: Environment, root: Path, dump: Iterable[bytes] = (DUMP,), **fields: Any) -> Backup:
    """A Completed backup of the tree in the settings' vault."""
    vault = open_vault()
    mark_vault(vault)
    backup: Backup = BackupFactory.create(
        environment=environment, created_at=datetime(2026, 11, 25, 14, 30, tzinfo=UTC), **fields
    )
    taken = keep(root, vault, dump, (environment.pk, backup.pk, 1))
    backup.dump_sha256, backup.database_bytes = taken.dump.sha256, taken.dump.size
    backup.files_count, backup.files_bytes = taken.files
    backup.manifest_bytes, backup.manifest_sha256 = taken.manifest.size, taken.manifest.sha256
    backup.save()
    return Backup.objects.select_related("operation", "environment__app").get(pk=backup.pk)


def link_for(
    backup: Backup, user: User, contents: Contents = Contents.FULL, archive_format: Format = Format.ZIP
) -> str:
    """The address of a download, made for this person."""
    token = make_link(backup, contents=contents, archive_format=archive_format, user=user)
    return f"/downloads/{token}/{name_of(backup, contents, archive_format)}"


def whole(archive: Archive) -> bytes:
    content = b"".join(archive.stream())
    assert len(content) == archive.length
    return content


def tree_of(root: Path) -> dict[bytes, bytes | None]:
    """Everything below: the bytes of each file, None for each folder."""
    found: dict[bytes, bytes | None] = {}
    top = os.fsencode(root)
    for folder, folders, files in os.walk(top):
        found |= {os.path.relpath(os.path.join(folder, name), top): None for name in folders}  # noqa: PTH118
        for name in files:
            path = os.path.join(folder, name)  # noqa: PTH118 - names may be no text
            with open(path, "rb") as file:
                found[os.path.relpath(path, top)] = file.read()
    return found
