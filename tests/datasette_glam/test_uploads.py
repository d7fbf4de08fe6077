"""Pictures that visitors send to the site."""

import asyncio
import base64
import io
import random
import re

import pytest
from PIL import Image

from datasette_glam import routes
from datasette_glam.media import uploads

from ..fakes import BLUE, GREEN
from ..images.test_images import bomb
from ..site import PHOTOS, get, ids, png, site, upload

pytestmark = [pytest.mark.asyncio, pytest.mark.both_versions]


async def test_an_uploaded_picture(embedded):
    datasette = site(embedded)
    before = embedded.database.read_bytes()
    response = await upload(datasette, png(GREEN))
    assert response.status_code == 200, response.text
    data = response.json()
    assert (ids(data)[0], data["items"][0]["score"]) == ("green.png", pytest.approx(1))
    assert data["next"] is None
    assert embedded.database.read_bytes() == before


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        (b"hello", 400, "it is not a picture"),
        (b"", 400, "the file is empty"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='x'>", 400, "it is an SVG"),
        (b"<!DOCTYPE html><script>x</script>", 400, "it is a web page"),
        (bomb(20_000, 20_000), 400, "400 megapixels (the limit is 100)"),
        (bomb(100_000, 100_000), 400, "megapixels"),
        (b"x" * 20_000_001, 413, "at most 20 MB"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", 400, "PostScript"),
    ],
)
async def test_what_is_uploaded_by_strangers(embedded, content, status, words):
    response = await upload(site(embedded), content)
    assert response.status_code == status
    assert words in response.json()["error"]
    assert response.json()["items"] == []


@pytest.mark.parametrize("missing", [30, 60, 100])
async def test_errors_do_not_name_folders_of_the_server(embedded, missing):
    """Pillow warns of such a file, naming its own; the library it calls prints a line too."""
    out = io.BytesIO()
    Image.new("RGB", (40, 30)).save(out, "TIFF", compression="tiff_lzw")
    response = await upload(site(embedded), out.getvalue()[:-missing])
    error = response.json()["error"]
    assert response.status_code == 400
    for text in ("/", ".py", "Warning", "\n", "Traceback"):
        assert text not in error


async def test_fifty_uploads_at_once(embedded, monkeypatch):
    monkeypatch.setattr(uploads, "AT_ONCE", 3)
    datasette = site(embedded)
    responses = await asyncio.gather(*(upload(datasette, png(BLUE)) for _ in range(50)))
    statuses = [response.status_code for response in responses]
    assert (statuses.count(200), statuses.count(503)) == (3, 47)
    for response in responses:
        if response.status_code == 503:
            assert response.headers["retry-after"] == "5"
            assert "Too many pictures" in response.json()["error"]
        else:
            assert ids(response.json())[0] == "sub folder/blé.png"


