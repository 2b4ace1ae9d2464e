"""An operation: one piece of long work on an environment. The row is the truth; a queue message only points to it."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from ..actors import Actor
from ..choices import ACTIVE, FINAL, Failure, Origin, Status, tone_of
from .environment import Environment


class Operation(models.Model):
    """Written by `lifecycle` only, and there only by conditional UPDATEs."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=20)
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="operations")
    subject = models.UUIDField(
        null=True, blank=True, help_text="What it works on, known to whoever registered the kind"
    )
    params = models.JSONField(default=dict, blank=True)

    # Who asked, by the name of that moment
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    requested_by_name = models.CharField(max_length=200)
    origin = models.CharField(max_length=20, choices=Origin)
    unique_key = models.CharField(max_length=200, null=True, blank=True, unique=True)

    # Where it stands
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    failure = models.CharField(max_length=10, choices=Failure, blank=True)
    message = models.TextField(blank=True, help_text="The closing sentence")
    phase = models.CharField(max_length=100, blank=True)
    step = models.PositiveSmallIntegerField(null=True, blank=True)
    steps = models.PositiveSmallIntegerField(null=True, blank=True)
    percent = models.PositiveSmallIntegerField(null=True, blank=True)
    done_bytes = models.BigIntegerField(null=True, blank=True)
    total_bytes = models.BigIntegerField(null=True, blank=True)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    moved_at = models.DateTimeField(null=True, blank=True, help_text="When its work was last seen to get further")

    # How it may run
    is_exclusive = models.BooleanField()
    may_repeat = models.BooleanField()
    queue = models.CharField(max_length=60)
    server = models.CharField(max_length=300, blank=True, help_text="The database server at which it takes turns")
    time_limit_seconds = models.PositiveIntegerField()
    protocol = models.PositiveSmallIntegerField(default=1, help_text="Workers of an older protocol leave it Queued")
    not_before_at = models.DateTimeField(null=True, blank=True)
    attempt = models.PositiveSmallIntegerField(default=0, help_text="Which try; also the fencing token")
    max_attempts = models.PositiveSmallIntegerField(default=3)
    cancelled_by_name = models.CharField(max_length=200, blank=True, help_text="Somebody wishes it to end")

    # Who runs it, until when that is believed, and when the bell is rung again
    lease_until = models.DateTimeField(null=True, blank=True)
    owner = models.CharField(max_length=200, blank=True, help_text="host|boot id|process id")
    child = models.CharField(max_length=60, blank=True, help_text="process group|start ticks of the guarded program")
    ring_at = models.DateTimeField(null=True, blank=True)
    rings = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["environment"],
                condition=Q(status=Status.RUNNING, is_exclusive=True),
                name="one_running_exclusive_operation",
            )
        ]
        indexes = [
            models.Index(fields=["environment", "kind", "status", "-created_at", "-id"], name="operation_newest"),
            models.Index(fields=["status", "lease_until"], name="operation_lease"),
            models.Index(fields=["status", "ring_at"], name="operation_ring"),
            models.Index(fields=["requested_by", "queue", "started_at"], name="operation_turn"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"

    @property
    def label(self) -> str:
        """The name of its current attempt for programs and database sessions; at most 63 bytes."""
        return f"op-{self.pk.hex}.{self.attempt}"

    @property
    def is_active(self) -> bool:
        return self.status in ACTIVE

    @property
    def is_ended(self) -> bool:
        return self.status in FINAL

    @property
    def tone(self) -> str:
        return tone_of(self.status, self.failure)

    @property
    def by(self) -> Actor:
        """Who asked for it, as an actor."""
        return Actor(self.requested_by_name, self.origin, self.requested_by)


class Sign(models.Model):
    """A sign of life: proof that work really goes through, end to end."""

    name = models.CharField(max_length=60, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} at {self.at:%Y-%m-%d %H:%M:%S}"


class Crew(models.Model):
    """One `manage.py work`, as it last showed itself: what it serves and runs with, and what its own clock said."""

    name = models.CharField(max_length=200, primary_key=True)
    at = models.DateTimeField()
    clock = models.FloatField()
    facts = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"{self.name} at {self.at:%Y-%m-%d %H:%M:%S}"
