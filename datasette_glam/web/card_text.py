"""The title and the second line under a picture, as the owner's templates have them."""

import os
from collections.abc import Iterable
from dataclasses import dataclass

from sqlite_utils import Database
from sqlite_utils.db import quote_identifier

from llm_glam.db.collection import Collection
from llm_glam.db.sensitive import SHOWABLE
from llm_glam.errors import BadTemplate
from llm_glam.formats import caption_template
from llm_glam.formats.caption_template import Template
from llm_glam.formats.tables import Row

from .. import items
from ..access.context import CollectionRequest
from . import cache, errors, metadata

SETTINGS = ("card_title", "card_line")
STANDARD_LINE = ("creator", "date")  # our columns, where records have them
SAMPLED = 1_000  # titles that are compared
LEAST_COMMON = 8  # characters


@dataclass(frozen=True)
class CardText:
    """What cards of a collection say: templates, and the beginning that all titles share."""

    title: Template | None
    line: Template | None
    common: str

    def of(self, card: Row, record: Row) -> Row:
        """Return the title and the second line of a card, from the picture's record."""
        title = self.title.caption(record) if self.title else ""
        return {
            "card_title": title or self._short(card["title"]),
            "card_line": self.line.caption(record) if self.line else "",
        }

    def _short(self, title: str) -> str:
        rest = title.removeprefix(self.common)
        return rest[:1].upper() + rest[1:] if rest and rest != title else title


async def add(page_request: CollectionRequest, cards: list[Row]) -> None:
    """Add to cards their title as it is shown, ``card_title``, and their second line."""
    columns = await page_request.columns()
    text = await _of(page_request, columns)
    rows: Iterable[Row] = ()
    if text.title or text.line:
        rows = await page_request.read(items.records, [card["id"] for card in cards])
    shown = set(columns)
    records = {
        row["id"]: {k: items.plain(v) for k, v in row.items() if k in shown}
        for row in rows
    }
    for card in cards:
        card |= text.of(card, records.get(card["id"], {}))


async def _of(page_request: CollectionRequest, columns: list[str]) -> CardText:
    title, line = (_template(page_request, name, columns) for name in SETTINGS)
    if line is None and metadata.setting(page_request, "card_line") is None:
        known = [name for name in STANDARD_LINE if name in columns]
        fields = ", ".join(f"{{{name}}}" for name in known)
        line = caption_template.parse(fields, known) if known else None
    common = await cache.of(page_request.datasette).read(
        page_request, "common", common_beginning
    )
    return CardText(title, line, common)


def _template(
    page_request: CollectionRequest, name: str, columns: list[str]
) -> Template | None:
    """Return a template of the settings; one that cannot be used is noted in the log."""
    given = metadata.setting(page_request, name)
    if not given:
        return None
    try:
        return caption_template.parse(str(given), columns, page_request.table)
    except BadTemplate as error:
        errors.note(f"{name} in the settings of datasette-glam: {error.message}")
        return None


def common_beginning(db: Database, collection: Collection) -> str:
    """Return the words that all titles begin with, of which cards need not repeat any."""
    table = quote_identifier(str(collection.items_table))
    sql = f"""
        select min(title), max(title), count(*) from (
            select coalesce(nullif(title, ''), nullif(caption, ''), id) as title
            from {table} where {SHOWABLE} limit {SAMPLED}
        )
    """
    first, last, number = db.execute(sql).fetchone()
    if number < 2 or not isinstance(first, str) or not isinstance(last, str):
        return ""
    common = os.path.commonprefix([first, last])
    common = common[: common.rfind(" ") + 1]
    return common if len(common) >= LEAST_COMMON else ""
