"""Tell the encoding of a text file by its bytes, if they leave no doubt."""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MARKS = {  # longest first: the mark of UTF-32 begins with that of UTF-16
    codecs.BOM_UTF32_LE: ("utf-32", "UTF-32"),
    codecs.BOM_UTF32_BE: ("utf-32", "UTF-32"),
    codecs.BOM_UTF8: ("utf-8-sig", "UTF-8"),
    codecs.BOM_UTF16_LE: ("utf-16", "UTF-16"),
    codecs.BOM_UTF16_BE: ("utf-16", "UTF-16"),
}
BLOCK = 2**20
HEAD = 4096
MOST_WORDS = 20_000  # with letters beyond ASCII, that are looked at
WORD = re.compile(rb"[A-Za-z\x80-\xff]+")
UNCLEAR = re.compile(  # as likely in Windows-1252 as in Mac Roman: a–b or añb, Ïu or œu, Òa or “a
    rb"[A-Za-z][\x96\x97][A-Za-z]|^[\xce\xcf\xd2\xd3\xd4\xd5][a-z]"
)
MULTIBYTE = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
)
# Characters that are no letters, by where they stand beside some.
IN_WORDS = "·´–—…"
BEFORE_WORDS = "“‘«„‚‹¿¡£¥§°©•" + IN_WORDS
AFTER_WORDS = "”»›“’°ªº²³¹®™©" + IN_WORDS
SIGNS = BEFORE_WORDS + AFTER_WORDS
NO_LETTERS = "ƒˆ˜"  # though Unicode says so
# Quotation marks, dashes and single letters of Mac Roman (å, ö, é), in Windows-1252.
SELDOM_ALONE = "ÒÓÔÕÐÑÇÈŒœŠšŽžŸ"
SELDOM = re.compile(  # ö, û, é, ü and ú of Mac Roman, in Windows-1252
    r"""^(?:[rl]|[bcdfghjkmnpqstwxz]+)[šž](?:[bcdfghjklmnpqrstvwxzšž]|$)  # schšn, Kšln
    |^ž[cfkpqstx]                       # žtude; Žižek and Žganjar can be
    |^ÿ                                 # Ÿber; L’HAŸ can be
    |[aeouyáéóúàèòùäëöü]œ|œ$        # baœl, Perœ
    """,
    re.IGNORECASE | re.VERBOSE,
)
APOSTROPHE = re.compile(r"\w{0,2}’\w+|\w+’(s|t|d|m|n|ll|re|ve|er|en|S)?")
LIKELY, UNLIKELY = 0.95, 0.6  # shares of words
LONGEST_RUN = 3  # letters beyond ASCII that follow each other in a Western word


@dataclass(frozen=True)
class Encoding:
    """An encoding, by Python's name for it; ``said`` is for people, empty for UTF-8."""

    name: str
    said: str = ""


UTF_8 = Encoding("utf-8-sig")


def detect(path: Path) -> Encoding | None:
    """Return the encoding of a text file, or None if that is uncertain.

    The order is: a byte order mark, UTF-16 as the zeros in it show, UTF-8 if all of the file is
    that, and then Windows-1252 or Mac Roman if the letters of the one, and not of the other, stand
    where letters can stand in words.
    """
    with path.open("rb") as fp:
        head = fp.read(HEAD)
    for mark, (name, said) in MARKS.items():
        if head.startswith(mark):
            return UTF_8 if said == "UTF-8" else Encoding(name, said)
    if b"\0" in head:
        return _by_zeros(path, head)
    if _decodes(path, "utf-8"):
        return UTF_8
    return _of_one_byte(path)


