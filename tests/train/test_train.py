"""``llm glam train``: a checkpoint of one's own, or one sentence that says why there is none."""

import csv
import io
import json
import random
import re
import shlex
import tempfile
import xml.etree.ElementTree as ElementTree
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image, ImageDraw
from safetensors import SafetensorError

from llm_glam.cli import train as command
from llm_glam.cli import train_context
from llm_glam.errors import BadPairs, NameTaken
from llm_glam.evaluate import encoding
from llm_glam.evaluate.pairs import holdout
from llm_glam.evaluate.pairs.pairs import Pair, Pairs
from llm_glam.formats import file_lock
from llm_glam.models import registry
from llm_glam.train import training_run, workflow
from llm_glam.train.cache import npz
from llm_glam.train.captions.short import shortened
from llm_glam.train.clip import checkpoint_weights
from llm_glam.train.learn.state import Epoch, Settings, State

from .. import tiny
from ..conftest import Llm

COLOURS = {
    "red": (220, 30, 30),
    "green": (30, 180, 40),
    "blue": (30, 40, 220),
    "white": (250, 250, 250),
    "black": (10, 10, 10),
    "yellow": (240, 230, 20),
    "pink": (250, 120, 180),
    "grey": (128, 128, 128),
}
RIGHTS = ("CC BY 4.0", "http://creativecommons.org/licenses/by/4.0/", "Ask us")
QUICK = ("--tune", "projections", "--epochs", "40", "--learning-rate", "0.02")


