"""What an export leaves out unless it is asked for, and which pictures it has."""

import re
import zipfile
from base64 import b64decode

import pytest
from PIL import Image

from llm_glam.exporters import ExportOptions, export
from llm_glam.formats import tables

from ..images.metadata import exif
from .conftest import FILES, execute

EVERY = ["out.csv", "out.tsv", "out.jsonl", "out.xlsx"]


def rows(path):
    return list(tables.read(path))


def hide(llm, column, source="export.xlsx"):
    execute(
        llm,
        f"""
        update glam_columns set private = 1 where "column" = '{column}' and source = '{source}'
        """,
    )


@pytest.mark.parametrize("name", EVERY)
def test_private_columns_stay_out(joined, tmp_path, name):
    hide(joined, "Object name")
    shown = joined("glam", "export", "photos", name)
    assert "Left out 1 private column: Object name. Add --private" in shown.stderr
    assert "Object name" not in rows(tmp_path / name)[0]
    assert "Äpfel".encode() not in (tmp_path / name).read_bytes()


def test_no_picture_that_leaves_has_what_is_embedded_in_its_file(joined, tmp_path):
    """In spreadsheets to fill in, pages that compare, and thumbnails in place of files."""
    options = {"comment": b"Grindylow", "exif": exif({0x010E: "Grindylow"})}
    im = Image.new("RGB", (40, 30), "blue")
    im.save(tmp_path / "photos" / "secret.jpg", **options)
    joined("glam", "embed", "photos", "photos", "--no-embedded")
    joined("glam", "reembed", "photos", "others", "-m", "glam-clip")
    joined("glam", "records", "photos", "--template", "fill.xlsx")
    joined("glam", "compare", "photos", "others", "-c", "red", "--html", "page.html")
    (tmp_path / "photos" / "secret.jpg").unlink()
    joined(*"glam export photos out --format imagefolder --thumbnails".split())
    with zipfile.ZipFile(tmp_path / "fill.xlsx") as book:
        pictures = [book.read(n) for n in book.namelist() if "media" in n]
    urls = re.findall("base64,([^\"']+)", (tmp_path / "page.html").read_text("utf-8"))
    pictures += [b64decode(url) for url in urls]
    pictures += [p.read_bytes() for p in (tmp_path / "out").iterdir()]
    assert len(pictures) >= 12
    assert not [content for content in pictures if b"Grindylow" in content]


def test_all_columns_are_not_the_private_ones(joined, tmp_path):
    hide(joined, "Object name")
    joined("glam", "export", "photos", "out.csv", "--all-columns")
    assert "Object name" not in rows(tmp_path / "out.csv")[0]


def test_a_private_column_is_exported_when_it_is_named(joined, tmp_path):
    hide(joined, "Object name")
    hide(joined, "title")
    shown = joined("glam", "export", "photos", "out.csv", "--private", "Object name")
    assert "Left out 1 private column: Title." in shown.stderr
    assert "Object name" in rows(tmp_path / "out.csv")[0]
    again = ("--replace", "--private", "Title", "--private", "Object name")
    assert "Left" not in joined("glam", "export", "photos", "out.csv", *again).stderr


def test_a_column_that_any_source_calls_private_is_private(joined, tmp_path):
    execute(
        joined,
        """
        insert into glam_columns (items_table, "column", source, position, heading, private)
        values ('photos', 'Year', 'another.xlsx', 0, 'Jahr', 1)
        """,
    )
    shown = joined("glam", "export", "photos", "out.csv")
    assert "Left out 1 private column: Year." in shown.stderr
    assert "Year" not in rows(tmp_path / "out.csv")[0]


def test_documents_named_after_a_private_number_stay_out(joined, tmp_path):
    hide(joined, "Accession No.")
    execute(joined, "update photos set document = 'A-1'")
    execute(
        joined,
        """
        insert into glam_columns (items_table, "column", source, position, heading)
        values ('photos', 'document', 'export.xlsx', 99, null)
        """,
    )
    shown = joined("glam", "export", "photos", "out.csv")
    assert "2 private columns: Accession No., document" in shown.stderr
    assert b"A-1" not in (tmp_path / "out.csv").read_bytes()


