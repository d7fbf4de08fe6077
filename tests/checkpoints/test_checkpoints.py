"""Checkpoints in every layout, their names and their fingerprints."""

import io
import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from llm_glam import errors
from llm_glam.checkpoints import completion
from llm_glam.models import embedding_model, loading, registry

from .. import tiny

LAYOUTS = {
    "plain": shutil.copytree,
    "bin": tiny.as_bin,
    "new": tiny.as_sentence_transformer,
    "legacy": tiny.as_legacy,
}


def png(colour="teal", size=(50, 40)):
    out = io.BytesIO()
    Image.effect_noise(size, 90).convert("RGB").save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_load_and_have_one_fingerprint(tiny_clip, tmp_path, layout):
    from sentence_transformers import SentenceTransformer

    reference = loading.add("reference", str(tiny_clip))
    LAYOUTS[layout](tiny_clip, tmp_path / layout)
    entry = loading.add("mine", str(tmp_path / layout))
    assert entry.fingerprint == reference.fingerprint
    assert (entry.dimensions, entry.source) == (16, str(tmp_path / layout))
    data = png()
    items = ["a raccoon", data, "a ship " * 100, data]
    ours = np.array(list(embedding_model.GlamClip("mine").embed_batch(items)))
    library = SentenceTransformer(str(tmp_path / layout))
    image = Image.open(io.BytesIO(data))
    theirs = [
        library.encode([item if isinstance(item, str) else image])[0] for item in items
    ]
    assert np.abs(ours - np.array(theirs)).max() < 1e-5


def test_other_weights_tokenizers_and_preprocessing_have_other_fingerprints(
    tiny_clip, tmp_path
):
    names = ["one", "weights", "tokenizer", "preprocessing"]
    folders = {"one": tiny_clip, "weights": tiny.make(tmp_path / "weights", seed=1)}
    for name in names[2:]:
        folders[name] = Path(shutil.copytree(tiny_clip, tmp_path / name))
    swap_last_words(folders["tokenizer"] / "tokenizer.json")
    settings = folders["preprocessing"] / "processor_config.json"
    settings.write_text(settings.read_text("utf-8").replace("0.48145466", "0.5"))
    fingerprints = {loading.add(name, str(folders[name])).fingerprint for name in names}
    assert len(fingerprints) == 4


def swap_last_words(path):
    data = json.loads(path.read_text("utf-8"))
    vocabulary = data["model"]["vocab"]
    *_, one, other = sorted(vocabulary, key=vocabulary.get)
    vocabulary[one], vocabulary[other] = vocabulary[other], vocabulary[one]
    path.write_text(json.dumps(data), "utf-8")


def test_a_bare_checkpoint_is_completed_from_its_base(tiny_clip, tmp_path):
    base = loading.add("base", str(tiny.as_legacy(tiny_clip, tmp_path / "legacy")))
    bare = tiny.as_bare(tiny_clip, tmp_path / "bare")
    before = sorted(path.name for path in bare.iterdir())
    assert completion.lacks(bare) == ["tokenizer", "preprocessing"]
    with pytest.raises(
        errors.BadCheckpoint, match="is missing its tokenizer and preprocessing.*--base"
    ):
        loading.add("mine", str(bare))
    entry = loading.add("mine", str(bare), base="base")
    assert entry.fingerprint == base.fingerprint
    assert sorted(path.name for path in bare.iterdir()) == before
    shutil.rmtree(bare)
    assert (
        len(next(iter(embedding_model.GlamClip("mine").embed_batch(["a ship"])))) == 16
    )


def as_base(tiny_clip, folder, *, config=None, tokenizer=None):
    """The tiny checkpoint with something in its settings changed."""
    base = Path(shutil.copytree(tiny_clip, folder))
    for name, change in (("config.json", config), ("tokenizer.json", tokenizer)):
        if change:
            data = json.loads((base / name).read_text("utf-8"))
            change(data)
            (base / name).write_text(json.dumps(data), "utf-8")
    return base


