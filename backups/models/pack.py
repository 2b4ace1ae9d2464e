"""What lies in the vault and nobody needs any more: mostly packs. It is removed when it has been so for a day."""

from django.db import models

from environments.models import Environment


class DeadObject(models.Model):
    """One object of the vault, by name, and when it was first seen that no manifest and no moves lead to it."""

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="dead_objects")
    name = models.CharField(max_length=300, unique=True)
    found_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
