"""Columns that others may not see, and what SQL can read then."""

import sqlite3

import pytest
from sqlite_utils import Database

from llm_glam.db import items
from llm_glam.db.privacy import authorizer
from llm_glam.db.privacy.suggestive_names import suggests_private

COLUMNS = {
    **dict.fromkeys(("items_table", "column", "source", "heading"), str),
    **dict.fromkeys(("private", "identifier"), int),
}


@pytest.mark.parametrize(
    "name",
    [
        *("Location", "current_location", "Store No.", "storeRoom", "Insurance value"),
        *("INSURED FOR", "Donor", "Lender's address", "E-mail", "purchase-price"),
        *("Standort", "Versicherungswert", "Lagerort (Depot)", "Eigentümer", "Leihgeber"),
        *("Emplacement", "Valeur d'assurance", "Réserve", "Ubicación", "Dirección"),
        *("Assicurazione", "Ubicazione", "Verzekeringswaarde", "Bewaarplaats", "Endereço"),
        *("Właściciel", "Półka", "Ägare", "Förvärvad, värde", "Umístění", "Værdi"),
    ],
)  # fmt: skip
def test_names_that_suggest_what_is_seldom_published(name):
    assert suggests_private(name)


@pytest.mark.parametrize(
    "name",
    [
        *("title", "Artist", "Accession No.", "place", "find_spot", "Material", "year"),
        *("image_url", "Restored by", "valued", "storey", "Technik", "Verwertung", ""),
        *("Herstellungsort", "Fundort", "Lieu", "País", "Luogo", "latitude", "1887"),
    ],
)
def test_other_names(name):
    assert not suggests_private(name)


@pytest.fixture
def marked(embedded):
    """The set photos with a private column and one that nobody has decided about."""
    db = sqlite3.connect(embedded.database)
    for name in ("Shelf", "Note"):
        db.execute(f"alter table photos add column {name} text")
        db.execute(f"update photos set {name} = 'secret'")
    db.execute("create view v as select Note as harmless from photos")
    db.commit()
    db.close()
    embedded("glam", "mark", "photos", "--private", "note")
    return embedded


def restrict(db, **options):
    """Hide from now on what is hidden now."""
    found = authorizer.hidden(db, ["photos"], **options)
    db.conn.set_authorizer(authorizer.Authorizer(lambda schema: found))


def restricted(llm, **options):
    db = Database(sqlite3.connect(llm.database))
    restrict(db, **options)
    return db


@pytest.mark.parametrize(
    "sql",
    [
        "select * from photos",
        "select Note from photos",
        'select p."note" as x from photos p',
        "select max(NOTE) from main.photos",
        "select harmless from v",
        "select json_object('x', note) from photos",
        "select id from photos where note like 'secret%' and id != 'secret'",
        "with x(y) as (select note from photos) select y from x",
        "select (select note from photos limit 1)",
        "select id || 'secret' from photos order by note = 'secret' limit 0",
        "select id from photos natural join (select id, note from photos) where note > ''",
        "select group_concat(note) over () from photos",
    ],
)
def test_hidden_columns_are_null(marked, sql):
    rows = restricted(marked, hold_back=True).execute(sql).fetchall()
    assert "secret" not in str(rows)


@pytest.mark.parametrize("name", ["photos_ai", "PHOTOS_AU", '"photos_ad"'])
def test_nobody_is_a_trigger_by_name(marked, name):
    """SQLite tells an authorizer names only: of a trigger, or of what a query calls so."""
    sql = f"with {name} as (select note from photos) select * from {name}"
    try:
        rows = restricted(marked).execute(sql).fetchall()
    except sqlite3.DatabaseError:
        rows = []
    assert "secret" not in str(rows)


@pytest.mark.parametrize(
    "sql", ["insert into photos (id, Shelf) values ('x', 'y')", "delete from photos"]
)
def test_rows_whose_hidden_words_are_searched_are_not_written(marked, sql):
    """Or the index would have other words than the table."""
    db = restricted(marked, hold_back=True)
    with pytest.raises(sqlite3.DatabaseError):
        db.execute(sql)
    db.conn.rollback()
    db.conn.set_authorizer(None)
    db.execute("insert into photos_fts (photos_fts) values ('integrity-check')")


@pytest.mark.parametrize("kind", ["virtual", "stored"])
def test_columns_computed_from_others_are_hidden_with_them(tmp_path, kind):
    db = Database(tmp_path / "photos.db")
    items.create(db, "photos")
    db.execute("drop table photos_fts")
    sql = db.table("photos").schema.rstrip(") \n")
    sql += f", note text, seen as (upper(note)) {kind})"
    db.execute("drop table photos")
    db.execute(sql)
    db.execute("insert into photos (id, note) values ('x', 'secret')")
    db.create_table("glam_columns", COLUMNS)
    row = {"items_table": "photos", "column": "note", "private": 0}
    for private, seen in ((0, "SECRET"), (1, None)):
        db.conn.set_authorizer(None)
        db.table("glam_columns").insert({**row, "private": private})
        restrict(db)
        assert db.execute("select seen from photos").fetchone() == (seen,)


