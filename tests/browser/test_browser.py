"""What visitors do on the site, in Chromium: with a mouse, keys, a phone, without JavaScript."""

import base64
import io
import os
import re
import shutil
from pathlib import Path
from urllib.parse import unquote_plus

import pytest
from PIL import Image, ImageChops
from playwright.sync_api import expect

from .conftest import LARGE, ODD, ODD_COLLECTION, SCRIPT, SENSITIVE

pytestmark = pytest.mark.browser

PHONE = {"viewport": {"width": 320, "height": 640}, "has_touch": True}
DARK = {"color_scheme": "dark"}
PER_PAGE = 36
MODEL_LOADS_MS = 60_000  # with the first upload, on a busy machine
KILOBYTES_60 = 60_000

# A file as the clipboard and the desktop hand it over.
TRANSFER = """
([base64, name, type]) => {
    const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], name, { type }));
    return transfer;
}
"""
PASTE = """
(transfer) => document.activeElement.dispatchEvent(
    new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true, cancelable: true })
)
"""
WIDER_THAN_THE_SCREEN = """
() => [...document.querySelectorAll("body *")]
    .filter((e) => e.getBoundingClientRect().right > innerWidth + 0.5)
    .map((e) => e.outerHTML.slice(0, 80))
"""
ROWS = """
() => Object.values(Object.groupBy(
    [...document.querySelectorAll(".glam-pictures img")].map((e) => e.getBoundingClientRect()),
    (box) => Math.round(box.top)
)).map((row) => ({
    heights: row.map((box) => box.height),
    right: Math.max(...row.map((box) => box.right)),
}))
"""

AXE = "() => axe.run(document, { resultTypes: ['violations'] })"
OF_EACH_IMAGE = """
(images) => Promise.all(images.map(async (img) => {
    const { width, height } = img.getBoundingClientRect();
    const found = { alt: img.alt, loading: img.loading, shape: width / height };
    found.said = [img.getAttribute("width"), img.getAttribute("height")].map(Number);
    img.loading = "eager";
    await img.decode();
    return { ...found, own: [img.naturalWidth, img.naturalHeight] };
}))
"""
ALL_IN_VIEW_LOADED = """
() => [...document.images].every(
    (img) => img.complete || img.getBoundingClientRect().top > innerHeight
)
"""
WEIGHTS = """
() => Object.fromEntries(
    performance.getEntries()
        .filter((e) => ["navigation", "link", "script"].includes(e.initiatorType))
        .map((e) => [new URL(e.name).pathname.split("/").pop(), e.decodedBodySize])
)
"""


SUM = {
    "q": 'a coin -red 2:"blue plate" id:002.jpg',
    "material": "bronze",
    "year__gte": "1810",
    "_min_score": "-0.9",
}


def pictures(page):
    return page.locator(".glam-pictures:not(.glam-strip *) > li")


def ids(page):
    """The ids of the pictures shown, from where their similar links lead."""
    links = page.locator(".glam-pictures:not(.glam-strip *) p a")
    addresses = links.evaluate_all("(all) => all.map((a) => a.href)")
    return [unquote_plus(address.partition("?id=")[2]) for address in addresses]


def act(card, name):
    """Do with a picture what appears when the pointer is on it."""
    card.hover()
    card.get_by_text(name, exact=True).click()


def picture_link(page, number=0):
    return page.locator(".glam-pictures:not(.glam-strip *) li > a").nth(number)


def states(site):
    """Each kind of page there is, with its status."""
    return {
        "collections": (site.collections, 200),
        "gallery": (site.gallery(seed=1), 200),
        "odd collection": (site.gallery(ODD_COLLECTION, seed=1), 200),
        "search": (site.gallery(q="a bronze coin"), 200),
        "similar": (site.gallery(id="001.jpg"), 200),
        "sum": (site.gallery(**SUM), 200),
        "nothing fits": (site.gallery(material="wood"), 200),
        "filter left out": (site.gallery(wood="1"), 200),
        "bad filter": (site.gallery(_min_score="high"), 400),
        "sensitive": (site.gallery(ODD_COLLECTION, q="coin", _sensitive=1), 200),
        "item": (site.item("000.jpg"), 200),
        "long title": (site.item("001.jpg"), 200),
        "sensitive item": (site.item(SENSITIVE), 200),
        "checkpoint": (f"{site.address}-/glam-models/demo", 200),
        "unknown id": (site.gallery(id="nobody.jpg"), 404),
        "too long": (site.gallery(q="x" * 2001), 400),
        "no checkpoint": (site.gallery(q="words never asked before"), 503),
    }


STATES = [
    "collections",
    "gallery",
    "search",
    "sum",
    "nothing fits",
    "filter left out",
    "bad filter",
    "sensitive",
    "item",
    "sensitive item",
    "checkpoint",
    "unknown id",
    "no checkpoint",
]
WIDE_STATES = [*STATES, "odd collection", "similar", "long title", "too long"]


