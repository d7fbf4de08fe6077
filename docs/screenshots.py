"""The pictures of the documentation, taken from the demo: ``make screenshots``.

Needs Chromium. Everything to be seen is drawn by llm-glam itself.
"""

import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

HERE = Path(__file__).parent
IMAGES = HERE / "images"
METADATA = HERE.parent / "metadata.yml"
PORT = 8765
GALLERY = f"http://127.0.0.1:{PORT}/embeddings/-/glam/photos"
SAMPLE = "seed=55391"  # its first rows are complete finds of many kinds
WORDS = "q=Roman+glass"
SUM = "q=id:0001-terracotta-amphora.jpg+-terracotta+%2B%22blue+glass%22"
FIND = "0095-terracotta-raccoon~2Ejpg"
MOST_BYTES = 120_000
LOADED = """() => [...document.images].every(
    (image) => image.complete || image.getBoundingClientRect().top > innerHeight
)"""


def main(demo: Path) -> None:
    """Take them all from a demo directory that ``make demo SERVE=0`` has filled."""
    IMAGES.mkdir(exist_ok=True)
    with serving(demo), sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1100, "height": 740})
        page.goto(f"{GALLERY}?{SAMPLE}")
        save(shot(page), "gallery")
        page.goto(f"{GALLERY}?{WORDS}")
        save(shot(page), "search")
        page.goto(f"{GALLERY}?{SUM}")
        save(shot(page), "sum")
        page.goto(f"{GALLERY}/item/{FIND}?q=raccoon")
        save(shot(page), "picture")
        phone = browser.new_page(
            viewport={"width": 390, "height": 780}, color_scheme="dark", has_touch=True
        )
        phone.goto(f"{GALLERY}?q=blue+glass+bottle")
        save(shot(phone), "phone")
        browser.close()


@contextmanager
def serving(demo: Path) -> Iterator[None]:
    """The demo's site."""
    llm = Path(sys.executable).with_name("llm")
    env = {**os.environ, "LLM_USER_PATH": str(demo / "user")}
    command = [llm, "glam", "serve", "photos", "-p", str(PORT), "--no-browser"]
    command += ["--metadata", METADATA]
    process = subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            try:
                urllib.request.urlopen(GALLERY, timeout=5).close()
                break
            except OSError:
                time.sleep(0.2)
        yield
    finally:
        process.terminate()
        process.wait()


def shot(page: Page) -> Image.Image:
    """What is seen of the page, all its pictures loaded."""
    page.wait_for_load_state("networkidle")
    page.wait_for_function(LOADED)
    return Image.open(BytesIO(page.screenshot())).convert("RGB")


def save(image: Image.Image, name: str) -> None:
    """As a JPEG of moderate size."""
    path = IMAGES / f"{name}.jpg"
    image.save(path, quality=82, optimize=True, progressive=True)
    if path.stat().st_size > MOST_BYTES:
        sys.exit(f"{path} has more than {MOST_BYTES:,} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
