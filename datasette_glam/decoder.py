"""A picture from a stranger, decoded in a process of its own that can be killed.

Run as ``python -m datasette_glam.decoder MEGAPIXELS``: the upload on stdin, a small PNG of it on
stdout, or the reason why not on stderr and exit status 1.
"""

import asyncio
import io
import sys

SECONDS = 20
MEMORY_BYTES = 2_000_000_000
SHORT_SIDE = 512  # more than any CLIP looks at


class BadUpload(Exception):
    """An upload that cannot be used; the message says why."""


async def decode(content: bytes, max_megapixels: float) -> bytes:
    """A small PNG of an uploaded picture.

    :raises BadUpload: it is no picture, too large, or takes too long
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "datasette_glam.decoder",
        str(max_megapixels),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        work = process.communicate(content)
        png, reason = await asyncio.wait_for(work, SECONDS)
    except TimeoutError as error:
        raise BadUpload("it takes too long to decode") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        text = reason.decode("utf-8", "replace").strip()
        raise BadUpload(text or "it could not be decoded")
    return png


def main(max_megapixels: float) -> int:
    """Decode standard input; for the process that :func:`decode` starts."""
    limit_memory()
    from llm_glam import images
    from llm_glam.errors import BadImage

    try:
        content = sys.stdin.buffer.read()
        picture = images.read(content, max_megapixels=max_megapixels)
    except BadImage as error:
        print(
            error.message.replace("; to allow more, use --max-megapixels", ""),
            file=sys.stderr,
        )
        return 1
    im = picture.image
    scale = min(1.0, SHORT_SIDE / min(im.size))
    longest = 40 * SHORT_SIDE
    size = [max(1, min(longest, round(side * scale))) for side in im.size]
    out = io.BytesIO()
    im.resize(size).save(out, "PNG", compress_level=1)
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
    sys.exit(main(float(sys.argv[1])))
