"""Make LLM's embedding commands handle our models and collections.

LLM has no hook for what these commands do, so their callbacks are wrapped. The wrapper checks
whether the command is about one of our models or collections; if not, it calls LLM's callback
unchanged. With ``LLM_GLAM_WRAP=0``, LLM's commands are not wrapped.
"""

import os
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
import llm
from click.core import ParameterSource

from ..cli.output import any_text_printable
from ..db.connection import existing_uri, explained, primary_code
from ..errors import ModelConflict
from ..models import embedding_model, registry

Callback = Callable[..., Any]

HELP = """
    With a glam-clip model (from the llm-glam plugin), --files embeds pictures, with or without
    --binary. Bad files are reported and skipped, and unchanged files are not read again.
"""


def install(cli: click.Group) -> None:
    """Wrap LLM's embedding commands, unless ``LLM_GLAM_WRAP=0``."""
    if os.environ.get("LLM_GLAM_WRAP") == "0":
        return
    embed_multi = cli.commands["embed-multi"]
    _wrap(embed_multi, "embed_multi")
    _wrap(cli.commands["embed"], "embed")
    _wrap(cli.commands["similar"], "similar")
    collections = cli.commands["collections"]
    if isinstance(collections, click.Group):
        _wrap(collections.commands["delete"], "collections_delete")
    embed_multi.help = f"{embed_multi.help}\n{HELP}"
    _accept_expanded_patterns(embed_multi)


def _wrap(command: click.Command, name: str) -> None:
    original = command.callback
    assert original is not None

    def callback(**options: Any) -> Any:
        path = Path(options.get("database") or llm.user_dir() / "embeddings.db")
        with explained(lambda: path):
            model_id = _model_in_use(path, options)
        if model_id is None:
            return original(**options)
        from . import overrides

        function: Callback = getattr(overrides, name)
        with explained(lambda: path), any_text_printable():
            return function(original, path, model_id, options)

    callback.__doc__ = original.__doc__
    command.callback = callback


def _model_in_use(path: Path, options: dict[str, Any]) -> str | None:
    """Return the id of our model if the command is about one, else None.

    :raises ModelConflict: the ``-m`` on the command line is not the existing collection's model
    :raises UnknownCheckpoint: ``-m`` names a glam-clip checkpoint that is not registered
    """
    existing = model_of(path, options.get("collection"))
    if "model" not in options:
        return existing if existing and registry.is_ours(existing) else None
    if existing is None:
        return _ours_or_none(options["model"] or llm.get_default_embedding_model())
    if _is_typed("model"):
        _check_typed(options["collection"], existing, options["model"])
    return existing if registry.is_ours(existing) else None


def model_of(path: Path, collection: str | None) -> str | None:
    """Return the model of an existing collection, or None.

    Creates nothing and imports nothing heavy, since it runs before every command.

    :raises sqlite3.DatabaseError: the file is not a database, or is damaged
    """
    if not collection or not path.is_file() or path.stat().st_size == 0:
        return None
    connection = sqlite3.connect(existing_uri(path), uri=True)
    try:
        sql = "select model from collections where name = ?"
        row = connection.execute(sql, [collection]).fetchone()
    except sqlite3.OperationalError as error:
        if primary_code(error) == sqlite3.SQLITE_ERROR:  # no such table
            return None
        raise
    finally:
        connection.close()
    return row[0] if row else None


def _check_typed(collection: str, existing: str, typed: str) -> None:
    wanted = _ours_or_none(typed)
    is_other = wanted != existing if wanted else registry.is_ours(existing)
    if is_other:
        from ..db.collection import Collection
        from ..ingest.open_collection import conflict

        raise ModelConflict(
            conflict(Collection(0, collection, existing), wanted or typed)
        )


def _ours_or_none(model: str | None) -> str | None:
    """Return the full id of one of our models, given its id or an alias; None for any other.

    :raises UnknownCheckpoint: it names a glam-clip checkpoint that is not registered
    """
    if not model:
        return None
    try:
        found = llm.get_embedding_model(model)
    except llm.UnknownModelError:
        if registry.is_ours(model):
            registry.get(registry.bare(model))
        return None
    return found.model_id if isinstance(found, embedding_model.GlamClip) else None


def _is_typed(name: str) -> bool:
    source = click.get_current_context().get_parameter_source(name)
    return source is ParameterSource.COMMANDLINE


def _accept_expanded_patterns(command: click.Command) -> None:
    """Make ``--files photos *.jpg`` work without quotes, or fail with a helpful message.

    Most shells replace a pattern without quotes with the names that match it in the current folder,
    so click sees one name and many surplus arguments.
    """
    original = command.parse_args

    def parse_args(context: click.Context, args: list[str]) -> list[str]:
        from . import shell_globs

        try:
            rest = original(context, list(args))
            is_odd = context.params.get("files") and context.params.get("input_path")
        except click.UsageError:
            again = _is_about_us(args) and shell_globs.repaired(args)
            if not again:
                raise
        else:
            again = is_odd and _is_about_us(args) and shell_globs.repaired(args)
        if not again:
            return rest
        context.params.clear()
        return original(context, again)

    command.parse_args = parse_args  # type: ignore[assignment, method-assign]


def _is_about_us(args: list[str]) -> bool:
    """Return whether a command line that click cannot parse is about one of our models."""
    for option, value in zip(args, args[1:], strict=False):
        if option in ("-m", "--model"):
            return _ours_or_none(value) is not None
    values = dict(zip(args, args[1:], strict=False))
    path = (
        values.get("-d")
        or values.get("--database")
        or os.environ.get("LLM_EMBEDDINGS_DB")
    )
    database = Path(path) if path else llm.user_dir() / "embeddings.db"
    with suppress(sqlite3.DatabaseError):
        models = (model_of(database, arg) for arg in args if not arg.startswith("-"))
        return any(model and registry.is_ours(model) for model in models)
    return False
