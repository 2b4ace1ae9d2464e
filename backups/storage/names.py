"""Where everything lies in the vault. Names come from ids only, are final from the start, and carry the attempt."""

from datetime import UTC, datetime
from uuid import UUID

MARKER = "portal-vault.json"
MANIFEST = "manifest.zst"
NOTES = "notes."
PACKAGES = "packages"
PORTAL = "portal"
PACKAGE_MOMENT = "%Y%m%dT%H%M%SZ"


def environment_folder(environment: UUID) -> str:
    return f"environments/{environment}"


def backups_folder(environment: UUID) -> str:
    return f"{environment_folder(environment)}/backups"


def backup_folder(environment: UUID, backup: UUID, attempt: int) -> str:
    """One folder an attempt, holding `manifest`, `dump` and `notes`."""
    return f"{backups_folder(environment)}/{backup}.{attempt}"


def manifest(environment: UUID, backup: UUID, attempt: int) -> str:
    return f"{backup_folder(environment, backup, attempt)}/{MANIFEST}"


def dump(environment: UUID, backup: UUID, attempt: int) -> str:
    return f"{backup_folder(environment, backup, attempt)}/db.backup"


def notes(folder: str, number: int) -> str:
    """What became of a backup since it was made. The number counts up; the newest alone holds."""
    return f"{folder}/{NOTES}{number:010}.json"


def notes_number(name: str) -> int:
    """The number in such a name; 0 where it is none."""
    file = name.rpartition("/")[2]
    number = file.removeprefix(NOTES).removesuffix(".json")
    return int(number) if file == f"{NOTES}{number}.json" and number.isdecimal() else 0


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


def package(begun_at: datetime, number: UUID) -> str:
    """The file of a deployment package. The moment tells what was left behind from what is on its way."""
    return f"{PACKAGES}/{begun_at.astimezone(UTC):{PACKAGE_MOMENT}}.{number.hex}"


def package_begun_at(name: str) -> datetime | None:
    """The moment in such a name; None where it is none of ours."""
    moment = name.rpartition("/")[2].partition(".")[0]
    try:
        return datetime.strptime(moment, PACKAGE_MOMENT).replace(tzinfo=UTC)
    except ValueError:
        return None


def portal_copy(label: str) -> str:
    """A copy of the portal's own database."""
    return f"{PORTAL}/{label}.copy"


def portal_facts(label: str) -> str:
    """What the copy of this label is; written last."""
    return f"{PORTAL}/{label}.json"
