"""CSV for CollectionBuilder and Palladio."""

import csv

import pytest

from ..sheets import save
from .conftest import execute

BASE = ("--base-url", "https://museum.example/pictures")
# The headings of real ones, in CollectionBuilder's template and its sample data.
HEADINGS = {
    *("objectid", "filename", "title", "creator", "date", "description", "subject"),
    *("location", "latitude", "longitude", "source", "identifier", "type", "format"),
    *(
        "language",
        "rights",
        "rightsstatement",
        "image_thumb",
        "image_small",
        "parentid",
    ),
    *("object_location", "image_alt_text", "display_template"),
}


@pytest.fixture
def placed(joined):
    """Pictures that have a place, a maker and rights."""
    for column in ("Lat", "Long", "Artist", "Case No"):
        execute(joined, f'alter table photos add column "{column}" text')
    execute(
        joined,
        """
        update photos set Lat = '35.0116123', Long = '-135.7681', Artist = '=Hokusai',
            "Case No" = 'D 1', rights = 'CC0', caption = 'An apple'
        """,
    )
    return joined


def exported(llm, format_, *options):
    llm(
        "glam",
        "export",
        "photos",
        "out.csv",
        "--format",
        format_,
        "--replace",
        *options,
    )
    with open("out.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert not next(iter(rows[0])).startswith(
        "\ufeff"
    )  # Ruby would take it for a letter
    return rows


def test_collectionbuilder_has_its_own_fields(placed):
    rows = exported(placed, "collectionbuilder")
    assert rows[0].keys() >= HEADINGS
    assert {k: v for k, v in rows[0].items() if v} == {
        "objectid": "1887_1",
        "filename": "1887_1.png",
        "title": "Apple",
        "creator": "'=Hokusai",
        "date": "1887",
        "description": "An apple",
        "subject": "fruit; red",
        "latitude": "35.0116123",
        "longitude": "-135.7681",
        "identifier": "1887/1",
        "type": "Image;StillImage",
        "format": "image/png",
        "rights": "CC0",
        "rightsstatement": "https://creativecommons.org/publicdomain/zero/1.0/",
        "display_template": "image",
        "object_location": "/objects/1887_1.png",
        "image_small": "/objects/small/1887_1_sm.jpg",
        "image_thumb": "/objects/thumbs/1887_1_th.jpg",
        "image_alt_text": "An apple",
        "object_name": "Äpfel – rot",
        "case_no": "D 1",
    }


def test_collectionbuilder_shows_published_pictures(placed):
    rows = exported(placed, "collectionbuilder", *BASE)
    for name in ("object_location", "image_small", "image_thumb"):
        assert rows[0][name] == "https://museum.example/pictures/1887_1.png"


def test_collectionbuilder_s_own_fields_come_back(joined, tmp_path):
    """As in its sample data, where the objectid joins the records."""
    sample = {
        "objectid": "coll00{}",
        "filename": "1887_{}.png",
        "title": "Kappa no Yume",
        "creator": "unknown",
        "description": "A kappa dreams",
        "subject": "kappa; gourd",
        "identifier": "Coll 482",
        "type": "Image;StillImage",
        "format": "image/jpeg",
        "rightsstatement": "http://rightsstatements.org/vocab/NoC-US/1.0/",
        "image_thumb": "https://example.com/thumb.jpg",
        "mine": "x",
    }
    rows = [[value.format(n) for value in sample.values()] for n in (1, 2, 3)]
    save(tmp_path / "cb.xlsx", [list(sample), *rows])
    joined("glam", "records", "photos", "--remove", "export.xlsx")
    join = ("glam", "records", "photos", "cb.xlsx", "--yes", "--key", "filename")
    joined(*join, "--split", "subject=;")
    found = exported(joined, "collectionbuilder")
    for number, row in enumerate(found, 1):
        assert {name: row[name] for name in sample} == {
            name: value.format(number) for name, value in sample.items()
        }
    assert found[0]["object_location"] == "/objects/1887_1.png"
    assert not [name for name in found[0] if name.endswith("_source")]


def test_documents_are_compound_objects(placed):
    execute(
        placed, "update photos set document = 'Box/1', sequence = 4 - substr(id, 6, 1)"
    )
    execute(placed, "update photos set document = 'Alone' where id = '1887_2.png'")
    rows = exported(placed, "collectionbuilder")
    shown = [
        (row["objectid"], row["parentid"], row["display_template"]) for row in rows
    ]
    assert shown == [
        ("1887_2", "", "image"),
        ("box_1", "", "multiple"),
        ("1887_3", "box_1", "image"),
        ("1887_1", "box_1", "image"),
    ]
    assert rows[1]["title"] == "Box/1"
    assert rows[1]["image_thumb"] == "/objects/thumbs/1887_3_th.jpg"


def test_object_ids_are_unique(placed):
    execute(placed, "update photos set id = 'Ä b.png' where id = '1887_1.png'")
    execute(placed, "update embeddings set id = 'Ä b.png' where id = '1887_1.png'")
    execute(placed, "update photos set id = 'ö/B.jpg' where id = '1887_2.png'")
    execute(placed, "update embeddings set id = 'ö/B.jpg' where id = '1887_2.png'")
    execute(placed, "update photos set id = '世' where id = '1887_3.png'")
    execute(placed, "update embeddings set id = '世' where id = '1887_3.png'")
    ids = [row["objectid"] for row in exported(placed, "collectionbuilder")]
    assert ids == ["b", "b-2", "item"]


def test_palladio_has_coordinates_in_one_column(placed):
    execute(placed, "update photos set Lat = 'north' where id = '1887_2.png'")
    rows = exported(placed, "palladio", *BASE)
    assert list(rows[0])[:3] == ["Accession No.", "Object name", "Subjects"]
    assert [row["Coordinates"] for row in rows] == [
        "35.0116123,-135.7681",
        "",
        "35.0116123,-135.7681",
    ]
    assert rows[0]["Subjects"] == "fruit|red"
    assert rows[0]["Image"] == "https://museum.example/pictures/1887_1.png"
    assert rows[2]["Object name"] == 'a "b", c; d'
    assert exported(placed, "palladio")[0]["Image"] == ""


@pytest.mark.parametrize("format_", ["collectionbuilder", "palladio"])
def test_private_columns_stay_out(placed, tmp_path, format_):
    execute(
        placed,
        """
        update glam_columns set private = 1
        where "column" in ('title', 'Accession No.', 'Object name')
        """,
    )
    exported(placed, format_)
    written = (tmp_path / "out.csv").read_text("utf-8")
    assert "Apple" not in written
    assert "1887/1" not in written
    assert "pfel" not in written
