"""Make columns of objects within objects, as museums' interfaces export them in JSON."""

from collections.abc import Iterator
from typing import Any

from ..formats.tables import Row

MOST_LEVELS = 8
SHOWN = 5  # of keys that are written alike
SEPARATOR = "."

Path = tuple[str, ...]


class Columns:
    """The columns of a table of objects, by their paths.

    The first path that is written ``a.b`` has this column; another one, of a key with a dot in it,
    has ``a.b_source``.
    """

    def __init__(self) -> None:
        """Begin without columns."""
        self.names: dict[Path, str] = {}
        self._taken: set[str] = set()
        self.alike: list[str] = []
        self.is_cut = False

    def row(self, row: Row) -> Row:
        """Return a row whose objects are columns called ``object.key``.

        A list of objects gives a list for each path, without what is empty. What is deeper than
        the limit stays an object, and so do lists within lists.
        """
        found: dict[Path, Any] = {}
        for path, value, is_listed in self._values((), row):
            if not is_listed:
                found[path] = value
            elif isinstance(present := found.setdefault(path, []), list):
                present += value if isinstance(value, list) else [value]
        return {self._name(path): value for path, value in found.items()}

    def remarks(self) -> list[str]:
        """Say what is not as somebody would expect."""
        said = [
            f"several keys are written '{name}'; another than the first is the column "
            f"'{name}_source'"
            for name in self.alike[:SHOWN]
        ]
        if self.is_cut:
            said.append(
                f"objects more than {MOST_LEVELS} levels deep are kept as JSON in one column"
            )
        return said

    def _values(
        self, path: Path, value: Any, is_listed: bool = False
    ) -> Iterator[tuple[Path, Any, bool]]:
        if value is None and len(path) > 1:
            return
        is_of_objects = isinstance(value, list) and _has_objects(value)
        is_nested = isinstance(value, dict) or is_of_objects
        if is_nested and len(path) >= MOST_LEVELS:
            self.is_cut = True
            yield path, value, is_listed
        elif isinstance(value, dict):
            for key, inner in value.items():
                yield from self._values((*path, key), inner, is_listed)
        elif is_of_objects:
            for inner in value:
                yield from self._values(path, inner, is_listed=True)
        else:
            yield path, value, is_listed

    def _name(self, path: Path) -> str:
        if path not in self.names:
            name = SEPARATOR.join(path)
            if name in self._taken:
                self.alike.append(name)
            while name in self._taken:
                name += "_source"
            self._taken.add(name)
            self.names[path] = name
        return self.names[path]


def _has_objects(values: list[Any]) -> bool:
    return all(isinstance(value, dict) for value in values) and bool(values)
