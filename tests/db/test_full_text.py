"""Full-text search finds the rows that contain the words, whatever happened to the table."""

import pytest

from llm_glam.db import full_text

from ..conftest import register_fake
from ..fakes import Colours, picture
from ..site import PHOTOS, change, get, site

NUMBERS = range(12)
GONE = ("02.png", "03.png", "07.png")
TRIGGERS = full_text.triggers_of("photos")
STALE = (
    "The full-text index of 'photos' does not fit its records any more, because another program "
    "has rewritten the table. Embed the pictures again, which rebuilds it; unchanged ones are not "
    "read again."
)


@pytest.fixture
def records(llm, colours, tmp_path):
    """Pictures whose titles contain their numbers; three of them are gone."""
    folder = tmp_path / "many"
    rows = ["file_name,title"]
    for number in NUMBERS:
        picture(folder / f"{number:02}.png", (number, 0, 9))
        rows.append(f"{number:02}.png,word{number}")
    (folder / "metadata.csv").write_text("\n".join(rows))
    llm("glam", "embed", "photos", "many")
    for name in GONE:
        (folder / name).unlink()
    llm("glam", "embed", "photos", "many", "--prune")
    return llm


def without_triggers(llm, *statements):
    sql = f"select sql from sqlite_master where type = 'trigger' and name in {(*TRIGGERS,)}"
    again = [row["sql"] for row in llm.rows(sql)]
    assert len(again) == 3
    change(llm, *(f"drop trigger {name}" for name in TRIGGERS), *statements, *again)


def load_a_dump(llm):
    """As ``sqlite3 old.db .dump | sqlite3 new.db`` does, which numbers the rows anew."""
    copy = "create table copied as select * from photos order by rowid"
    again = "insert into photos select * from copied"
    without_triggers(llm, copy, "delete from photos", again, "drop table copied")


def replace(llm):
    """As ``sqlite-utils insert --replace`` does, for which SQLite runs no delete trigger."""
    change(llm, "insert or replace into photos (id, title) values ('04.png', 'other')")


def lose_a_trigger(llm):
    change(
        llm,
        "drop trigger photos_au",
        "update photos set title = 'word5' where id = '04.png'",
    )


def lose_the_index(llm):
    change(llm, "drop table photos_fts")


def vacuum(llm):
    """Keeps the numbers of rows of a table with a primary key, though SQLite does not promise it."""
    change(llm, "vacuum")


MISFITS = [load_a_dump, replace, lose_the_index]
REWRITTEN = [*MISFITS, lose_a_trigger]


def words(llm):
    return {
        f"word{number}": [row["id"] for row in llm.json(*SEARCH, f"word{number}")]
        for number in NUMBERS
    }


def expected(llm):
    rows = llm.rows("select id, title from photos order by id")
    return {
        f"word{number}": [r["id"] for r in rows if r["title"] == f"word{number}"]
        for number in NUMBERS
    }


SEARCH = ("glam", "search", "photos", "--words")


def test_after_vacuum(records):
    vacuum(records)
    assert words(records) == expected(records)


@pytest.mark.parametrize("rewrite", MISFITS)
def test_a_rewritten_table_is_noticed(records, rewrite):
    rewrite(records)
    assert records.fails(*SEARCH, "word5") == STALE


@pytest.mark.asyncio
@pytest.mark.parametrize("rewrite", MISFITS)
async def test_a_rewritten_table_is_noticed_on_the_site(records, rewrite):
    rewrite(records)
    response = await get(site(records), f"{PHOTOS}.json?_search=word5")
    assert response.status_code == 400
    assert STALE in response.json()["error"]


@pytest.mark.parametrize("rewrite", REWRITTEN)
def test_embedding_rebuilds_the_index(records, rewrite):
    rewrite(records)
    records("glam", "embed", "photos", "many")
    assert words(records) == expected(records)
    change(
        records,
        "insert into photos_fts (photos_fts, rank) values ('integrity-check', 1)",
    )


@pytest.mark.parametrize("rewrite", REWRITTEN)
def test_reembedding_rebuilds_the_index(records, rewrite, monkeypatch):
    register_fake(records, monkeypatch, "second", Colours("5ec0"))
    rewrite(records)
    records("glam", "reembed", "photos", "new", "-m", "second")
    assert words(records) == expected(records)