def with_a_word_more(data):
    data["model"]["vocab"]["unguentarium"] = len(data["model"]["vocab"])


def with_another_end(data):
    words = data["model"]["vocab"]
    end, other = "<|endoftext|>", max(words, key=words.get)
    words[end], words[other] = words[other], words[end]
    for added in data["added_tokens"]:
        added["id"] = words[added["content"]]


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        (
            {"config": lambda data: data["text_config"].update(vocab_size=49408)},
            r"its vocabulary has 583 tokens, the base's 49,408",
        ),
        (
            {"config": lambda data: data.update(projection_dim=512)},
            "its vectors have 16 dimensions, the base's 512",
        ),
        (
            {
                "config": lambda data: data["text_config"].update(
                    max_position_embeddings=32
                )
            },
            "it reads up to 77 tokens of a text, the base's 32",
        ),
        (
            {"tokenizer": with_a_word_more},
            "its vocabulary has 583 tokens, the base's tokenizer has 584",
        ),
        (
            {"tokenizer": with_another_end},
            "its texts end with token 1, those of the base's tokenizer with 582",
        ),
    ],
)
def test_a_wrong_base_is_refused_by_what_differs(
    tiny_clip, tmp_path, llm, changes, difference
):
    bare = tiny.as_bare(tiny_clip, tmp_path / "bare")
    base = as_base(tiny_clip, tmp_path / "base", **changes)
    before = {file.name: file.read_bytes() for file in bare.iterdir()}
    message = llm.fails("glam", "models", "add", "mine", bare, "--base", base)
    assert f"{bare} was not fine-tuned from {base}: {difference}" in message
    assert "--base NAME_OR_FOLDER" in message
    assert "mine" not in [entry.name for entry in registry.checkpoints()]
    assert {file.name: file.read_bytes() for file in bare.iterdir()} == before


def test_a_tokenizer_with_words_the_model_has_not_is_no_traceback(tiny_clip, tmp_path):
    folder = as_base(tiny_clip, tmp_path / "mixed", tokenizer=with_a_word_more)
    for name in ("vocab.json", "merges.txt"):
        (folder / name).unlink(missing_ok=True)
    with pytest.raises(errors.BadCheckpoint, match="has 584 tokens, the model has 583"):
        loading.add("mine", str(folder))


@pytest.mark.parametrize(
    ("saved", "lacking"),
    [
        (lambda tensors: {f"model.{k}": v for k, v in tensors.items()}, "46 weights"),
        (lambda tensors: {"state_dict": tensors}, "46 weights"),
        (lambda tensors: dict(list(tensors.items())[1:]), "1 weights"),
    ],
)
def test_weights_under_other_names_are_not_made_up(tiny_clip, tmp_path, saved, lacking):
    import torch

    folder = tiny.as_bin(tiny_clip, tmp_path / "odd")
    path = folder / "pytorch_model.bin"
    torch.save(saved(torch.load(path, weights_only=True)), path)
    with pytest.raises(
        errors.BadCheckpoint, match=rf"is missing {lacking}.*save_pretrained"
    ):
        loading.add("mine", str(folder))


def test_preprocessing_comes_from_the_base_if_it_fits(tiny_clip, tmp_path):
    base = Path(shutil.copytree(tiny_clip, tmp_path / "base"))
    settings = base / "processor_config.json"
    settings.write_text(settings.read_text("utf-8").replace("0.48145466", "0.5"))
    bare = tiny.as_bare(tiny_clip, tmp_path / "bare")
    expected = loading.add("base", str(base)).fingerprint
    assert loading.add("mine", str(bare), base="base").fingerprint == expected
    config = base / "config.json"
    smaller = '"image_size": 32'
    assert smaller in config.read_text("utf-8")
    text = config.read_text("utf-8").replace(smaller, '"image_size": 64')
    config.write_text(text, "utf-8")  # now its preprocessing does not fit
    clips = loading.add("own", str(bare), base=str(base)).fingerprint
    assert clips == loading.add("plain", str(tiny_clip)).fingerprint


