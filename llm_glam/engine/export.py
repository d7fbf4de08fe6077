"""Export a checkpoint for the fast engine, in a separate process.

``python -m llm_glam.engine.export CHECKPOINT FOLDER`` prints the checkpoint's fingerprint and
writes a folder named after it, atomically, and only after comparing its vectors with those of
torch. ``--precision int8`` stores the weights of matrix products in eight bits.
"""

import argparse
import errno
import json
import logging
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .. import platforms
from ..errors import GlamError
from ..formats import atomic
from ..vectors import paired_cosines
from . import FP32, INT8, PRECISIONS
from .onnx import DESCRIPTION, FORMAT, OnnxEncoder, folder_name, optimise
from .preprocess import Preprocessing
from .torch import TorchEncoder, first_line, quiet

# Lowest cosine with torch's vectors for the same pixels, also after subtracting the mean vector.
# int8 is only checked for working: how close it is depends on the checkpoint and on the pictures.
CLOSE_ENOUGH = {FP32: (0.9999, 0.999), INT8: (0.9, 0.0)}
TEXTS = (
    "a photograph of a raccoon",
    "bronze brooch, 6th century BCE",
    "Çatalhöyük: figurine féminine (№ 3)",
    "a",
    "ship in a harbour, seen from the lighthouse " * 20,
    "terracotta statuette",
    "letter, 1909",
    "blue",
)
SHAPES = (
    (300, 200),
    (64, 64),
    (200, 513),
    (37, 91),
    (800, 600),
    (224, 224),
    (31, 640),
    (640, 480),
)
OPSET = 17
WORK = ".export-"
HOURS_OF_AN_EXPORT = 6
INPUTS = {"image": {"pixel_values"}, "text": {"input_ids", "attention_mask"}}
IMPOSSIBLE, NOT_NOW = 3, 4  # Python itself exits with 1 or 2 if something is wrong


class NotExportable(Exception):
    """A checkpoint that the fast engine cannot run, although torch can."""


def main(words: Sequence[str] | None = None) -> None:
    """Export a checkpoint; the exit status says whether failure is final or worth a retry.

    :param words: the arguments, if they are not those of the command line
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--precision", choices=PRECISIONS, default=FP32)
    args = parser.parse_args(words)
    try:
        encoder = TorchEncoder(args.checkpoint, device="cpu")
        print(encoder.fingerprint, flush=True)
        folder = args.folder / folder_name(encoder.fingerprint, args.precision)
        if not is_complete(folder):
            export(encoder, folder, args.precision)
    except (NotExportable, GlamError) as error:
        print(error, file=sys.stderr)
        raise SystemExit(IMPOSSIBLE) from error
    except OSError as error:
        print(f"{args.folder}: {platforms.reason(error)}", file=sys.stderr)
        raise SystemExit(NOT_NOW) from error
    except MemoryError as error:
        print("there is not enough memory to export it", file=sys.stderr)
        raise SystemExit(NOT_NOW) from error


def is_complete(folder: Path) -> bool:
    """Return whether a checkpoint has already been exported by this version."""
    try:
        OnnxEncoder(folder)
    except (OSError, ValueError, LookupError):
        return False
    return True


def export(encoder: TorchEncoder, folder: Path, precision: str = FP32) -> None:
    """Export a checkpoint into a folder; if another process was first, its folder stays.

    :raises NotExportable: its preprocessing or its model is not supported, or its vectors differ
    :raises OSError: the disk is full, or the folder cannot be written
    """
    settings = encoder.preprocessing()
    preprocessing = Preprocessing.of(settings)
    if preprocessing is None:
        raise NotExportable("its preprocessing is not CLIP's")
    folder.parent.mkdir(parents=True, exist_ok=True)
    _forget_killed(folder.parent)
    work = Path(tempfile.mkdtemp(dir=folder.parent, prefix=WORK))
    try:
        with _reasons(encoder.model, work):
            _export_towers(encoder.model, work, precision)
        described = {
            "format": FORMAT,
            "fingerprint": encoder.fingerprint,
            "dimensions": encoder.dimensions,
            "precision": precision,
            "preprocessing": settings,
        }
        text = json.dumps(described, indent=2, default=list)
        atomic.write_text(work / DESCRIPTION, text)
        with closing(OnnxEncoder(work)) as fast:
            check(encoder, fast)
        _move_into_place(work, folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)


@contextmanager
def _reasons(model: Any, work: Path) -> Iterator[None]:
    """Report why an export failed, whatever torch and ONNX Runtime raised.

    Each library reports a full disk differently, so one is assumed if less space is left
    than the weights take.
    """
    try:
        yield
    except (NotExportable, OSError, MemoryError):
        raise
    except Exception as error:
        if shutil.disk_usage(work).free < _bytes(model):
            text = os.strerror(errno.ENOSPC)
            raise OSError(errno.ENOSPC, text, str(work.parent)) from error
        raise NotExportable(f"it cannot be exported: {first_line(error)}") from error


def _bytes(model: Any) -> int:
    return sum(one.numel() * one.element_size() for one in model.parameters())


def _export_towers(model: Any, work: Path, precision: str) -> None:
    """Export both towers, all that follows them in a SentenceTransformer, and the tokenizer."""
    import torch

    class Tower(torch.nn.Module):
        """The model as a function of tensors."""

        def __init__(self, modality: str, names: tuple[str, ...]) -> None:
            super().__init__()
            self.model, self.modality, self.names = model, modality, names

        def forward(self, *tensors: Any) -> Any:
            features = dict(zip(self.names, tensors, strict=True))
            return self.model({**features, "modality": self.modality})[
                "sentence_embedding"
            ]

    picture = Image.new("RGB", (320, 240), "teal")
    for name, modality, example in (
        ("image", "image", picture),
        ("text", "text", TEXTS[0]),
    ):
        features = model.preprocess([example, example])
        given = {k: v for k, v in features.items() if isinstance(v, torch.Tensor)}
        if set(given) != INPUTS[name]:
            raise NotExportable(f"its {name} tower takes {', '.join(sorted(given))}")
        plain = work / "plain.onnx"
        _write(Tower(modality, tuple(given)), given, plain)
        if precision == INT8:
            _quantise(plain)
        optimise(plain, work / f"{name}.onnx")
        plain.unlink()
    model.tokenizer.backend_tokenizer.save(str(work / "tokenizer.json"))


def _write(tower: Any, given: dict[str, Any], path: Path) -> None:
    import torch

    with quiet():
        torch.onnx.export(
            tower,
            tuple(given.values()),
            str(path),
            input_names=list(given),
            output_names=["vectors"],
            dynamic_axes={key: _free(key) for key in (*given, "vectors")},
            opset_version=OPSET,
            dynamo=False,
        )


def _quantise(model: Path) -> None:
    """Store the weights of matrix products in eight bits, with one scale per column."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    logging.disable(
        logging.WARNING
    )  # it advises optimising first, which is done afterwards
    whole = model.rename(model.with_suffix(".whole"))
    quantize_dynamic(
        whole,
        model,
        op_types_to_quantize=["MatMul", "Gemm"],
        per_channel=True,
        weight_type=QuantType.QInt8,
    )
    whole.unlink()


