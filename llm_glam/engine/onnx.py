"""The fast engine: run a checkpoint's two towers in ONNX Runtime, without torch.

It reads a folder exported once by :mod:`llm_glam.engine.export`: ``image.onnx`` and
``text.onnx`` with their weights, ``tokenizer.json`` and ``engine.json``.
"""

import json
import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import BadCheckpoint
from . import FP32, Vectors
from .preprocess import Preprocessing

FORMAT = 1
DESCRIPTION = "engine.json"
PICTURES_AT_ONCE = 8  # on one core
TEXTS_AT_ONCE = 64


class OnnxEncoder:
    """An exported checkpoint; each tower is loaded on first use."""

    def __init__(self, folder: Path) -> None:
        """Read an exported checkpoint.

        :raises OSError: the folder is missing or incomplete
        :raises ValueError: it is damaged, or of another version
        """
        known = json.loads((folder / DESCRIPTION).read_text("utf-8"))
        if known.get("format") != FORMAT:
            raise ValueError(f"{folder} was exported by another version")
        preprocessing = Preprocessing.of(known["preprocessing"])
        if preprocessing is None:
            raise ValueError(f"{folder} uses preprocessing that is not supported")
        self.fingerprint: str = known["fingerprint"]
        self.dimensions: int = known["dimensions"]
        self.precision: str = known["precision"]
        self.needed = preprocessing.needed
        self._prepare = preprocessing
        self._folder = folder
        self._towers: dict[str, Any] = {}
        self._tokenizer: Any = None
        self._lock = threading.Lock()
        # One core per batch, several batches at once: a batch on all cores would wait for the core
        # that is decoding a picture.
        self._pool = ThreadPoolExecutor(cores(), thread_name_prefix="glam-onnx")

    def prepare(self, picture: Any) -> NDArray[np.float32]:
        """Return the model's input for one RGB picture; thread-safe."""
        return self._prepare(picture)

    def encode_prepared(self, prepared: Sequence[NDArray[np.float32]]) -> Vectors:
        """Return vectors, shape (n, dimensions), float32, in the order of ``prepared``."""
        size = min(self._at_once(PICTURES_AT_ONCE), -(-len(prepared) // cores()) or 1)
        parts = [prepared[i : i + size] for i in range(0, len(prepared), size)]
        return self._joined(list(self._pool.map(self._encode_pictures, parts)))

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Return vectors, shape (n, dimensions), float32; longer text is truncated."""
        parts = []
        size = self._at_once(TEXTS_AT_ONCE)
        for start in range(0, len(texts), size):
            tokens = self._tokens(list(texts[start : start + size]))
            parts.append(self._run("text", tokens))
        return self._joined(parts)

    def _at_once(self, most: int) -> int:
        """Return the batch size: 1 for int8, where a vector would depend on its batch."""
        return most if self.precision == FP32 else 1

    def close(self) -> None:
        """Close the files: Windows cannot rename a folder whose files are open."""
        self._pool.shutdown()
        self._towers.clear()

    def _encode_pictures(self, part: Sequence[NDArray[np.float32]]) -> Vectors:
        return self._run("image", {"pixel_values": np.stack(part)})

    def _joined(self, parts: list[Vectors]) -> Vectors:
        return np.concatenate([np.empty((0, self.dimensions), np.float32), *parts])

    def _run(self, tower: str, inputs: dict[str, Any]) -> Vectors:
        (vectors,) = self._tower(tower).run(None, inputs)
        return vectors

    def _tower(self, name: str) -> Any:
        with self._lock:
            if name not in self._towers:
                self._towers[name] = self._opened(name)
            return self._towers[name]

    def _opened(self, name: str) -> Any:
        try:
            # Texts come one at a time, usually in a process that ends afterwards.
            return session(self._folder / f"{name}.onnx", quick=name == "text")
        # ONNX Runtime has no public exceptions of its own.
        except Exception as error:
            raise BadCheckpoint(
                "The model exported for the fast engine can no longer be read. Delete the folder "
                f"{self._folder}; it is exported again the next time pictures are embedded."
            ) from error

    def _tokens(self, texts: list[str]) -> dict[str, Any]:
        with self._lock:
            if self._tokenizer is None:
                from tokenizers import Tokenizer

                self._tokenizer = Tokenizer.from_file(
                    str(self._folder / "tokenizer.json")
                )
            encoded = self._tokenizer.encode_batch(texts)
        return {
            "input_ids": np.array([one.ids for one in encoded], np.int64),
            "attention_mask": np.array(
                [one.attention_mask for one in encoded], np.int64
            ),
        }


def folder_name(fingerprint: str, precision: str) -> str:
    """Return the name of a checkpoint's export."""
    return fingerprint if precision == FP32 else f"{fingerprint}-{precision}"


def session(model: Path | bytes, *, quick: bool = False) -> Any:
    """Open a model on the CPU, for one core at a time.

    :param model: a file, or its content
    :param quick: open it at once, for a few runs on all cores
    :raises Exception: whatever ONNX Runtime raises
    """
    import onnxruntime

    options = _options(onnxruntime)
    if quick:
        options.intra_op_num_threads = cores()
        level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.graph_optimization_level = level
        options.add_session_config_entry("session.disable_prepacking", "1")
    source = model if isinstance(model, bytes) else str(model)
    return onnxruntime.InferenceSession(
        source, options, providers=["CPUExecutionProvider"]
    )


def optimise(model: Path, target: Path) -> None:
    """Write a model with its operations fused, and its weights in a file to be memory-mapped.

    :param target: the weights go beside it, with the suffix ``.bin``
    """
    import onnxruntime

    options = _options(onnxruntime)
    level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.graph_optimization_level = level
    options.optimized_model_filepath = str(target)
    weights = "session.optimized_model_external_initializers_"
    options.add_session_config_entry(
        f"{weights}file_name", target.with_suffix(".bin").name
    )
    options.add_session_config_entry(f"{weights}min_size_in_bytes", "1024")
    onnxruntime.InferenceSession(
        str(model), options, providers=["CPUExecutionProvider"]
    )


def _options(onnxruntime: Any) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    # Spinning threads would take the cores away from those that decode pictures.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def cores() -> int:
    """Return the number of cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
