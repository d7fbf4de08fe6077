"""Recognise texts that stand for an empty cell, such as NaN and #N/A, which are no captions."""

import re
from typing import Any

# How pandas and databases write an empty cell, and spreadsheets one whose formula failed, in
# whatever language: #N/A, #NV, #REF!, #¿NOMBRE?
MISSING = re.compile(
    r"nan|NaN|NaT|<NA>|N/A|n/a|NA|None|NULL|null|Err:\d{3}|#GETTING_DATA"
    r"|#(NA|NV|[^\W\d_]/[^\W\d_])!?|#[¡¿]?[^\W\d_a-z][^\W_a-z/]*(/0)?[!?]"
)


def is_missing(value: Any) -> bool:
    """Return whether a value is a text that stands for an empty cell."""
    return isinstance(value, str) and bool(MISSING.fullmatch(value.strip()))
