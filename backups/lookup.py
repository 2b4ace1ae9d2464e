"""Backups as commands name them and show them (specification §10)."""

from typing import Any
from uuid import UUID

from environments.lookup import find_environment, moment
from environments.models import App, Environment, Package

from .errors import BackupUnknown, PackageUnknown
from .models import Backup

LATEST = "latest"
SHORTEST = 8


def find_backup(name: str) -> Backup:
    """The backup of this id, of an id that begins so (eight characters at least), or `app/environment/latest`.

    Raises:
        BackupUnknown, EnvironmentUnknown
    """
    rows = Backup.objects.select_related("operation", "environment__app", "environment__region")
    if name.endswith(f"/{LATEST}"):
        environment = find_environment(name.removesuffix(f"/{LATEST}"))
        found = rows.filter(environment=environment).usable().newest_first().first()
        if found is None:
            raise BackupUnknown(name)
        return found
    matching = list(rows.filter(pk__range=_ids_beginning_with(name))[:2])
    if len(matching) != 1:
        raise BackupUnknown(name)
    return matching[0]


def _ids_beginning_with(name: str) -> tuple[UUID, UUID]:
    digits = name.replace("-", "").lower()
    if not SHORTEST <= len(digits) <= 32 or set(digits) - set("0123456789abcdef"):
        raise BackupUnknown(name)
    return UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))


def find_package(app: App, model_version: str, modeler_version: str | None = None) -> Package:
    """The app's package of this model version; where several modelers made one, which is to be said.

    Raises:
        PackageUnknown
    """
    rows = Package.objects.filter(app=app, model_version=model_version.strip())
    if modeler_version is not None:
        rows = rows.filter(modeler_version=modeler_version.strip())
    found = list(rows.order_by("modeler_version"))
    if not found:
        raise PackageUnknown(f"{app.name} has no package {model_version}.")
    if len(found) > 1:
        modelers = " and ".join(package.modeler_version or "an unknown one" for package in found)
        raise PackageUnknown(
            f"{app.name} has {model_version} of the modelers {modelers}; say which (--modeler-version)."
        )
    return found[0]


def backups_of(environment: Environment) -> list[Backup]:
    """All backups of an environment, newest first."""
    rows = Backup.objects.select_related("operation", "environment__app")
    return list(rows.filter(environment=environment).newest_first())


def backup_line(backup: Backup) -> str:
    """A backup on one line: id, status, moment, size, creator, comment; the fields divided by tabs."""
    size = "–" if backup.total_bytes is None else f"{backup.total_bytes / 1e6:.2f} MB"
    created = f"{backup.created_at:%Y-%m-%d %H:%M} UTC"
    comment = " ".join(backup.comment.split())
    return "\t".join([str(backup.pk), backup.status, created, size, backup.created_by, comment]).rstrip()


def backup_json(backup: Backup) -> dict[str, Any]:
    """A backup as `--json` prints it: the keys are a contract."""
    return {
        "id": str(backup.pk),
        "environment": str(backup.environment),
        "status": backup.status,
        "created_by": backup.created_by,
        "created_at": moment(backup.created_at),
        "data_at": moment(backup.data_at),
        "expires_at": moment(backup.expires_at),
        "kept_by": backup.kept_by,
        "pinned": backup.is_pinned,
        "model_version": backup.model_version or None,
        "modeler_version": backup.modeler_version or None,
        "comment": backup.comment or None,
        "database_bytes": backup.database_bytes,
        "files_bytes": backup.files_bytes,
        "files_count": backup.files_count,
        "dump_sha256": backup.dump_sha256 or None,
        "duration_seconds": backup.duration_seconds,
        "verified_at": moment(backup.verified_at),
        "condition": backup.condition,
        "message": backup.operation.message or None,
        "operation": str(backup.operation_id),
    }
