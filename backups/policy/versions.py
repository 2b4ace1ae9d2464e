"""Which of two deployment packages is older (specification §4.2)."""

import re
from enum import StrEnum
from itertools import zip_longest

Part = int | str


class Comparison(StrEnum):
    """What a backup's package is, compared with the one that the target has deployed."""

    OLDER = "older"
    NEWER = "newer"
    EQUAL = "equal"
    UNKNOWN = "unknown"
    NO_PACKAGE = "no package"


def parse_version(text: str) -> tuple[Part, ...]:
    """A version's parts: "1.4.2.118" is (1, 4, 2, 118), "7.0-beta2" is (7, 0, "-beta", 2), "" is ()."""
    text = text.strip().casefold()
    return tuple(part for piece in text.split(".") for part in _parts_of(piece)) if text else ()


def compare(backup: tuple[str, str], target: tuple[str, str]) -> Comparison:
    """What the backup's package is against the target's; each as (modeler version, model version), "" where unknown.

    Modeler versions decide first, then model versions; part by part, missing parts as 0, and a part in words below any
    number ("7.0-beta" is older than "7.0"). A version that only one side knows decides nothing; if nothing else does,
    the answer is unknown. A target without any version has no package.
    """
    pairs = [(parse_version(own), parse_version(other)) for own, other in zip(backup, target, strict=True)]
    if not any(other for _, other in pairs):
        return Comparison.NO_PACKAGE
    for own, other in pairs:
        if own and other and (order := _order(own, other)) is not Comparison.EQUAL:
            return order
    return Comparison.EQUAL if all(bool(own) == bool(other) for own, other in pairs) else Comparison.UNKNOWN


def _parts_of(piece: str) -> list[Part]:
    runs = re.findall(r"[0-9]+|[^0-9]+", piece) or ["0"]
    return [int(run) if run[0] in "0123456789" else run for run in runs]


def _order(own: tuple[Part, ...], other: tuple[Part, ...]) -> Comparison:
    for one, two in zip_longest(map(_rank, own), map(_rank, other), fillvalue=_rank(0)):
        if one != two:
            return Comparison.OLDER if one < two else Comparison.NEWER
    return Comparison.EQUAL


def _rank(part: Part) -> tuple[bool, int, str]:
    return (True, part, "") if isinstance(part, int) else (False, 0, part)
