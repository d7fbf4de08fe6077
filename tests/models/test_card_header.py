"""The header of a model card: as strangers write it, and as it is written here."""

import json

import pytest

from llm_glam.models import card_header, doctor, packing, registry
from llm_glam.train.card import from_run, render

from ..train.test_card import training

UNREADABLE = [
    b"# A card without a header",
    b"---\nno end",
    b"",
    b"---\nlicense: [\n---\nBroken",
    b"---\n- license\n- mit\n---\nA list",
    b"---\nlicense\n---\nA word",
    b"---\n---\nNothing",
    b"---\nlicense: caf\xe9\n---\nLatin-1",
    b"---\nlicense: \x00\n---\n",
    b"\xff\xfe-\x00-\x00-\x00\n\x00",
    b"---\na: " + b"[" * 19_000 + b"\n---\n",
    b"---\na: &a [x]\nlicense: *a\n---\n",
]


@pytest.mark.parametrize("content", UNREADABLE)
def test_what_cannot_be_read_is_no_header(tmp_path, content):
    (tmp_path / "README.md").write_bytes(content)

    assert card_header.of_folder(tmp_path) == {}
    facts = doctor._card_facts(tmp_path)
    assert facts == {"license": None, "base_model": None}
    assert from_run._licence_of(tmp_path) == "unknown, see its own card"


def test_no_card_and_a_folder_in_its_place(tmp_path):
    assert card_header.of_folder(tmp_path) == {}
    (tmp_path / "README.md").mkdir()
    assert card_header.of_folder(tmp_path) == {}


@pytest.mark.parametrize(
    ("header", "facts"),
    [
        ("license: mit", ("mit", None)),
        ("license: 'mit'  # a comment\nbase_model: a/b", ("mit", "a/b")),
        (
            "license: [mit, cc0-1.0]\nbase_model:\n- a/b\n- c",
            ("mit, cc0-1.0", "a/b, c"),
        ),
        ("license:\nbase_model: ~", (None, None)),
        ("license: null\nbase_model: []", (None, None)),
        ("license: 2020-01-01\nbase_model: 12", ("2020-01-01", "12")),
        ("license: 2020-99-99", ("2020-99-99", None)),
        ("license: {}\nbase_model: {a: b}", ("{}", "{'a': 'b'}")),
    ],
)
@pytest.mark.parametrize("before", ["", "\ufeff", "\n\n"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_what_the_doctor_reads(tmp_path, header, facts, before, end):
    text = f"{before}---\n{header}\n---\nText\n".replace("\n", end)
    (tmp_path / "README.md").write_bytes(text.encode())

    row = doctor._card_facts(tmp_path)
    assert (row["license"], row["base_model"]) == facts
    licence = from_run._licence_of(tmp_path)
    assert licence == (facts[0] or "unknown, see its own card")


def test_the_base_is_that_of_the_manifest_where_the_card_names_none(tmp_path):
    recorded = {"fingerprint": "f", "base": "clip"}
    (tmp_path / "glam.json").write_text(json.dumps(recorded))
    (tmp_path / "README.md").write_text("---\nbase_model: [\n---\n")
    assert doctor._card_facts(tmp_path)["base_model"] == "clip"


def test_a_header_longer_than_the_site_reads(tmp_path):
    results = "results: [" + ", ".join(["0.5"] * 10_000) + "]"
    text = f"---\nlicense: mit\n{results}\n---\nText"
    (tmp_path / "README.md").write_text(text)

    assert doctor._card_facts(tmp_path)["license"] == "mit"
    assert card_header.split(text) == ({}, "Text")


def test_the_header_of_a_trained_checkpoint_byte_by_byte():
    text = render.card(
        training(
            name="Töpfe: #1", licence="Ours, 'all' of it", base_on_hub="openai/clip"
        )
    )
    assert text.startswith(
        "---\n"
        "license: other\n"
        "license_name: Ours, 'all' of it\n"
        "model_name: 'Töpfe: #1'\n"
        "date: '2026-11-21'\n"
        "base_model: openai/clip\n"
        "library_name: sentence-transformers\n"
        "pipeline_tag: sentence-similarity\n"
        "tags:\n- clip\n- sentence-transformers\n- feature-extraction\n- llm-glam\n"
        "---\n\n# "
    )


def test_the_card_of_a_packed_checkpoint_byte_by_byte():
    entry = registry.Checkpoint("mine", "/somewhere")
    card = packing._About(entry, "0123", 16, "mine.zip").card().decode()
    assert card.startswith(
        "---\n"
        "library_name: sentence-transformers\n"
        "tags: [clip, sentence-transformers, feature-extraction]\n"
        "---\n\n# mine\n\nA CLIP checkpoint: 16 dimensions, fingerprint `0123`. "
    )
