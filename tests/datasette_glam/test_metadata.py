"""What metadata.yml says of the museum, and what pages tell other programs."""

import json
import re

import pytest
from datasette.app import Datasette

from ..site import GLAM, PHOTOS, change, found, get

pytestmark = [pytest.mark.asyncio, pytest.mark.both_versions]

SAID = {
    "title": "Museum of Bees",
    "description": "All of the museum's pictures",
    "license": "CC0",
    "license_url": "https://creativecommons.org/publicdomain/zero/1.0/",
    "source": "The inventory",
    "about": "The bees",
    "about_url": "https://bees.example/",
    "databases": {
        "embeddings": {
            "tables": {
                "photos": {
                    "title": "Watercolours",
                    "description_html": "<b>Bees</b> painted at <i>home</i>",
                    "source": "The cellar",
                    "source_url": "https://cellar.example/",
                }
            }
        }
    },
}


def named(llm, metadata=None, **options):
    """Datasette with a metadata file, which both versions read in this way."""
    files = [str(llm.database)] if llm else []
    return Datasette(files, metadata=metadata or SAID, **options)


async def page(datasette, path):
    response = await get(datasette, path)
    assert response.status_code == 200, response.text
    return response.text


def metas(html):
    """The contents of meta tags by name, and the canonical address."""
    tags = re.findall(r'<meta (?:name|property)="([^"]+)" content="([^"]*)">', html)
    canonical = re.findall(r'<link rel="canonical" href="([^"]*)">', html)
    return {**dict(tags), "canonical": canonical[0] if canonical else None}


def artwork(html):
    (text,) = re.findall(
        r'<script type="application/ld\+json">(.*?)</script>', html, re.S
    )
    return json.loads(text)


async def test_the_museum_is_named_on_each_page(embedded):
    datasette = named(embedded)
    gallery = await page(datasette, f"{PHOTOS}?seed=1")
    assert "<title>Watercolours – Museum of Bees</title>" in gallery
    assert '">Watercolours</a></h1>' in gallery
    assert "<b>Bees</b> painted at <i>home</i>" in gallery
    item = await page(datasette, f"{PHOTOS}/item/red~2Epng")
    assert "<title>Red thing – Watercolours – Museum of Bees</title>" in item
    for html in (gallery, item):
        crumbs = re.search(r'<div class="crumbs">(.*?)</div>', html, re.S)[1]
        assert re.sub(r"<.*?>|\s+", " ", crumbs).split() == (
            "Museum of Bees / Watercolours".split()
        )
        assert f'<a href="{GLAM}">Museum of Bees</a>' in crumbs
        footer = re.search(r"<footer.*?</footer>", html, re.S)[0]
        assert "publicdomain/zero" in footer
        assert "CC0" in footer
        assert "The cellar" in footer
        assert "The inventory" not in footer
        assert "https://bees.example/" in footer
    list_ = await page(datasette, GLAM)
    assert "<title>Museum of Bees</title>" in list_
    assert "All of the museum&#39;s pictures" in list_
    assert "Watercolours</a>" in list_
    assert "Bees painted at home" in list_
    data = await found(datasette, f"{PHOTOS}.json")
    assert data["title"] == "Watercolours"
    assert data["description"] == "Bees painted at home"
    (one,) = (await found(datasette, f"{GLAM}.json"))["collections"]
    assert (one["name"], one["title"]) == ("photos", "Watercolours")


async def test_collections_that_share_records_are_told_apart(embedded):
    embedded("glam", "reembed", "photos", "photos-2", "-m", "glam-clip")
    data = await found(named(embedded), f"{GLAM}.json")
    titles = [one["title"] for one in data["collections"]]
    assert titles == ["Watercolours", "Watercolours (photos-2)"]


async def test_without_metadata_collections_have_their_names(embedded):
    datasette = named(embedded, {"databases": {"embeddings": {"license": "CC0"}}})
    gallery = await page(datasette, PHOTOS)
    assert "<title>photos</title>" in gallery
    assert f'<a href="{GLAM}">Picture collections</a>' in gallery
    assert "og:site_name" not in gallery


