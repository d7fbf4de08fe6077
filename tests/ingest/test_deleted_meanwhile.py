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


def test_created_again_under_its_name(llm, pictures, meanwhile, monkeypatch):
    def again():
        delete(llm, "photos")
        monkeypatch.setattr(registry, "now", lambda: "2099-01-01T00:00:00+00:00")
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
