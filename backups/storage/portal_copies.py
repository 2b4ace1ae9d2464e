"""Copies of the portal's own database in the vault: the bytes, and beside them, written last, what they are."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from ..errors import CatalogueBehind, StoredDiffers
from . import names
from .stored import Stored
from .vault import Vault

FORMAT = "portal-copy/1"
LONGEST = 4096
NO_COPY = "0"  # lower than every label: none is known to be there


class PortalCopy(NamedTuple):
    """One copy: of which kind of database (`sqlite`, `postgresql`), made when, by which version of the portal."""

    label: str
    kind: str
    made_at: datetime
    version: str
    stored: Stored


def publish(vault: Vault, copy: PortalCopy) -> None:
    """Write what the bytes are; from then on the copy is there. Raises: StoredAlready, VaultUnreachable."""
    facts: dict[str, str | int] = {"format": FORMAT, "kind": copy.kind, "made_at": copy.made_at.isoformat()}
    facts |= {"version": copy.version, "bytes": copy.stored.size, "sha256": copy.stored.sha256}
    with vault.create(names.portal_facts(copy.label)) as writer:
        writer.write(json.dumps(facts).encode())
        writer.commit()


def copies(vault: Vault) -> list[PortalCopy]:
    """All that are there, newest first. Raises: VaultUnreachable, StoredDiffers."""
    return [_read(vault, label) for label in sorted(_labels(vault), reverse=True)]


def newest_label(vault: Vault) -> str:
    """The label of the newest copy; empty: there is none. Raises: VaultUnreachable."""
    return max(_labels(vault), default="")


def check_newest(vault: Vault, known: str) -> None:
    """See that no copy is there that is newer than the newest that the portal's database knows of (empty: unknown).

    Raises:
        CatalogueBehind: it was put back from an older copy, or another portal writes here; VaultUnreachable.
    """
    newest = newest_label(vault) if known else ""
    if newest > known:
        raise CatalogueBehind(
            f"The portal's database is older than the vault, which holds a copy of it labelled {newest}. Nothing was "
            "written or removed. Run rebuild_catalogue; should another portal write to this vault, stop it first."
        )


def forget(vault: Vault, label: str) -> None:
    """Remove a copy: first what says that it is there. Raises: VaultUnreachable."""
    vault.delete(names.portal_facts(label))
    vault.delete(names.portal_copy(label))


def left_behind(vault: Vault) -> Iterator[str]:
    """Labels of copies that were begun and never published."""
    files = vault.listdir(names.PORTAL)[1]
    known = {name.removesuffix(".json") for name in files if name.endswith(".json")}
    yield from (
        label for name in files if name.endswith(".copy") and (label := name.removesuffix(".copy")) not in known
    )


def _labels(vault: Vault) -> list[str]:
    return [name.removesuffix(".json") for name in vault.listdir(names.PORTAL)[1] if name.endswith(".json")]


def _read(vault: Vault, label: str) -> PortalCopy:
    try:
        facts = json.loads(b"".join(vault.stream(names.portal_facts(label), 0, None))[:LONGEST])
        stored = Stored(names.portal_copy(label), int(facts["bytes"]), str(facts["sha256"]))
        made_at = datetime.fromisoformat(facts["made_at"]).astimezone(UTC)
        return PortalCopy(label, str(facts["kind"]), made_at, str(facts["version"]), stored)
    except (ValueError, KeyError, TypeError):
        raise StoredDiffers(f"{names.portal_facts(label)} in the vault cannot be read.") from None