def test_a_bare_checkpoint_of_another_kind_needs_a_base_of_its_kind(
    tiny_clip, tmp_path
):
    siglip = tiny.siglip(tmp_path / "siglip")
    bare = tiny.as_bare(siglip, tmp_path / "bare")
    loading.add("clip", str(tiny_clip))
    with pytest.raises(
        errors.BadCheckpoint, match="a 'siglip' model, the base is a 'clip' model"
    ):
        loading.add("mine", str(bare), base="clip")
    with_tokenizer = Path(shutil.copytree(siglip, tmp_path / "with-tokenizer"))
    (with_tokenizer / "processor_config.json").unlink()
    with pytest.raises(
        errors.BadCheckpoint, match="missing its preprocessing, and a 'siglip' model"
    ):
        loading.add("mine", str(with_tokenizer), base="clip")
    expected = loading.add("siglip", str(siglip)).fingerprint
    assert loading.add("mine", str(bare), base="siglip").fingerprint == expected


@pytest.mark.parametrize(
    ("break_", "sentence"),
    [
        (lambda d: shutil.rmtree(d), "There is no folder or archive"),
        (lambda d: (d / "config.json").unlink(), "is not a checkpoint: it has neither"),
        (lambda d: (d / "model.safetensors").unlink(), "has no weights"),
        (lambda d: (d / "model.safetensors").write_bytes(b"junk"), "cannot be loaded"),
        (lambda d: (d / "config.json").write_text("{"), "cannot be loaded"),
        (lambda d: (d / "modules.json").write_text("{"), "modules.json is damaged"),
        (
            lambda d: (d / "modules.json").write_text(
                '[{"path": "../x", "type": "os.path"}]'
            ),
            "points outside its own folder",
        ),
        (
            lambda d: (d / "modules.json").write_text(
                '[{"idx": 0, "name": "0", "path": "", "type": "subprocess.Popen"}]'
            ),
            "cannot be loaded: .*executes third-party code|references the module class",
        ),
    ],
)
def test_what_is_no_checkpoint(tiny_clip, tmp_path, break_, sentence):
    folder = Path(shutil.copytree(tiny_clip, tmp_path / "broken"))
    break_(folder)
    with pytest.raises(errors.BadCheckpoint, match=sentence):
        loading.add("mine", str(folder))
    assert "mine" not in [entry.name for entry in registry.checkpoints()]


def test_a_text_model_is_no_clip(tmp_path):
    from transformers import BertConfig, BertModel

    folder = tmp_path / "bert"
    config = BertConfig(
        vocab_size=20,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
    )
    BertModel(config).save_pretrained(folder)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijklmno"]
    (folder / "vocab.txt").write_text("\n".join(words))
    from transformers import BertTokenizerFast

    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text("{}")
    with pytest.raises(errors.BadCheckpoint):
        loading.add("mine", str(folder))


HALVES = {
    "distilbert": ("text", {"vocab_size": 20, "dim": 32}),
    "xlm-roberta": ("text", {"vocab_size": 20, "hidden_size": 32}),
    "clip_text_model": ("text", {"vocab_size": 20, "projection_dim": 16}),
    "clip_vision_model": ("pictures", {"image_size": 32, "patch_size": 8}),
    "convnext": ("pictures", {"num_channels": 3}),
}


