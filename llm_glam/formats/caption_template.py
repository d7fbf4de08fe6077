"""Make captions from records, ``{title}. {material}, {period}``, without debris from empty fields.

The rule: punctuation followed by a space, and dashes, bars and slashes between spaces, split a
template into clauses. Within a clause, words belong to the field after them; words after the last
field, and closing quotes, belong to the field before them. An empty field is dropped with its
words; a clause without a field stays. What is between brackets is a template of its own, and the
brackets with their content are a field of the surrounding template. Between two remaining clauses
stands the strongest mark that was between them, ``.`` before ``;`` before ``,`` before dashes, and
never twice. A mark at the end stays. A full stop after a single word of up to four letters marks an
abbreviation: ``ca. {year}`` is one clause.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from string import Formatter
from typing import Any

from ..errors import BadTemplate
from . import column_names

FIELD = "\0"  # stands for a field while a template is split
CUT = re.compile(r"(\s*[.,;!?]+(?:\s+|$)|\s+[-–—|/·]+\s+)")
ABBREVIATION = re.compile(r"[^\W\d_]{1,4}")
CLOSING = re.compile(r"[)\]}>\"'”’»]*")
NO_START = re.compile(r"^[^\w(\[{<\"'“‘«„]+")
BRACKETS = {"(": ")", "[": "]", "{": "}", "“": "”", "«": "»"}
SAYS = re.compile(r"[^\W_]")
STRONGEST = "!?.;,"
ENDS = ".!?"
DEEPEST = 20  # brackets within brackets


@dataclass
class Part:
    """A field with the words that belong to it; ``field`` is None for a clause without one.

    ``mark`` is what separates it from the part before it, empty within a clause.
    """

    before: str
    field: "str | Bracketed | None" = None
    after: str = ""
    mark: str = ""

    def value(self, record: Mapping[str, Any]) -> str:
        """Return a record's value for the field."""
        if isinstance(self.field, Bracketed):
            inner = self.field.template.caption(record)
            return f"{self.field.opening}{inner}{self.field.closing}" if inner else ""
        return "" if self.field is None else text(record.get(self.field))


@dataclass(frozen=True)
class Template:
    """A template split into parts, with the mark it ends with."""

    parts: Sequence[Part]
    end: str

    @property
    def columns(self) -> list[str]:
        """The columns it names, each once."""
        found: list[str] = []
        for part in self.parts:
            if isinstance(part.field, Bracketed):
                found += part.field.template.columns
            elif part.field is not None:
                found.append(part.field)
        return list(dict.fromkeys(found))

    def caption(self, record: Mapping[str, Any]) -> str:
        """Return the caption of a record, empty if all its fields are empty.

        A value without any letter or digit, such as a dash, counts as empty.
        """
        values = [part.value(record) for part in self.parts]
        if not any(values):
            return ""
        joined = ""
        marks: list[str] = []
        is_cut = False
        for part, value in zip(self.parts, values, strict=True):
            marks.append(part.mark)
            is_cut = is_cut and not part.mark
            if part.field is not None and not value:
                is_cut = is_cut or bool(part.mark) or not joined
                continue
            before = NO_START.sub("", part.before) if is_cut else part.before
            joined = _joined(joined, marks, f"{before}{value}{part.after}")
            marks, is_cut = [], False
        return _joined(joined, [self.end], "").strip()


@dataclass(frozen=True)
class Bracketed:
    """A template between brackets, which are dropped if it is empty."""

    opening: str
    template: Template
    closing: str


Field = str | Bracketed


def parse(template: str, columns: Sequence[str], source: str | None = None) -> Template:
    """Parse a template as the user typed it.

    :param columns: those that records have
    :param source: where the records are from, for messages
    :raises BadTemplate: a column they do not have, a brace that is not closed, no field at all, or
        too many brackets within brackets
    """
    plain = ""
    fields: list[Field] = []
    for words, column in _pieces(template):
        plain += words.replace(FIELD, "")
        if column is not None:
            plain += FIELD
            fields.append(_known(column, columns, source))
    if not fields:
        raise BadTemplate(
            f"The template '{template}' does not name a column. Write it like '{{title}}. "
            f"{{material}}'."
        )
    return _template(plain, fields)


