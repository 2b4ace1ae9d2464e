"""Row 15's inside: the nightlies of 10,000 environments, and the plan of 10,000 backups. Prints one JSON object."""

import json
import os
import resource
import time
from datetime import UTC, datetime, timedelta

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup()

from backups.models import Backup  # noqa: E402
from backups.operations.nightly import queue_pages  # noqa: E402
from backups.operations.shelf import plan_of  # noqa: E402
from environments.models import App, Environment, Operation, Region  # noqa: E402
from tests.benchmarks.pages import backup_of, operation_at  # noqa: E402

MANY = 10_000
SLOT = datetime(2026, 11, 25, 19, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def fill() -> None:
    """So many environments of one region, there since a few days."""
    app, region = App.objects.create(slug="nights", name="Nights"), Region.objects.get(slug="europe")
    places = (
        Environment(
            app=app, slug=f"place-{number}", name=f"Place {number}", region=region, database="postgresql://a@b/c"
        )
        for number in range(MANY)
    )
    Environment.objects.bulk_create(places, batch_size=1000)
    Environment.objects.filter(app=app).update(created_at=SLOT - 3 * DAY)


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def dispatch(slot: datetime) -> dict[str, float]:
    """One night: seconds in all, the longest page in seconds, growth of the peak in bytes, and how many were queued."""
    began, before, longest, queued = time.perf_counter(), peak_bytes(), 0.0, 0
    last = began
    for page in queue_pages(slot):
        now = time.perf_counter()
        longest, last, queued = max(longest, now - last), now, queued + len(page)
    return {
        "seconds": time.perf_counter() - began,
        "longest": longest,
        "growth": peak_bytes() - before,
        "queued": queued,
    }


def plan() -> float:
    """Seconds for the plan of an environment with so many backups."""
    place = Environment.objects.filter(app__slug="nights")[0]
    operations = [operation_at(SLOT - number * timedelta(hours=1), place) for number in range(MANY)]
    Operation.objects.bulk_create(operations, batch_size=1000)
    Backup.objects.bulk_create((backup_of(operation) for operation in operations), batch_size=1000)
    began = time.perf_counter()
    verdicts = plan_of(place, SLOT, is_forced=True).verdicts
    assert len(verdicts) >= MANY
    return time.perf_counter() - began


def main() -> None:
    fill()
    first = dispatch(SLOT)
    again, second = dispatch(SLOT + timedelta(minutes=1)), dispatch(SLOT + DAY)
    assert (first["queued"], again["queued"], second["queued"]) == (MANY, 0, MANY)
    print(json.dumps({"first": first, "again": again, "second": second, "plan": plan()}))


main()
