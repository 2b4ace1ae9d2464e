"""The journal of one swap: written before anything is renamed, so that whoever finds it knows how to go on."""

import uuid

from django.db import models

from environments.models import Operation, Package


class Step(models.TextChoices):
    """How far a swap has come. Before `swapping` it is backed out; from the first rename on it is finished, or, where
    files turn out to be lost that were to come in, taken back."""

    PREPARED = "prepared"
    SWAPPING = "swapping"
    DATABASE_SWAPPED = "database_swapped"
    FILES_SWAPPED = "files_swapped"
    CLOSED = "closed"
    TAKING_BACK = "taking_back"


class Swap(models.Model):
    """What takes whose place, by name; empty names where a part stays. One a try of an operation."""

    operation = models.OneToOneField(Operation, on_delete=models.PROTECT, related_name="swap")
    attempt = models.PositiveSmallIntegerField()
    step = models.CharField(max_length=20, choices=Step, default=Step.PREPARED)
    generation = models.UUIDField(default=uuid.uuid4, help_text="Marks the tree that comes in")
    incoming_database = models.CharField(max_length=63, blank=True)
    outgoing_database = models.CharField(max_length=63, blank=True)
    incoming_files = models.CharField(max_length=4096, blank=True)
    outgoing_files = models.CharField(max_length=4096, blank=True)
    is_switched = models.BooleanField(default=False, help_text="The app is told where its files are")
    refusal = models.TextField(blank=True, help_text="Why it is taken back, in a sentence")
    # What the environment's record becomes with the swap
    changes_package = models.BooleanField(default=False)
    package = models.ForeignKey(Package, null=True, on_delete=models.PROTECT, related_name="+")
    services = models.JSONField(null=True, help_text="The ones published afterwards; null: as they are")
    was_running = models.BooleanField(default=False)
    starts_after = models.BooleanField(default=False)
    remarks = models.JSONField(default=list, help_text="What people should know of a load that succeeded")

    def __str__(self) -> str:
        return f"Swap of {self.operation}: {self.step}"
