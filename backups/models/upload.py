"""An upload: a file on its way here from a person, what was found in it, and which operation used it."""

import uuid
from typing import Self

from django.contrib.auth.models import User
from django.db import models

from environments.actors import Actor
from environments.choices import Origin
from environments.models import Environment, Operation

from ..choices import UploadPart, UploadState


class UploadQuerySet(models.QuerySet["Upload"]):
    def good(self) -> Self:
        """Those that may be put into the environment."""
        return self.filter(state=UploadState.GOOD)


class Upload(models.Model):
    """One file. Its bytes lie in the spool under its id; the first `received_bytes` of them are safe there.

    `found` is what the examination found, fit to be shown; `inspection` is what the unpacking needs of it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="uploads")
    by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    by_name = models.CharField(max_length=200, help_text="The name as it was then")
    origin = models.CharField(max_length=20, choices=Origin)
    part = models.CharField(max_length=10, choices=UploadPart)
    filename = models.CharField(max_length=255)
    size_bytes = models.BigIntegerField(help_text="As it was told before the first byte came")
    received_bytes = models.BigIntegerField(default=0)
    sends = models.PositiveIntegerField(default=0, help_text="How often sending began; also the fencing token")
    sha256 = models.CharField(max_length=64, blank=True, help_text="Of the whole file, when it was examined")
    state = models.CharField(max_length=10, choices=UploadState, default=UploadState.COMING)
    found = models.JSONField(default=dict)
    inspection = models.JSONField(null=True)
    warnings = models.JSONField(default=list, help_text="Sentences")
    refusal = models.TextField(blank=True, help_text="Why it is bad, in a sentence")
    created_at = models.DateTimeField()
    touched_at = models.DateTimeField()
    examination = models.ForeignKey(Operation, null=True, on_delete=models.PROTECT, related_name="examined_uploads")
    operation = models.ForeignKey(Operation, null=True, on_delete=models.PROTECT, related_name="uploads")

    objects = UploadQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["environment", "by", "-created_at", "-id"], name="upload_newest"),
            models.Index(fields=["touched_at"], name="upload_expiry"),
        ]

    def __str__(self) -> str:
        return f"{self.filename} for {self.environment}"

    @property
    def percent(self) -> int:
        """How much of it is here."""
        return 100 * self.received_bytes // self.size_bytes

    @property
    def is_here(self) -> bool:
        return self.received_bytes == self.size_bytes

    @property
    def owner(self) -> Actor:
        """Who brought it."""
        return Actor(self.by_name, self.origin, self.by)
