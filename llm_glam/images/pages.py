"""Choose the page of a file that shows its picture: no thumbnail, no mask, nothing blank."""

import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ..errors import BadImage

MOST_PAGES = 32  # looked at in a file
MOST_NUMBERED = 1_000  # that can be pictures of their own
MOST_TAGS = 1_000
IFD8 = 18
IMAGE_WIDTH, IMAGE_LENGTH, ORIENTATION, SUB_IFDS = 256, 257, 274, 330
NEW_SUBFILE_TYPE, SUBFILE_TYPE = 254, 255
STRIP_OFFSETS, TILE_OFFSETS = 273, 324
JPEG_OFFSET, JPEG_LENGTH = 513, 514
LARGEST_JPEG = 100_000_000  # bytes
REDUCED, MASK = 1, 4  # bits of the first: a coarser version; a transparency mask
OLD_REDUCED = 2  # the second, which the first replaced
SAME_PROPORTIONS = 0.02
LARGEST_THUMBNAIL = 256  # its long side in pixels
THUMBNAIL_OF = 4  # how many times larger the picture is
DOCUMENTS = {"TIFF", "DCX"}
EACH = "to embed each: llm glam embed --pages"
ANIMATIONS = {"GIF", "PNG", "WEBP", "AVIF", "FLI"}


@dataclass(frozen=True)
class Page:
    """A page of a TIFF: its place in the file, its size in pixels, and its kind.

    ``number`` counts from 0. ``offset`` is that of a SubIFD, a page which belongs to another.
    """

    number: int
    width: int
    height: int
    is_reduced: bool
    is_mask: bool
    offset: int | None = None

    @property
    def pixels(self) -> int:
        """Return how many pixels the page has."""
        return self.width * self.height

    @property
    def is_whole(self) -> bool:
        """Return whether the page is a picture of its own."""
        return not self.is_reduced and not self.is_mask


@dataclass(frozen=True)
class Pages:
    """The pages of a file, and the one that is used.

    ``jpegs`` are the places of previews that are whole JPEG files, with their lengths in bytes.
    """

    found: tuple[Page, ...]
    used: Page
    jpegs: tuple[tuple[int, int], ...] = ()

    @property
    def is_first(self) -> bool:
        """Return whether nothing but the first page can be used."""
        return self.used == self.found[0] and not self.jpegs

    @property
    def most_pixels(self) -> int:
        """Return the pixels of the largest page that may be decoded."""
        return max(page.pixels for page in (self.used, *self._pictures))

    def remark(self, *, every_page: bool = False) -> str | None:
        """Return what people should know if the file has several pictures.

        :param every_page: whether its other pages are used too
        """
        first, count = self.found[0], len(self._pictures)
        if count < 2:
            return None
        if not self.used.number:
            least = "at least " if len(self.found) >= MOST_PAGES else ""
            used = f"it has {least}{count} pages; used the first"
            return None if every_page else f"{used} ({EACH})"
        kind = "a thumbnail" if first.is_whole or first.is_reduced else "a mask"
        return f"page 1 is {kind}; used page {self.used.number + 1}"

    @property
    def _pictures(self) -> list[Page]:
        return [page for page in self.found if page.is_whole and page.offset is None]


def choose(im: Any) -> Pages | None:
    """Turn an opened TIFF to the page that shows its picture.

    This is the first page, unless it is a thumbnail or a mask: raw files of cameras begin with a
    thumbnail, and have the picture, or a larger preview of it, in a SubIFD.

    :return: None for files with one page and no SubIFD, and for other formats
    """
    if im.format != "TIFF":
        return None
    first = current_page(im)
    if first.is_whole and not im.is_animated and not _sub_offsets(im):
        return None
    jpegs: list[tuple[int, int]] = []
    found = [*_chain(im, jpegs), *sub_pages(im, jpegs)]
    used = _best(found)
    go_to(im, used)
    return Pages(tuple(found), used, () if used.is_whole else tuple(jpegs))


def turn_to(im: Any, page: int) -> None:
    """Turn an opened TIFF to a page, counted from 1.

    :raises BadImage: it has no such page
    """
    try:
        if im.format != "TIFF":
            raise EOFError
        im.seek(page - 1)
    except EOFError as error:
        raise BadImage(f"it has no page {page}") from error


def others(im: Any) -> Iterator[int]:
    """Yield the numbers, from 1, of the pages of an opened TIFF that choose() does not use.

    Thumbnails and masks are left out. A page that Pillow cannot decode is not. There is at most
    one number above MOST_NUMBERED.
    """
    pages = choose(im)
    used = pages.used if pages else current_page(im)
    for number in range(MOST_NUMBERED + 1):
        try:
            im.seek(number)
        except EOFError:
            return
        except Exception:
            if im.tell() != number:  # its directory is damaged, so that none follows
                return
        if number != used.number and _is_picture_beside(im, used):
            yield number + 1


def _is_picture_beside(im: Any, used: Page) -> bool:
    try:
        page = current_page(im)
    except Exception:  # it has no size; decoding it will say so
        return True
    return page.is_whole and not _is_thumbnail_of(page, used)


def embedded(im: Any, offset: int, length: int) -> bytes:
    """Read a JPEG file from within an opened TIFF."""
    im.fp.seek(offset)
    return im.fp.read(min(length, LARGEST_JPEG))


def following(im: Any) -> Iterator[int]:
    """Turn to one page or frame after the other, and yield their numbers from 0.

    Thumbnails, masks and what Pillow cannot read are skipped.
    """
    if im.format not in DOCUMENTS | ANIMATIONS:
        return
    for number in range(im.tell() + 1, MOST_PAGES):
        try:
            im.seek(number)
        except EOFError:
            return
        except Exception:
            continue
        if im.format != "TIFF" or current_page(im).is_whole:
            yield number


