"""Read pairs from a table in a file: a picture's path and captions in each row."""

import os
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ... import platforms
from ...db.sensitive import is_marked
from ...errors import BadPairs, ProblemKind
from ...formats import tables
from ...formats.tables import Row
from ...images import decoding, files, metadata_files, page_items
from ...images.files import FileNames, PictureFile
from ...records import beside
from . import columns, pairs
from .columns import CaptionSource, Header
from .pairs import Origin, Pair, Pairs

LONGEST_SHOWN = 100
ADDRESSES = ("http://", "https://", "//", "data:", "ftp://", "s3://", "file:")


@dataclass(frozen=True)
class Columns:
    """The columns of pictures and captions, None to guess them, and the one to group by."""

    image: str | None = None
    caption: str | None = None
    template: str | None = None
    group_by: str | None = None


@dataclass(frozen=True)
class _Outside:
    """The folder of an existing picture that is in none of the allowed folders."""

    folder: Path
    is_link: bool


@dataclass
class _Table:
    """A table while it is being read; ``folders`` may contain its pictures, its own is first."""

    folders: list[Path]
    image: str
    captions: CaptionSource
    refused: list[tuple[str, str | _Outside]] = field(default_factory=list)
    sensitive: int = 0
    parents: dict[Path, Path] = field(default_factory=dict)
    names: FileNames = field(default_factory=FileNames)
    located: dict[str, PictureFile | str | _Outside] = field(default_factory=dict)

    def reasons(self) -> list[tuple[str, str]]:
        """Return what was refused, with one folder to allow for as many rows as possible."""
        outside = [why.folder for _, why in self.refused if isinstance(why, _Outside)]
        common = _common(outside, self.folders[0])
        return [
            (name, _why_outside(why, common) if isinstance(why, _Outside) else why)
            for name, why in self.refused
        ]


def read(
    data: str | Path,
    requested: Columns | None = None,
    *,
    images: Sequence[str | Path] = (),
    sensitive: bool = False,
) -> Pairs:
    """Return the pairs in a table, or in a folder with a metadata file.

    Pictures are in the file's folder, or in one of ``images``. Relative paths are looked for in
    the file's folder first, then in these. What cannot be used is in ``refused``.

    :param images: more folders that may contain the pictures
    :param sensitive: whether to include rows whose column ``sensitive`` says yes
    :raises BadFolder: one of ``images`` is not a folder
    :raises BadRecords: the file cannot be read
    :raises BadPairs: there is no such file or column, a row with more cells than columns, or
        nothing that can be used
    :raises BadTemplate: the template is invalid
    """
    requested = requested or Columns()
    path = _file(Path(data).expanduser())
    folders = [path.parent.resolve(), *map(files.checked_folder, images)]
    rows, remarks = _rows(path, requested.image)
    names = list(dict.fromkeys(column for row in rows for column in row))
    is_json = path.suffix.lower() in tables.JSON
    there = Header(names, path.name, is_first_line=not is_json)
    image = columns.chosen(
        requested.image, columns.IMAGE_COLUMNS, there, "--image-column"
    )
    by = [columns.checked(requested.group_by, there)] if requested.group_by else []
    captions = columns.caption_source(
        requested.caption, requested.template, there, "--caption-column"
    )
    table = _Table(list(dict.fromkeys(folders)), image, captions)
    found, unreadable = pairs.identified(list(_pairs(table, rows, sensitive)))
    gathered = pairs.gathered(
        found,
        [*table.reasons(), *unreadable],
        Origin(
            path.name, f"pictures from the column '{image}', captions {captions.words}"
        ),
        why_silent=captions.why_none,
        group_by=by,
        sensitive=table.sensitive,
    )
    return replace(gathered, remarks=[*remarks, *gathered.remarks])


def _rows(path: Path, image: str | None) -> tuple[list[Row], list[str]]:
    """Return the rows of a table that are not blank, and remarks on what was read of the file."""
    wanted = (image,) if image else columns.IMAGE_COLUMNS
    notes = tables.Notes(key=[name.strip().lower() for name in wanted])
    rows = [row for row in tables.read(path, notes) if not tables.is_blank(row)]
    if notes.surplus.rows:
        raise BadPairs(f"{path}: {notes.surplus}.")
    if not rows:
        raise BadPairs(f"There are no rows in {path}.")
    return rows, [f"{path.name}: {remark}" for remark in notes.remarks]


def _file(path: Path) -> Path:
    if path.is_file():
        return path
    if not path.is_dir():
        raise BadPairs(f"There is no file or folder {path}.")
    if found := metadata_files.in_folder(path):
        return found[0]
    others = sorted(
        p.name
        for p in path.iterdir()
        if p.suffix.lower() in tables.READERS and not platforms.is_hidden(p.name)
    )
    there = f" (found: {', '.join(others[:5])})" if others else ""
    raise BadPairs(
        f"{path} has none of {', '.join(metadata_files.METADATA_NAMES)}. Give the table itself{there}."
    )


def _pairs(table: _Table, rows: list[Row], sensitive: bool) -> Iterator[Pair]:
    marked = [] if sensitive else [_file_of(table, r) for r in rows if is_marked(r)]
    hidden = {file.path for file in marked if isinstance(file, PictureFile)}
    for number, row in enumerate(rows, 1):
        file = _file_of(table, row)
        is_hidden = isinstance(file, PictureFile) and file.path in hidden
        if not sensitive and (is_hidden or is_marked(row)):
            table.sensitive += 1
        elif isinstance(file, PictureFile):
            yield Pair(file.id, table.captions.of(row), row, file)
        else:
            name = _name(row.get(table.image))
            table.refused.append((_shown(name) or f"row {number}", file))


