"""``llm similar`` and ``llm embed`` for our collections."""

import json
from pathlib import Path

import click.testing
import numpy as np
import pytest
from sqlite_utils import Database

from ..conftest import register_fake
from ..fakes import Colours, picture

EMBED = ("embed-multi", "photos", "--files", "photos", "*.png", "-m", "glam-clip")
UNWRAPPED = {"LLM_GLAM_WRAP": "0"}


def llms_own(llm, query, **options):
    """What LLM's own code answers on the same database."""
    import llm as library

    collection = library.Collection("photos", Database(llm.database), create=False)
    method = (
        collection.similar_by_vector if isinstance(query, list) else collection.similar
    )
    return [(entry.id, entry.score) for entry in method(query, **options)]


def pairs(lines):
    return [(line["id"], line["score"]) for line in lines]


def same(ours, theirs):
    assert [item for item, _ in ours] == [item for item, _ in theirs]
    assert [s for _, s in ours] == pytest.approx([s for _, s in theirs], abs=1e-6)


@pytest.fixture
def many(llm, colours, tmp_path):
    rng = np.random.default_rng(3)
    for number in range(60):
        folder = "a_b" if number % 2 else "a%b"
        colour = tuple(int(c) for c in rng.integers(1, 255, 3))
        picture(tmp_path / "photos" / folder / f"{number}.png", colour)
    llm("embed-multi", "photos", "--files", "photos", "**/*.png", "-m", "glam-clip")
    return llm


def test_text(many):
    lines = many.json("similar", "photos", "-c", "red")
    assert list(lines[0]) == ["id", "score", "content", "metadata"]
    assert len(lines) == 10
    same(pairs(lines), llms_own(many, "red"))


def test_number_prefix_and_all(many):
    lines = many.json(
        "similar", "photos", "-c", "a ship", "-n", "100", "--prefix", "a_b"
    )
    same(pairs(lines), llms_own(many, "a ship", number=100, prefix="a_b"))
    assert len(many.json("similar", "photos", "-c", "a ship", "-n", "100")) == 60


def test_an_id_leaves_itself_out(many):
    import llm as library

    item = many.ids()[7]
    vector = list(many.vectors()[item])
    lines = many.json("similar", "photos", item, "-n", "5")
    same(pairs(lines), llms_own(many, vector, number=5, skip_id=item))
    assert item not in [line["id"] for line in lines]
    assert library.cosine_similarity(vector, vector) == pytest.approx(1)


def test_equal_scores_are_ordered_by_id(llm, colours, tmp_path):
    for name in ("c", "a", "d", "b"):
        picture(tmp_path / "photos" / f"{name}.png")
    llm(*EMBED)
    found = [
        line["id"] for line in llm.json("similar", "photos", "-c", "red", "-n", "3")
    ]
    assert found == ["a.png", "b.png", "c.png"]


@pytest.mark.parametrize("binary", [(), ("--binary",)])
def test_a_picture(llm, colours, photos, binary):
    llm(*EMBED)
    file = photos / "red.png"
    best, _ = llm.json("similar", "photos", "-i", file, *binary)
    assert (best["id"], best["score"]) == ("red.png", pytest.approx(1))
    lines = llm("similar", "photos", "-i", "-", *binary, input=file.read_bytes()).stdout
    assert json.loads(lines.splitlines()[0]) == best


def test_plain_output_stored_text_and_metadata(llm, colours):
    llm(
        "embed",
        "photos",
        "w",
        "-c",
        "red",
        "-m",
        "glam-clip",
        "--store",
        "--metadata",
        '{"a": 1}',
    )
    ours = llm("similar", "photos", "-c", "red", "--plain")
    assert ours.stdout == 'w (1.0)\n\n  red\n  {"a": 1}\n\n'
    (line,) = llm.json("similar", "photos", "-c", "blue")
    assert line == {"id": "w", "score": 0.0, "content": "red", "metadata": {"a": 1}}


def test_the_collections_own_checkpoint_answers(llm, colours, photos, monkeypatch):
    llm(*EMBED)
    other = register_fake(llm, monkeypatch, "other", Colours("beef"))
    other._text = lambda text: (0, 1, 0)
    assert llm.json("similar", "photos", "-c", "red")[0]["id"] == "red.png"
    assert other.texts_encoded == 0


def test_bad_queries_are_one_sentence(llm, colours, photos):
    llm(*EMBED)
    (photos / "notes.txt").write_text("hello")
    assert "There is no 'nobody' in the collection" in llm.fails(
        "similar", "photos", "nobody"
    )
    message = llm.fails("similar", "photos", "-i", photos / "notes.txt")
    assert "notes.txt cannot be used: it is not a picture" in message
    assert "Use -c for text" in message
    assert "Must provide content or an ID" in llm.fails("similar", "photos")
    assert llm.fails("similar", "photos", "-i", "-", input="") == "No content provided"
    assert "neither a picture nor UTF-8 text" in llm.fails(
        *("similar", "photos", "-i", "-"), input=b"\xff\xfe\xfa"
    )


def test_zero_vectors_do_no_harm(llm, colours, tmp_path):
    picture(tmp_path / "photos" / "black.png", (0, 0, 0))
    picture(tmp_path / "photos" / "red.png")
    llm(*EMBED)
    assert pairs(llm.json("similar", "photos", "-c", "red")) == [
        ("red.png", 1),
        ("black.png", 0),
    ]


