"""Options that several commands share, spelled as LLM spells them."""

import math
from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from ..db import collections
from ..errors import UnknownCollection
from ..images import decoding
from ..models import engine_choice

F = TypeVar("F", bound=Callable[..., Any])
Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]
FOR_WORDS = 'Template for text queries, such as "a photograph of {}"'


class Finite(click.types.FloatParamType):
    """A number; Python reads 'nan' and 'inf' as numbers too."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The number as it was typed."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"'{value}' is not a finite number.", param, ctx)
        return number


class FiniteRange(click.FloatRange, Finite):
    """A number between two others."""


def _remember(
    ctx: click.Context, parameter: click.Parameter, value: str | None
) -> Path:
    path = Path(value) if value else collections.default_path()
    ctx.meta["llm_glam.database"] = path
    return path


def database_option(function: F) -> F:
    """``-d/--database``, LLM's embeddings database where it is not given."""
    return click.option(
        "-d",
        "--database",
        type=click.Path(dir_okay=False),
        envvar="LLM_EMBEDDINGS_DB",
        callback=_remember,
        help="Path to the embeddings database",
    )(function)


def device_option(function: F) -> F:
    """``--device``, the best there is where it is not given."""
    return click.option(
        "--device",
        envvar=engine_choice.DEVICE,
        metavar="cpu|cuda|cuda:1|mps",
        help="Device to run the model on [default: a GPU if available]",
    )(function)


def prompt_option(said: str = FOR_WORDS) -> Callable[[F], F]:
    """``--prompt``: a sentence for what is asked for, which stands where ``{}`` is.

    :param said: the help
    """
    return click.option(
        "--prompt", default="{}", metavar="TEXT", callback=_with_a_place, help=said
    )


def _with_a_place(ctx: click.Context, parameter: click.Parameter, value: str) -> str:
    """Refuse a sentence that would be the same whatever is asked for."""
    if "{}" not in value:
        raise click.BadParameter(
            f"'{value}' has no {{}} placeholder for the text; add one, as in "
            '"a photograph of {}".'
        )
    return value


def private_option(function: F) -> F:
    """``--allow-private``: addresses of this computer and of private networks too."""
    return click.option(
        "--allow-private",
        is_flag=True,
        help="Also fetch URLs on this computer and on private networks",
    )(function)


def reading_options(function: F) -> F:
    """How pictures are read: thumbnails, workers, and the pixel limit."""
    options = (
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
    for option in reversed(options):
        function = option(function)
    return function


def check_exists(database: Path) -> None:
    """Refuse to make an empty database where one is to be read.

    :raises UnknownCollection: there is no such file
    """
    if not database.is_file():
        raise UnknownCollection(
            f"Database {database} does not exist; use -d to give another path."
        )


def collected(kind: type[Any], name: str, *options: Decorator) -> Decorator:
    """Give a command options, which it gets as one object.

    :param kind: a dataclass whose fields have the options' names
    :param name: of the command's argument for it
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def given(**values: Any) -> Any:
            own = {field.name: values.pop(field.name) for field in fields(kind)}
            return command(**{name: kind(**own)}, **values)

        made: Callable[..., Any] = given
        for option in reversed(options):
            made = option(made)
        return made

    return decorate
