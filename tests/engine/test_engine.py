"""The fast engine: the same vectors as torch's, without torch."""

import json
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from llm_glam.engine import FP32, export
from llm_glam.engine.onnx import OnnxEncoder
from llm_glam.engine.preprocess import Preprocessing
from llm_glam.engine.torch import TorchEncoder, quiet
from llm_glam.errors import LEFT_OUT, BadCheckpoint, BadDevice
from llm_glam.models import engine_choice, loading, registry
from llm_glam.models.engine_choice import EngineOptions
from llm_glam.vectors import paired_cosines

from .. import forked, tiny
from ..conftest import Llm

SHAPES = [
    (300, 200),
    (32, 32),
    (33, 47),
    (201, 513),
    (31, 640),
    (5, 3),
    (640, 31),
    (1, 400),
]
TEXTS = ["a raccoon", "", "Çatalhöyük – blé 🏺", "word " * 200, "a", "RACCOON"]
EMBED = ("embed-multi", "photos", "--files", "photos", "*.png", "-m", "glam-clip/tiny")


def pictures():
    """Soft pictures of odd shapes."""
    random = np.random.default_rng(1)
    small = [random.integers(0, 256, (5, 7, 3), np.uint8) for _ in SHAPES]
    return [
        Image.fromarray(s).resize(shape) for s, shape in zip(small, SHAPES, strict=True)
    ]


@pytest.fixture(autouse=True)
def new_process(monkeypatch):
    """Nothing is loaded yet; call it to begin anew."""
    begin = lambda: monkeypatch.setattr(loading, "_loaded", {})  # noqa: E731
    begin()
    return begin


@pytest.fixture
def auto(monkeypatch):
    monkeypatch.delenv("LLM_GLAM_ENGINE")


@pytest.fixture(scope="module")
def added(tiny_clip, tmp_path_factory):
    """LLM's folder with the tiny checkpoint registered as ``tiny``, and exported by that."""
    user = tmp_path_factory.mktemp("added")
    with pytest.MonkeyPatch.context() as patch, Llm.shared(user) as llm:
        patch.delenv("LLM_GLAM_ENGINE")
        patch.setattr(loading, "_loaded", {})
        said = llm("glam", "models", "add", "tiny", tiny_clip).stderr
    assert "Preparing the fast engine" in said
    return user


@pytest.fixture
def ready(llm, added, user_path, photos, auto):
    """The same, for a test to change."""
    shutil.copytree(added, user_path, dirs_exist_ok=True)
    return llm


@pytest.fixture(scope="module")
def exported(tiny_clip, tmp_path_factory):
    folder = tmp_path_factory.mktemp("engine") / "tiny"
    encoder = TorchEncoder(tiny_clip)
    export.export(encoder, folder)
    return encoder, folder


@pytest.mark.parametrize(
    "layout",
    [tiny.as_sentence_transformer, tiny.as_legacy, tiny.as_bin],
    ids=lambda f: f.__name__,
)
def test_every_layout_gives_torch_s_vectors(tiny_clip, tmp_path, layout):
    reference = TorchEncoder(layout(tiny_clip, tmp_path / "checkpoint"))
    export.export(reference, tmp_path / "engine")

    fast = OnnxEncoder(tmp_path / "engine")

    assert (fast.fingerprint, fast.dimensions) == (reference.fingerprint, 16)
    for ours, theirs in (
        (fast.encode_texts(TEXTS), reference.encode_texts(TEXTS)),
        (
            fast.encode_prepared([fast.prepare(one) for one in pictures()]),
            reference.encode_prepared([reference.prepare(one) for one in pictures()]),
        ),
    ):
        assert ours.dtype == np.float32
        assert paired_cosines(ours, theirs).min() > 0.9999
        centred = paired_cosines(ours - theirs.mean(0), theirs - theirs.mean(0))
        assert centred.min() > 0.999


