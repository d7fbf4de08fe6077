"""A query in one line: what is understood, and what cannot be asked."""

import json
import sqlite3

import pytest

from llm_glam.errors import BadTerm
from llm_glam.search import query_syntax
from llm_glam.search.terms import Term


def understood(line):
    return [(term.weight, term.words, term.id) for term in query_syntax.parse(line)]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", []),
        ("a bronze brooch", [(1, "a bronze brooch", None)]),
        ("head -broken", [(1, "head", None), (-1, "broken", None)]),
        ("a +red b", [(1, "a b", None), (1, "red", None)]),
        ('"a phrase" more', [(1, "a phrase", None), (1, "more", None)]),
        ('-"in a museum"', [(-1, "in a museum", None)]),
        ("2:golden retriever", [(2, "golden retriever", None)]),
        ("cat .5:dog house -2:old", [(1, "cat", None), (0.5, "dog house", None)]
         + [(-2, "old", None)]),
        ("2:golden -puppy in snow", [(2, "golden", None), (-1, "puppy", None)]
         + [(1, "in snow", None)]),
        ("id:a.jpg red", [(1, None, "a.jpg"), (1, "red", None)]),
        ('-2:id:"sub folder/é.png"', [(-2, None, "sub folder/é.png")]),
        ("figurine - fragment", [(1, "figurine - fragment", None)]),
        ("x-ray --odd 6\" +", [(1, "x-ray --odd 6\" +", None)]),
        ('"never closed', [(1, '"never closed', None)]),
        ('"C:\\\\Windows"', [(1, "C:\\Windows", None)]),
        ('"/etc/passwd"', [(1, "/etc/passwd", None)]),
        ("id: 2: + -", [(1, "id: 2: + -", None)]),
    ],
)  # fmt: skip
def test_what_is_understood(line, expected):
    assert understood(line) == expected


def test_only_words_count_as_words():
    ids = [f"{number:02}{'é' * 198}" for number in range(20)]
    line = query_syntax.write([Term(1, id=one) for one in ids])
    assert [term.id for term in query_syntax.parse(line)] == ids


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("/etc/passwd", "Files cannot be searched"),
        ("red -./mine.jpg", "Files cannot be searched"),
        ("+http://127.0.0.1/", "Addresses cannot be searched"),
        ('""', "cannot be searched for"),
        ("2000:red", "at most 1,000"),
        (f"{'9' * 400}:red", "at most 1,000"),
        ("word " * 10_000, "at most 2,000 are allowed"),
        (
            " ".join(f'+"{"word " * 30}"' for _ in range(14)),
            "at most 2,000 are allowed",
        ),
        (
            "id:" + "x" * 100_000,
            "The query has 100,003 characters; at most 100,000 are allowed.",
        ),
        ("+a " * 21, "21 terms; at most 20 are allowed"),
    ],
)
def test_what_cannot_be_asked(line, part):
    with pytest.raises(BadTerm, match=part):
        query_syntax.parse(line)


def test_sqlites_json_quote_writes_any_id():
    for item_id in ("a b.jpg", 'quo"te', "back\\slash", "new\nline", "é/ü.png"):
        quoted = sqlite3.connect(":memory:").execute(
            "select 'id:' || json_quote(?)", [item_id]
        )
        assert understood(quoted.fetchone()[0]) == [(1, None, item_id)]
        assert understood("id:" + json.dumps(item_id)) == [(1, None, item_id)]