def test_columns_nobody_has_decided_about_are_held_back_only_if_asked(marked):
    assert restricted(marked).execute("select Shelf from photos").fetchone() == (
        "secret",
    )
    db = restricted(marked, hold_back=True)
    assert db.execute("select Shelf from photos").fetchone() == (None,)
    marked("glam", "mark", "photos", "--public", "Shelf")
    db = restricted(marked, hold_back=True)
    assert db.execute("select Shelf, Note from photos").fetchone() == ("secret", None)


@pytest.mark.parametrize(
    "table", ["glam_sources", "GLAM_KEPT_RECORDS", "glam_runs", "glam_folders"]
)
def test_what_has_records_as_they_came_and_paths_is_closed(marked, table):
    for sql in (f"select * from {table}", f"select count(*) from main.{table}"):
        with pytest.raises(sqlite3.DatabaseError, match="prohibited|not authorized"):
            restricted(marked).execute(sql)


def test_words_of_hidden_columns_are_not_searched(marked):
    sql = "select rowid from photos_fts where photos_fts match 'secret'"
    assert restricted(marked).execute(sql).fetchall()  # they are in Shelf
    for closed in (
        sql,
        "select * from photos_fts_data",
        "select id from photos_fts_docsize",
    ):
        with pytest.raises(sqlite3.DatabaseError, match="prohibited|not authorized"):
            restricted(marked, hold_back=True).execute(closed)
    described = restricted(marked, hold_back=True).execute(
        "pragma table_info(photos_fts)"
    )
    assert len(described.fetchall()) > 3  # as Datasette asks
    marked("glam", "mark", "photos", "--private", "Shelf")
    assert restricted(marked, hold_back=True).execute(sql).fetchall() == []


@pytest.mark.parametrize(
    ("made", "index"),
    [
        ("drop trigger photos_au", "photos_fts"),
        ('create virtual table words using fts5(shelf, content="photos")', "words"),
        ("create virtual table words using fts4(id, Shelf, content='Photos')", "words"),
        (
            "CREATE VIRTUAL TABLE words USING FTS5 (Shelf,\n content = [photos])",
            "words",
        ),
    ],
)
def test_words_are_not_searched_in_whichever_index(marked, made, index):
    """Without its triggers an index is not used by us, but still there."""
    db = sqlite3.connect(marked.database)
    db.execute(made)
    db.execute(f"insert into {index} ({index}) values ('rebuild')")
    db.commit()
    db.close()
    sql = f"select count(*) from {index} where {index} match 'secret'"
    assert restricted(marked).execute(sql).fetchone() == (3,)
    with pytest.raises(sqlite3.DatabaseError, match="prohibited|not authorized"):
        restricted(marked, hold_back=True).execute(sql)


def test_full_text_search_follows_changes_under_an_authorizer(marked):
    """Its triggers read what they index; null instead would damage the index."""
    db = restricted(marked, hold_back=False)
    db.execute("update photos set title = 'amphora'")
    db.conn.commit()
    db = restricted(marked)
    found = "select count(*) from photos_fts where photos_fts match 'amphora'"
    assert db.execute(found).fetchone() == (3,)
    db.execute("insert into photos_fts (photos_fts) values ('integrity-check')")


def test_statements_prepared_before_a_mark_are_checked_again(marked):
    hidden = {"photos": frozenset()}
    db = sqlite3.connect(marked.database)
    db.set_authorizer(
        authorizer.Authorizer(
            lambda schema: authorizer.Hidden(hidden, frozenset(), frozenset())
        )
    )
    sql = "select material from photos where id = 'red.png'"
    assert db.execute(sql).fetchone() == ("clay",)
    marked("glam", "mark", "photos", "--private", "material")
    hidden["photos"] = frozenset({"material"})
    assert db.execute(sql).fetchone() == (None,)


def test_what_our_own_code_reads_is_not_kept_for_others(marked):
    db = restricted(marked)
    rules = authorizer.Authorizer(
        lambda schema: authorizer.hidden(
            Database(sqlite3.connect(marked.database)), ["photos"]
        )
    )
    sql = "select Note from photos"
    for _ in range(2):  # nor the other way round
        with authorizer.lifted(db.conn, rules):
            assert db.execute(sql).fetchone() == ("secret",)
        assert db.execute(sql).fetchone() == (None,)


@pytest.mark.parametrize(
    "sql",
    [
        "update glam_columns set private = 0",
        "delete from main.glam_columns",
        "insert into GLAM_COLUMNS (items_table, column, source) values ('photos', 'x', '')",
        "drop table glam_columns",
        "alter table glam_columns rename to c",
        "alter table photos rename to open",
        'alter table main."PHOTOS" rename column note to open',
        "alter table photos add column open as (note)",
        "drop table photos",
        "drop table photos_fts",
    ],
)
def test_what_decides_about_private_columns_is_not_written(marked, sql):
    """Datasette 1.0 lets those who may write do so in SQL, and copies tables to change them."""
    db = restricted(marked, hold_back=True)
    with pytest.raises(sqlite3.DatabaseError, match="prohibited|not authorized|denied"):
        db.execute(sql)
