"""The processes that decode pictures of strangers: each decodes one, and then ends."""

import asyncio
import io
import os
import signal
import subprocess
import sys
import time
from contextlib import asynccontextmanager

import pytest
from PIL import Image

from datasette_glam.media import decoder

from ..fakes import BLUE, GREEN, RED
from ..images.test_images import GREYS, bomb, gamma_png
from ..site import PHOTOS, get, png, site, upload

pytestmark = [pytest.mark.asyncio, pytest.mark.both_versions]
UNIX = pytest.mark.skipif(os.name == "nt", reason="signals and limits of Unix")
CANNOT = "it cannot be decoded"


@pytest.fixture
def decoders():
    found = decoder.Decoders()
    yield found
    found.release()


@pytest.fixture
def started(monkeypatch):
    """The ids of all processes that are started to decode."""
    pids = []

    class Watched(decoder.Process):
        def __init__(self):
            super().__init__()
            pids.append(self.pid)

    monkeypatch.setattr(decoder, "Process", Watched)
    return pids


@pytest.fixture
def replaced(monkeypatch, tmp_path):
    """A function that replaces what the processes do with a picture by other code."""

    def replace(code):
        path = tmp_path / "replaced.py"
        program = decoder.PROGRAM
        path.write_text(
            "import os, runpy, sys, time\n"
            f"program = runpy.run_path({str(program)!r})\n"
            "main = program['main']\n"
            "def decoded(job, content):\n"
            f"    {code}\n"
            "main.__globals__['decoded'] = decoded\n"
            "main()\n"
        )
        monkeypatch.setattr(decoder, "PROGRAM", path)

    return replace


def is_running(pid):
    """Whether there is such a process; one that has ended and was not waited for has no memory."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/status") as status:
        return "VmRSS" in status.read()


async def ends(pid, within=20):
    until = time.monotonic() + within
    while is_running(pid) and time.monotonic() < until:
        await asyncio.sleep(0.02)
    return not is_running(pid)


def colour(decoded):
    return Image.open(io.BytesIO(decoded.content)).getpixel((0, 0))


@pytest.mark.parametrize(("format_", "expected"), [("JPEG", 188), ("PPM", 128)])
async def test_colours_are_those_of_srgb_for_people(decoders, format_, expected):
    """As in thumbnails; models take the values of the file."""
    content = gamma_png(GREYS["RGB"], 100_000)
    shown = await decoders.decode(content, 100, 8, format_)
    picture = Image.open(io.BytesIO(shown.content))
    assert picture.getpixel((4, 4)) == (expected,) * 3


async def test_a_larger_picture_has_nothing_that_is_embedded_in_the_file(decoders):
    out = io.BytesIO()
    Image.new("RGB", (40, 30)).save(out, "JPEG", comment=b"Grindylow")
    for thumbnail in (False, True):
        shown = await decoders.decode(
            out.getvalue(), 100, 8, "JPEG", thumbnail=thumbnail
        )
        assert b"Grindylow" not in shown.content + (shown.thumbnail or b"")


@pytest.mark.parametrize(
    "code",
    [
        "raise ValueError",
        "os._exit(0)",
        "os.kill(os.getpid(), 9)",
        "return {'lengths': 'x'}, b''",
        "return [], b'x'",
        "return ({},)",
        "return {}, b''",
        "os.write(1, b'x' * 100_000); os._exit(0)",
        pytest.param("return {}, bytearray(3_000_000_000)", marks=UNIX),
    ],
)
async def test_a_process_that_fails_says_nothing_of_the_server(
    embedded, replaced, code
):
    replaced(code)
    error = (await upload(site(embedded), png())).json()["error"]
    assert error == f"The picture cannot be used: {CANNOT}. Upload another one."


async def test_what_libraries_print_is_no_part_of_the_picture(decoders, replaced):
    replaced("os.write(1, b'warning'); return {}, b'picture', b'thumbnail'")
    decoded = await decoders.decode(png(), 100)
    assert decoded == decoder.Decoded(b"picture", b"thumbnail")


async def test_a_process_that_hangs_is_killed(embedded, monkeypatch, started):
    monkeypatch.setattr(decoder, "SECONDS", 0.01)
    response = await upload(site(embedded), png())
    assert (response.status_code, response.json()["error"]) == (
        400,
        "The picture cannot be used: decoding it takes more than 0.01 seconds. "
        "Upload another one.",
    )
    (pid,) = started
    assert await ends(pid)


async def test_no_process_decodes_two_pictures(decoders, started):
    for content, expected in ((RED, RED), (None, None), (BLUE, BLUE)):
        if content is None:
            with pytest.raises(decoder.BadUpload, match="400 megapixels"):
                await decoders.decode(bomb(20_000, 20_000), 100)
        else:
            assert colour(await decoders.decode(png(content), 100)) == expected
    assert len(set(started)) == 3
    assert not any([is_running(pid) for pid in started])


async def test_a_process_waits_for_the_next_picture(monkeypatch, decoders, started):
    monkeypatch.setattr(decoder, "SPARE", 1)
    decoders.prepare()
    decoders.prepare()
    assert len(started) == 1
    assert colour(await decoders.decode(png(GREEN), 100)) == GREEN
    assert len(started) == 2
    assert not is_running(started[0])
    assert is_running(started[1])


@UNIX
async def test_a_process_that_was_killed_while_it_waited(
    monkeypatch, decoders, started
):
    monkeypatch.setattr(decoder, "SPARE", 1)
    decoders.prepare()
    os.kill(started[0], signal.SIGKILL)
    assert await ends(started[0])
    assert colour(await decoders.decode(png(GREEN), 100)) == GREEN
    assert len(started) == 3


@UNIX
async def test_a_process_that_is_killed_while_it_decodes(decoders, replaced, started):
    replaced("time.sleep(60)")
    work = asyncio.create_task(decoders.decode(png(), 100))
    while not started:
        await asyncio.sleep(0.01)
    os.kill(started[0], signal.SIGKILL)
    with pytest.raises(decoder.BadUpload, match=CANNOT):
        await work


async def test_where_the_visitor_goes_the_process_is_killed(
    decoders, replaced, started
):
    replaced("time.sleep(60)")
    work = asyncio.create_task(decoders.decode(png(), 100))
    while not started:
        await asyncio.sleep(0.01)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert await ends(started[0])


async def test_a_process_that_waits_in_vain_is_ended(monkeypatch, decoders, started):
    monkeypatch.setattr(decoder, "SPARE", 1)
    monkeypatch.setattr(decoder, "IDLE_S", 0.05)
    decoders.prepare()
    assert await ends(started[0])
    assert colour(await decoders.decode(png(GREEN), 100)) == GREEN


async def test_the_first_page_that_has_the_form_starts_one(
    monkeypatch, embedded, started
):
    monkeypatch.setattr(decoder, "SPARE", 1)
    datasette = site(embedded)
    try:
        await datasette.invoke_startup()
        await get(datasette, f"{PHOTOS}.json")
        assert started == []
        await get(datasette, PHOTOS)
        await get(datasette, PHOTOS)
        assert len(started) == 1
        assert (await upload(datasette, png(GREEN))).status_code == 200
        assert len(started) == 2
    finally:
        decoder.of(datasette).release()


@asynccontextmanager
async def site_with_a_process(decodes):
    """A program that has a process waiting or decoding, as the site has; both ids."""
    code = """