def visit_state(visit, site, state, **options):
    url, status = states(site)[state]
    if status != 503:
        return visit(url, expected=status, **options)
    with site.without_checkpoint():
        return visit(url, expected=status, **options)


@pytest.mark.both_versions
def test_search_by_words(visit, anywhere):
    page = visit(anywhere.gallery())
    expect(page.get_by_role("heading", name="Random sample")).to_be_visible()
    page.get_by_role("searchbox").fill("a bronze coin with a ship")
    page.keyboard.press("Enter")
    page.wait_for_url("**/photos?q=a+bronze+coin+with+a+ship")
    heading = page.get_by_role("heading", name="Nearest to “a bronze coin with a ship”")
    expect(heading).to_be_visible()
    expect(page.get_by_role("searchbox")).to_have_value("a bronze coin with a ship")
    expect(pictures(page)).to_have_count(PER_PAGE)
    expect(page).to_have_title("a bronze coin with a ship in photos")


def test_slash_goes_to_the_box(visit, site):
    page = visit(site.gallery())
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("either/or")
    expect(page.get_by_role("searchbox")).to_have_value("either/or")
    expect(page.locator("dialog[open]")).to_have_count(0)


def test_similar_pictures(visit, anywhere):
    page = visit(anywhere.gallery(seed=1))
    item_id = ids(page)[2]
    act(pictures(page).nth(2), "Similar")
    page.wait_for_url("**/photos?id=*")
    expect(page.get_by_role("heading", name="Similar to")).to_be_visible()
    assert item_id not in ids(page)
    expect(pictures(page)).to_have_count(PER_PAGE)


def test_the_page_of_a_picture(visit, anywhere):
    page = visit(anywhere.gallery(id="003.jpg"))
    link = page.locator('.glam-pictures li > a[href*="/item/002~2Ejpg?"]')
    while not link.count():
        page.get_by_role("link", name="More pictures").click()
        page.wait_for_load_state()
    link.click()
    page.wait_for_url("**/item/002~2Ejpg?id=003.jpg*")
    heading = page.get_by_role("heading", name="Coin with a ship", level=1)
    expect(heading).to_be_visible()
    record = page.locator(".glam-item dl")
    expect(record).to_contain_text("Material\nsilver", use_inner_text=True)
    expect(record.get_by_role("link", name="silver")).to_be_visible()
    expect(page.locator(".glam-item img")).to_have_attribute("alt", "Coin with a ship")
    expect(page.get_by_role("heading", name="Most similar")).to_be_visible()
    expect(pictures(page)).to_have_count(24)
    page.get_by_role("link", name="Data", exact=True).click()
    page.wait_for_url("**/embeddings/photos/002~2Ejpg")


@pytest.mark.both_versions
@pytest.mark.parametrize("scripted", [True, False])
def test_through_the_results_and_back(visit, anywhere, scripted):
    options = {} if scripted else {"java_script_enabled": False}
    page = visit(anywhere.gallery(q="pear", material="glass"), **options)
    addresses = page.locator(".glam-pictures li > a").evaluate_all(
        "(all) => all.map((a) => a.href)"
    )
    assert len(addresses) == 32
    picture_link(page, 30).click()
    page.wait_for_url(addresses[30])
    for number in (29, 30, 31):
        if scripted:
            page.keyboard.press("ArrowRight" if number > 29 else "ArrowLeft")
        else:
            name = "Next →" if number > 29 else "← Previous"
            page.get_by_role("link", name=name).click()
        page.wait_for_url(addresses[number])
    expect(page.get_by_role("link", name="Next")).to_have_count(0)
    page.get_by_role("link", name="Back to the results").click()
    page.wait_for_url("**/photos?q=pear&material=glass")
    assert ids(page)[31] == unquote_plus(
        addresses[31].partition("/item/")[2].partition("?")[0].replace("~2E", ".")
    )


@pytest.mark.both_versions
def test_a_value_leads_to_a_filter(visit, anywhere):
    page = visit(anywhere.item("002.jpg"))
    page.locator(".glam-item dl").get_by_role("link", name="silver").click()
    page.wait_for_url("**/photos?material=silver")
    expect(chips(page)).to_have_text([re.compile("material = silver")])


@pytest.mark.parametrize("has_clipboard", [True, False])
def test_the_link_is_copied(visit, site, has_clipboard):
    page = visit(
        site.item("002.jpg"), permissions=["clipboard-read", "clipboard-write"]
    )
    if not has_clipboard:
        page.evaluate(
            "() => Object.defineProperty(navigator, 'clipboard', {value: null})"
        )
    page.get_by_role("button", name="Copy link").click()
    expect(page.locator("#glam-copied")).to_have_text("The link is copied.")
    if has_clipboard:
        copied = page.evaluate("() => navigator.clipboard.readText()")
        assert copied == site.item("002.jpg")