def test_an_unknown_private_column_is_said(joined):
    hide(joined, "Object name")
    message = joined.fails("glam", "export", "photos", "out.csv", "--private", "Store")
    assert message == (
        "There is no column 'Store' in photos. The private columns are: Object name."
    )


@pytest.mark.parametrize("value", ["1", "'yes'"])
def test_sensitive_pictures_stay_out(joined, tmp_path, value):
    execute(joined, f"update photos set sensitive = {value} where id = '1887_2.png'")
    shown = joined("glam", "export", "photos", "out.csv")
    assert "Wrote 2 pictures" in shown.stderr
    assert "Left out 1 sensitive picture. Add --sensitive" in shown.stderr
    assert "sensitive" not in rows(tmp_path / "out.csv")[0]
    shown = joined("glam", "export", "photos", "all.csv", "--sensitive")
    assert "Left out" not in shown.stderr
    assert [row["sensitive"] for row in rows(tmp_path / "all.csv")][1] == value.strip(
        "'"
    )


def test_nothing_but_sensitive_pictures(joined, tmp_path):
    execute(joined, "update photos set sensitive = 1")
    message = joined.fails("glam", "export", "photos", "out.csv")
    assert message == (
        "Nothing was written: what matches, 3 pictures, is marked as sensitive. Add --sensitive to "
        "export it."
    )
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (("--filter", "Year__gte=1888"), ["1887_2.png"]),
        (("--except", "Year__gte=1888"), ["1887_1.png", "1887_3.png"]),
        (("--where", "Year = 1887 -- ours"), ["1887_1.png"]),
        (("--words", "rot"), ["1887_1.png"]),
        (("--filter", "Year__notnull", "--where", "Year > 1887"), ["1887_2.png"]),
    ],
)
def test_conditions_are_those_of_a_search(joined, tmp_path, options, found):
    joined("glam", "export", "photos", "out.csv", *options)
    assert [row["id"] for row in rows(tmp_path / "out.csv")] == found


def test_no_picture_matches(joined, tmp_path):
    message = joined.fails("glam", "export", "photos", "out.csv", "--filter", "Year=1")
    assert message.startswith("No picture in the collection 'photos' matches")
    assert "There is no column 'x'" in joined.fails(
        "glam", "export", "photos", "out.csv", "--filter", "x=1"
    )


def test_sensitive_ones_that_do_not_match_are_not_counted(joined):
    execute(joined, "update photos set sensitive = 1 where id = '1887_2.png'")
    options = ExportOptions(sensitive=False)
    assert export(joined.database, "photos", "a.csv", options=options).sensitive == 1
    shown = joined("glam", "export", "photos", "b.csv", "--filter", "Year=1887")
    assert "Left out" not in shown.stderr


def test_pictures_of_other_collections_stay_out(joined, tmp_path):
    execute(joined, "delete from embeddings where id = '1887_3.png'")
    joined("glam", "export", "photos", "out.csv")
    assert len(rows(tmp_path / "out.csv")) == 2


def test_columns_that_nobody_has_decided_about(joined, tmp_path):
    """Their names suggest what museums seldom publish."""
    for column in ("Insurance value", "Lagerort"):
        execute(joined, f'alter table photos add column "{column}" text')
        execute(joined, f"update photos set \"{column}\" = 'secret'")
    shown = joined("glam", "export", "photos", "out.csv")
    assert "secret" not in (tmp_path / "out.csv").read_text()
    assert (
        "Left out 2 columns that may not be for everybody: Insurance value, Lagerort. Decide with "
        "llm glam mark photos --private COLUMN or --public COLUMN." in shown.stderr
    )
    joined(
        "glam", "mark", "photos", "--public", "Lagerort", "--private", "insurance value"
    )
    shown = joined("glam", "export", "photos", "out.csv", "--replace")
    assert (tmp_path / "out.csv").read_text().count("secret") == len(FILES)
    assert "Left out 1 private column: Insurance value." in shown.stderr
    assert "may not be for everybody" not in shown.stderr
