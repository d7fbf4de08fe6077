"""Paths of Windows are files in a query, on every system, with a weight or without."""

import pytest

from llm_glam.errors import BadTerm
from llm_glam.search import query_syntax, terms

PATHS = [
    *(r"C:\photos\a.jpg", "c:/x.jpg", r"z:\a b.jpg", r"C:\2:1\a.jpg", r"\photos\a.jpg"),
    *(
        r"\\server\share\a.jpg",
        "//server/share/a.jpg",
        r"\\?\C:\x.jpg",
        r"\\wsl$\a.jpg",
    ),
    *(r".\a.jpg", r"..\a.jpg", r"~\a.jpg"),
]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("before", "weight"), [("", 1), ("2:", 2), (".5:", 0.5), (" ", 1)]
)
def test_a_path_is_a_file_whatever_its_colons(path, before, weight):
    term = terms.parse(before + path)
    assert (term.weight, str(term.path)) == (weight, path)
    assert terms.parse(before + path, subtract=True).weight == -weight


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("before", ["", "2:", "-", "+", "-2:"])
def test_a_path_is_refused_where_files_are(path, before):
    for parse in (query_syntax.parse, lambda text: terms.parse(text, files=False)):
        if parse is query_syntax.parse or before in ("", "2:"):
            with pytest.raises(BadTerm, match="Files cannot be searched for here"):
                parse(before + path)


@pytest.mark.parametrize("words", ["c: red", "C:", "3:1:2", "a: b", "ab:/c", "1:c:d"])
def test_words_with_colons_are_words(words):
    assert terms.parse(words).words


def test_a_missing_file_is_named_as_it_was_typed(embedded):
    message = embedded.fails("glam", "search", "photos", r"2:C:\photos\a.jpg")
    assert message == r"C:\photos\a.jpg cannot be read: No such file or directory."
