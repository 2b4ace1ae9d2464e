"""800 simulated days: two schedulers, outages up to 40 days, clock jumps. PORTAL_TEST_THOROUGH=1 takes more of them."""

from datetime import UTC, datetime, time, timedelta
from random import Random

import pytest

from . import naive
from .histories import IS_THOROUGH
from .simulation import BEGIN, DAY, MINUTE, Jump, Made, Span, World, random_spans

pytestmark = pytest.mark.hypothesis  # for `make properties`

DAYS = 800
SEEDS = range(60 if IS_THOROUGH else 4)
STARTS = [time(22, 0), time(19, 0), time(5, 0), time(1, 0), time(16, 0), time(0, 0), time(12, 0), time(23, 59)]
HOUR = timedelta(hours=1)
OUTAGES = [40 * DAY, 7 * DAY, 3 * DAY, 26 * HOUR, 12 * HOUR, HOUR, 20 * MINUTE, 2 * MINUTE]
JUMPS = [DAY, -DAY, HOUR, -HOUR, 5 * MINUTE, -5 * MINUTE, 3 * DAY, -3 * DAY]


def newest_slot(world: World, now: datetime) -> datetime | None:
    today = datetime.combine(now.date(), world.starts_at, tzinfo=UTC)
    slot = today if today <= now else today - DAY
    return slot if slot >= BEGIN else None


def came_by(world: World, first: datetime, last: datetime) -> list[datetime]:
    return [slot for slot in naive.slots_since(first, last, world.starts_at) if slot >= max(first, BEGIN)]


def covered(world: World) -> list[datetime]:
    return sorted(slot for made in world.rows.values() for slot in made.due.stands_for)


def check_whoever_lives_has_made_the_newest_slot(world: World, moment: datetime) -> None:
    for number in (0, 1):
        if world.is_up(number, moment):
            slot = newest_slot(world, world.clock(number, moment))
            assert slot is None or slot in world.rows


def check_the_shelf(world: World, now: datetime, is_forced: bool = False) -> bool:
    """Prune at `now`; what is left is what the table keeps, unless a guard held it back (returns whether one did)."""
    backups = [made.backup for made in world.rows.values()]
    before = set(world.shelf)
    plan = world.prune(now, is_forced)
    if plan.held_back:
        assert set(world.shelf) == before
        return True
    newest = max((backup.created_at, backup.id) for backup in backups if backup.created_at <= now)[1]
    kept = {backup.id for backup in backups if naive.expiry(backup.created_at, backup.kept_by) > now}
    assert set(world.shelf) == kept | {newest}
    return False


class Noons:
    """Pruning at noon, and a person who after two weeks of being held back looks why and prunes by force."""

    def __init__(self, world: World) -> None:
        self.world, self.held, self.first_held = world, 0, list[datetime]()

    def look(self, moment: datetime) -> None:
        if (moment.hour, moment.minute) != (12, 0) or not self.world.rows or not self.world.is_up(0, moment):
            return
        if not check_the_shelf(self.world, moment, is_forced=self.held == 14):
            self.held = 0
            return
        if not self.held:
            self.first_held.append(moment)
        self.held += 1

    def check_held_after(self, gaps: list[Span]) -> None:
        """Only gaps make the guards hold, from the first noon after one."""
        assert all(any(gap.end <= moment < gap.end + DAY for gap in gaps) for moment in self.first_held)


def check_one_catch_up(world: World, outage: Span) -> None:
    """Within a minute of its end one backup was asked for, for all that came meanwhile."""
    if not came_by(world, outage.begin, outage.end):
        return
    first = min((made for made in world.rows.values() if made.at >= outage.end), key=lambda made: made.at)
    came = came_by(world, outage.begin, first.at)
    assert first.at - outage.end < MINUTE
    assert list(first.due.stands_for) == came
    assert first.backup.kept_by == naive.longest(slot.date() for slot in came)
    assert first.due.is_late == (len(came) > 1 or first.at - came[-1] >= 10 * MINUTE)


def check_an_ordinary_night(made: Made) -> None:
    assert made.due.stands_for == (made.due.slot_at,)
    assert made.at == made.due.slot_at
    assert not made.due.is_late
    assert made.backup.kept_by == naive.rule(made.due.slot_at.date())


@pytest.mark.parametrize("seed", SEEDS)
def test_each_slot_is_made_once_or_made_up_once(seed: int) -> None:
    random = Random(seed)
    world = World(STARTS[seed % len(STARTS)], DAYS, outages=random_spans(random, DAYS, OUTAGES))
    world.absences = [(count % 2, span) for count, span in enumerate(random_spans(random, DAYS, OUTAGES))]
    noons, moment = Noons(world), BEGIN
    for moment in world.live(random, is_every_minute=IS_THOROUGH and seed < 2):
        check_whoever_lives_has_made_the_newest_slot(world, moment)
        noons.look(moment)
    assert covered(world) == came_by(world, BEGIN, moment)
    for outage in world.outages:
        check_one_catch_up(world, outage)
    noons.check_held_after([*world.outages, *(span for _, span in world.absences)])
    for made in world.rows.values():
        if not any(outage.begin <= made.due.slot_at <= outage.end + MINUTE for outage in world.outages):
            check_an_ordinary_night(made)


@pytest.mark.parametrize("seed", SEEDS)
def test_jumping_clocks_make_nothing_twice_and_miss_nothing(seed: int) -> None:
    random = Random(seed)
    world = World(STARTS[seed % len(STARTS)], DAYS, outages=random_spans(random, DAYS, OUTAGES[1:]))
    spans = random_spans(random, DAYS, [random.choice([HOUR, 30 * HOUR, 60 * HOUR]) for _ in JUMPS])
    whose = [(0,), (1,), (0, 1)]
    world.jumps = [Jump(span, by, random.choice(whose)) for span, by in zip(spans, JUMPS, strict=True)]
    moment = BEGIN
    for moment in world.live(random):
        check_whoever_lives_has_made_the_newest_slot(world, moment)
    assert len({slot.date() for slot in world.rows}) == len(world.rows)
    assert set(covered(world)) >= set(came_by(world, BEGIN, moment))
    assert max(world.rows) <= moment + 3 * DAY


@pytest.mark.parametrize("seed", SEEDS)
def test_a_clock_ten_years_ahead_for_a_while_deletes_nothing(seed: int) -> None:
    random = Random(seed)
    ahead = Span(BEGIN + 500 * DAY, BEGIN + 500 * DAY + random.uniform(0.1, 9) * DAY)
    world = World(STARTS[seed % len(STARTS)], DAYS, jumps=[Jump(ahead, 3653 * DAY)])
    noons = Noons(world)
    for moment in world.live(random):
        check_whoever_lives_has_made_the_newest_slot(world, moment)
        if ahead.holds(moment):
            assert world.prune(world.clock(0, moment)).removed == []
        else:
            noons.look(moment)
    noons.check_held_after([ahead])
    by_that_clock = [made for made in world.rows.values() if ahead.holds(made.at)]
    assert len([made for made in by_that_clock if len(made.due.stands_for) > 1]) == 1
    assert len(by_that_clock) <= 2 + (ahead.end - ahead.begin) // DAY