def _file_of(table: _Table, row: Row) -> PictureFile | str | _Outside:
    """Return the picture that a row names, or the reason why it cannot be used."""
    value = row.get(table.image)
    if isinstance(value, dict | list):
        return f"its {table.image} is not text"
    name = _name(value)
    if name not in table.located:
        table.located[name] = _located(table, name)
    return table.located[name]


def _name(value: Any) -> str:
    is_text = value is not None and not isinstance(value, dict | list)
    return str(value).strip().replace("\\", "/") if is_text else ""


def _located(table: _Table, name: str) -> PictureFile | str | _Outside:
    """Return the file with this name in an allowed folder, or the reason why there is none."""
    if not name:
        return "it does not name a picture"
    if name.lower().startswith(ADDRESSES):
        return "it is an address; download the picture into the folder of the table"
    if "\0" in name or _shown(name) != name[:LONGEST_SHOWN]:
        return "its name is not valid text"
    if beside.DRIVE.match(name) and not Path(name).is_absolute():
        return (
            "it is on a Windows drive; write its path relative to the folder of the table, or to "
            "one given with --images"
        )
    try:
        found = _found(table, Path(name))
        if len(found) > 1:
            alike = " and ".join(path.name for path in found)
            return (
                f"there is no such file; {alike} differ from it in upper and lower case"
            )
        if found:
            return _allowed(table, found[0])
        return _page(table, name) or _missing(table, name)
    except OSError as error:  # a name that is too long
        return f"it cannot be read ({platforms.reason(error)})"


def _found(table: _Table, name: Path) -> list[Path]:
    """Return what a name can mean: the file of that name, or those that are spelled alike.

    Folders outside the allowed ones are not searched for names that are spelled alike.
    """
    exact = (folder / name for folder in table.folders)
    path = next((one for one in exact if one.is_symlink() or one.exists()), None)
    if path or ".." in name.parts:
        return [path] if path else []
    if name.is_absolute():
        inner = [
            (f, name.relative_to(f)) for f in table.folders if name.is_relative_to(f)
        ]
    else:
        inner = [(folder, name) for folder in table.folders]
    alike = (table.names.find(folder, one) for folder, one in inner)
    return next(filter(None, alike), [])


def _page(table: _Table, name: str) -> PictureFile | str | _Outside | None:
    """Return the page of a TIFF that ``name.tif#2`` means, or None if there is no such page."""
    file_name, page = page_items.split(name)
    found = _found(table, Path(file_name)) if page > 1 else []
    file = _allowed(table, found[0]) if len(found) == 1 else None
    if isinstance(file, _Outside):
        return file
    if not isinstance(file, PictureFile) or page not in decoding.other_pages(file.path):
        return None
    return replace(file, id=page_items.id_of(file.id, page), page=page)


def _missing(table: _Table, name: str) -> str:
    if any(platforms.stub_of(one / name).exists() for one in table.folders):
        return platforms.IN_CLOUD
    if Path(name).is_absolute():
        return "there is no such file"
    if len(table.folders) > 1:
        return "there is no such file in the folder of the table or those of --images"
    return (
        "there is no such file in the folder of the table; if it is in another, use --images "
        "FOLDER"
    )


def _allowed(table: _Table, path: Path) -> PictureFile | str | _Outside:
    """Return the file at a path that exists, if it is in an allowed folder, links followed."""
    if path.parent not in table.parents:
        table.parents[path.parent] = path.parent.resolve()
    path = table.parents[path.parent] / path.name
    root = _root(table, path)
    if root is None:
        return _Outside(path.parent, is_link=False)
    refusal = files.why_refused(path, root, {path.parent: True})
    if refusal and refusal[1] is ProblemKind.BAD_LINK and path.exists():
        path = path.resolve()  # perhaps into another of the folders
        if _root(table, path) is None:
            return _Outside(path.parent, is_link=True)
    elif refusal:
        return refusal[0]
    if not path.is_file():
        return "it is not a file"
    is_own = path.is_relative_to(table.folders[0])
    inner = path.relative_to(table.folders[0]) if is_own else path
    file = files.file_at(path, inner.as_posix())
    return platforms.IN_CLOUD if file.is_in_cloud else file


def _root(table: _Table, path: Path) -> Path | None:
    """Return the allowed folder that contains a path whose folder is resolved."""
    return next((one for one in table.folders if path.is_relative_to(one)), None)


def _common(folders: Iterable[Path], own: Path) -> Path | None:
    """Return the folder that contains all of these; None if it contains the table's own too."""
    try:
        common = Path(os.path.commonpath(list(folders)))
    except ValueError:  # there are none, or they are on several drives
        return None
    return None if own.is_relative_to(common) else common


def _why_outside(why: _Outside, common: Path | None) -> str:
    link = "a link that points " if why.is_link else ""
    return (
        f"it is {link}outside the folder of the table; to allow it, use --images "
        f"{shlex.quote(str(common or why.folder))}"
    )


def _shown(name: str) -> str:
    return name[:LONGEST_SHOWN].encode("utf-8", "backslashreplace").decode()
