"""A picture decoded in a process of its own, with a time and a memory limit.

Run as ``python -m datasette_glam.media.decoder MEGAPIXELS SIDE FORMAT``: the file on stdin, a smaller
picture on stdout, or the reason why not on stderr and exit status 1.
"""

import asyncio
import io
import sys

SECONDS = 20
MEMORY_BYTES = 2_000_000_000
UPLOAD_SIDE = 512  # short side; more than any CLIP looks at
LONGEST_SHAPE = 40  # long side over short side


class BadUpload(Exception):
    """An upload that cannot be used; the message says why."""


async def decode(
    content: bytes,
    max_megapixels: float,
    side: int = UPLOAD_SIDE,
    format_: str = "PNG",
) -> bytes:
    """A smaller picture, re-encoded: nothing of the file itself is handed on.

    :param side: its short side in pixels, at most
    :raises BadUpload: it is no picture, too large, or takes too long
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "datasette_glam.media.decoder"),
        *(str(max_megapixels), str(side), format_),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        work = process.communicate(content)
        picture, reason = await asyncio.wait_for(work, SECONDS)
    except TimeoutError as error:
        raise BadUpload("it takes too long to decode") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        text = reason.decode("utf-8", "replace").strip()
        raise BadUpload(text or "it could not be decoded")
    return picture


def main(max_megapixels: float, side: int, format_: str) -> int:
    """Decode standard input; for the process that :func:`decode` starts."""
    limit_memory()
    from llm_glam.errors import BadImage
    from llm_glam.images import decoding

    try:
        picture = decoding.read(sys.stdin.buffer.read(), max_megapixels=max_megapixels)
    except BadImage as error:
        reason = error.message.partition("; to allow more")[0]
        print(reason, file=sys.stderr)
        return 1
    im = picture.image
    scale = min(1.0, side / min(im.size))
    size = [max(1, min(LONGEST_SHAPE * side, round(n * scale))) for n in im.size]
    out = io.BytesIO()
    im.resize(size).save(out, format_, quality=88, compress_level=1)
    sys.stdout.buffer.write(out.getvalue())
    return 0


def limit_memory() -> None:
    """Where the system can, let this process have only so much memory."""
    try:
        import resource
    except ImportError:  # Windows
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
