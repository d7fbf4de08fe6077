"""A query in one line, whatever is typed: read as terms or refused, and written as it is read."""

from contextlib import suppress

from hypothesis import assume, given
from hypothesis import strategies as st

from llm_glam.errors import BadTerm
from llm_glam.search import query_syntax
from llm_glam.search.terms import MAX_TERMS, MAX_WEIGHT, Term

from ..properties import ANYTHING, made_of

SIGNS = (" ", "\t", '"', "\\", "+", "-", ":", ".", "id:", "2:", ".5:", "/", "~/", "://")
LINES = ANYTHING | made_of(*SIGNS, "a", "é", "0", "١", "\n", "\x1f", "\\ud800")
BODIES = made_of(*SIGNS, "a", "é", "0", "١", "\n").filter(str.strip)
MILLIONTHS = MAX_WEIGHT * 10**6  # a line has six decimals of a weight
WEIGHTS = st.sampled_from([1, 1, -1]) | st.integers(-MILLIONTHS, MILLIONTHS).map(
    lambda number: number / 10**6
)
TERMS = st.builds(Term, WEIGHTS, words=BODIES) | st.builds(Term, WEIGHTS, id=BODIES)


def parts(terms):
    """What terms say, whatever their order; weights as precise as a line has them."""
    return sorted((round(t.weight, 6), t.words or "", t.id or "") for t in terms)


@given(LINES)
def test_any_line_is_read_or_refused(line):
    with suppress(BadTerm):
        query_syntax.parse(line)


@given(st.lists(TERMS, max_size=MAX_TERMS))
def test_what_is_written_is_read_as_the_same(terms):
    assert parts(query_syntax.parse(query_syntax.write(terms))) == parts(terms)


@given(LINES)
def test_what_was_read_is_written_as_the_same(line):
    try:
        terms = query_syntax.parse(line)
    except BadTerm:
        assume(False)
    written = query_syntax.write(terms)
    again = query_syntax.parse(written)
    assert parts(again) == parts(terms)
    assert query_syntax.write(again) == written