@pytest.mark.parametrize(
    "settings",
    [
        {"size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32}},
        {"size": {"shortest_edge": 40}, "crop_size": {"height": 33, "width": 31}},
        {"size": {"shortest_edge": 20}, "crop_size": {"height": 33, "width": 32}},
        {"size": {"height": 30, "width": 45}, "do_center_crop": False},
        {
            "size": {"height": 30, "width": 45},
            "resample": 2,
            "crop_size": {"height": 30, "width": 30},
        },
        {"size": {"shortest_edge": 32}, "resample": 1, "do_normalize": False},
        {"do_resize": False, "crop_size": {"height": 32, "width": 32}},
        {
            "size": {"shortest_edge": 32},
            "image_mean": [0.5] * 3,
            "image_std": [0.25, 0.5, 1],
        },
        {"size": {"shortest_edge": 32}, "do_rescale": False},
    ],
)
def test_preprocessing_is_that_of_the_processor(settings):
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    with quiet():
        processor = CLIPImageProcessorPil(**settings)
    ours = Preprocessing.of(processor.to_dict())

    for picture in pictures():
        if min(picture.size) < 4 or max(picture.size) > 40 * min(picture.size):
            continue  # those are changed beforehand, for either engine
        theirs = processor(picture, return_tensors="np")["pixel_values"][0]
        assert ours(picture).shape == theirs.shape
        scale = 255 if settings.get("do_rescale") is False else 1
        assert np.abs(ours(picture) - theirs).max() < 1e-3 * scale


@pytest.mark.parametrize(
    "settings",
    [
        {
            "image_processor_type": "SiglipImageProcessor",
            "size": {"height": 32, "width": 32},
        },
        {
            "image_processor_type": "CLIPImageProcessor",
            "do_resize": True,
            "size": {"longest_edge": 9},
        },
        {},
    ],
)
def test_other_preprocessing_is_left_to_its_own_processor(settings):
    assert Preprocessing.of(settings) is None


def test_a_search_imports_neither_torch_nor_transformers(ready):
    ready(*EMBED)
    code = (
        "import sys\nfrom click.testing import CliRunner\nfrom llm.cli import cli\n"
        "result = CliRunner().invoke(cli, ['similar', 'photos', '-c', 'raccoon'])\n"
        "assert result.exit_code == 0, result.output\nprint(result.stdout)\n"
        "heavy = {'torch', 'transformers', 'sentence_transformers', 'sklearn'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert {json.loads(line)["id"] for line in done.stdout.split("\n") if line} == {
        "red.png",
        "green.png",
    }


def test_an_export_from_elsewhere_is_enough_without_torch(
    ready, photos, user_path, monkeypatch, new_process
):
    ready(*EMBED)
    search = ("similar", "photos", "-c", "a raccoon")
    expected = ready.json(*search)
    registered = user_path / "glam" / "models.json"
    known = json.loads(registered.read_text("utf-8"))
    known["checkpoints"]["tiny"]["source"] = str(user_path / "on another computer")
    registered.write_text(json.dumps(known), "utf-8")
    new_process()
    assert "cannot be found" in ready.fails(*search)
    for package in LEFT_OUT:
        monkeypatch.setitem(sys.modules, package, None)

    assert ready.json(*search) == expected
    assert "2 unchanged" in ready(*EMBED).stderr

    new_process()
    shutil.rmtree(engine_choice.directory())
    assert "cannot be found" in ready.fails(*search)


def test_vectors_and_answers_are_torch_s(ready, monkeypatch, new_process):
    ready(*EMBED)
    fast, answers = ready.vectors(), ready.json("similar", "photos", "-c", "raccoon")
    ready("collections", "delete", "photos")
    monkeypatch.setenv("LLM_GLAM_ENGINE", "torch")
    new_process()

    ready(*EMBED)

    for item_id, vector in ready.vectors().items():
        assert np.allclose(vector, fast[item_id], atol=1e-5)
    for ours, theirs in zip(
        answers, ready.json("similar", "photos", "-c", "raccoon"), strict=True
    ):
        assert ours["id"] == theirs["id"]
        assert ours["score"] == pytest.approx(theirs["score"], abs=1e-5)


def test_torch_can_be_asked_for(llm, tiny_clip, photos, auto, monkeypatch):
    monkeypatch.setenv("LLM_GLAM_ENGINE", "torch")

    result = llm("glam", "models", "add", "tiny", tiny_clip)

    assert "fast engine" not in result.stderr
    assert not engine_choice.directory().exists()


@pytest.mark.slow
def test_what_cannot_be_exported_runs_on_torch_and_says_so_once(
    llm, tiny_clip, photos, auto, new_process
):
    other = Path(shutil.copytree(tiny_clip, "other"))
    path = other / "processor_config.json"
    settings = json.loads(path.read_text())
    settings["image_processor"]["size"] = {"shortest_edge": 32, "longest_edge": 64}
    path.write_text(json.dumps(settings))

    first = llm("glam", "models", "add", "tiny", other).stderr
    new_process()
    second = llm(*EMBED)

    assert "runs on torch, the slower engine: its preprocessing is not CLIP's" in first
    assert "engine" not in second.stderr
    assert llm.ids() == ["green.png", "red.png"]


def texts_by_transformers(folder, texts):
    """A SigLIP's vectors of texts without sentence-transformers, as its authors say."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    model = AutoModel.from_pretrained(folder).eval()
    padded = {"padding": "max_length", "max_length": 64, "truncation": True}
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokens = tokenizer(texts, return_tensors="pt", **padded)
    with torch.inference_mode():
        return model.get_text_features(**tokens).pooler_output.numpy()


@pytest.mark.slow
def test_siglip_works_through_torch_with_its_own_processor(
    llm, photos, auto, tmp_path, new_process
):
    from sentence_transformers import SentenceTransformer

    siglip = tiny.siglip(tmp_path / "siglip")
    added = llm("glam", "models", "add", "siglip", siglip).stderr
    new_process()

    llm(*EMBED[:-1], "glam-clip/siglip")

    assert "runs on torch, the slower engine: its preprocessing is not CLIP's" in added
    library = SentenceTransformer(str(siglip))
    for item_id, vector in llm.vectors().items():
        theirs = library.encode(Image.open(photos / item_id).convert("RGB"))
        assert np.abs(vector - theirs).max() < 1e-5
    words = texts_by_transformers(siglip, ["raccoon"])[0]
    for hit in llm.json("similar", "photos", "-c", "raccoon"):
        stored = llm.vectors()[hit["id"]]
        cosine = stored @ words / np.linalg.norm(words) / np.linalg.norm(stored)
        assert hit["score"] == pytest.approx(float(cosine), abs=1e-5)


SIGLIPS = {
    "siglip": tiny.siglip,
    "siglip without a mask": partial(tiny.siglip, masked=False),
    "siglip2": tiny.siglip2,
}


@pytest.mark.parametrize("kind", SIGLIPS)
def test_a_text_of_siglip_is_the_same_beside_a_longer_one(tmp_path, kind):
    folder = SIGLIPS[kind](tmp_path / "siglip")
    encoder = TorchEncoder(folder, device="cpu")
    alone = np.concatenate([encoder.encode_texts([text]) for text in TEXTS])
    together = encoder.encode_texts(TEXTS)
    reverse = encoder.encode_texts(TEXTS[::-1])[::-1]

    assert ("attention_mask" in encoder.model.preprocess(["a"])) == (
        "without" not in kind
    )
    theirs = texts_by_transformers(folder, TEXTS)
    for ours in (alone, together, reverse):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)


def test_a_text_of_a_clip_is_padded_to_the_longest(tiny_clip):
    encoder = TorchEncoder(tiny_clip, device="cpu")
    short, long = (
        encoder.model.preprocess(texts)["input_ids"].shape[1]
        for texts in (["a"], ["a", "a ship " * 8])
    )
    assert 2 < short < long < 77


@pytest.mark.slow
def test_another_version_may_export_what_this_one_cannot(
    llm, tiny_clip, photos, new_process, monkeypatch
):
    llm("glam", "models", "add", "tiny", tiny_clip)
    engine = engine_choice.directory()
    engine.mkdir()
    fingerprint = registry.get("tiny").fingerprint
    remembered = engine / f"{fingerprint}-fp32.json"
    versions = {**engine_choice._versions(), "torch": "2.0.0"}
    remembered.write_text(json.dumps({"reason": "too new", "versions": versions}))
    monkeypatch.delenv("LLM_GLAM_ENGINE")
    new_process()

    assert "Preparing the fast engine" in llm(*EMBED).stderr
    assert (engine / fingerprint / "image.onnx").is_file()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows limits no file's size")
@pytest.mark.parametrize("most", [1_000, 30_000, 60_000, 100_000])
def test_a_full_disk_leaves_nothing_and_is_no_verdict(
    exported, tmp_path, monkeypatch, most
):
    """However far it comes: no file may grow over ``most`` bytes."""
    import resource

    encoder, _ = exported
    monkeypatch.setattr(
        export.shutil, "disk_usage", lambda path: SimpleNamespace(free=0)
    )
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        with pytest.raises(OSError, match="File too large|No space left"):
            export.export(encoder, tmp_path / "engine" / "tiny")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert list((tmp_path / "engine").iterdir()) == []
    export.export(encoder, tmp_path / "engine" / "tiny")


@pytest.mark.slow
def test_an_export_that_fails_for_now_is_tried_again(
    llm, tiny_clip, photos, auto, new_process, monkeypatch, real_exporter
):
    monkeypatch.setattr(engine_choice, "run_exporter", real_exporter)
    failing = (
        "import sys; print('f00d'); print('no room', file=sys.stderr); sys.exit(4)"
    )
    run = subprocess.run
    monkeypatch.setattr(
        engine_choice.subprocess,
        "run",
        lambda command, **kw: run([sys.executable, "-c", failing], **kw),
    )

    first = llm("glam", "models", "add", "tiny", tiny_clip).stderr
    monkeypatch.setattr(engine_choice.subprocess, "run", run)
    monkeypatch.setattr(engine_choice, "run_exporter", forked.exporter)
    new_process()
    second = llm(*EMBED).stderr

    assert "runs on torch, the slower engine: no room" in first
    assert "Preparing the fast engine" in second


@pytest.mark.slow
def test_where_it_cannot_be_written_torch_does_the_work(llm, tiny_clip, photos, auto):
    registry.directory().mkdir(parents=True)
    engine_choice.directory().write_text("in the way")

    llm("glam", "models", "add", "tiny", tiny_clip)
    assert "2 embedded" in llm(*EMBED).stderr


@pytest.mark.slow
def test_a_deleted_export_is_made_again(ready, new_process):
    shutil.rmtree(engine_choice.directory())
    new_process()

    assert "Preparing the fast engine" in ready(*EMBED).stderr
    assert len(list(engine_choice.directory().glob("*/image.onnx"))) == 1


def test_a_damaged_export_is_one_clear_sentence(ready, new_process):
    ready(*EMBED)
    new_process()
    (model,) = engine_choice.directory().glob("*/text.onnx")
    model.write_bytes(model.read_bytes()[:1000])

    message = ready.fails("similar", "photos", "-c", "raccoon")

    assert f"Delete the folder {model.parent}" in message


@pytest.mark.slow
def test_a_damaged_description_is_as_none(ready, new_process):
    ready(*EMBED)
    new_process()
    (description,) = engine_choice.directory().glob("*/engine.json")
    description.write_text("{")

    assert ready.json("similar", "photos", "-c", "raccoon")
    new_process()
    shutil.rmtree("photos")
    Image.new("RGB", (40, 40), "teal").save("new.png")
    ready("embed-multi", "photos", "--files", ".", "new.png")
    assert OnnxEncoder(description.parent).dimensions == 16


@pytest.mark.slow
def test_two_exports_at_once(tiny_clip, tmp_path):
    arguments = (tiny_clip, tmp_path / "engine", FP32)
    with ThreadPoolExecutor() as pool:
        both = [pool.submit(forked.exporter, *arguments) for _ in range(2)]
    names = {one.result().stdout.strip() for one in both}

    assert [one.result().returncode for one in both] == [0, 0]
    (folder,) = (tmp_path / "engine").iterdir()
    assert {folder.name} == names
    assert OnnxEncoder(folder).encode_texts(["a"]).shape == (1, 16)


def test_what_a_killed_export_left_is_cleared_away(exported, tmp_path):
    encoder, _ = exported
    left, recent = tmp_path / ".export-1", tmp_path / ".export-2"
    left.mkdir()
    recent.mkdir()
    os.utime(left, (time.time() - 100_000,) * 2)

    export.export(encoder, tmp_path / "tiny")

    assert {path.name for path in tmp_path.iterdir()} == {".export-2", "tiny"}


def test_differing_vectors_are_noticed(exported, tiny_clip, tmp_path):
    _, folder = exported
    other = TorchEncoder(tiny.make(tmp_path / "other", seed=5))

    with pytest.raises(export.NotExportable, match="vectors differ"):
        export.check(other, OnnxEncoder(folder))


def test_an_export_of_another_version_is_not_used(exported, tmp_path):
    folder = shutil.copytree(exported[1], tmp_path / "old")
    path = folder / "engine.json"
    path.write_text(path.read_text().replace('"format": 1', '"format": 0'))

    assert not export.is_complete(folder)
    with pytest.raises(ValueError, match="another version"):
        OnnxEncoder(folder)


def test_nothing_gives_nothing(exported):
    fast = OnnxEncoder(exported[1])

    assert fast.encode_prepared([]).shape == (0, 16)
    assert fast.encode_texts([]).shape == (0, 16)


def test_a_lost_model_file_says_what_to_do(exported, tmp_path):
    folder = shutil.copytree(exported[1], tmp_path / "lost")
    fast = OnnxEncoder(folder)
    (folder / "image.onnx").unlink()

    with pytest.raises(
        BadCheckpoint, match="exported again the next time pictures are embedded"
    ):
        fast.encode_prepared([fast.prepare(Image.new("RGB", (40, 40)))])


@pytest.fixture
def many(tmp_path):
    """Thirty pictures in ``many/``, no two alike."""
    random = np.random.default_rng(2)
    Path("many").mkdir()
    for i in range(30):
        values = random.integers(0, 256, (4, 4, 3), np.uint8)
        Image.fromarray(values).resize((50, 40)).save(f"many/{i:02}.png")


@pytest.mark.slow
def test_int8_is_a_property_of_the_collection(ready, many, new_process):
    first = ready(
        "glam", "embed", "quick", "many", "-m", "tiny", "--precision", "int8"
    ).stderr
    new_process()
    ready("glam", "embed", "exact", "many", "-m", "tiny")

    assert "of the ten nearest neighbours that fp32 finds" in first
    rows = ready.rows("select name, precision from glam_collections order by name")
    assert [tuple(row.values()) for row in rows] == [
        ("exact", "fp32"),
        ("quick", "int8"),
    ]
    exact, quick = (
        np.array(list(ready.vectors(name).values())) for name in ("exact", "quick")
    )
    assert not np.array_equal(exact, quick)
    assert paired_cosines(exact, quick).min() > 0.9
    hits = ready.json("similar", "quick", "-i", "many/03.png", "-n", 1)
    assert hits[0]["id"] == "03.png"
    assert hits[0]["score"] == pytest.approx(1, abs=1e-5)
    (arguments,) = ready.rows(
        "select arguments from glam_runs where arguments like '%agreement%'"
    )
    assert 0 <= json.loads(arguments["arguments"])["agreement"] <= 1
    message = ready.fails("glam", "embed", "quick", "many", "--precision", "fp32")
    assert "was made with --precision int8" in message
    assert "0 embedded, 30 unchanged" in ready("glam", "embed", "quick", "many").stderr


def test_an_int8_vector_does_not_depend_on_its_batch(exported, tmp_path):
    export.export(exported[0], tmp_path / "int8", "int8")
    fast = OnnxEncoder(tmp_path / "int8")
    prepared = [fast.prepare(one) for one in pictures()]

    together = fast.encode_prepared(prepared)

    for vector, one in zip(together, prepared, strict=True):
        assert np.array_equal(vector, fast.encode_prepared([one])[0])
    assert np.array_equal(fast.encode_texts(TEXTS)[:1], fast.encode_texts(TEXTS[:1]))


def test_int8_without_the_fast_engine_is_refused(llm, tiny_clip, many):
    llm("glam", "models", "add", "tiny", tiny_clip)

    message = llm.fails(
        "glam", "embed", "quick", "many", "-m", "tiny", "--precision", "int8"
    )

    assert "needs the fast engine" in message


@pytest.mark.slow
def test_an_int8_collection_can_be_searched_where_there_is_only_torch(
    ready, many, monkeypatch, new_process
):
    ready("glam", "embed", "quick", "many", "-m", "tiny", "--precision", "int8")
    new_process()
    monkeypatch.setenv("LLM_GLAM_ENGINE", "torch")

    assert (
        ready.json("similar", "quick", "-i", "many/03.png", "-n", 1)[0]["score"] > 0.9
    )


@pytest.mark.slow
def test_changed_weights_are_noticed_in_int8_too(ready, many, new_process, tmp_path):
    folder = Path(registry.get("tiny").source)
    moved = folder.rename(folder.with_name("moved"))
    tiny.make(folder, seed=9)
    new_process()
    try:
        message = ready.fails(
            "glam", "embed", "quick", "many", "-m", "tiny", "--precision", "int8"
        )
    finally:
        shutil.rmtree(folder)
        moved.rename(folder)

    assert "have changed" in message


def test_agreement_counts_shared_neighbours():
    from llm_glam.ingest import precision_agreement

    line = np.array([[1, 0], [1, 0.1], [1, 0.3], [1, 0.6]], np.float32)
    swapped = line[[0, 1, 3, 2]]

    assert precision_agreement.recall(line, line, 1) == 1
    assert precision_agreement.recall(line, swapped, 1) == pytest.approx(0.5)
    assert precision_agreement.recall(line, swapped, 3) == 1


@pytest.mark.skipif(
    not Path("/proc/self/maps").exists(), reason="asks Linux what is mapped"
)
def test_files_are_let_go_before_their_folder_is_renamed(exported, tmp_path):
    folder = shutil.copytree(exported[1], tmp_path / "copy")
    fast = OnnxEncoder(folder)
    fast.encode_texts(["a"])
    fast.encode_prepared([fast.prepare(Image.new("RGB", (40, 40)))])
    assert str(folder) in Path("/proc/self/maps").read_text()

    fast.close()

    assert str(folder) not in Path("/proc/self/maps").read_text()


def test_a_device_that_is_not_there_is_one_sentence(ready, photos):
    import torch

    if torch.cuda.is_available():
        pytest.skip("this computer has one")

    message = ready.fails(
        "glam", "embed", "new", "photos", "-m", "tiny", "--device", "cuda"
    )
    assert message.startswith("The model cannot run on 'cuda' on this computer: ")
    assert "Leave out --device" in message
    assert "cannot run on 'teapot'" in ready.fails(
        "glam", "embed", "new", "photos", "-m", "tiny", "--device", "teapot"
    )


def test_the_device_is_taken_from_the_environment_as_well(ready, photos, monkeypatch):
    monkeypatch.setenv("LLM_GLAM_DEVICE", "teapot")

    assert "cannot run on 'teapot'" in ready.fails(*EMBED)
    assert "cannot run on 'teapot'" in ready.fails(
        "glam", "embed", "new", "photos", "-m", "tiny"
    )


@pytest.mark.parametrize(
    ("device", "engine"), [(None, TorchEncoder), ("cpu", OnnxEncoder)]
)
def test_where_there_is_a_card_torch_embeds_unless_the_processor_is_asked_for(
    ready, monkeypatch, new_process, device, engine
):
    monkeypatch.setattr(engine_choice, "has_accelerator", lambda: True)
    new_process()

    assert isinstance(
        loading.encoder("tiny", EngineOptions(print, device=device)), engine
    )
    new_process()
    assert isinstance(loading.encoder("tiny"), OnnxEncoder)  # for a query


def test_int8_is_for_the_processor(ready, many):
    message = ready.fails(
        *("glam", "embed", "quick", "many", "-m", "tiny"),
        *("--precision", "int8", "--device", "cuda"),
    )

    assert "--precision int8 runs on the CPU" in message


def test_sixteen_bits_are_near_enough(tiny_clip):
    """What NVIDIA cards do, on the processor."""
    whole, half = TorchEncoder(tiny_clip), TorchEncoder(tiny_clip, half=True)
    prepared = [whole.prepare(one) for one in pictures()]

    ours, theirs = half.encode_prepared(prepared), whole.encode_prepared(prepared)

    assert ours.dtype == np.float32
    assert not np.array_equal(ours, theirs)
    assert paired_cosines(ours, theirs).min() > 0.9999
    centred = paired_cosines(ours - theirs.mean(0), theirs - theirs.mean(0))
    assert centred.min() > 0.999


def test_where_memory_is_short_fewer_pictures_are_taken_at_once(tiny_clip, monkeypatch):
    import torch

    encoder = TorchEncoder(tiny_clip)
    prepared = [encoder.prepare(one) for one in pictures()] * 5
    expected = encoder.encode_prepared(prepared)
    forward, room, taken = encoder._forward, 6, []

    def small(features):
        taken.append(len(features["pixel_values"]))
        if taken[-1] > room:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return forward(features)

    monkeypatch.setattr(encoder, "_forward", small)

    assert np.allclose(encoder.encode_prepared(prepared), expected, atol=1e-6)
    assert taken == [32, 16, 8, *[4] * 10]
    room = 0
    with pytest.raises(BadDevice, match="--device cpu"):
        encoder.encode_prepared(prepared)