import asyncio, signal, sys
from pathlib import Path
from datasette_glam.media import decoder

# Shells have programs in the background ignore it.
signal.signal(signal.SIGINT, signal.default_int_handler)

async def main():
    decoders = decoder.Decoders()
    decoder.PROGRAM = Path(sys.argv[1])
    decoders.prepare()
    pid = decoders._spare[0].pid
    if sys.argv[2] == "True":
        asyncio.create_task(decoders.decode(b"x", 1))
        await asyncio.sleep(1)
    print(pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""
    command = [sys.executable, "-c", code, str(decoder.PROGRAM), str(decodes)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield process, int(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


@UNIX
@pytest.mark.slow
@pytest.mark.parametrize("decodes", [False, True])
@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
async def test_no_process_outlives_the_site(replaced, decodes, by):
    replaced("time.sleep(60)")
    async with site_with_a_process(decodes) as (process, pid):
        assert is_running(pid)
        process.send_signal(by)
        assert await ends(pid)


async def test_pictures_wait_for_a_process(monkeypatch, started):
    monkeypatch.setattr(decoder, "AT_ONCE", 1)
    monkeypatch.setattr(decoder, "WAITING", 2)
    decoders = decoder.Decoders()

    async def one():
        async with decoders.place():
            running.append(sum(map(is_running, started)))
            return await decoders.decode(png(GREEN), 100)

    running = []
    results = await asyncio.gather(*(one() for _ in range(4)), return_exceptions=True)
    assert [type(result) for result in results].count(decoder.Busy) == 1
    assert running == [0, 0, 0]


async def test_they_do_not_wait_long(monkeypatch):
    monkeypatch.setattr(decoder, "AT_ONCE", 1)
    monkeypatch.setattr(decoder, "WAIT_S", 0.01)
    decoders = decoder.Decoders()
    async with decoders.place():
        with pytest.raises(decoder.Busy):
            async with decoders.place():
                pass
    async with decoders.place():
        pass


async def test_while_no_process_can_be_started(embedded, monkeypatch):
    def refuse():
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(decoder, "Process", refuse)
    monkeypatch.setattr(decoder, "SPARE", 1)
    datasette = site(embedded)
    assert (await get(datasette, PHOTOS)).status_code == 200
    response = await upload(datasette, png())
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")


@UNIX
async def test_memory_and_time_are_limited(decoders, replaced):
    replaced(
        "import resource as r; return {'error': f'{r.getrlimit(r.RLIMIT_AS)}"
        " {r.getrlimit(r.RLIMIT_CPU)}'},"
    )
    with pytest.raises(decoder.BadUpload) as raised:
        await decoders.decode(png(), 100)
    assert str(raised.value) == "(2000000000, 2000000000) (30, 30)"


async def test_little_is_imported():
    command = [sys.executable, "-X", "importtime", "-P", str(decoder.PROGRAM)]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    names = {line.split("|")[-1].strip() for line in done.stderr.splitlines()}
    assert "PIL.JpegImagePlugin" in names
    heavy = {"llm", "llm_glam", "datasette", "pandas", "pyarrow", "sqlite_utils"}
    assert not names & {*heavy, "pydantic", "torch", "onnxruntime", "sqlite3"}
    assert done.returncode == 0