PLACE = """
(layer) => {
    const { a, e, f } = new DOMMatrix(getComputedStyle(layer).transform);
    return { scale: a, x: e, y: f };
}
"""
DETAILS = """
() => {
    const tiles = [...document.querySelectorAll(".glam-stage img + img")];
    return tiles.length && tiles.every((one) => one.naturalWidth && one.style.visibility === "");
}
"""


def large(site):
    """The address of the page of a large picture whose original is at hand."""
    return f"{site.gallery(LARGE)}/item/large~2Ejpg"


def place(page):
    """Where the picture is in the viewer, and its size."""
    return page.locator(".glam-stage > div").evaluate(PLACE)


@pytest.mark.both_versions
def test_a_picture_is_enlarged(visit, anywhere):
    page = visit(large(anywhere), viewport={"width": 1000, "height": 600})
    link = page.locator(".glam-enlarge")
    link.focus()
    page.keyboard.press("Enter")
    viewer = page.get_by_role("dialog")
    expect(viewer).to_be_visible()
    whole = place(page)
    assert whole["scale"] == pytest.approx(600 / 1400, rel=1e-4)
    for _ in range(4):
        page.keyboard.press("+")
    page.wait_for_function(DETAILS, timeout=MODEL_LOADS_MS)
    assert place(page)["scale"] == pytest.approx(600 / 1400 * 1.5**4, rel=1e-4)
    before = place(page)["x"]
    page.keyboard.press("ArrowRight")
    assert place(page)["x"] < before
    page.keyboard.press("0")
    assert place(page) == whole
    page.mouse.move(500, 300)
    page.mouse.wheel(0, -500)
    page.wait_for_function(
        f"() => new DOMMatrix(getComputedStyle(document.querySelector('.glam-stage > div'))"
        f".transform).a > {whole['scale']}"
    )
    viewer.get_by_role("button", name="Larger").click()
    near = place(page)
    assert near["scale"] > whole["scale"] * 1.5
    page.mouse.move(500, 300)
    page.mouse.down()
    page.mouse.move(450, 280)
    page.mouse.up()
    assert place(page)["x"] == pytest.approx(near["x"] - 50, abs=0.1)
    page.keyboard.press("Escape")
    expect(viewer).to_have_count(0)
    expect(link).to_be_focused()
    assert page.url == large(anywhere)


def test_a_picture_is_enlarged_by_two_fingers(visit, site):
    page = visit(large(site), **PHONE)
    page.locator(".glam-enlarge").tap()
    whole = place(page)
    touch = page.context.new_cdp_session(page)
    for kind, apart in (("touchStart", 20), ("touchMove", 60), ("touchMove", 100)):
        points = [
            {"x": 160 + sign * apart, "y": 300, "id": sign + 1} for sign in (-1, 1)
        ]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert place(page)["scale"] == pytest.approx(whole["scale"] * 5, rel=0.2)
    page.get_by_role("button", name="Close").tap()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_the_larger_picture_without_javascript(visit, site):
    page = visit(large(site), java_script_enabled=False)
    url = page.locator(".glam-enlarge").get_attribute("href")
    assert page.request.get(site.address.rstrip("/") + url).ok


@pytest.mark.both_versions
def test_odd_ids_lead_to_their_page(visit, anywhere):
    page = visit(anywhere.gallery())
    for name in ODD:
        item_id = f"{name}.jpg"
        page.goto(anywhere.item(item_id))
        expect(page.locator("h1")).to_have_text(item_id)
        own = "(img) => img.decode().then(() => img.naturalWidth)"
        assert page.locator(".glam-item img").evaluate(own) > 200
        page.get_by_role("link", name="More similar pictures").click()
        back = chips(page).get_by_role("link", name=item_id, exact=True)
        back = back.evaluate("(a) => a.href")
        assert back == anywhere.item(item_id)


@pytest.mark.both_versions
def test_an_odd_collection(visit, anywhere):
    page = visit(anywhere.collections)
    page.get_by_role("heading", name=ODD_COLLECTION).get_by_role("link").click()
    expect(page.locator("h1")).to_have_text(ODD_COLLECTION)
    expect(pictures(page)).to_have_count(10)
    page.get_by_role("searchbox").fill("plum")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Nearest to “plum”")).to_be_visible()
    expect(page.locator("h1")).to_have_text(ODD_COLLECTION)
    expect(pictures(page)).to_have_count(10)


