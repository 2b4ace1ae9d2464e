"""Current: what exclusive work does in an environment now, how it ended, and whether it can be taken back."""

from datetime import timedelta
from functools import cached_property
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from environments import clock
from environments.access import Passed, pass_gate
from environments.choices import ACTIVE, FINAL, Failure, Right, Status
from environments.lifecycle.kinds import title_of
from environments.models import Operation, Package

from ..operations.lineage import Lineage, brought_by, lineage_of
from ..operations.prospect import package_of
from ..operations.restore import compare_versions
from ..operations.undo import right_to_undo
from ..policy.versions import Comparison
from .live import STOP_POLLING
from .rows import waits_for

# Backups that are made have a row of their own in the list.
ELSEWHERE = ("create",)
EXCHANGES = ("restore", "upload", "undo")
# For how long an end is told to whoever opens the page: a failure longer, because somebody has to do something.
TOLD_FOR = {Status.COMPLETED: timedelta(minutes=10), Status.FAILED: timedelta(hours=24)}
REFRESH_SECONDS = "5"


class Current:
    """What the fragment shows. `watched`: the operation that the page was showing; its end is told once more."""

    def __init__(self, passed: Passed, *, watched: UUID | None = None, closed: UUID | None = None) -> None:
        self.passed, self.environment = passed, passed.environment
        self.watched, self.closed = watched, closed

    @cached_property
    def operation(self) -> Operation | None:
        """What is under way or waits, else what ended last as long as that is told."""
        rows = Operation.objects.filter(environment=self.environment, is_exclusive=True).exclude(kind__in=ELSEWHERE)
        active = rows.filter(status__in=ACTIVE).order_by("-status", "created_at").first()
        return active or self._told(rows.filter(status__in=FINAL).order_by("-finished_at").first())

    def _told(self, ended: Operation | None) -> Operation | None:
        if ended is None or ended.finished_at is None or ended.pk == self.closed:
            return None
        is_new = ended.finished_at > clock.now() - TOLD_FOR[Status(ended.status)]
        return ended if is_new or ended.pk == self.watched else None

    @property
    def is_active(self) -> bool:
        return self.operation is not None and self.operation.is_active

    @cached_property
    def title(self) -> str:
        """What it is, of what: A restore of the backup of Live from 2026-11-22 19:00 UTC."""
        assert self.operation is not None
        of = f" of {brought_by(self.operation)}" if self.operation.kind == "restore" else ""
        return f"{title_of(self.operation.kind)}{of}"

    @property
    def waits_for(self) -> str:
        return waits_for(self.operation) if self.operation else ""

    @property
    def has_just_ended(self) -> bool:
        """Whether the page saw it run: then its end is spoken."""
        return self.operation is not None and self.operation.is_ended and self.operation.pk == self.watched

    @property
    def was_cancelled(self) -> bool:
        """Whether somebody ended it: that is no failure to a person."""
        return self.operation is not None and self.operation.failure == Failure.CANCELLED

    @property
    def would_have_exchanged(self) -> bool:
        """Whether data was at stake. What is cancelled ends before its exchange, always."""
        return self.operation is not None and self.operation.kind in EXCHANGES

    @property
    def may_cancel(self) -> bool:
        operation, user = self.operation, self.passed.by.user
        if operation is None or not operation.is_active or operation.cancelled_by_name:
            return False
        return (user is not None and operation.requested_by_id == user.pk) or Right.OPERATE in self.passed

    # What can be taken back

    @cached_property
    def lineage(self) -> Lineage | None:
        """Not while something runs: it may change with its end."""
        return None if self.is_active else lineage_of(self.environment)

    @property
    def may_undo(self) -> bool:
        return self.lineage is not None and right_to_undo(self.lineage.left) in self.passed

    @cached_property
    def missing_version(self) -> str:
        """The model version that the restored data needs and that is not deployed; empty where it fits."""
        restore = self.lineage.restore if self.lineage else None
        if restore is None or restore.backup is None or not restore.backup.model_version:
            return ""
        fits = compare_versions(restore.backup, self.environment) == Comparison.EQUAL
        return "" if fits else restore.backup.model_version

    @cached_property
    def missing_package(self) -> Package | None:
        """That package, where the app has it and this person may deploy it."""
        restore = self.lineage.restore if self.lineage else None
        if not self.missing_version or Right.OPERATE not in self.passed or restore is None or restore.backup is None:
            return None
        return package_of(restore.backup)

    @property
    def may_choose_package(self) -> bool:
        """Whether nothing is deployed, as after an upload, and this person may change that."""
        return self.environment.package_id is None and Right.OPERATE in self.passed

    @property
    def package(self) -> Package | None:
        return self.environment.package


@require_safe
def current(request: HttpRequest, app: str, environment: str) -> HttpResponse:
    """The fragment; asked for by a browser itself, a page. The last answer of a watch has status 286."""
    passed = pass_gate(request, app, environment)
    is_part = bool(request.headers.get("HX-Request"))
    now = Current(passed, watched=_id(request, "watched"), closed=_id(request, "closed"))
    template = "backups/_current.html" if is_part else "backups/current.html"
    context = {"current": now, "environment": passed.environment, "is_part": is_part}
    status = STOP_POLLING if is_part and not now.is_active else 200
    response = render(request, template, context, status=status)
    patch_vary_headers(response, ["HX-Request"])
    if now.is_active and not is_part:
        response["Refresh"] = REFRESH_SECONDS  # a page without script looks again by itself
    if now.has_just_ended:
        response["HX-Trigger"] = "ended"  # other parts of the page show what became of it
    return response


def _id(request: HttpRequest, name: str) -> UUID | None:
    try:
        return UUID(request.GET.get(name, ""))
    except ValueError:
        return None
