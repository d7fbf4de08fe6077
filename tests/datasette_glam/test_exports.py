"""What visitors take away from a search: CSV, an Excel workbook, a page to send to somebody."""

import csv
import io
import json
import re

import openpyxl
import pytest

from ..exporters.conftest import HEADINGS, joined  # noqa: F401  a fixture
from ..site import PHOTOS, change, found, get, site, upload

pytestmark = [pytest.mark.asyncio, pytest.mark.both_versions]

RED, GREEN, BLUE = "1887_1.png", "1887_2.png", "1887_3.png"
ITEM = f"{PHOTOS}/item/1887_1~2Epng"
ELSEWHERE = {"headers": {"host": "museum.example"}}


@pytest.fixture
def sheet(joined):  # noqa: F811
    return joined


async def table(datasette, path, **options):
    """The rows of an export, headings first, as a program reads them."""
    response = await get(datasette, path, **options)
    assert response.status_code == 200, response.text
    if ".xlsx" in path:
        return list(openpyxl.load_workbook(io.BytesIO(response.content)).active.values)
    return [tuple(row) for row in csv.reader(io.StringIO(response.text))]


@pytest.mark.parametrize("format_", [".csv", ".xlsx"])
async def test_her_columns_come_first_as_she_wrote_them(sheet, format_):
    change(sheet, "update photos set rights = 'CC0'")
    path = f"{PHOTOS}{format_}?q=red"
    head, first, *rest = await table(site(sheet), path, **ELSEWHERE)
    assert head == (*HEADINGS, "id", "rights", "score", "link")
    assert first[:3] == ("1887/1", "Äpfel – rot", "fruit; red")
    assert str(first[3]) == "1887"
    assert first[6:8] == (RED, "CC0")
    assert float(first[8]) == 1
    assert first[9] == f"http://museum.example{ITEM}"
    assert len(rest) == 2
    assert all(len(str(row[8])) <= len("0.1234") for row in rest)


async def test_no_cell_is_a_formula(sheet):
    text = (await get(site(sheet), f"{PHOTOS}.csv?id__exact={GREEN}")).text
    assert "1887/2,'=1+1,fruit,1888,-6500," in text
    content = (await get(site(sheet), f"{PHOTOS}.xlsx?id__exact={GREEN}")).content
    workbook = openpyxl.load_workbook(io.BytesIO(content)).active
    assert workbook["B2"].value == "=1+1"
    kinds = {cell.data_type for row in workbook for cell in row if cell.value}
    assert kinds == {"s", "n"}
    link = workbook.cell(2, workbook.max_column)
    assert link.hyperlink.target == link.value
    assert link.value.endswith("/item/1887_2~2Epng")


async def test_no_character_of_a_record_makes_a_workbook_unreadable(sheet):
    """Excel refuses the whole file, for one cell with what XML cannot have."""
    codes = (65, 0, 11, 27, 0xFFFE, 0xFFFF, 9, 0x1F600, 0xD7FF, 0xFFFD, 66)
    text = "||".join(f"char({code})" for code in codes)
    change(sheet, f"update photos set title = {text} where id = '{RED}'")
    rows = await table(site(sheet), f"{PHOTOS}.xlsx?id__exact={RED}&_col=title")
    assert rows[1] == ("A\t\U0001f600\ud7ff\ufffdB",)


async def test_a_byte_order_mark_is_there_on_request(sheet):
    plain = (await get(site(sheet), f"{PHOTOS}.csv?q=red")).content
    marked = (await get(site(sheet), f"{PHOTOS}.csv?q=red&_bom=on")).content
    assert marked == b"\xef\xbb\xbf" + plain


async def test_columns_are_chosen_as_in_datasette(sheet):
    query = "q=red&_col=score&_col=Accession+No.&_col=image_width&_col=file"
    rows = await table(site(sheet), f"{PHOTOS}.csv?{query}")
    assert rows[:2] == [
        ("score", "Accession No.", "image_width", "file"),
        ("1.0", "1887/1", "40", RED),
    ]
    answer = await found(site(sheet), f"{PHOTOS}.json?{query}")
    again = await table(site(sheet), answer["csv_url"])
    assert again == rows
    for format_ in ("csv", "xlsx", "html"):
        assert answer[f"{format_}_url"].startswith(f"{PHOTOS}.{format_}?q=red&_col=sc")
    for path in (f"{PHOTOS}.csv", f"{PHOTOS}.xlsx", f"{PHOTOS}.html"):
        refused = await get(site(sheet), f"{path}?_col=Artist")
        assert refused.status_code == 400
        assert "There is no column" in refused.text
        assert refused.headers["content-type"].startswith(
            "application/json" if path.endswith("csv") else "text/html"
        )


@pytest.mark.parametrize("format_", [".csv", ".xlsx"])
async def test_a_column_is_there_once_however_it_is_spelled(sheet, format_):
    """An address has room for 5,000 spellings, of a thousand rows each."""
    query = "q=red&_col=score&_col=Score&_col=score+&_col=object+name&_col=OBJECT+NAME"
    rows = await table(site(sheet), f"{PHOTOS}{format_}?{query}")
    assert rows[0] == ("score", "Object name")


async def test_a_file_is_named_where_it_is_not_the_id(sheet):
    change(sheet, f"update photos set file = 'old.png' where id = '{RED}'")
    rows = await table(site(sheet), f"{PHOTOS}.csv")
    assert rows[0][len(HEADINGS) :] == ("id", "file", "link")