def draw(folder, number=900):
    """Pictures of two colours, one above the other, and captions that say which."""
    folder.mkdir(parents=True)
    chance = random.Random(1)
    rows = []
    for i in range(number):
        below, above = chance.sample(list(COLOURS), 2)
        picture = Image.new("RGB", (40, 40), COLOURS[below])
        ImageDraw.Draw(picture).rectangle((0, 0, 39, 19), fill=COLOURS[above])
        picture.putpixel((i % 40, i // 40), (i % 256, i // 256, 7))  # no two are alike
        picture.save(folder / f"{i:03}.png")
        caption = f"{above} over {below}, find {i}"
        rows.append((f"{i:03}.png", caption, f"m{i % 4}", 1900 + i % 90, above))
    write(folder / "captions.csv", rows)
    return rows


def write(path, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(
            ["file_name", "caption", "museum", "year", "above", "rights", "TK Labels"]
        )
        writer.writerows((*row, RIGHTS[n % 3], "TK A") for n, row in enumerate(rows))


@pytest.fixture(scope="module")
def school(tmp_path_factory):
    """Pictures with captions, and a small checkpoint that knows nothing."""
    folder = tmp_path_factory.mktemp("school")
    rows = draw(folder / "data")
    return folder, rows, tiny.make(folder / "clip", width=64)


@pytest.fixture
def learner(school, llm):
    """LLM with that checkpoint as ``tiny``."""
    llm("glam", "models", "add", "tiny", school[2])
    return llm


def learn(llm, folder, *args, name="ours", **options):
    data = folder / "data" / "captions.csv"
    return llm(
        "glam", "train", data, "--base", "tiny", "--name", name, *args, **options
    )


def recall(result):
    """recall@10 of captions, by checkpoint."""
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    return {
        row["checkpoint"]: row["recall_at_10"]
        for row in rows
        if row["direction"] == "caption to picture" and row.get("value") is None
    }


@pytest.fixture(scope="module")
def trained(school, tmp_path_factory):
    """One training to its end, looked at by several tests."""
    user = tmp_path_factory.mktemp("trained")
    with Llm.shared(user) as llm:
        llm("glam", "models", "add", "tiny", school[2])
        credits = (
            "--license",
            "cc0-1.0",
            "--author",
            "Doe, Jane",
            "--author",
            "Museum",
        )
        credits += ("--source", "Drawn for *tests*")
        result = learn(llm, school[0], *QUICK, "--by", "museum", *credits)
        yield result, user / "glam", llm


def test_it_learns_what_it_did_not_know(trained):
    result, _, _ = trained
    found = recall(result)
    assert found["glam-clip/tiny"] < 0.25
    assert found["glam-clip/ours"] > found["glam-clip/tiny"] + 0.3
    assert "before: held-out recall@10" in result.stderr
    assert "epoch 1/40: loss" in result.stderr
    assert "Registered glam-clip/ours. Model card: " in result.stderr


def test_the_checkpoint_opens_elsewhere_with_the_same_vectors(trained):
    from sentence_transformers import SentenceTransformer

    _, glam, llm = trained
    directory = glam / "checkpoints" / "ours"
    elsewhere = SentenceTransformer(str(directory), device="cpu")
    words = ["red over blue", "a white thing"]
    with Llm.shared(glam.parent):
        ours = [
            json.loads(llm("embed", "-m", "glam-clip/ours", "-c", word).stdout)
            for word in words
        ]
    np.testing.assert_allclose(elsewhere.encode(words), ours, rtol=1e-5, atol=1e-5)


def test_the_card_has_the_figures_and_nothing_of_the_data(trained, school):
    result, glam, _ = trained
    card = (glam / "checkpoints" / "ours" / "README.md").read_text("utf-8")
    assert card == (glam / "train" / "ours" / "README.md").read_text("utf-8")
    assert "license: cc0-1.0" in card
    assert "authors:\n- Doe, Jane\n- Museum\n" in card
    assert (
        "- Drawn for \\*tests\\*\n\nTo cite this checkpoint: Doe, Jane; Museum (20"
        in card
    )
    assert "--author 'Doe, Jane' --author Museum --source" in card
    assert r"| https\://creativecommons.org/licenses/by/4.0/ | 600 |" in card
    assert "| Ask us | 300 |" in card
    label = r"TK Attribution \(TK A\): https\://localcontexts.org/label/tk-attribution/"
    assert f"| {label} | 900 |" in card
    assert "caption to picture, recall@10" in card
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    new = next(row for row in rows if row["checkpoint"] == "glam-clip/ours")
    paired = [new[f"recall_at_10_difference{end}"] for end in ("", "_low", "_high")]
    one, low, high = (f"+{number:.3f}".replace("0.", ".") for number in paired)
    assert re.search(
        rf"\n\| caption to picture, recall@10 .* \| {re.escape(f'{one} [{low}, {high}]')}: better \|\n",
        card,
    )
    assert "m0" in card  # a value of --by
    assert "1900" in card
    for _, caption, *_ in school[1]:
        assert caption not in card
    files = [p for p in (glam / "checkpoints" / "ours").rglob("*") if p.is_file()]
    assert not [p for p in files if p.suffix in (".png", ".jpg", ".csv")]
    assert b"red over" not in b"".join(p.read_bytes() for p in files)


def test_the_command_in_the_card_has_no_folders():
    args = ["my/captions.csv", "--name", "x", "--base", "tiny", "--resume", "-t"]
    args += ["--images", "/home/me/a b", "--images", ".", "--retain", "/home/me/r.txt"]
    context = command.command.make_context("train", args)

    assert shlex.split(train_context.command_line(context)) == [
        *("llm", "glam", "train", "captions.csv", "--name", "x", "--base", "tiny"),
        *("--images", "a b", "--images", ".", "--retain", "r.txt"),
    ]


@pytest.mark.slow
def test_the_figures_are_those_of_evaluate(learner, school):
    folder, rows, _ = school
    asked = ("--label", "above", "--prompt", "{} over blue")
    result = learn(learner, folder, *QUICK, "--holdout", "museum=m1", *asked)
    write(folder / "data" / "m1.csv", [row for row in rows if row[2] == "m1"])
    models = ("-m", "tiny", "-m", "ours")
    again = learner("glam", "evaluate", folder / "data" / "m1.csv", *models, *asked)

    said, found = (
        [json.loads(line) for line in one.stdout.splitlines()]
        for one in (result, again)
    )
    assert len(found) == 8
    for one, other in zip(said, found, strict=True):
        assert one.keys() == other.keys()
        for name, value in one.items():
            if isinstance(value, float) and "_low" not in name and "_high" not in name:
                assert value == pytest.approx(other[name], abs=0.01), name
            elif isinstance(value, str):
                assert value == other[name]
    of_labels = [one for one in said if one["direction"] == "label to picture"]
    assert of_labels[1]["precision_at_10"] > of_labels[0]["precision_at_10"] + 0.2


def test_log_and_curves(trained):
    result, glam, _ = trained
    lines = (glam / "train" / "ours" / "log.jsonl").read_text("utf-8").splitlines()
    epochs = [json.loads(line) for line in lines]
    assert [epoch["number"] for epoch in epochs] == list(range(len(epochs)))
    assert len(epochs) == result.stderr.count("\nepoch ") + 1
    ElementTree.parse(glam / "train" / "ours" / "curves.svg")
    assert not (glam / "train" / "ours" / "state.safetensors").exists()


@pytest.mark.slow
def test_the_same_seed_gives_the_same_figures_and_pictures_are_read_once(
    learner, school, trained, monkeypatch
):
    result = learn(learner, school[0], *QUICK)
    assert list(recall(result).values()) == list(recall(trained[0]).values())
    registry.path().write_text(
        registry.path().read_text().replace('"ours"', '"former"')
    )

    def refuse(*args):
        raise AssertionError("a picture is read once more")

    monkeypatch.setattr(encoding, "encode_pictures", refuse)
    again = learn(learner, school[0], *QUICK, "--seed", 1)
    assert list(recall(again)) == ["glam-clip/tiny", "glam-clip/ours"]


def test_what_was_kept_and_is_damaged_is_computed_again(learner, school, trained):
    whole = (trained[1] / "train" / "ours" / "features.npz").read_bytes()
    cache = registry.directory() / "train" / "ours" / "features.npz"
    cache.parent.mkdir(parents=True)
    cache.write_bytes(whole[: len(whole) // 2])
    result = learn(learner, school[0], *QUICK[:3], "1", ok=False)
    assert "Training data ready: 900 pictures" in result.stderr
    with np.load(cache) as arrays, np.load(io.BytesIO(whole)) as before:
        assert arrays["pictures"].shape == before["pictures"].shape


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.9, 0.999])
def test_arrays_of_a_damaged_file_are_not_taken(tmp_path, share):
    path, refused = tmp_path / "kept.npz", [("a.png", "it is broken")]
    npz.save(path, "key", refused, {"numbers": np.arange(1000)})
    assert npz.load(path, "another") is None
    arrays, again = npz.load(path, "key")
    np.testing.assert_array_equal(arrays["numbers"], np.arange(1000))
    assert (list(arrays), again) == (["numbers"], refused)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    assert npz.load(path, "key") is None


@pytest.mark.slow
def test_a_training_that_was_killed_goes_on(learner, school, trained, monkeypatch):
    real = workflow.EpochLines.__call__

    def killed(self, epoch):
        real(self, epoch)
        if epoch.number == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(workflow.EpochLines, "__call__", killed)
    learn(learner, school[0], *QUICK, ok=False)
    monkeypatch.undo()
    monkeypatch.setenv("LLM_USER_PATH", str(learner.database.parent))
    monkeypatch.setenv("LLM_GLAM_ENGINE", "torch")

    other = learner.fails(
        *("glam", "train", school[0] / "data" / "captions.csv", "--base", "tiny"),
        *("--name", "ours", *QUICK, "--resume", "--epochs", "41"),
    )
    anew = learn(learner, school[0], *QUICK[:3], "1", "--label", "caption", ok=False)
    seed = learner.fails(
        *("glam", "train", school[0] / "data" / "captions.csv", "--base", "tiny"),
        *("--name", "ours", *QUICK, "--resume", "--seed", "1"),
    )
    resumed = learn(learner, school[0], *QUICK, "--resume")

    assert "Starting over: an unfinished run of 'ours' exists" in anew.stderr
    assert "Starting over" not in resumed.stderr
    assert "made with other settings: epochs 40 instead of 41." in other
    assert "made with other settings: seed 0 instead of 1." in seed
    assert "epoch 4/40" not in resumed.stderr
    assert "epoch 5/40" in resumed.stderr
    assert list(recall(resumed).values()) == list(recall(trained[0]).values())


def test_another_command_is_training_this_name(learner, school):
    """The second is refused before it reads anything, and touches nothing of the first."""
    lock = training_run.lock_of("a/b")
    lock.parent.mkdir(parents=True)
    data = school[0] / "data" / "captions.csv"
    args = ("glam", "train", data, "--base", "tiny", "--name", "a/b")
    with file_lock.locked(lock, wait_s=0):
        assert learner.fails(*args, "--resume") == (
            "Another command is training 'a/b' at the moment. Wait until it has finished, or "
            "choose another name, such as a/b-2."
        )
        with pytest.raises(NameTaken):
            workflow.train(Pairs([]), "a/b", options=workflow.TrainOptions("tiny"))
        learner(*args, "--check")
    assert not any((registry.directory() / "train" / "a--b").iterdir())


@pytest.mark.parametrize(
    ("where", "error", "is_begun"),
    [
        ((npz.np, "savez"), OSError(28, "No space left on device"), False),
        ((State, "write"), SafetensorError("I/O error: full (os error 28)"), False),
        (
            (checkpoint_weights, "replaced"),
            SafetensorError("full (os error 112)"),
            True,
        ),
    ],
)
def test_a_disk_that_is_full(learner, school, monkeypatch, where, error, is_begun):
    def full(*args, **options):
        raise error

    monkeypatch.setattr(*where, full)
    data = school[0] / "data" / "captions.csv"
    args = ("glam", "train", data, "--base", "tiny", "--name", "ours", *QUICK)
    folder = registry.directory() / "train" / "ours"
    more = " with --resume, which continues it" if is_begun else ""
    assert learner.fails(*args) == (
        f"The training cannot be saved: the disk of {folder}, or that of {tempfile.gettempdir()}, is "
        f"full. Free some space, and repeat the command{more}."
    )
    left = {one.name for one in folder.iterdir()}
    assert not {one for one in left if one.startswith(".") or one.endswith(".part")}


@pytest.mark.parametrize("check", [["--check"], QUICK])
def test_labels_that_say_nothing_are_found_out_before(learner, school, check):
    folder = school[0]
    message = learner.fails(
        *("glam", "train", folder / "data" / "captions.csv", "--base", "tiny"),
        *("--name", "ours", "--label", "caption", *check),
    )
    assert message.startswith(
        "Among the 135 pictures to measure with, no two of different groups share a label"
    )
    assert "in the column 'caption'. Choose another" in message
    assert not (registry.directory() / "train" / "ours" / "features.npz").exists()


@pytest.mark.slow
def test_figures_that_cannot_be_written_cost_no_checkpoint(
    learner, school, monkeypatch
):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(command, "output_rows", full)
    few = *QUICK[:3], "12", *QUICK[4:]
    result = learn(learner, school[0], *few, ok=False)
    assert result.exit_code == 1
    assert "ours" in [entry.name for entry in registry.checkpoints()]
    monkeypatch.undo()


def test_figures_are_shown_where_nothing_is_registered(learner, school):
    result = learn(learner, school[0], *QUICK[:2], "--learning-rate", "1e-7", ok=False)
    assert result.exit_code == 1
    assert list(recall(result)) == ["glam-clip/tiny", "glam-clip/ours"]


def test_no_epoch_in_the_time_there_was(learner, school):
    result = learn(learner, school[0], *QUICK, "--max-minutes", "1e-9", ok=False)
    message = result.stderr.partition("Error: ")[2]
    assert message.startswith(
        "Nothing was registered. Not a single epoch was completed in the time"
    )
    assert "--max-minutes" in message
    assert "captions belong" not in message


def test_a_value_that_nothing_has(learner, school):
    message = learner.fails(
        *("glam", "train", school[0] / "data" / "captions.csv", "--base", "tiny"),
        *("--name", "ours", "--holdout", "museum=Louvre"),
    )
    assert message == (
        "No picture has 'Louvre' in the column 'museum'. It has values such as: m0, m1, m2, m3."
    )


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.4, "0:01"), (29.5, "0:59"), (30, "1:00"), (47, "1:34"), (59.9, "2:00")],
)
def test_time_left(seconds, said):
    epoch = Epoch(1, 1.0, 1.0, 1.0, 0.5, 0, 0, None, None, seconds)
    lines = []
    progress = SimpleNamespace(say=lines.append)
    workflow.EpochLines(Settings(epochs=3), 10, progress, None)(epoch)
    assert f", at most {said} left, " in lines[0]


