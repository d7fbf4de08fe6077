"""Pictures with captions, for measuring and training checkpoints."""

import random
import unicodedata
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from ... import platforms
from ...errors import BadPairs
from ...formats.tables import Row
from ...images.files import PictureFile
from . import unusable_rows


@dataclass(frozen=True)
class Pair:
    """A picture and its captions, with the record they come from.

    ``file`` is None if only the picture's stored vector is needed. ``content`` is equal for
    equal pictures where that is known. Pairs of one ``group`` are not independent: they share a
    caption, or whatever else the user groups by.
    """

    id: str
    captions: tuple[str, ...]
    record: Row
    file: PictureFile | None = None
    content: Hashable = None
    group: int = 0


@dataclass(frozen=True)
class Pairs:
    """The pairs of a data set, and what was left out of it.

    ``refused`` has ids and reasons; ``remarks`` are for people; ``source`` is the table or
    collection, as messages name it.
    """

    pairs: list[Pair]
    refused: list[tuple[str, str]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    source: str = ""

    @property
    def groups(self) -> int:
        """The number of groups."""
        return len({pair.group for pair in self.pairs})


@dataclass(frozen=True)
class Origin:
    """A table or collection in words: its name, and where pictures and captions come from."""

    name: str
    taken: str
    is_collection: bool = False

    def __str__(self) -> str:
        """Return the name, for use in a sentence."""
        return f"the collection '{self.name}'" if self.is_collection else self.name


@dataclass(frozen=True)
class Captions:
    """The distinct captions of pairs, and which pair has which.

    ``texts`` as they were first written; ``pictures`` and ``captions`` are positions among pairs
    and texts, of the same length.
    """

    texts: list[str]
    pictures: list[int]
    captions: list[int]


def normal(caption: str) -> str:
    """Normalise a caption for comparison, ignoring case and spaces."""
    return " ".join(unicodedata.normalize("NFC", caption).casefold().split())


def gathered(
    found: Iterable[Pair],
    refused: Sequence[tuple[str, str]],
    origin: Origin,
    *,
    why_silent: Callable[[Row], str],
    group_by: Sequence[str] = (),
    sensitive: int = 0,
) -> Pairs:
    """Return one pair per picture, with all its captions, in groups.

    Files with identical bytes are one picture. A pair without a caption is refused.

    :param group_by: columns; pairs whose records have the same value in one of them are one group
    :param refused: what is already known to be unusable
    :param why_silent: returns the reason why a record has no caption
    :raises BadPairs: nothing is left
    """
    by_content: dict[Hashable, Pair] = {}
    ids = set()
    silent: list[tuple[str, str]] = []
    for pair in found:
        if not pair.captions:
            silent.append((pair.id, why_silent(pair.record)))
            continue
        ids.add(pair.id)
        known = by_content.get(pair.content, pair)
        by_content[pair.content] = _with_captions(known, pair.captions)
    refused = [*refused, *(one for one in silent if one[0] not in ids)]
    if not by_content:
        raise BadPairs(
            unusable_rows.why_nothing(refused, str(origin), origin.taken, sensitive)
        )
    remarks = [f"{origin.name}: {origin.taken}"]
    if sensitive:
        remarks.append(
            f"{sensitive:,} sensitive left out; use --sensitive to include them"
        )
    if copies := len(ids) - len(by_content):
        are_copies = (
            "picture is a copy of another and counts"
            if copies == 1
            else "pictures are copies of others and count"
        )
        remarks.append(f"{copies:,} {are_copies} as the same picture")
    gathered_pairs = _grouped(list(by_content.values()), group_by)
    return Pairs(gathered_pairs, list(refused), remarks, str(origin))


def identified(found: Sequence[Pair]) -> tuple[list[Pair], list[tuple[str, str]]]:
    """Identify the content of files, reading only those of equal size.

    :return: the pairs, and the ids of those that cannot be read, with the reason
    """
    sizes = Counter(
        pair.file.size for pair in {p.id: p for p in found}.values() if pair.file
    )
    known: dict[str, Hashable] = {}
    pairs, refused = [], {}
    for pair in found:
        assert pair.file
        if pair.id not in known and pair.id not in refused:
            try:
                alone = sizes[pair.file.size] == 1
                known[pair.id] = pair.id if alone else pair.file.content_hash()
            except OSError as error:
                refused[pair.id] = f"it cannot be read ({platforms.reason(error)})"
        if pair.id in known:
            pairs.append(replace(pair, content=known[pair.id]))
    return pairs, list(refused.items())


def sampled(pairs: Pairs, number: int | None, seed: int) -> Pairs:
    """Return a random sample of the pairs in their order, the same for the same seed."""
    if number is None or number >= len(pairs.pairs):
        return pairs
    chosen = sorted(random.Random(seed).sample(range(len(pairs.pairs)), number))
    return replace(pairs, pairs=[pairs.pairs[i] for i in chosen])


def captions(pairs: Sequence[Pair]) -> Captions:
    """Return the distinct captions of pairs, merging those that are equal when normalised."""
    numbers: dict[str, int] = {}
    texts: list[str] = []
    of_pictures, of_captions = [], []
    for picture, pair in enumerate(pairs):
        for text in pair.captions:
            form = normal(text)
            if form not in numbers:
                numbers[form] = len(texts)
                texts.append(text)
            of_pictures.append(picture)
            of_captions.append(numbers[form])
    return Captions(texts, of_pictures, of_captions)


def _with_captions(pair: Pair, more: Sequence[str]) -> Pair:
    every = {normal(text): text for text in reversed((*pair.captions, *more))}
    order = dict.fromkeys(normal(text) for text in (*pair.captions, *more))
    return replace(pair, captions=tuple(every[form] for form in order))


def _grouped(pairs: list[Pair], group_by: Sequence[str]) -> list[Pair]:
    """Put pairs that share a key into one group, transitively."""
    parents = list(range(len(pairs)))

    def root(one: int) -> int:
        while parents[one] != one:
            parents[one] = parents[parents[one]]
            one = parents[one]
        return one

    first: dict[Hashable, int] = {}
    for number, pair in enumerate(pairs):
        for key in _keys(pair, group_by):
            one, other = sorted((root(first.setdefault(key, number)), root(number)))
            parents[other] = one
    return [replace(pair, group=root(number)) for number, pair in enumerate(pairs)]


def _keys(pair: Pair, group_by: Sequence[str]) -> Iterable[Hashable]:
    yield from (normal(text) for text in pair.captions)
    for column in group_by:
        value = pair.record.get(column)
        if value not in (None, "") and str(value).strip():
            yield column, str(value).strip()
