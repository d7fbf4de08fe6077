"""Bars of histograms: where each record is."""

from hypothesis import given
from hypothesis import strategies as st

from datasette_glam.pages.gallery import ranges

NUMBERS = st.integers(-3000, 3000) | st.floats(-1e6, 1e6)
SPANS = st.lists(st.tuples(NUMBERS, NUMBERS, st.integers(1, 9)), min_size=1)


@given(SPANS)
def test_bars_count_every_record_that_overlaps(pairs):
    numbers = [(min(a, b), max(a, b), count) for a, b, count in pairs]
    bins = ranges.bins_of(numbers)
    if bins is None:
        assert len({n for low, high, _ in numbers for n in (low, high)}) == 1
        return
    assert 1 <= bins.number <= ranges.BARS + 2
    expected = [
        sum(
            count
            for low, high, count in numbers
            if bins.place(low) <= n <= bins.place(high)
        )
        for n in range(bins.number)
    ]
    assert bins.counts(numbers) == expected
