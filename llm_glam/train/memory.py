"""The memory that training towers takes, and whether it is there."""

from dataclasses import dataclass
from typing import Any

from ..errors import TrainingFailed

NUMBER = 4  # bytes
# Numbers kept for each number that goes through a block: what its parts were given.
KEPT = 20
MOST_AT_ONCE = {"cpu": 2**30}  # bytes of pairs; more makes no processor faster
MOST_ON_CARD = 2**33
PART = 4  # of the memory, that pairs may take


@dataclass(frozen=True)
class Sizes:
    """Of a checkpoint: all ``weights``, those that are ``learning``, and bytes of a pair."""

    weights: int
    learning: int
    pair: int


def pair_of(config: Any, blocks: int | None = None) -> int:
    """The bytes that a picture and its text leave in the towers for the way back.

    :param config: of a CLIP; ``blocks`` of each tower that learn, None for all
    """
    vision, text = config.vision_config, config.text_config
    patches = (vision.image_size // vision.patch_size) ** 2 + 1
    total = 0
    for tower, tokens in ((vision, patches), (text, text.max_position_embeddings)):
        layers = min(blocks or tower.num_hidden_layers, tower.num_hidden_layers)
        total += tokens * tower.hidden_size * layers * KEPT * NUMBER
    return total


def at_once(sizes: Sizes, batch: int, device: str, free: int) -> int:
    """So many pairs of a batch go through the towers together: a power of two, or all."""
    most = min(MOST_AT_ONCE.get(device, MOST_ON_CARD), free // PART)
    fitting = max(1, most // sizes.pair)
    return batch if fitting >= batch else 2 ** (fitting.bit_length() - 1)


def needed(sizes: Sizes, pairs: int, device: str) -> int:
    """The bytes it takes.

    Weights; of those that learn a gradient and two moments; and on the processor three copies, of
    the start, the last epoch and the best, which with a card lie in other memory.
    """
    copies = 3 if device == "cuda" else 6
    return NUMBER * (sizes.weights + copies * sizes.learning) + pairs * sizes.pair


def free(device: Any) -> int:
    """The bytes of memory that a device has left.

    :param device: as torch has it
    """
    if device.type == "cuda":
        import torch

        return int(torch.cuda.mem_get_info(device)[0])
    import psutil

    return int(psutil.virtual_memory().available)


def check(wanted: int, there: int, tune: str, device: str) -> None:
    """See whether training fits.

    :raises TrainingFailed: says what takes less
    """
    if wanted <= there:
        return
    less = "last-block" if tune == "all" else "projections"
    other = "" if device == "cpu" else ", or --device cpu"
    raise TrainingFailed(
        f"--tune {tune} needs about {wanted / 1e9:.1f} GB of memory with this checkpoint, but "
        f"only {there / 1e9:.1f} GB are free. Use --tune {less}{other}, or close other programs."
    )
