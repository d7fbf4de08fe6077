"""The reference engine: run whatever SentenceTransformer can load, in torch."""

import logging
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ..checkpoints.fingerprint import fingerprint
from ..errors import BadCheckpoint, BadDevice
from . import Vectors, weight_check
from .preprocess import Preprocessing, sensible_shape

PICTURES_AT_ONCE = 32
TEXTS_AT_ONCE = 128
DIFFERENT_WORDS = ("apple", "bronze sword", "letter", "ship in a harbour")
MOST_PIXELS = 4096  # a side of what a model is given of a picture
LONG_TEXT = "a letter from the harbour, " * 40
# These pool the last position, whatever is there, and have learnt with texts of one length.
PADDED_TO_THE_END = ("siglip", "siglip2")
CHATTY = ("transformers", "sentence_transformers", "huggingface_hub", "torch")


class TorchEncoder:
    """A checkpoint loaded by SentenceTransformer, on CUDA or MPS if available."""

    def __init__(
        self,
        directory: Path,
        known_fingerprint: str | None = None,
        *,
        device: str | None = None,
        half: bool | None = None,
    ) -> None:
        """Load a checkpoint and run its self-test.

        :param directory: in one of the layouts of :mod:`llm_glam.checkpoints.completion`
        :param known_fingerprint: skips computing it for files that have not changed
        :param device: a torch device name; the best available if None
        :param half: encode pictures in half precision (fp16) where the model allows it; by default
            only on CUDA
        :raises BadCheckpoint: it cannot be loaded, is not a CLIP, or fails the self-test
        :raises BadDevice: this computer does not have the device
        """
        self._lock = threading.Lock()
        self._at_once = PICTURES_AT_ONCE
        if device:
            check_device(device)
        with quiet():
            if known_fingerprint is None:
                weight_check.check_size(directory)
            self.model = load(directory, device).float().eval()
            _check_picture_size(processor_settings(self.model), directory)
            self._half = self.model.device.type == "cuda" if half is None else half
            if known_fingerprint is None:
                weight_check.check(self.model, directory)
                with _fitting(directory, "a long text"):
                    self.encode_texts([LONG_TEXT])
            with _fitting(directory, "words"):
                self.fingerprint = known_fingerprint or fingerprint(self.model)
            self.dimensions = self._self_test(directory)

    @property
    def needed(self) -> int:
        """The short side in pixels that a picture must keep; 0 if it must not be reduced."""
        known = Preprocessing.of(self.preprocessing())
        return known.needed if known else 0

    def preprocessing(self) -> dict[str, Any]:
        """Return the settings of the checkpoint's own image processor."""
        return processor_settings(self.model)

    def prepare(self, picture: Any) -> dict[str, Any]:
        """Return the model's inputs for one RGB picture; thread-safe."""
        return self.model.preprocess([sensible_shape(picture)])

    def encode_prepared(self, prepared: Sequence[dict[str, Any]]) -> Vectors:
        """Return vectors, shape (n, dimensions), float32, in the order of ``prepared``.

        The batch is halved whenever the device runs out of memory.

        :raises BadDevice: there is not enough memory for a single picture
        """
        import torch

        parts: list[Vectors] = []
        start = 0
        while start < len(prepared):
            batch = prepared[start : start + self._at_once]
            try:
                parts += [self._forward(features) for features in _stacked(batch)]
            except torch.OutOfMemoryError as error:
                self._take_fewer(error)
            else:
                start += len(batch)
        if not parts:
            return np.empty((0, self.dimensions), np.float32)
        return np.concatenate(parts)

    def _take_fewer(self, error: Exception) -> None:
        if self._at_once == 1:
            raise BadDevice(
                f"There is not enough free memory on '{self.model.device}' for this checkpoint. "
                "Use another device: --device cpu"
            ) from error
        self._at_once //= 2

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Return vectors, shape (n, dimensions), float32; longer text is truncated."""
        with self._lock, quiet():
            return np.asarray(
                self.model.encode(
                    list(texts), batch_size=TEXTS_AT_ONCE, show_progress_bar=False
                ),
                np.float32,
            )

    def _forward(self, features: dict[str, Any]) -> Vectors:
        import torch
        from sentence_transformers.util import batch_to_device

        device = self.model.device
        half = torch.autocast(device.type, torch.float16, enabled=self._half)
        with self._lock, torch.inference_mode(), half:
            out = self.model(batch_to_device(features, device))
            return out["sentence_embedding"].float().cpu().numpy()

    def _self_test(self, directory: Path) -> int:
        from PIL import Image

        with _fitting(directory, "words"):
            tokenized = [
                self.model.tokenizer(word)["input_ids"] for word in DIFFERENT_WORDS
            ]
        ids = {frozenset(word) for word in tokenized}
        if len(ids) < len(DIFFERENT_WORDS):
            raise BadCheckpoint(
                f"{directory} produces the same tokens for different words: its tokenizer files "
                "are missing or damaged. Register it again with: --base NAME_OR_FOLDER"
            )
        with _fitting(directory, "words"):
            words = self.encode_texts(DIFFERENT_WORDS)
        with _fitting(directory, "a picture"):
            sample = self.prepare(Image.new("RGB", (64, 48), "teal"))
            picture = self.encode_prepared([sample])
        if not (np.isfinite(words).all() and np.isfinite(picture).all()):
            raise BadCheckpoint(
                f"{directory} produces vectors with NaN or infinite values. Get the checkpoint "
                "again, or use another one."
            )
        if words.shape[1] != picture.shape[1]:
            raise BadCheckpoint(
                f"{directory} produces vectors of {words.shape[1]} dimensions for words and "
                f"{picture.shape[1]} for pictures, so they cannot be compared. Use another "
                "checkpoint."
            )
        if len(np.unique(words, axis=0)) < len(DIFFERENT_WORDS):
            raise BadCheckpoint(
                f"{directory} produces the same vector for different words. Use another "
                "checkpoint."
            )
        return int(words.shape[1])


@contextmanager
def _fitting(directory: Path, kind: str) -> Iterator[None]:
    """Explain errors while encoding.

    :raises BadCheckpoint: the parts of the checkpoint do not match
    """
    try:
        yield
    except (MemoryError, BadDevice):
        raise
    # torch, transformers and tokenizers each raise their own errors.
    except Exception as error:
        raise BadCheckpoint(
            f"{directory} cannot encode {kind}: {first_line(error)} Its configuration or its "
            "tokenizer belongs to another checkpoint."
        ) from error


@contextmanager
def quiet() -> Iterator[None]:
    """Suppress the libraries' logging and warnings (but not their errors)."""
    import transformers

    loggers = [logging.getLogger(name) for name in CHATTY]
    levels = [logger.level for logger in loggers]
    bars = transformers.utils.logging.is_progress_bar_enabled()
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    transformers.utils.logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        if bars:
            transformers.utils.logging.enable_progress_bar()