def test_an_epoch_fits_into_80_columns_without_its_speed():
    epoch = Epoch(161, 4.955, 6.0, 4.07, 0.393, 0, 0, None, None, 15)
    lines = []
    progress = SimpleNamespace(say=None, update=lines.append)
    workflow.EpochLines(Settings(epochs=200), 10_000, progress, None)(epoch)

    assert lines == [
        "epoch 161/200: loss 4.955 (held out 4.070), recall@10 0.393, at most 9:45 left, 667 "
        "pictures/s"
    ]
    assert len(lines[0].rpartition(", ")[0]) < 80


def test_captions_that_belong_to_others_give_no_checkpoint(learner, school):
    folder, rows, _ = school
    captions = [row[1] for row in rows]
    random.Random(2).shuffle(captions)
    shuffled = [(row[0], c, *row[2:]) for row, c in zip(rows, captions, strict=True)]
    write(folder / "data" / "shuffled.csv", shuffled)
    message = learner.fails(
        *("glam", "train", folder / "data" / "shuffled.csv", "--base", "tiny"),
        *("--name", "wrong", *QUICK),
    )
    assert message.startswith("Nothing was registered. ")
    assert "captions belong to their pictures" in message
    assert [entry.name for entry in registry.checkpoints()].count("wrong") == 0
    assert not (registry.directory() / "checkpoints" / "wrong").exists()


