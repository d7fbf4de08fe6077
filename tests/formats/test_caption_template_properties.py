"""Captions by a template, whatever the template and the records are."""

import re
from contextlib import suppress

from hypothesis import assume, given
from hypothesis import strategies as st

from llm_glam.errors import BadTemplate
from llm_glam.formats import caption_template

from ..properties import ANYTHING, made_of

COLUMNS = ["title", "material", "period", "{odd}", "é:x!r", ""]
SIGNS = (*" .,;:!?-–|/()[]{}“”«»\"'\0\n", "{{", "}}", "ca. ", "...")
TEMPLATES = ANYTHING | made_of(*SIGNS, "{title}", "{material}", "{period}", "by", "A")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANYTHING,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(TEMPLATES, st.dictionaries(st.sampled_from(COLUMNS), JSON))
def test_any_template_gives_captions_of_any_record_or_is_refused(template, record):
    with suppress(BadTemplate):
        found = caption_template.parse(template, COLUMNS).caption(record)
        assert found == found.strip()


@given(TEMPLATES, st.sampled_from([None, "", " ", "–", [], ["-"], float("nan"), {}]))
def test_nothing_is_said_of_a_record_without_values(template, nothing):
    with suppress(BadTemplate):
        filled = caption_template.parse(template, COLUMNS)
        assert filled.caption(dict.fromkeys(COLUMNS, nothing)) == ""


# Templates as people write them, and what must not be left of them.
CLAUSES = [*("{}", "by {}", "ca. {}", "{} cm high", "{}: {}", "{}/{}", "a photograph")]
CLAUSES += ["({})", "[{}, {}]", "({} [{}])", "{} ({}; {})", "“{}” {}", "«{}. {}»"]
MARKS = [". ", ", ", "; ", ": ", "! ", "? ", " – ", " - ", " | ", " / ", " "]
DEBRIS = [*(" ,", " .", " ;", " !", "  ", ",,", "..", ";;", "!.", ", ,", ". ,", ", .")]
DEBRIS += [*(", ;", "; ,", "- -", "– –", "| |", "()", "[]", "“”", "«»", "( ", " )")]


@st.composite
def filled_in(draw):
    """A template, the fields in it, and those of them that a record has."""
    clauses = draw(st.lists(st.sampled_from(CLAUSES), min_size=1, max_size=4))
    text = clauses[0]
    for clause in clauses[1:]:
        text += draw(st.sampled_from(MARKS)) + clause
    text += draw(st.sampled_from(["", ".", "!"]))
    names = [letter * 3 for letter in "abcdefghijkl"[: text.count("{}")]]
    assume(names)
    has = draw(st.sets(st.sampled_from(names)))
    return text.format(*(f"{{{name}}}" for name in names)), names, has


@given(filled_in())
def test_what_is_empty_leaves_no_debris(made):
    template, names, has = made
    record = {name: name.upper() for name in has}
    found = caption_template.parse(template, names).caption(record)

    assert re.findall("[A-Z]{3}", found) == sorted(record.values())
    assert [debris for debris in DEBRIS if debris in found] == []
    assert found == found.strip(" ,;:-|–")
    for opening, closing in caption_template.BRACKETS.items():
        assert found.count(opening) == found.count(closing)
