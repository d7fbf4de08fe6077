"""Decode one picture: the program of the processes that :mod:`.decoder` starts.

It reads a line of JSON and the picture's bytes from stdin, and writes a line of JSON and the bytes
of the result to stdout. It imports what it needs before it reads, and ends where stdin ends.
"""

import importlib.util
import io
import json
import os
import sys
import threading
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO

MEMORY_BYTES = 2_000_000_000
PROCESSOR_SECONDS = 30  # more than the time limit, which the site's own process sets
MAX_ASPECT_RATIO = 40
THUMBNAIL_SIDE = 128  # pixels of the long side
THUMBNAIL_BYTES = 10_000
QUALITIES = (80, 60, 40, 20, 5)


class Unusable(Exception):
    """A picture that cannot be used; the message says why."""


def main() -> None:
    """Decode the picture in stdin."""
    results = _only_results_to_stdout()
    limit()
    _import_decoders()
    line = sys.stdin.buffer.readline()
    if not line:
        return
    job = json.loads(line)
    content = sys.stdin.buffer.read(job["bytes"])
    if len(content) < job["bytes"]:
        return
    threading.Thread(target=_end_with_the_site, daemon=True).start()
    head, *parts = decoded(job, content)
    head["lengths"] = [len(part) for part in parts]
    results.write(json.dumps(head).encode() + b"\n" + b"".join(parts))
    results.flush()
    os._exit(0)  # without waiting for the thread, which reads


def limit() -> None:
    """Limit the memory and the time of this process, where the system can."""
    try:
        import resource
    except ImportError:  # Windows
        return
    for what, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, PROCESSOR_SECONDS),
    ):
        # macOS has the first, but may refuse to set it.
        with suppress(ValueError, OSError):
            resource.setrlimit(what, (most, most))


def decoded(job: dict[str, Any], content: bytes) -> tuple[Any, ...]:
    """Return what is said of a picture, then the bytes of a smaller one and of a thumbnail."""
    try:
        with _source(job, content) as source:
            picture = opened(source, job["max_megapixels"], job["page"])
    except Unusable as error:
        return ({"error": str(error)},)
    im = picture.image
    reduced = im.resize(smaller(im.size, job["side"]))
    shown = in_srgb(reduced, picture.profile)
    # Models take the values as they are in the file.
    result = _jpeg(shown, 88) if job["format"] == "JPEG" else _ppm(reduced)
    return ({}, result, thumbnail(shown)) if job["thumbnail"] else ({}, result)


def thumbnail(im: Any) -> bytes:
    """Return a JPEG that is small enough to be part of a page."""
    im = im.copy()
    im.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    sizes = (_jpeg(im, quality) for quality in QUALITIES)
    return next(content for content in sizes if len(content) <= THUMBNAIL_BYTES)


def opened(source: BinaryIO, max_megapixels: float, page: int) -> Any:
    """Return a picture with its colour profile.

    :raises Unusable: it cannot be used
    """
    from llm_glam.errors import BadImage
    from llm_glam.images import decoding

    try:
        return decoding.read(source, max_megapixels=max_megapixels, page=page)
    except BadImage as error:
        reason = error.message.partition("; to allow more")[0]
        raise Unusable(" ".join(reason.split())) from error


def in_srgb(im: Any, profile: bytes | None) -> Any:
    """Return a picture in the colours that browsers show."""
    from llm_glam.images import color

    return color.to_srgb(im, profile) if profile else im


def smaller(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Return the size of a picture whose short side is scaled down to ``side`` pixels."""
    scale, most = min(1.0, side / min(size)), MAX_ASPECT_RATIO * side
    width, height = (max(1, min(most, round(n * scale))) for n in size)
    return width, height


def _jpeg(im: Any, quality: int) -> bytes:
    out = io.BytesIO()
    # Without comment=b"", Pillow would write that of the file into a JPEG.
    im.save(out, "JPEG", quality=quality, comment=b"")
    return out.getvalue()


def _ppm(im: Any) -> bytes:
    out = io.BytesIO()
    im.save(out, "PPM")  # writing a PNG takes longer than all the rest
    return out.getvalue()


def _source(job: dict[str, Any], content: bytes) -> BinaryIO:
    """Return the picture's bytes, or the file that was checked and no other.

    :raises Unusable: there is another file now
    """
    if job["file"] is None:
        return io.BytesIO(content)
    path, checked = job["file"]
    fp = Path(path).open("rb")
    if identity(fp.fileno()) != checked:
        fp.close()
        raise Unusable("its file has changed since it was embedded; embed it again")
    return fp


def identity(file: int) -> list[int]:
    """Return what tells an open file from another that has taken its place."""
    status = os.fstat(file)
    return [status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns]


def _only_results_to_stdout() -> BinaryIO:
    """Return stdout as it was; the libraries of decoders print to nothing instead."""
    results = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return results


def _import_decoders() -> None:
    """Import what decodes, and of the packages it belongs to no more than that.

    llm imports pandas, which takes a second and 100 MB.
    """
    for name in ("llm", "llm_glam"):
        spec = importlib.util.find_spec(name)
        package = ModuleType(name)
        package.__path__ = spec.submodule_search_locations if spec else []  # type: ignore[assignment]
        sys.modules[name] = package
    from PIL import Image

    from llm_glam.images import decoding  # noqa: F401

    Image.init()


def _end_with_the_site() -> None:
    """End this process as soon as stdin ends, even while it decodes."""
    sys.stdin.buffer.read(1)
    os._exit(1)


if __name__ == "__main__":
    main()
