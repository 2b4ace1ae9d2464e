"""The regions, their zones, and when their nightly backups start in UTC (specification §7)."""

from datetime import time

from django.db import migrations

REGIONS = (
    ("europe", "Europe", "Europe/Amsterdam", {"v3": time(22), "v4": time(19)}),
    ("us-east", "US East", "America/New_York", {"v3": time(5), "v4": time(1)}),
    ("asia-pacific", "Asia Pacific", "Asia/Tokyo", {"v4": time(16)}),
)


def make_regions(apps, schema_editor):
    region_model = apps.get_model("environments", "Region")
    start_model = apps.get_model("environments", "RegionStart")
    for slug, name, zone, starts in REGIONS:
        region, _ = region_model.objects.get_or_create(slug=slug, defaults={"name": name, "zone": zone})
        for cloud_version, starts_at in starts.items():
            start_model.objects.get_or_create(
                region=region, cloud_version=cloud_version, defaults={"starts_at": starts_at}
            )


def remove_regions(apps, schema_editor):
    """Those that no environment is in."""
    region_model = apps.get_model("environments", "Region")
    slugs = [slug for slug, *_ in REGIONS]
    region_model.objects.filter(slug__in=slugs, environments=None).delete()


class Migration(migrations.Migration):
    dependencies = [("environments", "0001_first")]
    operations = [migrations.RunPython(make_regions, remove_regions)]
