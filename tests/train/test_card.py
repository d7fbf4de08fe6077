"""The card of a trained checkpoint: its header, its figures, and names that want to be more."""

import json
import re
from dataclasses import asdict, dataclass, replace
from xml.etree import ElementTree

import pytest
import yaml
from markdown_it import MarkdownIt

from llm_glam.formats.markdown import LONGEST, duration, escaped, figure
from llm_glam.train.card.render import (
    MOST_ROWS,
    CardMetric,
    Data,
    Training,
    ValueWithInterval,
    card,
    measured,
)
from llm_glam.train.curves import curves

HOSTILE = [
    "a | b",
    "x\n# heading\n\n| a | b |",
    "`code` ```\n",
    "<script>alert(1)</script>",
    "<!-- hidden",
    "[link](https://evil.example)",
    "![picture](https://evil.example/x.png)",
    "https://evil.example www.evil.example me@evil.example",
    "*stars* _lines_ ~~gone~~ $x$",
    "yes",
    "null: &a !!python/name:os.system {x: [1",
    "'\"\\ \x00\x7f\u2028\ud800",
    "---",
    "...",
    "1. one",
    "2) two",
    "- three",
    "+ four",
    "# five",
    "&lt;b&gt; &#60;",
    "🏺 é {braces} %s",
]


def training(**changes):
    data = Data(
        name="finds.csv",
        pictures=4512,
        captions=9024,
        held_out=450,
        groups=3901,
        source_counts={"Open Context": 4000, "ours": 512},
        rights_counts={"CC BY 4.0": 4512},
        years=(-450, 1931),
        held_out_how="by object, at random",
        left_out={"no caption": 12},
    )
    before = ValueWithInterval(0.21, 0.18, 0.24)
    after = ValueWithInterval(0.43, 0.39, 0.47)
    known = Training(
        name="archaeclip",
        base="clip-ViT-B-32",
        base_licence="MIT",
        licence="CC-BY-4.0",
        tune="projections",
        settings={"epochs": 8, "learning rate": 5e-6},
        hardware="2 cores",
        seconds={"features": 130, "epochs": 3725},
        warnings=[],
        alpha=0.5,
        data=data,
        figures=[
            CardMetric(
                *("recall@10", 450, before, after, 0.022),
                ValueWithInterval(0.22, 0.17, 0.268),
            )
        ],
        groups={
            "Italy": [
                CardMetric(
                    *("recall@10", 40, before, ValueWithInterval(0.2, 0.1, 0.3)),
                    change=ValueWithInterval(-0.01, -0.1, 0.08),
                )
            ]
        },
        versions={"llm-glam": "0.1", "torch": "2.13"},
        date="2026-11-21",
    )
    return replace(known, **changes)


def header(text):
    assert text.startswith("---\n")
    inner, body = text.removeprefix("---\n").split("\n---\n", 1)
    return yaml.safe_load(inner), body


def sections(text):
    return re.findall(r"^(#+ .*)$", text, re.MULTILINE)


def test_the_header():
    found, _ = header(card(training(base_on_hub="openai/clip-vit-base-patch32")))
    assert found["license"] == "cc-by-4.0"
    assert found["base_model"] == "openai/clip-vit-base-patch32"
    assert found["library_name"] == "sentence-transformers"
    assert found["pipeline_tag"] == "sentence-similarity"
    assert "clip" in found["tags"]


def test_a_base_that_is_not_on_the_hub_is_no_link():
    text = card(training())
    assert "base_model" not in header(text)[0]
    assert "clip-ViT-B-32" in text


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_in_the_header(text):
    found, _ = header(card(training(name=text, base_on_hub=f"x{text}", licence=text)))
    text = text.replace("\ud800", "?")
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    assert found["model_name"] == line
    assert "\n" not in found["model_name"]
    assert found["base_model"] == f"x{line}"
    if found["license"] == "other":
        assert found["license_name"] == line
    card(training(name=text, licence=text)).encode("utf-8")


