"""A restore: which backup into which environment, and what the person agreed to."""

from django.db import models

from environments.models import Environment, Operation

from ..choices import Contents
from .backup import Backup


class Restore(models.Model):
    operation = models.OneToOneField(Operation, on_delete=models.PROTECT, related_name="restore")
    backup = models.ForeignKey(Backup, null=True, on_delete=models.SET_NULL, related_name="restores")
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="restores")
    contents = models.CharField(max_length=10, choices=Contents, default=Contents.FULL)
    may_stop_app = models.BooleanField(default=False)
    is_said_stopped = models.BooleanField(default=False, help_text="A person says that the app is stopped")

    def __str__(self) -> str:
        return f"Restore of {self.backup} into {self.environment}"