def test_forty_pairs(learner, school):
    folder, rows, _ = school
    write(folder / "data" / "few.csv", rows[:40])
    result = learner(
        *("glam", "train", folder / "data" / "few.csv", "--base", "tiny"),
        *("--name", "few", "--held-out", "0.3", *QUICK),
        ok=False,
    )
    assert result.exit_code == 1
    assert "Fewer than 200 pictures to train on" in result.stderr
    assert "28 pictures with captions to train on and 12 different" in result.stderr
    assert "Error: Nothing was registered. " in result.stderr


def test_what_the_data_are_like_is_said_before(learner, school):
    folder, rows, _ = school
    long = [(r[0], f"{r[1]} " + "with very many words " * 75, *r[2:]) for r in rows]
    long[1] = (long[1][0], long[0][1], *long[1][2:])
    write(folder / "data" / "long.csv", long)
    before = list(registry.directory().rglob("*"))
    result = learner(
        *("glam", "train", folder / "data" / "long.csv", "--base", "tiny", "--check")
    )
    (counts,) = (json.loads(line) for line in result.stdout.splitlines())
    assert counts == {
        "pictures": 900,
        "captions": 899,
        "groups": 899,
        "largest_group": 2,
        "learnt_from": 765,
        "held_out": 135,
        "share_a_caption": 2,
        "too_long": 899,
        "unknown": 0,
    }
    assert "899 captions are longer than the 77 tokens" in result.stderr
    assert list(registry.directory().rglob("*")) == before