def test_further_pictures_are_appended(visit, anywhere):
    page = visit(anywhere.gallery(q="pear"))
    every = 126 + len(ODD) - 1
    for number in (2, 3, 4):
        page.get_by_role("link", name="More pictures").click()
        expect(pictures(page)).to_have_count(min(number * PER_PAGE, every))
    expect(page.get_by_role("link", name="More pictures")).to_have_count(0)
    expect(page.locator(".glam-count")).to_have_text(f"1–{every} of {every}")
    found = page.locator(".glam-found > form .glam-pictures > li > a")
    addresses = found.evaluate_all("(all) => all.map((a) => a.pathname)")
    assert len(set(addresses)) == len(addresses) == every
    found.nth(40).click()
    page.wait_for_url("**/item/*page=2*")


def test_many_pictures_on_a_wide_screen(visit, site):
    size = {"width": 1900, "height": 1000}
    page = visit(site.gallery(seed=1), viewport=size)
    expect(pictures(page)).to_have_count(2 * PER_PAGE)


def test_the_size_of_pictures_is_remembered(visit, site):
    page = visit(site.gallery(seed=1))
    height = "(li) => li.querySelector('img').getBoundingClientRect().height"
    medium = pictures(page).first.evaluate(height)
    page.get_by_role("button", name="L", exact=True).click()
    assert pictures(page).first.evaluate(height) > 1.2 * medium
    page.goto(site.gallery(seed=2))
    large = page.get_by_role("button", name="L", exact=True)
    expect(large).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="M", exact=True).click()


def test_the_selection_stays_in_the_address(visit, anywhere):
    page = visit(anywhere.gallery(q="pear", _match="picture"))
    chosen = ids(page)[:2]
    for number in (0, 1):
        act(pictures(page).nth(number), "Select")
    assert page.url.count("_pick=") == 2
    expect(page.get_by_text("2 selected")).to_be_visible()
    page.reload()
    expect(page.get_by_text("2 selected")).to_be_visible()
    page.get_by_role("searchbox").fill("plum")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=plum*")
    expect(page.get_by_text("2 selected")).to_be_visible()
    with page.expect_download() as taken:
        page.get_by_role("button", name="CSV").click()
    assert len(Path(taken.value.path()).read_text("utf-8").splitlines()) == 3
    page.get_by_role("button", name="Show only these").click()
    page.wait_for_url("**id__in=*")
    assert sorted(ids(page)) == sorted(chosen)


def test_actions_by_keys(visit, site):
    page = visit(site.gallery(q="pear", _match="picture"))
    first = ids(page)[0]
    picture_link(page).focus()
    page.keyboard.press("x")
    expect(page.get_by_text("1 selected")).to_be_visible()
    page.keyboard.press("x")
    expect(page.get_by_text("0 selected")).to_be_hidden()
    page.keyboard.press("+")
    page.wait_for_url("**q=pear+id*")
    assert first not in ids(page)


def test_actions_by_touch(visit, site):
    page = visit(site.gallery(seed=1), is_mobile=True, **PHONE)
    pictures(page).first.get_by_role("button", name="Actions").tap()
    similar = pictures(page).first.get_by_text("Similar", exact=True)
    assert similar.bounding_box()["height"] >= 44
    similar.tap()
    page.wait_for_url("**?id=*")


def test_paging_and_back(visit, anywhere):
    page = visit(anywhere.gallery(q="pear"), java_script_enabled=False)
    pages = [ids(page)]
    for number in (2, 3, 4):
        page.get_by_role("link", name="More pictures").click()
        page.wait_for_url(f"**page={number}")
        expect(page.get_by_role("link", name="Previous pictures")).to_be_visible()
        pages.append(ids(page))
    expect(page.get_by_role("link", name="More pictures")).to_have_count(0)
    everything = sum(pages, [])
    assert len(set(everything)) == len(everything) == 125 + len(ODD)
    for before in reversed(pages[:-1]):
        page.go_back()
        assert ids(page) == before
    expect(page.get_by_role("searchbox")).to_have_value("pear")


def test_another_sample(visit, site):
    page = visit(site.gallery())
    before = ids(page)
    page.get_by_role("link", name="Another sample").click()
    page.wait_for_url("**seed=*")
    after = ids(page)
    assert after != before
    page.reload()
    assert ids(page) == after
    page.go_back()
    expect(page.get_by_role("link", name="Another sample")).to_be_visible()


def chips(page):
    return page.locator(".glam-chips li")


def test_terms_are_chips_that_can_be_taken_out(visit, anywhere):
    page = visit(anywhere.gallery(**SUM))
    expect(chips(page)).to_have_text(
        [
            re.compile(text)
            for text in (
                "^a coin",
                "− red",
                "2 × blue plate",
                r"\+ Coin with a ship",
                "material = bronze",
                "year ≥ 1810",
                "score ≥ -0.9",
            )
        ]
    )
    page.get_by_role("link", name="Remove red").click()
    expect(chips(page)).to_have_count(6)
    box = page.get_by_role("searchbox")
    expect(box).to_have_value('a coin 2:"blue plate"')
    page.get_by_role("link", name="Remove year ≥ 1810").click()
    expect(chips(page)).to_have_count(5)
    box.fill("a coin")
    box.press("Enter")
    expect(chips(page)).to_have_count(4)  # the picture among them stays
    expect(page.get_by_text("33 pictures")).to_be_visible()


