"""Larger pictures from the folders that pictures were embedded from."""

import io

import pytest
from datasette.app import Datasette
from datasette.utils import tilde_encode
from PIL import Image

from ..fakes import BLUE, GREEN, RED, picture
from ..site import PHOTOS, change, found, get, png, site

pytestmark = [pytest.mark.asyncio, pytest.mark.both_versions]
BOTH = {"red.png": (600, 400), "green.png": (300, 900)}


@pytest.fixture
def two_folders(llm, colours, tmp_path):
    """A collection from two folders."""
    picture(tmp_path / "finds" / "red.png", RED, size=BOTH["red.png"])
    picture(tmp_path / "drawings" / "green.png", GREEN, size=BOTH["green.png"])
    for folder in ("finds", "drawings"):
        llm("glam", "embed", "photos", folder)
    return llm


def with_folders(llm, **settings):
    return site(
        llm, {"plugins": {"datasette-glam": {"image_folders": True, **settings}}}
    )


async def larger(datasette, item_id):
    """The size of the larger picture that a page shows, or None."""
    path = f"{PHOTOS}/item/{tilde_encode(item_id)}.json"
    url = (await found(datasette, path))["item"].get("larger_url")
    if url is None:
        return None
    response = await get(datasette, url)
    assert response.status_code == 200, response.text
    return Image.open(io.BytesIO(response.content)).size


async def test_pictures_of_several_folders(two_folders):
    datasette = with_folders(two_folders)
    assert {name: await larger(datasette, name) for name in BOTH} == BOTH
    assert await larger(site(two_folders), "red.png") is None


async def test_a_public_site_shows_them_without_their_place(two_folders, tmp_path):
    datasette = with_folders(two_folders, public=True)
    assert await larger(datasette, "red.png") == BOTH["red.png"]
    for format_ in ("", ".json"):
        page = (await get(datasette, f"{PHOTOS}/item/red~2Epng{format_}")).text
        assert str(tmp_path) not in page
        assert "finds" not in page
    change(two_folders, "update photos set sensitive = 1 where id = 'red.png'")
    response = await get(datasette, f"{PHOTOS}/image/red~2Epng")
    assert response.status_code == 404


async def test_image_root_comes_first(two_folders, tmp_path):
    (tmp_path / "copy").mkdir()
    (tmp_path / "finds" / "red.png").rename(tmp_path / "copy" / "red.png")
    datasette = with_folders(two_folders, image_root=str(tmp_path / "copy"))
    assert {name: await larger(datasette, name) for name in BOTH} == BOTH


async def test_another_file_of_the_same_size_is_not_shown(two_folders, tmp_path):
    file = tmp_path / "finds" / "red.png"
    file.write_bytes(png(BLUE).ljust(file.stat().st_size, b"\0"))
    response = await get(with_folders(two_folders), f"{PHOTOS}/image/red~2Epng")
    assert response.status_code == 404
    assert str(tmp_path) not in response.text


@pytest.mark.parametrize(
    "statement",
    [
        "update photos set file = '../drawings/green.png' where id = 'red.png'",
        "update photos set image_folder = 99",
        "update photos set image_folder = 'finds'",
        "update glam_folders set items_table = 'other'",
        "update glam_folders set path = 'finds' where path like '%finds'",
        "alter table photos drop column image_folder",
        "drop table glam_folders",
    ],
)
async def test_what_is_not_in_the_folder_is_not_shown(two_folders, statement):
    change(two_folders, statement)
    assert await larger(with_folders(two_folders), "red.png") is None


PD, COPYRIGHT = "Public domain", "In copyright"


@pytest.mark.parametrize(
    ("rights", "licence", "expected"),
    [
        ("CC BY 4.0", None, True),
        (PD, COPYRIGHT, True),
        (COPYRIGHT, PD, False),
        ("CC BY-NC 4.0", "CC0", False),
        ("ask us", "CC0", False),
        (None, "CC0", True),
        (None, None, False),
    ],
)
async def test_download_where_rights_allow(two_folders, rights, licence, expected):
    folder = two_folders.database.parent.parent
    picture(folder / "finds" / "red.png", RED, size=(1500, 3000))
    two_folders("glam", "embed", "photos", "finds")
    if rights:
        change(two_folders, f"update photos set rights = '{rights}'")
    # What is private decides, too, and is not told.
    settings = {"image_folders": True, "private_columns": ["rights"]}
    config = {"plugins": {"datasette-glam": settings}, "license": licence or ""}
    datasette = Datasette([str(two_folders.database)], metadata=config)
    page = (await get(datasette, f"{PHOTOS}/item/red~2Epng")).text
    assert (">Download</a>" in page) == expected
    response = await get(datasette, f"{PHOTOS}/image/red~2Epng?download=1")
    assert response.status_code == (200 if expected else 404)
    if expected:
        assert Image.open(io.BytesIO(response.content)).size == (1500, 3000)
        name = response.headers["content-disposition"]
        assert name == 'attachment; filename="red.jpg"'


async def test_only_originals_can_be_downloaded(two_folders):
    config = {"license": "CC0"}
    datasette = Datasette([str(two_folders.database)], metadata=config)
    page = (await get(datasette, f"{PHOTOS}/item/red~2Epng")).text
    assert "Download" not in page
