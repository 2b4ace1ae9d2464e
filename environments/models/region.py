"""A region: its zone, its workers' queue, and when its night falls for each cloud version."""

from zoneinfo import ZoneInfo, available_timezones

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models


def check_zone(name: str) -> None:
    if name not in available_timezones():
        raise ValidationError(f"{name!r} is not a time zone; write it as Europe/Amsterdam.")


class Region(models.Model):
    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=200)
    zone = models.CharField(max_length=60, validators=[check_zone], help_text="As in Europe/Amsterdam")
    queue = models.SlugField(
        max_length=60, blank=True, help_text="The queue whose workers run near this region's data; empty: long"
    )
    backups_at_once = models.PositiveSmallIntegerField(
        default=2,
        validators=[MinValueValidator(1)],
        help_text="How many backups one database server gives at a time. The night leaves one of them to people.",
    )

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def zoneinfo(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    @property
    def city(self) -> str:
        """The zone's city, as people say it: Amsterdam, New York."""
        return self.zone.rsplit("/", 1)[-1].replace("_", " ")


class RegionStart(models.Model):
    """When a region's nightly backups start, in UTC, for one cloud version."""

    region = models.ForeignKey(Region, on_delete=models.CASCADE, related_name="starts")
    cloud_version = models.CharField(max_length=20)
    starts_at = models.TimeField(help_text="UTC")

    class Meta:
        ordering = ["cloud_version"]
        constraints = [models.UniqueConstraint(fields=["region", "cloud_version"], name="start_once_per_version")]

    def __str__(self) -> str:
        return f"{self.cloud_version} at {self.starts_at:%H:%M} UTC"