def test_embed_a_picture_into_a_collection(llm, colours, photos):
    args = ("embed", "photos", "an id", "-i", "photos/red.png", "-m", "glam-clip")
    assert llm(*args).stdout == ""
    assert llm.vectors() == {"an id": (1, 0, 0)}
    (row,) = llm.rows("select id, file, image_width from photos")
    assert row == {"id": "an id", "file": "red.png", "image_width": 40}
    vector = json.loads(llm(*args, "-f", "json").stdout)
    assert vector == [1, 0, 0]
    llm("embed", "photos", "same again", "-i", "photos/red.png")
    assert llm.ids() == ["an id", "same again"]
    llm("embed", "photos", "piped", input=(photos / "green.png").read_bytes())
    llm("embed", "photos", "words", input="blue")
    assert llm.vectors()["piped"] == (0, 1, 0)
    assert llm.vectors()["words"] == (0, 0, 1)


@pytest.mark.parametrize("format_", ["json", "blob", "base64", "hex"])
def test_embed_without_a_collection(llm, colours, photos, format_):
    import llm as library

    args = ("embed", "-m", "glam-clip", "-f", format_)
    data = (photos / "red.png").read_bytes()
    ours = llm(*args, "-i", "photos/red.png").stdout_bytes
    assert ours == llm(*args, input=data).stdout_bytes
    assert ours == llm(*args, "-c", "red").stdout_bytes
    if format_ == "hex":
        assert ours.decode().strip() == library.encode([1, 0, 0]).hex()


def test_embed_what_is_no_picture(llm, colours):
    Path("notes.txt").write_text("hello")
    for args in (("embed",), ("embed", "photos", "x")):
        message = llm.fails(*args, "-m", "glam-clip", "-i", "notes.txt")
        assert "notes.txt cannot be used: it is not a picture" in message
    assert "Must provide both" in llm.fails(
        "embed", "photos", "-m", "glam-clip", "-c", "x"
    )


def test_the_model_keeps_order_and_takes_any_iterable(llm, colours, photos):
    import llm as library

    model = library.get_embedding_model("glam-clip")
    red, green = ((photos / f"{name}.png").read_bytes() for name in ("red", "green"))
    items = ["blue", red, "red", green, green, "blue"] * 20
    expected = [[0, 0, 1], [1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 1, 0], [0, 0, 1]] * 20
    assert list(model.embed_multi(iter(items))) == expected
    assert list(model.embed_multi(items, batch_size=7)) == expected
    assert list(model.embed_batch(item for item in items)) == expected
    assert list(model.embed_multi([])) == []
    with pytest.raises(library.ModelError, match="Picture 42 cannot be used"):
        list(model.embed_multi([*["red"] * 41, b"junk", *["red"] * 9]))


def test_unequal_models_are_conflicts(llm, colours, photos, monkeypatch):
    llm(*EMBED)
    register_fake(llm, monkeypatch, "other", Colours("beef"))
    before = llm.rows("select * from embeddings")
    for command in (
        ("embed-multi", "photos", "--files", "photos", "*.png"),
        ("embed", "photos", "x", "-c", "red"),
    ):
        message = llm.fails(*command, "-m", "glam-clip/other")
        assert "was made with glam-clip/colours, not glam-clip/other" in message
        assert "llm glam reembed photos photos-2 -m glam-clip/other" in message
        assert "not glam-clip/other" in llm.fails(*command, "-m", "glam-clip")
        assert "not 3-small" in llm.fails(*command, "-m", "3-small")
        message = llm.fails(*command, "-m", "glam-clip/nobody")
        assert "No checkpoint is registered as 'nobody'" in message
    assert llm.rows("select * from embeddings") == before
    message = llm.fails("glam", "embed", "photos", "photos", "-m", "other")
    assert "was made with glam-clip/colours, not glam-clip/other" in message


def test_a_model_from_the_environment_is_no_conflict(llm, colours, photos, monkeypatch):
    llm(*EMBED)
    monkeypatch.setenv("LLM_EMBEDDING_MODEL", "3-small")
    result = llm("embed-multi", "photos", "--files", "photos", "*.png")
    assert "0 embedded, 2 unchanged" in result.stderr
    llm("embed", "photos", "w", "-c", "red")
    assert llm.vectors()["w"] == (1, 0, 0)


def test_our_model_does_not_touch_other_collections(llm, colours, photos):
    database = Database(llm.database)
    from llm.embeddings_migrations import embeddings_migrations

    embeddings_migrations.apply(database)
    database["collections"].insert({"name": "photos", "model": "clip"})
    message = llm.fails(*EMBED)
    assert "was made with clip, not glam-clip/colours" in message
    assert "llm glam adopt photos -m glam-clip/colours" in message
    assert llm.rows("select * from embeddings") == []


def test_the_default_model_and_aliases_of_llm(llm, colours, photos):
    llm("embed-models", "default", "glam-clip/colours")
    llm("embed-multi", "photos", "--files", "photos", "*.png")
    assert llm.vectors()["red.png"] == (1, 0, 0)
    llm("aliases", "set", "pics", "glam-clip/colours")
    llm("embed-multi", "more", "--files", "photos", "*.png", "-m", "pics")
    assert llm.rows("select model from collections where name = 'more'") == [
        {"model": "glam-clip/colours"}
    ]


@pytest.mark.parametrize(
    "command", [("similar", "photos", "-c", "red"), ("glam", "search", "photos", "red")]
)
def test_a_search_says_which_checkpoint_answered(embedded, monkeypatch, command):
    """To people, that is: what a program reads stays as it is."""
    assert embedded(*command).stderr == ""
    stderr = click.testing._NamedTextIOWrapper
    monkeypatch.setattr(stderr, "isatty", lambda self: self.name == "<stderr>", False)
    shown = embedded(*command).stderr
    fingerprint = embedded.encoders["colours"].fingerprint
    assert f"photos (glam-clip/colours {fingerprint})\n" in shown
