"""``llm glam evaluate``: from a table or a collection to figures, with checkpoints of our own."""

import csv
import io
import json

import numpy as np
import pytest
from PIL import Image

from llm_glam.cli.output import ProgressBar
from llm_glam.evaluate import encoding, measure, metric_tables
from llm_glam.evaluate.measure import Encoded, MetricOptions
from llm_glam.evaluate.metric_tables import Metric, MetricRow
from llm_glam.evaluate.pairs import from_table
from llm_glam.evaluate.pairs.pairs import Pair

from ..conftest import register_fake
from ..fakes import GREEN, RED, Colours, picture
from ..tiny import CAPTIONS
from .test_retrieval import at


class Turned(Colours):
    """Takes red for green, green for blue and blue for red."""

    def encode_texts(self, texts):
        return np.roll(super().encode_texts(texts), 1, axis=1)


class Collapsed(Colours):
    """Has lost everything it knew."""

    def encode_prepared(self, prepared):
        return np.ones_like(super().encode_prepared(prepared))


class Broken(Colours):
    """A training that went wrong."""

    def encode_texts(self, texts):
        return super().encode_texts(texts) * np.nan


@pytest.fixture
def table(tmp_path, photos):
    """Three pictures of one colour each, and the words for it."""
    path = photos / "captions.csv"
    path.write_text(
        "file_name,caption,hue,shelf\nred.png,red,warm,A\ngreen.png,green,cold,B\n"
        "sub folder/blé.png,blue,cold,B\n",
        "utf-8",
    )
    return path


RIGHT = {
    "recall_at_1": 1.0,
    "recall_at_1_low": 1.0,
    "recall_at_1_high": 1.0,
    "recall_at_1_by_chance": 0.333333,
    "recall_at_5": 1.0,
    "recall_at_5_by_chance": 1.0,
    "mrr": 1.0,
    "mrr_by_chance": 0.611111,  # (1 + 1/2 + 1/3) / 3
    "median_rank": 1.0,
}


def test_figures_by_hand(llm, colours, table):
    rows = llm.json("glam", "evaluate", table)

    assert [row["direction"] for row in rows] == [
        "caption to picture",
        "picture to caption",
    ]
    for row in rows:
        assert row["checkpoint"] == "glam-clip/colours"
        assert (row["queries"], row["groups"], row["pool"]) == (3, 3, 3)
        assert {name: row[name] for name in RIGHT} == RIGHT
    assert "recall_at_1_difference" not in rows[0]
    assert "value" not in rows[0]


def test_checkpoints_are_compared_with_the_first(llm, monkeypatch, colours, table):
    register_fake(llm, monkeypatch, "turned", Turned("beef"))

    rows = llm.json("glam", "evaluate", table, "-m", "colours", "-m", "turned")

    assert [row["checkpoint"] for row in rows] == 2 * [
        "glam-clip/colours",
        "glam-clip/turned",
    ]
    first, turned = rows[:2]
    assert first["recall_at_1_difference"] is None
    # The wrong picture scores 1; the right one 0, as the third, which stands before it.
    assert turned["recall_at_1"] == 0
    assert turned["mrr"] == turned["mrr_low"] == 0.333333
    assert turned["median_rank"] == 3
    assert (
        turned["recall_at_1_difference"] == turned["recall_at_1_difference_low"] == -1
    )
    assert turned["mrr_difference"] == turned["mrr_difference_high"] == -0.666667
    assert turned["recall_at_5_difference"] == 0


def test_a_collapsed_checkpoint_has_no_more_than_chance(llm, monkeypatch, tmp_path):
    register_fake(llm, monkeypatch, "collapsed", Collapsed("dead"))
    lines = ["file_name,caption,kind"]
    for number in range(40):
        picture(tmp_path / "data" / f"{number}.png", (6 * number, 0, 0))
        lines.append(f"{number}.png,caption {number},{number % 2}")
    (tmp_path / "data" / "a.csv").write_text("\n".join(lines))

    rows = llm.json("glam", "evaluate", "data/a.csv", "--label", "kind")

    assert rows[0]["recall_at_10_by_chance"] == 0.25
    assert rows[0]["recall_at_10"] == 0
    # All pictures put the captions into one order, which is right for ten of forty.
    assert rows[1]["recall_at_10"] == 0.25
    assert (
        rows[2]["precision_at_10"] == rows[2]["precision_at_10_by_chance"] == 0.487179
    )


def test_a_checkpoint_without_numbers_is_one_sentence(llm, monkeypatch, table):
    register_fake(llm, monkeypatch, "broken", Broken("0bad"))

    message = llm.fails("glam", "evaluate", table)

    assert message.startswith(
        "The vectors of 3 of 3 captions by glam-clip/broken contain NaN or infinite values"
    )


