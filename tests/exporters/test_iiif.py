"""Manifests of IIIF Presentation 3."""

import json

import pytest

from llm_glam.exporters.rights import iiif_address

from ..fakes import RED, picture
from . import manifests
from .conftest import FILES, execute

EXPORT = ("glam", "export", "photos", "manifest.json", "--format", "iiif")
BASE = ("--base-url", "https://museum.example/pictures/")


@pytest.fixture
def documents(joined, tmp_path):
    """Two letters, whose pages are not in the order of their names, and a picture."""
    for name in ("b.png", "sub folder/blé#1.png"):
        picture(tmp_path / "photos" / name, RED, size=(7, 9))
    joined("glam", "embed", "photos", "photos")
    for item_id, document, sequence in (
        ("1887_1.png", "Letter 10", 1),
        ("1887_2.png", "Letter 9", 2),
        ("1887_3.png", "Letter 9", 1),
        ("sub folder/blé#1.png", "Letter 9", "null"),
    ):
        execute(
            joined,
            f"""
            update photos set document = '{document}', sequence = {sequence}
            where id = '{item_id}'
            """,
        )
    return joined


def exported(llm, *options):
    llm(*EXPORT, *BASE, "--replace", *options)
    with open("manifest.json", encoding="utf-8") as file:
        manifest = json.load(file)
    return manifest, manifests.check(manifest)


def names(canvases):
    return [
        c["items"][0]["items"][0]["body"]["id"].rpartition("/")[2] for c in canvases
    ]


def test_documents_are_ranges_in_their_order(documents):
    manifest, canvases = exported(documents)
    assert manifest["id"] == "https://museum.example/pictures/manifest.json"
    assert manifest["label"] == {"none": ["photos"]}
    assert names(manifest["items"]) == [
        *("1887_3.png", "1887_2.png", "bl%C3%A9%231.png"),  # Letter 9
        *("1887_1.png", "b.png"),
    ]
    ranges = [
        (r["label"]["none"], names(canvases[i["id"]] for i in r["items"]))
        for r in manifest["structures"]
    ]
    assert ranges == [
        (["Letter 9"], ["1887_3.png", "1887_2.png", "bl%C3%A9%231.png"]),
        (["Letter 10"], ["1887_1.png"]),
    ]
    last = manifest["items"][-1]
    assert (last["width"], last["height"]) == (7, 9)


def test_a_canvas_has_the_record(joined):
    execute(
        joined,
        """
        update photos set caption = 'An apple', page_url = 'https://museum.example/1',
            rights = 'https://creativecommons.org/licenses/by/4.0/deed.de'
        """,
    )
    execute(joined, 'alter table photos add column "Credit line" text')
    execute(joined, "update photos set \"Credit line\" = 'Gift of A'")
    manifest, _ = exported(joined, "--provider", "A Museum")
    canvas = manifest["items"][0]
    assert canvas["label"] == {"none": ["Apple"]}
    assert canvas["summary"] == {"none": ["An apple"]}
    assert canvas["rights"] == "http://creativecommons.org/licenses/by/4.0/"
    assert canvas["requiredStatement"]["value"] == {"none": ["Gift of A"]}
    assert canvas["homepage"][0]["id"] == "https://museum.example/1"
    values = {m["label"]["none"][0]: m["value"]["none"] for m in canvas["metadata"]}
    assert values == {
        "Accession No.": ["1887/1"],
        "Object name": ["Äpfel – rot"],
        "Subjects": ["fruit", "red"],
        "Year": ["1887"],
        "Credit line": ["Gift of A"],
        # Mirador shows these nowhere else:
        "caption": ["An apple"],
        "rights": ["https://creativecommons.org/licenses/by/4.0/deed.de"],
        "page_url": ["https://museum.example/1"],
    }
    assert manifest["rights"] == canvas["rights"]
    assert manifest["provider"][0]["label"] == {"none": ["A Museum"]}


def test_rights_that_differ_are_not_those_of_the_manifest(joined):
    execute(joined, "update photos set rights = 'CC0' where id = '1887_1.png'")
    manifest, _ = exported(joined)
    assert "rights" not in manifest
    assert manifest["items"][0]["rights"].endswith("/zero/1.0/")
    assert "rights" not in manifest["items"][1]


def test_labels_of_local_contexts_must_be_shown(joined):
    execute(joined, 'alter table photos add column "TK Labels" text')
    execute(joined, "update photos set \"TK Labels\" = 'TK A; ours'")
    execute(joined, "update photos set rights = 'Gift of A' where id = '1887_1.png'")
    manifest, _ = exported(joined)
    labels = [
        "TK Attribution (TK A): https://localcontexts.org/label/tk-attribution/",
        "ours",
    ]
    first, second = (c["requiredStatement"] for c in manifest["items"][:2])
    assert first["value"] == {"none": ["Gift of A", *labels]}
    assert first["label"] == {"en": ["Attribution, Local Contexts"]}
    assert second == {"label": {"en": ["Local Contexts"]}, "value": {"none": labels}}
    assert "requiredStatement" not in manifest


