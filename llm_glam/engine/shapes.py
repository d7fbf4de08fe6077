"""Pictures of a few pixels, and of a few pixels by millions."""

from typing import Any

SMALLEST_SIDE = 4  # below, transformers takes rows for colour channels
LONGEST_SHAPE = 40  # long side over short side


def sensible_shape(picture: Any) -> Any:
    """A picture (``PIL.Image``) whose shape does not upset a model.

    A model looks at a square from the middle; of a strip the middle part is enough.
    """
    width, height = picture.size
    longest = min(width, height) * LONGEST_SHAPE
    if max(width, height) > longest:
        left, top = max(0, (width - longest) // 2), max(0, (height - longest) // 2)
        box = left, top, min(width, left + longest), min(height, top + longest)
        picture = picture.crop(box)
    if min(picture.size) < SMALLEST_SIDE:
        picture = picture.resize([side * SMALLEST_SIDE for side in picture.size])
    return picture
