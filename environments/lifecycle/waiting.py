"""Waiting: which Queued operations a worker could begin now."""

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce, Now

from ..choices import Status
from ..models import Operation
from .kinds import all_kinds

PROTOCOL = 1


def may_begin() -> Q:
    """Queued operations that a worker may take now, as far as the row alone can tell.

    What a newer release asked for waits for its workers; what an older one asked for is done by ours.
    """
    is_due = Q(not_before_at=None) | Q(not_before_at__lte=Now())
    return is_due & Q(status=Status.QUEUED, protocol__lte=PROTOCOL, cancelled_by_name="")


def could_begin(queue: str) -> "QuerySet[Operation]":
    """What a worker of this queue could begin now, as far as environments and database servers let it."""
    there = Operation.objects.filter(status=Status.RUNNING, server=OuterRef("server")).order_by()
    taken = Coalesce(Subquery(there.values("server").annotate(number=Count("pk")).values("number")), 0)
    has_room = Q(server="") | Q(taken__lt=F("environment__region__backups_at_once"))
    kinds = [kind.name for kind in all_kinds()]
    waiting = Operation.objects.filter(may_begin(), ~is_blocked(), queue=queue, kind__in=kinds)
    return waiting.annotate(taken=taken).filter(has_room)


def is_blocked() -> Q:
    """Operations in whose environment another one runs that excludes them."""
    running = Operation.objects.filter(environment=OuterRef("environment"), is_exclusive=True, status=Status.RUNNING)
    return Q(Exists(running), is_exclusive=True)
