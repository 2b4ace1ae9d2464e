"""A portal's database that is lost, and what can be told of it before and after."""

import io
import json
from typing import Any

from django.core.management import call_command

from backups.models import Backup, DeadObject, Generation, Hold, Installation, Restore, Swap, ToldAlarm, Upload
from backups.operations.note import facts_of
from backups.storage import names
from backups.storage.manifest import ManifestWriter
from backups.storage.notes import write_notes
from backups.storage.saved import DocumentsSaved
from backups.storage.vault import open_vault
from environments.models import Activity, App, Environment, Operation, Package, Region
from tests.backups.storage.trip import everything

Rows = dict[type, list[object]]
ROWS = (Activity, DeadObject, Hold, ToldAlarm, Restore, Swap, Generation, Upload, Backup, Operation, Installation)
VERSIONS = ("model_version", "modeler_version", "client_version", "server_version")
PLACES = (Environment, Package, App, Region)


def lose() -> None:
    """Everything that the portal remembers is gone; the vault is all that is left."""
    for model in (*ROWS, *PLACES):
        model.objects.all().delete()


def listed(environment: str) -> list[dict[str, Any]]:
    """As `list_backups --json` prints them."""
    out = io.StringIO()
    call_command("list_backups", environment, json=True, stdout=out)
    found: list[dict[str, Any]] = json.loads(out.getvalue())
    return found


def whole(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those that the vault holds: failed ones and those under way left nothing there."""
    return [one for one in found if one["status"] == "Completed"]


def rebuilt(*words: str) -> list[dict[str, Any]]:
    """Run the command, and return what it printed."""
    out = io.StringIO()
    call_command("rebuild_catalogue", *words, json=True, stdout=out, stderr=io.StringIO())
    found: list[dict[str, Any]] = json.loads(out.getvalue())
    return found


def held() -> set[str]:
    """All that lies in the vault."""
    return everything(open_vault())


def store(backup: Backup) -> None:
    """Manifest and notes of a row, as if it had been made: an empty tree, and a dump that is told of."""
    vault, place = open_vault(), backup.environment
    assert backup.stored_attempt
    own = (place.pk, backup.pk, backup.stored_attempt)
    moments = {name: getattr(backup, name).isoformat() for name in ("created_at", "data_at", "expires_at")}
    plain = {name: getattr(backup, name) for name in ("created_by", "kept_by", "comment", *VERSIONS)}
    header = {
        "backup": str(backup.pk),
        "attempt": backup.stored_attempt,
        "origin": backup.operation.origin,
        "app": place.app.slug,
        "environment": place.slug,
        "environment_id": str(place.pk),
        "region": place.region.slug,
        "slot_at": None,
        **moments,
        **plain,
    }
    dump = {"bytes": backup.database_bytes, "sha256": backup.dump_sha256}
    with ManifestWriter(vault, names.manifest(*own), header) as manifest:
        stored = manifest.finish({**DocumentsSaved().as_end(), "dump": dump})
    backup.manifest_bytes, backup.manifest_sha256, backup.notes_number = stored.size, stored.sha256, 1
    backup.save()
    write_notes(vault, names.backup_folder(*own), 1, facts_of(backup))


def copied() -> Rows:
    """The portal's rows as they are now."""
    return {model: list(model.objects.all()) for model in (Installation, Operation, Backup)}  # type: ignore[attr-defined]


def put_back(rows: Rows) -> None:
    """An old copy of the database takes the place of today's."""
    for model in (Activity, Backup, Operation, Installation):
        model.objects.all().delete()
    for model, old in rows.items():
        model.objects.bulk_create(old)  # type: ignore[attr-defined]
