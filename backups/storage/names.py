"""Where everything lies in the vault. Names come from ids only, are final from the start, and carry the attempt."""

from uuid import UUID

MARKER = "portal-vault.json"


def environment_folder(environment: UUID) -> str:
    return f"environments/{environment}"


def backups_folder(environment: UUID) -> str:
    return f"{environment_folder(environment)}/backups"


def backup_folder(environment: UUID, backup: UUID, attempt: int) -> str:
    """One folder an attempt, holding `manifest` and `dump`."""
    return f"{backups_folder(environment)}/{backup}.{attempt}"


def manifest(environment: UUID, backup: UUID, attempt: int) -> str:
    return f"{backup_folder(environment, backup, attempt)}/manifest.zst"


def dump(environment: UUID, backup: UUID, attempt: int) -> str:
    return f"{backup_folder(environment, backup, attempt)}/db.backup"


def packs_folder(environment: UUID) -> str:
    return f"{environment_folder(environment)}/packs"


def pack_prefix(environment: UUID, backup: UUID, attempt: int) -> str:
    """How the names of an attempt's packs begin."""
    return f"{packs_folder(environment)}/{backup}.{attempt}."


def pack(environment: UUID, backup: UUID, attempt: int, number: int) -> str:
    return f"{pack_prefix(environment, backup, attempt)}{number}"
