"""A collection of vectors, as described by its rows in the database."""

from dataclasses import dataclass

from ..models import registry


@dataclass(frozen=True)
class Collection:
    """A collection of vectors and the checkpoint it was made with.

    ``fingerprint``, ``dimensions``, ``items_table`` and ``created`` are None for a collection that
    llm-glam has not written to yet, such as one created by llm-clip. ``uid`` is random: SQLite may
    give the id of a deleted collection to one with the same name. It is None for collections
    created by an earlier version.
    """

    id: int
    name: str
    model_id: str
    fingerprint: str | None = None
    precision: str = "fp32"
    dimensions: int | None = None
    items_table: str | None = None
    created: str | None = None
    uid: str | None = None

    @property
    def is_ours(self) -> bool:
        """Whether the collection was made with a glam-clip model."""
        return registry.is_ours(self.model_id)

    @property
    def embedding_space(self) -> tuple[str, str]:
        """The weights and the precision; only vectors for which both are equal can be compared."""
        return self.fingerprint or self.model_id, self.precision