def text(value: Any) -> str:
    """Return the value of a cell in one line; empty if it has neither a letter nor a digit."""
    if isinstance(value, list | tuple):
        return ", ".join(filter(None, map(text, value)))
    if (
        value is None or value != value or isinstance(value, dict)
    ):  # NaN is unequal to itself
        return ""
    found = " ".join(str(value).encode("utf-8", "replace").decode().split())
    return found if SAYS.search(found) else ""


def _pieces(template: str) -> Iterator[tuple[str, str | None]]:
    try:
        for words, column, how, conversion in Formatter().parse(template):
            if how or conversion:
                raise ValueError("only column names are allowed between braces")
            yield words, column
    except ValueError as error:
        raise BadTemplate(
            f"The template '{template}' cannot be read: {error}."
        ) from error


def _known(column: str, columns: Sequence[str], source: str | None) -> str:
    """Return the column as the records spell it."""
    if column in columns:
        return column
    same = [one for one in columns if one.strip().lower() == column.strip().lower()]
    if len(same) != 1:
        within = f" in {source}" if source else ""
        raise BadTemplate(
            f"The template names a column '{column}', which does not exist{within}. "
            f"{column_names.hint(column, columns)}"
        )
    return same[0]


def _template(plain: str, columns: Sequence[Field], depth: int = 0) -> Template:
    if depth > DEEPEST:
        raise BadTemplate(
            f"The template has more than {DEEPEST} brackets within brackets; take some out."
        )
    plain, fields = _bracketed(plain, columns, depth)
    clauses = _clauses(plain)
    end = clauses.pop()[0] if not clauses[-1][1] else ""
    rest = iter(fields)
    return Template([p for clause in clauses for p in _parts(*clause, rest)], end)


def _bracketed(
    plain: str, fields: Sequence[Field], depth: int
) -> tuple[str, list[Field]]:
    """Turn each pair of brackets with fields in it into a field."""
    rest = iter(fields)
    outer = ""
    found: list[Field] = []
    place = 0
    while place < len(plain):
        letter, end = plain[place], _closing(plain, place)
        inner = plain[place + 1 : end]
        if end and FIELD in inner:
            own = [next(rest) for _ in range(inner.count(FIELD))]
            template = _template(inner, own, depth + 1)
            found.append(Bracketed(letter, template, plain[end]))
            letter, place = FIELD, end
        elif letter == FIELD:
            found.append(next(rest))
        outer += letter
        place += 1
    return outer, found


def _closing(plain: str, start: int) -> int:
    """Return where the bracket that opens here is closed; 0 if none opens, or it stays open."""
    opening = plain[start]
    depth = 0
    for place in range(start, len(plain) if opening in BRACKETS else start):
        depth += (plain[place] == opening) - (plain[place] == BRACKETS[opening])
        if not depth:
            return place
    return 0


def _clauses(plain: str) -> list[tuple[str, str]]:
    """Return the clauses, each after its mark; the last is empty if the template ends with a mark."""
    first, *rest = CUT.split(plain)
    found = [("", first)]
    for mark, clause in zip(rest[::2], rest[1::2], strict=True):
        before, last = found[-1]
        if mark.startswith(".") and ABBREVIATION.fullmatch(last) and clause:
            found[-1] = before, last + mark + clause
        elif last or len(found) == 1:
            found.append((mark, clause))
        else:
            found[-1] = before + mark, clause
    return found


def _parts(mark: str, clause: str, fields: Iterator[Field]) -> list[Part]:
    *before, last = clause.split(FIELD)
    if not before:
        return [Part(last, mark=mark)]
    parts: list[Part] = []
    for words in before:
        own = words
        if parts:
            closing = CLOSING.match(words)
            assert closing
            parts[-1].after, own = closing[0], words[closing.end() :]
        parts.append(Part(own, next(fields)))
    parts[0].mark = mark
    parts[-1].after = last
    return parts


def _joined(joined: str, marks: Sequence[str], words: str) -> str:
    """Join the caption so far, the strongest mark, and the next words."""
    mark = min(marks, key=_weakness, default="")
    sign = mark.strip()
    if not joined or not sign:
        return joined + words
    if sign[0] in STRONGEST:
        joined = joined.rstrip(" ,;:")
        if joined.endswith((sign, "!", "?")) or (joined[-1:] in ENDS and sign == "."):
            mark = mark.replace(sign, "", 1)
    return joined + mark + words


def _weakness(mark: str) -> int:
    sign = mark.strip()[:1]
    if not sign:
        return len(STRONGEST) + 1
    return STRONGEST.index(sign) if sign in STRONGEST else len(STRONGEST)
