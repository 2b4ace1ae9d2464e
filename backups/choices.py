"""The words for backups."""

from django.db.models import TextChoices


class Condition(TextChoices):
    """What is known of a stored backup; its status is the operation's."""

    UNVERIFIED = "unverified", "not verified yet"
    GOOD = "good", "verified"
    DAMAGED = "damaged", "damaged"
    MISSING = "missing", "missing"


BROKEN = (Condition.DAMAGED, Condition.MISSING)


class Rule(TextChoices):
    """The rule that keeps a backup."""

    DAILY = "daily", "daily: 2 weeks"
    SUNDAY = "sunday", "Sunday: 3 months"
    FIRST_SUNDAY = "first_sunday", "first Sunday of the month: 1 year"


class Contents(TextChoices):
    """Which part of a backup a person takes home."""

    FULL = "full", "Full backup"
    FILES = "files", "Uploaded files"
    DATABASE = "database", "Database"


class Format(TextChoices):
    """How an archive is packed."""

    ZIP = "zip", ".zip"
    TAR_GZ = "tar.gz", ".tar.gz"


class UploadPart(TextChoices):
    """What a person brings in one file."""

    DATABASE = "database", "Database"
    FILES = "files", "Uploaded files"
    FULL = "full", "Full backup"


class UploadState(TextChoices):
    """How far an uploaded file has come."""

    COMING = "coming", "on its way"
    HERE = "here", "being examined"
    GOOD = "good", "can be used"
    BAD = "bad", "cannot be used"
    USED = "used", "used"
