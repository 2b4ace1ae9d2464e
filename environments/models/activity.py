"""One line of an environment's history: who, what, when, with which result. Never edited."""

import uuid
from typing import Any

from django.conf import settings
from django.db import models

from .. import clock
from ..actors import Actor
from .environment import Environment


class Activity(models.Model):
    environment = models.ForeignKey(Environment, null=True, on_delete=models.SET_NULL, related_name="activities")
    environment_name = models.CharField(max_length=130, help_text="app/environment as it was then")
    at = models.DateTimeField()
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    actor_name = models.CharField(max_length=200)
    action = models.CharField(max_length=40, help_text="Dotted: backup.requested, backup.failed, download.started")
    sentence = models.TextField()
    subject = models.UUIDField(null=True, help_text="The backup or other thing it is about")
    operation = models.UUIDField(null=True)
    facts = models.JSONField(default=dict, help_text="File name, size, SHA-256 and the like")

    class Meta:
        ordering = ["-at", "-id"]
        verbose_name_plural = "activities"
        indexes = [models.Index(fields=["environment", "-at", "-id"], name="activity_newest")]

    def __str__(self) -> str:
        return self.sentence


def record(
    environment: Environment,
    action: str,
    sentence: str,
    *,
    by: Actor,
    subject: uuid.UUID | None = None,
    operation: uuid.UUID | None = None,
    **facts: Any,
) -> Activity:
    """Write one line of history. Call it in the transaction of the effect it tells of."""
    line = unwritten(environment, action, sentence, by=by, subject=subject, operation=operation, **facts)
    line.save()
    return line


def unwritten(
    environment: Environment,
    action: str,
    sentence: str,
    *,
    by: Actor,
    subject: uuid.UUID | None = None,
    operation: uuid.UUID | None = None,
    **facts: Any,
) -> Activity:
    """The same for whoever writes many at once."""
    return Activity(
        environment=environment,
        environment_name=str(environment),
        at=clock.now(),
        actor=by.user,
        actor_name=by.name[:200],
        action=action,
        sentence=sentence,
        subject=subject,
        operation=operation,
        facts=facts,
    )