async def test_link_previews(embedded):
    datasette = named(embedded)
    data = await found(datasette, f"{PHOTOS}.json?q=red")
    seen = metas(await page(datasette, f"{PHOTOS}?q=red&_size=2&_facet=material"))
    assert seen["canonical"] == f"http://localhost{PHOTOS}?q=red"
    assert seen["og:url"] == seen["canonical"]
    assert seen["og:title"] == "red in Watercolours"
    assert seen["og:site_name"] == "Museum of Bees"
    assert seen["og:description"] == "Bees painted at home"
    assert seen["og:image"] == "http://localhost" + data["items"][0]["thumbnail_url"]
    sample = metas(await page(datasette, f"{PHOTOS}?seed=7&page=1"))
    assert sample["canonical"] == f"http://localhost{PHOTOS}"
    narrow = metas(await page(datasette, f"{PHOTOS}?material=clay&seed=7"))
    assert narrow["canonical"] == f"http://localhost{PHOTOS}?material=clay"


async def test_a_record_for_other_programs(embedded):
    change(
        embedded,
        "alter table photos add column Artist text",
        "alter table photos add column date text",
        "alter table photos add column keywords text",
        "update photos set Artist = 'Ann', date = '1901', page_url = 'https://x.example/1', "
        """keywords = '["bee", "red"]' where id = 'red.png'""",
    )
    html = await page(named(embedded), f"{PHOTOS}/item/red~2Epng")
    seen = metas(html)
    address = f"http://localhost{PHOTOS}/item/red~2Epng"
    assert seen["canonical"] == address
    assert (seen["DC.title"], seen["DC.creator"]) == ("Red thing", "Ann")
    assert (seen["DC.date"], seen["DC.rights"]) == ("1901", "CC0")
    assert seen["DC.subject"] == "bee; red"
    work = artwork(html)
    assert work["@type"] == "VisualArtwork"
    assert work["url"] == address
    assert work["name"] == "Red thing"
    assert work["artMedium"] == "clay"
    assert work["creator"]["name"] == "Ann"
    assert work["keywords"] == "bee; red"
    assert work["sameAs"] == "https://x.example/1"
    assert work["image"]["url"] == seen["og:image"]


async def test_a_record_cannot_leave_its_script_or_tag(embedded):
    odd = "</script><script>alert(1)</script>\"><b x='&"
    change(embedded, f"""update photos set title = '{odd.replace("'", "''")}'""")
    html = await page(named(embedded), f"{PHOTOS}/item/red~2Epng")
    assert "<script>alert" not in html
    assert "<b x" not in html
    assert artwork(html)["name"] == odd


async def test_private_columns_and_sensitive_pictures_are_not_told(
    llm, colours, photos
):
    rows = [
        {"file_name": "red.png", "title": "Secret1", "date": "Secret2"},
        {"file_name": "green.png", "title": "Secret3", "creator": "Ann", "date": "1"},
    ]
    (photos / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    llm("glam", "embed", "photos", photos)
    llm("glam", "mark", "photos", "--where", "id='red.png'", "--sensitive")
    llm("glam", "mark", "photos", "--private", "creator", "--private", "title")
    datasette = named(llm)

    def head(html):
        return re.sub(r"<title>.*?</title>", "", html.split("<body")[0], flags=re.S)

    sensitive = head(await page(datasette, f"{PHOTOS}/item/red~2Epng"))
    assert "Secret" not in sensitive
    assert "og:image" not in sensitive
    assert "ld+json" not in sensitive
    assert "noindex" in sensitive
    private = head(await page(datasette, f"{PHOTOS}/item/green~2Epng"))
    assert "Ann" not in private
    assert "Secret3" not in private
    assert metas(private)["DC.date"] == "1"
    for query in ("q=red&_sensitive=1", "id=red.png&_sensitive=1", "seed=1"):
        seen = head(await page(datasette, f"{PHOTOS}?{query}"))
        assert "Secret" not in seen
        assert "red~2Epng" not in seen


async def test_addresses_have_the_base_url(embedded):
    datasette = named(embedded, settings={"base_url": "/museum/"})
    # Datasette's client adds the base_url itself.
    seen = metas(await page(datasette, f"{PHOTOS}/item/red~2Epng"))
    assert seen["canonical"] == f"http://localhost/museum{PHOTOS}/item/red~2Epng"
    assert seen["og:image"].startswith(f"http://localhost/museum{PHOTOS}/thumb/")


async def test_odd_metadata_is_left_out(embedded):
    odd = {"title": ["a"], "license": 4}
    html = await page(named(embedded, odd), PHOTOS)
    assert '">photos</a></h1>' in html
