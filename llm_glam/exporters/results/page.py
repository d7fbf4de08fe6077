"""Render search results as one self-contained HTML page, with thumbnails and records."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from ...db import embeddings, items
from ...db.collection import Collection
from ...db.sensitive import is_sensitive
from ...formats import single_page
from ...formats.tables import Row
from ...images import data_urls
from ...models import registry
from ..web_addresses import is_web
from .columns import Found, ResultColumn

AT_ONCE = 500  # thumbnails
LINES = 3  # of the record that are seen at once, unless columns were chosen
LONGEST = 2_000  # characters of a value
LONGEST_TITLE = 300
THUMBNAILS = "glam_thumbnails"


@dataclass(frozen=True)
class Text:
    """What a page says: its title, lines below it, and the address of the same search."""

    title: str
    lines: Sequence[str] = ()
    address: str | None = None


@dataclass(frozen=True)
class Thumbnail:
    """A picture in a page: an address with all of it, and its size in pixels."""

    address: str
    width: int | None
    height: int | None


def thumbnails(
    db: Database, collection: Collection, ids: Sequence[str]
) -> dict[str, Thumbnail]:
    """Return the thumbnails of pictures by id; those that browsers cannot show are left out."""
    found: dict[str, Thumbnail] = {}
    if not db.table(THUMBNAILS).exists():
        return found
    for some in embeddings.chunks(ids, AT_ONCE):
        sql = f"""
            select id, width, height, content from {THUMBNAILS}
            where items_table = ? and id in ({embeddings.placeholders(some)})
        """
        for row in db.query(sql, [collection.items_table, *some]):
            if address := data_urls.address(row["content"]):
                found[row["id"]] = Thumbnail(address, row["width"], row["height"])
    return found


def render(
    text: Text,
    columns: Sequence[ResultColumn],
    found: Sequence[Found],
    pictures: Mapping[str, Thumbnail],
    *,
    are_chosen: bool = False,
    most_bytes: float = float("inf"),
) -> str:
    """Return the page, with everything from outside escaped.

    :param are_chosen: whether somebody chose the columns; the page then shows all of them at once
    :param most_bytes: about how large the page may be; pictures that do not fit are left out
    """
    lines = None if are_chosen else LINES
    cards = list(_fitting(columns, found, pictures, lines, most_bytes))
    template = single_page.template(
        Path(__file__).with_name("results.html"), web=is_web
    )
    return template.render(
        text=text,
        cards=cards,
        left_out=len(found) - len(cards),
        made=registry.now()[:10],
    )


def _fitting(
    columns: Sequence[ResultColumn],
    found: Sequence[Found],
    pictures: Mapping[str, Thumbnail],
    lines: int | None,
    most_bytes: float,
) -> Iterator[Row]:
    """Yield what the page shows of each picture, until it is full."""
    size = 0
    for one in found:
        picture = pictures.get(one.row[items.KEY])
        has_rights = lines is None and any(c.name == "rights" for c in columns)
        record = _record(columns, one, with_rights=has_rights)
        size += len(picture.address) if picture else 0
        size += sum(len(heading) + len(value) for heading, value in record)
        if size > most_bytes:
            return
        rights = None if has_rights else one.row.get("rights")
        yield {
            **_card(one, picture),
            "lines": record[:lines],
            "more": record[lines:] if lines else [],
            "rights": _short(rights, LONGEST),
        }


def _card(one: Found, picture: Thumbnail | None) -> Row:
    title = _title(one.row)
    caption = _short(one.row.get("caption"), LONGEST_TITLE)
    return {
        "title": title,
        "alt": caption or title,
        "link": next(filter(is_web, (one.row.get("page_url"), one.link)), None),
        "picture": picture,
        "is_sensitive": is_sensitive(one.row.get("sensitive")),
    }


def _record(
    columns: Sequence[ResultColumn], one: Found, *, with_rights: bool
) -> list[tuple[str, str]]:
    """Return the values that a picture has, without what the page says of it elsewhere."""
    title, record = _title(one.row), []
    for column in columns:
        value = _short(column.cell(one), LONGEST)
        is_title = column.name in ("title", "caption") and value == title
        is_elsewhere = is_title or (column.name == "rights" and not with_rights)
        if value and column.name is not None and not is_elsewhere:
            record.append((column.heading, value))
    return record


def _title(row: Row) -> str:
    named = row.get("title") or row.get("caption") or row[items.KEY]
    return _short(named, LONGEST_TITLE)


def _short(value: Any, most: int) -> str:
    """Return a value as text, cut off where it is long."""
    if value is None:
        return ""
    text = f"({len(value):,} bytes)" if isinstance(value, bytes) else str(value).strip()
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"
