"""Keep spreadsheets from executing text in CSV files that looks like a formula.

Excel and other spreadsheets calculate a cell that begins with ``=``, ``+``, ``-`` or ``@``, and CSV
cannot say that it is text. As OWASP advises, such a cell gets an apostrophe before it ("CSV
Injection"). Reading the file removes it again, so nothing is lost.
"""

import re

# The characters are OWASP's, with the full-width ones that Excel takes for the same.
FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")
NUMBER = re.compile(r"[+-]?[0-9]+([.,][0-9]+)*([eE][+-]?[0-9]+)?")
ESCAPE = "'"


def escape(text: str) -> str:
    """Return a cell of a CSV file that no spreadsheet takes for a formula.

    Numbers such as ``-6500`` stay as they are.
    """
    return ESCAPE + text if _needs_escape(text) else text


def unescape(text: str) -> str:
    """Return the text that :func:`escape` was given."""
    is_escaped = text.startswith(ESCAPE) and _needs_escape(text[1:])
    return text[1:] if is_escaped else text


def _needs_escape(text: str) -> bool:
    """Return whether text is a formula, or would be one without the apostrophes before it."""
    bare = text.lstrip(ESCAPE)
    return bool(FORMULA.match(bare)) and not NUMBER.fullmatch(bare)