def _free(name: str) -> dict[int, str]:
    """Return the dynamic axes: the batch size, and for tokens the sequence length."""
    return {0: "n", 1: "length"} if name in INPUTS["text"] else {0: "n"}


def check(reference: TorchEncoder, fast: OnnxEncoder) -> None:
    """Compare the two engines on pictures of unusual shapes and on texts.

    :raises NotExportable: their vectors differ
    """
    random = np.random.default_rng(0)
    pictures = [
        Image.fromarray(random.integers(0, 256, (6, 8, 3), np.uint8)).resize(shape)
        for shape in SHAPES
    ]
    for ours, theirs in (
        (fast.encode_texts(TEXTS), reference.encode_texts(TEXTS)),
        (_encoded(fast, pictures), _encoded(reference, pictures)),
    ):
        alike = paired_cosines(ours, theirs).min()
        centred = paired_cosines(ours - theirs.mean(0), theirs - theirs.mean(0)).min()
        least, least_centred = CLOSE_ENOUGH[fast.precision]
        if not (alike >= least and centred >= least_centred):
            raise NotExportable(
                f"its vectors differ (cosine {alike:.6f}, centred {centred:.6f})"
            )


def _encoded(encoder: Any, pictures: list[Any]) -> NDArray[Any]:
    return encoder.encode_prepared([encoder.prepare(picture) for picture in pictures])


def _forget_killed(parent: Path) -> None:
    """Remove what exports left behind that were killed long ago."""
    for left in parent.glob(f"{WORK}*"):
        if left.stat().st_mtime < time.time() - HOURS_OF_AN_EXPORT * 3600:
            shutil.rmtree(left, ignore_errors=True)


def _move_into_place(work: Path, folder: Path) -> None:
    """Rename the export in one step; another process may have been first."""
    try:
        atomic.rename(work, folder)
    except OSError:
        if not is_complete(folder):  # written by another version, or damaged
            shutil.rmtree(folder)
            atomic.rename(work, folder)


if __name__ == "__main__":
    main()
