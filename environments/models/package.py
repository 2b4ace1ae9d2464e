"""A deployment package: one deployable file of an app, known by its versions."""

from django.db import models

from .app import App


class Package(models.Model):
    app = models.ForeignKey(App, on_delete=models.CASCADE, related_name="packages")
    model_version = models.CharField(max_length=60)
    modeler_version = models.CharField(max_length=60, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    # Its file, where it carries one. Whoever keeps it knows the place by `stored_as`.
    file_name = models.CharField(max_length=255, blank=True, editable=False)
    file_bytes = models.BigIntegerField(null=True, editable=False)
    file_sha256 = models.CharField(max_length=64, blank=True, editable=False)
    stored_as = models.CharField(max_length=200, blank=True, editable=False)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["app", "model_version", "modeler_version"], name="package_once_per_app")
        ]

    def __str__(self) -> str:
        return self.model_version

    @property
    def has_file(self) -> bool:
        return bool(self.stored_as)
