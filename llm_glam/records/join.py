"""Join the rows of a spreadsheet to pictures that are already in a collection.

:func:`plan_join` says which row would go to which picture, and :func:`join` writes it, all or
nothing. Either can be repeated: only what has changed in the spreadsheet is changed in the records.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from sqlite_utils import Database
from sqlite_utils.db import quote_identifier

from ..db import collections, connection, embeddings, sources
from ..db.collection import Collection
from ..db.items import TECHNICAL
from ..db.record_values import Kinds
from ..db.sources import Record, Source
from ..errors import BadRecords, UnknownCollection
from ..formats import tables
from ..formats.readers.notes import Notes
from ..formats.tables import Row
from ..progress import Progress
from . import folder, matching, nested, withdrawn
from .beside import MOST_COLUMNS
from .matching import COUNTED, ID, PATH, SILENT, Matches, Picture

EXAMPLES = 3
PICTURE = "picture"  # heading of the thumbnails in a template
Finder = Callable[..., Matches]  # as matching.match


@dataclass(frozen=True)
class JoinOptions:
    """How to read the table and to find the picture of each row.

    ``key`` is the column with numbers or names of pictures; None to take the one that matches most
    pictures. With ``key_regex``, its first group, found in a picture's path, is the key. ``split``
    has separators by column, of cells that hold several values. ``sheet`` is the name or number of
    the sheet of a workbook, and ``header_row`` the number of the row with the headings.
    """

    key: str | None = None
    key_regex: str | None = None
    split: Mapping[str, str] = field(default_factory=dict)
    sheet: str | None = None
    header_row: int | None = None


@dataclass
class JoinPlan:
    """What a join would write.

    ``rows`` has the rows of the table by the line in which they begin, ``pictures`` all pictures of
    the collection. ``places`` has the file and the line within it of each, if there are several
    files.
    """

    collection: Collection
    source: Source
    key: str
    rows: dict[int, Row]
    pictures: Sequence[Picture]
    matches: Matches
    split: Mapping[str, str]
    remarks: list[str]
    places: Mapping[int, str] = field(default_factory=dict)

    @cached_property
    def lines(self) -> dict[str, list[int]]:
        """The lines of the rows with each key."""
        found: dict[str, list[int]] = {}
        for line, row in self.rows.items():
            found.setdefault(key_of(row, self.key), []).append(line)
        return found

    @cached_property
    def matched_lines(self) -> list[int]:
        """The lines of the rows that describe a picture."""
        keys = set(self.matches.keys.values())
        return [
            line for key, found in self.lines.items() if key in keys for line in found
        ]

    @property
    def repeated(self) -> list[str]:
        """The keys that several rows have and that match a picture, with the lines of these."""
        known = set(self.matches.keys.values())
        return [
            f"{key} ({self._listed(lines)})"
            for key, lines in self.lines.items()
            if len(lines) > 1 and key in known
        ]

    @cached_property
    def unmatched_lines(self) -> list[int]:
        """The lines of the rows that describe no picture."""
        matched = set(self.matched_lines)
        return [line for line in self.rows if line not in matched]

    @cached_property
    def of_files(self) -> set[str]:
        """The headings of columns that describe the files, in a table that llm-glam wrote."""
        is_own = self.key in ("id", "file") and {*self.matches.how.values()} <= {
            ID,
            PATH,
        }
        return {*TECHNICAL, PICTURE} if is_own else set()

    @property
    def unmatched_keys(self) -> list[str]:
        """The keys of the rows that describe no picture, or the lines of those without a key."""
        return [
            self.key_at(line) or f"(no number, {self._listed([line])})"
            for line in self.unmatched_lines
        ]

    @property
    def ambiguous(self) -> list[str]:
        """The ids of pictures that more than one row could describe."""
        return list(self.matches.ambiguous)

    @cached_property
    def without_record(self) -> list[str]:
        """The ids of the pictures that no row describes."""
        known = self.matches.keys.keys() | self.matches.ambiguous.keys()
        return [picture.id for picture in self.pictures if picture.id not in known]

    def kinds(self) -> dict[str, type]:
        """Return the types of the columns to fill, by heading."""
        kinds = Kinds()
        for row in self.rows.values():
            kinds.add(row)
        found = kinds.by_heading() | dict.fromkeys(self.split, str)
        return {h: kind for h, kind in found.items() if h not in self.of_files}

    def place(self, line: int) -> int | str:
        """Return where a row begins: its line, or the file and its line there."""
        return self.places.get(line, line)

    def _listed(self, lines: Sequence[int]) -> str:
        if self.places:
            return "; ".join(str(self.place(line)) for line in lines)
        what = "line" if len(lines) == 1 else "lines"
        return f"{what} {', '.join(f'{line:,}' for line in lines)}"

    def key_at(self, line: int) -> str:
        """Return the key of the row that begins on a line."""
        return key_of(self.rows[line], self.key)

    def counts(self) -> dict[str, Any]:
        """Return how much matches, and how much does not."""
        keys = set(self.matches.keys.values())
        return {
            "source": self.source.name,
            "key": self.key,
            "records": len(self.rows),
            "matched_records": len(self.matched_lines),
            "further_records": len(self.matched_lines) - len(keys),
            "records_without_picture": len(self.unmatched_lines),
            "pictures": len(self.matches.keys),
            "pictures_without_record": len(self.without_record),
            "ambiguous_pictures": len(self.matches.ambiguous),
        }

    def examples(self) -> list[tuple[str, str]]:
        """Return a few keys and the ids of their pictures, each found in another way first."""
        by_how = {how: item_id for item_id, how in self.matches.how.items()}
        ids = dict.fromkeys([*by_how.values(), *self.matches.keys])
        return [(self.matches.keys[i], i) for i in list(ids)[:EXAMPLES]]

    def records(self) -> dict[str, list[Record]]:
        """Return the records of each picture, by its id."""
        found: dict[str, list[Record]] = {}
        for key, ids in self.matches.pictures().items():
            for sequence, item_id in enumerate(ids, 1):
                place = (key, sequence) if len(ids) > 1 else (None, None)
                found[item_id] = [
                    Record(self.rows[line], key, line, *place)
                    for line in self.lines[key]
                ]
        return found


@dataclass(frozen=True)
class Joined:
    """What a join has changed.

    ``gone_records`` are the keys of rows that are no longer in the table, and ``gone_columns`` the
    headings of its columns.
    """

    changed: int
    gone_records: list[str]
    gone_columns: list[str]


def plan_join(
    db: Database,
    collection: Collection,
    path: Path,
    options: JoinOptions | None = None,
    progress: Progress = SILENT,
) -> JoinPlan:
    """Read a table and find out which pictures of a collection its rows describe.

    Nothing is written.

    :raises BadRecords: the table cannot be read, has no such column, or describes no picture
    """
    options = options or JoinOptions()
    notes = Notes(sheet=options.sheet, header_row=options.header_row)
    rows = _read(path, notes)
    headings = list(dict.fromkeys(heading for row in rows.values() for heading in row))
    split = {_checked_column(path, h, headings): by for h, by in options.split.items()}
    pictures = pictures_of(db, collection)
    find = _finder(options)
    key = (
        _checked_column(path, options.key, headings)
        if options.key is not None
        else _best_key(path, rows, headings, pictures, find)
    )
    progress.begin(len(pictures))
    values = (key_of(row, key) for row in rows.values())
    matches = find(pictures, values, progress=progress)
    if not matches.keys and not matches.ambiguous:
        raise BadRecords(_nothing_fits(path, key, rows, pictures, collection))
    source = Source(path.name, address=str(path.resolve()))
    remarks = [str(notes.surplus)] if notes.surplus.rows else []
    remarks += _remarks(matches)
    plan = JoinPlan(
        *(collection, source, key, rows, pictures, matches, split),
        remarks=remarks + notes.remarks,
        places=notes.places,
    )
    _drop_empty_rows(plan)
    _drop_withdrawn(db, plan)
    return plan


def _remarks(matches: Matches) -> Iterator[str]:
    """Say what numbers behind the number of a record are taken for, or might be."""
    counted = [i for i, how in matches.how.items() if how == COUNTED]
    if counted:
        yield (
            f"the names of {len(counted):,} pictures are a number and which of its pictures each "
            f"is, such as {counted[0]}"
        )
    if matches.pattern:
        yield (
            "if the last number in the names of the ambiguous pictures only counts those of a "
            f'record, use --key-regex "{matches.pattern}"'
        )


def _drop_empty_rows(plan: JoinPlan) -> None:
    """Drop the rows of a template that nobody has filled in."""
    for line, row in list(plan.rows.items()):
        written = {h: value for h, value in row.items() if h not in plan.of_files}
        if plan.of_files and tables.is_blank(written):
            del plan.rows[line]
    left = {key_of(row, plan.key) for row in plan.rows.values()}
    for item_id, key in list(plan.matches.keys.items()):
        if key not in left:
            del plan.matches.keys[item_id], plan.matches.how[item_id]


def _drop_withdrawn(db: Database, plan: JoinPlan) -> None:
    """Drop the rows that describe a withdrawn picture and no other one."""
    lines = {line: plan.key_at(line) for line in plan.unmatched_lines}
    dropped = withdrawn.keys(db, table_of(plan.collection), lines.values())
    gone = [line for line, key in lines.items() if key in dropped]
    for line in gone:
        del plan.rows[line]
    if gone:
        rows = "row describes" if len(gone) == 1 else "rows describe"
        plan.remarks.append(
            f"{len(gone):,} {rows} a picture that was withdrawn, and will not be stored."
        )
        for name in ("lines", "matched_lines", "unmatched_lines"):
            plan.__dict__.pop(name, None)


def join(
    db: Database,
    plan: JoinPlan,
    arguments: dict[str, Any] | None = None,
    progress: Progress = SILENT,
) -> Joined:
    """Write the records of a plan, in place of those that the same table gave before.

    :param arguments: for ``glam_runs``, which records the run
    :raises UnknownCollection: the collection was deleted meanwhile; nothing is written
    """
    started = time.monotonic()
    collections.prepare(db)
    run = collections.begin_run(
        db, plan.collection, "glam records", arguments or {"file": plan.source.address}
    )
    joined = _write(db, plan, progress)
    counts = {"changed": joined.changed, "pictures": len(plan.matches.keys)}
    collections.end_run(db, run, counts, time.monotonic() - started)
    return joined


def _write(db: Database, plan: JoinPlan, progress: Progress) -> Joined:
    table, source = table_of(plan.collection), plan.source
    records, by_heading = plan.records(), plan.kinds()
    with connection.writing(db):
        collections.check_still_there(db, plan.collection)
        keys_before = sources.keys(db, table, source.name)
        headings_before = sources.headings(db, table, source.name)
        sources.copy_earlier(db, table)
        before = sources.ids_of(db, table, source.name)
        changed = _add_columns(db, plan, before)
        ids = {*before, *records}
        progress.begin(len(ids))
        for chunk in embeddings.chunks(sorted(ids)):
            part = {item_id: records.get(item_id, []) for item_id in chunk}
            changed += sources.update(db, table, source, part)
            progress.advance(len(chunk))
        unmatched = ((line, plan.rows[line]) for line in plan.unmatched_lines)
        sources.put_without_picture(
            *(db, table, source),
            (Record(row, key_of(row, plan.key), line) for line, row in unmatched),
        )
    return Joined(
        changed,
        sorted(keys_before - plan.lines.keys()),
        [heading for heading in headings_before if heading not in by_heading],
    )


def _add_columns(db: Database, plan: JoinPlan, before: Sequence[str]) -> int:
    """Add the columns of a plan; return how many rows are changed since cells are split anew.

    :param before: the ids of the pictures that the source has records of so far
    """
    table, source = table_of(plan.collection), plan.source.name
    known = sources.separators(db, table, source)
    is_split_anew = bool(before) and not plan.split.items() <= known.items()
    if is_split_anew:
        sources.keep_edits(db, table, before)
    sources.add_columns(
        *(db, table, source, plan.kinds()),
        split=plan.split,
        identifier=plan.key,
        is_placed=len(set(plan.matches.keys.values())) < len(plan.matches.keys),
    )
    return sources.merge(db, table, before) if is_split_anew else 0


def sources_of(db: Database, collection: Collection) -> list[Row]:
    """Return the sources of a collection's records, with how many records and pictures each has."""
    return sources.every(db, table_of(collection))


