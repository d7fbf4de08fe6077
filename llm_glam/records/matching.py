"""Find out which pictures a record describes, from a key such as an accession number.

A key is compared with each picture's id, path, file name and stem, first as they are written and
then without regard to case, separators, Unicode form and leading zeros: ``1887/3804.2`` is
``1887_3804-2``. It may also be a part of a name, as in ``1887_3804-2_recto.jpg``. Where that leaves
a choice between records or between readings of a number, nothing is matched.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial

from ..progress import NoProgress, Progress
from .names import (
    FileTokens,
    Tokens,
    address_path,
    first_token,
    natural_order,
    tokens,
    without_ending,
    without_zeros,
    written_tokens,
)
from .sequences import Doubtful

ID, PATH, NAME, STEM = "id", "path", "file name", "file name without its ending"
NORMALISED = "other separators, case or zeros"
PART = "part of the file name"
ADDRESS = "the last parts of a web address"
COUNTED = "the number, and which of its pictures it is"
PATTERN = "--key-regex"
TAIL = "the last parts of the path"

SILENT = NoProgress()
SIDES = (("r",), ("v",))  # of a sheet: recto and verso
FEWEST_CHARACTERS = 3  # of a key that may be a part of a name
LONGEST_KEY = 200
MOST_ROWS = 5  # to a value of the key
FEW = 10  # keys to a picture, from which on not all of them are divided into tokens
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
    ``pattern`` is a regular expression that might decide most of these.
    """

    keys: dict[str, str] = field(default_factory=dict)
    how: dict[str, str] = field(default_factory=dict)
    ambiguous: dict[str, list[str]] = field(default_factory=dict)
    pattern: str | None = None

    def __contains__(self, item_id: str) -> bool:
        """Return whether a key fits a picture, or several do."""
        return item_id in self.keys or item_id in self.ambiguous

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
        for item_id, key in self.keys.items():
            found[key].append(item_id)
        return {
            key: ids if len(ids) == 1 else sorted(ids, key=natural_order)
            for key, ids in found.items()
        }


def match(
    pictures: Collection[Picture], keys: Iterable[str], progress: Progress = SILENT
) -> Matches:
    """Match pictures to keys by their names.

    :param keys: as written in the records; an empty one matches nothing
    :param progress: is told of each picture
    """
    keys = list(keys)
    addresses = {key: path for key in keys if (path := address_path(key))}
    if addresses:
        return _match_addresses(pictures, keys, addresses, progress)
    index = _Keys(keys)
    matches = Matches()
    left = _match_written(matches, pictures, index)
    index.look_for(left)
    progress.advance(len(matches.keys) + len(matches.ambiguous))
    for picture in left:
        _match_tokens(matches, picture, index)
        progress.advance(1)
    if matches.ambiguous:
        _match_counted(matches, pictures, index)
    return matches


