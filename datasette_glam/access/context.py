"""The context of a request: what a view may use once the gate has checked its actor."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Concatenate, ParamSpec, TypeVar

from datasette.utils import tilde_decode
from datasette.utils.asgi import Request
from sqlite_utils import Database

from llm_glam.db.collection import Collection

from .. import compat, items
from . import restrictions, settings

DEFAULTS = {"max_upload_mb": 20, "max_upload_megapixels": 100}

T = TypeVar("T")
P = ParamSpec("P")


@dataclass(frozen=True)
class SiteRequest:
    """A request for a page about the whole site.

    ``times`` has the seconds spent on each kind of work, for the header Server-Timing.
    """

    datasette: Any
    request: Request
    times: dict[str, float] = field(default_factory=dict, kw_only=True)

    @property
    def format(self) -> str:
        """The requested format, such as ``.json``; empty for the page itself."""
        return self.request.url_vars.get("format") or ""

    def url_name(self, variable: str) -> str:
        """Return a name from the URL, decoded, such as that of the item."""
        return str(tilde_decode(self.request.url_vars[variable]))

    async def timed(self, what: str, work: Awaitable[T]) -> T:
        """Wait for work and add the seconds it took to ``times[what]``."""
        started = time.monotonic()
        try:
            return await work
        finally:
            spent = time.monotonic() - started
            self.times[what] = self.times.get(what, 0) + spent

    def setting(self, name: str) -> float:
        """Return a number from the site's configuration."""
        config = settings.config_of(self.datasette)
        return float(config.get(name, DEFAULTS[name]))


@dataclass(frozen=True)
class DatabaseRequest(SiteRequest):
    """A request for a page about a database."""

    database: str
    db: Any

    def of_collection(self, collection: Collection, table: str) -> "CollectionRequest":
        """Return the same request, for one of the database's collections."""
        return CollectionRequest(
            self.datasette,
            self.request,
            self.database,
            self.db,
            collection,
            table,
            times=self.times,
        )


@dataclass(frozen=True)
class CollectionRequest(DatabaseRequest):
    """A request for a page about a collection; ``table`` is its items table."""

    collection: Collection
    table: str
    _names: list[str] = field(default_factory=list, kw_only=True, repr=False)

    async def read(
        self,
        function: Callable[Concatenate[Database, Collection, P], T],
        *args: P.args,
        **options: P.kwargs,
    ) -> T:
        """Call a function with the database and the collection, in one of Datasette's threads."""
        work: Awaitable[T] = self.db.execute_fn(
            lambda conn: function(wrapped(conn), self.collection, *args, **options)
        )
        return await self.timed("db", work)

    async def read_everything(
        self,
        function: Callable[Concatenate[Database, Collection, P], T],
        *args: P.args,
        **options: P.kwargs,
    ) -> T:
        """Call a function as :meth:`read` does, with what is hidden from SQL, too."""
        work = restrictions.read_everything(
            self.datasette,
            self.database,
            lambda conn: function(wrapped(conn), self.collection, *args, **options),
        )
        return await self.timed("db", work)

    @property
    def may_show_sensitive(self) -> bool:
        """Whether sensitive pictures are there for those who ask for them."""
        return settings.of(self.datasette).may_show_sensitive

    async def is_absent(self, item_id: str) -> bool:
        """Return whether there is no such picture, or none that this site may show.

        Visitors cannot tell the two apart.
        """
        return not await self.read(
            items.is_there, item_id, with_sensitive=self.may_show_sensitive
        )

    @property
    def hidden(self) -> frozenset[str]:
        """The columns of the items table that nobody may see on the site, in lower case."""
        found = restrictions.of(self.datasette, self.database).hidden
        return found.columns.get(self.table.lower(), frozenset())

    async def columns(self) -> list[str]:
        """Return the columns of the items table that may be seen; they are read once a request."""
        if not self._names:
            self._names[:] = await self.read(items.columns)
        hidden = self.hidden
        return [c for c in self._names if c.lower() not in hidden]

    @property
    def has_open_tables(self) -> bool:
        """Whether visitors may look at the tables of the database, permissions aside."""
        return not restrictions.is_closed(self.datasette, self.database)

    async def may_run_sql(self) -> bool:
        """Return whether the actor may run their own SQL on the database."""
        return await compat.may_run_sql(
            self.datasette, self.request.actor, self.database
        )

    async def table_config(self) -> dict[str, Any]:
        """Return Datasette's configuration of the items table."""
        return await compat.table_config(self.datasette, self.database, self.table)


def wrapped(connection: Any) -> Database:
    """Wrap a connection of Datasette's for our functions, without changing its settings."""
    return Database(connection, recursive_triggers=False, execute_plugins=False)
