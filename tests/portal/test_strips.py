"""The strip of nights: every state has a shape and a word of its own, and the label says all of it."""

from datetime import date, timedelta

from backups.policy.nightly import Night, NightState
from portal.strips import LEGEND, SHAPES, strip_of

DAY = date(2026, 10, 27)


def nights(*states: NightState) -> list[Night]:
    return [Night(DAY + timedelta(days=number), state) for number, state in enumerate(states)]


def test_every_state_has_a_shape_and_every_shape_its_place_in_the_legend() -> None:
    assert set(SHAPES) == set(NightState)
    assert {bar.shape for bar in LEGEND} == set(SHAPES.values())


def test_the_label_says_counts_and_dates() -> None:
    strip = strip_of(nights(NightState.MADE, NightState.FAILED, NightState.MISSED, NightState.TO_COME))

    assert strip.first == "27 Oct"
    assert "1 made, 1 failed, 1 missed" in strip.label
    assert "28 Oct, 29 Oct" in strip.label
    assert [bar.shape for bar in strip.bars] == ["made", "failed", "missed", "coming"]
    assert strip.bars[1].in_words == "Wed 2026-10-28: failed"


def test_bars_stand_beside_each_other() -> None:
    strip = strip_of(nights(NightState.MADE, NightState.MADE))

    assert [bar.x for bar in strip.bars] == [0, 11]
    assert strip.width == 19
