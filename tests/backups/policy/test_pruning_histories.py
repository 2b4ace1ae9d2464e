"""Pruning over generated histories: the naive reading's answer, and what holds whatever the history.

PORTAL_TEST_THOROUGH=1 takes all 20,000 of them.
"""

from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backups.policy.retention import Cause, Kept, Plan, plan_pruning

from . import naive
from .histories import IS_THOROUGH, History, a_backup, a_history

pytestmark = pytest.mark.hypothesis  # for `make properties`

HISTORIES = 20_000 if IS_THOROUGH else 1_000
CHUNKS = 10


def planned(history: History, backups: list[Kept] | None = None, **changes: Any) -> Plan:
    looked = replace(history, **changes)
    return plan_pruning(
        looked.backups if backups is None else backups,
        now=looked.now,
        is_nightly_on=looked.is_nightly_on,
        is_forced=looked.is_forced,
    )


def ids(plan: Plan) -> set[UUID]:
    return {backup.id for backup in plan.removed}


def check_the_answer(history: History) -> None:
    plan = planned(history)
    assert ids(plan) == naive.removed(history.backups, history.now, history.is_nightly_on, history.is_forced)
    assert sorted(verdict.backup.id for verdict in plan.verdicts) == sorted(backup.id for backup in history.backups)
    assert all(str(verdict).startswith(("kept: ", "removed: ")) for verdict in plan.verdicts)


def check_what_never_goes(history: History) -> None:
    for backup in planned(history, is_forced=True).removed:
        assert backup.expires_at <= history.now
        assert not backup.in_use
        assert not backup.is_pinned or (backup.pinned_until and backup.pinned_until <= history.now)
        assert not backup.is_usable or any(
            other.is_usable and other.created_at >= backup.created_at and other.id != backup.id
            for other in history.backups
        )


def check_order_and_repetition(history: History, random: Random) -> None:
    plan = planned(history)
    shuffled = random.sample(history.backups, len(history.backups))
    assert planned(history, shuffled) == plan
    left = [backup for backup in history.backups if backup.id not in ids(plan)]
    assert ids(planned(history, left)) == set()


def check_force(history: History) -> None:
    unforced, forced = planned(history, is_forced=False), planned(history, is_forced=True)
    assert ids(unforced) in (set(), ids(forced))
    assert bool(unforced.held_back) == (ids(unforced) != ids(forced))
    assert forced.held_back == ""


def check_what_failures_and_damage_change(history: History, random: Random) -> None:
    """A failed backup more changes nothing for the others; a damaged one never makes a good one go by force."""
    new = replace(a_backup(random, history.now - timedelta(days=random.uniform(0, 30))), in_use="", is_usable=False)
    without = ids(planned(history))
    assert ids(planned(history, [*history.backups, replace(new, is_completed=False)])) - {new.id} <= without
    forced = ids(planned(history, is_forced=True))
    assert ids(planned(history, [*history.backups, new], is_forced=True)) - {new.id} == forced


def check_a_clock_ahead(history: History) -> None:
    """Ten years ahead of everything, with nightly on: nothing that was ever Completed goes."""
    newest = max((backup.created_at for backup in history.backups), default=history.now)
    plan = planned(history, now=newest + timedelta(days=3653), is_nightly_on=True, is_forced=False)
    assert [backup for backup in plan.removed if backup.is_completed] == []


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_generated_histories_are_pruned_as_the_specification_reads(chunk: int) -> None:
    for seed in range(chunk, HISTORIES, CHUNKS):
        history, random = a_history(seed), Random(f"beside {seed}")
        check_the_answer(history)
        check_what_never_goes(history)
        check_order_and_repetition(history, random)
        check_force(history)
        check_what_failures_and_damage_change(history, random)
        check_a_clock_ahead(history)


def test_the_histories_reach_every_branch() -> None:
    plans = [planned(a_history(seed)) for seed in range(400)]
    causes = {verdict.cause.name for plan in plans for verdict in plan.verdicts}
    assert causes == {cause.name for cause in Cause}


@settings(max_examples=2_000 if IS_THOROUGH else 200, deadline=None, derandomize=True, database=None)
@given(seed=st.integers(min_value=0), later=st.timedeltas(timedelta(0), timedelta(days=800)))
def test_time_alone_never_keeps_what_force_would_have_removed_before(seed: int, later: timedelta) -> None:
    history = replace(a_history(seed), is_forced=True)
    assert ids(planned(history)) <= ids(planned(history, now=history.now + later))
