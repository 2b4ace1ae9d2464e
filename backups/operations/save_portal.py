"""Save the portal: a copy of its own database into the vault each night, so that the portal survives its own loss.

The keys are not in it: whoever has the vault alone reads no password of an app.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from backports.zstd import ZstdCompressor
from django.conf import settings
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from environments import clock
from environments.addresses import DatabaseAddress
from environments.programs import ProgramFailed

from ..engines import postgresql
from ..engines.tools import find_tools
from ..errors import PortalNotSaved, VaultUnreachable
from ..models import Installation
from ..storage import names
from ..storage.portal_copies import PortalCopy, copies, forget, left_behind, publish
from ..storage.stored import StoredStream, read_back
from ..storage.vault import BLOCK, open_vault
from .mark import mark_vault

KEPT = 30
LABEL = "%Y%m%dT%H%M%S%fZ"
LEFT_BEHIND_AFTER = timedelta(hours=24)
SESSION = "portal-save"


def save_portal() -> PortalCopy:
    """Copy the portal's own database into the vault, read it back, and let go of all but the newest thirty copies.

    Raises:
        PortalNotSaved, VaultUnreachable, VaultForeign, StoredDiffers: and earlier copies are as they were.
    """
    vault, now = open_vault(), clock.now()
    mark_vault(vault)
    label = now.astimezone(UTC).strftime(LABEL)
    with StoredStream(vault, names.portal_copy(label), has_crc=False) as stream, _copied() as blocks:
        for block in blocks:
            stream.write(block)
        stored = stream.commit()
    try:
        read_back(vault, stored)
        _remember(label)
        made = PortalCopy(label, connection.vendor, now, form_of_database(), stored)
        publish(vault, made)
    except BaseException:
        with suppress(VaultUnreachable):
            vault.delete(stored.name)
        raise
    for old in copies(vault)[KEPT:]:
        forget(vault, old.label)
    for begun in left_behind(vault):
        if _moment_of(begun) < now - LEFT_BEHIND_AFTER:
            vault.delete(names.portal_copy(begun))
    return made


def saved_within(age: timedelta) -> bool:
    """Whether a copy is there that is younger. Raises: VaultUnreachable, StoredDiffers."""
    if Installation.own().marked_at is None:
        return False
    return any(copy.made_at > clock.now() - age for copy in copies(open_vault())[:1])


def form_of_database() -> str:
    """The newest step that the database was brought to, of each app of ours: what a copy fits to."""
    done = MigrationRecorder(connection).applied_migrations()
    ours = [max((name for app, name in done if app == label), default="") for label in ("environments", "backups")]
    return ", ".join(ours)


def own_address() -> DatabaseAddress:
    """Where the portal's own PostgreSQL database is."""
    own = connection.settings_dict
    port = int(own["PORT"] or 5432)
    return DatabaseAddress(own["HOST"] or "", port, own["NAME"], own["USER"] or "", own["PASSWORD"] or "")


@contextmanager
def _copied() -> Iterator[Iterator[bytes]]:
    """The database as it is at one moment, while the portal goes on."""
    if connection.vendor == "sqlite":
        folder = Path(settings.DATA_DIR) / "scratch"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as own:
            target = Path(own) / "portal.sqlite3"
            with connection.cursor() as cursor:
                cursor.execute("VACUUM INTO %s", [str(target)])
            yield _compressed(target)
        return
    address = own_address()
    server = postgresql.look_at(address)
    tools = find_tools(server.major)
    with postgresql.dump(address, tools, compression="zstd:1", label=SESSION, server=server) as program:
        yield (block for block in program.stream() if block)
        try:
            program.check()
        except ProgramFailed as failure:
            why = postgresql.explain(failure, address)
            raise PortalNotSaved(f"The portal's own database was not saved. {why}") from None


def _compressed(source: Path) -> Iterator[bytes]:
    compressor = ZstdCompressor(level=3)
    with source.open("rb") as file:
        while block := file.read(BLOCK):
            if piece := compressor.compress(block):
                yield piece
    yield compressor.flush()


def _remember(label: str) -> None:
    """Before the copy counts: whoever finds a later one than is remembered was put back from an older one."""
    Installation.objects.filter(saved_label__lt=label).update(saved_label=label)


def _moment_of(label: str) -> datetime:
    try:
        return datetime.strptime(label, LABEL).replace(tzinfo=UTC)
    except ValueError:
        return clock.now()
