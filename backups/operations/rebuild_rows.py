"""Rows of backups as manifest and notes tell them: checked by the fields themselves before anything is remembered."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from django.core.exceptions import ValidationError

from environments.choices import Origin
from environments.lifecycle.adopt import Ended
from environments.models import Environment, Operation

from ..choices import Condition
from ..errors import ManifestNotReadable
from ..models import Backup
from ..storage.shelved import Shelved, Told
from .nights import key_of
from .note import FACTS

# What may change after a backup was made, and so is taken from newer notes into a row that is there.
CHANGING = (
    *("comment", "expires_at", "kept_by", "condition", "verified_at"),
    *("pinned_at", "pinned_until", "pin_reason"),
)
FOUND = "Found in the vault."


class Read(NamedTuple):
    """A backup of the vault, ready to be remembered: the row without environment and operation, and what made it."""

    shelved: Shelved
    header: dict[str, Any]
    facts: dict[str, Any]
    operation: dict[str, Any]
    remark: str

    def row(self, environment: Environment, operation: Operation) -> Backup:
        one = self.shelved
        return Backup(
            id=one.backup, environment=environment, operation=operation, **self.facts, **stored(one), is_noted=True
        )

    def ended(self, environment: Environment) -> Ended:
        """Its operation; the key of its night keeps the night from being made twice."""
        slot_at, is_nightly = self.facts["slot_at"], self.operation["origin"] == Origin.NIGHTLY
        return Ended(
            kind="create",
            environment=environment,
            subject=self.shelved.backup,
            attempt=self.shelved.attempt,
            unique_key=key_of(environment, slot_at) if slot_at and is_nightly else None,
            **self.operation,
        )


def stored(one: Shelved) -> dict[str, int]:
    """Where a backup's bytes lie, and which notes it has there."""
    return {"stored_attempt": one.attempt, "notes_number": one.notes}


def read_rows(one: Shelved, told: Told) -> Read:
    """Raises: ManifestNotReadable, with what cannot be believed."""
    try:
        said = told.notes or _from_manifest(told)
        facts = {name: _checked(Backup, name, said[name]) for name in FACTS}
        operation = {name: _checked(Operation, name, value) for name, value in said["operation"].items()}
        if told.notes and facts["manifest_bytes"] != told.manifest_bytes:
            raise ValueError(f"it has {told.manifest_bytes} bytes and should have {facts['manifest_bytes']}")
        return Read(one, told.header, facts, operation, told.remark)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ManifestNotReadable(f"What the vault tells of it cannot be believed ({error}).") from None


def changing_facts(notes: dict[str, Any]) -> dict[str, Any]:
    """What newer notes say of a backup that is known. Raises: ManifestNotReadable."""
    try:
        return {name: _checked(Backup, name, notes[name]) for name in CHANGING}
    except (ValueError, KeyError, TypeError) as error:
        raise ManifestNotReadable(f"Its notes in the vault cannot be believed ({error}).") from None


def _from_manifest(told: Told) -> dict[str, Any]:
    """The same facts of a backup that has no notes: made before there were any, or its notes are damaged."""
    header, end = told.header, told.end
    dump, left_out = end["dump"], end.get("left_out", {})
    known = {name: header[name] for name in FACTS if name in header}
    known |= {name: end[name] for name in ("files_bytes", "files_count", "changed_count")}
    nothing = {"tables_count", "duration_seconds", "verified_at", "pinned_at", "pinned_until"}
    return {
        **dict.fromkeys(nothing),
        **known,
        "manifest_bytes": told.manifest_bytes,
        "manifest_sha256": told.manifest_sha256,
        "database_bytes": dump["bytes"],
        "dump_sha256": dump["sha256"],
        "left_out_count": sum(left_out.values()),
        "stored_bytes": dump["bytes"] + told.manifest_bytes + end.get("stored_bytes", 0),
        "condition": Condition.UNVERIFIED,
        "pin_reason": "",
        "operation": _operation_of(header),
    }


def _operation_of(header: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": str(uuid4()),
        "requested_by_name": header["created_by"],
        "origin": header["origin"],
        "params": {},
        "message": FOUND,
        "created_at": header["created_at"],
        "started_at": header["data_at"],
        "finished_at": header["data_at"],
        "max_attempts": None,
    }


def _checked(model: type[Backup] | type[Operation], name: str, value: Any) -> Any:
    """A value as its field takes it. Raises: ValueError, TypeError."""
    if isinstance(value, str) and "\0" in value:
        raise ValueError(f"{name} holds what no text holds")
    if name == "id":
        return UUID(value)
    if name == "max_attempts" and value is None:
        return None
    field = model._meta.get_field(name)
    try:
        cleaned = field.clean(value, None)  # type: ignore[union-attr]
    except ValidationError as error:
        raise ValueError(f"{name}: {'; '.join(error.messages)}") from None
    if isinstance(cleaned, datetime) and cleaned.tzinfo is None:
        raise ValueError(f"{name} does not say in which zone")
    return cleaned
