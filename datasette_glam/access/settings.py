"""The site's settings in Datasette's configuration, under ``plugins: datasette-glam``."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from datasette.utils import StartupError

PLUGIN = "datasette-glam"
PRIVATE = "private_columns"
YES, NO = (True,), (False, None)


@dataclass(frozen=True)
class Settings:
    """What visitors of the site may see.

    ``public`` is for sites that others can reach: of a database with collections, tables, SQL and
    downloads are closed, and sensitive pictures are absent. ``open_data`` opens its tables and SQL,
    ``show_sensitive`` shows sensitive pictures to those who ask for them, and ``collections`` are
    the names of those that have pages; None is all of them.
    """

    public: bool = False
    open_data: bool = False
    show_sensitive: bool = False
    collections: tuple[str, ...] | None = None

    def has_pages(self, collection: str) -> bool:
        """Return whether a collection has pages on the site."""
        return self.collections is None or collection in self.collections

    @property
    def may_show_sensitive(self) -> bool:
        """Whether visitors may ask for sensitive pictures."""
        return self.show_sensitive or not self.public


def config_of(datasette: Any, **place: Any) -> dict[str, Any]:
    """Return all that the configuration says to this plugin.

    :param place: the database, and the table, if not the whole site; see ``plugin_config``
    """
    return datasette.plugin_config(PLUGIN, **place) or {}


def of(datasette: Any) -> Settings:
    """Return the settings of a Datasette instance."""
    config = config_of(datasette)
    only = config.get("collections")
    return Settings(
        # Of a value that is neither true nor false, what shows less.
        public=config.get("public") not in NO,
        open_data=config.get("open_data") in YES,
        show_sensitive=config.get("show_sensitive") in YES,
        collections=None if only is None else tuple(map(str, only)),
    )


def check(datasette: Any) -> None:
    """Check the settings that open and close the site.

    :raises StartupError: one is neither true nor false, such as the text "off"
    """
    config = config_of(datasette)
    for name in ("public", "open_data", "show_sensitive"):
        if (value := config.get(name)) not in (*YES, *NO):
            raise StartupError(
                f"{name} in the settings of datasette-glam is {value!r}; it must be true or false."
            )


def private_columns(datasette: Any, database: str, table: str) -> list[str]:
    """Return the columns of an items table that the configuration calls private.

    ``private_columns`` is a list of names or headings, or one for each items table. It may stand
    in the configuration of the plugin, and in that of the plugin for a database or a table.
    """
    places: Iterable[dict[str, str]] = (
        *({}, {"database": database}),
        {"database": database, "table": table},
    )
    found: dict[str, None] = {}
    for place in places:
        config = config_of(datasette, **place)
        found |= dict.fromkeys(_names(config.get(PRIVATE), table))
    return list(found)


def _names(value: Any, table: str) -> list[str]:
    if isinstance(value, dict):
        by_table = {str(name).lower(): names for name, names in value.items()}
        value = by_table.get(table.lower())
    if isinstance(value, str):
        value = [value]
    return [str(name) for name in value or []]
