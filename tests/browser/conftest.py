"""The site as visitors meet it: Datasette as a process, pages in Chromium.

The accessibility checks need axe-core from npm, in the version of package.json here. Install it with
``npm install --prefix tests/browser``, or elsewhere, with AXE_CORE naming the node_modules folder.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlencode

import pytest
from datasette.utils import tilde_encode
from PIL import Image, ImageDraw
from playwright.sync_api import sync_playwright

from ..conftest import Llm

HERE = Path(__file__).parent
SCRIPT = "<script>alert(1)</script>"
SENSITIVE = "00 grave.jpg"
ODD = ["a b", "[x]", "blé", "100%", "why?", "🏺", "sub folder/coin"]
LARGE = "large"  # a collection with one picture, of which the site knows the original
ODD_COLLECTION = "Münzen [50%] & 🏺?"
COLOURS = ["firebrick", "goldenrod", "seagreen", "steelblue", "sienna", "indigo"]
SHAPES = ["ellipse", "rectangle", "polygon", "arc"]
MATERIALS = ["bronze", "silver", "terracotta", "glass"]
SIZES = [(320, 240), (240, 320), (400, 240), (280, 280), (300, 200)]
RECORDS = [
    {
        "file_name": "000.jpg",
        "title": SCRIPT,
        "caption": SCRIPT,
        "rights": "CC0",
        "material": "bronze",
        "page_url": "https://museum.example/000",
    },
    {"file_name": SENSITIVE, "title": "A grave", "sensitive": True},
    {"file_name": "001.jpg", "title": "Ein Gegenstand mit einem " + "sehr" * 30},
    {"file_name": "002.jpg", "title": "Coin with a ship", "material": "silver"},
    {"file_name": "003.jpg", "caption": "a plate, blue on white"},
]
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
PATIENCE_MS = 15_000


@dataclass(frozen=True)
class Site:
    """A running Datasette over the collection, and where its pages are."""

    address: str
    photos: Path
    user_path: Path

    @property
    def collections(self):
        return f"{self.address}embeddings/-/glam"

    def gallery(self, collection="photos", **query):
        path = f"{self.collections}/{tilde_encode(collection)}"
        return f"{path}?{urlencode(query)}" if query else path

    def item(self, item_id):
        return f"{self.gallery()}/item/{tilde_encode(item_id)}"

    @contextmanager
    def without_checkpoint(self):
        """As on a computer that has the database but not the checkpoint."""
        (file,) = self.user_path.glob("**/models.json")
        away = file.rename(file.with_suffix(".away"))
        try:
            yield
        finally:
            away.rename(file)


@pytest.fixture(scope="package")
def collection(tiny_clip, tmp_path_factory):
    """LLM's folder with a database of pictures, and the folder of the pictures."""
    folder = tmp_path_factory.mktemp("browser")
    photos, user = folder / "photos", folder / "user"
    draw(photos)
    llm = Llm(user / "embeddings.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LLM_USER_PATH", str(user))
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.delenv("LLM_EMBEDDINGS_DB", raising=False)
        llm("glam", "models", "add", "tiny", tiny_clip)
        for name, pattern in (("photos", "**/*.jpg"), (ODD_COLLECTION, "00*.jpg")):
            llm("embed-multi", name, "--files", photos, pattern, "-m", "glam-clip/tiny")
        draw_large(folder / LARGE)
        llm("glam", "embed", LARGE, folder / LARGE, "-m", "glam-clip/tiny")
    return user, photos


def draw_large(folder):
    """A picture of 2,000 × 1,400 pixels with a grid, and where its plugin setting is."""
    folder.mkdir()
    im = Image.new("RGB", (2000, 1400), "ivory")
    pen = ImageDraw.Draw(im)
    for place in range(0, 2000, 100):
        pen.line((place, 0, place, 1400), "steelblue", 3)
        pen.line((0, place, 2000, place), "sienna", 3)
    im.save(folder / "large.jpg", quality=90)
    settings = {"datasette-glam": {"image_root": {LARGE: str(folder)}}}
    text = json.dumps({"plugins": settings})
    (folder.parent / "metadata.json").write_text(text, "utf-8")


