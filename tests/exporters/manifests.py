"""A strict check of what we write against IIIF Presentation 3.

iiif-prezi3 validates it first, which allows much that we never write. It asks for an older Pillow
than ours, which only its helpers for thumbnails need, and is installed without what it asks for.
"""

import itertools
import re
from urllib.parse import urlsplit

import iiif_prezi3

URI = re.compile(r"https?://[^\s/]+/\S+")
RIGHTS = re.compile(
    r"http://(creativecommons\.org/(licenses|publicdomain)/[a-z-]+/\d\.\d/"
    r"|rightsstatements\.org/vocab/[A-Z-]+[A-Za-z-]*/1\.0/)"
)
EVERYWHERE = {"id", "type", "label"}
ALLOWED = {
    "Manifest": {
        *("@context", "items", "rights", "requiredStatement", "provider", "structures"),
        *("metadata", "summary", "homepage"),
    },
    "Canvas": {
        *("height", "width", "items", "summary", "metadata", "homepage", "rights"),
        "requiredStatement",
    },
    "AnnotationPage": {"items"},
    "Annotation": {"motivation", "body", "target"},
    "Image": {"format", "height", "width"},
    "Range": {"items"},
    "Agent": {"homepage"},
    "Text": {"format"},
}
REQUIRED = {
    "Manifest": {"@context", "items", "label"},
    "Canvas": {"height", "width", "items", "label"},
    "AnnotationPage": {"items"},
    "Annotation": {"motivation", "body", "target"},
    "Image": {"format", "height", "width"},
    "Range": {"items", "label"},
    "Agent": {"homepage", "label"},
    "Text": {"format", "label"},
}


def check(manifest):
    """Check a manifest, and return its canvases by id."""
    iiif_prezi3.Manifest.model_validate(manifest)
    assert next(iter(manifest)) == "@context"  # "must be the first"
    assert manifest["@context"] == "http://iiif.io/api/presentation/3/context.json"
    assert manifest["items"], "a manifest must have at least one canvas"
    _resource(manifest, "Manifest")
    canvases = {}
    for canvas in manifest["items"]:
        assert canvas["id"] not in canvases
        canvases[canvas["id"]] = canvas
        _canvas(canvas)
    for one in manifest.get("structures", []):
        _resource(one, "Range")
        assert one["items"]
        for item in one["items"]:
            assert item == {"id": item["id"], "type": "Canvas"}
            assert item["id"] in canvases
    for agent in manifest.get("provider", []):
        _resource(agent, "Agent")
    return canvases


def _canvas(canvas):
    _resource(canvas, "Canvas")
    (page,) = canvas["items"]
    _resource(page, "AnnotationPage")
    (annotation,) = page["items"]
    _resource(annotation, "Annotation")
    assert annotation["motivation"] == "painting"
    assert annotation["target"] == canvas["id"]
    body = annotation["body"]
    _resource(body, "Image")
    assert body["format"].startswith("image/")
    assert (body["height"], body["width"]) == (canvas["height"], canvas["width"])


def _resource(resource, kind):
    assert resource["type"] == kind
    assert URI.fullmatch(resource["id"]), resource["id"]
    assert not urlsplit(resource["id"]).fragment
    assert resource.keys() <= ALLOWED[kind] | EVERYWHERE
    assert resource.keys() >= REQUIRED[kind] | {"id", "type"}
    for name in ("height", "width"):
        if name in resource:
            assert type(resource[name]) is int
            assert resource[name] > 0
    if "label" in resource:
        _language_map(resource["label"])
    if "summary" in resource:
        _not_html(resource["summary"])
    for pair in [
        *resource.get("metadata", []),
        *_listed(resource, "requiredStatement"),
    ]:
        assert pair.keys() == {"label", "value"}
        _language_map(pair["label"])
        _not_html(pair["value"])
    if "rights" in resource:
        assert RIGHTS.fullmatch(resource["rights"])
    for page in resource.get("homepage", []):
        _resource(page, "Text")


def _listed(resource, name):
    return [resource[name]] if name in resource else []


def _language_map(value):
    assert value
    for language, texts in value.items():
        assert re.fullmatch(r"none|[a-z]{2,3}(-\w+)*", language)
        assert texts
        assert all(isinstance(text, str) for text in texts)


def _not_html(value):
    """Check a value that may be HTML, which only keeps the text as it is."""
    _language_map(value)
    for text in itertools.chain(*value.values()):
        if "<" in text and not re.search(r"<(?![a-z/!?])", text, re.I):
            assert re.fullmatch(r"<span>[^<>]*</span>", text)
