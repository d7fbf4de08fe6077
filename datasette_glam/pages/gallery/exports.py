"""Export a search: its results as CSV, the search itself as SQL."""

import csv
import io
from dataclasses import replace
from urllib.parse import urlencode

from datasette.utils.asgi import Response
from sqlite_utils.db import quote_identifier

from llm_glam.db import filters

from ... import compat, items, sql_functions
from ...access.context import CollectionRequest
from ...web import urls
from . import query_string, record_filters
from .query_string import Search


def csv_address(page_request: CollectionRequest, wanted: Search) -> str:
    """Return the URL of all results as CSV."""
    return query_string.address(page_request, replace(wanted, page=1), format_=".csv")


async def csv_response(
    page_request: CollectionRequest, scores: dict[str, float | None]
) -> Response:
    """Return the records of pictures as CSV, each with its score."""
    columns = await page_request.columns()
    rows = await page_request.read(items.records, list(scores))
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["score", *columns])
    for row in rows:
        writer.writerow([scores[row["id"]], *(items.plain(row[c]) for c in columns)])
    name = urls.encoded(page_request.collection.name)
    headers = {"content-disposition": f'attachment; filename="{name}.csv"'}
    content_type = "text/csv; charset=utf-8"
    return Response(out.getvalue(), headers=headers, content_type=content_type)


async def sql_address(
    page_request: CollectionRequest, wanted: Search, size: int
) -> str | None:
    """Return the URL of the search as SQL; None for a sample, and where SQL is not allowed."""
    has_words = any(term.words is not None for term in wanted.terms)
    is_forbidden = has_words and not sql_functions.has_models(page_request.datasette)
    if not wanted.terms or is_forbidden:
        return None
    if not await page_request.may_run_sql():
        return None
    sql, values = await _sql(
        page_request, wanted, min(size * wanted.page, sql_functions.MOST)
    )
    query = urlencode({"sql": sql, **values})
    return f"{compat.sql_page(page_request.datasette, page_request.database)}?{query}"


async def _sql(
    page_request: CollectionRequest, wanted: Search, number: int
) -> tuple[str, dict[str, str | int | float]]:
    table = quote_identifier(page_request.table)
    shown = record_filters.shown(wanted)
    clause = await page_request.read(filters.clause, shown)
    values = {
        "collection": page_request.collection.name,
        "q": wanted.line,
        **clause.values,
    }
    among = ""
    if shown:
        rows = f"select json_group_array(id) from {table} where {clause.sql}"
        among = f",\n  ({rows})"
    least = ""
    if wanted.min_score is not None:
        least = f"where score >= {wanted.min_score!r}\n"
    sql = (
        f"select value as score, {table}.*\n"
        f"from json_each(glam_nearest(:collection, :q, {number}{among}))\n"
        f"join {table} on {table}.id = key\n{least}"
        f"order by score desc, {table}.id"
    )
    return sql, values