def draw(folder):
    """Shapes in colours and formats, some with odd names, and records beside them."""
    names = [*(f"{number:03}" for number in range(125)), *ODD, Path(SENSITIVE).stem]
    for number, name in enumerate(names):
        colour = COLOURS[number % len(COLOURS)]
        width, height = size = SIZES[number % len(SIZES)]
        im = Image.new("RGB", size, (250 - number, 245, 200 + number % 40))
        pen = ImageDraw.Draw(im)
        left, top, right, bottom = 30 + number, 40, width - 40, height - 30
        box = (min(left, right - 40), top, right, bottom)
        shape = SHAPES[number % len(SHAPES)]
        if shape == "polygon":
            pen.polygon([(box[0], bottom), (width / 2, top), box[2:]], fill=colour)
        elif shape == "arc":
            pen.arc(box, 30, 300, fill=colour, width=24)
        else:
            getattr(pen, shape)(box, fill=colour)
        path = folder / f"{name}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        im.save(path, quality=90)
    told = {record["file_name"] for record in RECORDS}
    others = [
        {
            "file_name": f"{name}.jpg",
            "material": MATERIALS[number % 4],
            "year": 1800 + number,
        }
        for number, name in enumerate(names)
        if f"{name}.jpg" not in told
    ]
    lines = map(json.dumps, [*RECORDS, *others])
    (folder / "metadata.jsonl").write_text("\n".join(lines), "utf-8")


@pytest.fixture(scope="package")
def sites(collection, tmp_path_factory):
    """The site twice: at the root of its host, and below a path."""
    logs = tmp_path_factory.mktemp("servers")
    with serving(collection, "/", logs / "root.txt") as wait_for_root:
        with serving(collection, "/glam/", logs / "below.txt") as wait_for_below:
            yield wait_for_root(), wait_for_below()


@pytest.fixture
def site(sites):
    """The site at the root of its host."""
    return sites[0]


@pytest.fixture(params=["at the root", "below a path"])
def anywhere(request, sites):
    """The site at the root of its host, and below a path."""
    return sites[request.param != "at the root"]


@contextmanager
def serving(collection, base_url, log):
    """Datasette on a free port until the tests are over; call what it gives to wait for it."""
    user, photos = collection
    port = free_port()
    command = [sys.executable, "-m", "datasette", "serve", str(user / "embeddings.db")]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    command += ["--setting", "base_url", base_url]
    command += ["--metadata", str(user.parent / "metadata.json")]
    env = {**os.environ, "LLM_USER_PATH": str(user), "HF_HUB_OFFLINE": "1"}
    site = Site(f"http://127.0.0.1:{port}{base_url}", photos, user)
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, env=env, stdout=out, stderr=subprocess.STDOUT
        )

    def wait():
        wait_for(site.gallery(q="warm up"), process, log)
        return site

    try:
        yield wait
    finally:
        process.terminate()
        process.wait(20)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(url, process, log, seconds=90):
    """Until the server answers, its model loaded."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=seconds) as response:
                assert response.status == 200
            return
        except (URLError, ConnectionError):
            time.sleep(0.2)
    pytest.fail("The server did not start:\n" + log.read_text("utf-8", "replace"))


@pytest.fixture(scope="package")
def chromium():
    """The system's browser; without one these tests fail, for nothing was checked."""
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    assert found, f"Install one of these browsers: {', '.join(CHROMIUM)}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def axe_script():
    """The text of axe-core, in the pinned version."""
    folder = Path(os.environ.get("AXE_CORE") or HERE / "node_modules") / "axe-core"
    assert folder.is_dir(), "Run: npm install --prefix tests/browser"
    wanted = json.loads((HERE / "package.json").read_text())["dependencies"]["axe-core"]
    assert json.loads((folder / "package.json").read_text())["version"] == wanted
    return (folder / "axe.min.js").read_text("utf-8")


@pytest.fixture(scope="package")
def profiles(chromium):
    """A browser profile for each set of options, so that pictures are fetched once only."""
    known = {}

    def profile(options):
        key = json.dumps(options, sort_keys=True)
        if key not in known:
            known[key] = chromium.new_context(**options)
            known[key].set_default_timeout(PATIENCE_MS)
        return known[key]

    return profile


@pytest.fixture
def visit(profiles):
    """Opens addresses as a visitor does; afterwards nothing may have gone wrong in them.

    Wrong are: a request that leaves the site, an error in the console, a dialog. ``expected`` is
    the status of a response that the test provokes, which Chromium reports in the console too.
    """
    pages, problems = [], []

    def open_page(url, *, expected=200, **options):
        page = profiles(options).new_page()
        pages.append(page)
        base = url.partition("embeddings/")[0].partition("-/glam-models/")[0]
        provoked = f"the server responded with a status of {expected} "

        def on_request(request):
            if not request.url.startswith(base):
                problems.append(f"request to {request.url}")

        def on_console(message):
            if message.type == "error" and provoked not in message.text:
                problems.append(f"console: {message.text}")

        def on_dialog(dialog):
            problems.append(f"dialog: {dialog.message}")
            dialog.dismiss()

        page.on("request", on_request)
        page.on("console", on_console)
        page.on("pageerror", lambda error: problems.append(f"error: {error}"))
        page.on("dialog", on_dialog)
        page.goto(url)
        return page

    yield open_page
    for page in pages:
        page.close()
    assert problems == []