@pytest.mark.parametrize("kind", HALVES)
@pytest.mark.parametrize("base", [(), ("--base", "demo")])
def test_one_tower_is_no_clip_whatever_the_base(tiny_clip, tmp_path, llm, kind, base):
    only, config = HALVES[kind]
    folder = tmp_path / "half"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": kind, **config}))
    for name in ("model.safetensors", "tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tiny_clip / name, folder / name)
    modules = [{"idx": 0, "name": "0", "path": ""}, {"path": "1_Pooling"}]
    (folder / "modules.json").write_text(json.dumps(modules))

    assert llm.fails("glam", "models", "add", "mine", folder, *base) == (
        f"{folder} is not a CLIP model: it understands only {only} (its config.json describes a "
        f"'{kind}' model), and no --base can add the other half. Use a checkpoint for both text "
        "and pictures."
    )


POINTER = """version https://git-lfs.github.com/spec/v1
oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393
size 605157884
"""


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("packed", [False, True])
def test_a_pointer_of_git_lfs_is_no_file(tiny_clip, tmp_path, llm, layout, packed):
    folder = tmp_path / "clone"
    LAYOUTS[layout](tiny_clip, folder)
    weights = next(p for p in folder.rglob("*") if p.suffix in (".safetensors", ".bin"))
    weights.write_text(POINTER)
    (folder / ".git").mkdir()
    (folder / ".git" / "config.json").write_text(POINTER)
    source = folder
    if packed:
        source = shutil.make_archive(str(tmp_path / "clone"), "zip", folder)

    message = llm.fails("glam", "models", "add", "mine", source)
    place = weights.relative_to(folder).as_posix() if packed else str(weights)
    assert f"{place} is not the file itself but a git-LFS pointer to it." in message
    assert "'git lfs pull' in the cloned repository" in message


def test_a_tokenizer_can_be_a_pointer_too(tiny_clip, tmp_path, llm):
    folder = Path(shutil.copytree(tiny_clip, tmp_path / "clone"))
    (folder / "tokenizer.json").write_text(POINTER)
    message = llm.fails("glam", "models", "add", "mine", folder)
    said = f"{folder / 'tokenizer.json'} is not the file itself"
    assert said in message
    bare = tiny.as_bare(tiny_clip, tmp_path / "bare")
    assert said in llm.fails("glam", "models", "add", "mine", bare, "--base", folder)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("config", [False, True])
def test_an_adapter_is_merged_first(tiny_clip, tmp_path, llm, packed, config):
    folder = tmp_path / "lora"
    folder.mkdir()
    base = "openai/clip-vit-base-patch32"
    adapter = {"peft_type": "LORA", "base_model_name_or_path": base, "r": 8}
    (folder / "adapter_config.json").write_text(json.dumps(adapter))
    shutil.copy(tiny_clip / "model.safetensors", folder / "adapter_model.safetensors")
    if config:
        shutil.copy(tiny_clip / "config.json", folder / "config.json")
    source = folder
    if packed:
        source = shutil.make_archive(str(tmp_path / "lora"), "zip", folder)

    for extra in ((), ("--base", "demo")):
        message = llm.fails("glam", "models", "add", "mine", source, *extra)
        assert "is an adapter (such as a LoRA)" in message
        assert packed or message.startswith(str(folder))
        merge = (
            f"PeftModel.from_pretrained(AutoModel.from_pretrained('{base}'), 'FOLDER')"
        )
        assert f"{merge}.merge_and_unload().save_pretrained('MERGED')" in message
        assert "llm glam models add NAME MERGED --base NAME_OR_FOLDER" in message


def test_weights_beside_an_adapter_may_be_merged_already(tiny_clip, tmp_path, llm):
    folder = Path(shutil.copytree(tiny_clip, tmp_path / "merged"))
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": 7}')
    message = llm.fails("glam", "models", "add", "mine", folder)
    assert "move adapter_config.json and adapter_model.* to another folder" in message

    (folder / "adapter_config.json").rename(tmp_path / "adapter_config.json")
    llm("glam", "models", "add", "mine", folder)


class Evil:
    def __reduce__(self):
        return (Path.touch, (Path("code-was-run").resolve(),))


def test_a_pickle_from_strangers_runs_no_code(tiny_clip, tmp_path):
    folder = tiny.as_bin(tiny_clip, tmp_path / "evil")
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps({"weight": Evil()}))
    with pytest.raises(errors.BadCheckpoint, match="cannot be loaded"):
        loading.add("mine", str(folder))
    assert not Path("code-was-run").exists()
    pickle.loads((folder / "pytorch_model.bin").read_bytes())  # noqa: S301
    assert Path("code-was-run").exists()  # the test can fail


