"""Export a search: its results as CSV, as an Excel workbook, and as a page to send to somebody."""

import asyncio
import ipaddress
from collections.abc import Container, Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from datasette.utils.asgi import Response
from sqlite_utils import Database

from llm_glam.db.collection import Collection
from llm_glam.db.privacy import columns as privacy_columns
from llm_glam.exporters.results import columns, page, table, wording
from llm_glam.exporters.results.columns import Found, ResultColumn
from llm_glam.formats.tables import Row

from ... import items
from ...access import instance
from ...access.context import CollectionRequest
from ...web import urls
from . import query_string
from .query_string import Search

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FORMATS = {".csv": "text/csv", ".xlsx": XLSX, ".html": "text/html"}
# What the selected pictures can be saved as; such a file contains no others.
SAVED = {"Page to send": ".html", "Excel": ".xlsx", "CSV": ".csv"}
FOR_PEOPLE = (".xlsx", ".html")  # who are told of errors in a page, too
PICTURES, MOST_PICTURES = 100, 500  # of a page
MOST_BYTES = 15_000_000  # of a page
AT_ONCE = 2  # exports; others wait
OF_CONDITIONS = ("filter", "where", "search", "score")  # kinds of chips

Scores = Mapping[str, float | None]


def addresses(page_request: CollectionRequest, wanted: Search) -> Row:
    """Return the URLs of all results as CSV, as a workbook and as a page."""
    first = replace(wanted, page=1)
    return {
        f"{name[1:]}_url": query_string.address(page_request, first, format_=name)
        for name in FORMATS
    }


def selection(
    page_request: CollectionRequest, wanted: Search, shown: Container[str]
) -> Row:
    """Return what a page says of the selected pictures.

    :param shown: the ids of the pictures on the page
    """
    return {
        "picked": wanted.picked,
        "picked_elsewhere": [one for one in wanted.picked if one not in shown],
        "unpicked": query_string.address(page_request, replace(wanted, picked=())),
        "saved_as": list(SAVED.items()),
    }


def size(format_: str, wanted: str, most: int) -> str:
    """Return how many results an export has; a page of pictures has fewer than a table.

    :param wanted: what the request says; empty, ``max`` or a number
    """
    if format_ == ".html":
        most = min(most, MOST_PICTURES)
        is_more = query_string.WHOLE.fullmatch(wanted) and int(wanted) > most
        wanted = "max" if is_more else wanted or str(min(PICTURES, most))
    return str(most) if wanted in ("", "max") else wanted


async def response(
    page_request: CollectionRequest, wanted: Search, scores: Scores, data: Row
) -> Response:
    """Return the results of a search as a file.

    :param data: what the page of the search has
    :raises UnknownColumn: the request names a column that there is not, or that is hidden
    """
    format_ = page_request.format
    content: str | bytes
    async with instance.only(page_request.datasette, _turns):
        found = await _found(page_request, scores)
        chosen = await page_request.read_everything(
            _columns, page_request, wanted, found
        )
        if format_ == ".html":
            content = await _page(page_request, wanted, chosen, found, data)
        elif format_ == ".xlsx":
            content = await asyncio.to_thread(table.xlsx, chosen, found)
        else:
            content = table.csv(chosen, found, has_byte_order_mark=wanted.with_mark)
    name = urls.encoded(page_request.collection.name)
    headers = {"content-disposition": f'attachment; filename="{name}{format_}"'}
    kind = FORMATS[format_]
    kind = f"{kind}; charset=utf-8" if kind.startswith("text/") else kind
    return Response(content, headers=headers, content_type=kind)


def _turns() -> asyncio.Semaphore:
    return asyncio.Semaphore(AT_ONCE)


async def _found(page_request: CollectionRequest, scores: Scores) -> list[Found]:
    """Return pictures with their records as visitors may see them, and their addresses."""
    datasette, request = page_request.datasette, page_request.request
    base = urls.collection(
        datasette, page_request.database, page_request.collection.name
    )
    base = datasette.absolute_url(request, base)
    return [
        Found(
            {name: items.plain(value) for name, value in row.items()},
            scores[row["id"]],
            f"{base}/item/{urls.encoded(row['id'])}",
        )
        for row in await page_request.read(items.records, list(scores))
    ]


def _columns(
    db: Database,
    collection: Collection,
    page_request: CollectionRequest,
    wanted: Search,
    found: list[Found],
) -> list[ResultColumn]:
    hidden = set(page_request.hidden)
    if page_request.format == ".html" and not wanted.columns:
        undecided = privacy_columns.undecided(db, page_request.table)
        hidden |= {name.lower() for name in undecided}
    return columns.choose(
        db, page_request.table, found, hidden=hidden, named=wanted.columns
    )


async def _page(
    page_request: CollectionRequest,
    wanted: Search,
    chosen: list[ResultColumn],
    found: list[Found],
    data: Row,
) -> str:
    ids = [one.row["id"] for one in found]
    pictures = await page_request.read(page.thumbnails, ids)
    address = page_request.datasette.absolute_url(
        page_request.request, query_string.address(page_request, wanted, format_="")
    )
    if not _is_elsewhere(address):  # nobody else could open the links
        address, found = "", [replace(one, link=None) for one in found]
    return await asyncio.to_thread(
        page.render,
        page.Text(_title(data), list(_lines(data, found)), address or None),
        *(chosen, found, pictures),
        are_chosen=bool(wanted.columns),
        most_bytes=MOST_BYTES,
    )


def _title(data: Row) -> str:
    """Return what was searched for, and in what; titles of sensitive pictures are left out."""
    terms = [
        (
            chip["weight"],
            (
                wording.quoted(chip["text"])
                if chip["kind"] == "words"
                else chip["text"] if chip["thumbnail_url"] else "a picture"
            ),
        )
        for chip in data["chips"]
        if "weight" in chip
    ]
    if data.get("uploaded"):
        terms.append((1, "a picture"))
    searched = wording.of_terms(terms)
    return f"{searched} in {data['title']}" if searched else str(data["title"])


def _lines(data: Row, found: list[Found]) -> list[str]:
    total = data["pictures"] if data["fitting"] is None else data["fitting"]
    only = [chip for chip in data["chips"] if chip["kind"] in OF_CONDITIONS]
    return [
        wording.of_number(len(found), total, is_ranked="seed" not in data),
        *(f"Only {chip['text']}" for chip in only),
    ]


def _is_elsewhere(address: str) -> bool:
    """Return whether an address is not that of the computer that asks for it."""
    host = urlsplit(address).hostname or "localhost"
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return host != "localhost"
    return not (ip.is_loopback or ip.is_unspecified)
