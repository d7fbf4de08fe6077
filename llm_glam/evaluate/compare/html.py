"""Render a comparison of two collections as one self-contained HTML page."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...db import embeddings
from ...db.collection import Collection
from ...formats import atomic, single_page
from ...images import data_urls
from ...models import registry
from . import collection_pair, wording
from .collection_pair import Answer, CollectionPair, RankedPicture

AT_ONCE = 500

TemplateData = dict[str, Any]


def write(
    path: Path, pair: CollectionPair, answers: Sequence[Answer], figures: dict[str, Any]
) -> int:
    """Write the page atomically.

    :param figures: what :func:`llm_glam.evaluate.compare.agreement.between` returns
    :return: its size in bytes
    :raises OSError: it cannot be written
    """
    content = render(pair, answers, figures).encode("utf-8", "replace")
    atomic.write_bytes(path, content)
    return len(content)


def render(
    pair: CollectionPair, answers: Sequence[Answer], figures: dict[str, Any]
) -> str:
    """Return the page as text, with everything from outside escaped."""
    template = single_page.template(Path(__file__).with_name("comparison.html"))
    return template.render(
        old=pair.old,
        new=pair.new,
        count=len(pair.shared),
        made=registry.now()[:10],
        left_out=list(wording.left_out(pair)),
        verdicts=wording.of_agreement(figures),
        queries=[_section(pair, answer) for answer in answers],
    )


def _section(pair: CollectionPair, answer: Answer) -> TemplateData:
    ids = [one.id for one in (*answer.old, *answer.new)]
    subject = answer.subject if answer.subject in pair.shared else None
    ids += [subject] if subject else []
    names, pictures = collection_pair.titles(pair, ids), _pictures(pair, ids)
    shown = {i: {"title": names[i] or i, "picture": pictures.get(i)} for i in ids}
    return {
        "text": answer.query,
        "verdict": wording.of_answer(answer),
        "subject": shown[subject] if subject else None,
        "sides": [
            _side("Old", pair.old, "new", answer.old, shown, len(answer.new)),
            _side("New", pair.new, "old", answer.new, shown, len(answer.old)),
        ],
    }


def _side(
    heading: str,
    collection: Collection,
    other: str,
    places: Sequence[RankedPicture],
    shown: dict[str, TemplateData],
    depth: int,
) -> TemplateData:
    """Return one column: its cards give each picture's rank in the other's first ``depth``."""
    cards = [
        {
            **shown[one.id],
            "rank": one.rank,
            "score": f"{one.score:.3f}",
            "in_both": one.other is not None and one.other <= depth,
            "mark": _mark(one, other, depth),
        }
        for one in places
    ]
    return {"heading": heading, "collection": collection, "cards": cards}


def _mark(place: RankedPicture, other: str, depth: int) -> str:
    """Say where a picture ranks in the other collection, and how it moved from old to new."""
    if place.other is None:
        return f"No longer in {other}"
    if place.other > depth:
        return f"Rank {place.other:,} in {other}"
    if place.other == place.rank:
        return "In both, same rank"
    risen = (place.other - place.rank) * (1 if other == "old" else -1)
    moved = f"up {risen}" if risen > 0 else f"down {-risen}"
    return f"In both: rank {place.other} in {other}, {moved}"


def _pictures(pair: CollectionPair, ids: Sequence[str]) -> dict[str, TemplateData]:
    """Return thumbnails with their sizes, as data URLs."""
    found: dict[str, TemplateData] = {}
    for start in range(0, len(ids), AT_ONCE):
        some = list(ids[start : start + AT_ONCE])
        marks = embeddings.placeholders(some)
        sql = f"""
            select id, width, height, content from glam_thumbnails
            where items_table = ? and id in ({marks})
        """
        for row in pair.db.query(sql, [pair.old.items_table, *some]):
            if address := data_urls.address(row["content"]):
                sizes = {key: row[key] for key in ("width", "height")}
                found[row["id"]] = {"address": address, **sizes}
    return found
