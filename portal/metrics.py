"""Metrics for Prometheus, read from the database when they are asked for: a handful of queries, however many places."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db.models import Count, Max, Min, Q, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from backups.choices import BROKEN
from backups.models import Backup, ToldAlarm
from environments import clock
from environments.choices import ACTIVE, FINAL, Status
from environments.lifecycle.signs import sign_ages
from environments.models import Environment, Operation

DAY = timedelta(days=1)


@require_safe
@never_cache
@login_not_required
def metrics(request: HttpRequest) -> HttpResponse:
    """What Prometheus scrapes. Without a token in the settings it is not there; with a wrong one neither."""
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not settings.METRICS_TOKEN or not constant_time_compare(given, settings.METRICS_TOKEN):
        raise Http404("There are no metrics here.")
    registry = CollectorRegistry()
    registry.register(PortalCollector())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class PortalCollector:
    """Asked once a scrape."""

    def collect(self) -> Iterator[Metric]:
        yield from _backups()
        yield from _operations()
        yield _alarms()
        seen = GaugeMetricFamily("portal_sign_age_seconds", "Age of the newest sign of life", labels=["of"])
        for name, age in sign_ages().items():
            seen.add_metric([name], age)
        yield seen


def _backups() -> Iterator[Metric]:
    """Age of the last good backup, and what is kept, of each environment."""
    labels = ["app", "environment"]
    age = GaugeMetricFamily("portal_last_good_backup_age_seconds", "Age of the newest usable backup", labels=labels)
    count = GaugeMetricFamily("portal_backups", "Completed backups that are kept", labels=labels)
    stored = GaugeMetricFamily("portal_backups_bytes", "Bytes that they added to the vault", labels=labels)
    broken = GaugeMetricFamily("portal_backups_broken", "Of these, damaged or missing", labels=labels)
    now = clock.now()
    is_usable = Q(removal_at=None) & ~Q(condition__in=BROKEN)
    found: dict[UUID, Mapping[str, Any]] = {
        row["environment"]: row
        for row in Backup.objects.completed()
        .values("environment")
        .annotate(
            newest=Max("created_at", filter=is_usable),
            kept=Count("pk"),
            bytes=Sum("stored_bytes"),
            broken=Count("pk", filter=Q(condition__in=BROKEN)),
        )
        .order_by()
    }
    for pk, app, slug in Environment.objects.live().values_list("pk", "app__slug", "slug"):
        row: Mapping[str, Any] = found.get(pk, {})
        place = [app, slug]
        newest = row.get("newest")
        age.add_metric(place, (now - newest).total_seconds() if newest else float("inf"))
        count.add_metric(place, row.get("kept", 0))
        stored.add_metric(place, row.get("bytes") or 0)
        broken.add_metric(place, row.get("broken", 0))
    yield from (age, count, stored, broken)


def _operations() -> Iterator[Metric]:
    """What waits and runs, how long the oldest has waited, and how the ended ones of the last day went."""
    now = clock.now()
    active = GaugeMetricFamily("portal_operations", "Operations under way", labels=["kind", "queue", "status"])
    waiting = GaugeMetricFamily(
        "portal_operations_oldest_seconds", "The longest wait of a Queued one", labels=["queue"]
    )
    under_way = Operation.objects.filter(status__in=ACTIVE)
    for kind, queue, status, number in (
        under_way.values_list("kind", "queue", "status").annotate(Count("pk")).order_by()
    ):
        active.add_metric([kind, queue, status], number)
    queued = under_way.filter(Q(not_before_at=None) | Q(not_before_at__lte=now), status=Status.QUEUED)
    for queue, oldest in queued.values_list("queue").annotate(Min("created_at")).order_by():
        waiting.add_metric([queue], (now - oldest).total_seconds())
    yield from (active, waiting, *_ended())


def _ended() -> Iterator[Metric]:
    ended = CounterMetricFamily("portal_operations_ended_day", "Ended in the last 24 hours", labels=["kind", "status"])
    took = SummaryMetricFamily("portal_operation_seconds_day", "How long those took", labels=["kind", "status"])
    rows = Operation.objects.filter(status__in=FINAL, finished_at__gte=clock.now() - DAY)
    sums: dict[tuple[str, str], list[float]] = {}
    for kind, status, began, end in rows.values_list("kind", "status", "started_at", "finished_at").iterator():
        sums.setdefault((kind, status), []).append((end - began).total_seconds() if began and end else 0.0)
    for key, seconds in sorted(sums.items()):
        ended.add_metric(key, len(seconds))
        took.add_metric(key, count_value=len(seconds), sum_value=sum(seconds))
    yield from (ended, took)


def _alarms() -> Metric:
    told = GaugeMetricFamily("portal_alarms", "Causes of alarm that stand", labels=["app", "environment"])
    rows = ToldAlarm.objects.values_list("environment__app__slug", "environment__slug")
    for app, slug, number in rows.annotate(Count("pk")).order_by():
        told.add_metric([app, slug], number)
    return told