def test_captions_that_end_early_for_the_tokenizer(llm, school, tmp_path):
    folder, rows, clip = school
    lacking = tiny.without_tokens(clip, tmp_path / "clip", ";</w>")
    llm("glam", "models", "add", "lacking", lacking)
    rows = [(rows[0][0], "an owl; of bronze", *rows[0][2:]), *rows[1:]]
    table = folder / "data" / "semicolon.csv"
    write(table, rows)
    result = llm("glam", "train", table, "--base", "lacking", "--check")
    assert json.loads(result.stdout)["unknown"] == 1
    assert "1 captions have characters that the checkpoint's tok" in result.stderr
    assert "is not read: “an owl; of bronze”. CLIP's own" in result.stderr


@pytest.mark.slow
def test_broken_and_missing_pictures_and_other_formats(learner, school, tmp_path):
    folder = tmp_path / "mixed" / "data"
    rows = draw(folder)
    for number, row in enumerate(rows[:60]):
        path = folder / row[0]
        if number % 4 == 0:
            path.unlink()
        elif number % 4 == 1:
            path.write_bytes(path.read_bytes()[:60])
        else:
            other = path.with_suffix((".tif", ".jp2")[number % 2])
            Image.open(path).save(other)
            path.unlink()
            rows[number] = (other.name, *row[1:])
    write(folder / "captions.csv", rows)
    result = learn(learner, folder.parent, *QUICK)
    found = recall(result)
    assert found["glam-clip/ours"] > found["glam-clip/tiny"]
    card = (registry.directory() / "checkpoints" / "ours" / "README.md").read_text()
    assert "Left out" in card


