"""Backups with real packs and manifests and no database, in any vault: made at once, or step by step."""

import random
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from backups.models import Backup
from backups.storage import names
from backups.storage.documents import save_documents
from backups.storage.manifest import ManifestReader, ManifestWriter
from backups.storage.moves import confirm_packs
from backups.storage.packs import PackReader, PackWriter
from backups.storage.stored import StoredStream
from backups.storage.vault import Vault
from environments import clock
from environments.choices import Status
from environments.models import Environment, Operation
from tests.backups.storage.trip import files_in
from tests.factories import BackupFactory

TRUSTED_NS = 2**62  # nobody waits until files are old enough to be trusted unread
Contents = dict[str, bytes]


class Shelf:
    """An environment's backups in a vault."""

    def __init__(self, vault: Vault, environment: Environment, root: Path, *, limit: int = 64 << 20) -> None:
        self.vault, self.environment, self.root, self.limit = vault, environment, root, limit
        self.saved: dict[Any, Contents] = {}
        root.mkdir(exist_ok=True)

    def write(self, **files: bytes) -> None:
        for name, content in files.items():
            (self.root / name).write_bytes(content)

    def make(self, created_at: datetime | None = None, **fields: Any) -> Backup:
        """A Completed backup of the files as they are."""
        backup = self.begin(created_at or clock.now(), **fields)
        for _ in self.perform(backup, 1):
            pass
        backup.refresh_from_db()
        return backup

    def begin(self, created_at: datetime, **fields: Any) -> Backup:
        backup: Backup = BackupFactory(
            environment=self.environment, created_at=created_at, operation__running=True, **fields
        )
        return backup

    def perform(self, backup: Backup, attempt: int) -> Iterator[str]:
        """Make it, in the order in which the operation does, with a pause between any two steps."""
        base = self._base()
        yield "begun"
        place, content = (self.environment.pk, backup.pk, attempt), self.files()
        with StoredStream(self.vault, names.dump(*place)) as stream:
            stream.write(b"a dump")
            dump = stream.commit()
        header = {"backup": str(backup.pk), "walk_started_at_ns": TRUSTED_NS}
        with (
            ManifestWriter(self.vault, names.manifest(*place), header) as manifest,
            PackWriter(self.vault, partial(names.pack, *place), limit=self.limit) as packs,
        ):
            saved = save_documents(
                files_in(self.root), vault=self.vault, base=base, packs=packs, manifest=manifest, sums=None, beat=quiet
            )
            yield "packed"
            confirm_packs(self.vault, saved.packs)
            yield "confirmed"
            end = {"dump": {"name": dump.name, "bytes": dump.size, "sha256": dump.sha256, "crc32": dump.crc32}}
            stored = manifest.finish(saved.as_end() | end)
        yield "stored"
        ours = Operation.objects.filter(pk=backup.operation_id, status=Status.RUNNING, attempt=attempt)
        if ours.update(status=Status.COMPLETED):
            self.saved[backup.pk] = content
            Backup.objects.filter(pk=backup.pk).update(
                stored_attempt=attempt,
                manifest_bytes=stored.size,
                manifest_sha256=stored.sha256,
                database_bytes=dump.size,
                dump_sha256=dump.sha256,
                files_bytes=saved.files_bytes,
                files_count=saved.files_count,
                client_version="17.10",
            )

    def files(self) -> Contents:
        return {path.name: path.read_bytes() for path in self.root.iterdir()}

    def read(self, backup: Backup) -> Contents:
        """What the vault holds of a backup's files. Raises what reading raises."""
        assert backup.stored_attempt is not None
        place = (self.environment.pk, backup.pk, backup.stored_attempt)
        manifest, packs = ManifestReader(self.vault, names.manifest(*place)), PackReader(self.vault)
        found = {}
        for record in manifest.files():
            name = manifest.pack_name(record.pack) if record.size else ""
            found[record.path] = b"".join(packs.content(name, record))
            assert sha256(found[record.path]).hexdigest() == record.sha256
        return found

    def _base(self) -> ManifestReader | None:
        newest = Backup.objects.filter(environment=self.environment).usable().newest_first().first()
        if newest is None or newest.stored_attempt is None:
            return None
        return ManifestReader(self.vault, names.manifest(self.environment.pk, newest.pk, newest.stored_attempt))


def quiet(done: int, total: int | None) -> None:
    """A beat that nobody hears."""


def noise(length: int, seed: int) -> bytes:
    """Bytes that no compression helps, the same each time."""
    return random.Random(seed).randbytes(length)
