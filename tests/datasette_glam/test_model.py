"""The page of a checkpoint on the site: its card, and what a hostile card cannot do."""

import json
import os
import re
import threading

import pytest

from datasette_glam import compat
from datasette_glam.pages import model
from datasette_glam.web import markdown
from llm_glam.models import card_header, registry

from ..fakes import Colours
from ..site import PHOTOS, found, get, site

MODEL = "/-/glam-models/colours"
CARD = """\
---
license: cc0-1.0
base_model: openai/clip-vit-base-patch32
tags: [clip, glam]
model-index: [{name: deep}]
no: yes
---

# Colours

A *toy*. See [the site](https://example.org/a?b=1&c=2) and [a file](../queries.csv).

### Figures

| what | value |
|---|---:|
| recall@10 | .43 [.39, .47] |

# Limits
"""
HOSTILE = """\
# <script>alert(1)</script>

<img src=x onerror=alert(1)> <iframe src="//evil.example"></iframe>

[a](javascript:alert(1)) [b](JaVaScRiPt:alert(1)) [c](data:text/html,<script>alert(1)</script>)
[d](//evil.example/x) <javascript:alert(1)> [e](vbscript:x) [f](https:evil) [g](http://[bad)

![stolen](https://evil.example/pixel.png "title") [![badge](https://evil.example/b.svg)](https://good.example)

![x][ref] <https://auto.example>

[ref]: https://evil.example/ref.png

```"><script>alert(1)</script>
</code></pre><script>alert(1)</script>
```

| <b>bold</b> | `</td><script>` |
|---|---|
| [h](https://good.example/"onmouseover="alert(1)) | </table><script>alert(1)</script> |
"""

pytestmark = pytest.mark.asyncio


@pytest.fixture
def write(embedded, tmp_path):
    """Write the card of the checkpoint ``colours``, as text or bytes."""

    def write_card(content):
        content = content.encode() if isinstance(content, str) else content
        path = tmp_path / "checkpoints" / "colours" / "README.md"
        path.write_bytes(content)
        return path

    return write_card


async def test_a_card_as_html(embedded, write):
    write(CARD)
    text = (await get(site(embedded), MODEL)).text
    assert re.findall(r"<(h\d)>(.*?)</h\d>", text) == [
        ("h1", "glam-clip/colours"),
        ("h2", "Model card"),
        ("h3", "Colours"),
        ("h4", "Figures"),
        ("h3", "Limits"),
    ]
    rows = re.findall(r'<th scope="row">(.*?)</th><td>(.*?)</td>', text)
    assert ("license", "cc0-1.0") in rows
    assert ("tags", "clip, glam") in rows
    assert ("no", "yes") in rows
    assert "deep" not in text
    link = '<a href="https://example.org/a?b=1&amp;c=2" rel="noopener noreferrer nofollow">the site</a> and a file.'
    assert link in text
    assert re.search(r"<td[^>]*>.43 \[.39, .47\]</td>", text)


async def test_how_to_cite_it(embedded, write):
    """From the card, or from a CITATION.cff beside it, which may be anybody's."""
    path = write(CARD)
    assert (await found(site(embedded), f"{MODEL}.json"))["citation"] is None
    write(
        "---\nmodel_name: pots\nauthors: [Museum, 'Doe, <b>J']\ndate: 2026-01-02\n---\n"
    )
    data = await found(site(embedded), f"{MODEL}.json")
    assert data["citation"] == "Museum; Doe, <b>J (2026): pots, fingerprint c0c0"
    page = (await get(site(embedded), MODEL)).text
    assert "<dt>cite as</dt><dd>Museum; Doe, &lt;b&gt;J (2026): pots" in page
    own = path.with_name("CITATION.cff")
    own.write_text("title: Own\nauthors: [{name: Somebody}]\n", "utf-8")
    data = await found(site(embedded), f"{MODEL}.json")
    assert data["citation"] == "Somebody: Own"
    for hostile in ("[" * 9000 + "]" * 9000, "a: &a [b]\nc: [*a, *a]", "\0", "- "):
        own.write_text(hostile, "utf-8")
        data = await found(site(embedded), f"{MODEL}.json")
        assert data["citation"].startswith("Museum; ")
    own.unlink()
    secret = path.parents[2] / "secret"
    secret.write_text("title: Secret\nauthors: [{name: Secret}]\n", "utf-8")
    own.symlink_to(secret)
    data = await found(site(embedded), f"{MODEL}.json")
    assert data["citation"].startswith("Museum; ")


