"""The demo: drawings, their records, and the checkpoint that knows them."""

import csv
import errno
import json
import re
import string
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from llm_glam.demo import (
    breakage,
    canvas,
    captions,
    catalogue,
    drawing,
    finds,
    grammar,
    terms,
    words,
)
from llm_glam.models import loading, registry
from tools.demo_checkpoint import judge

from .. import tiny
from ..fakes import RED, picture


def rows(folder):
    with (folder / "metadata.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """A hundred drawings with their records, in ``photos/``."""
    folder = tmp_path_factory.mktemp("demo") / "photos"
    list(catalogue.write(folder, catalogue.catalogue(100), 96))
    return folder


def test_writes_drawings_and_a_record_for_each(llm):
    result = llm("glam", "demo", "museum", "-n", 26, "--size", 64)

    written = rows(Path("museum/photos"))
    assert {row["file_name"] for row in written} == {
        path.name for path in Path("museum/photos").glob("*.jpg")
    }
    assert Counter(row["kind"] for row in written) == {
        kind: 2 if kind == min(finds.KINDS) else 1 for kind in finds.KINDS
    }
    for column in ("title", "caption", "material", "period", "find_spot", "rights"):
        assert all(row[column] for row in written), column
    assert len({row["accession_number"] for row in written}) == 26
    with Image.open(Path("museum/photos", written[0]["file_name"])) as image:
        assert min(image.size) == 64
    assert result.stdout.splitlines() == [
        "cd museum",
        'llm embed-multi finds --files photos "*.jpg" -m glam-clip/demo',
        "llm similar finds -c raccoon",
        'llm similar finds -c "broken bronze horse"',
        "llm glam serve finds",
    ]


@pytest.mark.slow
def test_the_same_seed_draws_the_same_and_another_does_not(llm):
    for folder, seed in (("a", 1), ("b", 1), ("c", 2)):
        llm("glam", "demo", folder, "-n", 2, "--size", 64, "--seed", seed)

    a, b, c = ([p.read_bytes() for p in sorted(Path(f).rglob("*.jpg"))] for f in "abc")
    assert a == b != c


def test_few_are_drawn_in_this_process_and_are_the_same(drawn, monkeypatch, tmp_path):
    monkeypatch.setattr(catalogue, "ProcessPoolExecutor", None)

    some = list(catalogue.write(tmp_path, catalogue.catalogue(100)[:8], 96))

    for path in some:
        assert path.read_bytes() == (drawn / path.name).read_bytes()


def test_does_not_write_among_other_pictures(llm, photos):
    message = llm.fails("glam", "demo", ".", "-n", 2, "--size", 64)

    assert "contains other files" in message
    assert not (photos / "metadata.csv").exists()


def test_can_be_repeated_after_an_interruption(llm):
    llm("glam", "demo", ".", "-n", 3, "--size", 64)
    next(Path("photos").glob("*.jpg")).unlink()

    llm("glam", "demo", ".", "-n", 3, "--size", 64)

    assert len(list(Path("photos").glob("*.jpg"))) == 3


@pytest.mark.slow
def test_the_readme_s_commands_find_a_raccoon(llm, drawn, monkeypatch):
    monkeypatch.chdir(drawn.parent)

    result = llm(
        "embed-multi", "photos", "--files", "photos/", "*.jpg", "-m", "glam-clip/demo"
    )
    found = llm.json("similar", "photos", "-c", "raccoon", "-n", 3)

    assert "Warning" not in result.stderr
    assert all("raccoon" in hit["id"] for hit in found)
    sql = "select count(*) as n from photos where kind = 'raccoon' and title like '%raccoon%'"
    assert llm.rows(sql) == [{"n": 4}]


def test_never_becomes_the_default_by_itself(llm):
    llm("glam", "demo", "-n", 1, "--size", 64)

    assert llm("glam", "models", "default").stdout == "clip-ViT-B-32\n"
    assert [row["name"] for row in llm.json("glam", "models", "list")] == [
        "clip-ViT-B-32",
        "demo",
    ]


@pytest.mark.parametrize(
    "command",
    [
        ("embed-multi", "mine", "--files", "photos", "**/*.png"),
        ("glam", "embed", "mine", "photos"),
        ("embed", "mine", "1", "-i", "photos/red.png"),
    ],
)
def test_says_that_it_knows_no_other_pictures(llm, photos, command):
    result = llm(*command, "-m", "glam-clip/demo")

    assert result.stderr.count("Warning: the checkpoint glam-clip/demo knows only") == 1
    assert len(llm.ids("mine")) in (1, 3)


def test_its_name_is_nobody_else_s(llm, tiny_clip):
    assert "Choose another name" in llm.fails(
        "glam", "models", "add", "demo", tiny_clip
    )
    assert "always available" in llm.fails("glam", "models", "remove", "demo")


def test_whoever_had_a_checkpoint_of_that_name_keeps_it(llm, tiny_clip):
    registry.put(registry.Checkpoint("demo", str(tiny_clip)))

    assert llm.json("glam", "models", "show", "demo")[0]["source"] == str(tiny_clip)


@pytest.mark.slow
def test_a_moved_installation_finds_its_checkpoint(llm, drawn, monkeypatch, tmp_path):
    llm("glam", "embed", "photos", drawn, "-m", "demo")

    assert str(loading.OWN_CHECKPOINT) not in registry.path().read_text()
    assert registry.get("demo").source == registry.OWN
    assert llm.json("glam", "status", "photos")[0]["checkpoint"] == "ready"


def test_captions_are_true():
    random = np.random.default_rng(3)
    for _ in range(2000):
        find = finds.find(random)
        caption = captions.caption(find, random)
        assert caption.fits(find), (find, caption)
        assert caption.words.strip()


@pytest.mark.parametrize(
    ("one", "many"),
    [
        ("coin", "coins"),
        ("brooch", "brooches"),
        ("person", "people"),
        ("knife", "knives"),
        ("string of beads", "strings of beads"),
        ("jar with a spout", "jars with a spout"),
        ("key", "keys"),
        ("pony", "ponies"),
        ("axe", "axes"),
        ("fish", "fish"),
    ],
)
def test_plurals(one, many):
    assert grammar.plural(one) == many


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("fragment of a iron key", "fragment of an iron key"),
        ("A amber glass bowl", "An amber glass bowl"),
        ("a urn", "an urn"),
        ("a utensil, an ewer, a gold ring", "a utensil, an ewer, a gold ring"),
        ("a piece of a owl and a elephant", "a piece of an owl and an elephant"),
        ("terracotta amphora", "terracotta amphora"),
    ],
)
def test_articles(text, right):
    assert grammar.with_articles(text) == right


def test_titles_and_captions_have_the_right_articles():
    records = {record["file_name"]: record for _, record in catalogue.catalogue()}

    key = records["0399-iron-key.jpg"]
    assert key["title"] == "Fragment of an iron key"
    assert key["caption"].startswith("Fragment of an iron key, undecorated.")
    for record in records.values():
        for text in (record["title"], record["caption"]):
            assert not re.search(r"\ba [aeiou]|\ban [^aeiou]", text), text


@pytest.mark.parametrize("kind", sorted(finds.KINDS))
def test_what_is_broken_shows_less_of_it(kind):
    """Every kind can be drawn in every condition, and something is seen on the ground."""
    for condition in finds.CONDITIONS:
        one = finds.Find(kind, finds.MADE_OF[kind][0], "", "", "", condition, 5)
        if finds.MADE_OF[kind][0] == "glass":
            one = finds.Find(kind, "glass", "blue", "", "", condition, 5)
        pixels = np.asarray(drawing.draw(one, 64).convert("L"), float)
        assert pixels.std() > 3, condition


def stands_out_at_the_frame(image):
    """The most that a pixel in the outermost two rows or columns differs from their trend."""
    pixels = np.asarray(image, float)
    across = pixels.swapaxes(0, 1)
    most = 0.0
    for side in (pixels[:2], pixels[-2:], across[:2], across[-2:]):
        line = side.mean(0)
        at = np.arange(len(line))
        slope, start = np.polyfit(at, line, 1)
        most = max(most, np.abs(line - start - np.outer(at, slope)).max())
    return most


def test_what_lies_on_the_frame_stands_out_there():
    """The measure of the test below, on one ground with and without a bar on its edge."""
    ground = np.full((96, 96, 3), 200, np.uint8)
    with_bar = ground.copy()
    with_bar[40:50, 94:] = 90

    assert stands_out_at_the_frame(ground) < 1
    assert stands_out_at_the_frame(with_bar) > 80


def test_no_find_touches_the_frame():
    """Background is seen on all four sides of all drawings: a smooth ground, perhaps in shadow."""
    touching = [
        record["file_name"]
        for one, record in catalogue.catalogue()
        if stands_out_at_the_frame(drawing.draw(one, 64)) > 25
    ]
    assert not touching


def test_what_is_left_of_a_broken_find_is_one_piece():
    """On another canvas than that on which it was chosen; and neither a shaving nor nearly all."""
    larger = canvas.Canvas(150, 150, 1.2)
    for one, record in catalogue.catalogue():
        if one.condition == "complete":
            continue
        modelled = finds.KINDS[one.kind]
        part = breakage.part_left(
            drawing.SKETCH,
            modelled(drawing.SKETCH, np.random.default_rng(one.seed)).mask,
            one.condition,
            np.random.default_rng(one.seed),
        )
        relief = modelled(larger, np.random.default_rng(one.seed))
        whole = (relief.mask > 0.5).sum()
        breakage.break_off(larger, relief, part)

        assert ndimage.label(relief.mask > 0.5)[1] == 1, record["file_name"]
        low, high = {"broken": (0.4, 0.9), "fragment": (0.2, 0.6)}[one.condition]
        assert low < (relief.mask > 0.5).sum() / whole < high, record["file_name"]


def test_a_complete_find_loses_nothing():
    sketch = canvas.Canvas(48, 48)
    mask = np.ones((48, 48))

    assert breakage.part_left(sketch, mask, "complete", None) is None


def test_a_drawing_looks_the_same_in_any_size():
    random = np.random.default_rng(8)
    for find in [finds.find(random) for _ in range(12)]:
        small, large = (
            np.asarray(drawing.draw(find, side).resize((24, 24)), float)
            for side in (72, 192)
        )
        assert np.abs(small - large).mean() < 14, find


def test_the_queries_are_sixty_and_can_be_answered():
    asked = judge.queries()

    assert len(asked) == 60
    random = np.random.default_rng(0)
    collection = [finds.find(random) for _ in range(3000)]
    for query in asked:
        for name, allowed in query.term.wants.items():
            assert allowed <= set(words.VALUES[name]), query
        assert sum(query.term.fits(find) for find in collection) >= 3, query


def test_precision_is_that_of_the_first_ten():
    one, other = (
        finds.Find(kind, "gold", "", "", "", "complete", 0) for kind in ("coin", "ring")
    )
    collection = [one] * 20 + [other] * 20
    query = judge.Query("kind", terms.Term("coins", {"kind": frozenset({"coin"})}))
    vectors = np.array(
        [[1.0, 0.0]] * 7 + [[0.0, 1.0]] * 13 + [[0.6, 0.8]] * 20, np.float32
    )

    class OneAnswer:
        fingerprint, dimensions = "", 2

        def encode_texts(self, texts):
            return np.array([[1.0, 0.0]] * len(texts), np.float32)

    (score,) = judge.judge(OneAnswer(), collection, vectors, [query])

    assert score.precision == pytest.approx(0.7)
    assert score.chance == pytest.approx(0.5)


def test_a_foreign_file_is_told_from_a_drawing(tmp_path, drawn):
    drawings = sorted(drawn.glob("*.jpg"))

    checkpoint = registry.get("demo")
    assert checkpoint.warning_about(drawings) is None
    others = [*drawings[:3], picture(tmp_path / "red.png", RED)]
    assert "knows only the drawings" in checkpoint.warning_about(others)


@pytest.mark.slow
def test_the_queries_of_the_metadata_file_work_on_it(llm, drawn, monkeypatch):
    import asyncio

    import yaml
    from datasette.app import Datasette

    monkeypatch.chdir(drawn.parent)
    llm("embed-multi", "photos", "--files", "photos/", "*.jpg", "-m", "glam-clip/demo")
    metadata = Path(loading.__file__).parents[2] / "metadata.yml"
    described = yaml.safe_load(metadata.read_text("utf-8"))["databases"]["embeddings"]
    params = {"words": "raccoon", "id": min(path.name for path in drawn.glob("*.jpg"))}

    async def first_rows():
        datasette = Datasette([str(llm.database)])
        for name, query in described["queries"].items():
            asked = {key: params[key] for key in query.get("params", ())}
            response = await datasette.client.get(
                "/embeddings.json",
                params={"sql": query["sql"], "_shape": "array", **asked},
                follow_redirects=True,
            )
            yield name, response.json()[0]

    async def all_of_them():
        return {name: row async for name, row in first_rows()}

    rows_by_name = asyncio.run(all_of_them())

    assert "raccoon" in rows_by_name["nearest_to_words"]["id"]
    assert "raccoon" in rows_by_name["finds_nearest_to_words"]["id"]
    assert rows_by_name["finds_by_kind_and_material"]["finds"] >= 2
    columns = {
        row["name"] for row in llm.rows("select name from pragma_table_info('photos')")
    }
    assert set(described["tables"]["photos"]["facets"]) <= columns


ALL_SORTS = [
    *(string.ascii_letters + string.digits + string.punctuation),
    *(f"a{sign}" for sign in string.punctuation + string.digits),
    "bronze brooch, 6th century BC.",
    "Schlüssel, Größe 3½ cm; „Öl“",
    "ΑΜΦΟΡΕΥΣ κεραμικός",
    "青铜胸针",
    "a raccoon 🦝",
    "Iraq",
    "\x00 \x7f",
    *map(chr, range(0x80, 0x800)),  # all second bytes that there are
    *(
        chr(code)
        for code in range(0x800, 0x110000, 0x997)
        if not 0xD800 <= code < 0xE000
    ),
]


@pytest.fixture(scope="module")
def encoder():
    from llm_glam.engine.torch import TorchEncoder

    return TorchEncoder(loading.OWN_CHECKPOINT)


def assert_all_is_read(tokenizer):
    """The end, which stands for what is unknown too, comes once."""
    tokens = tokenizer(ALL_SORTS, truncation=False)["input_ids"]
    unread = [
        text
        for text, one in zip(ALL_SORTS, tokens, strict=True)
        if tokenizer.unk_token_id in one[:-1] or one[-1] != tokenizer.eos_token_id
    ]
    assert not unread
    assert len({tuple(one) for one in tokens}) > len(ALL_SORTS) / 2


def test_what_stands_behind_a_comma_is_read(encoder):
    vectors = encoder.encode_texts(
        ["brooch, broken", "brooch", "brooch, complete", "a broken brooch"]
    )
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    nothing, complete, broken = vectors[1:] @ vectors[0]

    assert complete < nothing < broken
    assert broken > 0.95


def test_no_character_ends_a_text(encoder):
    assert_all_is_read(encoder.model.tokenizer)


def test_the_files_of_the_checkpoint_agree(encoder):
    from tools.demo_checkpoint.train import WORDS

    tokenizer = encoder.model.tokenizer
    config = json.loads((loading.OWN_CHECKPOINT / "config.json").read_text())[
        "text_config"
    ]
    rows = encoder.model.state_dict()
    (embedding,) = (
        rows[name] for name in rows if name.endswith("token_embedding.weight")
    )

    assert config["vocab_size"] == len(tokenizer) == len(embedding) == WORDS
    assert config["bos_token_id"] == tokenizer.bos_token_id
    assert config["eos_token_id"] == tokenizer.eos_token_id
    assert config["pad_token_id"] == tokenizer.pad_token_id
    assert (
        f"{len(tokenizer):,} tokens"
        in (loading.OWN_CHECKPOINT / "README.md").read_text()
    )


def test_a_new_tokenizer_reads_every_character_too(tmp_path):
    from tools.demo_checkpoint.train import make_tokenizer

    tokenizer = make_tokenizer(tiny.CAPTIONS, tmp_path, size=560)

    assert_all_is_read(tokenizer)
    assert len(tokenizer) == 560


def test_a_full_disk_is_that_of_the_pictures(llm, monkeypatch):
    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")
        yield

    monkeypatch.setattr(catalogue, "write", full)
    message = llm.fails("glam", "demo", "here", "-n", 2)
    assert message == (
        "The pictures cannot be written to here/photos: No space left on device. Free some space, "
        "or choose another directory: llm glam demo DIR"
    )
