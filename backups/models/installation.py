"""This installation, as its vault's marker names it."""

import uuid

from django.db import models


class Installation(models.Model):
    """One row. `marked_at` remembers that a marker was made: from then on a vault without it is refused."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    marked_at = models.DateTimeField(null=True)
    vault_problem = models.TextField(blank=True, help_text="Why the vault could not be used when it was last tried")
    vault_problem_since = models.DateTimeField(null=True, blank=True)
    saved_label = models.CharField(
        max_length=40, blank=True, help_text="The newest copy of this database in the vault: a later one is not its own"
    )
    rebuilt_at = models.DateTimeField(null=True, help_text="When the catalogue was last brought back from the vault")

    def __str__(self) -> str:
        return str(self.pk)

    @classmethod
    def own(cls) -> "Installation":
        """The one row, made at the first call. Two first calls at once agree: the lowest id is the one."""
        found = cls.objects.order_by("pk").first()
        return found or cls.objects.create()
