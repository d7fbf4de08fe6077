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

from PIL import Image, ImageDraw, ImageFont
from playwright.sync_api import Page, sync_playwright

HERE = Path(__file__).parent
IMAGES = HERE / "images"
PORT = 8765
GALLERY = f"http://127.0.0.1:{PORT}/embeddings/-/glam/photos"
SUM = "q=raccoon+%2Bblue+-terracotta&_min_score=0.3"
STEPS = ("1  Type words", "2  Click “similar” on a picture", "3  Read its record")
CAPTION_HEIGHT = 56
GAP = 24


def main(demo: Path) -> None:
    """Take them all from a demo directory that ``make demo SERVE=0`` has filled."""
    IMAGES.mkdir(exist_ok=True)
    with serving(demo), sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1200, "height": 860})
        page.goto(f"{GALLERY}?seed=7")
        save(shot(page), "gallery")
        page.goto(f"{GALLERY}?{SUM}")
        page.locator("summary", has_text="Narrow down").click()
        save(shot(page), "sum")
        save(steps(browser.new_page(viewport={"width": 760, "height": 860})), "search")
        phone = browser.new_page(
            viewport={"width": 390, "height": 780}, color_scheme="dark"
        )
        phone.goto(f"{GALLERY}?q=golden+ring")
        save(shot(phone), "phone")
        browser.close()


@contextmanager
def serving(demo: Path) -> Iterator[None]:
    """The demo's site."""
    llm = Path(sys.executable).with_name("llm")
    env = {**os.environ, "LLM_USER_PATH": str(demo / "user")}
    command = [llm, "glam", "serve", "photos", "-p", str(PORT), "--no-browser"]
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
    return Image.open(BytesIO(page.screenshot())).convert("RGB")


def steps(page: Page) -> Image.Image:
    """A search in three steps, side by side."""
    page.goto(f"{GALLERY}?q=a+broken+terracotta+jug")
    words = shot(page)
    page.locator("a", has_text="similar").first.click()
    similar = shot(page)
    page.locator("li a:has(img)").nth(1).click()
    return side_by_side([words, similar, shot(page)])


def side_by_side(shots: list[Image.Image]) -> Image.Image:
    """Pictures with a line of text above each."""
    width = sum(one.width for one in shots) + GAP * (len(shots) - 1)
    sheet = Image.new("RGB", (width, shots[0].height + CAPTION_HEIGHT), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(30)
    left = 0
    for text, one in zip(STEPS, shots, strict=True):
        pen.text((left + 8, 10), text, fill="black", font=font)
        sheet.paste(one, (left, CAPTION_HEIGHT))
        pen.rectangle(
            (left, CAPTION_HEIGHT, left + one.width - 1, sheet.height - 1),
            outline="silver",
        )
        left += one.width + GAP
    return sheet


def save(image: Image.Image, name: str) -> None:
    """As a JPEG of moderate size."""
    image.save(IMAGES / f"{name}.jpg", quality=82, optimize=True, progressive=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
