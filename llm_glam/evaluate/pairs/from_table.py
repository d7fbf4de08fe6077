"""Read pairs from a table in a file: a picture's path and captions in each row."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from ...db.sensitive import is_yes
from ...errors import BadPairs
from ...formats import tables
from ...formats.tables import Row
from ...images import files
from ...images.files import METADATA_NAMES, FileNames, PictureFile
from ...ingest import records
from . import columns, pairs
from .columns import CaptionSource, Header
from .pairs import Origin, Pair, Pairs

LONGEST_SHOWN = 100
SENSITIVE = "sensitive"
ADDRESSES = ("http://", "https://", "//", "data:", "ftp://", "s3://", "file:")


@dataclass(frozen=True)
class Columns:
    """The columns of pictures and captions, None to guess them, and the one to group by."""

    image: str | None = None
    caption: str | None = None
    template: str | None = None
    group_by: str | None = None


@dataclass
class _Table:
    """A table while it is being read."""

    folder: Path
    image: str
    captions: CaptionSource
    refused: list[tuple[str, str]] = field(default_factory=list)
    sensitive: int = 0
    inside: dict[Path, bool] = field(default_factory=dict)
    located: dict[str, PictureFile | str] = field(default_factory=dict)
    names: FileNames = field(default_factory=FileNames)


def read(
    data: str | Path, requested: Columns | None = None, *, sensitive: bool = False
) -> Pairs:
    """Return the pairs in a CSV, TSV, JSON, JSONL or XLSX file, or in a folder with such metadata.

    Paths are relative to the file's folder, which contains the pictures. What cannot be used is
    in ``refused``.

    :param sensitive: whether to include rows whose column ``sensitive`` says yes
    :raises BadRecords: the file cannot be read
    :raises BadPairs: there is no such file or column, a row with more cells than columns, or
        nothing that can be used
    :raises BadTemplate: the template is invalid
    """
    requested = requested or Columns()
    path = _file(Path(data).expanduser())
    wanted = (requested.image,) if requested.image else columns.IMAGE_COLUMNS
    notes = tables.Notes(key=[name.strip().lower() for name in wanted])
    rows = [row for row in tables.read(path, notes) if not tables.is_blank(row)]
    if notes.surplus.rows:
        raise BadPairs(f"{path}: {notes.surplus}.")
    if not rows:
        raise BadPairs(f"There are no rows in {path}.")
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
    table = _Table(path.parent.resolve(), image, captions)
    found, unreadable = pairs.identified(list(_pairs(table, rows, sensitive)))
    gathered = pairs.gathered(
        found,
        [*table.refused, *unreadable],
        Origin(
            path.name, f"pictures from the column '{image}', captions {captions.words}"
        ),
        why_silent=captions.why_none,
        group_by=by,
        sensitive=table.sensitive,
    )
    said = [f"{path.name}: {remark}" for remark in notes.remarks]
    return replace(gathered, remarks=[*said, *gathered.remarks])


def _file(path: Path) -> Path:
    if path.is_file():
        return path
    if not path.is_dir():
        raise BadPairs(f"There is no file or folder {path}.")
    if found := files.metadata_in(path):
        return found[0]
    others = sorted(
        p.name for p in path.iterdir() if p.suffix.lower() in tables.READERS
    )
    there = f" (found: {', '.join(others[:5])})" if others else ""
    raise BadPairs(
        f"{path} has none of {', '.join(METADATA_NAMES)}. Give the table itself{there}."
    )


def _pairs(table: _Table, rows: list[Row], sensitive: bool) -> Iterator[Pair]:
    for number, row in enumerate(rows, 1):
        if not sensitive and _is_sensitive(row):
            table.sensitive += 1
            continue
        value = row.get(table.image)
        if isinstance(value, dict | list):
            table.refused.append((f"row {number}", f"its {table.image} is not text"))
            continue
        name = "" if value is None else str(value).strip().replace("\\", "/")
        if name not in table.located:
            table.located[name] = _located(table, name)
        file = table.located[name]
        if isinstance(file, str):
            table.refused.append((_shown(name) or f"row {number}", file))
        else:
            yield Pair(file.id, table.captions.of(row), row, file)


def _is_sensitive(row: Row) -> bool:
    cells = (v for k, v in row.items() if k.strip().lower() == SENSITIVE)
    return any(is_yes(cell) for cell in cells)


def _located(table: _Table, name: str) -> PictureFile | str:
    """Return the file with this name within the table's folder, or the reason why there is none."""
    if not name:
        return "it does not name a picture"
    if name.lower().startswith(ADDRESSES):
        return "it is an address; download the picture into the folder of the table"
    if "\0" in name or _shown(name) != name[:LONGEST_SHOWN]:
        return "its name is not valid text"
    inner = _within(table.folder, name)
    if inner is None:
        return "it is outside the folder of the table"
    try:
        found = table.names.find(table.folder, inner)
        if not found:
            return "there is no such file"
        if len(found) > 1:
            alike = " and ".join(path.name for path in found)
            return (
                f"there is no such file; {alike} differ from it in upper and lower case"
            )
        path = found[0]
        refusal = files.why_refused(path, table.folder, table.inside)
        if refusal:
            return refusal[0]
        if not path.is_file():
            return "it is not a file"
    except OSError as error:  # a name that is too long
        return f"it cannot be read ({error.strerror or error})"
    return files.file_at(path, path.relative_to(table.folder).as_posix())


def _within(folder: Path, name: str) -> Path | None:
    """Return the path relative to the folder; None if it leads outside it."""
    path = Path(name)
    if path.is_absolute():
        if not path.parent.resolve().is_relative_to(folder):
            return None
        path = (path.parent.resolve() / path.name).relative_to(folder)
    if ".." in path.parts or records.DRIVE.match(name) and not Path(name).is_absolute():
        return None
    return path


def _shown(name: str) -> str:
    return name[:LONGEST_SHOWN].encode("utf-8", "backslashreplace").decode()