def test_each_picture_and_each_caption_is_encoded_once(llm, colours, photos):
    (photos / "copy.png").write_bytes((photos / "red.png").read_bytes())
    (photos / "a.csv").write_text(
        "file_name,caption\nred.png,red\ncopy.png,red\nred.png,Red \ngreen.png,a find\n"
        "sub folder/blé.png,a find\n",
        "utf-8",
    )

    rows = llm.json("glam", "evaluate", photos / "a.csv")

    assert (colours.pictures_encoded, colours.texts_encoded) == (3, 2)
    assert [(row["queries"], row["pool"], row["groups"]) for row in rows] == [
        (2, 3, 2),
        (3, 2, 2),
    ]


def test_pictures_that_cannot_be_used_are_named_and_end_nothing(llm, colours, table):
    (table.parent / "odd é [1].png").write_bytes(b"no picture at all")
    with table.open("a", encoding="utf-8") as fp:
        fp.write("odd é [1].png,grey\ngone.png,grey\nhttps://x.example/a.png,grey\n")

    result = llm("glam", "evaluate", table)

    row = json.loads(result.stdout.splitlines()[0])
    assert {name: row[name] for name in RIGHT} == RIGHT  # 'grey' is no query either
    assert (row["queries"], row["pool"]) == (3, 3)
    assert "gone.png: there is no such file" in result.stderr
    assert "https://x.example/a.png: it is an address" in result.stderr
    assert "\nodd é [1].png: " in result.stderr
    assert (
        "captions.csv: pictures from the column 'file_name', captions" in result.stderr
    )


def test_nothing_usable_is_one_sentence(llm, colours, photos):
    for name in ("red.png", "green.png"):
        (photos / name).write_bytes(b"no picture at all" + name.encode())
    (photos / "a.csv").write_text("file_name,caption\nred.png,red\ngreen.png,green")

    message = llm.fails("glam", "evaluate", photos / "a.csv")
    assert message == "None of the 2 pictures could be read."
    assert "There is no column 'x'" in llm.fails(
        "glam", "evaluate", photos / "a.csv", "--by", "x"
    )


def test_a_long_caption_is_no_trouble(llm, colours, photos):
    words = " ".join(["word"] * 300)
    (photos / "a.csv").write_text(
        f"file_name,caption\nred.png,{words}\ngreen.png,green"
    )

    assert llm.json("glam", "evaluate", photos / "a.csv")[0]["queries"] == 2


def test_by_a_column_with_rare_values_together(llm, colours, table):
    rows = llm.json("glam", "evaluate", table, "--by", "hue", "--least", 2)

    counts = [(r["direction"], r["value"], r["queries"], r["pool"]) for r in rows]
    assert counts == [
        ("caption to picture", None, 3, 3),
        ("caption to picture", "cold", 2, 3),
        ("caption to picture", "(other)", 1, 3),
        ("picture to caption", None, 3, 3),
        ("picture to caption", "cold", 2, 3),
        ("picture to caption", "(other)", 1, 3),
    ]
    assert rows[2]["recall_at_1"] == 1
    assert rows[2]["recall_at_1_low"] is None  # of one group there is no interval


VALUES = ["none", "none", "", "", "other", "other", "all", "all", "rare", "seldom"]


def of_values(tmp_path, values):
    """A picture for each value, of a colour of its own."""
    lines = ["file_name,caption,kind"]
    for number, value in enumerate(values):
        picture(tmp_path / "data" / f"{number}.png", (20 * number, 0, 0))
        lines.append(f"{number}.png,caption {number},{value}")
    (tmp_path / "data" / "a.csv").write_text("\n".join(lines))
    return ("glam", "evaluate", "data/a.csv", "--by", "kind", "--least", 2)


def test_values_that_are_called_none_other_and_all_are_values(llm, colours, tmp_path):
    command = of_values(tmp_path, VALUES)
    expected = {"none": 2, "(none)": 2, "other": 2, "all": 2, "(other)": 2}

    rows = [r for r in llm.json(*command) if r["direction"] == "caption to picture"]

    assert {row["value"]: row["queries"] for row in rows} == {None: 10} | expected
    assert rows[-1]["value"] == "(other)"
    lines = csv.DictReader(io.StringIO(llm(*command, "--csv").stdout))
    assert [row["value"] for row in lines] == 2 * ["", *(r["value"] for r in rows[1:])]
    lines = llm(*command, "--markdown").stdout.splitlines()[2:14]
    told = [tuple(cell.strip() for cell in line.split("|")[2:5]) for line in lines]
    named = {value: queries for value, who, queries in told if who != "chance level"}
    assert named == {"(all)": "10"} | {name: "2" for name in expected}
    assert "(all)" in llm(*command, "-t").stdout


