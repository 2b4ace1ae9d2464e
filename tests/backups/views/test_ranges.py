"""Range headers: what is honoured, what is passed over, what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backups.views.ranges import NotSatisfiable, Span, span_of


@pytest.mark.parametrize(
    ("wanted", "span"),
    [
        ("bytes=0-", (0, 1000)),
        ("bytes=0-0", (0, 1)),
        ("bytes=5-9", (5, 10)),
        ("bytes=990-5000", (990, 1000)),
        ("bytes=999-", (999, 1000)),
        ("bytes=-1", (999, 1000)),
        ("bytes=-5000", (0, 1000)),
        ("BYTES= 5-9 ", (5, 10)),
    ],
)
def test_one_range_is_honoured(wanted: str, span: tuple[int, int]) -> None:
    assert span_of(wanted, 1000) == Span(*span)


@pytest.mark.parametrize(
    "wanted",
    [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=9-5",
        "bytes=0-1,5-6",
        "rows=0-5",
        "bytes=1-2-3",
        "bytes=²-",
    ],
)
def test_what_is_no_single_range_is_passed_over(wanted: str) -> None:
    assert span_of(wanted, 1000) is None


@pytest.mark.parametrize("wanted", ["bytes=1000-", "bytes=1000-2000", "bytes=-0", f"bytes={10**18}-"])
def test_a_range_behind_the_end_is_refused(wanted: str) -> None:
    with pytest.raises(NotSatisfiable):
        span_of(wanted, 1000)


@given(st.text(alphabet="bytes=0123456789-, ", max_size=30), st.integers(1, 1 << 40))
def test_a_span_never_leaves_the_content(wanted: str, length: int) -> None:
    try:
        span = span_of(wanted, length)
    except NotSatisfiable:
        return
    assert span is None or 0 <= span.start < span.stop <= length