def test_a_result_is_added_and_taken_away_by_a_click(visit, anywhere):
    page = visit(anywhere.gallery(q="a coin", material="silver"))
    first = ids(page)[0]
    act(pictures(page).first, "More like this")
    page.wait_for_url("**q=a+coin+id*")
    expect(chips(page)).to_have_count(3)
    assert first not in ids(page)
    second = ids(page)[0]
    act(pictures(page).first, "Less like this")
    page.wait_for_url("**-id*")
    assert {first, second}.isdisjoint(ids(page))
    expect(page.get_by_role("searchbox")).to_have_value("a coin")
    page.keyboard.press("/")
    page.keyboard.type("old ")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=*old*-id*")
    expect(chips(page)).to_have_count(4)


@pytest.mark.parametrize("scripted", [True, False])
def test_more_like_several_chosen_pictures(visit, anywhere, scripted):
    page = visit(anywhere.gallery(seed=5), java_script_enabled=scripted)
    button = page.get_by_role("button", name="More like these")
    expect(button).to_be_hidden()
    chosen = [ids(page)[0], ids(page)[2]]
    for number in (0, 2):
        act(pictures(page).nth(number), "Select")
    button.click()
    expect(page.get_by_role("heading", name="Nearest pictures")).to_be_visible()
    expect(chips(page)).to_have_count(2)
    assert set(chosen).isdisjoint(ids(page))
    page.locator(".glam-chips a").last.click()
    expect(page.get_by_role("heading", name="Similar to")).to_be_visible()


@pytest.mark.both_versions
def test_filters_without_javascript(visit, anywhere):
    page = visit(anywhere.gallery(q="a coin"), java_script_enabled=False)
    page.get_by_role("checkbox", name="glass", exact=True).check()
    page.get_by_label("year, to").fill("1850")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_text("11 pictures")).to_be_visible()
    expect(pictures(page)).to_have_count(11)
    expect(page.get_by_role("checkbox", name="glass", exact=True)).to_be_checked()
    page.get_by_role("checkbox", name="glass", exact=True).uncheck()
    page.get_by_label("year, to").fill("")
    page.get_by_text("More", exact=True).click()
    page.get_by_label("minimum score").fill("0.999")
    page.get_by_role("button", name="Apply").click()
    expect(
        page.get_by_role("status").filter(has_text="No picture scores 0.999")
    ).to_be_visible()
    assert page.url.endswith("?q=a+coin&_min_score=0.999")


@pytest.mark.both_versions
def test_a_change_of_a_filter_searches(visit, anywhere):
    page = visit(anywhere.gallery(q="a coin"))
    expect(page.get_by_role("button", name="Apply")).to_be_hidden()
    page.get_by_role("checkbox", name="glass", exact=True).check()
    expect(page.get_by_text("32 pictures")).to_be_visible()
    expect(page.get_by_role("checkbox", name="glass", exact=True)).to_be_focused()
    page.get_by_role("checkbox", name="silver", exact=True).check()
    page.wait_for_url("**?q=a+coin&material__in=glass*silver")
    page.get_by_label("year, from").fill("1810")
    page.get_by_label("year, from").press("Tab")
    page.wait_for_url("**&year__gte=1810*")
    page.get_by_role("link", name="Clear all filters").click()
    page.wait_for_url("**?q=a+coin")
    page.get_by_text("glass", exact=True).hover()
    page.get_by_role("button", name="Leave out glass").click()
    page.wait_for_url("**?q=a+coin&_except=material%3Dglass")
    expect(page.get_by_text("1–36 of 100")).to_be_visible()


@pytest.mark.both_versions
def test_filters_on_a_phone_open_by_a_touch(visit, anywhere):
    page = visit(anywhere.gallery(q="a coin"), **PHONE)
    glass = page.get_by_role("checkbox", name="glass", exact=True)
    expect(glass).to_be_hidden()
    page.get_by_text("Filters", exact=True).click()
    glass.check()
    expect(page.get_by_text("Filters (1)")).to_be_visible()
    expect(glass).to_be_checked()
    expect(glass).to_be_visible()


@pytest.mark.both_versions
def test_this_search_as_sql(visit, site):
    page = visit(site.gallery(**SUM))
    found = ids(page)
    page.get_by_role("link", name="This search as SQL").click()
    editor = page.locator("[name=sql]")
    expect(editor).to_have_value(re.compile("glam_nearest"))
    rows = page.locator("table.rows-and-columns tbody tr")
    expect(rows).to_have_count(len(found))
    expect(rows.first).to_contain_text(found[0])


