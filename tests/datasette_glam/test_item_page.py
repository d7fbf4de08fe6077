"""The page of a picture: the way through the results, links to filters, rights, how to cite."""

import re
import sqlite3
from html import unescape

import pytest
from datasette.app import Datasette
from datasette.utils import tilde_encode

from ..conftest import EMBED
from ..fakes import picture
from ..site import PHOTOS, change, found, get, ids, links, site

pytestmark = [pytest.mark.asyncio, pytest.mark.both_versions]
RED_PAGE = f"{PHOTOS}/item/red~2Epng"
SIZE = 3


@pytest.fixture
def ten(llm, colours, tmp_path):
    """Ten pictures, the first of which is the reddest."""
    for number in range(10):
        picture(tmp_path / "photos" / f"{number}.png", (255, 20 * number, 0))
    llm(*EMBED)
    return llm


def way(page):
    """Where a page leads to: before, after, and back."""
    part = re.search('<nav class="glam-place".*?</nav>', page, re.DOTALL)
    if not part:
        return None
    found = dict.fromkeys(("prev", "next", "back"))
    for tag in re.findall("<a [^>]*>", part[0]):
        kind = re.search('rel="(prev|next)"', tag)
        url = unescape(re.search('href="([^"]*)"', tag)[1])
        found[kind[1] if kind else "back"] = url
    return found


async def walked(datasette, url, direction):
    """The ids of the pictures that one comes to by following an arrow to the end."""
    seen = []
    while url:
        assert url not in seen
        seen.append(url)
        url = way((await get(datasette, url)).text)[direction]
    return [re.search(r"/item/(\w+)~2Epng", one)[1] for one in seen]


async def first_card(datasette, query):
    page = (await get(datasette, f"{PHOTOS}?{query}")).text
    card = next(url for url in links(page) if re.search("photos/item/.*[?]", url))
    return f"{PHOTOS.removesuffix('photos')}{card}"


@pytest.mark.parametrize("query", ["q=red", "id=0.png", "q=red&_min_score=0.9"])
async def test_through_all_results_and_back(ten, query):
    datasette = site(ten)
    everything = ids(await found(datasette, f"{PHOTOS}.json?{query}"))
    names = [name.removesuffix(".png") for name in everything]
    assert len(names) > 5
    first = await first_card(datasette, f"{query}&_size={SIZE}")
    assert await walked(datasette, first, "next") == names
    last = f"{PHOTOS}/item/{names[-1]}~2Epng?{query}&_size={SIZE}&page=4"
    if len(names) == 10:
        assert await walked(datasette, last, "prev") == names[::-1]
    assert way((await get(datasette, first)).text)["prev"] is None


async def test_the_way_through_a_random_sample(ten):
    datasette = site(ten)
    first = await first_card(datasette, f"_size={SIZE}")
    seed = re.search("seed=([0-9]+)", first)[1]
    everything = ids(await found(datasette, f"{PHOTOS}.json?seed={seed}"))
    names = [name.removesuffix(".png") for name in everything]
    assert await walked(datasette, first, "next") == names


async def test_back_to_the_page_of_the_results(ten):
    datasette = site(ten)
    query = f"q=red&_size={SIZE}&page=2"
    page = (await get(datasette, f"{PHOTOS}/item/3~2Epng?{query}")).text
    leads = way(page)
    assert leads["back"] == f"{PHOTOS}?q=red&page=2&_size={SIZE}"
    assert leads["prev"] == f"{PHOTOS}/item/2~2Epng?q=red&_size={SIZE}"
    assert leads["next"] == f"{PHOTOS}/item/4~2Epng?q=red&page=2&_size={SIZE}"
    canonical = re.search('rel="canonical" href="([^"]*)"', page)[1]
    assert canonical.endswith(f"{PHOTOS}/item/3~2Epng")


async def test_programs_get_canonical_addresses(ten):
    data = await found(site(ten), f"{PHOTOS}.json?q=red")
    assert data["items"][0]["url"] == f"{PHOTOS}/item/0~2Epng"


