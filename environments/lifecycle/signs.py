"""Signs of life: proof that work really goes through, end to end. The library's own statistics prove nothing.

The reaper signs each pass; the short queue signs when a message came all the way through it to a worker.
"""

from dataclasses import dataclass, field

from django.conf import settings
from django.db.models import Q
from django.db.models.functions import Now

from ..choices import Status
from ..models import Operation, Sign
from .kinds import LONG
from .periods import SIGN_STALE_SECONDS, STUCK_SECONDS, in_seconds
from .waiting import may_begin

REAPER, PORTAL, ASKED = "reaper", "portal", "asked"
# Rung so often, it has waited for several minutes.
MANY_RINGS = 3
NO_REAPER = "No worker watches over the operations: start them with `manage.py work`."
NO_ANSWER = "The queue's messages do not reach a worker: restart the workers."


@dataclass(frozen=True)
class WorkerHealth:
    """Whether work goes through. `seen_seconds`: the age of the newest sign from a worker; None: there was none."""

    seen_seconds: float | None = None
    problems: tuple[str, ...] = ()
    ages: dict[str, float] = field(default_factory=dict)

    @property
    def is_alive(self) -> bool:
        return not self.problems

    def __str__(self) -> str:
        if self.seen_seconds is None:
            return "Workers: never seen"
        return f"Workers: {ago(self.seen_seconds)} ago"


def worker_health() -> WorkerHealth:
    """How the workers are, as far as they have shown themselves. A handful of small queries."""
    ages = sign_ages()
    problems = []
    if ages.get(REAPER, SIGN_STALE_SECONDS + 1) > SIGN_STALE_SECONDS:
        problems.append(NO_REAPER)
    elif ages.get(PORTAL, SIGN_STALE_SECONDS + 1) > SIGN_STALE_SECONDS:
        problems.append(NO_ANSWER)
    problems += [f"Operations wait in the queue {queue!r}, and no worker takes them." for queue in stuck_queues()]
    problems += [
        f"Operations of the queue {queue!r} lost their worker; start one of that queue." for queue in lost_queues()
    ]
    return WorkerHealth(ages.get(PORTAL), tuple(problems), ages)


def sign(name: str) -> None:
    """Say that this works, now, by the database's clock."""
    Sign.objects.update_or_create(name=name, defaults={"at": Now()})


def sign_ages() -> dict[str, float]:
    """How old each sign is, in seconds, by the database's clock."""
    rows = Sign.objects.annotate(now=Now()).values_list("name", "at", "now")
    return {name: max(0.0, (now - at).total_seconds()) for name, at, now in rows}


def may_ask() -> bool:
    """Whether the short queue should be asked for a sign: it answered the last time, or that is long ago.

    A queue that answers nobody is not filled with questions.
    """
    ages = sign_ages()
    asked, answered = ages.get(ASKED), ages.get(PORTAL)
    return asked is None or (answered is not None and answered <= asked) or asked > SIGN_STALE_SECONDS


def stuck_queues() -> list[str]:
    """The queues with operations that could run, rung for in vain, while workers must be idle."""
    waiting = Operation.objects.filter(may_begin(), rings__gte=MANY_RINGS)
    running = Operation.objects.filter(status=Status.RUNNING)
    taken = running.filter(is_exclusive=True).values("environment")
    could_run = waiting.filter(Q(is_exclusive=False) | ~Q(environment__in=taken))
    stuck = []
    for queue in sorted(set(could_run.values_list("queue", flat=True))):
        is_moving = running.filter(queue=queue, started_at__gt=in_seconds(-STUCK_SECONDS)).exists()
        if not is_moving and running.filter(queue=queue).count() < workers_of(queue):
            stuck.append(queue)
    return stuck


def lost_queues() -> list[str]:
    """The queues with operations that were lost, and of which nobody takes care: no machine of theirs is up."""
    lost = Operation.objects.filter(status=Status.RUNNING, lease_until__lt=in_seconds(-STUCK_SECONDS))
    return sorted(set(lost.values_list("queue", flat=True)))


def workers_of(queue: str) -> int:
    """How many workers a queue has on one machine at least."""
    others = settings.Q_CLUSTER["ALT_CLUSTERS"]
    return int(others.get(queue, others[LONG])["workers"])


def ago(seconds: float) -> str:
    """A short age in words: `6 s`, `4 min`, `3 h`, `2 days`."""
    for unit, size in (("days", 24 * 3600), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s"
