"""Receive the pictures that visitors upload: check their origin and size, and parse the form."""

import asyncio
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from datasette.utils.asgi import Request
from python_multipart import FormParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import File, parse_options_header

from ..access import instance
from ..access.context import CollectionRequest
from ..web.page import Refused

MEGABYTE = 1_000_000
FORM_OVERHEAD = 10_000  # bytes that a form may have beside its file
PARTS = 10  # that a form may have; ours has one
AT_ONCE = 16  # uploads that are received or decoded
LARGEST_AT_ONCE = 6  # how many of the largest size are kept in memory
RECEIVED_WITHIN = 120  # seconds
STARTED_WITHIN = 10  # seconds, to which each LEAST_RATE bytes add one
LEAST_RATE = 50_000

Reserve = Callable[[int], None]


class Uploads:
    """How many uploads a Datasette instance receives or decodes, and their bytes."""

    def __init__(self) -> None:
        self.number = 0
        self.bytes = 0


def of(datasette: Any) -> Uploads:
    """Return the uploads of this Datasette instance."""
    return instance.only(datasette, Uploads)


@contextmanager
def place(page_request: CollectionRequest) -> Iterator[Reserve]:
    """Reserve a place for an upload from before its body is read until it is decoded.

    :return: a function that reserves so many bytes in all, and raises Refused where there are too
        many
    :raises Refused: all places are taken
    """
    uploads = of(page_request.datasette)
    most = LARGEST_AT_ONCE * page_request.setting("max_upload_mb") * MEGABYTE
    mine = 0

    def reserve(total: int) -> None:
        nonlocal mine
        more = max(0, total - mine)
        if more and uploads.bytes + more > most:
            raise _too_many()
        mine += more
        uploads.bytes += more

    if uploads.number >= AT_ONCE:
        raise _too_many()
    uploads.number += 1
    try:
        yield reserve
    finally:
        uploads.number -= 1
        uploads.bytes -= mine


def _too_many() -> Refused:
    text = "Too many pictures are being sent. Try again in a few seconds."
    return Refused(503, text, **{"retry-after": "5"})


async def received(page_request: CollectionRequest, reserve: Reserve) -> bytes:
    """Return the uploaded picture: the body of the request, or the file in its form.

    :param reserve: see :func:`place`
    :raises Refused: it comes from another site, is too large or too slow, or has no file
    """
    request = page_request.request
    if is_cross_site(request):
        raise Refused(
            403,
            "Pictures can only be uploaded from this site's own pages; open its gallery.",
        )
    megabytes = page_request.setting("max_upload_mb")
    limit = int(megabytes * MEGABYTE)
    declared = request.headers.get("content-length", "")
    length = int(declared) if declared.isdecimal() else 0
    content = None
    if length <= limit + FORM_OVERHEAD:
        reserve(length)
        content = await read(request, limit + FORM_OVERHEAD, reserve)
    if content is not None:
        content = await _picture_in(request, content)
    if content is None or len(content) > limit:
        text = f"The file is too large; upload one of at most {megabytes:g} MB."
        raise Refused(413, text)
    return content


def is_cross_site(request: Request) -> bool:
    """Return whether a browser makes this request for a page of another site.

    These are the rules of Datasette 1.0: programs send neither header, and no page can make a
    browser send ``Authorization``.
    """
    headers = request.headers
    token = headers.get("authorization", "").lower()
    if token.startswith("bearer ") and "cookie" not in headers:
        return False
    if "sec-fetch-site" in headers:
        return headers["sec-fetch-site"] not in ("same-origin", "none")
    host = headers.get("host", "").lower()
    own = (f"http://{host}", f"https://{host}")
    return "origin" in headers and headers["origin"].lower() not in own


async def read(request: Request, limit: int, reserve: Reserve) -> bytes | None:
    """Return the body of a request, or None as soon as it exceeds ``limit`` bytes.

    Datasette's own ``post_body()`` has no limit in 0.65 and one of 2 MB in 1.0.

    :raises Refused: it is too slow, and would keep its place from others
    """
    body, more = bytearray(), True
    started = asyncio.get_running_loop().time()
    try:
        async with asyncio.timeout(min(STARTED_WITHIN, RECEIVED_WITHIN)) as time_limit:
            while more:
                message = await request.receive()
                body += message.get("body", b"")
                more = message.get("more_body", False)
                if len(body) > limit:
                    return None
                reserve(len(body))
                allowed = STARTED_WITHIN + len(body) / LEAST_RATE
                time_limit.reschedule(started + min(RECEIVED_WITHIN, allowed))
    except TimeoutError as error:
        raise Refused(
            408,
            "The picture did not arrive in time. Upload a smaller one.",
        ) from error
    return bytes(body)


def file_in(form: bytes, boundary: bytes) -> bytes | None:
    """Return the first file in the body of a form, or None where no file was chosen.

    :raises FormParserError: the body is not a form, or is incomplete
    """
    parts: list[object] = []
    ends: list[bool] = []

    def add(part: object) -> None:
        parts.append(part)
        if len(parts) > PARTS:
            raise FormParserError(f"more than {PARTS} parts")

    parser = FormParser(
        "multipart/form-data",
        on_field=add,
        on_file=add,
        on_end=lambda: ends.append(True),
        boundary=boundary,
        config={"MAX_MEMORY_FILE_SIZE": math.inf},  # nothing is written to disk
    )
    parser.write(form)
    if not ends:
        raise FormParserError("the form has no end")
    files = [p for p in parts if isinstance(p, File) and (p.file_name or p.size)]
    if not files:
        return None
    files[0].file_object.seek(0)
    return files[0].file_object.read()


async def _picture_in(request: Request, body: bytes) -> bytes:
    """Return the file in the form, or the body if it is not a form; parse forms in a thread."""
    kind, options = parse_options_header(request.headers.get("content-type"))
    if kind != b"multipart/form-data":
        return body
    try:
        boundary = options.get(b"boundary", b"")
        content = await asyncio.to_thread(file_in, body, boundary)
    except FormParserError as error:
        raise Refused(
            400, "The upload form is incomplete or damaged. Send it again."
        ) from error
    if content is None:
        raise Refused(
            400, "No picture was chosen. Choose a file and send the form again."
        )
    return content
