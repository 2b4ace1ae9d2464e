"""A night of many environments, simulated: rows, turns, bell and reaper are real, only the work is left out. A program.

    python -m tests.backups.operations.wave ENVIRONMENTS WORKERS

On the portal's database of the moment, at the pace of an installation. The clock stands until it is set, the
database's too, so that a night takes seconds. WORKERS are those of each region. Prints what was seen, as JSON.
"""

import gc
import heapq
import json
import random
import resource
import sys
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count, cycle
from typing import Any
from unittest.mock import patch
from uuid import UUID

import django

django.setup()

from django.contrib.auth.models import User  # noqa: E402 - Django comes first
from django.db import connection  # noqa: E402
from django.db.models.functions import Now  # noqa: E402
from django.utils import timezone  # noqa: E402

from backups.operations.alarm import alarms_of  # noqa: E402
from backups.operations.create import request_create  # noqa: E402
from backups.operations.nightly import queue_pages  # noqa: E402
from backups.policy.nightly import MISSED_AFTER  # noqa: E402
from environments.actors import Actor  # noqa: E402
from environments.choices import Origin, Status  # noqa: E402
from environments.lifecycle import doorbell, reaper  # noqa: E402
from environments.lifecycle.claim import claim, finish  # noqa: E402
from environments.lifecycle.periods import LEASE_SECONDS, REAP_EVERY_SECONDS, in_seconds  # noqa: E402
from environments.lifecycle.run import ring_next  # noqa: E402
from environments.models import App, Environment, Operation, Region  # noqa: E402
from tests.backups.operations.nights import TABLE, regions  # noqa: E402

EVENING = datetime(2026, 11, 24, 15, 30, tzinfo=UTC)
SERVERS, AT_ONCE = 20, 2
LASTS_SECONDS = (60, 120)
REAP_EVERY = timedelta(seconds=REAP_EVERY_SECONDS)
PEOPLE_AFTER = [timedelta(minutes=minutes) for minutes in (1, 4, 6)]
PEOPLE = ("ines", "omar")


class Night:
    """What happens, moment by moment, and what was seen of it."""

    def __init__(self, workers: int) -> None:
        self.now, self.chance = EVENING, random.Random(1)
        self.bells: dict[str, deque[UUID]] = defaultdict(deque)
        self.idle: dict[str, int] = defaultdict(lambda: workers)
        self.running: dict[UUID, Operation] = {}
        self.people = cycle([User.objects.get_or_create(username=name)[0] for name in PEOPLE])
        self.waiting_people: dict[UUID, str] = {}
        self.seen: Counter[str] = Counter()
        self._events: list[tuple[datetime, int, Callable[[], object]]] = []
        self._numbers = count()

    def at(self, moment: datetime, what: Callable[[], object]) -> None:
        heapq.heappush(self._events, (moment, next(self._numbers), what))

    def play(self) -> None:
        """Until nothing is left to happen."""
        with self._ruled(), connection.execute_wrapper(self._counting):
            while self._events:
                self.now, _, what = heapq.heappop(self._events)
                what()
                for queue in list(self.bells):
                    self._take(queue)

    def dispatch(self) -> None:
        """What the scheduler does each minute; then the reaper looks as long as something waits."""
        pages = queue_pages(self.now)
        while self._measured("queries a page", lambda: next(pages, None)) is not None:
            pass
        self.at(self.now, self.reap)

    def reap(self) -> None:
        Operation.objects.filter(pk__in=list(self.running)).update(lease_until=in_seconds(LEASE_SECONDS))  # they beat
        reaper.reap()
        if Operation.objects.filter(status=Status.QUEUED).exists():
            self.at(self.now + REAP_EVERY, self.reap)

    def ask(self, region: str) -> None:
        """A person wants a backup of an environment whose server is at a nightly, and whose own night waits."""
        at_work = [one.server for one in self.running.values() if one.environment.region.slug == region]
        taken = Operation.objects.filter(pk__in=[*self.running, *self.waiting_people]).values("environment")
        waiting = Operation.objects.filter(status=Status.QUEUED, server__in=at_work).exclude(environment__in=taken)
        rows = waiting.select_related("environment__app", "environment__package").order_by("-created_at", "-pk")
        found = rows.first()
        assert found, "Nobody has to wait: the night is too short for this."
        made = request_create(found.environment, by=Actor.person(next(self.people)))
        self.waiting_people[made.operation_id] = found.queue

    def look(self) -> None:
        """Two hours later: whatever is missing then is an alarm."""
        self.seen["alarms"] += sum(map(len, alarms_of(Environment.objects.all(), self.now).values()))
        gc.collect()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        self.seen["growth bytes"] = peak - self.seen["peak bytes"] if self.seen["peak bytes"] else 0
        self.seen["peak bytes"] = self.seen["peak bytes"] or peak  # that after the first region

    def _take(self, queue: str) -> None:
        """Idle workers look at what they were rung for."""
        while self.idle[queue] and self.bells[queue]:
            found = self._measured("queries a claim", lambda: claim(self.bells[queue].popleft()))
            if found is not None:
                self._begin(found)

    def _begin(self, operation: Operation) -> None:
        self.idle[operation.queue] -= 1
        self.running[operation.pk] = operation
        if operation.origin == Origin.PERSON:
            del self.waiting_people[operation.pk]
            self._most("people waited seconds", int((self.now - operation.created_at).total_seconds()))
        else:
            self.seen["nights before people"] += operation.queue in self.waiting_people.values()
        here = [one.origin for one in self.running.values() if one.server == operation.server]
        self._most("at once", len(here))
        self._most("nights at once", here.count(Origin.NIGHTLY))
        self.at(self.now + timedelta(seconds=self.chance.uniform(*LASTS_SECONDS)), lambda: self._end(operation))

    def _end(self, operation: Operation) -> None:
        del self.running[operation.pk]
        self.idle[operation.queue] += 1
        self._measured("queries an end", lambda: finish(operation, Status.COMPLETED, "The backup was made."))
        self._measured("queries a ring", lambda: ring_next(operation.environment))

    # The clock, the bell, and what is counted

    @contextmanager
    def _ruled(self) -> Iterator[None]:
        def now(function: Now, compiler: Any, connection: Any, **more: Any) -> Any:
            literal = f"'{self.now:%Y-%m-%d %H:%M:%S.%f}'"
            if connection.vendor == "postgresql":
                literal = f"TIMESTAMPTZ {literal[:-1]}+00'"
            return function.as_sql(compiler, connection, template=literal, **more)

        def async_task(task: str, subject: str, *, cluster: str, **_: object) -> None:
            if task == doorbell.LOOK:
                self.bells[cluster].append(UUID(subject))

        with (
            patch.object(Now, "as_sqlite", now),
            patch.object(Now, "as_postgresql", now),
            patch.object(timezone, "now", lambda: self.now),
            patch.object(doorbell, "async_task", async_task),
        ):
            yield

    def _counting(self, execute: Callable[..., Any], *arguments: Any) -> Any:
        self.seen["queries"] += 1
        return execute(*arguments)

    def _measured(self, name: str, act: Callable[[], Any]) -> Any:
        before = self.seen["queries"]
        answer = act()
        self._most(name, self.seen["queries"] - before)
        return answer

    def _most(self, name: str, figure: int) -> None:
        self.seen[name] = max(self.seen[name], figure)