@pytest.mark.both_versions
def test_csv_is_downloaded(visit, site):
    page = visit(site.gallery(q="a coin", material="glass"))
    with page.expect_download() as taken:
        page.get_by_role("link", name="CSV").click()
    assert taken.value.suggested_filename == "photos.csv"
    lines = Path(taken.value.path()).read_text("utf-8").splitlines()
    assert len(lines) == 33


def as_transfer(page, content, name="mine.jpg", mime="image/jpeg"):
    text = base64.b64encode(content).decode()
    return page.evaluate_handle(TRANSFER, [text, name, mime])


def expect_found(page, item_id):
    """The uploaded picture's twin comes first, with the highest score."""
    heading = page.get_by_role("heading", name="Similar to your picture")
    expect(heading).to_be_visible(timeout=MODEL_LOADS_MS)
    expect(pictures(page)).to_have_count(PER_PAGE)
    assert ids(page)[0] == item_id
    expect(page.locator("#glam-status")).to_have_text(f"{PER_PAGE} similar pictures")


@pytest.mark.both_versions
def test_upload_by_choosing(visit, anywhere):
    page = visit(anywhere.gallery())
    chooser = page.get_by_label("Find pictures similar to one of your own")
    chooser.set_input_files(anywhere.photos / "017.jpg")
    expect_found(page, "017.jpg")
    chooser.set_input_files(anywhere.photos / "018.jpg")
    expect(pictures(page).first).to_contain_text("018.jpg", timeout=MODEL_LOADS_MS)
    picture_link(page).click()
    expect(page.locator("h1")).to_have_text("018.jpg")


@pytest.mark.both_versions
def test_upload_by_the_button(visit, site):
    page = visit(site.gallery())
    page.locator("#glam-file").set_input_files(site.photos / "017.jpg")
    expect_found(page, "017.jpg")
    page.get_by_title("Search by a picture of your own").click()
    with page.expect_request(lambda request: request.method == "POST"):
        page.get_by_role("button", name="Find similar", exact=True).click()
    expect_found(page, "017.jpg")


@pytest.mark.both_versions
def test_upload_without_javascript(visit, anywhere):
    page = visit(anywhere.gallery(), java_script_enabled=False)
    expect(page.get_by_text("drop or paste it")).to_be_hidden()
    chooser = page.get_by_label("Find pictures similar to one of your own")
    chooser.set_input_files(anywhere.photos / "017.jpg")
    page.get_by_title("Search by a picture of your own").click()
    page.get_by_role("button", name="Find similar", exact=True).click()
    expect(page.get_by_role("heading", name="Similar to your picture")).to_be_visible()
    expect(page.get_by_alt_text("Your picture")).to_be_visible()
    expect(pictures(page)).to_have_count(PER_PAGE)
    assert ids(page)[0] == "017.jpg"


def test_upload_of_a_text_without_javascript(visit, site):
    page = visit(site.gallery(), expected=400, java_script_enabled=False)
    page.locator("#glam-file").set_input_files(site.photos / "metadata.jsonl")
    page.get_by_title("Search by a picture of your own").click()
    page.get_by_role("button", name="Find similar", exact=True).click()
    words = "The picture cannot be used: it is not a picture"
    expect(page.get_by_role("status").filter(has_text=words)).to_be_visible()
    expect(page.get_by_title("Search by a picture of your own")).to_be_visible()


def test_upload_by_pasting(visit, site):
    page = visit(site.gallery())
    page.get_by_role("searchbox").focus()
    content = (site.photos / "019.jpg").read_bytes()
    as_transfer(page, content).evaluate(PASTE)
    expect_found(page, "019.jpg")


def test_pasted_text_stays_text(visit, site):
    page = visit(site.gallery())
    methods = []
    page.on("request", lambda request: methods.append(request.method))
    as_transfer(page, b"hello", "a.txt", "text/plain").evaluate(PASTE)
    page.wait_for_timeout(200)
    expect(page.get_by_role("heading", name="Random sample")).to_be_visible()
    assert "POST" not in methods


def test_upload_by_dropping(visit, site):
    page = visit(site.gallery())
    content = (site.photos / "020.jpg").read_bytes()
    transfer = as_transfer(page, content)
    page.dispatch_event("#glam-results", "dragover", {"dataTransfer": transfer})
    expect(page.locator("body")).to_have_class(re.compile("glam-over"))
    page.dispatch_event("#glam-results", "drop", {"dataTransfer": transfer})
    expect_found(page, "020.jpg")
    expect(page.locator("body")).not_to_have_class(re.compile("glam-over"))


