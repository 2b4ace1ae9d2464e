"""Kinds: registered from above, asked by name."""

import pytest

from environments.lifecycle.kinds import ANY_TITLE, is_known, kind_of, nothing_left, title_of
from tests.factories import OperationFactory


def test_what_an_app_brings_is_known() -> None:
    assert is_known("quick")
    assert kind_of("quick").title == title_of("quick") == "The quick work"


def test_what_nobody_brings_has_still_a_title() -> None:
    assert not is_known("forgotten")
    assert title_of("forgotten") == ANY_TITLE
    with pytest.raises(KeyError):
        kind_of("forgotten")


def test_a_kind_that_leaves_nothing_needs_no_sweeping() -> None:
    nothing_left(OperationFactory.build(), 1)
