"""When nightly backups are made, which one is due, and what became of the last nights (specification §7)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from zoneinfo import ZoneInfo

from environments.choices import ACTIVE, Status

from ..choices import Rule
from .retention import longest_rule

DAY = timedelta(days=1)
SPREAD = timedelta(seconds=5)
RETRY_AFTER = (timedelta(minutes=10), timedelta(minutes=30))
TRIES = 1 + len(RETRY_AFTER)
LATE_AFTER = timedelta(minutes=10)
MISSED_AFTER = timedelta(hours=2)
NIGHTS_SHOWN = 30


def slot_on(day: date, starts_at: time) -> datetime:
    """The moment at which a UTC date's nightly starts; `starts_at` is the region's time in UTC."""
    return datetime.combine(day, starts_at, tzinfo=UTC)


def slots_between(after: datetime, until: datetime, starts_at: time) -> list[datetime]:
    """Every slot later than `after` and not later than `until`, oldest first."""
    first = after.astimezone(UTC).date()
    days = (until.astimezone(UTC).date() - first).days
    slots = (slot_on(first + timedelta(days=count), starts_at) for count in range(days + 1))
    return [slot for slot in slots if after < slot <= until]


def next_slot(now: datetime, starts_at: time) -> datetime:
    """The first slot later than `now`."""
    slot = slot_on(now.astimezone(UTC).date(), starts_at)
    return slot if slot > now else slot + DAY


@dataclass(frozen=True, slots=True)
class Due:
    """The one nightly to make now: the newest slot, and every slot it stands for (oldest first, itself the last)."""

    slot_at: datetime
    stands_for: tuple[datetime, ...]
    is_late: bool

    @property
    def rule(self) -> Rule:
        """The longest rule of the slots it stands for."""
        return longest_rule(slot.date() for slot in self.stands_for)

    def __str__(self) -> str:
        """What people read beside it: nothing, "late", or "late, for 3 nights since 2026-11-07"."""
        if len(self.stands_for) > 1:
            return f"late, for {len(self.stands_for)} nights since {self.stands_for[0]:%Y-%m-%d}"
        return "late" if self.is_late else ""


def due_slot(
    *,
    existed_since: datetime,
    nightly_since: datetime | None,
    made: Iterable[datetime],
    now: datetime,
    starts_at: time,
) -> Due | None:
    """The nightly that one environment has to get now, or None.

    `nightly_since` is when this schedule began to hold (nightly switched on, region or cloud version changed); None is
    off. `made` are the slots that were ever asked for, however they ended and whether or not their backup still exists;
    the newest one not after `now` is enough. Later ones, made while a clock was ahead, say nothing of earlier slots.
    """
    if nightly_since is None:
        return None
    since = max(existed_since, nightly_since)
    last = max((slot for slot in made if slot <= now), default=None)
    # A slot at the very moment counts, so look from just before it.
    after = since - timedelta.resolution if last is None or last < since else last
    missing = slots_between(after, now, starts_at)
    if not missing:
        return None
    is_late = len(missing) > 1 or now - missing[-1] >= LATE_AFTER
    return Due(missing[-1], tuple(missing), is_late)


def spread_at(start: datetime, place: int) -> datetime:
    """When the environment at this place (from 0) among those of one region starts."""
    return start + place * SPREAD


def retry_at(failed_at: datetime, tries: int) -> datetime | None:
    """When a nightly whose try number `tries` (from 1) failed is tried again; None: it stays Failed."""
    return failed_at + RETRY_AFTER[tries - 1] if tries < TRIES else None


def retry_in_words(at: datetime, tries: int) -> str:
    """What a row says that waits for its next try after `tries` tries: "try 2 of 3 at 19:10"."""
    return f"try {tries + 1} of {TRIES} at {at.astimezone(UTC):%H:%M}"


@dataclass(frozen=True, slots=True)
class SlotWords:
    """A coming slot as people read it, in UTC and by the region's own calendar."""

    day: str  # today
    time: str  # 19:00 UTC
    local: str  # 20:00 Amsterdam

    def __str__(self) -> str:
        return f"{self.day} at {self.time} ({self.local})"


