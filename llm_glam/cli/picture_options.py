"""Options of commands that read and embed pictures."""

from dataclasses import dataclass

import click

from ..images import decoding
from ..ingest.pipeline import BATCH_SIZE, IngestOptions
from ..ingest.prefetch import WORKERS, ReadOptions
from .options import collected


@dataclass(frozen=True)
class PictureOptions:
    """How to read and commit pictures, as given on the command line."""

    no_thumbnails: bool
    thumbnail_size: int
    workers: int | None
    batch_size: int | None
    max_megapixels: float

    def ingest_options(
        self,
        keep_raw: bool = False,
        retry_problems: bool = False,
        prune: bool = False,
        *,
        embedded: bool = False,
        gps: bool = False,
    ) -> IngestOptions:
        """Return the options of a run.

        The parameters are described in :class:`ReadOptions` and :class:`IngestOptions`.
        """
        read_options = ReadOptions(
            self.workers or WORKERS,
            None if self.no_thumbnails else self.thumbnail_size,
            self.max_megapixels,
            keep_raw,
            embedded=embedded,
            gps=gps,
        )
        size = self.batch_size or BATCH_SIZE
        return IngestOptions(read_options, size, retry_problems, prune)


picture_options = collected(
    PictureOptions,
    "pictures",
    click.option("--no-thumbnails", is_flag=True, help="Do not store thumbnails"),
    click.option(
        "--thumbnail-size",
        type=click.IntRange(16, 1024),
        default=decoding.THUMBNAIL_SIZE,
        show_default=True,
        help="Short side of thumbnails, in pixels",
    ),
    click.option(
        "--workers",
        type=click.IntRange(1, 64),
        help="Number of decoding threads [default: based on CPU cores]",
    ),
    click.option(
        "--batch-size",
        type=click.IntRange(1, 10_000),
        help="Number of pictures to commit at a time",
    ),
    click.option(
        "--max-megapixels",
        type=click.IntRange(1, 100_000),
        default=decoding.MAX_MEGAPIXELS,
        show_default=True,
        help="Skip pictures with more megapixels than this",
    ),
)