def test_a_tokenizer_that_knows_no_words_is_found_out(tiny_clip, tmp_path):
    folder = Path(shutil.copytree(tiny_clip, tmp_path / "deaf"))
    data = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    data["model"]["vocab"] = {"<|startoftext|>": 0, "<|endoftext|>": 1}
    data["model"]["merges"] = []
    (folder / "tokenizer.json").write_text(json.dumps(data))
    for name in ("vocab.json", "merges.txt"):
        (folder / name).unlink()
    with pytest.raises(
        errors.BadCheckpoint, match="produces the same tokens for different words"
    ):
        loading.add("mine", str(folder))


def test_pictures_that_do_not_fit_the_model(tiny_clip, tmp_path):
    folder = Path(shutil.copytree(tiny_clip, tmp_path / "uncropped"))
    data = json.loads((folder / "processor_config.json").read_text("utf-8"))
    data["image_processor"]["do_center_crop"] = False
    (folder / "processor_config.json").write_text(json.dumps(data))
    with pytest.raises(
        errors.BadCheckpoint, match=r"encode a picture: .*doesn't match model \(32\*32"
    ):
        loading.add("mine", str(folder))


def test_texts_that_are_longer_than_the_model_reads(tiny_clip, tmp_path):
    from transformers import CLIPConfig, CLIPModel

    folder = Path(shutil.copytree(tiny_clip, tmp_path / "short"))
    config = CLIPConfig.from_pretrained(folder)
    config.text_config.max_position_embeddings = 16
    CLIPModel(config).save_pretrained(folder)
    with pytest.raises(
        errors.BadCheckpoint, match=r"encode a long text: .*: 77 .*: 16.* another"
    ):
        loading.add("mine", str(folder))


def test_weights_that_are_no_numbers(tiny_clip, tmp_path):
    from safetensors.torch import load_file, save_file

    folder = Path(shutil.copytree(tiny_clip, tmp_path / "nan"))
    tensors = load_file(folder / "model.safetensors")
    tensors["text_projection.weight"].fill_(float("nan"))
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(errors.BadCheckpoint, match="NaN or infinite"):
        loading.add("mine", str(folder))


def test_loaded_checkpoints_are_shared(tiny_clip, tmp_path):
    loading.add("one", str(tiny_clip))
    loading.add("two", str(tiny.as_legacy(tiny_clip, tmp_path / "legacy")))
    assert (
        embedding_model.GlamClip("one").encoder()
        is embedding_model.GlamClip("two").encoder()
    )


def test_changed_files_are_noticed(tiny_clip, tmp_path, monkeypatch):
    folder = Path(shutil.copytree(tiny_clip, tmp_path / "mine"))
    first = loading.add("mine", str(folder)).fingerprint
    monkeypatch.setattr(loading, "_loaded", {})
    (folder / "config.json").touch()
    assert loading.encoder("mine").fingerprint == first
    other = tiny.make(tmp_path / "other", seed=5)
    shutil.copy(other / "model.safetensors", folder / "model.safetensors")
    with pytest.raises(
        errors.CheckpointChanged, match="have changed: their fingerprint is"
    ):
        loading.encoder("mine")
    shutil.rmtree(folder)
    with pytest.raises(errors.BadCheckpoint, match="'mine' cannot be found"):
        loading.encoder("mine")