def test_values_in_parentheses_are_values_too(llm, colours, tmp_path):
    names = ["(none)", "(other)", "(all)", ""]
    command = of_values(tmp_path, [*names, *names, "rare"])

    rows = [r for r in llm.json(*command) if r["direction"] == "caption to picture"]

    counts = {row["value"]: row["queries"] for row in rows[1:]}
    made_up = {"((none))": 2, "((other))": 1}
    assert counts == {"(none)": 2, "(other)": 2, "(all)": 2} | made_up
    assert rows[-1]["value"] == "((other))"
    assert "| ((all)) |" in llm(*command, "--markdown").stdout


def test_labels_of_neighbours_without_those_of_the_same_group(llm, colours, tmp_path):
    shades = {"a": (255, 0, 0), "b": (250, 9, 0), "c": (200, 90, 0), "d": (0, 0, 255)}
    lines = ["file_name,caption,label,object"]
    labels = {"a": "Jar,1", "b": "Jar,1", "c": "jar,2", "d": ",3"}
    for name, colour in shades.items():
        picture(tmp_path / "data" / f"{name}.png", colour)
        lines.append(f"{name}.png,find {name},{labels[name]}")
    (tmp_path / "data" / "a.csv").write_text("\n".join(lines))

    command = (
        "glam",
        "evaluate",
        "data/a.csv",
        "--label",
        "label",
        "--group-by",
        "object",
    )
    row = llm.json(*command)[2]

    assert row["direction"] == "picture to picture"
    assert (row["queries"], row["pool"], row["groups"]) == (3, 3, 2)
    assert row["precision_at_10"] == row["precision_at_10_by_chance"] == 1
    assert row["recall_at_1"] is None
    message = llm.fails("glam", "evaluate", "data/a.csv", "--label", "caption")
    assert "no two of different groups share a label in the column" in message


def test_labels_find_the_pictures_that_have_them(llm, colours, tmp_path):
    shades = {
        "a": RED,
        "b": (250, 9, 0),
        "c": GREEN,
        "d": (9, 250, 0),
        "e": (0, 0, 255),
    }
    labels = {"a": "Red", "b": "red", "c": "green", "d": "red", "e": ""}
    lines = ["file_name,caption,label"]
    for name, colour in shades.items():
        picture(tmp_path / "data" / f"{name}.png", colour)
        lines.append(f"{name}.png,find {name},{labels[name]}")
    (tmp_path / "data" / "a.csv").write_text("\n".join(lines))

    command = ("glam", "evaluate", "data/a.csv", "--label", "label", "--by", "label")
    row = next(
        row for row in llm.json(*command) if row["direction"] == "label to picture"
    )

    assert (row["queries"], row["groups"], row["pool"]) == (2, 2, 4)
    # Of four pictures all are among the ten nearest, whatever their order.
    assert row["precision_at_10"] == row["precision_at_10_by_chance"] == 0.5
    metric_options = []
    real = colours.encode_texts
    colours.encode_texts = lambda texts: metric_options.extend(texts) or real(texts)
    llm.json(*command, "--prompt", "a jar, {}")
    assert metric_options[-2:] == ["a jar, green", "a jar, Red"]


def test_a_collection_is_measured_by_the_vectors_it_has(llm, embedded, colours, photos):
    before = colours.pictures_encoded
    command = ("glam", "evaluate", "--collection", "photos")
    for number, name in enumerate(["red.png", "green.png", "sub folder/blé.png"]):
        word = ["red", "green", "blue"][number]
        embedded.database.touch()
        execute(llm, "update photos set caption = ? where id = ?", word, name)

    rows = llm.json(*command)

    assert colours.pictures_encoded == before
    assert {name: rows[0][name] for name in RIGHT} == RIGHT
    assert llm.json(*command, "-m", "colours") == rows
    assert colours.pictures_encoded == before + 3

    some = llm.json(
        *command, "--caption", "caption", "--filter", "caption__in=red,blue"
    )
    assert some[0]["pool"] == 2
    some = llm.json(*command, "--except", "caption=green")
    assert some[0]["pool"] == 2
    some = llm.json(*command, "--where", "material = 'clay'")
    assert some[0]["pool"] == 1
    execute(llm, "update photos set document = 'box'")
    assert llm.json(*command)[0]["groups"] == 1

    colours.fingerprint = "fee1"
    assert "another checkpoint named 'colours'" in llm.fails(*command)


