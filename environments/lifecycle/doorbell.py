"""The doorbell: the only file that knows the queue. A message says "look at operation X", nothing more."""

import logging
import os
import signal
import time
from datetime import UTC, datetime, timedelta
from types import FrameType
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.db import connections, transaction
from django.db.models.functions import Now
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.cluster import Cluster
from django_q.conf import Conf
from django_q.models import Schedule as Scheduled
from django_q.signals import post_execute_in_worker, pre_execute
from django_q.tasks import async_task

from ..choices import Status
from ..errors import Failed
from ..guard import die_with_parent
from ..models import Operation
from . import drain
from .periods import (
    FIRST_RING_AGAIN_SECONDS,
    LAST_RING_AGAIN_SECONDS,
    PACE,
    QUIET_SECONDS,
    STOP_WITHIN_SECONDS,
    in_seconds,
)
from .schedules import Schedule, schedules
from .signs import ASKED, PORTAL, sign

LOOK, SIGN = "environments.tasks.look_at", "environments.tasks.sign_of_life"
# Acknowledged whatever comes of it, and no row of the library's own when it went well: ours is the truth.
HOW = {"ack_failure": True, "save": False}
MOST_DOUBLINGS = 10
LOOKED, LOOKED_SECONDS = "portal:looked", 5
LOOK_EVERY_SECONDS = 0.5  # while the library stops
OURS = "portal: "  # how the names of our rows among the library's schedules begin

logger = logging.getLogger(__name__)


def ring(operation: Operation) -> bool:
    """Send a message about a Queued operation, and say when it would be sent again.

    False: the queue does not answer. That is logged, not raised: the reaper rings again.
    """
    try:
        async_task(LOOK, str(operation.pk), cluster=operation.queue, **HOW)
    except Exception:  # each kind of queue has errors of its own
        logger.exception("The queue does not answer; %s waits for the reaper.", operation)
        return False
    pause = min(FIRST_RING_AGAIN_SECONDS * 2 ** min(operation.rings, MOST_DOUBLINGS), LAST_RING_AGAIN_SECONDS)
    waiting = Operation.objects.filter(pk=operation.pk, status=Status.QUEUED)
    waiting.update(ring_at=in_seconds(pause), rings=operation.rings + 1)
    return True


def ring_soon(operation_id: UUID) -> None:
    """Let the next reaper ring, without a back-off: the message came to a worker that is being stopped."""
    Operation.objects.filter(pk=operation_id, status=Status.QUEUED).update(ring_at=Now(), rings=0)


def check_queue() -> str:
    """See that the queue takes a message; returns where it is, in words, without a password.

    Raises:
        Failed: with what is wrong, and what to do.
    """
    if Conf.ORM:
        return "The queue lives in the portal's database."
    parts = urlsplit(Conf.REDIS)
    shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    try:  # written, since a Redis whose disk is full, or which is only a copy, still answers
        get_broker(PORTAL).set_stat(LOOKED, "", LOOKED_SECONDS)
    except Exception as error:  # each kind of queue has errors of its own
        what = str(error).strip().partition("\n")[0].rstrip(".")
        raise Failed(
            f"{shown} takes no messages ({what}), so what is asked for stays Queued for a while; start Redis there, "
            "or correct REDIS_URL."
        ) from None
    return f"{shown} takes messages."


def is_queue_up() -> bool:
    """Whether the queue answers now."""
    try:
        check_queue()
    except Failed as error:
        logger.warning("The queue does not answer: %s", error)
        return False
    return True


def ask_for_sign() -> None:
    """Send a message through the short queue whose worker signs."""
    try:
        async_task(SIGN, PORTAL, cluster=PORTAL, **HOW)
    except Exception:
        logger.exception("The queue does not answer; no sign of life was asked for.")
        return
    sign(ASKED)


def ensure_schedules() -> None:
    """See that the queue rings for each registered schedule, once, and for none that nobody registers any more.

    Safe to call at any time. Raises DatabaseError, where the tables are not there yet.
    """
    wanted = {f"{OURS}{one.name}": one for one in schedules()}
    with transaction.atomic():
        rows = Scheduled.objects.filter(name__startswith=OURS).order_by("pk")
        rows.exclude(name__in=wanted).delete()
        for name, schedule in wanted.items():
            known = list(rows.filter(name=name))
            if [_as_wanted(row) for row in known] != [_wanted(schedule)]:
                rows.filter(name=name).delete()
                Scheduled.objects.create(name=name, next_run=_first_run(schedule), **_wanted(schedule))


def _wanted(schedule: Schedule) -> dict[str, Any]:
    """The library's row, without when it runs next. What is no Python literal there stops all schedules."""
    return {
        "func": schedule.task,
        "kwargs": repr({"q_options": HOW}),
        "schedule_type": Scheduled.DAILY if schedule.at else Scheduled.MINUTES,
        "minutes": schedule.minutes or None,
        "repeats": -1,
    }


def _as_wanted(row: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ("func", "kwargs", "schedule_type", "minutes", "repeats")}


def _first_run(schedule: Schedule) -> datetime:
    now = timezone.now()
    if schedule.at is None:
        return now
    today = datetime.combine(now.date(), schedule.at, tzinfo=UTC)
    return today if today > now else today + timedelta(days=1)


class DrainingCluster(Cluster):  # type: ignore[misc]
    """The library's cluster, which on a signal starts nothing further and hands back what may be repeated."""

    parent = 0
    stopped_at = quiet_since = 0.0

    def sig_handler(self, signum: int, frame: FrameType | None) -> None:
        drain.begin()
        if self.stopped_at:
            return
        self.stopped_at = self.quiet_since = time.monotonic()
        signal.signal(signal.SIGALRM, self._look)
        signal.setitimer(signal.ITIMER_REAL, LOOK_EVERY_SECONDS, LOOK_EVERY_SECONDS)
        super().sig_handler(signum, frame)

    def _look(self, *_: int | FrameType | None) -> None:
        """End at once when the library's stop hangs: it waits for a worker's lock or place that nobody gives back.

        Waited for is what a worker has in hand; where `work` is gone as well, not longer than it would have done. All
        that was forked dies with this process, and what was cut short is for the reaper.
        """
        now = time.monotonic()
        if drain.is_anything_in_hand():
            self.quiet_since = now
        is_alone = os.getppid() != self.parent and now - self.stopped_at > STOP_WITHIN_SECONDS
        if is_alone or now - self.quiet_since > QUIET_SECONDS:
            logger.warning("The queue's own stop hangs; it is ended.")
            os._exit(0)


def run_cluster(parent: int) -> None:
    """Be a cluster until told to stop, or left by the parent. Which queue: Q_CLUSTER_NAME, read when Django started."""
    die_with_parent(signal.SIGTERM)
    if os.getppid() != parent:
        return
    # Forked: sentinel, workers and the rest. Without this they live on without their main process, and take messages.
    os.register_at_fork(after_in_child=lambda: die_with_parent(signal.SIGKILL))
    for connection in connections.all():
        connection.settings_dict["CONN_MAX_AGE"] = 0  # after a restart of the database an old one loses results
    connections.close_all()
    while not is_queue_up():  # the library's cluster would end
        time.sleep(PACE)
    pre_execute.connect(lambda **_: drain.take_in_hand(), weak=False)
    post_execute_in_worker.connect(lambda **_: drain.put_down(), weak=False)
    cluster = DrainingCluster()
    cluster.parent = parent
    cluster.start()
    cluster.sentinel.join()
