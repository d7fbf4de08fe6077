"""Find out which pictures a record describes, from a key such as an accession number.

A key is compared with each picture's id, path, file name and stem, first as they are written and
then without regard to case, separators, Unicode form and leading zeros: ``1887/3804.2`` is
``1887_3804-2``. It may also be a part of a name, as in ``1887_3804-2_recto.jpg``. Where that leaves
a choice between records or between readings of a number, nothing is matched.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ..progress import NoProgress, Progress

ID, PATH, NAME, STEM = "id", "path", "file name", "file name without its ending"
NORMALISED = "other separators, case or zeros"
PART = "part of the file name"
PATTERN = "--key-regex"
TAIL = "the last parts of the path"

SILENT = NoProgress()
Tokens = tuple[str, ...]
TOKEN = re.compile(r"\d+|[^\W\d_]+")
ENDING = re.compile(r"\.[A-Za-z][A-Za-z0-9]{0,4}$")
SIDES = (("r",), ("v",))  # of a sheet: recto and verso
BACKS = ("v", "verso", "back", "reverse", "rev", "rueckseite", "rückseite", "dos")
FRONT_FIRST = dict.fromkeys(BACKS, 1)
FEWEST_CHARACTERS = 3  # of a key that may be a part of a name
LONGEST_KEY = 200
MOST_ROWS = 5  # to a value of the key
SAMPLE = 300  # pictures that decide which column is the key


@dataclass(frozen=True)
class Picture:
    """A picture that records can describe: its id, and its file's path in its folder."""

    id: str
    file: str


@dataclass
class Matches:
    """Which keys belong to which pictures.

    ``keys`` has the key of each matched picture by its id, ``how`` says how it was found.
    ``ambiguous`` has the pictures, by id, that more than one key or reading fits, with the keys.
    """

    keys: dict[str, str] = field(default_factory=dict)
    how: dict[str, str] = field(default_factory=dict)
    ambiguous: dict[str, list[str]] = field(default_factory=dict)

    def add(self, picture: Picture, key: str, how: str) -> None:
        """Match a picture to a key."""
        self.keys[picture.id] = key
        self.how[picture.id] = how

    def add_if_certain(self, picture: Picture, keys: Sequence[str], how: str) -> None:
        """Match a picture if one key fits; if several do, note it as ambiguous."""
        if len(keys) == 1:
            self.add(picture, keys[0], how)
        elif keys:
            self.ambiguous[picture.id] = list(keys)

    def pictures(self) -> dict[str, list[str]]:
        """Return the ids of the pictures of each key, as a person would put them in order."""
        found: dict[str, list[str]] = defaultdict(list)
        for item_id in sorted(self.keys, key=natural_order):
            found[self.keys[item_id]].append(item_id)
        return dict(found)


def match(
    pictures: Iterable[Picture], keys: Iterable[str], progress: Progress = SILENT
) -> Matches:
    """Match pictures to keys by their names.

    :param keys: as written in the records; an empty one matches nothing
    :param progress: is told of each picture
    """
    index = _Keys(keys)
    matches = Matches()
    left = list(pictures)
    for how, name_of in AS_WRITTEN.items():
        left = _match_written(matches, left, index, how, name_of)
    progress.advance(len(matches.keys) + len(matches.ambiguous))
    for picture in left:
        _match_tokens(matches, picture, index)
        progress.advance(1)
    return matches


def match_by_pattern(
    pattern: re.Pattern[str],
    pictures: Iterable[Picture],
    keys: Iterable[str],
    progress: Progress = SILENT,
) -> Matches:
    """Match pictures to the key that a regular expression finds in their file's path.

    :param pattern: its first group is the key, or all of it if it has no group
    """
    index = _Keys(keys)
    matches = Matches()
    for picture in pictures:
        progress.advance(1)
        found = pattern.search(picture.file)
        name = found and (found[1] if pattern.groups else found[0])
        if name:
            keys = [name] if name in index else index.like(name)
            matches.add_if_certain(picture, keys, PATTERN)
    return matches


def match_files(pictures: Iterable[Picture], names: Iterable[str]) -> Matches:
    """Match pictures to files about them, such as a text with the same name.

    A picture's path without its ending is compared, as a whole and then by as many of its last
    parts as fit, down to its name alone. Where several pictures or several files fit, nothing is
    matched, except that pictures which differ in nothing but their endings are one.

    :param names: paths without the endings of the files
    """
    matches = Matches()
    paths = {name: (_parts(name), _parts(name, folded=True)) for name in set(names)}
    left = {p: _forms(p.file) for p in pictures}
    for folded in (False, True):
        own = {name: found[folded] for name, found in paths.items()}
        deepest = max(map(len, own.values()), default=0)
        for length in [None, *range(deepest, 0, -1)] if folded else [None]:
            _match_tails(matches, left, own, folded, length)
            for name in {*matches.keys.values(), *_ambiguous_names(matches)}:
                own.pop(name, None)
                paths.pop(name, None)
    return matches


