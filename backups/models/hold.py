"""A hold: somebody reads a backup, so it is not pruned until a moment that is put off again and again."""

from django.db import models

from .backup import Backup


class Hold(models.Model):
    backup = models.OneToOneField(Backup, on_delete=models.CASCADE, related_name="hold")
    until = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.backup}, until {self.until:%Y-%m-%d %H:%M:%S}"
