"""Tiles of large originals: what they show, and what strangers try."""

import asyncio
import hashlib
import io

import pytest
from PIL import Image

from datasette_glam.media import decoder_process, tile_process, tiles

from ..fakes import BLUE, picture
from ..site import PHOTOS, change, get, site

pytestmark = [pytest.mark.asyncio, pytest.mark.both_versions]
WIDTH, HEIGHT = 1300, 1201  # cut into 3 × 3 tiles, 2 × 2 of the half, and 1
LEFT, RIGHT = (200, 20, 20), (20, 20, 200)


@pytest.fixture
def large(llm, colours, tmp_path):
    """A picture, red to the left and blue from x = 500 on, with a comment in its file."""
    im = Image.new("RGB", (WIDTH, HEIGHT), RIGHT)
    im.paste(LEFT, (0, 0, 500, HEIGHT))
    (tmp_path / "photos").mkdir()
    im.save(tmp_path / "photos" / "large.jpg", quality=95, comment=b"secret place")
    picture(tmp_path / "photos" / "small.png", BLUE)
    llm("glam", "embed", "photos", "photos")
    return llm


def with_folders(llm, **settings):
    plugin = {"image_folders": True, **settings}
    return site(llm, {"plugins": {"datasette-glam": plugin}})


def tile(place, item="large~2Ejpg"):
    return f"{PHOTOS}/tile/{item}/{place}.jpg"


async def status(datasette, place, item="large~2Ejpg"):
    return (await get(datasette, tile(place, item))).status_code