def test_a_museum_that_is_held_out(learner, school):
    result = learn(learner, school[0], *QUICK, "--holdout", "museum=m1", "--check")
    (counts,) = (json.loads(line) for line in result.stdout.splitlines())
    assert (counts["learnt_from"], counts["held_out"]) == (675, 225)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--name", "tiny"], "'tiny' is already the name of a checkpoint"),
        (["--name", "demo"], "'demo' is already the name of a checkpoint"),
        (["--name", "a b"], "is not a valid name"),
        (["--name", "x", "--resume"], "There is no training of 'x' to resume"),
        (
            ["--name", "x", "--base", "nobody"],
            "No checkpoint is registered as 'nobody'",
        ),
        (["--name", "x", "--holdout", "museum"], "--holdout museum has no value"),
        (["--name", "x", "--holdout", "town=Rome"], "There is no column 'town'"),
        (
            ["--name", "x", "--holdout", "museum=m9"],
            "No picture has 'm9' in the column",
        ),
    ],
)
def test_what_cannot_be_trained_is_one_sentence(learner, school, options, message):
    data = school[0] / "data" / "captions.csv"
    said = learner.fails("glam", "train", data, "--base", "tiny", *options)
    assert message in said


def test_a_base_without_projections(llm, school, tmp_path):
    llm("glam", "models", "add", "sig", tiny.siglip(tmp_path / "siglip"))
    data = school[0] / "data" / "captions.csv"
    message = llm.fails("glam", "train", data, "--base", "sig", "--name", "x")
    assert "no projections to train" in message


