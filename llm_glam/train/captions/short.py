"""Derive short captions from long ones, so that short queries find pictures too."""

import re

CLAUSE = re.compile(r"\s*(?:[,;:.](?=\s)|\s[-–—](?=\s)|\()\s*")
LEAST = 2  # words


def shortened(caption: str) -> list[str]:
    """Return the beginnings of a caption: its first clause, and its first two.

    "Watercolor of Acca, Acca sellowiana, by E. Schutt, 1909" gives "Watercolor of Acca" and
    "Watercolor of Acca, Acca sellowiana". There are none if it is already short.
    """
    ends = [match.start() for match in CLAUSE.finditer(caption.strip())]
    begun = [caption.strip()[:end].strip() for end in ends[:2]]
    whole = caption.strip().rstrip(".")
    return [one for one in begun if len(one.split()) >= LEAST and one != whole]