def is_near(one, other):
    return all(abs(a - b) < 12 for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize(
    ("place", "size", "first", "last"),
    [
        ("0/0_0", (512, 512), LEFT, RIGHT),
        ("0/1_0", (512, 512), RIGHT, RIGHT),
        ("0/2_2", (276, 177), RIGHT, RIGHT),
        ("1/0_0", (512, 512), LEFT, RIGHT),
        ("1/1_1", (138, 89), RIGHT, RIGHT),
        ("2/0_0", (325, 301), LEFT, RIGHT),
    ],
)
async def test_tiles(large, place, size, first, last):
    response = await get(with_folders(large), tile(place))
    assert response.headers["content-type"] == "image/jpeg"
    assert response.headers["x-content-type-options"] == "nosniff"
    im = Image.open(io.BytesIO(response.content))
    assert im.size == size
    assert is_near(im.getpixel((0, 0)), first)
    assert is_near(im.getpixel((size[0] - 1, size[1] - 1)), last)
    assert b"secret" not in response.content


@pytest.mark.parametrize(
    "place", ["0/3_0", "0/0_3", "1/2_0", "2/1_0", "3/0_0", "99/0_0"]
)
async def test_parts_that_there_are_not(large, place):
    datasette = with_folders(large)
    assert await status(datasette, place) == 404
    assert not tiles.of(datasette)._known  # nothing was cut for it


@pytest.mark.parametrize("place", ["0/-1_0", "0/0", "a/0_0", "0/00000_0", "0/0_0/1"])
async def test_odd_addresses(large, place):
    assert await status(with_folders(large), place) == 404


async def test_a_picture_is_cut_once(large, monkeypatch):
    real, cut = tiles._cut, []

    async def counted(*args):
        cut.append(args)
        await real(*args)

    monkeypatch.setattr(tiles, "_cut", counted)
    datasette = with_folders(large)
    places = ["0/0_0", "0/1_1", "1/0_0", "2/0_0"]
    found = await asyncio.gather(*(status(datasette, one) for one in places))
    assert (found, len(cut)) == ([200] * 4, 1)
    response = await get(datasette, tile("0/0_0"))
    tag = {"if-none-match": response.headers["etag"]}
    assert (await get(datasette, tile("0/0_0"), headers=tag)).status_code == 304


async def test_pages_say_where_the_tiles_are(large):
    datasette = with_folders(large)
    page = (await get(datasette, f"{PHOTOS}/item/large~2Ejpg")).text
    assert f'data-tiles="{PHOTOS}/tile/large~2Ejpg" data-width="1300"' in page
    assert "viewer.js" in page
    small = (await get(datasette, f"{PHOTOS}/item/small~2Epng")).text
    assert "data-tiles" not in small
    none = (await get(site(large), f"{PHOTOS}/item/large~2Ejpg")).text
    assert "data-tiles" not in none
    assert "viewer.js" not in none


async def test_no_tiles_without_the_original(large, tmp_path):
    assert await status(site(large), "0/0_0") == 404
    datasette = with_folders(large)
    assert await status(datasette, "0/0_0") == 200
    file = tmp_path / "photos" / "large.jpg"
    content = file.read_bytes()
    file.unlink()
    assert await status(datasette, "0/0_0") == 404
    file.write_bytes(content[::-1])
    response = await get(with_folders(large), tile("0/0_0"))
    assert response.status_code == 404
    assert "has changed" in response.text
    assert str(tmp_path) not in response.text


async def test_sensitive_pictures_and_those_of_others(large):
    change(large, "update photos set sensitive = 1 where id = 'large.jpg'")
    assert await status(with_folders(large, public=True), "0/0_0") == 404
    assert await status(with_folders(large), "0/0_0") == 200
    closed = {
        "allow": {"id": "root"},
        "plugins": {"datasette-glam": {"image_folders": True}},
    }
    assert await status(site(large, closed), "0/0_0") == 403


async def test_limits(large, monkeypatch):
    small = with_folders(large, max_upload_megapixels=1)
    page = await get(small, f"{PHOTOS}/item/large~2Ejpg")
    assert "data-tiles" not in page.text
    assert f'src="{PHOTOS}/thumb/large' in page.text
    # What the database says is not believed.
    change(large, "update photos set image_width = 900, image_height = 900")
    response = await get(small, tile("0/0_0"))
    assert response.status_code == 404
    assert "megapixels" in response.text
    monkeypatch.setattr(tiles, "JOBS", 0)
    response = await get(with_folders(large), tile("0/0_0"))
    assert (response.status_code, response.headers["retry-after"]) == (503, "3")


async def test_the_oldest_are_forgotten(large, monkeypatch, tmp_path):
    change(large, "update photos set image_width = 3000, image_height = 3000")
    datasette = with_folders(large)
    assert await status(datasette, "0/0_0") == 200
    (first,) = tiles.of(datasette)._known.values()
    assert first.file.seek(0, 2) == first.byte_count
    monkeypatch.setattr(tiles, "MOST_BYTES", first.byte_count)
    assert await status(datasette, "0/0_0", "small~2Epng") == 200
    assert first.file.closed
    assert len(tiles.of(datasette)._known) == 1
    monkeypatch.setattr(tiles, "MOST", 0)
    assert await status(datasette, "0/0_0") == 503  # forgotten before it was read


async def test_damaged_originals(large, tmp_path):
    file = tmp_path / "photos" / "large.jpg"
    file.write_bytes(b"GIF89a" + bytes(5000))
    md5 = hashlib.md5(file.read_bytes()).hexdigest()
    change(large, f"update photos set image_md5 = '{md5}', image_bytes = 5006")
    datasette = with_folders(large)
    response = await get(datasette, tile("0/0_0"))
    assert response.status_code == 404
    assert "cannot be shown" in response.text
    assert not tiles.of(datasette)._jobs


async def test_a_picture_that_takes_too_long(large, monkeypatch):
    monkeypatch.setattr(tiles, "SECONDS", 0.01)
    response = await get(with_folders(large), tile("0/0_0"))
    assert response.status_code == 404
    assert "takes more than 0.01 seconds" in response.text


async def test_levels_and_grids():
    assert list(tile_process.sizes((1300, 1201))) == [
        (1300, 1201),
        (650, 601),
        (325, 301),
    ]
    assert list(tile_process.sizes((512, 1))) == [(512, 1)]
    assert tile_process.grid((1300, 1201)) == (3, 3)
    assert tile_process.grid((512, 513)) == (1, 2)
    assert decoder_process.smaller((3000, 2000), 1200) == (1800, 1200)
