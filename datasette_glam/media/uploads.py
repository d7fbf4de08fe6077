"""Pictures that visitors send: from where they may come, how large they may be, and out of which form."""

import asyncio
import math

from datasette.utils.asgi import Request
from python_multipart import FormParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import File, parse_options_header

from ..access.context import CollectionRequest
from ..web.page import Refused

MEGABYTE = 1_000_000
ENVELOPE = 10_000  # bytes that a form may have around its file
PARTS = 10  # of a form; ours has one


async def received(page_request: CollectionRequest) -> bytes:
    """The picture that a request carries: its body, or the file of the form that its body is.

    :raises Refused: it comes from another site, is too large, or holds no file
    """
    if is_cross_site(page_request.request):
        raise Refused(403, "Pictures can be sent from the pages of this site only.")
    megabytes = page_request.setting("max_upload_mb")
    limit = int(megabytes * MEGABYTE)
    content = await read(page_request.request, limit + ENVELOPE)
    if content is not None:
        content = await _picture_in(page_request.request, content)
    if content is None or len(content) > limit:
        words = f"The file is too large: {megabytes:g} MB is the limit here."
        raise Refused(413, words)
    return content


def is_cross_site(request: Request) -> bool:
    """Whether a browser says that a page of another site makes this request.

    As Datasette 1.0 decides it for all requests: programs send neither header, and no page can
    make a browser send an ``Authorization``.
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


async def read(request: Request, limit: int) -> bytes | None:
    """The body of a request, or None as soon as it has more than ``limit`` bytes.

    Datasette's own ``post_body()`` has no limit in 0.65 and one of 2 MB in 1.0.
    """
    body, more = bytearray(), True
    while more:
        message = await request.receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > limit:
            return None
    return bytes(body)


def file_in(form: bytes, boundary: bytes) -> bytes | None:
    """The first file in the body of a form, or None where no file was chosen.

    :raises FormParserError: this is no form, or not all of one
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
    """The file in the body if this is a form, else the body; forms are parsed in a thread."""
    kind, options = parse_options_header(request.headers.get("content-type"))
    if kind != b"multipart/form-data":
        return body
    try:
        boundary = options.get(b"boundary", b"")
        content = await asyncio.to_thread(file_in, body, boundary)
    except FormParserError as error:
        raise Refused(400, "The form cannot be read. Please send it again.") from error
    if content is None:
        raise Refused(400, "No picture was chosen.")
    return content
