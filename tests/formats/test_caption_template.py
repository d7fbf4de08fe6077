"""Captions of records by a template: what is empty leaves no debris."""

from itertools import product
from pathlib import Path

import pytest

from llm_glam.errors import BadTemplate
from llm_glam.formats import caption_template

COLUMNS = ["title", "material", "period", "place", "year", "artist", "Object Name"]
FULL = "{title}. {material}, {period}, {place}"


def caption(template, **record):
    return caption_template.parse(template, COLUMNS).caption(record)


@pytest.mark.parametrize(
    ("template", "record", "expected"),
    [
        (FULL, "title material period place", "Title. Material, Period, Place"),
        (FULL, "title period place", "Title. Period, Place"),
        (FULL, "title material place", "Title. Material, Place"),
        (FULL, "title material period", "Title. Material, Period"),
        (FULL, "title place", "Title. Place"),
        (FULL, "title", "Title"),
        (FULL, "material place", "Material, Place"),
        (FULL, "place", "Place"),
        (FULL, "", ""),
        ("{title}.", "title", "Title."),
        ("{title}. {material}.", "title", "Title."),
        ("{title}. {material}.", "material", "Material."),
        ("{title}; {material}, {period}", "title period", "Title; Period"),
        ("{title}, {material}; {period}", "title period", "Title; Period"),
        ("{title} ({year}), {place}", "title place", "Title, Place"),
        ("{title} ({year}), {place}", "year place", "(Year), Place"),
        ("{title} ({year}) {place}", "title place", "Title Place"),
        ("{title} by {artist}, {year}", "title year", "Title, Year"),
        ("{title} by {artist}, {year}", "artist", "by Artist"),
        ("{title} by {artist} in {place}", "title place", "Title in Place"),
        ("{title} ({material}, {period})", "title material", "Title (Material)"),
        ("{title} ({material}, {period})", "title period", "Title (Period)"),
        ("{title} ({material}, {period})", "title", "Title"),
        ("{title} ({material}, {period})", "period", "(Period)"),
        ("{title} [{year} ({place}; {artist})]", "title artist", "Title [(Artist)]"),
        ("{title} [{year} ({place}; {artist})].", "title year", "Title [Year]."),
        ("{title} (ca. {year}, Louvre), {place}", "title place", "Title, Place"),
        ("{title} (ca. {year}, Louvre)", "title year", "Title (ca. Year, Louvre)"),
        ("{title} (Louvre), {place}", "place", "Place"),
        ("{title} ({material}, {period}", "title period", "Title, Period"),
        ("{title}: {material}", "title", "Title"),
        ("{title}: {material}", "material", "Material"),
        ("{title}/{material}/{period}", "title period", "Title/Period"),
        ("{title} - {material} - {period}", "title period", "Title - Period"),
        ("{title} – {material}, {period}", "material period", "Material, Period"),
        ("Material: {material}, place: {place}", "place", "place: Place"),
        ("Material: {material}, place: {place}", "material", "Material: Material"),
        ("a photograph of {title}, {material}", "material", "Material"),
        ("Museum photograph. {title}, {place}", "place", "Museum photograph. Place"),
        ("{title}, ca. {year}", "title", "Title"),
        ("{title}, ca. {year}", "year", "ca. Year"),
        ("{title}, {year} cm high, {place}", "title place", "Title, Place"),
        ("{title}, {year} cm high, {place}", "title year", "Title, Year cm high"),
        ("“{title}” {material}", "material", "Material"),
        ("“{title}” {material}", "title", "“Title”"),
        ("bas-relief {title}", "title", "bas-relief Title"),
        ("{{{title}}}, {place}", "title", "{Title}"),
        ("- {title}, {place}", "title", "- Title"),
        ("{object name}, {TITLE}", "title", "Title"),
    ],
)
def test_empty_fields_leave_no_debris(template, record, expected):
    values = {name: name.capitalize() for name in record.split()}

    assert caption(template, **values) == expected