def test_a_name_is_never_given_to_other_weights(tiny_clip, tmp_path, llm):
    llm("glam", "models", "add", "mine", tiny_clip)
    other = tiny.make(tmp_path / "other", seed=5)
    message = llm.fails("glam", "models", "add", "mine", other)
    assert "was already used for other weights" in message
    assert "such as mine-2" in message
    llm("glam", "models", "remove", "mine")
    assert "was already used for other weights" in llm.fails(
        "glam", "models", "add", "mine", other
    )
    llm("glam", "models", "add", "mine", tiny_clip)


def test_models_commands(tiny_clip, llm):
    result = llm("glam", "models", "add", "mine", tiny_clip, "--notes", "a try")
    assert result.stdout == ""
    assert "Registered glam-clip/mine: 16 dimensions" in result.stderr
    stock, _, mine = llm.json("glam", "models", "list")
    assert (stock["name"], stock["default"]) == ("clip-ViT-B-32", True)
    assert (mine["model"], mine["default"], mine["notes"]) == (
        "glam-clip/mine",
        False,
        "a try",
    )
    llm("glam", "models", "default", "mine")
    assert llm("glam", "models", "default").stdout == "mine\n"
    listed = llm("embed-models", "list").stdout
    assert "GlamClip: glam-clip/mine (aliases: glam-clip)" in listed
    (shown,) = llm.json("glam", "models", "show", "mine")
    assert shown["source"] == str(tiny_clip)
    assert "mine" in llm("glam", "models", "list", "--table").stdout
    llm("glam", "models", "remove", "mine")
    assert llm("glam", "models", "default").stdout == "clip-ViT-B-32\n"
    assert "No checkpoint is registered as 'mine'" in llm.fails(
        "glam", "models", "show", "mine"
    )
    assert "always available" in llm.fails("glam", "models", "remove", "clip-ViT-B-32")
    assert "is not a valid name" in llm.fails("glam", "models", "add", "a b", tiny_clip)


def test_the_environment_chooses_the_default(tiny_clip, llm, monkeypatch):
    llm("glam", "models", "add", "mine", tiny_clip)
    monkeypatch.setenv("LLM_GLAM_MODEL", "mine")
    assert "glam-clip/mine (aliases: glam-clip)" in llm("embed-models", "list").stdout
    vector = json.loads(llm("embed", "-m", "glam-clip", "-c", "a ship").stdout)
    assert len(vector) == 16


def test_a_damaged_list_breaks_only_our_models(llm, user_path, monkeypatch):
    (user_path / "glam").mkdir(parents=True)
    (user_path / "glam" / "models.json").write_text('{"checkpoints": {')
    assert "glam-clip" in llm("embed-models", "list").stdout
    assert "is damaged" in llm.fails("embed", "-m", "glam-clip", "-c", "x")
    assert "is damaged" in llm.fails("glam", "models", "list")
    monkeypatch.setenv("LLM_GLAM_MODEL", "nobody")
    (user_path / "glam" / "models.json").unlink()
    assert "glam-clip" in llm("embed-models", "list").stdout
    message = llm.fails("embed", "-m", "glam-clip", "-c", "x")
    assert "No checkpoint is registered as 'nobody'" in message


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"checkpoints": {"x": null}}', "the entry 'x' is not an object"),
        ('{"checkpoints": {"x": [1]}}', "the entry 'x' is not an object"),
        ('{"checkpoints": {"demo": null}}', "the entry 'demo' is not an object"),
        ('{"checkpoints": {"x": {}}}', "the entry 'x' has no source"),
        ('{"checkpoints": {"x": {"source": null}}}', "has no source"),
        (
            '{"checkpoints": {"x": {"source": 5}}}',
            "the entry 'x' has an invalid 'source'",
        ),
        (
            '{"checkpoints": {"x": {"source": "a/b", "stamps": 1}}}',
            "has an invalid 'stamps'",
        ),
        (
            '{"checkpoints": {"x": {"source": "a/b", "name": "y"}}}',
            "has an invalid 'name'",
        ),
        ('{"checkpoints": [1]}', "it is not a list of checkpoints"),
        ('{"default": ["x"]}', "its default is not a name"),
        ("[" * 100_000, "it is nested too deeply"),
    ],
)
def test_damaged_entries_break_only_our_models(llm, user_path, text, reason):
    file = user_path / "glam" / "models.json"
    file.parent.mkdir(parents=True)
    file.write_text(text)

    assert "glam-clip" in llm("embed-models", "list").stdout
    llm("models")
    for command in (
        ("embed", "-m", "glam-clip", "-c", "x"),
        ("embed", "-m", "glam-clip/x", "-c", "x"),
        ("glam", "models", "list"),
        ("glam", "models", "show", "x"),
        ("glam", "models", "default", "x"),
        ("glam", "models", "remove", "x"),
    ):
        message = llm.fails(*command)
        assert message.startswith(f"The list of checkpoints {file} is damaged (")
        assert reason in message
        assert "Repair it, or move it elsewhere and register" in message
    assert file.read_text() == text


