"""The embedding model, as people call it from Python."""

import io

import llm as library
import pytest
from PIL import Image

from llm_glam.errors import BadImage

from ..fakes import RED, picture


@pytest.fixture
def model(colours):
    return library.get_embedding_model("glam-clip")


def test_a_picture_in_any_form(model, tmp_path):
    path = tmp_path / "a.png"
    picture(path, RED)
    wanted = model.embed(path.read_bytes())
    assert model.embed(path) == wanted
    with Image.open(path) as im:
        assert model.embed(im) == wanted
        assert model.embed(im) == wanted  # it can be used again
    mixed = [path, "red", path.read_bytes(), bytearray(path.read_bytes())]
    assert [*model.embed_multi(mixed)][0] == wanted


def test_a_picture_of_pillow_is_turned_upright(model):
    im = Image.new("RGB", (8, 4), RED)
    im.paste((0, 0, 255), (0, 0, 8, 2))
    exif = Image.Exif()
    exif[0x0112] = 3
    out = io.BytesIO()
    im.save(out, "PNG", exif=exif)
    opened = Image.open(io.BytesIO(out.getvalue()))
    assert model.embed(opened) == model.embed(out.getvalue())


@pytest.mark.parametrize("mode", ["CMYK", "RGBA", "L", "I;16", "P"])
def test_pictures_of_pillow_in_any_mode(model, mode):
    assert len(model.embed(Image.new(mode, (4, 4)))) == 3


def test_what_is_no_picture_is_named(model, tmp_path):
    (tmp_path / "a.txt").write_text("red")
    for item, message in (
        (tmp_path / "a.txt", "a.txt cannot be used: it is not a picture"),
        (tmp_path / "none.png", "none.png cannot be used"),
        (tmp_path, "cannot be used"),
        (5, "Picture 1 cannot be used: it is of type int; give text"),
    ):
        with pytest.raises(BadImage, match=message):
            model.embed(item)
