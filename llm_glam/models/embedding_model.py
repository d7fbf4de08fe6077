"""The embedding model ``glam-clip`` as LLM sees it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import llm

from ..errors import BadImage, GlamError, RegistryError
from . import registry

if TYPE_CHECKING:
    from ..engine import Encoder, Vectors
    from ..images.decoding import AnyPicture
    from .engine_choice import EngineOptions

AT_ONCE = 32


class GlamClip(llm.EmbeddingModel):
    """A CLIP checkpoint for texts (``str``) and pictures (``bytes``), in any mixture.

    Called from Python, it takes paths (``Path``) of pictures and Pillow's pictures as well.
    """

    supports_text = True
    supports_binary = True

    def __init__(self, name: str) -> None:
        self.name = name
        self.model_id = f"{registry.PREFIX}/{name}"

    def encoder(
        self,
        *,
        download: bool = True,
        engine_options: "EngineOptions | None" = None,
    ) -> "Encoder":
        """Return the loaded checkpoint, shared by all model objects of this process.

        :param engine_options: precision and device; None for a query in fp32
        :raises GlamError: one sentence why it cannot be loaded
        """
        from . import loading

        return loading.encoder(self.name, engine_options, download=download)

    def embed_batch(
        self,
        items: "Iterable[str | AnyPicture]",
        *,
        key: str | None = None,
    ) -> Iterator[list[float]]:
        """Yield one vector per item, in order.

        :raises BadImage: one that is not a picture, with its position or path
        :raises GlamError: the checkpoint cannot be loaded
        """
        iterator = iter(items)
        position = 0
        while batch := list(islice(iterator, AT_ONCE)):
            yield from encode(self.encoder(), batch, first=position).tolist()
            position += len(batch)


def encode(
    encoder: "Encoder",
    items: "Sequence[str | AnyPicture]",
    *,
    first: int = 0,
) -> "Vectors":
    """Return the vectors of texts and pictures in one list, shape (n, dimensions), in order.

    :param first: position of the first item in the whole input, for error messages
    :raises BadImage: bytes that are not a picture
    """
    from ..engine import encode_mixed

    return encode_mixed(
        encoder,
        [
            item if isinstance(item, str) else _prepare(encoder, item, first + i)
            for i, item in enumerate(items)
        ],
    )


def _prepare(encoder: "Encoder", item: "AnyPicture", position: int) -> object:
    from ..images import decoding

    try:
        with decoding.quiet():
            return encoder.prepare(decoding.read_any(item).image)
    except BadImage as error:
        name = item if isinstance(item, Path) else f"Picture {position + 1}"
        raise BadImage(f"{name} cannot be used: {error.message}.") from error


def register_models(register: Callable[..., None]) -> None:
    """Register every checkpoint with LLM; bare ``glam-clip`` is an alias of the default one.

    A damaged models.json or an unknown default must not stop LLM from working: the problem
    is reported when one of our models is used.
    """
    try:
        names = [entry.name for entry in registry.checkpoints()]
        default = registry.default_name()
    except RegistryError:
        names, default = [registry.STOCK], registry.STOCK
    for name in names if default in names else [*names, default]:
        register(GlamClip(name), aliases=(registry.PREFIX,) if name == default else ())


def find(model_id: str) -> GlamClip:
    """Return the model with this id, registered or not; bare ``glam-clip`` is the default.

    :raises GlamError: the list of checkpoints is damaged
    """
    if model_id == registry.PREFIX:
        return GlamClip(registry.default_name())
    if not registry.is_ours(model_id):
        raise GlamError(f"'{model_id}' is not a glam-clip model.")
    return GlamClip(registry.bare(model_id))


def resolve(model: str | None) -> str:
    """Return the full id of one of our models, given its id, its name, or one of LLM's aliases.

    :param model: None for the default checkpoint
    :raises GlamError: it is not one of ours, or not registered
    """
    chosen = model or registry.PREFIX
    try:
        found = llm.get_embedding_model(chosen)
    except llm.UnknownModelError:
        return registry.get(registry.bare(chosen)).model_id
    if not isinstance(found, GlamClip):
        raise GlamError(
            f"'{chosen}' is not a glam-clip model; see: llm glam models list"
        )
    return found.model_id
