"""Say in a few words what was searched for, and how many pictures were found."""

from collections.abc import Iterable


def quoted(words: str) -> str:
    """Return words between quotation marks."""
    return f"“{words}”"


def of_terms(terms: Iterable[tuple[float, str]]) -> str:
    """Return the terms of a search, given as their weights and what they say, in one line."""
    parts: list[str] = []
    for weight, name in terms:
        times = "" if abs(weight) == 1 else f"{abs(weight):g} × "
        sign = "without " if weight < 0 else "with " if parts else ""
        parts.append(f"{sign}{times}{name}")
    return ", ".join(parts)


def of_number(count: int, total: int | None = None, *, is_ranked: bool) -> str:
    """Return how many pictures there are, of how many, and whether they are in order."""
    pictures = "1 picture" if count == 1 else f"{count:,} pictures"
    if total is not None and total > count:
        pictures = f"{count:,} of {total:,} pictures"
    return (
        f"{pictures}, the most similar first" if is_ranked and count > 1 else pictures
    )
