"""Tell a number behind a record's number that counts its pictures from one that is a part of it.

``69.41_1.jpg`` is the first picture of 69.41 or one of 69.41.1. It counts pictures if the
collection's file names never use this separator within a number, and many show another one there.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from .names import written_tokens

FEWEST = 10  # file names that show how the parts of a number are separated
PARTS = re.compile(r"(\d+|[^\W\d_]+)")
MOST_DIGITS = 3  # of a number that counts pictures


class Doubtful:
    """The pictures whose name is a record's number and a further one, by what is between them.

    :param files: the names of files, without folders and endings, by id of the picture
    :param keys: the key of each picture that is matched
    :param ambiguous: the possible keys of the others
    """

    def __init__(
        self,
        files: Mapping[str, str],
        keys: Mapping[str, str],
        ambiguous: Mapping[str, Sequence[str]],
    ) -> None:
        """Look at how the numbers in the names of files are written."""
        self.keys: dict[str, dict[str, str]] = defaultdict(dict)
        self._within: Counter[str] = Counter()  # a number, in the names of files
        self._shown: Counter[str] = Counter()
        possible = {i: found[0] for i, found in ambiguous.items() if len(found) == 1}
        for item_id, key in {**keys, **possible}.items():
            within, behind = _separators(files[item_id], written_tokens(key))
            self._within.update(within)
            if item_id in possible and behind:
                self.keys[behind][item_id] = key
                self._shown[behind] += bool(within)

    def certain(self, keys: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Yield pictures and their keys where the further number can only count pictures.

        :param keys: of all records
        """
        in_keys = {c for key in keys for c in PARTS.split(key)[2:-2:2]}
        for behind, found in self.keys.items():
            is_shown = self._shown[behind] >= FEWEST
            if is_shown and behind not in self._within and behind not in in_keys:
                yield from found.items()

    def pattern(self, left: Mapping[str, object]) -> str | None:
        """Return a pattern for ``--key-regex`` that takes a further number as counting pictures.

        None if that is so for less than half of the pictures that are left.
        """
        counts = {b: len(left.keys() & found) for b, found in self.keys.items()}
        most = max(counts, key=counts.__getitem__, default="")
        if not most or counts[most] * 2 < len(left) or counts[most] < FEWEST:
            return None
        return rf"([^/]*){re.escape(most)}\d+\.\w+$"


def _separators(name: str, key: Sequence[str]) -> tuple[list[str], str]:
    """Return what separates the parts of a key in a name, and what is behind it.

    The latter is empty unless the name is the key and a short number.
    """
    parts = PARTS.split(name)
    found = [written_tokens(part) for part in parts[1::2]]
    numbers = [token.lstrip("0") for one in found for token in one]
    sought = [token.lstrip("0") for token in key]
    if len(numbers) != len(found):
        return [], ""
    for start in range(len(numbers) - len(sought) + 1):
        if numbers[start : start + len(sought)] == sought:
            end = start + len(sought)
            within = [s for s in parts[2 * start + 2 : 2 * end : 2] if s]
            last = parts[2 * end + 1] if len(numbers) == end + 1 else ""
            counts = last.isdecimal() and len(last) <= MOST_DIGITS and not parts[-1]
            is_all = start == 0 and not parts[0] and counts
            return within, parts[2 * end] if is_all else ""
    return [], ""