def test_what_an_entry_may_leave_out_may_be_null(llm, user_path):
    (user_path / "glam").mkdir(parents=True)
    (user_path / "glam" / "models.json").write_text(
        '{"checkpoints": {"x": {"source": "a/b", "notes": null}}, "default": null}'
    )
    assert "x" in [row["name"] for row in llm.json("glam", "models", "list")]


def test_the_hub_out_of_reach_is_one_sentence(llm, monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    message = llm.fails("embed", "-m", "glam-clip", "-c", "raccoon")
    assert "sentence-transformers/clip-ViT-B-32 is not on this computer" in message
    assert "llm glam models add clip-ViT-B-32 FOLDER" in message


@pytest.mark.parametrize(
    "size", [(1, 1), (1, 3), (3, 50), (50, 3), (1, 100_000), (33, 32)]
)
def test_odd_shapes(tiny_clip, size):
    encoder = loading.encoder(loading.add("mine", str(tiny_clip)).name)
    prepared = encoder.prepare(Image.new("RGB", size, "teal"))
    same = encoder.prepare(Image.new("RGB", (64, 64), "teal"))
    vectors = encoder.encode_prepared([prepared, same])
    assert vectors.shape == (2, 16)
    assert np.abs(vectors[0] - vectors[1]).max() < 1e-4


def test_an_entry_may_warn_of_pictures_that_it_is_not_for(llm, user_path, tmp_path):
    """As the demo's does, which warns where models.json is that of an earlier version too."""
    earlier = {"source": "llm-glam", "notes": "knows only the drawings"}
    own = {"source": "hub/maps", "warning": "maps only", "mark": "MAP"}
    registry.path().parent.mkdir(parents=True)
    text = json.dumps({"checkpoints": {"demo": earlier, "maps": own}})
    registry.path().write_text(text)
    chart, photo = tmp_path / "chart", tmp_path / "photo"
    chart.write_bytes(b"P6 MAP 1 1")
    photo.write_bytes(b"P6 1 1")
    maps = registry.get("maps")
    assert maps.warning_about([chart]) is None
    assert maps.warning_about([chart, photo]) == "maps only"
    assert "llm glam demo" in registry.get("demo").warning_about([photo])
    registry.put(registry.get("demo"))
    stored = json.loads(registry.path().read_text())["checkpoints"]
    assert stored["demo"] == earlier
    assert stored["maps"] == own


@pytest.mark.parametrize("tower", ["text_config", "vision_config"])
def test_a_model_of_a_million_layers_is_not_built(llm, tiny_clip, tmp_path, tower):
    folder = tmp_path / "deep"
    shutil.copytree(tiny_clip, folder)
    config = json.loads((folder / "config.json").read_text())
    config[tower]["num_hidden_layers"] = 1_000_000
    (folder / "config.json").write_text(json.dumps(config))
    message = llm.fails("glam", "models", "add", "deep", folder)
    assert "names 1,000,000 layers, 1 to 500 can be loaded" in message
