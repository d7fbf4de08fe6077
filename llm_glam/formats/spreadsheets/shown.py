"""Take a number's leading zeros, and how exact a date is, from how a workbook shows them.

Everything else is only a matter of display and stays a value: 25% is 0.25, and a date is written
in the same way whether its day or its month is shown first.
"""

import re
from datetime import date, datetime
from functools import lru_cache
from typing import Any

# What a number format has beside its digits: text to show, and directions in brackets.
LITERAL = re.compile(r'"[^"]*"|\\.|[-+() :]')
DIRECTION = re.compile(r"\[[^\]]*\]|_.|\*.")
LONGEST_CODE = 255  # as in Excel
LEADING = re.compile(r"0\d*(?:[-. /]\d+)*")
DATE_TEXTS = (
    ("year", re.compile(r"(?P<year>\d{4})")),
    ("month", re.compile(r"(?P<month>\d{1,2})[-./ ](?P<year>\d{4})")),
    ("month", re.compile(r"(?P<year>\d{4})[-./ ](?P<month>\d{1,2})")),
    ("month", re.compile(r"[^\W\d_]+[-., ]+(?P<year>\d{4})")),
)


def by_format(value: Any, code: str) -> Any:
    """Return a value as a number format shows it, where that says more; or else the value.

    :param code: such as ``0000000`` or ``mmm yyyy``
    """
    if isinstance(value, datetime | date):
        return _reduced(value, _precision(code[:LONGEST_CODE]))
    number = _whole(value)
    if number is None or number < 0:
        return value
    return _padded(number, code[:LONGEST_CODE]) or value


def by_text(value: Any, text: str) -> Any:
    """Return a value as its text shows it, where that says more; or else the value."""
    text = text.strip()
    if isinstance(value, datetime | date):
        for precision, pattern in DATE_TEXTS:
            found = pattern.fullmatch(text)
            if found and all(
                int(number) == getattr(value, name)
                for name, number in found.groupdict().items()
            ):
                return _reduced(value, precision)
        return value
    number = _whole(value)
    if not number or not LEADING.fullmatch(text):
        return value  # for 0, 0.00 and 000 look alike
    return text if int(re.sub(r"\D", "", text)) == number else value


def _whole(value: Any) -> int | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return int(value) if is_number and value == value // 1 else None


def _reduced(value: datetime | date, precision: str) -> Any:
    if precision == "year":
        return value.year
    return f"{value.year:04}-{value.month:02}" if precision == "month" else value


@lru_cache(maxsize=1000)
def _precision(code: str) -> str:
    """Return the smallest unit that a date format shows: a year, a month, or else a day."""
    plain = LITERAL.sub("", DIRECTION.sub("", code.partition(";")[0])).lower()
    shown = set(plain) & set("ymdhsag")
    return {"y": "year", "my": "month"}.get("".join(sorted(shown)), "day")


@lru_cache(maxsize=1000)
def _pieces(code: str) -> tuple[str, ...]:
    """Return the places and texts of a format that only pads a number, or nothing.

    A place is an empty string.
    """
    first = DIRECTION.sub("", code.partition(";")[0])
    parts = re.split(rf"({LITERAL.pattern}|0)", first)
    if any(parts[::2]) or parts.count("0") < 2:
        return ()
    return tuple(
        "" if p == "0" else p.strip('"').removeprefix("\\") for p in parts[1::2]
    )


def _padded(number: int, code: str) -> str | None:
    """Return a number with its leading zeros; None if it has none to add."""
    pieces = _pieces(code)
    digits = str(number)
    places = pieces.count("")
    if len(digits) >= places and all(piece == "" for piece in pieces):
        return None
    if not places:
        return None
    digits = digits.zfill(places)
    head, rest = digits[: len(digits) - places], iter(digits[len(digits) - places :])
    shown = "".join(piece or next(rest) for piece in pieces)
    first = pieces.index("")
    start = len("".join(pieces[:first]))
    return shown[:start] + head + shown[start:]
