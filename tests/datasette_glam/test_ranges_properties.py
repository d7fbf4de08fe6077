"""Bars of histograms: where each record is."""

from hypothesis import example, given
from hypothesis import strategies as st

from datasette_glam.pages.gallery import ranges

NUMBERS = st.integers(-3000, 3000) | st.floats(-1e6, 1e6) | st.floats(-1e300, 1e300)
SPANS = st.lists(st.tuples(NUMBERS, NUMBERS, st.integers(1, 9)), min_size=1)


@given(SPANS)
@example([(0, 5e-324, 1)])
@example([(-1e300, 1e300, 1)])
def test_bars_count_every_record_that_overlaps(pairs):
    numbers = [(min(a, b), max(a, b), count) for a, b, count in pairs]
    bins = ranges.bins_of(numbers)
    if bins is None:
        ends = [n for low, high, _ in numbers for n in (low, high)]
        assert max(ends) - min(ends) < 1e-290
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
