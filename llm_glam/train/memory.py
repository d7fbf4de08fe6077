"""Estimate the memory that training towers needs, and check that it is available."""

from dataclasses import dataclass
from typing import Any

from ..errors import TrainingFailed

NUMBER = 4  # bytes
# Activations stored for each value that goes through a block.
KEPT = 20
MOST_AT_ONCE = {"cpu": 2**30}  # bytes of pairs; more does not make a CPU faster
MOST_ON_CARD = 2**33
PART = 4  # of the memory: the share that pairs may take


@dataclass(frozen=True)
class Sizes:
    """The sizes of a checkpoint: all ``weights``, the ``learning`` ones, and bytes per ``pair``."""

    weights: int
    learning: int
    pair: int


def pair_of(config: Any, blocks: int | None = None) -> int:
    """Return the bytes of activations that a pair leaves in the towers for the backward pass.

    :param config: of a CLIP; ``blocks`` of each tower to train, None for all
    """
    vision, text = config.vision_config, config.text_config
    patches = (vision.image_size // vision.patch_size) ** 2 + 1
    total = 0
    for tower, tokens in ((vision, patches), (text, text.max_position_embeddings)):
        layers = min(blocks or tower.num_hidden_layers, tower.num_hidden_layers)
        total += tokens * tower.hidden_size * layers * KEPT * NUMBER
    return total


def at_once(sizes: Sizes, batch: int, device: str, free: int) -> int:
    """Return how many pairs of a batch go through the towers together: a power of two, or all."""
    most = min(MOST_AT_ONCE.get(device, MOST_ON_CARD), free // PART)
    fitting = max(1, most // sizes.pair)
    return batch if fitting >= batch else 2 ** (fitting.bit_length() - 1)


def needed(sizes: Sizes, pairs: int, device: str) -> int:
    """Return the bytes that training needs.

    These are the weights; a gradient and two moments of trained weights; and on the CPU three
    copies, of the start, the last epoch and the best, which are not in a GPU's memory.
    """
    copies = 3 if device == "cuda" else 6
    return NUMBER * (sizes.weights + copies * sizes.learning) + pairs * sizes.pair


def free(device: Any) -> int:
    """Return the bytes of memory that a device has left.

    :param device: a torch device
    """
    if device.type == "cuda":
        import torch

        return int(torch.cuda.mem_get_info(device)[0])
    import psutil

    return int(psutil.virtual_memory().available)


def check(wanted: int, there: int, tune: str, device: str) -> None:
    """Check that training fits into memory.

    :raises TrainingFailed: says what needs less
    """
    if wanted <= there:
        return
    less = "last-block" if tune == "all" else "projections"
    other = "" if device == "cpu" else ", or --device cpu"
    raise TrainingFailed(
        f"--tune {tune} needs about {wanted / 1e9:.1f} GB of memory with this checkpoint, but "
        f"only {there / 1e9:.1f} GB are free. Use --tune {less}{other}, or close other programs."
    )