def remove(db: Database, collection: Collection, name: str) -> int:
    """Remove the records of a source, and the columns that only it has filled.

    :return: how many rows of the items table were changed
    :raises BadRecords: there is no such source
    """
    collections.prepare(db)
    table = table_of(collection)
    known = [row["source"] for row in sources.every(db, table)]
    if name not in known:
        raise BadRecords(
            f"'{collection.name}' has no records from '{name}' (it has: "
            f"{', '.join(known) or 'none yet'})."
        )
    with connection.writing(db):
        collections.check_still_there(db, collection)
        return sources.remove(db, table, name)


def key_of(row: Row, key: str) -> str:
    """Return what is in a row's key column, as text."""
    value = row.get(key)
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # a spreadsheet has no whole numbers
    return "" if value is None else str(value).strip()


def _read(path: Path, notes: Notes) -> dict[int, Row]:
    rows: dict[int, Row] = {}
    columns = nested.Columns()
    is_nested = path.is_dir() or path.suffix.lower() in tables.NESTED
    for row in (folder.read if path.is_dir() else tables.read)(path, notes):
        if not tables.is_blank(row):
            rows[notes.line] = columns.row(row) if is_nested else row
            _check_count(path, len(columns.names) if is_nested else len(row))
    if not rows:
        raise BadRecords(f"{path} has no rows.")
    notes.remarks += columns.remarks()
    return rows


