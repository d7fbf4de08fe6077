"""Publish a manifest with its pictures on a local server, and open it in Mirador."""

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright
from playwright.sync_api import TimeoutError as NotInTime

from .collection import PICTURES, Row

VERSION = "4.0.0"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
PATIENCE_MS = 30_000
PAGE = """<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>Mirador</title>
<link rel="icon" href="data:,"><div id="viewer" style="position: absolute; inset: 0"></div>
<script src="mirador.min.js"></script><script>
const manifestId = MANIFEST;
const viewer = Mirador.viewer({
    id: "viewer", workspaceControlPanel: {enabled: false},
    windows: [
        {id: "index", manifestId, sideBarOpen: true, sideBarPanel: "canvas"},
        {id: "gallery", manifestId, view: "gallery"},
        {id: "record", manifestId, sideBarOpen: true, sideBarPanel: "info"}]});
</script>"""
GALLERY = "section[aria-label='gallery section']"
LABELS = f"{GALLERY} [role=button] span"
RANGES = "[role=tree] [role=treeitem]"
LOADED = f"""[...document.querySelectorAll("{GALLERY} img")]
    .filter(img => img.src.startsWith("http") && img.complete && img.naturalWidth > 1).length"""
SHOW = """([manifest, index]) => {
    const canvas = viewer.store.getState().manifests[manifest].json.items[index];
    viewer.store.dispatch(Mirador.setCanvas("record", canvas.id)); }"""
CURRENT = """manifest => {
    const {manifests, windows} = viewer.store.getState();
    const ids = manifests[manifest].json.items.map(canvas => canvas.id);
    return ids.indexOf(windows.index.canvasId); }"""
RECORD = """[...document.querySelector("dl").querySelectorAll("dt")]
    .map(dt => [dt.textContent, dt.nextSibling.textContent])"""
ELSEWHERE = {"title", "document", "sequence", "file", "id"}  # than in the metadata
NOT_OURS = ("Accessing element.ref was removed in React 19",)  # Mirador's own


class Handler(SimpleHTTPRequestHandler):
    """Serve files to pages of other sites too, as a museum's server must."""

    def end_headers(self) -> None:
        """Allow other sites to read what is served."""
        self.send_header("Access-Control-Allow-Origin", "*")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing."""


@contextmanager
def published(folder: Path) -> Iterator[str]:
    """Serve a folder on a free port; give its address."""
    server = ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(Handler, directory=str(folder))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def install(folder: Path) -> Path:
    """Return Mirador's script, installed by npm unless this version is there already."""
    package = folder / "node_modules/mirador"
    about = package / "package.json"
    is_here = about.is_file() and VERSION == json.loads(about.read_bytes())["version"]
    if not is_here:
        command = ["npm", "install", "--prefix", str(folder), f"mirador@{VERSION}"]
        command += ["--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        if subprocess.run(command).returncode:
            sys.exit(
                f"npm could not install Mirador, see above; it needs a network, or {package} from "
                "elsewhere."
            )
    return package / "dist/mirador.min.js"


def problems(
    address: str, script: Path, stored: dict[str, Row], folder: Path, screenshot: Path
) -> Iterator[str]:
    """Yield what is wrong in Mirador with a manifest, and save a screenshot.

    :param address: that of the manifest
    :param script: Mirador's
    :param folder: where the page may be written that opens it
    """
    site = folder / "viewer"
    site.mkdir()
    shutil.copy(script, site / "mirador.min.js")
    page_text = PAGE.replace("MANIFEST", json.dumps(address))
    (site / "index.html").write_text(page_text, encoding="utf-8")
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    with published(site) as viewer, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--disable-gpu"]
        )
        try:
            yield from _visit(browser, viewer, address, stored, screenshot)
        finally:
            browser.close()


def _visit(
    browser: Browser,
    viewer: str,
    address: str,
    stored: dict[str, Row],
    screenshot: Path,
) -> Iterator[str]:
    page = browser.new_page(viewport={"width": 2000, "height": 1000})
    said: list[str] = []
    page.on("console", lambda m: said.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("requestfailed", lambda r: said.append(f"{r.url}: {r.failure}"))
    page.goto(viewer)
    pictures = [stored[name] for name in PICTURES]
    try:
        arrived = f"{LOADED} === {len(pictures)}"
        page.wait_for_function(arrived, timeout=PATIENCE_MS)
        page.wait_for_timeout(2000)  # the large pictures fade in
        page.screenshot(path=screenshot)
        yield from _differences(page, address, pictures)
    except NotInTime:
        page.screenshot(path=screenshot)
        yield f"{page.evaluate(LOADED)} thumbnails, not {len(pictures)}"
    yield from page.evaluate("viewer.store.getState().errors.items")
    yield from (text for text in said if not text.startswith(NOT_OURS))


def _differences(page: Page, address: str, pictures: list[Row]) -> Iterator[str]:
    """Yield what Mirador shows otherwise than it is stored."""
    labels = [row["title"] or row["id"] for row in pictures]
    yield from _compared("labels", page.locator(LABELS).all_text_contents(), labels)
    by_document = [row["document"] for row in pictures]
    documents = list(dict.fromkeys(filter(None, by_document)))
    ranges = page.locator(RANGES)
    yield from _compared("documents", ranges.all_text_contents(), documents)
    for number, document in enumerate(documents):
        ranges.nth(number).click()
        shown = page.evaluate(CURRENT, address)
        yield from _compared(f"page of {document}", shown, by_document.index(document))
    for number, row in enumerate(pictures):
        page.evaluate(SHOW, [address, number])
        page.wait_for_timeout(300)
        yield from _compared(row["id"], dict(page.evaluate(RECORD)), _metadata(row))


def _compared(what: str, shown: Any, expected: Any) -> Iterator[str]:
    if shown != expected:
        yield f"{what}: {shown}, not {expected}"


def _metadata(row: Row) -> dict[str, str]:
    """Return what Mirador must show of a record."""
    shown = {n: v for n, v in row.items() if n not in ELSEWHERE and v is not None}
    return {
        name: ", ".join(json.loads(value)) if name == "subjects" else str(value)
        for name, value in shown.items()
        if not name.startswith("image_")
    }
