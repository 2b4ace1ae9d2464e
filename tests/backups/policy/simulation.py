"""One environment's nights and noons, with two schedulers on one machine that is off at times and whose clocks jump."""

from bisect import bisect_right, insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from random import Random
from uuid import UUID

from backups.policy.nightly import Due, due_slot
from backups.policy.retention import Kept, Plan, expires_at, plan_pruning

BEGIN = datetime(2026, 2, 1, 12, 0, tzinfo=UTC)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


@dataclass(frozen=True)
class Span:
    begin: datetime
    end: datetime

    def holds(self, moment: datetime) -> bool:
        return self.begin <= moment < self.end


@dataclass(frozen=True)
class Jump:
    """During a span one scheduler's clock, or both, shows another moment."""

    span: Span
    by: timedelta
    schedulers: tuple[int, ...] = (0, 1)


@dataclass(frozen=True)
class Made:
    due: Due
    at: datetime  # the true moment
    backup: Kept  # dated by the scheduler's clock


@dataclass
class World:
    starts_at: time
    days: int
    outages: list[Span] = field(default_factory=list)
    absences: list[tuple[int, Span]] = field(default_factory=list)  # of one scheduler alone
    jumps: list[Jump] = field(default_factory=list)
    rows: dict[datetime, Made] = field(default_factory=dict)
    slots: list[datetime] = field(default_factory=list)
    shelf: dict[UUID, Kept] = field(default_factory=dict)

    def live(self, random: Random, is_every_minute: bool = False) -> Iterator[datetime]:
        """Let time go by; yields each true moment after the schedulers have looked."""
        for moment in self._moments(is_every_minute):
            looking = [number for number in (0, 1) if self.is_up(number, moment)]
            random.shuffle(looking)
            # Both look before either writes: the unique key of environment and slot decides.
            found = [(number, self._look(number, moment)) for number in looking]
            for number, due in found:
                if due and due.slot_at not in self.rows:
                    self._make(due, moment, self.clock(number, moment))
            yield moment

    def is_up(self, number: int, moment: datetime) -> bool:
        gaps = self.outages + [span for absent, span in self.absences if absent == number]
        return not any(span.holds(moment) for span in gaps)

    def clock(self, number: int, moment: datetime) -> datetime:
        return moment + sum(
            (jump.by for jump in self.jumps if number in jump.schedulers and jump.span.holds(moment)), timedelta()
        )

    def prune(self, now: datetime, is_forced: bool = False) -> Plan:
        plan = plan_pruning(self.shelf.values(), now=now, is_nightly_on=True, is_forced=is_forced)
        for backup in plan.removed:
            del self.shelf[backup.id]
        return plan

    def _look(self, number: int, moment: datetime) -> Due | None:
        now = self.clock(number, moment)
        # What one query brings: the newest slot that is not after now.
        place = bisect_right(self.slots, now)
        due = due_slot(
            existed_since=BEGIN, nightly_since=BEGIN, made=self.slots[:place][-1:], now=now, starts_at=self.starts_at
        )
        assert due is None or due.slot_at not in self.rows
        return due

    def _make(self, due: Due, moment: datetime, now: datetime) -> None:
        backup = Kept(UUID(int=len(self.rows) + 1), now, expires_at(now, due.rule), due.rule)
        self.rows[due.slot_at] = Made(due, moment, backup)
        insort(self.slots, due.slot_at)
        self.shelf[backup.id] = backup

    def _moments(self, is_every_minute: bool) -> list[datetime]:
        """Every minute around slots, outages and jumps, and some of each hour between; or all of them."""
        end = BEGIN + self.days * DAY
        if is_every_minute:
            return [BEGIN + count * MINUTE for count in range(self.days * 24 * 60)]
        spans = [*self.outages, *(span for _, span in self.absences), *(jump.span for jump in self.jumps)]
        edges = [edge for span in spans for edge in (span.begin, span.end)]
        edges += [datetime.combine(BEGIN.date() + n * DAY, self.starts_at, tzinfo=UTC) for n in range(self.days + 1)]
        whole = [edge.replace(second=0, microsecond=0) for edge in edges]
        chosen = {edge + count * MINUTE for edge in whole for count in range(-2, 13)}
        chosen |= {BEGIN + timedelta(hours=count) for count in range(self.days * 24)}
        return sorted(moment for moment in chosen if BEGIN <= moment < end)


def random_spans(random: Random, days: int, lengths: list[timedelta]) -> list[Span]:
    """One span of each length, in a random order, with random days between that fill the time."""
    lengths = random.sample(lengths, len(lengths))
    free = (days * DAY - sum(lengths, timedelta())) / (len(lengths) + 1)
    spans, moment = [], BEGIN
    for length in lengths:
        begin = moment + free * random.uniform(0.2, 1)
        spans.append(Span(begin, begin + length))
        moment = begin + length
    return spans