def next_slot_in_words(now: datetime, starts_at: time, zone: str, city: str) -> str:
    """The next slot: "today at 19:00 UTC (20:00 Amsterdam)", "tomorrow at 01:00 UTC (20:00 today, New York)"."""
    return str(next_slot_words(now, starts_at, zone, city))


def next_slot_words(now: datetime, starts_at: time, zone: str, city: str) -> SlotWords:
    """The same in parts. The local day is said where it is called otherwise than the UTC one."""
    slot, here = next_slot(now, starts_at), ZoneInfo(zone)
    day, local_day = _day_in_words(slot, now, UTC), _day_in_words(slot, now, here)
    local_time = f"{slot.astimezone(here):%H:%M}"
    local = f"{local_time} {city}" if local_day == day else f"{local_time} {local_day}, {city}"
    return SlotWords(day, f"{slot:%H:%M} UTC", local)


def local_start(day: date, starts_at: time, zone: str) -> str:
    """What the region's clocks show at the slot of a UTC date: "21:00"."""
    return f"{slot_on(day, starts_at).astimezone(ZoneInfo(zone)):%H:%M}"


def _day_in_words(slot: datetime, now: datetime, zone: tzinfo) -> str:
    """The day by one calendar. A clock change can put a slot of the next 24 hours on a day that is neither."""
    day, today = slot.astimezone(zone).date(), now.astimezone(zone).date()
    return {today: "today", today + DAY: "tomorrow"}.get(day, f"on {day:%Y-%m-%d}")


class NightState(StrEnum):
    """What became of one night; the word is shown."""

    MADE = "made"
    FAILED = "failed"
    MISSED = "missed"
    TO_COME = "to come"
    OFF = "nightly backups were off"
    NOT_THERE = "environment was not there yet"


@dataclass(frozen=True, slots=True)
class Night:
    """One UTC date of the strip."""

    day: date
    state: NightState


def night_states(
    outcomes: Iterable[tuple[datetime, str]],
    *,
    existed_since: datetime,
    nightly_since: datetime | None,
    now: datetime,
    starts_at: time,
    nights: int = NIGHTS_SHOWN,
) -> list[Night]:
    """What became of the last nights, today included, oldest first.

    `outcomes` are the slots that were asked for, each with its operation's status (whether or not the backup was pruned
    since). A slot without one is missed from two hours after it. `nightly_since` as for `due_slot`.
    """
    statuses: dict[date, set[str]] = {}
    for slot, status in outcomes:
        statuses.setdefault(slot.astimezone(UTC).date(), set()).add(status)
    today = now.astimezone(UTC).date()

    def state_of(day: date) -> NightState:
        if day in statuses:
            return _state_of_made(statuses[day])
        return _state_without(slot_on(day, starts_at), existed_since, nightly_since, now)

    days = [today - count * DAY for count in reversed(range(nights))]
    return [Night(day, state_of(day)) for day in days]


def _state_of_made(statuses: set[str]) -> NightState:
    if Status.COMPLETED in statuses:
        return NightState.MADE
    return NightState.TO_COME if statuses & set(ACTIVE) else NightState.FAILED


def _state_without(
    slot: datetime, existed_since: datetime, nightly_since: datetime | None, now: datetime
) -> NightState:
    if slot < existed_since:
        return NightState.NOT_THERE
    if nightly_since is None or slot < nightly_since:
        return NightState.OFF
    return NightState.MISSED if now - slot >= MISSED_AFTER else NightState.TO_COME


def nights_in_words(nights: Sequence[Night]) -> str:
    """The strip as text: "28 made, 1 failed", "14 made, since 9 Nov"."""
    shown = (NightState.MADE, NightState.FAILED, NightState.MISSED)
    counts = {state: sum(night.state is state for night in nights) for state in shown}
    words = [f"{count} {state}" for state, count in counts.items() if count] or ["none yet"]
    there = [night.day for night in nights if night.state is not NightState.NOT_THERE]
    if there and len(there) < len(nights):
        words.append(f"since {there[0].day} {there[0]:%b}")
    return ", ".join(words)
