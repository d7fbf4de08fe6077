"""Text as nobody would type it, for tests of what reads text."""

from hypothesis import strategies as st

# Everything that a Python string can hold, halves of characters included.
ANYTHING = st.text(st.characters(exclude_categories=()))
TEXT = st.text()


def made_of(*pieces):
    """Text in which signs that mean something come often."""
    return st.lists(st.sampled_from(pieces) | TEXT, max_size=6).map("".join)