async def test_private_columns_are_in_no_file(sheet):
    sheet("glam", "mark", "photos", "--private", "Object name")
    change(sheet, 'alter table photos add column "Insurance value" text')
    change(sheet, """update photos set "Insurance value" = 'a fortune'""")
    for public in (False, True):
        settings = {"private_columns": ["Subjects"], "public": public}
        datasette = site(sheet, {"plugins": {"datasette-glam": settings}})
        for format_ in (".csv", ".xlsx"):
            rows = str(await table(datasette, f"{PHOTOS}{format_}?q=red"))
            assert "1887/1" in rows
            assert "Äpfel" not in rows
            assert "fruit" not in rows
            assert ("a fortune" in rows) == (not public)
        page = (await get(datasette, f"{PHOTOS}.html?q=red")).text
        assert "1887/1" in page
        for secret in ("Äpfel", "Object name", "fruit", "a fortune"):
            assert secret not in page
        for name in ("Object+name", "object+name", "Subjects"):
            for format_ in (".csv", ".xlsx", ".html"):
                path = f"{PHOTOS}{format_}?_col={name}"
                assert (await get(datasette, path)).status_code == 400
    named = await get(site(sheet), f"{PHOTOS}.html?_col=Insurance+value")
    assert "a fortune" in named.text


async def test_a_page_to_send(sheet):
    change(sheet, f"update photos set title = '<script>x' where id = '{GREEN}'")
    change(sheet, f"update photos set page_url = 'https://m.example/3' where id = '{BLUE}'")  # fmt: skip
    path = f"{PHOTOS}.html?q=red&_search=Apple"
    response = await get(site(sheet), path, **ELSEWHERE)
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    disposition = response.headers["content-disposition"]
    assert disposition == 'attachment; filename="photos.html"'
    page = response.text
    assert "<h1>“red” in photos</h1>" in page
    assert "<p>1 picture</p>" in page
    assert "<p>Only records with “Apple”</p>" in page
    assert f'<h2><a href="http://museum.example{ITEM}" ' in page
    address = f"http://museum.example{PHOTOS}?q=red&amp;_search=Apple"
    assert f'<a href="{address}" ' in page
    whole = (await get(site(sheet), f"{PHOTOS}.html?q=red")).text
    assert "<script" not in whole
    assert "<p>3 pictures, the most similar first</p>" in whole
    assert set(re.findall(r'src="([^"]{5})', whole)) == {"data:"}
    assert not re.search(r"url\(|@import|<link", whole)
    links = re.findall(r'<h2><a href="([^"]*)"', whole)
    assert links == ["https://m.example/3"]  # others lead to this computer only
    assert "localhost" not in whole


async def test_a_page_of_what_was_selected(sheet):
    query = f'id__in=["{GREEN}","{BLUE}"]'
    page = (await get(site(sheet), f"{PHOTOS}.html?{query}")).text
    assert page.count("<img") == 2
    assert "-6500" in page
    assert "Apple" not in page
    rows = await table(site(sheet), f"{PHOTOS}.xlsx?{query}")
    assert sorted(row[0] for row in rows[1:]) == ["1887/2", "1887/3"]


async def test_a_sensitive_picture_is_in_a_page_where_it_was_shown(sheet):
    change(
        sheet, f"update photos set sensitive = 1, title = 'Grave' where id = '{RED}'"
    )
    shown = (await get(site(sheet), f"{PHOTOS}.html?q=red&_sensitive=1")).text
    (hidden,) = re.findall(r'<details class="sensitive">.*?</details>', shown)
    assert 'alt="Sensitive picture"' in hidden
    public = site(sheet, {"plugins": {"datasette-glam": {"public": True}}})
    for datasette, query in (
        (site(sheet), "q=red"),
        (site(sheet), "_sensitive=1"),
        (public, "q=red&_sensitive=1"),
        (public, f"id__in={RED},{BLUE}&_sensitive=1"),
    ):
        page = (await get(datasette, f"{PHOTOS}.html?{query}")).text
        assert "Grave" not in page
        assert "<img" in page
        assert "Grave" not in str(await table(datasette, f"{PHOTOS}.xlsx?{query}"))
    like_it = await get(site(sheet), f"{PHOTOS}.html?id={RED}")
    assert "<h1>a picture in photos</h1>" in like_it.text
    assert "Grave" not in like_it.text


async def test_a_page_has_a_limit(many, monkeypatch):
    from datasette_glam.pages.gallery import exports

    path = f"{PHOTOS}.html?q=red"
    assert (await get(site(many), path)).text.count("<img") == 60
    monkeypatch.setattr(exports, "PICTURES", 20)
    monkeypatch.setattr(exports, "MOST_PICTURES", 30)
    page = (await get(site(many), path)).text
    assert page.count("<img") == 20
    assert "<p>20 of 60 pictures, the most similar first</p>" in page
    for size in ("50", "max"):
        page = (await get(site(many), f"{path}&_size={size}")).text
        assert page.count("<img") == 30
    assert (await get(site(many), f"{path}&_size=x")).status_code == 400
    one = len(re.search(r'src="(.*?)"', page)[1])
    monkeypatch.setattr(exports, "MOST_BYTES", 10 * one + 9 * one)
    page = (await get(site(many), path)).text
    shown = page.count("<img")
    assert 1 <= shown < 20
    assert f"<p>The last {20 - shown} are left out, so that this page does" in page


async def test_the_page_of_the_search_has_links_to_the_files(sheet):
    page = (await get(site(sheet), f"{PHOTOS}?q=red")).text
    for format_ in ("csv", "xlsx", "html"):
        assert f'href="photos.{format_}?q=red"' in page
    nothing = (await get(site(sheet), f"{PHOTOS}?id__exact=none")).text
    assert 'href="photos.html' not in nothing
    assert (await get(site(sheet), f"{PHOTOS}.html?id__exact=none")).status_code == 200
    assert json.loads((await upload(site(sheet), b"x")).text)["html_url"] is None
