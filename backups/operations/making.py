"""One backup being made: look, dump, pack, read back, publish."""

from functools import partial
from typing import Any

from django.conf import settings

from environments import clock
from environments.choices import Status
from environments.lifecycle.attempt import Attempt, Fenced
from environments.models import Environment
from environments.programs import Program, ProgramFailed

from ..choices import Condition
from ..engines import postgresql
from ..engines.tools import find_tools
from ..models import Backup
from ..storage import names
from ..storage.archive import ArchiveSums
from ..storage.documents import DocumentsSaved, save_documents
from ..storage.documents_store import store_of
from ..storage.manifest import ManifestReader, ManifestWriter
from ..storage.moves import confirm_packs
from ..storage.packs import PackWriter
from ..storage.stored import Stored, StoredStream, read_back, read_through
from ..storage.vault import Vault
from .mark import mark_vault
from .note import note_made

STEPS = 4


def package_of(environment: Environment) -> dict[str, str]:
    package = environment.package
    return {
        "model_version": package.model_version if package else "",
        "modeler_version": package.modeler_version if package else "",
    }


class Making:
    """One attempt at making one backup: what each step hands to the next."""

    def __init__(self, attempt: Attempt, backup: Backup, vault: Vault) -> None:
        self.attempt, self.backup, self.vault = attempt, backup, vault
        self.environment = backup.environment
        self.began_at = clock.now()
        self.place = (self.environment.pk, backup.pk, attempt.number)
        self.known_bytes: int | None = None
        self.known_files_bytes: int | None = None

    def make(self) -> str:
        self._look()
        dump = self._save_database()
        saved, manifest = self._save_files(dump)
        self._publish(dump, saved, manifest)
        late = self.attempt.operation.params.get("late")
        sentence = (
            f"Backed up {in_words(dump.size + saved.files_bytes)}: database {in_words(dump.size)}, "
            f"{saved.files_count:,} files {in_words(saved.files_bytes)}.{_remarks(saved)}"
            f"{f' It was made {late}.' if late else ''}"
        )
        note_made(self.vault, self.backup.pk, sentence)
        return sentence

    def _look(self) -> None:
        """Everything that can be refused is refused before the first byte is stored."""
        self.attempt.beat("Looking at the database", step=1, steps=STEPS)
        self.address = self.environment.database_address
        self.server = postgresql.look_at(self.address)
        self.tools = find_tools(self.server.major)
        self.store = store_of(self.environment.files_address)
        self.store.look()
        mark_vault(self.vault)
        self.base = self._base()

    def _base(self) -> ManifestReader | None:
        """The manifest of the environment's newest good backup: what is unchanged since then is not stored again."""
        newest = Backup.objects.filter(environment=self.environment).usable().newest_first().first()
        if newest is None or newest.stored_attempt is None:
            return None
        self.known_bytes, self.known_files_bytes = newest.total_bytes, newest.files_bytes
        return ManifestReader(self.vault, names.manifest(self.environment.pk, newest.pk, newest.stored_attempt))

    def _save_database(self) -> Stored:
        self.attempt.beat("Saving the database", step=2, steps=STEPS)
        self.data_at = clock.now()
        compression = settings.DUMP_COMPRESSION
        with (
            StoredStream(self.vault, names.dump(*self.place)) as stream,
            postgresql.dump(
                self.address, self.tools, compression=compression, label=self.attempt.label, server=self.server
            ) as program,
        ):
            self.attempt.holds_child(program.child)
            for chunk in program.stream():
                stream.write(chunk)
                self.attempt.beat(done_bytes=stream.size, total_bytes=self.known_bytes)
            self._check(program)
            stored = stream.commit(self.attempt.beat)
        # What lies in the vault is read once, for two proofs: its SHA-256, and that pg_restore reads it to its end.
        blocks = read_through(self.vault, stored)
        postgresql.check_dump(blocks, self.tools, label=self.attempt.label, beat=self.attempt.beat)
        return stored

    def _check(self, program: Program) -> None:
        try:
            program.check()
        except ProgramFailed as failure:
            raise postgresql.explain(failure, self.address) from None

    def _save_files(self, dump: Stored) -> tuple[DocumentsSaved, Stored]:
        attempt = self.attempt
        attempt.beat("Saving the uploaded files", step=3, steps=STEPS)
        sums = ArchiveSums()
        with (
            ManifestWriter(self.vault, names.manifest(*self.place), self._header()) as manifest,
            PackWriter(self.vault, partial(names.pack, *self.place)) as packs,
        ):
            saved = save_documents(
                self.store,
                vault=self.vault,
                base=self.base,
                packs=packs,
                manifest=manifest,
                sums=sums,
                beat=partial(self._beat_files, dump.size),
                total_bytes=self._files_total(),
            )
            attempt.beat("Reading it back", step=4, steps=STEPS)
            confirm_packs(self.vault, saved.packs, attempt.beat)
            stored_dump = {"name": dump.name, "bytes": dump.size, "sha256": dump.sha256, "crc32": dump.crc32}
            end = saved.as_end() | {"dump": stored_dump, "archives": sums.end(dump)}
            stored = manifest.finish(end, attempt.beat)
        read_back(self.vault, stored, attempt.beat)
        return saved, stored

    def _files_total(self) -> int | None:
        """What the files will come to: as many bytes as last time, or, the first time, as a quick look says."""
        if self.base is not None:
            return self.known_files_bytes
        return self.store.measure(self.attempt.beat)[1]

    def _beat_files(self, before: int, done_bytes: int, total_bytes: int | None) -> None:
        total = None if total_bytes is None else before + max(total_bytes, done_bytes)
        self.attempt.beat(done_bytes=before + done_bytes, total_bytes=total)

    def _header(self) -> dict[str, Any]:
        """What lets a person, or another portal, understand the backup from the vault alone."""
        backup, environment = self.backup, self.environment
        return {
            "backup": str(backup.pk),
            "attempt": self.attempt.number,
            "app": environment.app.slug,
            "app_name": environment.app.name,
            "environment": environment.slug,
            "environment_name": environment.name,
            "environment_id": str(environment.pk),
            "is_production": environment.is_production,
            "region": environment.region.slug,
            "cloud_version": environment.cloud_version,
            "is_nightly_on": environment.is_nightly_on,
            "created_by": backup.created_by,
            "origin": self.attempt.operation.origin,
            "created_at": backup.created_at.isoformat(),
            "slot_at": backup.slot_at and backup.slot_at.isoformat(),
            "data_at": self.data_at.isoformat(),
            "expires_at": backup.expires_at.isoformat(),
            "kept_by": backup.kept_by,
            "comment": backup.comment,
            **package_of(environment),
            "server_version": self.server.version,
            "client_version": self.tools.version,
        }

    def _publish(self, dump: Stored, saved: DocumentsSaved, manifest: Stored) -> None:
        """Write the row's facts; they count once the operation is Completed, which is the lifecycle's next step."""
        self.attempt.check_owned()
        still_ours = Backup.objects.filter(
            pk=self.backup.pk, operation__status=Status.RUNNING, operation__attempt=self.attempt.number
        )
        written = still_ours.change_noted(
            data_at=self.data_at,
            stored_attempt=self.attempt.number,
            manifest_bytes=manifest.size,
            manifest_sha256=manifest.sha256,
            database_bytes=dump.size,
            dump_sha256=dump.sha256,
            tables_count=self.server.tables_count,
            files_bytes=saved.files_bytes,
            files_count=saved.files_count,
            left_out_count=saved.left_out_count,
            changed_count=saved.changed_count,
            stored_bytes=dump.size + manifest.size + saved.stored_bytes,
            client_version=self.tools.version,
            server_version=self.server.version,
            duration_seconds=round((clock.now() - self.began_at).total_seconds()),
            condition=Condition.UNVERIFIED,
            **package_of(self.environment),
        )
        if not written:
            raise Fenced


def in_words(size: int) -> str:
    """A size as people read it: decimal, two figures behind the point."""
    return f"{size / 1e9:,.2f} GB" if size >= 1e9 else f"{size / 1e6:,.2f} MB"


def _remarks(saved: DocumentsSaved) -> str:
    """What the person should know although the backup is complete."""
    remarks = ""
    if saved.left_out_count:
        remarks += f" {saved.left_out_count:,} links or devices were left out."
    if saved.changed_count:
        remarks += f" {saved.changed_count:,} files changed while they were read."
    return remarks