@pytest.mark.parametrize(
    ("query", "back"),
    [
        ("", None),
        ("?utm_source=letter", None),
        ("?q=" + "x" * 2001, None),
        ("?_min_score=high", None),
        ("?wood=oak", None),
        ("?seed=x", f"{PHOTOS}"),
        ("?id=nobody", f"{PHOTOS}?id=nobody"),
        ("?id=red.png", f"{PHOTOS}?id=red.png"),
        ("?q=green&page=300", f"{PHOTOS}?q=green&page=300"),
        ("?material=wood", f"{PHOTOS}?material=wood"),
        ("?q=a&_size=none", f"{PHOTOS}?q=a&_size=none"),
    ],
)
async def test_a_search_without_this_picture(embedded, query, back):
    response = await get(site(embedded), f"{RED_PAGE}{query}")
    assert response.status_code == 200
    expected = back and {"prev": None, "next": None, "back": back}
    assert way(response.text) == expected


async def test_sql_of_a_visitor_is_not_run(embedded):
    query = "?seed=1&_where=1"
    forbidden = site(embedded, {"allow_sql": {"id": "root"}})
    assert way((await get(forbidden, RED_PAGE + query)).text)["next"] is None
    leads = way((await get(site(embedded), RED_PAGE + query)).text)
    assert leads["next"] or leads["prev"]


async def test_sensitive_pictures_are_passed_over(ten):
    change(ten, "update photos set sensitive = 1 where id = '1.png'")
    path = f"{PHOTOS}/item/0~2Epng?q=red"
    next_of = way((await get(site(ten), path)).text)["next"]
    assert "/item/2~2Epng" in next_of
    asked = way((await get(site(ten), f"{path}&_sensitive=1")).text)["next"]
    assert "/item/1~2Epng" in asked
    public = site(ten, {"plugins": {"datasette-glam": {"public": True}}})
    refused = way((await get(public, f"{path}&_sensitive=1")).text)
    assert "/item/2~2Epng" in refused["next"]
    assert "_sensitive" not in refused["back"]


async def test_a_private_column_cannot_be_asked_for(embedded):
    settings = {"private_columns": ["material"]}
    datasette = site(embedded, {"plugins": {"datasette-glam": settings}})
    page = (await get(datasette, f"{RED_PAGE}?seed=1&material=clay")).text
    assert "clay" not in page.replace("material=clay", "")
    assert "material" not in str(way(page))


def add_record(llm, **values):
    with sqlite3.connect(llm.database) as db:
        for name, value in values.items():
            kind = {int: "integer", float: "float", bytes: "blob"}.get(
                type(value), "text"
            )
            db.execute(f'alter table photos add column "{name}" {kind}')
            sql = f'update photos set "{name}" = ? where id = ?'
            db.execute(sql, [value, "red.png"])


def line(page, label):
    """What is beside a label of a record."""
    return re.search(f"<dt>{re.escape(label)}</dt><dd>(.*?)</dd>", page, re.DOTALL)[1]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("Artist", "Annie Wyile"),
        ("find_spot", "Trench [2] & <3>"),
        ("Year", 1911),
        ("weight__gte", 2.5),
        ("q", "x=y"),
        ("page", "12"),
        ("_odd", "100%"),
    ],
)
async def test_a_value_leads_to_the_pictures_that_have_it(embedded, column, value):
    add_record(embedded, **{column: value})
    datasette = site(embedded)
    page = (await get(datasette, RED_PAGE)).text
    label = {"find_spot": "Find spot", "q": "Q", "page": "Page", "_odd": "Odd"}
    label["weight__gte"] = "Weight gte"
    shown = line(page, label.get(column, column))
    (url,) = links(shown)
    assert f"<{value}" not in page
    path, _, query = url.rpartition("?")
    data = await found(datasette, f"{PHOTOS}.json?{query}")
    assert (path, ids(data)) == (PHOTOS, ["red.png"])


