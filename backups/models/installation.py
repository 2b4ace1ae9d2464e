"""This installation, as its vault's marker names it."""

import uuid

from django.db import models


class Installation(models.Model):
    """One row. `marked_at` remembers that a marker was made: from then on a vault without it is refused."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    marked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return str(self.pk)

    @classmethod
    def own(cls) -> "Installation":
        """The one row, made at the first call. Two first calls at once agree: the lowest id is the one."""
        found = cls.objects.order_by("pk").first()
        return found or cls.objects.create()
