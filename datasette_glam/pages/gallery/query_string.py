"""Convert the query string of a gallery to a search, and a search to its query string."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from datasette.utils import MultiParams

from llm_glam.db import filters
from llm_glam.db.filters import Conditions
from llm_glam.errors import BadFilter
from llm_glam.search import query_syntax, terms
from llm_glam.search.matching import BOTH, MATCHES
from llm_glam.search.terms import Term

from ...access.context import CollectionRequest

# These filter no column, unless a suffix follows: q__exact.
OURS = {"q", "id", "page", "seed"}
# Only forms send these. They are merged into the search, and the visitor is redirected to its URL.
BUTTONS = ("_like", "_add", "_subtract")
ONLY_SELECTED = "_selected"
PICTURES = "_pictures"  # the terms that are pictures, which the box does not show
FILTER_FORM = ("_filter", "_filter_column", "_filter_op", "_filter_value")
FORM = {*BUTTONS, ONLY_SELECTED, PICTURES, *FILTER_FORM}
PICK = "_pick"
MOST_PICKED = 100  # pictures whose ids fit into one address
# Each link of a page has all of them, and most conditions have links of their own.
MOST_CONDITIONS = 100
WHOLE = re.compile("[1-9][0-9]{0,8}")
EXTRA = "record"
EXCEPT = "except"  # "is not" in the form
RANGE = ("__gte", "__lte")
FACETS = ("_facet", "_facet_array", "_facet_date")
NO_FILTERS = {
    *OURS,
    *(
        "_except",
        "_where",
        "_search",
        "_min_score",
        "_sensitive",
        "_size",
        "_extra",
        "_match",
    ),
    *(PICK, "_col", "_bom"),
    *FACETS,
    *FORM,
}
# What newsletters, search engines and social networks add to links.
MARKETING = re.compile(
    "(utm|mtm|pk|piwik|matomo|hsa|mc|ga|oly|vero)_.*|.*clid|gbraid|wbraid|igsh(id)?|mkt_tok|ref|ref_src"
    "|li_fat_id|s_cid|cmpid|si|trk|spm",
    re.IGNORECASE,
)

Parameter = tuple[str, str]


@dataclass(frozen=True)
class Search:
    """A search of a gallery. Filters are as in the query string: ``material=bronze``.

    ``exceptions`` are filters that must not match.
    ``hidden`` are columns that filters cannot name, in lower case. ``picked`` are the ids of the
    pictures that the visitor has selected, which change nothing in what is found.
    """

    terms: tuple[Term, ...] = ()
    filters: tuple[str, ...] = ()
    exceptions: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    words: str = ""
    min_score: float | None = None
    facets: tuple[Parameter, ...] = ()
    with_sensitive: bool = False
    size: str = ""
    seed: int | None = None
    page: int = 1
    hidden: frozenset[str] = frozenset()
    with_records: bool = False  # in JSON
    picked: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()  # of exports
    with_mark: bool = False  # whether CSV begins with a byte order mark
    match: str = BOTH  # what words are looked for in

    @property
    def conditions(self) -> Conditions:
        """The conditions on the records of pictures."""
        words = self.words or None
        return Conditions(self.filters, self.where, words, self.hidden, self.exceptions)

    @property
    def line(self) -> str:
        """The terms as they would be typed."""
        return query_syntax.write(self.terms)

    @property
    def boxes(self) -> dict[str, str]:
        """The terms in words, for the box, and those by pictures, which chips show."""
        return {
            "box": query_syntax.write([t for t in self.terms if t.id is None]),
            "by_pictures": query_syntax.write(
                [t for t in self.terms if t.id is not None]
            ),
        }

    @property
    def only_id(self) -> str | None:
        """The id, if it is the only term of the search."""
        is_plain = len(self.terms) == 1 and self.terms[0].weight == 1
        return self.terms[0].id if is_plain else None

    def query(self) -> str:
        """Return the query string of this search."""
        return urlencode([*self._own(), *self.refinements()])

    def refinements(self) -> Iterator[Parameter]:
        """Yield the parameters that apply to a new query too, such as filters."""
        yield from (_parameter(text) for text in self.filters)
        yield from (("_except", text) for text in self.exceptions)
        yield from (("_where", text) for text in self.where)
        if self.words:
            yield "_search", self.words
        if self.min_score is not None:
            yield "_min_score", f"{self.min_score!r}".removesuffix(".0")
        yield from self.facets
        if self.match != BOTH:
            yield "_match", self.match
        if self.with_sensitive:
            yield "_sensitive", "1"
        if self.size:
            yield "_size", self.size
        if self.with_records:
            yield "_extra", EXTRA
        yield from ((PICK, item_id) for item_id in self.picked)
        yield from (("_col", name) for name in self.columns)
        if self.with_mark:
            yield "_bom", "on"

    def _own(self) -> Iterator[Parameter]:
        if self.only_id is not None:
            yield "id", self.only_id
        elif self.terms:
            yield "q", self.line
        if self.seed is not None:
            yield "seed", str(self.seed)
        if self.page > 1:
            yield "page", str(self.page)

    def unfiltered(self) -> "Search":
        """Return the first page of the same search without conditions."""
        none = {"filters": (), "exceptions": (), "where": (), "words": ""}
        return self.without(**none, min_score=None)

    def without(self, **changes: Any) -> "Search":
        """Return the first page of the same search with these changes."""
        return replace(self, page=1, seed=None, **changes)

    def only_picked(self) -> "Search":
        """Return the search for just the selected pictures, in the order of this one."""
        ids = json.dumps(self.picked, ensure_ascii=False)
        return self.without(filters=(*self.filters, f"id__in={ids}"), picked=())


def address(
    page_request: CollectionRequest, wanted: Search, format_: str | None = None
) -> str:
    """Return the URL of a search in the requested format, or in another one."""
    path = page_request.request.path
    if format_ is not None:
        path = path.removesuffix(page_request.format) + format_
    query = wanted.query()
    return f"{path}?{query}" if query else path


def known(args: MultiParams, columns: Sequence[str]) -> tuple[MultiParams, list[str]]:
    """Return the parameters that there are, and the names of the others.

    Filters are those of which the column and the comparison are known.
    """
    names = {name: name in NO_FILTERS or _is_filter(name, columns) for name in args}
    found = {name: args.getlist(name) for name in names if names[name]}
    return MultiParams(found), [name for name in names if not names[name]]


def _is_filter(name: str, columns: Sequence[str]) -> bool:
    return not _is_ours(name) and filters.is_known(name, columns)


def refuse(name: str, columns: Sequence[str], table: str) -> None:
    """Refuse a parameter that there is not, with those that there are.

    :raises BadFilter: always
    """
    if not _is_ours(name):
        filters.split(f"{name}=", columns, table)
    listed = ", ".join(sorted(NO_FILTERS - FORM))
    raise BadFilter(
        f"There is no parameter '{name[:80]}'. There are {listed}, and filters by column."
    )


def left_out(unknown: Iterable[str]) -> str | None:
    """Return what a page says of parameters that it ignores; None where it need say nothing.

    Visitors do not know what others have added to the link that they followed.
    """
    names = [n for n in unknown if not _is_ours(n) and not MARKETING.fullmatch(n)]
    if not names:
        return None
    listed = ", ".join(f"“{name[:40]}”" for name in names[:3])
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"The records cannot be filtered by {listed}{more}, which was left out."


def encoded(args: MultiParams) -> str:
    """Return parameters as a query string."""
    return urlencode([(name, value) for name in args for value in args.getlist(name)])


def is_form(args: MultiParams) -> bool:
    """Return whether a form sent these parameters, so that a redirect to the search is due."""
    return any(name in FORM for name in args)


def read(args: MultiParams, columns: Sequence[str] = ()) -> Search:
    """Parse the parameters of a request.

    :param columns: those that filters may name, to merge the values that a form has selected
    :raises BadTerm: a query that cannot be parsed, or too many terms
    :raises BadFilter: a score that is not a number, a filter without a column, more than
        ``MOST_CONDITIONS`` conditions or ``MOST_PICKED`` selected pictures
    """
    typed = [*query_syntax.parse(args.get("q") or "")]
    typed += query_syntax.parse(args.get(PICTURES) or "")
    typed += [Term(1, id=item_id) for item_id in args.getlist("id") if item_id]
    pressed = tuple(_pressed(args, typed))
    terms.check(pressed)
    search = Search(
        terms=pressed,
        filters=tuple(_filters(args, columns)),
        exceptions=tuple(_exceptions(args)),
        where=tuple(filter(None, args.getlist("_where"))),
        words=(args.get("_search") or "").strip(),
        min_score=_score(args.get("_min_score") or ""),
        facets=tuple(dict.fromkeys(_facets(args))),
        with_sensitive=args.get("_sensitive") == "1",
        size=args.get("_size") or "",
        seed=_whole(args.get("seed")),
        page=_whole(args.get("page")) or 1,
        with_records=_has_records(args),
        picked=tuple(_picked(args)),
        columns=tuple(filter(None, args.getlist("_col"))),
        with_mark=args.get("_bom") in ("on", "1"),
        match=_match(args.get("_match") or BOTH),
    )
    _check_number_of_conditions(search)
    return (
        replace(search.only_picked(), terms=()) if args.get(ONLY_SELECTED) else search
    )


def _check_number_of_conditions(search: Search) -> None:
    if len([*search.filters, *search.exceptions, *search.where]) > MOST_CONDITIONS:
        raise BadFilter(
            f"At most {MOST_CONDITIONS} conditions can be combined. To select several values of a "
            "column, write one condition: column__in=a,b,c."
        )


def of_request(
    page_request: CollectionRequest, args: MultiParams, columns: Sequence[str] = ()
) -> Search:
    """Parse the parameters of a request as :func:`read` does, within what its actor may see."""
    search = read(args, columns)
    return replace(
        search,
        hidden=page_request.hidden,
        with_sensitive=search.with_sensitive and page_request.may_show_sensitive,
    )


def _picked(args: MultiParams) -> list[str]:
    """Return the selected pictures, of which a button that acts on them lets go."""
    ids = list(dict.fromkeys(filter(None, args.getlist(PICK))))
    if len(ids) > MOST_PICKED:
        raise BadFilter(f"At most {MOST_PICKED} pictures can be selected.")
    has_acted = any(args.get(button) == "" for button in BUTTONS)
    return [] if has_acted else ids


def key(column: str, suffix: str) -> str:
    """Return the parameter that compares a column."""
    is_plain = suffix == "exact" and column not in OURS and "__" not in column
    return column if is_plain and column[:1] != "_" else f"{column}__{suffix}"


def _pressed(args: MultiParams, typed: list[Term]) -> Sequence[Term]:
    """Return the terms after a button was pressed for one picture or for the selected ones."""
    for button in BUTTONS:
        if button not in args:
            continue
        ids = [args.get(button)] if args.get(button) else args.getlist(PICK)
        weight = -1 if button == "_subtract" else 1
        selected = [Term(weight, id=item_id) for item_id in ids]
        others = [] if button == "_like" else [t for t in typed if t.id not in ids]
        return (others + selected)[: terms.MAX_TERMS] if selected else typed
    return typed


def _filters(args: MultiParams, columns: Sequence[str]) -> Iterator[str]:
    for name in args:
        if _is_ours(name):
            continue
        # A form sends both ends of a range, and blank ones too.
        may_be_blank = not (is_form(args) and name.endswith(RANGE))
        texts = [v for v in args.getlist(name) if v.strip() or may_be_blank]
        yield from (f"{name}={value}" for value in texts)
    yield from _merged(filter(None, args.getlist("_filter")), columns)
    if args.get("_filter_op") != EXCEPT:
        yield from _typed(args, args.get("_filter_op") or "exact")


def _exceptions(args: MultiParams) -> Iterator[str]:
    yield from filter(None, args.getlist("_except"))
    if args.get("_filter_op") == EXCEPT:
        yield from _typed(args, "exact")


def _typed(args: MultiParams, suffix: str) -> Iterator[str]:
    """Yield the comparison of any column, if the form has one."""
    if column := args.get("_filter_column"):
        yield f"{key(column, suffix)}={args.get('_filter_value') or ''}"


def _merged(texts: Iterable[str], columns: Sequence[str]) -> Iterator[str]:
    """Merge the values that are selected of a column into one filter, which any of them matches."""
    values: dict[str, list[str]] = {}
    for text in texts:
        with suppress(BadFilter):
            one = filters.split(text, columns, "")
            if one.suffix == "exact":
                values.setdefault(one.column, []).append(one.value or "")
                continue
        yield text
    for column, selected in values.items():
        if len(selected) == 1:
            yield f"{key(column, 'exact')}={selected[0]}"
        else:
            yield f"{key(column, 'in')}={filters.in_list(selected)}"


def _is_ours(name: str) -> bool:
    """Return whether a parameter filters no column; as in Datasette, ``_…`` needs a suffix."""
    return name in OURS or (name.startswith("_") and "__" not in name)


def _facets(args: MultiParams) -> Iterator[Parameter]:
    for name in args:
        if name in FACETS:
            yield from ((name, value) for value in args.getlist(name))


def _parameter(text: str) -> Parameter:
    name, _, value = text.partition("=")
    return (f"{name}__exact" if _is_ours(name) else name), value


def _score(text: str) -> float | None:
    if not text:
        return None
    try:
        score = float(text)
    except ValueError:
        score = float("nan")
    if not -1 <= score <= 1:
        raise BadFilter(f"_min_score must be a number from -1 to 1, not '{text[:40]}'.")
    return score


def _match(text: str) -> str:
    if text not in MATCHES:
        raise BadFilter(f"_match must be {', '.join(MATCHES)}, not '{text[:40]}'.")
    return text


def _has_records(args: MultiParams) -> bool:
    """Return whether JSON is to have each picture's record; Datasette lists extras with commas."""
    wanted = {one for text in args.getlist("_extra") for one in text.split(",")}
    for extra in sorted(wanted - {EXTRA, ""}):
        raise BadFilter(f"There is no _extra={extra[:80]}. There is _extra={EXTRA}.")
    return EXTRA in wanted


def _whole(text: str | None) -> int | None:
    return int(text) if text and WHOLE.fullmatch(text) else None