async def sending(datasette, size, part=500_000, pause=0.0, declared=False):
    """A program that sends so many bytes; the response and how many of them were taken.

    It may declare before how many there will be, as browsers do.
    """
    taken = 0

    async def body():
        nonlocal taken
        for _ in range(size // part):
            await asyncio.sleep(pause)
            taken += part
            yield b"x" * part

    headers = {"content-type": "application/octet-stream"}
    if declared:
        headers["content-length"] = str(size)
    response = await datasette.client.post(
        f"{PHOTOS}.json", content=body(), headers=headers
    )
    return response, taken


@pytest.fixture
def most_bytes(monkeypatch):
    """The most bytes that uploads have had in memory, as the site counts them."""
    seen = [0]

    class Watched(uploads.Uploads):
        def __setattr__(self, name, value):
            super().__setattr__(name, value)
            if name == "bytes":
                seen[0] = max(seen[0], value)

    monkeypatch.setattr(uploads, "Uploads", Watched)
    return seen


async def test_a_hundred_large_uploads_at_once_are_not_all_kept_in_memory(
    embedded, most_bytes
):
    plugins = {"datasette-glam": {"max_upload_mb": 2}}
    datasette = site(embedded, {"plugins": plugins})
    results = await asyncio.gather(*(sending(datasette, 2_000_000) for _ in range(100)))
    refused = [response for response, _ in results if response.status_code == 503]
    assert len(refused) >= 90
    assert "Try again" in refused[0].json()["error"]
    assert refused[0].headers["retry-after"] == "5"
    assert 0 < most_bytes[0] <= 12_000_000
    assert (await upload(datasette, png(BLUE))).status_code == 200


async def test_a_body_is_not_read_before_there_is_a_place_for_it(embedded):
    """A browser says how long it is: 7 times 1.9 MB are more than 6 times 2 MB."""
    plugins = {"datasette-glam": {"max_upload_mb": 2}}
    datasette = site(embedded, {"plugins": plugins})
    sent = [sending(datasette, 1_900_000, 100_000, 0.01, True) for _ in range(7)]
    results = await asyncio.gather(*sent)
    assert sorted(
        (response.status_code, taken) for response, taken in results
    ) == sorted([(503, 0), *[(400, 1_900_000)] * 6])


async def test_small_uploads_are_limited_in_number(embedded, monkeypatch):
    monkeypatch.setattr(uploads, "AT_ONCE", 2)
    datasette = site(embedded)
    results = await asyncio.gather(
        *(sending(datasette, 40, 10, 0.01) for _ in range(5))
    )
    taken = sorted((response.status_code, taken) for response, taken in results)
    assert taken == [(400, 40)] * 2 + [(503, 0)] * 3
    assert (await upload(datasette, png(BLUE))).status_code == 200


async def test_what_says_that_it_is_too_large_is_not_read(embedded):
    response, taken = await sending(site(embedded), 20_500_000, declared=True)
    assert (response.status_code, taken) == (413, 0)
    assert "at most 20 MB" in response.json()["error"]


async def test_uploads_that_are_too_slow_give_up_their_place(embedded, monkeypatch):
    monkeypatch.setattr(uploads, "STARTED_WITHIN", 0.1)
    monkeypatch.setattr(uploads, "LEAST_RATE", 1000)  # bytes a second
    monkeypatch.setattr(uploads, "AT_ONCE", 1)
    datasette = site(embedded)
    response, taken = await sending(datasette, 100, 10, 0.05)
    assert response.status_code == 408
    assert "did not arrive in time" in response.json()["error"]
    assert 0 < taken < 100
    response, taken = await sending(datasette, 1000, 100, 0.05)  # twice as fast
    assert (response.status_code, taken) == (400, 1000)


async def test_no_upload_may_take_for_ever(embedded, monkeypatch):
    monkeypatch.setattr(uploads, "RECEIVED_WITHIN", 0.2)
    response, taken = await sending(site(embedded), 1_000_000, 1000, 0.01)
    assert response.status_code == 408
    assert taken < 100_000


def shown_in(page):
    """The picture in a page that is the visitor's own, with its file's bytes."""
    (encoded,) = re.findall(r'src="data:image/jpeg;base64,([^"]*)"', page)
    content = base64.b64decode(encoded)
    return Image.open(io.BytesIO(content)), content


@pytest.mark.parametrize("size", [(600, 300), (3, 3000), (40, 30)])
async def test_the_visitors_own_picture_is_shown(embedded, size):
    response = await upload(site(embedded), png(GREEN, size), PHOTOS)
    shown, content = shown_in(response.text)
    scale = min(1, 128 / max(size))
    assert shown.size == tuple(max(1, round(side * scale)) for side in size)
    assert all(
        abs(a - b) < 5 for a, b in zip(shown.getpixel((0, 0)), GREEN, strict=True)
    )
    assert len(content) <= 10_000
    assert "img-src 'self' data:" in response.headers["content-security-policy"]


async def test_what_is_shown_of_it_is_small_whatever_it_is(embedded):
    noise = Image.frombytes("RGB", (512, 512), random.Random(1).randbytes(3 * 512**2))
    out = io.BytesIO()
    noise.save(out, "PNG")
    response = await upload(site(embedded), out.getvalue(), PHOTOS)
    shown, content = shown_in(response.text)
    assert (shown.size, len(content) <= 10_000) == ((128, 128), True)


async def test_it_is_nowhere_else(embedded):
    datasette = site(embedded)
    assert "base64" not in (await upload(datasette, png(GREEN))).text
    assert "base64" not in (await upload(datasette, b"hello", PHOTOS)).text
    assert "base64" not in (await get(datasette, PHOTOS)).text


async def test_the_answer_to_a_form_is_the_gallery(embedded):
    datasette = site(embedded)
    gallery = (await get(datasette, PHOTOS)).text
    (form,) = re.findall(r'<form[^>]*id="glam-upload"[^>]*>', gallery)
    for attribute in (
        f'action="{PHOTOS}"',
        'method="post"',
        'enctype="multipart/form-data"',
    ):
        assert attribute in form
    response = await upload(datasette, png(GREEN), PHOTOS)
    assert response.status_code == 200
    assert ">Similar to your picture</h2>" in response.text
    assert 'alt="a green one"' in response.text
    assert 'href="/embeddings/-/glam/photos.json' not in response.text


@pytest.mark.parametrize("cookies", [None, {"ds_csrftoken": "x"}])
@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded", "application/octet-stream", None]
)
async def test_a_program_may_send_a_picture_as_it_is(embedded, kind, cookies):
    """curl --data-binary says that this is a form, which it is not."""
    headers = {"content-type": kind} if kind else {}
    response = await site(embedded).client.post(
        PHOTOS + ".json", content=png(GREEN), headers=headers, cookies=cookies
    )
    assert response.status_code == 200
    assert ids(response.json())[0] == "green.png"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"sec-fetch-site": "none"}, 200),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "cross-site", "origin": "http://museum.example"}, 403),
        ({"sec-fetch-site": ""}, 403),
        ({"origin": "http://museum.example"}, 200),
        ({"origin": "http://other.example"}, 403),
        ({"origin": "http://museum.example.other.example"}, 403),
        ({"origin": "http://museum.example:8001"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://["}, 403),
        ({"origin": ""}, 403),
        ({}, 200),
    ],
)
@pytest.mark.parametrize("cookies", [None, {"ds_csrftoken": "x"}])
async def test_pages_of_other_sites_cannot_send(embedded, headers, status, cookies):
    response = await site(embedded).client.post(
        PHOTOS + ".json",
        files={"picture": ("mine.jpg", png())},
        headers={"host": "museum.example", **headers},
        cookies=cookies,
    )
    assert response.status_code == status


