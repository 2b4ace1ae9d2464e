"""An app service: what an environment publishes for other apps to use."""

from django.db import models

from .environment import Environment


class AppService(models.Model):
    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="services")
    name = models.CharField(max_length=200)
    version = models.CharField(max_length=60)
    is_published = models.BooleanField(default=True)

    class Meta:
        ordering = ["name", "version"]
        constraints = [models.UniqueConstraint(fields=["environment", "name", "version"], name="service_once")]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"
