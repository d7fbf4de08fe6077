"""The page about a collection's search, and the line about it in the gallery."""

import re

import pytest
from sqlite_utils import Database

from llm_glam.db import collections
from llm_glam.models import registry

from ..site import PHOTOS, change, found, get
from .test_metadata import named, page

pytestmark = [pytest.mark.asyncio, pytest.mark.both_versions]
ABOUT = f"{PHOTOS}/about"


def settings(**own):
    tables = {"photos": {"plugins": {"datasette-glam": own}}}
    return {"databases": {"embeddings": {"tables": tables}}}


def text_of(html):
    main = html.split('<main id="glam-main">')[1].split("</main>")[0]
    return " ".join(re.sub(r"<[^>]*>", "", main).split())


def card(language):
    entry = registry.get("colours")
    header = f"---\nlanguage: {language}\n---\n# Card\n"
    with open(f"{entry.source}/README.md", "w") as file:
        file.write(header)


async def test_what_is_not_known_is_said(embedded):
    datasette = named(embedded, {"license": "CC0"})
    data = await found(datasette, f"{ABOUT}.json")
    assert (data["languages"], data["evaluation"], data["contact"]) == ([], None, None)
    text = text_of(await page(datasette, ABOUT))
    assert "Its card does not say which languages" in text
    assert "Not tested on these pictures" in text
    assert "whoever runs this site, who has given no address" in text
    gallery = text_of(await page(datasette, f"{PHOTOS}?q=red"))
    assert "It was not tested on these pictures." in gallery
    assert f'href="{ABOUT}"' in await page(datasette, f"{PHOTOS}?seed=2")


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "English only."),
        ("[en, de]", "English and German, according to its card"),
        ("multilingual", "many languages, according to its card"),
        ("'<b>x'", "&lt;b&gt;x, according to its card"),
    ],
)
async def test_languages_are_those_of_the_card(embedded, language, said):
    card(language)
    datasette = named(embedded)
    assert said in text_of(await page(datasette, ABOUT))


async def test_the_stock_checkpoint_knows_english(embedded):
    change(
        embedded,
        *(
            f"update {t} set model = 'glam-clip/clip-ViT-B-32'"
            for t in ("collections", "glam_collections")
        ),
    )
    data = await found(named(embedded), f"{ABOUT}.json")
    assert data["languages"] == ["en"]


async def test_a_test_on_these_pictures(embedded):
    command = ("glam", "evaluate", "--collection", "photos", "--caption-template")
    result = embedded(*command, "{title}{caption}")
    assert "shown on the site" in result.stderr
    datasette = named(embedded)
    told = (await found(datasette, f"{ABOUT}.json"))["evaluation"]
    assert (told["queries"], told["pool"], told["value"]) == (2, 2, 1.0)
    text = text_of(await page(datasette, ABOUT))
    assert "for 100&nbsp;% of 2 captions" in text
    assert "for 100 % of the captions" in text_of(await page(datasette, PHOTOS))
    # Not that of another checkpoint, nor of a collection that was made again.
    for statement in (
        "update glam_evaluations set fingerprint = 'x'",
        "update glam_evaluations set fingerprint = (select fingerprint from "
        "glam_collections), uid = 'other'",
    ):
        change(embedded, statement)
        told = await found(named(embedded), f"{ABOUT}.json")
        assert told["evaluation"] is None


async def test_a_part_of_the_pictures_is_not_a_test_of_them_all(embedded):
    command = ("glam", "evaluate", "--collection", "photos", "--caption", "title")
    result = embedded(*command, "--where", "id = 'red.png'")
    assert "shown on the site" not in result.stderr
    assert collections.evaluation(*opened(embedded)) == []
    embedded(*command)
    assert collections.evaluation(*opened(embedded)) != []


def opened(llm):
    db = Database(llm.database)
    return db, collections.get(db, "photos")


async def test_a_database_that_can_only_be_read_is_measured(embedded):
    embedded.database.chmod(0o444)
    embedded("glam", "evaluate", "--collection", "photos", "--caption", "title")


async def test_provenance_and_rights(embedded, tmp_path):
    sheet = tmp_path / "zz Secret donors.csv"
    sheet.write_text("file,rights,donor\nred.png,CC BY,Ann\ngreen.png,<b>,Bob\n")
    embedded("glam", "records", "photos", sheet, "--key", "file", "--yes")
    datasette = named(embedded)
    data = await found(datasette, f"{ABOUT}.json")
    kinds = {one["kind"]: one["records"] for one in data["sources"]}
    assert kinds["sheet"] >= 2
    rights = {one["rights"]: one["pictures"] for one in data["rights"]}
    assert rights == {"CC BY": 1, "<b>": 1, None: 1}
    html = await page(datasette, ABOUT)
    assert "&lt;b&gt;: 1 picture" in html
    assert "Secret" not in html
    assert str(tmp_path) not in html
    embedded("glam", "mark", "photos", "--private", "rights")
    assert "CC BY" not in await page(named(embedded), ABOUT)


async def test_sensitive_pictures_are_not_counted(embedded):
    embedded("glam", "mark", "photos", "--where", "id='red.png'", "--sensitive")
    rights = (await found(named(embedded), f"{ABOUT}.json"))["rights"]
    assert rights == [{"rights": None, "pictures": 2}]


@pytest.mark.parametrize(
    ("contact", "address"),
    [
        ("ann@museum.example", "mailto:ann@museum.example"),
        ("https://museum.example/ask", "https://museum.example/ask"),
        ("javascript:alert(1)", None),
        ("Room 3, <b>", None),
    ],
)
async def test_whom_to_ask(embedded, contact, address):
    said = settings(contact=contact)
    datasette = named(embedded, said)
    assert (await found(datasette, f"{ABOUT}.json"))["contact_url"] == address
    html = await page(datasette, ABOUT)
    assert "<b>" not in html
    assert (f'href="{address}"' in html) == bool(address)
    assert 'href="javascript' not in html


async def test_settings_of_the_site_hold_for_its_tables(embedded):
    said = settings(examples=["red", 'two "quoted" & <b>'])
    said["plugins"] = {"datasette-glam": {"contact": "a@b.example"}}
    datasette = named(embedded, said)
    assert (await found(datasette, f"{ABOUT}.json"))["contact"] == "a@b.example"
    html = await page(datasette, PHOTOS)
    assert 'Try <a href="?q=red">red</a>' in html
    assert "?q=two+%22quoted%22+%26+%3Cb%3E" in html
    assert "Try:" not in await page(datasette, f"{PHOTOS}?q=red")


async def test_none_of_it_without_the_collection(embedded):
    datasette = named(embedded)
    assert (await get(datasette, ABOUT.replace("photos", "none"))).status_code == 404