@pytest.mark.both_versions
def test_upload_of_a_text_is_answered_in_words(visit, site, tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("a bronze coin")
    page = visit(site.gallery(), expected=400)
    page.locator("#glam-file").set_input_files(text)
    words = "The picture cannot be used: it is not a picture"
    expect(page.locator("#glam-status")).to_contain_text(words)
    expect(pictures(page)).to_have_count(PER_PAGE)
    page.locator("#glam-file").set_input_files(site.photos / "021.jpg")
    expect_found(page, "021.jpg")


def test_an_upload_that_cannot_be_sent(visit, site):
    page = visit(site.gallery())
    page.route("**/photos", lambda route: route.fulfill(status=200, body="hello"))
    page.locator("#glam-file").set_input_files(site.photos / "021.jpg")
    message = page.locator("#glam-status")
    expect(message).to_contain_text("The picture could not be searched")


@pytest.mark.both_versions
def test_without_javascript(visit, site):
    page = visit(site.collections, java_script_enabled=False)
    page.get_by_role("heading", name="photos").get_by_role("link").click()
    page.get_by_role("link", name="Another sample").click()
    page.wait_for_url("**seed=*")
    page.get_by_role("searchbox").fill("apple")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("heading", name="Nearest to “apple”")).to_be_visible()
    page.get_by_role("link", name="More pictures").click()
    page.wait_for_url("**page=2")
    act(pictures(page).first, "Similar")
    expect(page.get_by_role("heading", name="Similar to")).to_be_visible()
    picture_link(page).click()
    expect(page.get_by_role("heading", name="Most similar")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="Similar to")).to_be_visible()


def test_without_the_checkpoint(visit, site):
    page = visit_state(visit, site, "no checkpoint")
    words = "Words and pictures cannot be searched here"
    expect(page.get_by_role("status").filter(has_text=words)).to_be_visible()
    page.get_by_role("link", name="Random sample").click()
    act(pictures(page).first, "Similar")
    expect(page.get_by_role("heading", name="Similar to")).to_be_visible()