async def test_each_value_of_a_list_is_a_link(embedded):
    add_record(embedded, Materials='["clay", "glass"]')
    datasette = site(embedded)
    page = (await get(datasette, RED_PAGE)).text
    shown = line(page, "Materials")
    assert re.sub("<.*?>", "", shown) == "clay, glass"
    for url in links(shown):
        data = await found(datasette, f"{PHOTOS}.json?{url.rpartition('?')[2]}")
        assert ids(data) == ["red.png"]
    assert len(links(shown)) == 2


@pytest.mark.parametrize(
    "value",
    ["x" * 61, "two\nlines", " padded", "", b"bytes", "[" * 5000, '[{"a": 1}]', "[]"],
)
async def test_what_no_filter_can_name_is_text(embedded, value):
    add_record(embedded, Note=value)
    response = await get(site(embedded), RED_PAGE)
    assert response.status_code == 200
    shown = line(response.text, "Note")
    is_list = isinstance(value, str) and value.startswith("[") and len(value) < 61
    assert len(links(shown)) == (1 if is_list else 0)


async def test_addresses_in_records_are_links(embedded):
    add_record(embedded, Website="https://museum.example/1?a=b&c", Bad="javascript:x()")
    page = (await get(site(embedded), RED_PAGE)).text
    assert links(line(page, "Website")) == ["https://museum.example/1?a=b&c"]
    assert 'rel="noopener noreferrer"' in line(page, "Website")
    assert "href" not in line(page, "Bad") or "?Bad=javascript" in line(page, "Bad")


async def test_an_identifier_leads_nowhere(embedded):
    add_record(embedded, Identifier="1887/3804")
    page = (await get(site(embedded), RED_PAGE)).text
    assert line(page, "Identifier") == "1887/3804"


async def test_labels_of_columns(embedded, tmp_path):
    (tmp_path / "sheet.csv").write_text("Nr,find_spot,Find Place,größe\nred,a,b,c\n")
    embedded("glam", "records", "photos", "sheet.csv", "--key", "Nr", "--yes")
    page = (await get(site(embedded), RED_PAGE)).text
    shown = re.findall("<dt>(.*?)</dt>", page)
    assert shown[:4] == ["Nr", "Find spot", "Find Place", "Größe"]
    assert {"Picture", "Id", "Rights"} <= set(shown)
    data = (await found(site(embedded), f"{RED_PAGE}.json"))["item"]["record"]
    assert data["find_spot"] == "a"


async def test_rights_lead_to_their_licence(embedded):
    change(embedded, "update photos set rights = 'CC BY-SA 4.0' where id = 'red.png'")
    page = (await get(site(embedded), RED_PAGE)).text
    address = "https://creativecommons.org/licenses/by-sa/4.0/"
    assert links(line(page, "Rights")) == [address]


async def test_how_to_cite(embedded):
    add_record(embedded, Artist="A. Wyile", Year=1911, Identifier="P. 12")
    config = {"title": "Museum of <Fruit>"}
    datasette = Datasette([str(embedded.database)], metadata=config)
    page = (await get(datasette, RED_PAGE)).text
    text = unescape(re.search("<summary>Cite</summary><p>(.*?)</p>", page)[1])
    assert text == (
        "A. Wyile. Red thing. 1911. Museum of <Fruit>, P. 12. "
        f"http://localhost{RED_PAGE}"
    )
    green = (await get(site(embedded), f"{PHOTOS}/item/green~2Epng")).text
    assert f"<p>a green one. green.png. http://localhost{PHOTOS}" in green


async def test_the_page_has_a_box_and_its_data(embedded):
    page = (await get(site(embedded), RED_PAGE)).text
    assert f'id="glam-search" action="{PHOTOS}"' in page
    assert f'<a href="/embeddings/photos/{tilde_encode("red.png")}">Data</a>' in page
    assert re.search('<button [^>]*id="glam-copy"[^>]* hidden>', page)
