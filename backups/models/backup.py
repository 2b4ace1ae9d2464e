"""A backup: the row, and where its bytes lie."""

import uuid
from datetime import datetime
from typing import Any, Self

from django.db import models
from django.db.models import F, Q
from django.urls import reverse

from environments.choices import Status
from environments.models import Environment, Operation

from ..choices import BROKEN, Condition, Rule


class BackupQuerySet(models.QuerySet["Backup"]):
    def completed(self) -> Self:
        return self.filter(operation__status=Status.COMPLETED)

    def usable(self) -> Self:
        """Completed, not known to be broken, not being deleted."""
        return self.completed().exclude(condition__in=BROKEN).filter(removal_at=None)

    def unnoted(self) -> Self:
        """Those of which the portal knows something that the vault does not hold yet."""
        return self.completed().filter(is_noted=False, removal_at=None, stored_attempt__isnull=False)

    def change_noted(self, **facts: Any) -> int:
        """Update what the vault is to know as well: it is to be noted there (`operations.note`)."""
        return self.update(**facts, notes_number=F("notes_number") + 1, is_noted=False)

    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-id")

    def matching(self, text: str) -> Self:
        """Those whose comment, creator or model version holds the text."""
        return self.filter(
            Q(comment__icontains=text) | Q(created_by__icontains=text) | Q(model_version__icontains=text)
        )


class Backup(models.Model):
    """What is known of a backup. Its status is its operation's: there is no second one.

    What the perform half writes here counts only once the operation is Completed. Sizes in bytes.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="backups")
    operation = models.OneToOneField(Operation, on_delete=models.PROTECT, related_name="backup")
    created_by = models.CharField(max_length=200, help_text="The name as it was then")
    created_at = models.DateTimeField(help_text="The moment it was asked for")
    slot_at = models.DateTimeField(null=True, blank=True, help_text="The nightly's slot")
    data_at = models.DateTimeField(null=True, blank=True, help_text="The moment of the data: when the dump began")
    expires_at = models.DateTimeField()
    kept_by = models.CharField(max_length=20, choices=Rule)
    comment = models.TextField(blank=True, max_length=2000)
    model_version = models.CharField(max_length=60, blank=True)
    modeler_version = models.CharField(max_length=60, blank=True)

    # What is stored, and where: names in the vault are made from these ids and the attempt that succeeded
    stored_attempt = models.PositiveSmallIntegerField(null=True, blank=True)
    manifest_bytes = models.BigIntegerField(null=True, blank=True)
    manifest_sha256 = models.CharField(max_length=64, blank=True)
    database_bytes = models.BigIntegerField(null=True, blank=True, help_text="Of the dump")
    dump_sha256 = models.CharField(max_length=64, blank=True)
    tables_count = models.PositiveIntegerField(null=True, blank=True)
    files_bytes = models.BigIntegerField(null=True, blank=True)
    files_count = models.PositiveIntegerField(null=True, blank=True)
    left_out_count = models.PositiveIntegerField(default=0, help_text="Links and devices, which are not backed up")
    changed_count = models.PositiveIntegerField(default=0, help_text="Files that changed while they were read")
    stored_bytes = models.BigIntegerField(null=True, blank=True, help_text="New bytes in the vault")
    client_version = models.CharField(max_length=20, blank=True)
    server_version = models.CharField(max_length=20, blank=True)
    duration_seconds = models.PositiveIntegerField(null=True, blank=True)

    # What is known of the stored bytes since
    condition = models.CharField(max_length=10, choices=Condition, default=Condition.UNVERIFIED)
    verified_at = models.DateTimeField(null=True, blank=True)
    removal_at = models.DateTimeField(null=True, blank=True, help_text="Deleting it was asked for")
    pinned_at = models.DateTimeField(null=True, blank=True)
    pinned_until = models.DateTimeField(null=True, blank=True)
    pin_reason = models.CharField(max_length=500, blank=True)
    notes_number = models.PositiveIntegerField(default=0, help_text="Counts up with what the vault is to know of it")
    is_noted = models.BooleanField(default=True, help_text="The vault holds the notes of this number")

    objects = BackupQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["environment", "-created_at", "-id"], name="backup_newest"),
            models.Index(fields=["expires_at"], name="backup_expiry"),
            models.Index(fields=["environment", "condition"], name="backup_condition"),
            models.Index(fields=["id"], condition=Q(is_noted=False), name="backup_unnoted"),
        ]

    def __str__(self) -> str:
        return f"Backup of {self.created_at:%Y-%m-%d %H:%M} UTC"

    def get_absolute_url(self) -> str:
        return reverse("backups:details", args=[self.environment.app.slug, self.environment.slug, self.pk])

    @property
    def status(self) -> str:
        return self.operation.status

    @property
    def is_completed(self) -> bool:
        return self.operation.status == Status.COMPLETED

    @property
    def is_usable(self) -> bool:
        return self.is_completed and self.condition not in BROKEN and self.removal_at is None

    @property
    def is_pinned(self) -> bool:
        return self.pinned_at is not None

    @property
    def total_bytes(self) -> int | None:
        """Database and uploaded files together; None while nothing is known."""
        if self.database_bytes is None or self.files_bytes is None:
            return None
        return self.database_bytes + self.files_bytes

    def day_for_retention(self) -> datetime:
        """The moment whose UTC date decides the rule: the slot of a nightly, else the request."""
        return self.slot_at or self.created_at