@pytest.mark.parametrize(
    "template",
    [
        FULL,
        "{title}: {material}; {period} ({place}).",
        "{title} - {material} | {period}, ca. {place}",
        "A {title} of {material}, {period}! “{place}” found",
        "{title} ({material}; {period}) [{place}]",
        "({title}, {material}) “{period}, {place}”",
    ],
)
def test_no_combination_leaves_debris(template):
    names = ["title", "material", "period", "place"]
    for given in product([True, False], repeat=4):
        chosen = [n for n, is_given in zip(names, given, strict=True) if is_given]
        found = caption(template, **{n: n.upper() for n in chosen})

        assert [n for n in names if n.upper() in found] == chosen
        for debris in (" ,", " .", ",,", ", ,", ". ,", ", .", "()", "“”", "  ", " ;"):
            assert debris not in found, found
        assert found == found.strip(" ,;:-|–")
        for opening, closing in caption_template.BRACKETS.items():
            assert found.count(opening) == found.count(closing)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"title": "Fragm.", "material": "clay"}, "Fragm. clay"),
        ({"title": "What is it?", "material": "clay"}, "What is it? clay"),
        ({"title": "Brooch,", "material": "bronze"}, "Brooch. bronze"),
        ({"title": "  two\n lines ", "material": "-"}, "two lines"),
        ({"title": ["one", None, "two"], "material": "–"}, "one, two"),
        ({"title": 1909, "material": None}, "1909"),
        ({"title": float("nan"), "material": "clay"}, "clay"),
        ({"title": "café {x}", "material": "a. b, c"}, "café {x}. a. b, c"),
        ({"title": "-5 °C", "material": ""}, "-5 °C"),
        ({"title": "?", "material": " "}, ""),
    ],
)
def test_values_as_people_write_them(record, expected):
    assert caption("{title}. {material}", **record) == expected


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (
            "{titel}",
            "a column 'titel', which does not exist. Did you mean 'title'? The columns are: ",
        ),
        ("{}", "a column ''"),
        ("{title", "cannot be read: expected '}' before end of string"),
        ("title}", "cannot be read: Single '}'"),
        ("{title!r}", "only column names are allowed"),
        ("{year:>5}", "only column names are allowed"),
        ("a find", "does not name a column. Write it like '{title}. {material}'"),
        ("", "does not name a column"),
        ("(" * 21 + "{title}" + ")" * 21, "more than 20 brackets within brackets"),
        ("[" * 1000 + "{title}" + "]" * 1000, "more than 20 brackets within"),
    ],
)
def test_a_template_that_cannot_be_filled_is_one_sentence(template, expected):
    with pytest.raises(BadTemplate) as raised:
        caption_template.parse(template, COLUMNS)
    assert expected in raised.value.message


def test_brackets_within_brackets():
    nested = "[" * 20 + "{title}" + "]" * 20

    assert caption(nested, title="a") == nested.replace("{title}", "a")
    assert caption(nested) == ""


DOCUMENTED = [
    (FULL, "Brooch bronze Roman Ephesus", "Brooch. bronze, Roman, Ephesus"),
    (FULL, "Brooch - Roman Ephesus", "Brooch. Roman, Ephesus"),
    (FULL, "Brooch - - -", "Brooch"),
    (
        "{title} ({material}), by {period}, ca. {place} cm high",
        "Pear - Newton -",
        "Pear, by Newton",
    ),
]


@pytest.mark.parametrize(("template", "values", "expected"), DOCUMENTED)
def test_the_documented_examples(template, values, expected):
    names = ["title", "material", "period", "place"]

    found = caption(template, **dict(zip(names, values.split(), strict=True)))

    assert found == expected
    page = Path(caption_template.__file__).parents[2] / "docs" / "commands.md"
    assert f" | {expected} |\n" in page.read_text("utf-8")


def test_columns_are_named_once():
    found = caption_template.parse("{title}, {year}, {title}", COLUMNS)

    assert found.columns == ["title", "year"]
