"""Text that spreadsheets would execute."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_glam.formats.formulas import escape, unescape


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "=cmd|' /C calc'!A0",
        "+49 30 1",
        "-x",
        "-",
        "@SUM(1)",
        "\t=1",
        "\r=1",
        "\nx",
        "  =1+1",
        "＝1+1",
        "'=1",
        "-6500+1",
    ],
)
def test_what_looks_like_a_formula_is_escaped(text):
    assert escape(text) == "'" + text
    assert unescape(escape(text)) == text


@pytest.mark.parametrize(
    "text", ["", "x=1", "-6500", "+3.5", "-1,234.5", "1e-5", "'tis", "'", "a\t=b"]
)
def test_everything_else_stays(text):
    assert escape(text) == text == unescape(text)


@given(st.text(alphabet="'=+-@\t\r\n 1.a＝", max_size=6))
def test_every_text_comes_back(text):
    assert unescape(escape(text)) == text
