"""Read the texts that a checkpoint must not forget from a user's file."""

from pathlib import Path

from ... import platforms
from ...errors import BadPairs
from ...evaluate.pairs import pairs
from . import everyday

LEAST = 20


def texts(path: Path | None) -> list[str]:
    """Return the captions in a file, one per line; without a file, everyday ones.

    :raises BadPairs: it cannot be read as text, or has too few
    """
    if path is None:
        return list(everyday.CAPTIONS)
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except OSError as error:
        raise BadPairs(f"{path} cannot be read ({platforms.reason(error)}).") from error
    except ValueError as error:
        raise BadPairs(
            f"{path} is not UTF-8 text: --retain takes a text file with one caption per line."
        ) from error
    found = {pairs.normal(line): line.strip() for line in lines if line.strip()}
    if len(found) < LEAST:
        raise BadPairs(
            f"{path} has {len(found)} different captions; --retain needs at least {LEAST}, one "
            "per line, to measure whether their neighbours stay the same."
        )
    return list(found.values())