def execute(llm, sql, *values):
    import sqlite3

    with sqlite3.connect(llm.database) as connection:
        connection.execute(sql, values)
    connection.close()


def test_originals_that_are_gone_are_left_out_when_encoded_again(llm, embedded, photos):
    (photos / "red.png").unlink()
    command = (
        "glam",
        "evaluate",
        "--collection",
        "photos",
        "--caption-template",
        "{file}",
    )

    assert llm.json(*command)[0]["pool"] == 3
    result = llm(*command, "-m", "colours")
    assert json.loads(result.stdout.splitlines()[0])["pool"] == 2
    assert "red.png: its original is not on this computer" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), "Give either DATA or --collection."),
        (("a.csv", "--collection", "photos"), "Give either DATA or --collection."),
        (("a.csv", "--filter", "a=b"), "--where can only be used with --collection."),
        (("a.csv", "--except", "a=b"), "--where can only be used with --collection."),
        (("a.csv", "--where", "1"), "--filter, --except and --where can only be used"),
        (
            ("--collection", "x", "--image-column", "y"),
            "--image-column can only be used with DATA",
        ),
        (
            ("a.csv", "--caption", "x", "--caption-template", "{x}"),
            "Give --caption-column or --caption-template, not both.",
        ),
    ],
)
def test_options_that_contradict_each_other(llm, colours, arguments, expected):
    assert expected in llm.fails("glam", "evaluate", *arguments, exit_code=2)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("missing.csv",), "There is no file or folder missing.csv."),
        (
            ("photos/captions.csv", "--caption", "x"),
            "There is no column 'x' in captions.csv. The columns are: ",
        ),
        (
            ("photos/captions.csv", "--label", "x"),
            "There is no column 'x' in captions.csv. The columns are: ",
        ),
        (
            ("photos/captions.csv", "--caption-template", "{x}"),
            "a column 'x', which does not",
        ),
        (("photos/captions.csv", "-m", "nobody"), "nobody"),
        (("--collection", "photos"), "does not exist; use -d to give another path."),
    ],
)
def test_what_is_not_there_is_one_sentence(llm, colours, table, arguments, expected):
    assert expected in llm.fails("glam", "evaluate", *arguments)


def test_the_same_seed_gives_the_same_and_intervals_hold_the_figures(
    llm, colours, tmp_path
):
    lines = ["file_name,caption"]
    random = np.random.default_rng(3)
    for number in range(60):
        colour = tuple(int(one) for one in random.integers(256, size=3))
        picture(tmp_path / "data" / f"{number}.png", colour)
        lines.append(f"{number}.png,{'red' if number < 9 else f'caption {number}'}")
    (tmp_path / "data" / "a.csv").write_text("\n".join(lines))
    command = ("glam", "evaluate", "data/a.csv", "--sample", 40)

    rows = llm.json(*command)

    assert rows == llm.json(*command)
    assert rows != llm.json(*command, "--seed", 1)
    for row in rows:
        for name in ("recall_at_1", "recall_at_5", "recall_at_10", "mrr"):
            assert row[f"{name}_low"] <= row[name] <= row[f"{name}_high"]
        assert row["mrr_low"] < row["mrr"] < row["mrr_high"]


def test_one_table_to_read_and_one_to_publish(llm, monkeypatch, colours, table):
    register_fake(llm, monkeypatch, "turned", Turned("beef"))
    command = ("glam", "evaluate", table, "-m", "colours", "-m", "turned")

    result = llm(*command, "--markdown")
    lines = result.stdout.splitlines()
    assert lines[0] == (
        "| direction | checkpoint | queries | pool | recall@1 | recall@5 | recall@10 | MRR "
        "| median rank |"
    )
    assert lines[2] == (
        "| caption to picture | chance level | 3 | 3 | 0.333 | 1.000 | 1.000 | 0.611 |  |"
    )
    assert lines[4].startswith(
        "| caption to picture | glam-clip/turned | 3 | 3 | 0.000 ["
    )
    assert lines[5].startswith(
        "| caption to picture | glam-clip/turned − the first | 3 | 3 | -1.000 [-1.000, -1.000] |"
    )
    assert lines[-1] == (
        "In brackets: 95% intervals, percentile bootstrap over 3 groups of pictures "
        "(1,000 resamples, seed 0)."
    )

    result = llm(*command, "-t")
    assert "recall@10" in result.stdout.splitlines()[0]
    assert "percentile bootstrap" in result.stderr

    rows = list(csv.DictReader(io.StringIO(llm(*command, "--csv").stdout)))
    assert [row["mrr"] for row in rows] == ["1.0", "0.333333", "1.0", "0.333333"]
    assert rows[0]["mrr_difference"] == ""


