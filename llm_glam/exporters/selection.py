"""Select the pictures and the columns of an export; what is private or sensitive stays out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from sqlite_utils import Database
from sqlite_utils.db import quote_identifier

from ..db import embeddings, filters, folders, items
from ..db.collection import Collection
from ..db.filters import Conditions
from ..db.sensitive import SHOWABLE
from ..errors import CannotExport
from ..formats.tables import Row
from ..progress import NoProgress, Progress
from . import columns
from .columns import Column


@dataclass(frozen=True)
class ExportOptions:
    """What to export, and how.

    ``conditions`` limit the pictures. ``private`` names private columns to export, and
    ``sensitive`` includes sensitive pictures; both stay out otherwise. ``all_columns`` adds the
    technical columns. ``replace`` overwrites what was exported before.

    Of an image folder: ``label`` is the column whose values become folders, ``thumbnails`` stand
    in for files that are not on this computer, ``with_metadata`` copies files with all that is
    embedded in them, and ``hard_links`` saves the space of such copies.

    Of formats that link to the pictures: ``base_url`` is where they are published, each at its id.
    ``provider`` with its website ``provider_url`` is who publishes them, and ``license`` is that
    of the vectors.
    """

    conditions: Conditions = Conditions()
    private: Sequence[str] = ()
    sensitive: bool = False
    all_columns: bool = False
    replace: bool = False
    label: str | None = None
    thumbnails: bool = False
    with_metadata: bool = False
    hard_links: bool = False
    base_url: str | None = None
    provider: str | None = None
    provider_url: str | None = None
    license: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What was written: how many pictures, and remarks for people."""

    pictures: int
    remarks: Sequence[str] = ()


@dataclass(frozen=True)
class Selection:
    """The pictures to export, by id, and the columns of their records.

    ``private`` and ``undecided`` have the headings of columns that are left out, ``sensitive`` is
    how many pictures are.
    """

    db: Database
    collection: Collection
    table: str
    ids: Sequence[str]
    columns: Sequence[Column]
    private: Sequence[str]
    undecided: Sequence[str]
    sensitive: int
    options: ExportOptions
    progress: Progress

    @property
    def headings(self) -> list[str]:
        """The headings of the columns, each of which is there once."""
        return [column.heading for column in self.columns]

    @cached_property
    def folders(self) -> dict[int, str]:
        """The paths of the folders of the pictures, by their ids."""
        paths = folders.ids_by_path(self.db, self.table)
        return {folder_id: path for path, folder_id in paths.items()}

    def thumbnail(self, item_id: str) -> bytes | None:
        """Return the thumbnail of a picture, a JPEG, or None if there is none."""
        sql = "select content from glam_thumbnails where items_table = ? and id = ?"
        row = self.db.execute(sql, [self.table, item_id]).fetchone()
        return row and row[0]

    def rows(self) -> Iterator[Row]:
        """Yield the rows of the pictures, in the order of their ids, and report progress.

        A row has the columns to export and the technical ones.
        """
        names = dict.fromkeys(
            [*(column.name for column in self.columns), *items.IMAGE_COLUMNS]
        )
        selected = ", ".join(map(quote_identifier, names))
        self.progress.begin(len(self.ids))
        for chunk in embeddings.chunks(self.ids):
            found = items.fetch(self.db, self.table, chunk, selected)
            for item_id in chunk:
                if item_id in found:
                    yield found[item_id]
                self.progress.advance(1)


def select(
    db: Database,
    collection: Collection,
    options: ExportOptions,
    progress: Progress | None = None,
) -> Selection:
    """Select the pictures of a collection that fulfil the conditions, and their columns.

    :raises BadFilter: a condition is not valid
    :raises CannotExport: there is no such picture
    """
    table = collection.items_table
    if table is None or not items.is_items_table(db, table):
        raise CannotExport(
            f"The collection '{collection.name}' has no pictures with records to export. Embed "
            "its pictures with llm glam embed first."
        )
    has_vector = embeddings.WITH_VECTOR.format(collection_id=int(collection.id))
    wanted = options.conditions
    every = replace(wanted, where=(*wanted.where, has_vector))
    found = filters.ids(db, collection, every)
    shown = found
    if not options.sensitive:
        showable = replace(every, where=(*every.where, SHOWABLE))
        shown = filters.ids(db, collection, showable)
    if not shown:
        raise CannotExport(_nothing(collection, len(found)))
    chosen = columns.choose(
        db,
        table,
        private=options.private,
        is_sensitive=options.sensitive,
        all_columns=options.all_columns,
    )
    return Selection(
        db,
        collection,
        table,
        sorted(shown),
        chosen.shown,
        chosen.private,
        chosen.undecided,
        len(found) - len(shown),
        options,
        progress or NoProgress(),
    )


def counted(count: int, what: str) -> str:
    """Return a number of things for a sentence, ``1 picture`` or ``2,000 pictures``."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _nothing(collection: Collection, sensitive: int) -> str:
    if sensitive:
        return (
            f"Nothing was written: what matches, {counted(sensitive, 'picture')}, is marked as "
            "sensitive. Add --sensitive to export it."
        )
    return (
        f"No picture in the collection '{collection.name}' matches, so nothing was "
        "written."
    )
