"""Say which rows and pictures of a dataset cannot be used, and why."""

from collections import Counter
from collections.abc import Callable, Sequence

NAMED = 5  # problems that are reported one by one

Refused = Sequence[tuple[str, str]]  # ids, or rows, and reasons


def report(refused: Refused, say: Callable[[str], None]) -> None:
    """Report the first few that are left out, and how many there are for each reason."""
    for name, reason in refused[:NAMED]:
        say(f"{name}: {reason}")
    if len(refused) > NAMED:
        say(f"{len(refused):,} left out: {_reasons(refused)}")


def why_nothing(refused: Refused, origin: str, taken: str, sensitive: int) -> str:
    """Return a message that nothing of a dataset can be used, with an example for each reason.

    :param origin: the dataset in words; ``taken``: where its pictures and captions come from
    :param sensitive: how many pictures were left out for that
    """
    hidden = (
        f" ({sensitive:,} are sensitive; use --sensitive to include them)"
        if sensitive
        else ""
    )
    if not refused:
        return f"There are no pictures with captions in {origin}{hidden}."
    reasons = _reasons(refused, examples=True)
    return (
        f"None of the {len(refused):,} rows of {origin} can be used ({taken}){hidden}: "
        f"{reasons}."
    )


def _reasons(refused: Refused, *, examples: bool = False) -> str:
    ordered = Counter(reason for _, reason in refused).most_common()
    shown = [f"{count:,} because {reason}" for reason, count in ordered[:NAMED]]
    if examples:
        first = {reason: name for name, reason in reversed(refused)}
        named = zip(shown, ordered, strict=False)
        shown = [
            f"{words} ({'the first is ' if count > 1 else ''}{first[reason]})"
            for words, (reason, count) in named
        ]
    rest = len(ordered) - NAMED
    return "; ".join([*shown, *([f"and {rest:,} other reasons"] if rest > 0 else [])])
