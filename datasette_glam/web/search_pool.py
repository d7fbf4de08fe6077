"""Run the searches of many visitors: within limits, in threads, in batches, with cached vectors."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from llm_glam.db.collection import Collection
from llm_glam.search import exact
from llm_glam.search.exact import Hit, Query, Vector

from ..access import instance
from ..access.context import CollectionRequest, wrapped

AT_ONCE = 2  # queries that use the model
WAITING = 16  # queries that wait for it
CACHED = 1000  # vectors of words
MAX_BATCH = 32  # searches answered by one matrix product
BATCH_WINDOW_S = 0.05  # seconds for which a query waits for announced searches
POLL_S = 0.002

Key = tuple[str, Collection]


class Busy(Exception):
    """Too many queries are waiting for the model."""


class PendingQuery:
    """A query and the future of its result."""

    def __init__(self, query: Query) -> None:
        self.query = query
        self.answer: asyncio.Future[list[Hit]] = (
            asyncio.get_running_loop().create_future()
        )

    def succeed(self, hits: list[Hit]) -> None:
        """Set the result, unless the visitor has gone."""
        if not self.answer.done():
            self.answer.set_result(hits)

    def fail(self, error: Exception) -> None:
        """Set the error, unless the visitor has gone."""
        if not self.answer.done():
            self.answer.set_exception(error)


class SearchPool:
    """The searches of one Datasette instance.

    The model runs on ``AT_ONCE`` queries at once, ``WAITING`` more wait, and further ones are
    refused. The vectors of words are cached.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="glam-model")
        self._waiting = 0
        self._words: OrderedDict[tuple[str, str], Vector] = OrderedDict()
        self._pending: dict[Key, list[PendingQuery]] = {}
        self._expected: dict[int, Key] = {}
        self._answering: set[asyncio.Task[None]] = set()

    async def of_words(self, collection: Collection, words: str) -> Vector:
        """Return the vector of words.

        :raises Busy: too many queries are waiting
        :raises llm_glam.errors.GlamError: the checkpoint cannot be used here
        """
        key = (f"{collection.model_id} {collection.fingerprint}", words)
        if key not in self._words:
            self._words[key] = await self._run(
                lambda: exact.query_vector(collection, words, download=False)
            )
            while len(self._words) > CACHED:
                self._words.popitem(last=False)
        self._words.move_to_end(key)
        return self._words[key]

    async def of_picture(self, collection: Collection, content: bytes) -> Vector:
        """Return the vector of a picture's bytes; raises what :meth:`of_words` raises."""
        return await self._run(
            lambda: exact.query_vector(collection, content, download=False)
        )

    @contextmanager
    def expecting(self, page_request: CollectionRequest) -> Iterator[None]:
        """Announce a search: queries that come before it wait a moment to be answered with it."""
        self._expected[id(page_request)] = _key(page_request)
        try:
            yield
        finally:
            self._expected.pop(id(page_request), None)

    async def nearest(self, page_request: CollectionRequest, query: Query) -> list[Hit]:
        """Return the pictures nearest to a query.

        Queries that come during a search wait until it ends and are then answered together, by
        one matrix product.

        :param page_request: no longer expected, if it was announced by :meth:`expecting`
        """
        self._expected.pop(id(page_request), None)
        key = _key(page_request)
        pending = PendingQuery(query)
        if key in self._pending:
            self._pending[key].append(pending)
        else:
            self._pending[key] = [pending]
            task = asyncio.create_task(self._answer(page_request.db, key))
            self._answering.add(task)  # asyncio only has a weak reference to it
            task.add_done_callback(self._answering.discard)
        return await pending.answer

    async def _answer(self, db: Any, key: Key) -> None:
        """Answer the queries of a collection until none is pending."""
        while self._pending[key]:
            await self._wait_for_expected(key)
            batch = self._pending[key][:MAX_BATCH]
            del self._pending[key][:MAX_BATCH]
            queries = [pending.query for pending in batch]
            try:
                answers = await db.execute_fn(
                    lambda c, q=queries: exact.nearest_to_each(wrapped(c), key[1], q)
                )
            except Exception as error:  # every waiting query gets it
                for pending in batch:
                    pending.fail(error)
            else:
                for pending, hits in zip(batch, answers, strict=True):
                    pending.succeed(hits)
        del self._pending[key]

    async def _wait_for_expected(self, key: Key) -> None:
        """Wait until all announced searches have come, at most ``BATCH_WINDOW_S``."""
        until = time.monotonic() + BATCH_WINDOW_S
        while key in self._expected.values() and time.monotonic() < until:
            await asyncio.sleep(POLL_S)

    async def _run(self, work: Callable[[], Vector]) -> Vector:
        if self._waiting >= AT_ONCE + WAITING:
            raise Busy
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._pool, work)
        finally:
            self._waiting -= 1


def _key(page_request: CollectionRequest) -> Key:
    return page_request.database, page_request.collection


def of(datasette: Any) -> SearchPool:
    """Return the search pool of this Datasette instance."""
    return instance.only(datasette, SearchPool)