def test_a_collection_is_trained_from_its_own_checkpoint(
    learner, school, tmp_path, monkeypatch
):
    folder, rows = tmp_path / "finds", school[1][:100]
    folder.mkdir()
    for name, *_ in rows:
        (folder / name).write_bytes((school[0] / "data" / name).read_bytes())
    write(folder / "metadata.csv", rows)
    learner("glam", "embed", "finds", folder, "-m", "tiny")
    learner("glam", "models", "add", "other", tiny.make(tmp_path / "other", seed=3))
    learner("glam", "models", "default", "other")
    bases = []
    begin = training_run.begin
    monkeypatch.setattr(
        training_run,
        "begin",
        lambda name, base: bases.append(base) or begin(name, base),
    )
    asked = ("glam", "train", "--collection", "finds", "--caption", "caption")

    said = learner(*asked, "--check").stderr
    assert "Starting from glam-clip/tiny, the checkpoint of finds\n" in said
    assert set(bases) == {"glam-clip/tiny"}
    bases.clear()
    assert "Starting" not in learner(*asked, "--check", "--base", "other").stderr
    assert set(bases) == {"glam-clip/other"}
    bases.clear()
    learner("glam", "train", folder, "--caption", "caption", "--check")
    assert set(bases) == {"glam-clip/other"}


def test_a_collection_whose_checkpoint_is_another_one_now_is_refused(
    learner, photos, tmp_path
):
    learner("glam", "embed", "photos", "photos", "-m", "tiny")
    asked = ("glam", "train", "--collection", "photos", "--caption", "id", "--check")
    path = registry.directory() / "models.json"
    known = json.loads(path.read_text("utf-8"))
    known["checkpoints"]["tiny"]["fingerprint"] = "0" * 16
    path.write_text(json.dumps(known), "utf-8")
    assert "was made with another checkpoint named 'tiny'" in learner.fails(*asked)

    known["checkpoints"] = {}
    path.write_text(json.dumps(known), "utf-8")
    assert "No checkpoint is registered as 'tiny'" in learner.fails(*asked)


def test_a_name_is_needed(learner, school):
    data = school[0] / "data" / "captions.csv"
    message = learner.fails("glam", "train", data, "--base", "tiny", exit_code=2)
    assert message == "Give the new checkpoint a name: --name archaeclip"


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        (
            "Watercolor of Acca, Acca sellowiana, by E. Schutt, 1909",
            ["Watercolor of Acca", "Watercolor of Acca, Acca sellowiana"],
        ),
        (
            "Bronze brooch (broken). Trench 2",
            ["Bronze brooch", "Bronze brooch (broken)"],
        ),
        ("Head - fragment", []),
        ("Bronze head - fragment", ["Bronze head"]),
        ("a bronze brooch", []),
        ("a bronze brooch.", []),
        ("Brooch, bronze", []),
        ("", []),
    ],
)
def test_short_captions(caption, expected):
    assert shortened(caption) == expected


def pairs_of(*groups):
    return [
        Pair(str(n), ("x",), {"museum": "ab"[n % 2]}, group=group)
        for n, group in enumerate(groups)
    ]


def test_groups_are_never_split():
    found = pairs_of(*(n // 3 for n in range(300)))
    parts = holdout.at_random(found, share=0.2, seed=3)
    assert not {p.group for p in parts.train} & {p.group for p in parts.held_out}
    assert len(parts.train) + len(parts.held_out) == 300
    assert 55 <= len(parts.held_out) <= 60
    assert parts == holdout.at_random(found, share=0.2, seed=3)
    assert parts != holdout.at_random(found, share=0.2, seed=4)


def test_what_shares_a_group_with_what_is_held_out_is_neither():
    found = pairs_of(*range(100), 0, 0)  # 100 is of museum a, 101 of b
    parts = holdout.by_value(found, "museum", "b")
    assert {p.id for p in parts.held_out} == {str(n) for n in range(1, 102, 2)}
    assert "0" not in {p.id for p in parts.train}
    assert "100" not in {p.id for p in parts.train}


def test_one_large_group_is_too_little():
    with pytest.raises(BadPairs, match="0 to measure with are too few"):
        holdout.at_random(pairs_of(*([1] * 100)))
