"""One place where an app runs: its database, its uploaded files, its deployed package."""

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Self

from django.db import models
from django.urls import reverse

from .. import clock
from ..addresses import DatabaseAddress
from ..choices import State
from ..errors import EnvironmentUnregistered
from ..files_address import FilesAddress
from ..secrets import decrypt, encrypt
from .app import App
from .package import Package
from .region import Region

# What decides when nightly backups are made.
NIGHTS = ("is_nightly_on", "region", "cloud_version")


class EnvironmentQuerySet(models.QuerySet["Environment"]):
    def live(self) -> Self:
        """Without the deleted ones, whose backups are kept."""
        return self.filter(deleted_at=None)

    def registered(self) -> Self:
        """The live ones of which it is known where they run."""
        return self.live().exclude(database="")


class Environment(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    app = models.ForeignKey(App, on_delete=models.PROTECT, related_name="environments")
    slug = models.SlugField(max_length=60)
    name = models.CharField(max_length=200)
    is_production = models.BooleanField(default=False)
    region = models.ForeignKey(Region, on_delete=models.PROTECT, related_name="environments")
    cloud_version = models.CharField(max_length=20, default="v4")
    is_nightly_on = models.BooleanField(default=True)
    nightly_since = models.DateTimeField(
        null=True, editable=False, help_text="When its nightly schedule last changed; empty: since it exists"
    )
    # Addresses without passwords, which stand encrypted beside them: a list of environments needs no key.
    database = models.CharField(max_length=1000, help_text="Without the password")
    database_password = models.TextField(blank=True, editable=False)
    admin_database = models.CharField(max_length=1000, blank=True, help_text="The maintenance role's address")
    admin_database_password = models.TextField(blank=True, editable=False)
    template_database = models.CharField(max_length=63, blank=True)
    files_directory = models.CharField(max_length=4096, help_text="A directory, or an S3 address without the secret")
    files_secret = models.TextField(blank=True, editable=False)
    package = models.ForeignKey(Package, null=True, blank=True, on_delete=models.PROTECT, related_name="environments")
    # The runtime's commands by name (status, stop, start, deploy, undeploy, services, files), each one line for shlex.
    commands = models.JSONField(default=dict, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.UNKNOWN)
    state_at = models.DateTimeField(null=True, blank=True, help_text="When it was last asked")
    state_since = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When that was first the answer"
    )
    # What is wrong here, as last looked at: pages say it at once, and look anew when they are there.
    notices = models.JSONField(default=list, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = EnvironmentQuerySet.as_manager()

    class Meta:
        ordering = ["app__name", "name"]
        constraints = [models.UniqueConstraint(fields=["app", "slug"], name="environment_once_per_app")]

    def __str__(self) -> str:
        return f"{self.app.slug}/{self.slug}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """A changed nightly schedule holds from now on: no slot of before is due by it."""
        fields = kwargs.get("update_fields")
        if not self._state.adding and self._changes_nights(fields):
            self.nightly_since = clock.now()
            if fields is not None:
                kwargs["update_fields"] = {*fields, "nightly_since"}
        super().save(*args, **kwargs)

    def _changes_nights(self, fields: Iterable[str] | None) -> bool:
        names = [name for name in NIGHTS if fields is None or name in fields]
        if not names:
            return False
        known = type(self).objects.filter(pk=self.pk).values_list(*names).first()
        own = tuple(self.region_id if name == "region" else getattr(self, name) for name in names)
        return known is not None and known != own

    @property
    def is_registered(self) -> bool:
        """Whether it is known where it runs. One that was only found in the vault has backups and no database."""
        return bool(self.database)

    @property
    def nights_since(self) -> datetime | None:
        """Since when its nightly schedule holds; None: it is off, or nothing is known to be backed up."""
        return (self.nightly_since or self.created_at) if self.is_nightly_on and self.is_registered else None

    def get_absolute_url(self) -> str:
        return reverse("backups:list", args=[self.app.slug, self.slug])

    @property
    def plain_address(self) -> DatabaseAddress:
        """The app's own address, without its password: needs no key. Raises: EnvironmentUnregistered"""
        if not self.database:
            raise EnvironmentUnregistered(str(self))
        return DatabaseAddress.parse(self.database)

    @property
    def database_address(self) -> DatabaseAddress:
        """The app's own address, with its password."""
        return self.plain_address.with_password(decrypt(self.database_password))

    @database_address.setter
    def database_address(self, address: DatabaseAddress) -> None:
        self.database, self.database_password = address.to_url(), encrypt(address.password)

    @property
    def admin_address(self) -> DatabaseAddress | None:
        """The maintenance role's address, where there is one."""
        if not self.admin_database:
            return None
        return DatabaseAddress.parse(self.admin_database).with_password(decrypt(self.admin_database_password))

    @admin_address.setter
    def admin_address(self, address: DatabaseAddress | None) -> None:
        self.admin_database = address.to_url() if address else ""
        self.admin_database_password = encrypt(address.password) if address else ""

    @property
    def plain_files_address(self) -> FilesAddress:
        """Where its uploaded files lie, without the secret: needs no key."""
        return FilesAddress.parse(self.files_directory)

    @property
    def files_address(self) -> FilesAddress:
        """Where its uploaded files lie, with the secret."""
        return self.plain_files_address.with_secret(decrypt(self.files_secret))

    @files_address.setter
    def files_address(self, address: FilesAddress) -> None:
        self.files_directory, self.files_secret = address.to_text(), encrypt(address.secret)