@pytest.mark.parametrize(
    ("base_url", "path", "is_ours"),
    [
        ("/", PHOTOS, True),
        ("/", PHOTOS + ".json", True),
        ("/", PHOTOS + "?q=x", True),
        ("/museum/", "/museum" + PHOTOS, True),
        ("/", "/museum" + PHOTOS, False),
        ("/", "/-/messages", False),
        ("/", PHOTOS + "/item/red~2Epng", False),
        ("/", PHOTOS.replace("/-", "%2F-"), False),
    ],
)
async def test_other_forms_keep_datasettes_own_protection(
    embedded, base_url, path, is_ours
):
    datasette = site(embedded, settings={"base_url": base_url})
    scope = {"path": PHOTOS, "raw_path": path.encode(), "method": "POST"}
    assert routes.leads_to_gallery(datasette, scope) is is_ours


FORM = "multipart/form-data; boundary=b"
PART = b'--b\r\ncontent-disposition: form-data; name="picture"; filename="%s"\r\n\r\n%s\r\n'
NOT_CHOSEN = "No picture was chosen. Choose a file and send the form again."
UNREADABLE = "The upload form is incomplete or damaged. Send it again."


@pytest.mark.parametrize(
    ("kind", "body", "error"),
    [
        (FORM, PART % (b"", b"") + b"--b--\r\n", NOT_CHOSEN),
        (FORM, b"--b--\r\n", NOT_CHOSEN),
        (
            FORM,
            PART.replace(b"; filename", b"; x") % (b"", b"text") + b"--b--",
            NOT_CHOSEN,
        ),
        (FORM, PART % (b"x", b""), UNREADABLE),
        (FORM, b"", UNREADABLE),
        (FORM, b"hello", UNREADABLE),
        (FORM, b"--b\r\n\r\nhello\r\n--b--\r\n", UNREADABLE),
        (FORM, b"--b\r\n" + b"a: b\r\n" * 1000, UNREADABLE),
        (FORM, PART % (b"", b"") * 1000 + b"--b--\r\n", UNREADABLE),
        (FORM.replace("=b", "=" + "x" * 2000), b"hello", UNREADABLE),
        (FORM.replace("=b", "=\xff\xfe"), b"hello", UNREADABLE),
        (FORM.replace("=b", "="), b"hello", UNREADABLE),
        ("multipart/form-data", b"hello", UNREADABLE),
        ("multipart/form-data; boundary", b"hello", UNREADABLE),
    ],
)
async def test_forms_without_a_picture(embedded, kind, body, error):
    headers = {"content-type": kind.encode("latin-1"), "sec-fetch-site": "same-origin"}
    for path in (PHOTOS, PHOTOS + ".json"):
        response = await site(embedded).client.post(
            path, content=body, headers=headers, cookies={"ds_csrftoken": "x"}
        )
        assert response.status_code == 400
        assert error in response.text


@pytest.mark.parametrize("kind", [FORM, "application/octet-stream"])
async def test_what_is_too_large_is_not_read_to_its_end(embedded, kind):
    sent = 0

    async def endless():
        nonlocal sent
        while sent < 200_000_000:
            sent += 100_000
            yield b"x" * 100_000

    datasette = site(embedded, {"plugins": {"datasette-glam": {"max_upload_mb": 1}}})
    headers = {"content-type": kind}
    response = await datasette.client.post(PHOTOS, content=endless(), headers=headers)
    assert response.status_code == 413
    assert "The file is too large; upload one of at most 1 MB." in response.text
    assert sent < 2_000_000


async def test_the_gallery_sets_no_cookie(embedded):
    """Datasette forbids caches to keep what is answered to a request with a cookie."""
    assert "set-cookie" not in (await get(site(embedded), PHOTOS)).headers