def hostile(text):
    """A training in which everything that may come from outside is ``text``."""
    known = training()
    counts = {text: 3}
    data = replace(
        known.data,
        name=text,
        source_counts=counts,
        rights_counts=counts,
        held_out_how=text,
        left_out=counts,
    )
    named = [replace(one, what=text) for one in known.figures]
    return replace(
        known,
        name=text,
        base=f"x{text}",
        licence=text,
        base_licence=text,
        tune=text,
        settings={text: text},
        hardware=text,
        seconds={text: 3},
        warnings=[text],
        data=data,
        figures=named,
        groups={text: named},
        versions={text: text},
        date=text,
        command=text,
    )


def shape(text):
    """What a renderer makes of a card: its tags in order, and the cells of its tables."""
    parser = MarkdownIt("gfm-like", {"html": True, "linkify": False})
    tokens = []
    for token in parser.parse(text):
        tokens += [token, *(token.children or [])]
    return [
        (token.type, token.tag)
        for token in tokens
        if token.type not in ("text", "text_special", "softbreak")
    ]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_change_nothing_but_words(text):
    _, plain = header(card(hostile("plain")))
    _, made = header(card(hostile(text)))
    assert shape(made) == shape(plain)


def test_texts_stay_the_texts_they_are():
    for text in HOSTILE[3:10] + HOSTILE[12:]:
        html = MarkdownIt("commonmark", {"html": True}).render(escaped(text))
        parsed = ElementTree.fromstring(html)
        assert (parsed.tag, len(parsed), parsed.text) == ("p", 0, text)


def test_long_texts_are_cut_off():
    assert escaped("é" * LONGEST) == "é" * LONGEST
    assert escaped("é" * (LONGEST + 1)) == "é" * (LONGEST - 1) + "…"


def test_bare_addresses_are_no_links():
    shown = escaped("https://evil.example www.evil.example me@evil.example")
    assert shown == r"https\://evil.example www\.evil.example me\@evil.example"


def test_the_sections():
    assert sections(card(training())) == [
        "# archaeclip",
        "## What it is for",
        "## The data",
        "### Left out",
        "### Sources",
        "### Rights",
        "## Sources and citation",
        "## How good it is",
        "### By group",
        "## How it was trained",
        "## Warnings",
        "## What it should not be used for",
        "## How to load it",
        "## Reproduce it",
    ]


def test_what_it_says():
    text = card(training(warnings=["the vectors collapse"]))
    for line in (
        "| recall@10 | 450 | .21 [.18, .24] | .43 [.39, .47] | .02 | +.220 [+.170, +.268]: better |",
        "| Italy | recall@10 | 40 | .21 [.18, .24] | .20 [.10, .30] | – "
        "| -.010 [-.100, +.080]: no clear difference |",
        "| Time span | -450 to 1931 |",
        "| Pictures | 4,512 |",
        "| Open Context | 4,000 |",
        "| Time: epochs | 1 h 2 min |",
        "| Share of the new weights in the mix with the old | .50 |",
        "- the vectors collapse",
        "llm glam models add archaeclip FOLDER",
        "llm glam train finds.csv --base clip-ViT-B-32 --name archaeclip",
    ):
        assert f"\n{line}\n" in text
    assert "There were no warnings" in card(training())


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        # Paired, a difference can be clear although the intervals before and after overlap.
        ((0.153, 0.049, 0.266), "+.153 [+.049, +.266]: better"),
        ((-0.2, -0.3, -0.0004), "-.200 [-.300, -.000]: worse"),
        ((0.02, -0.01, 0.05), "+.020 [-.010, +.050]: no clear difference"),
        ((0.02, 0.0, 0.05), "+.020 [+.000, +.050]: no clear difference"),
        ((-0.0, -0.0, -0.0), "+.000 [+.000, +.000]: no clear difference"),
        ((1.0, 1.0, 1.0), "+1.000 [+1.000, +1.000]: better"),
        ((0.3, None, None), "+.300, no interval"),
        ((float("nan"), 0.1, 0.2), "not measured"),
        (None, "not measured"),
    ],
)
def test_the_change_is_the_paired_difference(change, shown):
    before, after = ValueWithInterval(0.11, 0.05, 0.2), ValueWithInterval(
        0.26, 0.15, 0.4
    )
    paired = change and ValueWithInterval(*change)
    figures = [CardMetric("x", 9, before, after, 0.1, paired)]

    text = card(training(figures=figures))
    assert f"| .11 [.05, .20] | .26 [.15, .40] | .10 | {shown} |\n" in text


