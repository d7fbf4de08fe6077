"""Get the vectors of a batch: stored ones where possible, the rest from the encoder."""

from collections.abc import Sequence
from typing import Literal

from sqlite_utils import Database

from ..db import embeddings
from ..db.collection import Collection
from ..engine import Encoder, Vectors, encode_mixed
from ..vectors import is_usable, to_bytes
from .prefetch import Ready

Status = Literal["embedded", "unchanged", "copies"]


def resolve(
    db: Database,
    collection: Collection,
    encoder: Encoder,
    batch: Sequence[Ready],
    *,
    trust_stored: bool = True,
) -> list[tuple[Status, bytes]]:
    """Return each entry's status and its vector, in the format that LLM stores.

    Entries with the same content are embedded once, whatever their ids.

    :param trust_stored: False to embed pictures again that have an orientation tag or are not
        8-bit RGB, because the program that stored their vectors may not have converted them
    """
    stored = _by_content(
        db, collection, [r for r in batch if trust_stored or _is_plain(r)]
    )
    current = embeddings.content_hashes(db, collection, [r.entry.id for r in batch])
    new = {r.md5: r for r in reversed(batch) if r.md5 not in stored}
    first_ids = {md5: r.entry.id for md5, r in new.items()}
    computed = dict(zip(new, encode(encoder, list(new.values())), strict=True))
    result: list[tuple[Status, bytes]] = []
    for ready in batch:
        if ready.md5 in computed:
            is_first = first_ids[ready.md5] == ready.entry.id
            status: Status = "embedded" if is_first else "copies"
            result.append((status, to_bytes(computed[ready.md5])))
        else:
            is_same = current.get(ready.entry.id) == ready.md5
            status = "unchanged" if is_same else "copies"
            result.append((status, stored[ready.md5]))
    return result


def encode(encoder: Encoder, batch: Sequence[Ready]) -> Vectors:
    """Return the vectors of texts and pictures that were read, in order.

    :return: shape (n, dimensions)
    """
    contents = [ready.entry.content for ready in batch]
    inputs = [
        content if isinstance(content, str) else ready.prepared
        for content, ready in zip(contents, batch, strict=True)
    ]
    return encode_mixed(encoder, inputs)


def _is_plain(ready: Ready) -> bool:
    return ready.facts is None or ready.facts.plain


def _by_content(
    db: Database, collection: Collection, batch: Sequence[Ready]
) -> dict[bytes, bytes]:
    hashes = list({ready.md5 for ready in batch})
    stored = embeddings.vectors_by_hash(db, collection.id, hashes)
    return {md5: v for md5, v in stored.items() if is_usable(v, collection.dimensions)}