async def test_what_is_registered_of_it(embedded, write):
    write(CARD)
    data = await found(site(embedded), f"{MODEL}.json")
    assert (data["ok"], data["message"]) == (True, None)
    assert (data["name"], data["model"]) == ("colours", "glam-clip/colours")
    assert (data["fingerprint"], data["dimensions"]) == (Colours().fingerprint, 3)
    assert data["collections"] == [
        {"database": "embeddings", "name": "photos", "url": PHOTOS}
    ]
    assert data["card"] == CARD
    assert data["header"]["model-index"] == [{"name": "deep"}]
    text = (await get(site(embedded), MODEL)).text
    assert Colours().fingerprint in text
    assert f'<a href="{PHOTOS}">photos</a> in embeddings' in text


async def test_a_hostile_card(embedded, write):
    write(HOSTILE)
    response = await get(site(embedded), MODEL)
    text = re.search(r"<article.*</article>", response.text, re.DOTALL)[0]
    tags = set(re.findall(r"<(\w+)", text))
    assert not tags & {"script", "img", "iframe", "b", "style", "object"}
    for tag in re.findall(r"<[^>]*>", text):
        names = set(re.findall(r' ([\w-]+)="', re.sub(r'="[^"]*"', '=""', tag)))
        assert names <= {"class", "href", "rel", "tabindex", "style", "role"} | {
            "aria-label"
        }, tag
    links = re.findall(r'<a href="([^"]*)" rel="noopener noreferrer nofollow">', text)
    assert text.count("<a ") == len(links)
    assert {link.partition("/%22")[0] for link in links} == {
        "https://good.example",
        "https://auto.example",
        "http://%5Bbad",  # leads nowhere
    }
    assert "stolen" in text
    assert "evil.example/pixel" not in text


@pytest.mark.parametrize(
    ("header", "read"),
    [
        ("a: !!python/object/apply:os.system [ls]", {"a": ["ls"]}),
        ("a: &a [x]\nb: [*a, *a]", {}),
        ("a: [", {}),
        ("- 1\n- 2", {}),
        ("a: " + "[" * 5000, {}),
        ("a: " + "x" * card_header.LONGEST, {}),
        ("when: 2020-99-99", {"when": "2020-99-99"}),
        ("a: <script>\r", {"a": "<script>"}),
    ],
)
async def test_headers(header, read):
    assert card_header.split(f"---\n{header}\n---\nText") == (read, "Text")


async def test_a_header_is_parsed_once_and_beside_the_other_visitors(
    embedded, write, monkeypatch
):
    text = "---\na: " + "[" * 9000 + "]" * 9000 + "\n---\n" + CARD
    write(text)
    threads = []
    real = card_header.split

    def split(card):
        threads.append(threading.current_thread())
        return real(card)

    monkeypatch.setattr(card_header, "split", split)
    model._split.cache_clear()
    datasette = site(embedded)
    for path in (MODEL, f"{MODEL}.json", MODEL):
        assert (await get(datasette, path)).status_code == 200
    assert len(threads) == 1
    assert threads[0] is not threading.main_thread()


async def test_a_text_with_rules_has_no_header():
    for text in ("Text\n---\na: b\n---\n", "---\nno end", ""):
        assert card_header.split(text) == ({}, text)


async def test_a_very_long_card_is_shown_as_it_was_written(embedded, write):
    write("# Title & more\n" + "x\n" * markdown.LONGEST)
    text = (await get(site(embedded), MODEL)).text
    assert '<article class="glam-card"><pre># Title &amp; more\n' in text


async def test_cards_that_cannot_be_shown(embedded, write, tmp_path):
    path = write("a" * (model.MOST_BYTES + 1))
    for message in (
        "larger than 1 MB",
        "not in UTF-8",
        "has no model card",
        "is not on this",
    ):
        data = await found(site(embedded), f"{MODEL}.json")
        assert message in data["message"]
        assert (data["card"], data["header"]) == (None, {})
        assert message in (await get(site(embedded), MODEL)).text
        if "larger" in message:
            path.write_bytes("é".encode("latin-1"))
        elif "UTF-8" in message:
            path.unlink()
        elif "no model card" in message:
            path.parent.rename(tmp_path / "elsewhere")


