"""Write a search of a gallery as SQL that those who may run it can change."""

from urllib.parse import urlencode

from sqlite_utils.db import quote_identifier

from llm_glam.db import filters

from ... import compat, sql_functions
from ...access.context import CollectionRequest
from . import record_filters
from .query_string import Search


async def address(
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
