"""What pruning does with each backup of an environment, and the words for it."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from backups.choices import Rule
from backups.policy.retention import Cause, Kept, Plan, expires_at, plan_pruning, rule_for

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


def aged(days: float, number: int = 0) -> Kept:
    created_at = NOW - timedelta(days=days)
    rule = rule_for(created_at.date())
    return Kept(UUID(int=number or int(days * 1000)), created_at, expires_at(created_at, rule), rule)


def failed(days: float) -> Kept:
    return replace(aged(days), is_completed=False, is_usable=False)


def plan(*backups: Kept, now: datetime = NOW, is_nightly_on: bool = True, is_forced: bool = False) -> Plan:
    return plan_pruning(backups, now=now, is_nightly_on=is_nightly_on, is_forced=is_forced)


def words(found: Plan) -> list[str]:
    return [str(verdict) for verdict in found.verdicts]


FRESH = aged(0.5)
OLD, OLDER, SUNDAY = aged(15), aged(20), aged(17)  # 2026-11-10, 2026-11-05, 2026-11-08


def test_the_expired_go_and_the_others_stay_until_their_day() -> None:
    found = plan(OLDER, FRESH, SUNDAY, OLD)
    assert words(found) == [
        "kept: until 2026-12-09, daily: 2 weeks",
        "removed: expired 2026-11-24",
        "kept: until 2027-02-08, Sunday: 3 months",
        "removed: expired 2026-11-19",
    ]
    assert found.removed == [OLD, OLDER]
    assert found.held_back == ""


def test_a_backup_goes_at_its_moment_of_expiry_and_not_before() -> None:
    almost = replace(FRESH, created_at=OLD.expires_at - timedelta(hours=1))
    assert plan(almost, OLD, now=OLD.expires_at - timedelta.resolution).removed == []
    assert plan(almost, OLD, now=OLD.expires_at).removed == [OLD]


def test_the_newest_good_backup_stays_whatever_its_age_even_by_force() -> None:
    for is_forced in (False, True):
        found = plan(OLD, OLDER, is_nightly_on=False, is_forced=is_forced)
        assert words(found) == ["kept: newest good backup", "removed: expired 2026-11-19"]


def test_broken_leaving_and_failed_backups_are_never_the_newest_good_one() -> None:
    broken = replace(aged(14.5), is_usable=False)
    found = plan(failed(14.2), broken, OLD, is_nightly_on=False)
    assert words(found) == [
        "removed: failed, expired 2026-11-25",
        "removed: expired 2026-11-25",
        "kept: newest good backup",
    ]


def test_of_two_of_the_same_moment_one_is_the_newest() -> None:
    twins = [aged(20, number=number) for number in (1, 2)]
    assert plan(*twins, is_nightly_on=False).removed == plan(*twins[::-1], is_nightly_on=False).removed == [twins[0]]


def test_a_pin_keeps_a_backup_until_it_ends_and_says_why() -> None:
    def fate(until: datetime | None, reason: str = "", is_forced: bool = False) -> str:
        pinned = replace(OLD, is_pinned=True, pinned_until=until, pin_reason=reason)
        return str(plan(FRESH, pinned, is_forced=is_forced).verdicts[1])

    assert fate(None) == fate(None, is_forced=True) == "kept: pinned"
    assert fate(None, "the auditors ask for it") == "kept: pinned because the auditors ask for it"
    assert fate(NOW + timedelta(days=3), "of the audit") == "kept: pinned until 2026-11-28 because of the audit"
    assert fate(NOW) == "removed: expired 2026-11-24"


def test_what_is_in_use_stays_even_by_force() -> None:
    used = replace(OLD, in_use="being restored")
    for is_forced in (False, True):
        assert str(plan(FRESH, used, is_forced=is_forced).verdicts[1]) == "kept: being restored"


def shelf(going: int, staying: int) -> list[Kept]:
    """Staying ones of the last day, and going ones that all expired."""
    stay = [aged(0.1 + number / 1000, number=number + 1) for number in range(staying)]
    return stay + [aged(15 + number / 1000, number=1000 + number) for number in range(going)]


def test_more_than_ten_and_more_than_half_at_once_are_held_back() -> None:
    assert len(plan(*shelf(10, 1)).removed) == 10
    assert len(plan(*shelf(11, 11)).removed) == 11
    held = plan(*shelf(11, 10), failed(30))
    assert held.removed == []
    assert {verdict.cause for verdict in held.verdicts if verdict.backup.expires_at <= NOW} == {Cause.TOO_MANY}
    assert words(held)[-1] == "kept: 11 of 21 Completed backups would go at once"
    assert held.held_back == (
        "Nothing is pruned here: 11 of 21 Completed backups would go at once. See that clock and backups are as they "
        "should be. After a long time off they are: then run manage.py prune_backups --force once."
    )


def test_failed_backups_count_in_neither_half() -> None:
    assert len(plan(*shelf(10, 1), *[failed(400 + number) for number in range(20)]).removed) == 30
    assert plan(*shelf(11, 10), *[failed(number / 100) for number in range(1, 20)]).removed == []


def test_without_a_good_backup_of_the_last_three_days_nothing_goes_while_nightly_is_on() -> None:
    three_days = aged(3)
    assert plan(three_days, OLD).removed == [OLD]
    stale = replace(three_days, created_at=three_days.created_at - timedelta.resolution)
    held = plan(stale, OLD, failed(0.5), failed(20))
    assert held.removed == []
    assert words(held)[-2] == "kept: nightly backups are on and the newest good one is from 2026-11-22"
    assert held.held_back.startswith("Nothing is pruned here: nightly backups are on and")
    assert plan(stale, OLD, is_nightly_on=False).removed == [OLD]


def test_a_damaged_recent_backup_does_not_count_as_a_good_one() -> None:
    assert plan(replace(FRESH, is_usable=False), aged(5), OLD).removed == []
    nothing_good = plan(replace(OLD, is_usable=False))
    assert words(nothing_good) == ["kept: nightly backups are on and no good backup is there"]


def test_failed_backups_go_when_nothing_was_ever_completed() -> None:
    assert len(plan(failed(15), failed(16), failed(1)).removed) == 2


def test_force_passes_the_guards_and_says_so() -> None:
    found = plan(*shelf(11, 10), is_forced=True)
    assert len(found.removed) == 11
    assert words(found)[-1] == (
        "removed: expired 2026-11-24, by force although 11 of 21 Completed backups would go at once"
    )
    assert found.held_back == ""
    assert str(plan(FRESH, OLD, is_forced=True).verdicts[1]) == "removed: expired 2026-11-24"


def test_nothing_is_held_back_where_nothing_would_go() -> None:
    assert plan(aged(5)).held_back == ""


def test_a_clock_ten_years_ahead_removes_nothing() -> None:
    ahead = NOW + timedelta(days=3653)
    backups = [aged(number + 0.5) for number in range(40)]
    assert plan(*backups, now=ahead).removed == []
    # Nor when a backup was made meanwhile, by that clock.
    made_ahead = replace(FRESH, id=UUID(int=7), created_at=ahead, expires_at=ahead + timedelta(days=14))
    assert plan(*backups, made_ahead, now=ahead).removed == []


def test_a_clock_ten_years_ahead_removes_nothing_of_a_small_shelf_either() -> None:
    ahead = NOW + timedelta(days=3653)
    caught_up = replace(FRESH, id=UUID(int=7), created_at=ahead, expires_at=ahead + timedelta(days=14))
    held = plan(*[aged(number + 0.5) for number in range(9)], caught_up, now=ahead)
    assert held.removed == []
    assert {verdict.cause for verdict in held.verdicts} == {Cause.NOT_EXPIRED, Cause.LONG_GAP}
    assert held.held_back == (
        "Nothing is pruned here: 3,653 days without a good backup came before 2036-11-25, and until 2036-12-09 what is "
        "older stays. See that the clock is right. Pruning goes on by itself, or at once with: "
        "manage.py prune_backups --force."
    )


def test_after_more_than_a_month_without_any_the_old_ones_stay_until_two_weeks_have_filled_the_shelf() -> None:
    def removed(gap: timedelta, nights: int, is_nightly_on: bool = True) -> int:
        old = replace(OLD, created_at=NOW - gap)
        again = [
            replace(FRESH, id=UUID(int=9 + n), created_at=NOW + timedelta(days=n), expires_at=NOW + timedelta(days=99))
            for n in range(nights)
        ]
        now = again[-1].created_at
        return len(plan(replace(old, expires_at=NOW), *again, now=now, is_nightly_on=is_nightly_on).removed)

    month = timedelta(days=31)
    assert removed(month, 1) == 1
    assert removed(month + timedelta.resolution, 1) == 0
    assert removed(10 * month, 14) == 0
    assert removed(10 * month, 15) == 1
    assert removed(10 * month, 1, is_nightly_on=False) == 1


def test_a_backup_dated_beyond_now_does_not_stand_for_the_real_newest_one() -> None:
    ahead = replace(FRESH, created_at=NOW + timedelta(days=3653), expires_at=NOW + timedelta(days=3667))
    assert plan(ahead, OLD, OLDER).removed == []
    assert plan(ahead, OLD, OLDER, is_nightly_on=False).removed == [OLDER]
    # Nor is it lost itself, should its expiry be wrong too.
    assert plan(replace(ahead, expires_at=NOW), OLD, OLDER, is_nightly_on=False).removed == [OLDER]


def test_nothing_comes_of_nothing() -> None:
    assert plan() == Plan(())


def test_ten_thousand_backups_are_planned_in_a_moment() -> None:
    backups = [aged(number / 24) for number in range(1, 10_001)]
    began = time.perf_counter()
    found = plan_pruning(backups, now=NOW, is_nightly_on=True, is_forced=True)
    assert time.perf_counter() - began < 5
    assert len(found.verdicts) == 10_000
    assert {backup.kept_by for backup in found.removed} == set(Rule)