def _check_count(path: Path, count: int) -> None:
    if count > MOST_COLUMNS:
        raise BadRecords(
            f"{path} has {count:,} columns or more; at most "
            f"{MOST_COLUMNS:,} can be stored. Leave out those that are not needed."
        )


def pictures_of(db: Database, collection: Collection) -> list[Picture]:
    """Return all pictures of a collection, in the order of their ids."""
    sql = f"select id, coalesce(file, id) from {quote_identifier(table_of(collection))}"
    return [Picture(*row) for row in db.execute(f"{sql} order by id").fetchall()]


def table_of(collection: Collection) -> str:
    """Return the items table of a collection.

    :raises UnknownCollection: it has none
    """
    if collection.items_table is None:
        raise UnknownCollection(
            f"The collection '{collection.name}' has no pictures embedded by llm-glam."
        )
    return collection.items_table


def _finder(options: JoinOptions) -> Finder:
    if options.key_regex is None:
        return matching.match
    try:
        pattern = re.compile(options.key_regex)
    except re.error as error:
        raise BadRecords(
            f"--key-regex '{options.key_regex}' is not a regular expression: {error}."
        ) from error
    return partial(matching.match_by_pattern, pattern)


def _best_key(
    path: Path,
    rows: Mapping[int, Row],
    headings: Sequence[str],
    pictures: Sequence[Picture],
    find: Finder,
) -> str:
    columns = {h: [key_of(row, h) for row in rows.values()] for h in headings}
    found = matching.best_column(pictures, columns, find)
    if found is None:
        raise BadRecords(
            f"No column of {path} has names or numbers of pictures (pictures here have names such "
            f"as {pictures[0].file if pictures else 'none'}; it has: {', '.join(headings)}). Give "
            "the column with --key COLUMN; if the names of the pictures have the number within "
            "other text, find it with --key-regex."
        )
    return found


def _checked_column(path: Path, name: str, headings: Sequence[str]) -> str:
    """Return the heading that a person means, whatever its upper and lower case."""
    alike = [h for h in headings if h == name] or [
        h for h in headings if h.strip().lower() == name.strip().lower()
    ]
    if len(alike) != 1:
        raise BadRecords(
            f"{path} has no column '{name}' (it has: {', '.join(headings)})."
        )
    return alike[0]


def _nothing_fits(
    path: Path,
    key: str,
    rows: Mapping[int, Row],
    pictures: Sequence[Picture],
    collection: Collection,
) -> str:
    values = [key_of(row, key) for row in list(rows.values())[:EXAMPLES]]
    names = [picture.file for picture in pictures[:EXAMPLES]]
    return (
        f"None of the {len(rows):,} rows of {path} matches a picture of '{collection.name}': "
        f"the column '{key}' has {', '.join(values)}, and pictures have names such as "
        f"{', '.join(names) or '(there are none)'}. Give another column with --key, or find the "
        "number in the names of the pictures with --key-regex."
    )