def processor_settings(model: Any) -> dict[str, Any]:
    """Return the settings of a SentenceTransformer's image processor."""
    processor = getattr(model.processor, "image_processor", model.processor)
    settings: dict[str, Any] = processor.to_dict()
    return settings


def _check_picture_size(settings: Mapping[str, Any], directory: Path) -> None:
    """Refuse preprocessing that would make pictures of gigabytes.

    :raises BadCheckpoint: names the size
    """
    for key in ("size", "crop_size", "pad_size"):
        for side in _numbers(settings.get(key)):
            if not 0 < side <= MOST_PIXELS:
                raise BadCheckpoint(
                    f"{directory} has preprocessing for pictures with a side of {side:,} pixels, "
                    f"1 to {MOST_PIXELS:,} can be used. Get the checkpoint again."
                )


def _numbers(value: Any) -> Iterator[float]:
    """Yield all numbers in lists and mappings, however they are nested."""
    if isinstance(value, int | float):
        yield value
    elif isinstance(value, Mapping | list | tuple):
        for one in value.values() if isinstance(value, Mapping) else value:
            yield from _numbers(one)


def check_device(device: str) -> None:
    """Check that torch can use a device.

    :raises BadDevice: it cannot
    """
    import torch

    try:
        torch.empty(1, device=device).cpu()
    # RuntimeError, AssertionError or NotImplementedError, depending on the device
    except Exception as error:
        raise BadDevice(
            f"The model cannot run on '{device}' on this computer: {first_line(error)}. Leave out "
            "--device (or unset LLM_GLAM_DEVICE) to use the best device available."
        ) from error


def load(directory: Path, device: str | None) -> Any:
    """Load a checkpoint as a SentenceTransformer, from local files and without remote code.

    :raises BadCheckpoint: it cannot be loaded, or is not a CLIP
    """
    from sentence_transformers import SentenceTransformer

    try:
        model = SentenceTransformer(
            str(directory),
            device=device,
            local_files_only=True,
            trust_remote_code=False,
        )
    except MemoryError:
        raise
    # transformers, safetensors, torch and pickle each raise their own errors.
    except Exception as error:
        raise BadCheckpoint(
            f"The checkpoint {directory} cannot be loaded: {first_line(error)}"
        ) from error
    if not {"text", "image"} <= set(model.modalities):
        raise BadCheckpoint(
            f"{directory} is not a CLIP model: it understands only "
            f"{' and '.join(model.modalities)}. Use a checkpoint for both text and pictures."
        )
    _pad_texts(model)
    return model


def _pad_texts(model: Any) -> None:
    """Pad the texts of a SigLIP to the length it was trained with, not to the longest of a batch.

    Otherwise a text's vector would depend on the texts beside it.
    """
    config: Any = getattr(model[0], "config", None)
    if getattr(config, "model_type", None) not in PADDED_TO_THE_END:
        return
    longest = config.text_config.max_position_embeddings
    texts = model[0].processing_kwargs.setdefault("text", {})
    texts.update(padding="max_length", max_length=longest, truncation=True)


def first_line(error: Exception) -> str:
    """Return the first line of an error's message."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _stacked(prepared: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield one batch if all inputs have the same shape, as CLIP's do; otherwise one at a time."""
    import torch

    shapes = {
        tuple((k, tuple(v.shape)) for k, v in p.items() if isinstance(v, torch.Tensor))
        for p in prepared
    }
    if len(shapes) > 1:
        yield from prepared
        return
    yield {
        key: (
            torch.cat([p[key] for p in prepared])
            if isinstance(first, torch.Tensor)
            else first
        )
        for key, first in prepared[0].items()
    }
