"""Check pictures and captions before a checkpoint is trained on them."""

from collections import Counter
from collections.abc import Sequence

from ..evaluate.pairs import pairs
from ..evaluate.pairs.holdout import Split
from ..evaluate.pairs.pairs import Pair
from .clip.caption_tokens import Look

FEW = 200  # training pictures
LARGE = 0.2  # share of all pictures in one group
SHOWN = 3
LONGEST_SHOWN = 60

Counts = dict[str, int]


def counts(those: Sequence[Pair], split: Split, look: Look) -> Counts:
    """Return statistics of the data."""
    captions = pairs.captions(those)
    shared = Counter(captions.captions)
    sharing = {
        p
        for p, c in zip(captions.pictures, captions.captions, strict=True)
        if shared[c] > 1
    }
    return {
        "pictures": len(those),
        "captions": len(captions.texts),
        "groups": len({pair.group for pair in those}),
        "largest_group": max(Counter(pair.group for pair in those).values()),
        "learnt_from": len(split.train),
        "held_out": len(split.held_out),
        "share_a_caption": len(sharing),
        "too_long": len(look.too_long),
        "unknown": len(look.unknown),
    }


def remarks(found: Counts, look: Look, texts: Sequence[str]) -> list[str]:
    """Describe the statistics in sentences, with advice.

    :param texts: the captions that ``look`` refers to
    """
    sentences = [
        f"{found['learnt_from']:,} pictures to train on, {found['held_out']:,} held out to "
        f"measure with; {found['captions']:,} different captions, {found['groups']:,} groups that "
        "are never split."
    ]
    if found["too_long"]:
        sentences.append(
            f"{found['too_long']:,} captions are longer than the {look.reads} tokens that the "
            f"checkpoint reads; the rest of them is not read: {_examples(texts, look.too_long)}. "
            "Put what matters first, or make shorter ones with --caption-template."
        )
    if found["unknown"]:
        sentences.append(
            f"{found['unknown']:,} captions have characters that the checkpoint's tokenizer does "
            "not know; everything after the first of these is not read: "
            f"{_examples(texts, look.unknown)}. CLIP's own vocabulary covers all characters: is "
            "this the right tokenizer? Otherwise use another --base, or leave such characters "
            "out."
        )
    if found["share_a_caption"]:
        sentences.append(
            f"{found['share_a_caption']:,} pictures share their caption with others; any of these "
            "counts as right."
        )
    if found["largest_group"] > LARGE * found["pictures"]:
        sentences.append(
            f"One group has {found['largest_group']:,} of the pictures: metrics say little if a "
            "few captions stand for many pictures."
        )
    if found["learnt_from"] < FEW:
        sentences.append(f"Fewer than {FEW} pictures to train on: do not expect much.")
    return sentences


def _examples(texts: Sequence[str], places: Sequence[int]) -> str:
    return "; ".join(_short(texts[place]) for place in places[:SHOWN])


def _short(text: str) -> str:
    one = " ".join(text.split())
    return f"“{one[:LONGEST_SHOWN]}…”" if len(one) > LONGEST_SHOWN else f"“{one}”"
