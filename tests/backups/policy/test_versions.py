"""Which package is older: the table, and that it is an order."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backups.policy.versions import Comparison, compare, parse_version
from tests.backups.policy.histories import IS_THOROUGH

OLDER, NEWER, EQUAL = Comparison.OLDER, Comparison.NEWER, Comparison.EQUAL
UNKNOWN, NO_PACKAGE = Comparison.UNKNOWN, Comparison.NO_PACKAGE


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("1.4.2.118", (1, 4, 2, 118)),
        ("7.23.3", (7, 23, 3)),
        ("007.08", (7, 8)),
        (" 1.4 ", (1, 4)),
        ("1..2", (1, 0, 2)),
        ("1.", (1, 0)),
        ("7.0-Beta2", (7, 0, "-beta", 2)),
        ("v2", ("v", 2)),
        ("main", ("main",)),
        ("٣.1", ("٣", 1)),
        ("", ()),
        ("  ", ()),
    ],
)
def test_a_version_is_read_part_by_part(text: str, parts: tuple[int | str, ...]) -> None:
    assert parse_version(text) == parts


@pytest.mark.parametrize(
    ("backup", "target", "answer"),
    [
        # Modeler versions decide first
        (("7.22.0", "9.9.9.9"), ("7.23.3", "1.0.0.1"), OLDER),
        (("7.23.3", "1.0.0.1"), ("7.22.0", "9.9.9.9"), NEWER),
        (("7.9.0", "1.0"), ("7.10.0", "1.0"), OLDER),
        (("10.0", "1.0"), ("9.24.2", "1.0"), NEWER),
        # then model versions
        (("7.23.3", "1.4.2.9"), ("7.23.3", "1.4.2.118"), OLDER),
        (("7.23.3", "1.10.0.1"), ("7.23.3", "1.9.9.999"), NEWER),
        (("7.23.3", "1.4.2.118"), ("7.23.3", "1.4.2.118"), EQUAL),
        # Missing parts are 0
        (("7.23", "1.4"), ("7.23.0", "1.4.0.0"), EQUAL),
        (("7.23", "1.4"), ("7.23.0", "1.4.0.1"), OLDER),
        (("7.23.1", "1.4"), ("7.23", "1.4"), NEWER),
        # Words are below numbers, and compare by their letters and numbers
        (("7.0-beta", "1"), ("7.0", "1"), OLDER),
        (("7.0", "1"), ("7.0.beta", "1"), NEWER),
        (("7.0-rc10", "1"), ("7.0-rc9", "1"), NEWER),
        (("7.0-BETA", "1"), ("7.0-beta", "1"), EQUAL),
        (("7.0-alpha", "1"), ("7.0-beta", "1"), OLDER),
        # Without modeler versions the model decides
        (("", "1.3.9"), ("", "1.4.2"), OLDER),
        (("", "1.4.2"), ("", "1.4.2"), EQUAL),
        (("", "1.3.9"), ("7.23.3", "1.4.2"), OLDER),
        (("7.23.3", "1.5"), ("", "1.4.2"), NEWER),
        # What only one side knows decides nothing
        (("", "1.4.2"), ("7.23.3", "1.4.2"), UNKNOWN),
        (("7.23.3", "1.4.2"), ("7.23.3", ""), UNKNOWN),
        (("7.22.0", "1.4.2"), ("7.23.3", ""), OLDER),
        (("", ""), ("7.23.3", "1.4.2"), UNKNOWN),
        # An Empty target
        (("7.23.3", "1.4.2"), ("", ""), NO_PACKAGE),
        (("", ""), ("", " "), NO_PACKAGE),
    ],
)
def test_a_backups_package_is_compared_with_the_targets(
    backup: tuple[str, str], target: tuple[str, str], answer: Comparison
) -> None:
    assert compare(backup, target) is answer


numbers = st.lists(st.integers(0, 30), min_size=1, max_size=5)
texts = st.text("01 2.9ab-", min_size=1, max_size=8).filter(str.strip)
MANY = settings(max_examples=20_000 if IS_THOROUGH else 500, deadline=None, derandomize=True, database=None)


def dotted(parts: list[int]) -> str:
    return ".".join(map(str, parts))


@MANY
@given(modelers=st.tuples(numbers, numbers), models=st.tuples(numbers, numbers))
def test_numeric_versions_compare_like_padded_lists_of_numbers(
    modelers: tuple[list[int], list[int]], models: tuple[list[int], list[int]]
) -> None:
    own, other = [
        [*modeler, *[0] * (5 - len(modeler)), *model, *[0] * (5 - len(model))]
        for modeler, model in zip(modelers, models, strict=True)
    ]
    answer = compare((dotted(modelers[0]), dotted(models[0])), (dotted(modelers[1]), dotted(models[1])))
    assert answer is (OLDER if own < other else NEWER if own > other else EQUAL)


@MANY
@given(one=texts, two=texts, three=texts)
def test_any_texts_are_in_one_order(one: str, two: str, three: str) -> None:
    def order(left: str, right: str) -> Comparison:
        return compare(("7", left), ("7", right))

    mirrored = {OLDER: NEWER, NEWER: OLDER, EQUAL: EQUAL}
    assert order(one, one) is EQUAL
    assert order(two, one) is mirrored[order(one, two)]
    if order(one, two) is order(two, three):
        assert order(one, three) is order(one, two)