async def test_links_out_of_the_folder_are_not_followed(embedded, write, tmp_path):
    (tmp_path / "secret.md").write_text("secret words")
    path = write("")
    path.unlink()
    path.symlink_to(tmp_path / "secret.md")
    data = await found(site(embedded), f"{MODEL}.json")
    assert (data["card"], "has no model card" in data["message"]) == (None, True)
    path.unlink()
    os.mkfifo(path) if hasattr(os, "mkfifo") else path.mkdir()
    assert (await found(site(embedded), f"{MODEL}.json"))["card"] is None


async def test_the_demos_card(embedded):
    text = (await get(site(embedded), "/-/glam-models/demo")).text
    assert "<h3>glam-clip/demo: a toy</h3>" in text
    assert "none that you may view" in text


async def test_a_checkpoint_that_was_never_downloaded(embedded, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    data = await found(site(embedded), "/-/glam-models/clip-ViT-B-32.json")
    assert data["source"] == "sentence-transformers/clip-ViT-B-32"
    assert (data["fingerprint"], data["card"]) == (None, None)


@pytest.mark.both_versions
async def test_names_in_addresses(embedded, tmp_path):
    folder = tmp_path / "checkpoints" / "colours"
    entry = registry.Checkpoint(name="museé/a+b.2", source=str(folder), base="/home/me")
    registry.put(entry)
    address = "/-/glam-models/muse~C3~A9~2Fa~2Bb~2E2"
    assert model.address(site(embedded), "glam-clip/museé/a+b.2") == address
    data = await found(site(embedded), f"{address}.json")
    assert (data["name"], data["base"]) == ("museé/a+b.2", "a folder")
    assert str(tmp_path) not in json.dumps(data)


async def test_what_is_not_registered(embedded, user_path):
    datasette = site(embedded)
    response = await get(datasette, "/-/glam-models/nobody")
    assert response.status_code == 404
    assert "colours" not in response.text
    registry.remove("colours")
    assert (await get(datasette, MODEL)).status_code == 404
    assert "/-/glam-models/" not in (await get(datasette, PHOTOS)).text
    (user_path / "glam" / "models.json").write_text("{")
    response = await get(datasette, MODEL)
    assert (response.status_code, str(user_path) in response.text) == (404, False)
    assert (await get(datasette, PHOTOS)).status_code == 200


async def test_galleries_lead_to_it(embedded):
    text = (await get(site(embedded), PHOTOS)).text
    assert f'<a href="{MODEL}">glam-clip/colours</a>' in text


async def test_collections_of_other_weights_do_not_use_it(embedded, tmp_path):
    folder = tmp_path / "checkpoints" / "colours"
    registry.remove("colours")
    path = registry.path()
    path.write_text(path.read_text().replace(Colours().fingerprint, "f" * 16))
    entry = registry.Checkpoint("colours", str(folder), fingerprint="f" * 16)
    registry.put(entry)
    assert (await found(site(embedded), f"{MODEL}.json"))["collections"] == []


@pytest.mark.both_versions
async def test_collections_only_for_those_who_may_see_them(embedded, write):
    write(CARD)
    tables = {"photos": {"allow": {"id": "root"}}}
    datasette = site(embedded, {"databases": {"embeddings": {"tables": tables}}})
    await datasette.invoke_startup()
    root = {"ds_actor": datasette.sign({"a": {"id": "root"}}, "actor")}
    seen = (await get(datasette, f"{MODEL}.json", cookies=root)).json()
    assert [one["name"] for one in seen["collections"]] == ["photos"]
    assert (await found(datasette, f"{MODEL}.json"))["collections"] == []


@pytest.mark.both_versions
async def test_with_a_base_url(embedded, write):
    write(CARD)
    datasette = site(embedded, settings={"base_url": "/museum/"})
    own = r"" if compat.IS_1 else r"(?!https)"
    text = (await get(datasette, MODEL)).text
    links = re.findall(rf'(?:href|src)="({own}/[^"]*)"', text)
    assert len(links) > 3
    assert [link for link in links if not link.startswith("/museum/")] == []