def has_following(im: Any) -> bool:
    """Return whether the file may have more pages or frames, which following() turns to."""
    if im.format not in DOCUMENTS | ANIMATIONS:
        return False
    with suppress(Exception):  # counting a GIF's frames reads them
        return bool(getattr(im, "is_animated", False))
    return False


def name_of(im: Any) -> str:
    """Return what the parts of a file are called."""
    return "page" if im.format in DOCUMENTS else "frame"


def is_level_of(page: Page, width: int, height: int) -> bool:
    """Return whether a page is a coarser version of a picture with this size."""
    if not page.is_reduced or page.is_mask:
        return False
    across, down = page.width / width, page.height / height
    return across < 1 and abs(across / down - 1) < SAME_PROPORTIONS


def has_pixels(im: Any) -> bool:
    """Return whether the current page says where its pixels are; damaged ones may not."""
    return STRIP_OFFSETS in im.tag_v2 or TILE_OFFSETS in im.tag_v2


def current_page(im: Any, offset: int | None = None) -> Page:
    """Return what an opened TIFF says about its current page."""
    kind = im.tag_v2.get(NEW_SUBFILE_TYPE, 0)
    is_reduced = bool(kind & REDUCED) or im.tag_v2.get(SUBFILE_TYPE) == OLD_REDUCED
    size = im.tag_v2[IMAGE_WIDTH], im.tag_v2[IMAGE_LENGTH]
    return Page(im.tell(), *size, is_reduced, bool(kind & MASK), offset)


def _chain(im: Any, jpegs: list[tuple[int, int]]) -> Iterator[Page]:
    """Yield the pages of a TIFF, and turn to the first; previews are added to ``jpegs``."""
    for number in range(MOST_PAGES):
        try:
            im.seek(number)
        except EOFError:
            break
        except Exception:  # a damaged page, or one of a kind that Pillow cannot read
            _note_jpeg(im, jpegs)
            continue
        yield current_page(im)
    im._seek(0)


def sub_pages(im: Any, jpegs: list[tuple[int, int]]) -> list[Page]:
    """Return the pages that belong to the current one, which stays it.

    :param jpegs: the places of previews that are whole JPEG files are added to it
    """
    number = im.tell()
    start, found = im._frame_pos[number], []
    for offset in _sub_offsets(im):
        try:
            im._frame_pos[number] = offset
            im._seek(number)
            page = current_page(im, offset)
        except Exception:
            _note_jpeg(im, jpegs)
            continue
        if has_pixels(im):
            found.append(page)
    im._frame_pos[number] = start
    im._seek(number)
    return found


def _sub_offsets(im: Any) -> tuple[int, ...]:
    """Return where the pages that belong to the current one begin."""
    tags = im.tag_v2
    if SUB_IFDS in tags:
        return tuple(tags[SUB_IFDS][:MOST_PAGES])
    with suppress(Exception):  # it is damaged
        if tags._bigtiff:
            return _offsets_in_bigtiff(im.fp, tags._offset, tags._endian)
    return ()


def _offsets_in_bigtiff(fp: Any, directory: int, order: str) -> tuple[int, ...]:
    """Return the offsets that have the type usual in BigTIFFs, which Pillow ignores."""
    fp.seek(directory)
    (count,) = struct.unpack(f"{order}Q", fp.read(8))
    entries = fp.read(20 * min(count, MOST_TAGS))
    for tag, kind, number, value in struct.iter_unpack(f"{order}HHQQ", entries):
        if (tag, kind, number) == (SUB_IFDS, IFD8, 1):
            return (value,)
        if (tag, kind) == (SUB_IFDS, IFD8):
            number = min(number, MOST_PAGES)
            fp.seek(value)
            return struct.unpack(f"{order}{number}Q", fp.read(8 * number))
    return ()


def _note_jpeg(im: Any, jpegs: list[tuple[int, int]]) -> None:
    with suppress(Exception):
        jpegs.append((im.tag_v2[JPEG_OFFSET], im.tag_v2[JPEG_LENGTH]))


def go_to(im: Any, page: Page) -> None:
    """Turn an opened TIFF to a page, or from a page to one that belongs to it."""
    if page.offset is None:
        im._seek(page.number)
        return
    # As Pillow's own get_child_images does it, which decodes all of them.
    orientation = im.tag_v2.get(ORIENTATION, 1)
    im._frame_pos[page.number] = page.offset
    im._seek(page.number)
    if ORIENTATION not in im.tag_v2:
        im.getexif()[ORIENTATION] = orientation


def _best(found: list[Page]) -> Page:
    """Return the page that shows the picture; the first of several that are equally good."""
    first = found[0]
    pictures = [page for page in found if not page.is_mask] or found
    if first.is_whole:
        larger = [p for p in pictures if p.is_whole and _is_thumbnail_of(first, p)]
        return max(larger, key=lambda page: page.pixels, default=first)
    # Some writers confuse the marks; a thumbnail is no larger than its picture.
    least = 0 if first.is_mask else first.pixels
    whole = [page for page in pictures if page.is_whole and page.pixels >= least]
    return max(whole or pictures, key=lambda page: page.pixels)


def _is_thumbnail_of(small: Page, large: Page) -> bool:
    """Return whether an unmarked page is a thumbnail, by sizes and proportions."""
    if max(small.width, small.height) > LARGEST_THUMBNAIL:
        return False
    across, down = large.width / small.width, large.height / small.height
    rounding = 1 / min(small.width, small.height)
    is_same_shape = abs(across / down - 1) < SAME_PROPORTIONS + rounding
    return min(across, down) >= THUMBNAIL_OF and is_same_shape
