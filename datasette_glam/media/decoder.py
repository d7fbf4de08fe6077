"""Decode a picture in a separate process, with limits on time and memory.

Run as ``python -m datasette_glam.media.decoder MEGAPIXELS SIDE FORMAT PAGE``: it reads the
file from stdin and writes a smaller picture to stdout, or the reason for failing as the last line
of stderr with the exit status ``REFUSED``.
"""

import asyncio
import io
import sys
from contextlib import suppress
from io import FileIO

from llm_glam import child_process

SECONDS = 20
MEMORY_BYTES = 2_000_000_000
UPLOAD_SIDE = 512  # pixels of the short side; more than any CLIP model uses
MAX_ASPECT_RATIO = 40
REFUSED = 3  # Python itself exits with 1 or 2 if something is wrong


class BadUpload(Exception):
    """A picture that cannot be used; the message says why."""


async def decode(
    source: bytes | FileIO,
    max_megapixels: float,
    side: int = UPLOAD_SIDE,
    format_: str = "PNG",
    page: int = 1,
) -> bytes:
    """Return a smaller, re-encoded picture, which has no byte of the file itself.

    :param source: a file's bytes, or the open file, which only that process reads
    :param side: the maximum of its short side in pixels
    :param page: which page of a TIFF
    :raises BadUpload: the file is not a picture, is too large, or takes too long to decode
    """
    content = source if isinstance(source, bytes) else None
    process = await asyncio.create_subprocess_exec(
        *child_process.python_module("datasette_glam.media.decoder"),
        *(str(max_megapixels), str(side), format_, str(page)),
        stdin=asyncio.subprocess.PIPE if isinstance(source, bytes) else source,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        work = process.communicate(content)
        picture, reason = await asyncio.wait_for(work, SECONDS)
    except TimeoutError as error:
        raise BadUpload(f"decoding it takes more than {SECONDS:g} seconds") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise BadUpload(_reason(process.returncode, reason))
    return picture


def _reason(status: int | None, printed: bytes) -> str:
    """Return why a picture was refused.

    Warnings of decoders and tracebacks, which name folders of this server, are left out.
    """
    lines = printed.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if status == REFUSED and lines else "it cannot be decoded"


def main(max_megapixels: float, side: int, format_: str, page: int = 1) -> int:
    """Decode standard input, in the process that :func:`decode` starts; return the exit status."""
    limit_memory()
    from llm_glam.errors import BadImage
    from llm_glam.images import color, decoding

    try:
        stdin = sys.stdin.buffer
        source = stdin if stdin.seekable() else stdin.read()
        picture = decoding.read(source, max_megapixels=max_megapixels, page=page)
    except BadImage as error:
        reason = error.message.partition("; to allow more")[0]
        print(" ".join(reason.split()), file=sys.stderr)
        return REFUSED
    im = picture.image
    scale = min(1.0, side / min(im.size))
    size = [max(1, min(MAX_ASPECT_RATIO * side, round(n * scale))) for n in im.size]
    for_people = format_ == "JPEG"  # models take the values as they are in the file
    out = io.BytesIO()
    im = im.resize(size)
    if for_people and picture.profile:
        im = color.to_srgb(im, picture.profile)
    # Without comment=b"", Pillow would write that of the file into a JPEG.
    im.save(out, format_, quality=88, compress_level=1, comment=b"")
    sys.stdout.buffer.write(out.getvalue())
    return 0


def limit_memory() -> None:
    """Limit the memory of this process, where the system can."""
    try:
        import resource
    except ImportError:  # Windows
        return
    with suppress(
        ValueError, OSError
    ):  # macOS has this limit, but may refuse to set it
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4])))
