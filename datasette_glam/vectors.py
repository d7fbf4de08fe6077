"""Queries to vectors for many visitors: bounded, in threads, words remembered."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

from llm_glam import search
from llm_glam.search import Vector
from llm_glam.store import Collection

AT_ONCE = 2
WAITING = 16
REMEMBERED = 1000
DECODING = 4  # processes that decode uploads at once


class Busy(Exception):
    """More visitors than the computer can serve just now."""


class Vectors:
    """The model work of one Datasette instance.

    A few queries are computed at once, some more wait, and whoever comes then is told to come
    back; words that were asked before are answered from memory.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="glam-model")
        self._waiting = 0
        self._decoding = 0
        self._words: OrderedDict[tuple[str, str], Vector] = OrderedDict()

    async def of_words(self, collection: Collection, words: str) -> Vector:
        """The vector of words.

        :raises Busy: too many queries wait already
        :raises llm_glam.errors.GlamError: the checkpoint cannot be used here
        """
        key = (f"{collection.model_id} {collection.fingerprint}", words)
        if key not in self._words:
            self._words[key] = await self._run(
                lambda: search.query_vector(collection, words, download=False)
            )
            while len(self._words) > REMEMBERED:
                self._words.popitem(last=False)
        self._words.move_to_end(key)
        return self._words[key]

    async def of_picture(self, collection: Collection, content: bytes) -> Vector:
        """The vector of a picture's bytes; raises as :meth:`of_words` does."""
        return await self._run(
            lambda: search.query_vector(collection, content, download=False)
        )

    @asynccontextmanager
    async def decoding(self) -> AsyncIterator[bool]:
        """Whether one more upload may be decoded now; holds its place while it is."""
        if self._decoding >= DECODING:
            yield False
            return
        self._decoding += 1
        try:
            yield True
        finally:
            self._decoding -= 1

    async def _run(self, work: Callable[[], Vector]) -> Vector:
        if self._waiting >= AT_ONCE + WAITING:
            raise Busy
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._pool, work)
        finally:
            self._waiting -= 1


def of(datasette: Any) -> Vectors:
    """The one of this Datasette instance."""
    if not hasattr(datasette, "_glam_vectors"):
        datasette._glam_vectors = Vectors()
    found: Vectors = datasette._glam_vectors
    return found