def best_column(
    pictures: Sequence[Picture],
    columns: Mapping[str, Sequence[str]],
    find: Callable[[Iterable[Picture], Iterable[str]], Matches] = match,
) -> str | None:
    """Return the column whose values match most pictures, or None if none matches any.

    A column whose values repeat, such as a year, is less likely to be it, and never is if there are
    more than :data:`MOST_ROWS` rows to a value. Some pictures, evenly distributed, are looked at.

    :param columns: the values of each column as text, an empty one for an empty cell
    :param find: how pictures are matched to them
    """
    sample = pictures[:: max(1, len(pictures) // SAMPLE)]
    scores = {}
    for name, values in columns.items():
        keys = {value for value in values if 0 < len(value) <= LONGEST_KEY}
        rows = sum(map(bool, values))
        if keys and rows <= len(keys) * MOST_ROWS:
            scores[name] = len(find(sample, keys).keys) * (len(keys) / rows) ** 2
    best = max(scores, key=scores.__getitem__, default=None)
    return best if best is not None and scores[best] else None


def tokens(text: str) -> Tokens:
    """Return the numbers and words of a name, in lower case and without leading zeros."""
    return tuple(map(_number, _written_tokens(text)))


def natural_order(name: str) -> tuple[tuple[bool, int, str], ...]:
    """Return a key to sort names by, in which 2 comes before 10, and a front before its back."""
    return tuple(
        (
            (True, int(token), "")
            if token.isdecimal()
            else (False, FRONT_FIRST.get(token, 0), token)
        )
        for token in tokens(name)
    )


class _Keys:
    """The keys of records, by their forms."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._written = {key.strip().replace("\\", "/"): key for key in keys}
        self._by_tokens: dict[Tokens, list[str]] = defaultdict(list)
        for key in self._written.values():
            self._by_tokens[tokens(key)].append(key)
        self._by_tokens.pop((), None)
        self._longest = max(map(len, self._by_tokens), default=0)
        self._most_numbers = max(map(_numbers, self._by_tokens), default=0)
        self._has_letters = any(_ends_in_letter(key) for key in self._by_tokens)

    def __contains__(self, name: str) -> bool:
        return name in self._written

    def as_written(self, name: str) -> str | None:
        """Return the key that is written like a name, or None."""
        return self._written.get(name)

    def like(self, name: str) -> list[str]:
        """Return the keys with the tokens of a name; of several, one that has its zeros too."""
        written = _written_tokens(name)
        return self._with(tuple(map(_number, written)), written)

    def parts(self, name: str) -> tuple[list[str], bool]:
        """Return the keys that are the longest parts of a name.

        The flag says whether what stands beside them might be a part of another key.
        """
        written = _written_tokens(name)
        plain = tuple(map(_number, written))
        spans = self._spans(plain, len(_written_tokens(name.rpartition("/")[0])))
        keys = [k for s, e in spans for k in self._with(plain[s:e], written[s:e])]
        doubtful = any(self._is_doubtful(plain, start, end) for start, end in spans)
        return list(dict.fromkeys(keys)), doubtful

    def _spans(self, plain: Tokens, first: int) -> list[tuple[int, int]]:
        """Return where the keys with most tokens begin and end.

        :param first: where the name of the file begins, behind those of its folders
        """
        for width in range(min(self._longest, len(plain)), 0, -1):
            found = [
                (start, start + width)
                for start in range(len(plain) - width + 1)
                if plain[start : start + width] in self._by_tokens
                and _may_be_part(plain[start : start + width], start == first)
            ]
            if found:
                return found
        return []

    def _with(self, plain: Tokens, written: Tokens) -> list[str]:
        found = self._by_tokens.get(plain, [])
        if len(found) < 2:
            return found
        same = [key for key in found if _written_tokens(key) == written]
        return same if len(same) == 1 else found

    def _is_doubtful(self, plain: Tokens, start: int, end: int) -> bool:
        """Return whether the token before or behind a key might belong to a number like it.

        A further number does if other keys have more numbers than this one; a letter does if
        other keys end in one.
        """
        behind = plain[end : end + 1]
        is_short = _numbers(plain[start:end]) < self._most_numbers
        if is_short and any(
            t.isdecimal() for t in (*plain[max(0, start - 1) : start], *behind)
        ):
            return True
        has_letter = bool(behind) and _ends_in_letter((plain[end - 1], *behind))
        return has_letter and self._has_letters and behind not in SIDES


def _parts(path: str, *, folded: bool = False) -> Tokens:
    text = unicodedata.normalize("NFC", path)
    return tuple((text.casefold() if folded else text).split("/"))


def _forms(file: str) -> set[str]:
    """Return the paths that a file about a picture may have: without its ending, or with it."""
    return {file, _without_ending(file)}


def _match_tails(
    matches: Matches,
    left: dict[Picture, set[str]],
    names: Mapping[str, Tokens],
    folded: bool,
    length: int | None,
) -> None:
    """Match pictures to files by the last parts of their paths, and take them from ``left``.

    :param length: how many parts, None for the whole path
    """
    files: dict[Tokens, list[str]] = defaultdict(list)
    for name, parts in names.items():
        if length is None or len(parts) >= length:
            files[parts[-(length or 0) :]].append(name)
    found: dict[Tokens, list[Picture]] = defaultdict(list)
    for picture, forms in left.items():
        for form in forms:
            parts = _parts(form, folded=folded)
            if (length is None or len(parts) >= length) and parts[
                -(length or 0) :
            ] in files:
                found[parts[-(length or 0) :]].append(picture)
    for tail, fitting in found.items():
        is_one = (
            len({_without_ending(p.file) for p in fitting}) == len(files[tail]) == 1
        )
        for picture in fitting:
            left.pop(picture, None)
            if is_one:
                matches.add(picture, files[tail][0], TAIL if length else PATH)
            else:
                matches.ambiguous[picture.id] = sorted(files[tail])


def _ambiguous_names(matches: Matches) -> set[str]:
    return {name for names in matches.ambiguous.values() for name in names}


def _match_written(
    matches: Matches,
    pictures: Iterable[Picture],
    index: _Keys,
    how: str,
    name_of: Callable[[Picture], str],
) -> list[Picture]:
    """Match pictures whose names are keys as written; return the others.

    A name that pictures in several folders have is ambiguous.
    """
    left = []
    found: dict[str, list[Picture]] = defaultdict(list)
    for picture in pictures:
        key = index.as_written(name_of(picture))
        if key is None:
            left.append(picture)
        else:
            found[key].append(picture)
    for key, fitting in found.items():
        folders = {picture.file.rpartition("/")[0] for picture in fitting}
        for picture in fitting:
            if len(folders) > 1 and how in (NAME, STEM):
                matches.ambiguous[picture.id] = [key]
            else:
                matches.add(picture, key, how)
    return left


def _match_tokens(matches: Matches, picture: Picture, index: _Keys) -> None:
    for name in dict.fromkeys(name_of(picture) for name_of in AS_WRITTEN.values()):
        if keys := index.like(name):
            matches.add_if_certain(picture, keys, NORMALISED)
            return
    keys, doubtful = index.parts(_without_ending(picture.file))
    if doubtful:
        matches.ambiguous[picture.id] = keys
    else:
        matches.add_if_certain(picture, keys, PART)


def _without_ending(name: str) -> str:
    return ENDING.sub("", name)


def _written_tokens(text: str) -> Tokens:
    return tuple(TOKEN.findall(unicodedata.normalize("NFKC", text).casefold()))


def _number(token: str) -> str:
    return token.lstrip("0") or "0" if token.isdecimal() else token


def _numbers(key: Tokens) -> int:
    return sum(token.isdecimal() for token in key)


def _ends_in_letter(key: Tokens) -> bool:
    """Return whether a key ends in a number and a single letter, as 12b does."""
    last, before = key[-1], key[-2:-1]
    is_number = bool(before) and before[0].isdecimal()
    return is_number and len(last) == 1 and last.isalpha()


def _may_be_part(key: Tokens, is_first: bool) -> bool:
    """Return whether a key is distinctive enough to be looked for within names.

    A short number is only where the file's name begins with it.
    """
    has_number = any(token.isdecimal() for token in key)
    return has_number and (is_first or sum(map(len, key)) >= FEWEST_CHARACTERS)


AS_WRITTEN: dict[str, Callable[[Picture], str]] = {
    ID: lambda picture: picture.id,
    PATH: lambda picture: picture.file,
    NAME: lambda picture: picture.file.rpartition("/")[2],
    STEM: lambda picture: _without_ending(picture.file.rpartition("/")[2]),
}
