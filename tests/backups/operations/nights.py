"""The regions of the specification's table, also where a test before emptied their table; and places in them."""

from datetime import UTC, datetime, time

from environments.models import Environment, Region
from tests.factories import RegionFactory, RegionStartFactory

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
TABLE = {
    "europe": ("Europe/Amsterdam", {"v3": time(22), "v4": time(19)}),
    "us-east": ("America/New_York", {"v3": time(5), "v4": time(1)}),
    "asia-pacific": ("Asia/Tokyo", {"v4": time(16)}),
}


def regions() -> dict[str, Region]:
    found = {slug: RegionFactory(slug=slug, zone=zone) for slug, (zone, _) in TABLE.items()}
    for slug, (_, starts) in TABLE.items():
        for version, starts_at in starts.items():
            RegionStartFactory(region=found[slug], cloud_version=version, starts_at=starts_at)
    return found


def since(environment: Environment, moment: datetime = LONG_AGO) -> Environment:
    """The same environment, there since that moment."""
    Environment.objects.filter(pk=environment.pk).update(created_at=moment)
    environment.created_at = moment
    return environment
