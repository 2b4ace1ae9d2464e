"""An alarm that people were told of, or are still to be told of. What is wrong now is computed, not read from here."""

from django.db import models

from environments.models import Environment


class ToldAlarm(models.Model):
    """One a cause, so that each is mailed once. It goes when the cause is gone."""

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="told_alarms")
    key = models.CharField(max_length=200)
    seen_at = models.DateTimeField()
    tried_at = models.DateTimeField(null=True, help_text="The last mail that was not sent")
    told_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["environment", "key"], name="alarm_told_once")]

    def __str__(self) -> str:
        return f"{self.environment}: {self.key}"
