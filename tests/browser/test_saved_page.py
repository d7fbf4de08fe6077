"""The page of results to send to somebody, as it is opened from a disk elsewhere."""

import pytest
from playwright.sync_api import expect

from .conftest import SCRIPT, SENSITIVE

pytestmark = [pytest.mark.browser, pytest.mark.both_versions]

AXE = "() => axe.run(document, { resultTypes: ['violations'] })"
LOADED = "(images) => images.filter((img) => img.complete && img.naturalWidth).length"


@pytest.fixture
def saved(visit, site, chromium, tmp_path):
    """Saves the page of a search, and opens the file without a network; it asks for nothing."""
    opened, requests = [], []

    def open_saved(**query):
        page = visit(site.gallery(**query))
        with page.expect_download() as taken:
            page.get_by_role("link", name="Page to send").click()
        assert taken.value.suggested_filename == "photos.html"
        path = tmp_path / "sent.html"
        taken.value.save_as(path)
        context = chromium.new_context(offline=True)
        opened.append(context)
        elsewhere = context.new_page()
        elsewhere.on("request", lambda request: requests.append(request.url))
        elsewhere.on("console", lambda message: requests.append(message.text))
        elsewhere.goto(path.as_uri())
        return elsewhere

    yield open_saved
    for context in opened:
        context.close()
    assert [u for u in requests if not u.startswith(("file:///", "data:image/"))] == []


def test_a_saved_page_needs_nothing_from_anywhere(saved, axe_script):
    page = saved(q="a coin", _size=40)
    expect(page.locator("h1")).to_have_text("“a coin” in photos")
    images = page.locator("main img")
    expect(images).to_have_count(40)
    assert images.evaluate_all(LOADED) == 40
    expect(page.locator("main dt").first).to_be_visible()
    page.evaluate(axe_script)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate(AXE)["violations"] == []
    page.set_viewport_size({"width": 320, "height": 640})
    assert page.evaluate("() => document.scrollingElement.scrollWidth") <= 320


def test_a_saved_page_shows_text_as_text_and_covers_what_is_sensitive(saved):
    ids = f'["000.jpg","{SENSITIVE}"]'
    page = saved(id__in=ids, q="a coin", _sensitive=1)
    script = page.locator("h2", has_text=SCRIPT)
    expect(script).to_have_text(SCRIPT)
    link = script.get_by_role("link")
    assert link.get_attribute("href") == "https://museum.example/000"
    covered = page.get_by_alt_text("Sensitive picture")
    blurred = "(img) => getComputedStyle(img).filter"
    assert covered.evaluate(blurred) == "blur(48px)"
    page.get_by_text("show it").click()
    assert covered.evaluate(blurred) == "none"
