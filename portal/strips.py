"""The strip of the last nights: thirty bars that differ by shape, and the same in words."""

from collections.abc import Sequence
from dataclasses import dataclass

from backups.policy.nightly import Night, NightState, nights_in_words

PITCH, BAR, TALL, HEIGHT = 11, 8, 20, 24
SHAPES = {
    NightState.MADE: "made",
    NightState.FAILED: "failed",
    NightState.MISSED: "missed",
    NightState.TO_COME: "coming",
    NightState.OFF: "nothing",
    NightState.NOT_THERE: "nothing",
}


@dataclass(frozen=True)
class Bar:
    """One night; `x` is its left edge."""

    x: float
    shape: str
    in_words: str


@dataclass(frozen=True)
class Strip:
    """What the template draws. `label` says all of it to whoever does not see it."""

    bars: list[Bar]
    first: str
    in_words: str
    label: str

    @property
    def width(self) -> int:
        return PITCH * len(self.bars) - (PITCH - BAR)


LEGEND = [
    Bar(0, "made", "made"),
    Bar(0, "failed", "failed"),
    Bar(0, "missed", "missed"),
    Bar(0, "coming", "to come"),
    Bar(0, "nothing", "off, or not there yet"),
]


def strip_of(nights: Sequence[Night]) -> Strip:
    """The strip of some nights, oldest first."""
    bars = [
        Bar(number * PITCH, SHAPES[night.state], f"{night.day:%a %Y-%m-%d}: {night.state}")
        for number, night in enumerate(nights)
    ]
    words = nights_in_words(nights)
    odd = [f"{night.day:%d %b}" for night in nights if night.state in (NightState.FAILED, NightState.MISSED)]
    which = f" Failed or missed: {', '.join(odd)}." if odd else ""
    first = f"{nights[0].day.day} {nights[0].day:%b}"
    return Strip(bars, first, words, f"The last {len(nights)} nights, from {first} to today: {words}.{which}")
