"""A generation that left: one whole live state, kept beside the new one for a while. It is what Undo brings back."""

from datetime import datetime
from typing import Self

from django.db import models

from environments.models import Environment, Operation, Package


class Kept(models.TextChoices):
    """What became of a generation that left."""

    KEPT = "kept"
    BACK = "back"
    GONE = "gone"


class GenerationQuerySet(models.QuerySet["Generation"]):
    def may_come_back(self, now: datetime) -> Self:
        """Those that an undo can still bring back."""
        return self.filter(kept=Kept.KEPT, undo_until__gt=now)


class Generation(models.Model):
    """Database and files by where they lie; empty where that part stayed live. Package and services as they were."""

    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="generations")
    operation = models.OneToOneField(Operation, on_delete=models.PROTECT, related_name="generation")
    database = models.CharField(max_length=63, blank=True)
    files = models.CharField(max_length=4096, blank=True)
    package = models.ForeignKey(Package, null=True, on_delete=models.PROTECT, related_name="+")
    services = models.JSONField(default=list, help_text="The published ones: [name, version]")
    left_at = models.DateTimeField()
    undo_until = models.DateTimeField()
    kept = models.CharField(max_length=10, choices=Kept, default=Kept.KEPT)

    objects = GenerationQuerySet.as_manager()

    class Meta:
        ordering = ["-left_at", "-id"]

    def __str__(self) -> str:
        return f"What was live in {self.environment} until {self.left_at:%Y-%m-%d %H:%M} UTC"
