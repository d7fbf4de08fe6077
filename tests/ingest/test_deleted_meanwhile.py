"""Another program deletes a collection, or creates it again, while a command writes to it."""

import pytest

from llm_glam.db import collections
from llm_glam.ingest import adopt, embed_batch
from llm_glam.models import registry

from ..conftest import register_fake
from ..fakes import RED, Colours, picture
from ..site import change

DELETE = (
    "delete from embeddings where collection_id = (select id from collections where name = '{}')",
    "delete from collections where name = '{}'",
)
GONE = (
    "The collection '{}' was deleted by another program while this one was writing to it. "
    "Repeat the command to begin it again."
)
ORPHANS = (
    "select * from embeddings where collection_id not in (select id from collections)"
)


@pytest.fixture
def pictures(llm, colours, tmp_path):
    """More than one batch."""
    for number in range(80):
        picture(tmp_path / "many" / f"{number:02}.png", (number, 0, 9))
    picture(tmp_path / "few" / "a.png", RED)


@pytest.fixture
def meanwhile(monkeypatch):
    """Call a function between reading the second batch and writing it."""

    def patch(function):
        real = embed_batch.resolve
        batches = []

        def resolve(*args, **options):
            batches.append(args)
            found = real(*args, **options)
            if len(batches) == 2:
                monkeypatch.setattr(embed_batch, "resolve", real)
                function()
            return found

        monkeypatch.setattr(embed_batch, "resolve", resolve)

    return patch


def delete(llm, name):
    change(llm, *(one.format(name) for one in DELETE))


def test_deleted(llm, pictures, meanwhile):
    meanwhile(lambda: delete(llm, "photos"))
    assert llm.fails("glam", "embed", "photos", "many") == GONE.format("photos")
    assert llm.rows(ORPHANS) == []
    llm("glam", "embed", "other", "few")
    assert llm.ids("other") == ["a.png"]
    assert "80 embedded" in llm("glam", "embed", "photos", "many").stderr


def test_its_id_belongs_to_another_collection(llm, pictures, meanwhile):
    def other():
        delete(llm, "photos")
        llm("glam", "embed", "other", "few")

    meanwhile(other)
    assert llm.fails("glam", "embed", "photos", "many") == GONE.format("photos")
    assert (llm.ids("other"), llm.rows(ORPHANS)) == (["a.png"], [])


@pytest.fixture
def same_second(monkeypatch):
    """The clock stands still, as it does for programs that run within one second."""
    monkeypatch.setattr(registry, "now", lambda: "2026-01-01T00:00:00+00:00")


def test_created_again_under_its_name(llm, pictures, meanwhile, same_second):
    def again():
        delete(llm, "photos")
        llm("glam", "embed", "photos", "few")

    meanwhile(again)
    assert llm.fails("glam", "embed", "photos", "many") == GONE.format("photos")
    assert llm.ids("photos") == ["a.png"]


def test_created_again_by_another_command(llm, pictures, meanwhile, same_second):
    def again():
        llm("collections", "delete", "photos")
        llm("embed", "photos", "a.png", "-i", "few/a.png", "-m", "glam-clip")

    meanwhile(again)
    assert llm.fails("glam", "embed", "photos", "many") == GONE.format("photos")
    assert llm.ids("photos") == ["a.png"]


def test_a_collection_of_an_earlier_version(llm, pictures, meanwhile, same_second):
    """Its row does not say which of several collections it is, until it is created again."""

    def earlier():
        llm("glam", "embed", "photos", "few")
        change(llm, "alter table glam_collections drop column uid")
        change(llm, "delete from _sqlite_migrations where name = 'm003_add_uid'")

    earlier()
    assert "80 embedded" in llm("glam", "embed", "photos", "many").stderr
    llm("glam", "embed", "photos", "few")
    delete(llm, "photos")
    earlier()

    def again():
        delete(llm, "photos")
        llm("glam", "embed", "photos", "few")

    meanwhile(again)
    assert llm.fails("glam", "embed", "photos", "many") == GONE.format("photos")
    assert llm.ids("photos") == ["a.png"]


def test_embedded_again_while_an_earlier_version_s_is_written_to(
    llm, pictures, meanwhile, monkeypatch
):
    llm("glam", "embed", "photos", "few")
    llm("glam", "embed", "new", "few")
    change(llm, "update glam_collections set uid = null, items_table = 'photos'")
    command = ("glam", "reembed", "photos", "new", "-m", "colours")
    meanwhile(lambda: llm(*command))
    assert "80 embedded" in llm("glam", "embed", "new", "many").stderr


def test_its_row_outlives_it_until_it_is_created_again(
    llm, pictures, meanwhile, same_second, monkeypatch
):
    """Another program deletes it between the tidying of our tables and the creation."""

    def again():
        monkeypatch.setattr(collections, "drop_orphans", lambda db: None)
        delete(llm, "photos")
        llm("glam", "embed", "photos", "few")

    meanwhile(again)
    assert llm.fails("glam", "embed", "photos", "many") == GONE.format("photos")
    assert llm.ids("photos") == ["a.png"]


@pytest.mark.parametrize("name", ["photos", "new"])
def test_while_it_is_embedded_again(llm, pictures, meanwhile, monkeypatch, name):
    llm("glam", "embed", "photos", "many")
    register_fake(llm, monkeypatch, "second", Colours("5ec0"))
    meanwhile(lambda: delete(llm, name))
    command = ("glam", "reembed", "photos", "new", "-m", "second")
    assert llm.fails(*command) == GONE.format(name)
    assert llm.rows(ORPHANS) == []


def test_two_programs_embed_again_into_one(llm, pictures, meanwhile, monkeypatch):
    llm("glam", "embed", "photos", "many")
    register_fake(llm, monkeypatch, "second", Colours("5ec0"))
    command = ("glam", "reembed", "photos", "new", "-m", "second")
    meanwhile(lambda: llm(*command))
    llm(*command)
    assert len(llm.ids("new")) == 80


def test_created_with_another_model_while_the_checkpoint_is_loaded(
    llm, pictures, monkeypatch
):
    real = collections.prepare

    def prepare(db):
        monkeypatch.setattr(collections, "prepare", real)
        llm("glam", "embed", "photos", "few")
        change(llm, "update collections set model = 'glam-clip/another'")

    monkeypatch.setattr(collections, "prepare", prepare)
    message = llm.fails("glam", "embed", "photos", "many")
    assert "was made with glam-clip/another, not glam-clip/colours" in message
    assert llm.ids() == ["a.png"]


def test_left_vectors_are_not_those_of_the_next_collection(llm, pictures):
    """As earlier versions left them."""
    llm("glam", "embed", "photos", "many")
    change(llm, "delete from collections")
    llm("glam", "embed", "other", "few")
    assert (llm.ids("other"), llm.rows(ORPHANS)) == (["a.png"], [])
    assert "80 embedded" in llm("glam", "embed", "photos", "many").stderr


def test_deleted_while_it_is_verified(llm, pictures, monkeypatch):
    llm("glam", "embed", "photos", "many")
    change(llm, "update collections set model = 'clip'", "delete from glam_collections")
    real = adopt.verify

    def verify(*args):
        found = real(*args)
        delete(llm, "photos")
        return found

    monkeypatch.setattr(adopt, "verify", verify)
    message = llm.fails("glam", "adopt", "photos", "--files", "many")
    assert message == GONE.format("photos")
    assert llm.rows("select * from glam_collections") == []