HTML = "<b>x</b><img src=x onerror=a()>"


def test_labels_are_never_html(joined):
    """IIIF allows none in labels, so viewers show them as they are."""
    execute(joined, f"update photos set title = '{HTML}', document = '{HTML}'")
    execute(joined, f"alter table photos add column [{HTML}] text")
    execute(joined, f"update photos set [{HTML}] = 1, page_url = 'https://a.example/1'")
    manifest, _ = exported(joined, "--provider", HTML)
    canvas, (agent,) = manifest["items"][0], manifest["provider"]
    labelled = [canvas, canvas["metadata"][-2], *canvas["homepage"]]
    labelled += [*manifest["structures"], agent, *agent["homepage"]]
    assert [one["label"] for one in labelled] == [{"none": [HTML]}] * 6


@pytest.mark.parametrize(
    ("text", "written"),
    [
        (HTML, "<span>&lt;b&gt;x&lt;/b&gt;&lt;img src=x onerror=a()&gt;</span>"),
        ("<1 mm>", "<span>&lt;1 mm&gt;</span>"),
        ("a <fragment> of", "<span>a &lt;fragment&gt; of</span>"),
        ("lost</span", "<span>lost&lt;/span</span>"),
        ("<!-- x", "<span>&lt;!-- x</span>"),
        ("R&amp;D &copy", "<span>R&amp;amp;D &amp;copy</span>"),
        ("a < b, R&D > c", "a < b, R&D > c"),
    ],
)
def test_values_are_shown_as_they_are(joined, text, written):
    """Mirador takes every value for HTML; IIIF those from < to >."""
    execute(joined, f"update photos set caption = '{text}', \"Year\" = '{text}'")
    execute(joined, f"update photos set rights = '{text}'")
    manifest, _ = exported(joined)
    canvas = manifest["items"][0]
    values = {m["label"]["none"][0]: m["value"]["none"] for m in canvas["metadata"]}
    assert canvas["summary"] == {"none": [written]}
    assert canvas["requiredStatement"]["value"] == {"none": [written]}
    assert [values[n] for n in ("Year", "caption", "rights")] == [[written]] * 3


def test_private_columns_stay_out(joined):
    execute(
        joined,
        "update glam_columns set private = 1 where \"column\" in ('title', 'Year')",
    )
    manifest, _ = exported(joined)
    assert "Apple" not in json.dumps(manifest)
    assert "1888" not in json.dumps(manifest).replace("1888_", "")


def test_addresses_of_the_records_are_those_of_the_pictures(joined):
    execute(joined, "update photos set image_url = 'https://iiif.example/a.tif'")
    manifest, _ = exported(joined)
    body = manifest["items"][0]["items"][0]["items"][0]["body"]
    assert (body["id"], body["format"]) == ("https://iiif.example/a.tif", "image/tiff")


def test_pictures_without_a_size_are_left_out(joined, tmp_path):
    execute(joined, "update photos set image_width = null where id = '1887_1.png'")
    shown = joined(*EXPORT, *BASE)
    assert "Wrote 2 pictures" in shown.stderr
    assert (
        "Left out 1 picture of unknown size (the first is 1887_1.png)" in shown.stderr
    )
    execute(joined, "update photos set image_width = 0")
    message = joined.fails(*EXPORT, *BASE, "--replace")
    assert message.startswith("The sizes of these pictures are not known")
    assert (
        len(json.loads((tmp_path / "manifest.json").read_text("utf-8"))["items"]) == 2
    )


def test_a_manifest_needs_its_address(joined, tmp_path):
    assert "add --base-url URL" in joined.fails(*EXPORT)
    assert not list(tmp_path.glob("*manifest*"))


def test_every_picture_is_a_canvas(joined):
    manifest, _ = exported(joined)
    assert names(manifest["items"]) == list(FILES)
    assert "structures" not in manifest


@pytest.mark.parametrize(
    ("record", "address"),
    [
        ({"rights": "CC0"}, "http://creativecommons.org/publicdomain/zero/1.0/"),
        (
            {"rights": "A Museum", "licence": "CC BY-SA 3.0 DE"},
            "http://creativecommons.org/licenses/by-sa/3.0/de/",
        ),
        (
            {"rights": "All rights reserved"},
            "http://rightsstatements.org/vocab/InC/1.0/",
        ),
        ({"rights": "All pictures except the first are CC0"}, None),
        ({"rights": "CC BY"}, None),
        ({}, None),
    ],
)
def test_rights_as_iiif_compares_them(record, address):
    assert iiif_address(record) == address