def steepest(locator):
    """How much neighbouring pixels of what is shown differ at most, beside edges and middle."""
    im = Image.open(io.BytesIO(locator.screenshot())).convert("L")
    top = im.crop((8, 8, im.width - 8, im.height // 3))
    beside = ImageChops.difference(top, ImageChops.offset(top, 1, 0))
    return beside.crop((1, 0, *top.size)).getextrema()[1]


@pytest.mark.parametrize("scripted", [True, False])
def test_a_sensitive_picture_is_blurred_until_opened(visit, site, scripted):
    url = site.gallery(ODD_COLLECTION, q="coin", _sensitive=1)
    page = visit(url, java_script_enabled=scripted)
    for address in (url, site.item(SENSITIVE)):
        page.goto(address)
        details = page.locator("details.glam-reveal")
        expect(details).to_have_count(1)
        picture = details.get_by_role("img", name="A grave")
        expect(picture).to_be_hidden()
        blurred = details.get_by_role("img", name="Sensitive picture")
        expect(blurred).to_be_visible()
        page.wait_for_load_state("networkidle")
        assert steepest(blurred) < 8
        details.locator("summary").focus()
        page.keyboard.press("Enter")
        expect(blurred).to_be_hidden()
        expect(picture).to_be_visible()
        page.wait_for_load_state("networkidle")
        assert steepest(picture) > 40
        details.get_by_text("Hide it").click()
        expect(blurred).to_be_visible()
    page.goto(url)
    pictures(page).get_by_role("link", name="A grave").first.click()
    expect(page.locator("h1")).to_have_text("A grave")


def test_by_keyboard_alone(visit, site):
    page = visit(site.gallery(seed=1))
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the pictures")).to_be_focused()
    for _ in range(60):  # the filters come first, with one stop for each value
        page.keyboard.press("Tab")
        outline = "() => getComputedStyle(document.activeElement).outlineStyle"
        assert page.evaluate(outline) != "none"
        if picture_link(page).evaluate("(a) => a === document.activeElement"):
            break
    expect(picture_link(page)).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(picture_link(page, 1)).to_be_focused()
    page.keyboard.press("ArrowDown")
    below = page.locator(".glam-pictures li > a:focus").bounding_box()
    above = picture_link(page, 1).bounding_box()
    assert below["y"] > above["y"]
    assert abs(below["x"] - above["x"]) < above["width"]
    page.keyboard.press("ArrowUp")
    assert page.locator(".glam-pictures li > a:focus").bounding_box()["y"] == above["y"]
    picture_link(page, 1).focus()
    page.keyboard.press("ArrowLeft")
    expect(picture_link(page)).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(picture_link(page)).to_be_focused()
    address = picture_link(page).get_attribute("href")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{address}")
    expect(page.get_by_role("heading", name="Most similar")).to_be_visible()


@pytest.mark.both_versions
@pytest.mark.parametrize("state", WIDE_STATES)
def test_nothing_is_wider_than_a_phone(visit, site, state):
    page = visit_state(visit, site, state, **PHONE)
    width = page.evaluate("() => document.scrollingElement.scrollWidth")
    assert width <= 320, page.evaluate(WIDER_THAN_THE_SCREEN)


@pytest.mark.both_versions
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark(visit, site, scheme):
    page = visit(site.gallery(), color_scheme=scheme)
    style = (
        "(e) => { const s = getComputedStyle(e); return [s.color, s.backgroundColor] }"
    )
    body = page.locator("body").evaluate(style)
    ink, paper = (sum(map(int, re.findall(r"\d+", c)[:3])) / 3 for c in body)
    assert (ink > 200, paper < 60) == ((scheme == "dark"),) * 2


@pytest.mark.both_versions
@pytest.mark.parametrize("state", STATES)
def test_accessible_to_everybody(visit, site, axe_script, state):
    """axe-core finds nothing, all its rules on, Datasette's header and footer included."""
    page = visit_state(visit, site, state)
    page.evaluate(axe_script)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        violations = page.evaluate(AXE)["violations"]
        found = [
            f"{scheme}, {violation['id']}: {node['html']}: {node['failureSummary']}"
            for violation in violations
            for node in violation["nodes"]
        ]
        assert found == []


@pytest.mark.both_versions
def test_stored_scripts_are_shown_as_text(visit, site):
    page = visit(site.gallery(ODD_COLLECTION))
    title = page.locator(".glam-pictures li > a span", has_text=SCRIPT)
    expect(title).to_have_text(SCRIPT)
    title.click()
    expect(page.locator("h1")).to_have_text(SCRIPT)
    page.go_back()
    act(pictures(page).filter(has_text=SCRIPT), "Similar")
    expect(page.get_by_role("heading", name=f"Similar to {SCRIPT}")).to_be_visible()
    page.goto(site.item("000.jpg"))
    expect(page.locator("h1")).to_have_text(SCRIPT)
    expect(page).to_have_title(f"{SCRIPT} – photos")
    expect(page.locator(".glam-item img")).to_have_attribute("alt", SCRIPT)
    page.goto(site.gallery(q=SCRIPT))
    expect(page.get_by_role("heading", name=f"Nearest to “{SCRIPT}”")).to_be_visible()
    expect(page.get_by_role("searchbox")).to_have_value(SCRIPT)


def test_thumbnails(visit, site):
    page = visit(site.gallery(seed=2))
    images = page.locator(".glam-pictures img").evaluate_all(OF_EACH_IMAGE)
    assert len(images) == PER_PAGE
    for image in images:
        assert (bool(image["alt"]), image["loading"]) == (True, "lazy")
        assert image["own"] == image["said"]
        width, height = image["own"]
        assert image["shape"] == pytest.approx(width / height, rel=0.01)


@pytest.mark.parametrize("width", [1200, 700, 320])
def test_rows_are_justified(visit, site, width):
    page = visit(site.gallery(seed=2), viewport={"width": width, "height": 800})
    rows = page.evaluate(ROWS)
    assert len(rows) > 5
    for row in rows[:-1]:
        assert max(row["heights"]) - min(row["heights"]) < 1.5
        assert row["right"] == pytest.approx(width - 16, abs=1)


def test_nothing_moves_by_itself(visit, site):
    for url in (site.gallery(), site.item("000.jpg")):
        page = visit(url)
        assert page.evaluate("() => document.getAnimations().length") == 0


def test_the_weight_of_a_page(visit, site):
    """HTML, styles and scripts of ours of a full gallery, before its pictures."""
    page = visit(site.gallery(q="a bronze coin"))
    weights = page.evaluate(WEIGHTS)
    ours = ("photos", "glam.css", "glam.js", "facets.js")
    assert set(ours) <= set(weights)
    assert sum(weights[name] for name in ours) < KILOBYTES_60, weights


def test_screenshots(visit, site, tmp_path):
    """Pictures of the main pages, kept where GLAM_SCREENSHOTS says."""
    views = {
        "desktop-light": {"viewport": {"width": 1200, "height": 800}},
        "phone-dark": {**PHONE, **DARK, "device_scale_factor": 2},
    }
    shots = {
        "gallery": site.gallery(seed=3),
        "search": site.gallery(q="a bronze coin with a ship"),
        "item": site.item("002.jpg"),
    }
    for view, options in views.items():
        for name, url in shots.items():
            page = visit(url, **options)
            page.wait_for_function(ALL_IN_VIEW_LOADED)
            page.screenshot(path=tmp_path / f"{name}-{view}.png")
    assert len(list(tmp_path.iterdir())) == 6
    if os.environ.get("GLAM_SCREENSHOTS"):
        shutil.copytree(
            tmp_path, Path(os.environ["GLAM_SCREENSHOTS"]), dirs_exist_ok=True
        )
