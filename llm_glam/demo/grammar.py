"""What words become in a phrase: plurals and articles."""

import re

SPOKEN_WITH_CONSONANT = "ewer|uten|unif|one"  # begins with a vowel only in writing
BEFORE_VOWEL = re.compile(rf"\b([Aa])n? (?=(?!{SPOKEN_WITH_CONSONANT})[aeiou])")


def with_articles(text: str) -> str:
    """The text with *an* for *a* before a vowel."""
    return BEFORE_VOWEL.sub(r"\1n ", text)


def plural(text: str) -> str:
    """The plural of a noun or of the noun a phrase is about."""
    head, of, rest = text.partition(" of ")
    head, with_, tail = (head, of, rest) if of else text.partition(" with ")
    irregular = {
        "person": "people",
        "man": "men",
        "woman": "women",
        "fish": "fish",
        "ox": "oxen",
    }
    before, _, noun = head.rpartition(" ")
    if noun in irregular:
        noun = irregular[noun]
    elif noun.endswith(("s", "x", "ch", "sh")):
        noun += "es"
    elif noun.endswith("y") and noun[-2] not in "aeiou":
        noun = noun[:-1] + "ies"
    elif noun.endswith("f") or noun.endswith("fe"):
        noun = noun.rstrip("fe") + "ves"
    else:
        noun += "s"
    return " ".join(filter(None, [before, noun])) + with_ + tail
