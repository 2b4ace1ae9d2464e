"""Restore the portal: bring its own database back from a copy in the vault, into an empty one, all of it or nothing."""

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from backports.zstd import ZstdDecompressor
from django.conf import settings
from django.db import connection

from environments.lifecycle.adopt import UNKNOWN, end_all

from ..engines import postgresql
from ..engines.tools import find_tools
from ..errors import DumpIncomplete, PortalNotRestored
from ..storage.portal_copies import PortalCopy, copies
from ..storage.stored import read_through
from ..storage.vault import open_vault
from .save_portal import SESSION, own_address


def saved_portals() -> list[PortalCopy]:
    """The copies in the vault, newest first. Raises: VaultUnreachable, StoredDiffers."""
    return copies(open_vault())


def restore_portal(label: str = "") -> PortalCopy:
    """Put a copy (the newest, or the one of this label) into the empty database of the settings.

    Raises:
        PortalNotRestored: there is none, it is of another kind, or the database is not empty; nothing has changed.
        VaultUnreachable, StoredDiffers: the copy cannot be read as it was written; nothing has changed.
    """
    found = [one for one in saved_portals() if label in ("", one.label)]
    if not found:
        raise PortalNotRestored("The vault holds no such copy of a portal. See restore_portal --list.")
    chosen = found[0]
    if chosen.kind != connection.vendor:
        raise PortalNotRestored(
            f"This copy is of {chosen.kind}, and DATABASE_URL names {connection.vendor}. Nothing was changed."
        )
    if connection.introspection.table_names():
        raise PortalNotRestored(
            "The portal's database is not empty, and is not overwritten. Give it an empty one; nothing was changed."
        )
    with _fetched(chosen) as copy:
        _fill_sqlite(copy) if connection.vendor == "sqlite" else _fill_postgresql(copy)
    # What was Queued or Running then must not begin again now: it may have ended long since.
    end_all(f"The portal was put back as it was at {chosen.made_at:%Y-%m-%d %H:%M} UTC. {UNKNOWN}")
    return chosen


@contextmanager
def _fetched(copy: PortalCopy) -> Iterator[Path]:
    """The copy's bytes in scratch: those whose SHA-256 was compared."""
    folder = Path(settings.DATA_DIR) / "scratch"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as own:
        target = Path(own) / "copy"
        with target.open("wb") as file:
            for block in read_through(open_vault(), copy.stored):
                file.write(block)
        yield target


def _fill_sqlite(copy: Path) -> None:
    """The file appears under its name only when it is whole and sound."""
    target = Path(connection.settings_dict["NAME"])
    beside = target.with_name(f".{target.name}.coming")
    decompressor = ZstdDecompressor()
    with copy.open("rb") as file, beside.open("wb") as out:
        os.fchmod(out.fileno(), 0o600)
        while block := file.read(1 << 20):
            out.write(decompressor.decompress(block))
        os.fsync(out.fileno())
    with closing(sqlite3.connect(beside)) as database:
        (said,) = database.execute("PRAGMA integrity_check").fetchone()
    if said != "ok":
        beside.unlink()
        raise PortalNotRestored(f"The copy is not sound ({said}). Take an earlier one; nothing was changed.")
    connection.close()
    for tail in ("-wal", "-shm"):
        target.with_name(target.name + tail).unlink(missing_ok=True)
    beside.rename(target)


def _fill_postgresql(copy: Path) -> None:
    address = own_address()
    tools = find_tools(postgresql.look_at(address).major)
    connection.close()
    try:
        postgresql.fill(address, copy, tools, label=SESSION)
    except DumpIncomplete as error:
        raise PortalNotRestored(f"{error} The database is as empty as before.") from error