def test_values_do_not_break_a_markdown_table():
    odd = MetricRow("a|b", "x", "Jar | jug\nno", 1, 1, 1, {"mrr": Metric(0.5, 0.25)})

    lines = metric_tables.markdown([odd]).splitlines()

    assert len(lines) == 4
    assert lines[3] == "| x | Jar \\| jug no | a\\|b | 1 | 1 | 0.500 |"


def test_what_one_checkpoint_could_not_read_counts_for_none():
    found = [Pair(f"{n}", (f"caption {n}",), {}, group=n) for n in range(3)]
    whole = np.array([True, True, True])
    one = Encoded("one", at(0, 40, 90), whole, at(0, 40, 90))
    other = Encoded(
        "other", at(0, 40, 90), np.array([True, False, True]), at(0, 40, 90)
    )

    rows = measure.measure(found, [one, other], MetricOptions())

    assert {(row.model, row.pool, row.queries) for row in rows} == {
        ("one", 2, 2),
        ("other", 2, 2),
    }


def test_warnings_where_figures_say_little(llm, photos, table):
    result = llm("glam", "evaluate", table, "-m", "demo")

    assert "Warning: the checkpoint glam-clip/demo knows only" in result.stderr
    assert "3 pictures, 3 different captions, 3 groups" in result.stderr
    assert "Warning: fewer than 30 independent groups are too few" in result.stderr
    one = llm("glam", "evaluate", table, "-m", "demo", "--sample", 1)
    assert "1 picture, 1 different caption, 1 group\n" in one.stderr


def test_a_real_clip_ranks_as_its_own_vectors_say(llm, tiny_clip, tmp_path):
    import llm as llm_package

    llm("glam", "models", "add", "tiny", tiny_clip)
    random = np.random.default_rng(0)
    lines, raw = ["file_name,caption"], []
    for number, caption in enumerate(CAPTIONS):
        colour = tuple(int(one) for one in random.integers(256, size=3))
        path = picture(tmp_path / "data" / f"{number}.png", colour, size=(64, 48))
        lines.append(f'{number}.png,"{caption}"')
        raw.append(path.read_bytes())
    (tmp_path / "data" / "a.csv").write_text("\n".join(lines))

    rows = llm.json("glam", "evaluate", "data/a.csv", "-m", "tiny")

    model = llm_package.get_embedding_model("glam-clip/tiny")
    pictures, texts = (
        np.array(list(model.embed_batch(some)), np.float64) for some in (raw, CAPTIONS)
    )
    unit = [
        one / np.linalg.norm(one, axis=1, keepdims=True) for one in (texts, pictures)
    ]
    scores = unit[0] @ unit[1].T
    for row, seen in zip(rows, (scores, scores.T), strict=True):
        ranks = [1 + int((line > line[i]).sum()) for i, line in enumerate(seen)]
        assert row["mrr"] == pytest.approx(
            np.mean([1 / rank for rank in ranks]), abs=1e-6
        )
        assert row["median_rank"] == np.median(ranks)


def test_vectors_are_those_that_embedding_stores(llm, colours, tmp_path):
    """Large pictures are decoded at a fraction of their size, the same one for both."""
    colours.needed = 16
    random = np.random.default_rng(0)
    (tmp_path / "large").mkdir()
    for name in ("a", "b"):
        pixels = random.integers(256, size=(1100, 1500, 3), dtype=np.uint8)
        pixels[:, : 300 if name == "a" else 900] //= 3
        Image.fromarray(pixels).save(tmp_path / "large" / f"{name}.jpg")
    (tmp_path / "large" / "captions.csv").write_text(
        "file_name,caption\na.jpg,a\nb.jpg,b"
    )
    llm("glam", "embed", "photos", "large")

    found = from_table.read("large/captions.csv", from_table.Columns()).pairs
    vectors, _, _ = encoding.encode_pictures(found, colours, ProgressBar())

    stored = llm.vectors()
    assert [tuple(one) for one in vectors.tolist()] == [
        stored["a.jpg"],
        stored["b.jpg"],
    ]


def test_pictures_are_encoded_in_batches_and_in_order(colours, table):
    begun = []

    class Report:
        def begin(self, total):
            begun.append(total)

        def advance(self, count):
            begun.append(count)

    found = from_table.read(table, from_table.Columns()).pairs
    vectors, usable, refused = encoding.encode_pictures(50 * found, colours, Report())

    assert begun == [150, 64, 64, 22]
    assert vectors[:3].tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert usable.all()
    assert refused == []
