"""The words for environments, operations and rights."""

from django.db.models import TextChoices


class Status(TextChoices):
    """Where an operation stands. Nothing else is ever shown as a status."""

    QUEUED = "Queued"
    RUNNING = "Running"
    COMPLETED = "Completed"
    FAILED = "Failed"


ACTIVE = (Status.QUEUED, Status.RUNNING)
FINAL = (Status.COMPLETED, Status.FAILED)


class Failure(TextChoices):
    """Why an operation is Failed."""

    ERROR = "error"
    TIME_LIMIT = "time_limit"
    CANCELLED = "cancelled"
    LOST = "lost"


def tone_of(status: str, failure: str) -> str:
    """In which colour a status is shown: what somebody cancelled is Failed, too, but nothing went wrong."""
    return failure if status == Status.FAILED and failure == Failure.CANCELLED else status.lower()


class Origin(TextChoices):
    """Through which door an operation was asked for."""

    PERSON = "person"
    NIGHTLY = "nightly"
    COMMAND_LINE = "command_line"


class State(TextChoices):
    """What an environment does now, as far as its runtime can tell."""

    RUNNING = "running"
    STOPPED = "stopped"
    EMPTY = "empty"
    UNKNOWN = "unknown"


class Right(TextChoices):
    """What a member may do in one environment."""

    VIEW = "view"
    CREATE = "create"
    DOWNLOAD = "download"
    RESTORE = "restore"
    UPLOAD = "upload"
    OPERATE = "operate"
    DELETE = "delete"
    MANAGE_MEMBERS = "manage_members"


class Role(TextChoices):
    """A ready-made set of rights."""

    VIEWER = "viewer"
    DEVELOPER = "developer"
    OPERATOR = "operator"
    TECHNICAL_CONTACT = "technical_contact", "Technical contact"


_VIEWER = frozenset({Right.VIEW})
_DEVELOPER = _VIEWER | {Right.CREATE, Right.DOWNLOAD}
_OPERATOR = _DEVELOPER | {Right.RESTORE, Right.UPLOAD, Right.OPERATE}

RIGHTS_OF: dict[str, frozenset[Right]] = {
    Role.VIEWER: _VIEWER,
    Role.DEVELOPER: _DEVELOPER,
    Role.OPERATOR: _OPERATOR,
    Role.TECHNICAL_CONTACT: _OPERATOR | {Right.DELETE, Right.MANAGE_MEMBERS},
}
