"""Where everything lies in the vault. Names come from ids only, are final from the start, and carry the attempt."""

from uuid import UUID

MARKER = "portal-vault.json"
MANIFEST = "manifest.zst"


def environment_folder(environment: UUID) -> str:
    return f"environments/{environment}"


def backups_folder(environment: UUID) -> str:
    return f"{environment_folder(environment)}/backups"


def backup_folder(environment: UUID, backup: UUID, attempt: int) -> str:
    """One folder an attempt, holding `manifest` and `dump`."""
    return f"{backups_folder(environment)}/{backup}.{attempt}"


def manifest(environment: UUID, backup: UUID, attempt: int) -> str:
    return f"{backup_folder(environment, backup, attempt)}/{MANIFEST}"


def dump(environment: UUID, backup: UUID, attempt: int) -> str:
    return f"{backup_folder(environment, backup, attempt)}/db.backup"


def packs_folder(environment: UUID) -> str:
    return f"{environment_folder(environment)}/packs"


def pack_prefix(environment: UUID, backup: UUID, attempt: int) -> str:
    """How the names of an attempt's packs begin."""
    return f"{packs_folder(environment)}/{backup}.{attempt}."


def pack(environment: UUID, backup: UUID, attempt: int, number: int) -> str:
    return f"{pack_prefix(environment, backup, attempt)}{number}"


def rewritten_pack(environment: UUID, rewriting: UUID, number: int) -> str:
    """A pack that prune made of the living parts of others. No backup has an attempt 0."""
    return pack(environment, rewriting, 0, number)


def moves_folder(environment: UUID) -> str:
    return f"{environment_folder(environment)}/moves"


def moves(folder: str, number: int, rewriting: UUID) -> str:
    """The number counts up; the newest alone holds. Two that are written at once do not get into each other's way."""
    return f"{folder}/{number:010}.{rewriting}.zst"


def moves_number(name: str) -> int:
    return int(name.rpartition("/")[2].split(".")[0])


def moves_folder_beside(pack: str) -> str:
    """Where the moves of a pack's environment lie."""
    return "/".join([*pack.split("/")[:-2], "moves"])