def _by_zeros(path: Path, head: bytes) -> Encoding | None:
    """Return UTF-16 if every second byte of most characters is zero, as in Latin letters."""
    even, odd = head[::2].count(0), head[1::2].count(0)
    for name, zeros, others in (("utf-16-le", odd, even), ("utf-16-be", even, odd)):
        is_likely = others == 0 and zeros * 4 >= len(head)
        if is_likely and _decodes(path, name):
            return Encoding(name, "UTF-16")
    return None


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for block in _blocks(path):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as fp:
        while block := fp.read(BLOCK):
            yield block


def _of_one_byte(path: Path) -> Encoding | None:
    words = _words(path)
    if _is_mostly_utf_8(words):
        return None
    clear = [word for word in words if not UNCLEAR.search(word)]
    western, mac, dos = (_share(clear, n) for n in ("cp1252", "mac-roman", "cp850"))
    can_be_mac = mac >= LIKELY and _is_in_lower_case(clear, "mac-roman")
    if western >= LIKELY:
        doubt = " (or Mac Roman, which is as likely here)" if can_be_mac else ""
        return Encoding("cp1252", f"Windows-1252{doubt}")
    if can_be_mac and western < UNLIKELY and dos < LIKELY:
        return Encoding("mac-roman", "Mac Roman")
    return None


def _is_in_lower_case(words: list[bytes], encoding: str) -> bool:
    """Return whether most letters are lower-case, as they are in texts but not in garbled ones."""
    letters = [c for w in words for c in w.decode(encoding) if c > "\x7f"]
    upper = sum(letter.isupper() for letter in letters)
    return upper * 2 < sum(map(_is_letter, letters))


def _words(path: Path) -> list[bytes]:
    """Return the first words with characters beyond ASCII."""
    found: list[bytes] = []
    for block in _blocks(path):
        found += [word for word in WORD.findall(block) if not word.isascii()]
        if len(found) >= MOST_WORDS:
            break
    return found[:MOST_WORDS]


def _is_mostly_utf_8(words: list[bytes]) -> bool:
    """Return whether this is UTF-8 with a few damaged bytes; other encodings would garble it."""
    right = wrong = 0
    for word in words:
        rest, count = MULTIBYTE.subn(b"", word)
        right += count
        wrong += sum(byte > 0x7F for byte in rest)
    return right * 4 > wrong


def _share(words: list[bytes], encoding: str) -> float:
    """Return how many of the words could be words in an encoding; 0 if some bytes are not in it."""
    try:
        decoded = [word.decode(encoding) for word in words]
    except UnicodeDecodeError:
        return 0.0
    return sum(map(_is_word, decoded)) / max(1, len(decoded))


def _is_word(word: str) -> bool:
    """Return whether letters and signs stand where they can stand in a Western language."""
    run = 0
    if word in SELDOM_ALONE or SELDOM.search(word.strip(SIGNS)):
        return False
    for place, letter in enumerate(word):
        run = run + 1 if letter > "\x7f" and _is_letter(letter) else 0
        before, after = word[:place][-1:], word[place + 1 : place + 2]
        is_odd = letter > "\x7f" and _is_odd(letter, before, after)
        if is_odd or run >= LONGEST_RUN:
            return False
    return "’" not in word or bool(APOSTROPHE.fullmatch(word.strip("“”‘")))


def _is_odd(letter: str, before: str, after: str) -> bool:
    """Return whether this character, beyond ASCII, cannot stand between these."""
    if letter in NO_LETTERS or not (letter.isprintable() or letter == "\xa0"):
        return True
    follows, precedes = _is_letter(before), _is_letter(after)
    if not _is_letter(letter):
        is_after = not follows or letter in AFTER_WORDS
        is_before = not precedes or letter in BEFORE_WORDS or letter in "’\xa0"
        is_within = follows and precedes and letter not in IN_WORDS + "’"
        return letter != "\xa0" and (is_within or not (is_after and is_before))
    if letter.isupper():
        return before.islower() or (follows and after.islower())
    return after.isupper()


def _is_letter(character: str) -> bool:
    return character.isalpha() and character not in NO_LETTERS