def test_the_command_as_typed():
    text = card(training(command="llm glam train\n x --base `y`"))
    assert "\n```bash\nllm glam train x --base `y`\n```\n" in text


def test_no_path_of_a_computer():
    for path in ("/home/me/clip", "~/clip", r"C:\Users\me\clip", "./a/clip/"):
        text = card(training(base=path))
        assert "clip (licence: " in text
        assert "me/" not in text


def test_many_rights_are_one_row():
    rights = {f"statement {n}": 1 for n in range(100)} | {"CC0": 7}
    data = replace(training().data, rights_counts=rights)
    text = card(training(data=data))
    others = 101 - MOST_ROWS
    assert f"| {others} others | {others} |" in text
    assert text.index("| CC0 | 7 |") < text.index("| statement 0 | 1 |")


def test_without_anything_measured():
    data = Data("x", 0, 0, 0, 0)
    text = card(training(data=data, figures=[], groups={}, alpha=None))
    assert "Nothing was measured." in text
    assert "| Time span | unknown |" in text
    assert "mix with the old" not in text


def test_it_can_be_kept_as_json():
    kept = json.loads(json.dumps(asdict(training())))
    assert kept["data"]["years"] == [-450, 1931]
    assert kept["figures"][0]["after"] == {"value": 0.43, "low": 0.39, "high": 0.47}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.434, ".43"),
        (1, "1.00"),
        (0.999, "1.00"),
        (0, ".00"),
        (-0.0, ".00"),
        (0.0001, "&lt;.01"),
        (-0.05, "-.05"),
        (float("nan"), "–"),
        (None, "–"),
    ],
)
def test_figures(value, shown):
    assert figure(value) == shown
    assert measured(ValueWithInterval(value)) == shown


def test_durations():
    times = [(3, "3 s"), (59.7, "60 s"), (119, "2 min"), (3725, "1 h 2 min")]
    for seconds, shown in times:
        assert duration(seconds) == shown
    assert duration(float("inf")) == "–"


@dataclass
class Epoch:
    number: int
    loss: float
    held_out_loss: float | None
    recall: float


NS = "{http://www.w3.org/2000/svg}"


def drawn(history):
    text = curves(history)
    assert "script" not in text
    assert "nan" not in text.replace("unmeasured", "")
    assert "prefers-color-scheme:dark" in text
    return ElementTree.fromstring(text)


def test_curves():
    history = [Epoch(n, 4 / n, 5 / n, n / 10) for n in range(1, 6)]
    svg = drawn(history)
    assert svg.get("role") == "img"
    assert svg.find(f"{NS}title").text == "Loss and recall by epoch"
    told = "5 epochs. Training loss from 4 to 0.8. Held-out loss from 5 to 1. "
    assert svg.find(f"{NS}desc").text == told + "Held-out recall@10 from 0.1 to 0.5."
    lines = [line.get("points").split() for line in svg.iter(f"{NS}polyline")]
    assert [len(line) for line in lines] == [5, 5, 5]
    heights = [float(point.split(",")[1]) for point in lines[2]]
    assert heights == [185, 170, 155, 140, 125]
    as_mappings = curves([asdict(epoch) for epoch in history])
    assert as_mappings == curves(history)


@pytest.mark.parametrize(
    ("history", "dots"),
    [
        ([], 0),
        ([Epoch(1, 2.0, 2.0, 0.5)], 3),
        ([Epoch(n, 2.0, 2.0, 0.0) for n in (0, 1)], 6),
        ([Epoch(1, float("nan"), None, 0.5), Epoch(2, float("inf"), 2.0, 0.5)], 3),
    ],
)
def test_curves_of_little(history, dots):
    svg = drawn(history)
    circles = list(svg.iter(f"{NS}circle"))
    assert len(circles) == dots
    for circle in circles:
        assert 0 <= float(circle.get("cx")) <= 640
        assert 50 <= float(circle.get("cy")) <= 200