def _match_addresses(
    pictures: Collection[Picture],
    keys: Iterable[str],
    addresses: Mapping[str, str],
    progress: Progress,
) -> Matches:
    """Match pictures to web addresses of files by as many of their last parts as fit.

    :param addresses: the path of each key that is an address
    """
    by_path, by_name, by_stem = (defaultdict[str, list[str]](list) for _ in range(3))
    for key in dict.fromkeys(keys):
        path = addresses.get(key)
        by_stem[without_ending((path or key).rpartition("/")[2])].append(key)
        if path:
            by_path[path].append(key)
            by_name[without_ending(path)].append(key)
    matches = Matches()
    left = list(pictures)
    for names, find in (
        (by_path, match_files),
        (by_name, match_files),
        (by_stem, partial(match, progress=progress)),
    ):
        found = find(left, names)
        for picture in left:
            if picture.id in found.keys:
                fitting = names[found.keys[picture.id]]
                matches.add_if_certain(picture, fitting, ADDRESS)
            elif picture.id in found.ambiguous:
                fitting = [k for n in found.ambiguous[picture.id] for k in names[n]]
                matches.ambiguous[picture.id] = fitting
        left = [p for p in left if p.id not in matches]
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
    find: Callable[[Collection[Picture], Iterable[str]], Matches] = match,
) -> str | None:
    """Return the column whose values match most pictures, or None if none matches any.

    A column whose values repeat, such as a year, is less likely to be it, and so is one of web
    addresses if another matches as many. It never is if there are more than :data:`MOST_ROWS` rows to a value. Some pictures, evenly distributed, are looked at.

    :param columns: the values of each column as text, an empty one for an empty cell
    :param find: how pictures are matched to them
    """
    sample = pictures[:: max(1, len(pictures) // SAMPLE)]
    keys = {name: _possible(values) for name, values in columns.items()}
    uniqueness = {
        name: (len(keys[name]) / rows) ** 2
        for name, values in columns.items()
        if 0 < (rows := sum(map(bool, values))) <= len(keys[name]) * MOST_ROWS
    }
    best, score = None, 0.0
    for name in sorted(
        uniqueness, key=lambda n: (-uniqueness[n], _has_address(keys[n]))
    ):
        if len(sample) * uniqueness[name] <= score:
            break  # it, and those that follow, cannot match more
        matched = len(find(sample, keys[name]).keys) * uniqueness[name]
        if matched > score:
            best, score = name, matched
    return best


def _has_address(keys: Iterable[str]) -> bool:
    return any(map(address_path, keys))


def _possible(values: Sequence[str]) -> set[str]:
    """Return the values that can be keys."""
    return {value for value in values if 0 < len(value) <= LONGEST_KEY}


class _Keys:
    """The keys of records, by their forms."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._written = {key.strip().replace("\\", "/"): key for key in keys}
        self._sought: frozenset[str] | None = None

    def look_for(self, pictures: Sequence[Picture]) -> None:
        """Prepare for these pictures only, if they are few: most keys need no dividing then."""
        if len(pictures) * FEW < len(self._written):
            found = (tokens(name) for p in pictures for name in {p.id, p.file})
            self._sought = frozenset(token for one in found for token in one)

    @cached_property
    def _by_tokens(self) -> dict[Tokens, list[str]]:
        found: dict[Tokens, list[str]] = {}
        for key in self._written.values():
            if self._sought is None or first_token(key) in self._sought:
                found.setdefault(tokens(key), []).append(key)
        found.pop((), None)
        return found

    @cached_property
    def _starts(self) -> frozenset[str]:
        return frozenset(key[0] for key in self._by_tokens)

    @cached_property
    def _longest(self) -> int:
        return max(map(len, self._by_tokens), default=0)

    @cached_property
    def _most_numbers(self) -> int:
        return max(map(_numbers, self._all_tokens()), default=0)

    @cached_property
    def _has_letters(self) -> bool:
        return any(_ends_in_letter(key) for key in self._all_tokens() if key)

    def _all_tokens(self) -> Iterable[Tokens]:
        return self._by_tokens if self._sought is None else map(tokens, self._written)

    def __contains__(self, name: str) -> bool:
        return name in self._written

    def written(self) -> Iterable[str]:
        """Return all keys as they are written."""
        return self._written

    def as_written(self, name: str) -> str | None:
        """Return the key that is written like a name, or None."""
        return self._written.get(name)

    def may_begin(self, plain: Tokens) -> bool:
        """Return whether a key begins with one of these tokens; if not, none is a part of them."""
        return not self._starts.isdisjoint(plain)

    def like(self, name: str) -> list[str]:
        """Return the keys with the tokens of a name; of several, one that has its zeros too."""
        written = written_tokens(name)
        return self.with_tokens(without_zeros(written), written)

    def parts(self, file: FileTokens) -> tuple[list[str], bool]:
        """Return the keys that are the longest parts of a file's path without its ending.

        The flag says whether what stands beside them might be a part of another key.
        """
        written, plain = file.written[: file.end], file.plain[: file.end]
        spans = self._spans(plain, file.first)
        keys = [k for s, e in spans for k in self.with_tokens(plain[s:e], written[s:e])]
        doubtful = any(self._is_doubtful(plain, start, end) for start, end in spans)
        return list(dict.fromkeys(keys)), doubtful

    def with_tokens(self, plain: Tokens, written: Tokens) -> list[str]:
        """Return the keys with these tokens; of several, one that has their zeros too."""
        found = self._by_tokens.get(plain, [])
        if len(found) < 2:
            return found
        same = [key for key in found if written_tokens(key) == written]
        return same if len(same) == 1 else found

    def _spans(self, plain: Tokens, first: int) -> list[tuple[int, int]]:
        """Return where the keys with most tokens begin and end.

        :param first: where the name of the file begins, behind those of its folders
        """
        begins = [n for n, token in enumerate(plain) if token in self._starts]
        for width in range(min(self._longest, len(plain)), 0, -1):
            found = [
                (start, start + width)
                for start in begins
                if start + width <= len(plain)
                and plain[start : start + width] in self._by_tokens
                and _may_be_part(plain[start : start + width], start == first)
            ]
            if found:
                return found
        return []

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
    return {file, without_ending(file)}


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
        is_one = len({without_ending(p.file) for p in fitting}) == len(files[tail]) == 1
        for picture in fitting:
            left.pop(picture, None)
            if is_one:
                matches.add(picture, files[tail][0], TAIL if length else PATH)
            else:
                matches.ambiguous[picture.id] = sorted(files[tail])


def _ambiguous_names(matches: Matches) -> set[str]:
    return {name for names in matches.ambiguous.values() for name in names}


def _match_written(
    matches: Matches, pictures: Iterable[Picture], index: _Keys
) -> list[Picture]:
    """Match pictures whose names are keys as written; return the others.

    A name that pictures in several folders have is ambiguous.
    """
    left = []
    found: dict[str, dict[str, list[Picture]]] = {
        how: defaultdict(list) for how in (ID, PATH, NAME, STEM)
    }
    for picture in pictures:
        for how, name in _as_written(picture):
            key = index.as_written(name)
            if key is not None:
                found[how][key].append(picture)
                break
        else:
            left.append(picture)
    for how, by_key in found.items():
        for key, fitting in by_key.items():
            is_one = how in (ID, PATH) or _are_in_one_folder(fitting)
            for picture in fitting:
                if is_one:
                    matches.add(picture, key, how)
                else:
                    matches.ambiguous[picture.id] = [key]
    return left


def _as_written(picture: Picture) -> Iterator[tuple[str, str]]:
    """Yield the names by which a record may call a picture, and what they are."""
    yield ID, picture.id
    yield PATH, picture.file
    name = picture.file.rpartition("/")[2]
    yield NAME, name
    yield STEM, without_ending(name)


def _are_in_one_folder(pictures: Sequence[Picture]) -> bool:
    return len({picture.file.rpartition("/")[0] for picture in pictures}) == 1


def _match_counted(matches: Matches, pictures: Iterable[Picture], index: _Keys) -> None:
    """Match pictures that are ambiguous only since a number counts the pictures of a record."""
    doubtful = Doubtful(
        {p.id: without_ending(p.file.rpartition("/")[2]) for p in pictures},
        matches.keys,
        matches.ambiguous,
    )
    by_id = {picture.id: picture for picture in pictures}
    for item_id, key in list(doubtful.certain(index.written())):
        del matches.ambiguous[item_id]
        matches.add(by_id[item_id], key, COUNTED)
    matches.pattern = doubtful.pattern(matches.ambiguous)


def _match_tokens(matches: Matches, picture: Picture, index: _Keys) -> None:
    file = FileTokens(picture.file)
    if picture.id != picture.file and (keys := index.like(picture.id)):
        matches.add_if_certain(picture, keys, NORMALISED)
        return
    if not index.may_begin(file.plain):
        return
    for written, plain in file.names():
        if keys := index.with_tokens(plain, written):
            matches.add_if_certain(picture, keys, NORMALISED)
            return
    keys, doubtful = index.parts(file)
    if doubtful:
        matches.ambiguous[picture.id] = keys
    else:
        matches.add_if_certain(picture, keys, PART)


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
