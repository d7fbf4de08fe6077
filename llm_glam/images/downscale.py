"""Decode a picture at reduced size if its file contains coarser versions of it."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from . import color, pages
from .pages import Page

DEEPEST = 5  # halvings of a JPEG 2000; few files have more levels
MOST_LEVELS = 32  # of a pyramidal TIFF


def shrink(im: Any, at_least: int) -> bool:
    """Set an opened JPEG, JPEG 2000 or pyramidal TIFF to be decoded at a reduced size.

    Decoding costs are nearly proportional to the number of pixels.

    :param im: a ``PIL.Image`` that has not been decoded yet
    :param at_least: the pixels that the short side must keep
    :return: whether the size was reduced
    """
    factor = min(im.size) // at_least
    if factor < 2:
        return False
    if im.format in ("JPEG", "MPO"):
        im.draft(None, (im.width // factor, im.height // factor))
        return True
    if im.format == "JPEG2000":
        im.reduce = min(factor.bit_length() - 1, DEEPEST)
        return True
    return im.format == "TIFF" and _choose_level(im, at_least)


def _choose_level(im: Any, at_least: int) -> bool:
    """Seek the smallest sufficient level of a pyramidal TIFF.

    The levels follow their picture, or are its SubIFDs. Only the full-size page stores the
    orientation, so rotated pictures are decoded at full size.
    """
    if color.is_turned(im):
        return False
    whole = pages.current_page(im)
    # Even if a later page is damaged, the first one may be intact.
    levels = [*pages.sub_pages(im, []), *_following(im, whole)]
    sufficient = [
        level
        for level in levels
        if pages.is_level_of(level, whole.width, whole.height)
        and min(level.width, level.height) >= at_least
    ]
    pages.go_to(im, whole)  # one that failed has left its tags
    if not sufficient:
        return False
    pages.go_to(im, min(sufficient, key=lambda level: level.pixels))
    return True


def _following(im: Any, whole: Page) -> Iterator[Page]:
    """Yield the levels that are the pages after their picture."""
    with suppress(Exception):
        for number in range(whole.number + 1, whole.number + MOST_LEVELS + 1):
            im.seek(number)
            level = pages.current_page(im)
            if not pages.is_level_of(level, whole.width, whole.height):
                break
            if pages.has_pixels(im):
                yield level
