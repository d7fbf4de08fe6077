"""A collection of vectors, as its row says what it is."""

from dataclasses import dataclass

from ..models import registry


@dataclass(frozen=True)
class Collection:
    """A collection of vectors and what we know about it.

    ``fingerprint`` and ``items_table`` are None for a collection that we have not written to
    yet, such as one of llm-clip's.
    """

    id: int
    name: str
    model_id: str
    fingerprint: str | None = None
    precision: str = "fp32"
    dimensions: int | None = None
    items_table: str | None = None

    @property
    def is_ours(self) -> bool:
        """Was it made with one of our models?"""
        return registry.is_ours(self.model_id)
