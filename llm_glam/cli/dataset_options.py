"""Options of commands that read pictures with captions."""

from dataclasses import dataclass
from pathlib import Path

import click
from sqlite_utils import Database

from ..db import collections, connection
from ..db.filters import Conditions
from ..evaluate.pairs import from_collection, from_table, unusable_rows
from ..evaluate.pairs.from_table import Columns
from ..evaluate.pairs.pairs import Pairs
from ..models import registry
from ..models.engine_choice import EngineOptions
from ..records import open_pictures
from . import options as shared
from .options import F
from .output import say_on_stderr


@dataclass(frozen=True)
class Source:
    """The pictures and captions to read, as given on the command line."""

    data: str | None
    collection: str | None
    database: Path
    image_column: str | None
    images: tuple[Path, ...]
    caption_column: str | None
    caption_template: str | None
    group_by: str | None
    filters_: tuple[str, ...]
    exceptions: tuple[str, ...]
    where: tuple[str, ...]
    rights: str | None
    sensitive: bool

    @property
    def name(self) -> str:
        """The name of the file or of the collection."""
        return Path(self.data).name if self.data else str(self.collection)

    @property
    def is_narrowed(self) -> bool:
        """Whether only some of the pictures of a collection are meant."""
        return bool(self.filters_ or self.exceptions or self.where or self.rights)

    def read(self, *, from_files: bool, for_training: bool = False) -> Pairs:
        """Read the pairs, and report remarks about them on stderr.

        :param from_files: whether pictures of a collection need their files
        :param for_training: whether to leave out pictures of it that are marked for that
        :raises BadPairs: there are no pairs, or a column does not exist
        """
        found = self._read(from_files, for_training)
        for remark in found.remarks:
            say_on_stderr(remark)
        unusable_rows.report(found.refused, say_on_stderr)
        return found

    def model(self) -> str | None:
        """Return the model that the collection was made with; None for DATA.

        :raises CheckpointChanged: the checkpoint of this name has other weights now
        """
        self._check()
        if self.collection is None:
            return None
        found = collections.get(self._database(), self.collection)
        fingerprint = registry.get(registry.bare(found.model_id)).fingerprint
        if fingerprint:
            collections.check_fingerprint(found, fingerprint)
        return found.model_id

    def engine_options(self, device: str | None) -> EngineOptions:
        """Return engine options with the precision that the collection was made with."""
        precision = collections.get(self._database(), str(self.collection)).precision
        return EngineOptions(say_on_stderr, precision, device)

    def _read(self, from_files: bool, for_training: bool) -> Pairs:
        self._check()
        if self.collection is None:
            columns = Columns(
                self.image_column,
                self.caption_column,
                self.caption_template,
                self.group_by,
            )
            return from_table.read(
                *(str(self.data), columns),
                images=self.images,
                sensitive=self.sensitive,
            )
        db = self._database()
        opened = collections.get(db, self.collection)
        filters = self.filters_
        if self.rights:
            filters = (*filters, open_pictures.condition(db, opened))
        return from_collection.read(
            *(db, opened),
            caption=self.caption_column,
            template=self.caption_template,
            group_by=self.group_by,
            conditions=Conditions(filters, self.where, exceptions=self.exceptions),
            sensitive=self.sensitive,
            from_files=from_files,
            for_training=for_training,
        )

    def _database(self) -> Database:
        shared.check_exists(self.database)
        return connection.connect(self.database, readonly=True)

    def _check(self) -> None:
        if (self.data is None) == (self.collection is None):
            raise click.UsageError("Give either DATA or --collection.")
        if self.data is not None and (self.filters_ or self.exceptions or self.where):
            raise click.UsageError(
                "--filter, --except and --where can only be used with --collection."
            )
        if self.data is not None and self.rights:
            raise click.UsageError("--rights can only be used with --collection.")
        of_data = {"--image-column": self.image_column, "--images": self.images}
        for option in (name for name, value in of_data.items() if value):
            if self.collection is not None:
                raise click.UsageError(
                    f"{option} can only be used with DATA; leave it out for --collection."
                )
        if self.caption_column and self.caption_template:
            raise click.UsageError(
                "Give --caption-column or --caption-template, not both."
            )


data_argument = click.argument("data", required=False)

# A command with these also needs data_argument, record_options and shared.database_option: a Source
# is made from the options of all four.
pairs_options = shared.collected(
    Source,
    "source",
    click.option(
        "--collection", help="Use the pictures in this collection instead of DATA"
    ),
    click.option(
        "--caption-column",
        "--caption",
        "caption_column",
        metavar="COLUMN",
        help="Column containing captions",
    ),
    click.option(
        "--caption-template",
        metavar="TEXT",
        help='Build captions from columns, such as "{title}. {material}, {period}"',
    ),
    click.option(
        "--image-column",
        metavar="COLUMN",
        help="Column of DATA containing picture paths",
    ),
    click.option(
        "--images",
        type=click.Path(path_type=Path),
        metavar="FOLDER",
        multiple=True,
        help="Folder that may contain the pictures besides that of DATA; can be given several times",
    ),
    click.option(
        "--group-by",
        metavar="COLUMN",
        help="Group pictures with the same value, such as those of one object or project",
    ),
)


def record_options(function: F) -> F:
    """Add options that select pictures by their records, for commands with ``pairs_options``."""
    options = (
        click.option(
            "--filter",
            "filters_",
            metavar="COLUMN=VALUE",
            multiple=True,
            help="Only pictures in --collection whose record matches, as in llm glam search",
        ),
        shared.except_option,
        click.option(
            "--where",
            metavar="SQL",
            multiple=True,
            help="Only pictures in --collection whose record matches this SQL condition",
        ),
        shared.rights_option,
        click.option(
            "--sensitive", is_flag=True, help="Include pictures marked as sensitive"
        ),
    )
    return shared.stacked(function, options)