def fill(number: int) -> None:
    """So many environments on 20 database servers in three regions, each region with a queue of its own."""
    places, app = list(regions().values()), App.objects.create(slug="wave", name="Wave")
    for region in places:
        Region.objects.filter(pk=region.pk).update(queue=f"long-{region.slug}", backups_at_once=AT_ONCE)
    rows = (
        Environment(
            app=app,
            slug=f"place-{one}",
            name=f"Place {one}",
            region=places[one % SERVERS % len(places)],
            database=f"postgresql://app@db-{one % SERVERS}/place{one}",
        )
        for one in range(number)
    )
    Environment.objects.bulk_create(rows, batch_size=500)
    Environment.objects.filter(app=app).update(created_at=EVENING)


def windows(workers: int) -> dict[str, dict[str, float]]:
    """Of each region: the seconds from its slot to its last nightly's end, and how few they could have been.

    What people asked for meanwhile took workers and servers too.
    """
    found = {}
    for region in Region.objects.order_by("slug"):
        spans: dict[str, float] = defaultdict(float)
        done = list(Operation.objects.filter(environment__region=region))
        nights = [one for one in done if one.origin == Origin.NIGHTLY]
        for one in done:
            spans[one.server] += (one.finished_at - one.started_at).total_seconds()
        last, slot = max(one.finished_at for one in nights), min(one.created_at for one in nights)
        fewest = max(*spans.values(), sum(spans.values()) / workers)
        found[region.slug] = {"seconds": (last - slot).total_seconds(), "fewest": fewest}
    return found


def main(number: int, workers: int) -> None:
    fill(number)
    night = Night(workers)
    for slug, (_, starts) in TABLE.items():
        slot = datetime.combine(EVENING.date(), starts["v4"], tzinfo=UTC)
        slot += timedelta(days=slot < EVENING)
        night.at(slot, night.dispatch)
        night.at(slot + MISSED_AFTER, night.look)
        for after in PEOPLE_AFTER:
            night.at(slot + after, lambda slug=slug: night.ask(slug))
    began = time.perf_counter()
    night.play()
    print(json.dumps({**night.seen, "windows": windows(workers), "seconds": time.perf_counter() - began}))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
