"""Options that several commands share, with the same names as in LLM."""

import math
from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from ..db import connection
from ..errors import UnknownCollection
from ..models import engine_choice

F = TypeVar("F", bound=Callable[..., Any])
Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]
PROMPT_HELP = 'Template for text queries, such as "a photograph of {}"'


class Finite(click.types.FloatParamType):
    """A finite number, unlike click's own type, which accepts 'nan' and 'inf'."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Convert a value from the command line, failing if it is not a finite number."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"'{value}' is not a finite number.", param, ctx)
        return number


class FiniteRange(click.FloatRange, Finite):
    """A finite number in a range."""


def _remember_database(
    ctx: click.Context, parameter: click.Parameter, value: str | None
) -> Path:
    """Note the path in the context too, for error messages about the database."""
    path = Path(value) if value else connection.default_path()
    ctx.meta["llm_glam.database"] = path
    return path


def database_option(function: F) -> F:
    """Add ``-d/--database`` to a command; its default is LLM's embeddings database."""
    return click.option(
        "-d",
        "--database",
        type=click.Path(dir_okay=False),
        envvar="LLM_EMBEDDINGS_DB",
        callback=_remember_database,
        help="Path to the embeddings database",
    )(function)


def device_option(function: F) -> F:
    """Add ``--device`` to a command; by default the best device is used."""
    return click.option(
        "--device",
        envvar=engine_choice.DEVICE,
        metavar="cpu|cuda|cuda:1|mps",
        help="Device to run the model on [default: a GPU if available]",
    )(function)


def prompt_option(help_text: str = PROMPT_HELP) -> Callable[[F], F]:
    """Return a decorator that adds ``--prompt``, a template with ``{}`` for the text."""
    return click.option(
        "--prompt",
        default="{}",
        metavar="TEXT",
        callback=_check_placeholder,
        help=help_text,
    )


def _check_placeholder(
    ctx: click.Context, parameter: click.Parameter, value: str
) -> str:
    """Refuse a template without a placeholder, which would be the same for every text."""
    if "{}" not in value:
        raise click.BadParameter(
            f"'{value}' has no {{}} placeholder for the text; add one, as in "
            '"a photograph of {}".'
        )
    return value


def rights_option(function: F) -> F:
    """Add ``--rights``, which selects pictures by what their rights allow."""
    return click.option(
        "--rights",
        type=click.Choice(["open"]),
        help="Only pictures in the public domain or under CC0, CC BY or CC BY-SA",
    )(function)


def except_option(function: F) -> F:
    """Add ``--except``, the contrary of ``--filter``."""
    return click.option(
        "--except",
        "exceptions",
        metavar="COLUMN=VALUE",
        multiple=True,
        help="No pictures whose record matches, written like --filter; those without a value stay",
    )(function)


def condition_options(function: F) -> F:
    """Add the options that narrow a command down by the records.

    They are ``--filter``, ``--except``, ``--words`` and ``--where``.
    """
    options = (
        click.option(
            "--filter",
            "filters_",
            metavar="COLUMN=VALUE",
            multiple=True,
            help="Only pictures whose record matches; also COLUMN__gte=VALUE and so on, as in "
            "Datasette",
        ),
        except_option,
        click.option("--words", help="Only pictures whose record contains these words"),
        click.option(
            "--where",
            metavar="SQL",
            multiple=True,
            help="Only pictures whose record matches this SQL condition",
        ),
    )
    return stacked(function, options)


def private_option(function: F) -> F:
    """Add ``--allow-private``, which permits URLs on this computer and private networks."""
    return click.option(
        "--allow-private",
        is_flag=True,
        help="Also fetch URLs on this computer and on private networks",
    )(function)


def check_exists(database: Path) -> None:
    """Check that a database to read exists, since opening it could create an empty one.

    :raises UnknownCollection: there is no such file
    """
    if not database.is_file():
        raise UnknownCollection(
            f"Database {database} does not exist; use -d to give another path."
        )


def stacked(function: F, options: Sequence[Decorator]) -> F:
    """Add options to a command, whose help lists them in this order."""
    decorated: Any = function
    for option in reversed(options):
        decorated = option(decorated)
    found: F = decorated
    return found


def collected(kind: type[Any], name: str, *options: Decorator) -> Decorator:
    """Return a decorator that adds options to a command and passes them as one object.

    :param kind: a dataclass whose fields have the names of the options
    :param name: the name of the command's parameter for the object
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def with_object(**values: Any) -> Any:
            own = {field.name: values.pop(field.name) for field in fields(kind)}
            return command(**{name: kind(**own)}, **values)

        decorated: Callable[..., Any] = with_object
        return stacked(decorated, options)

    return decorate
