"""Examine a registered checkpoint: is it complete, unchanged, and any good?"""

import math
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..checkpoints import completion, layout
from ..errors import GlamError, HubUnreachable
from ..formats.tables import Row
from ..progress import Say
from . import (
    card_header,
    citation,
    engine_choice,
    loading,
    pack_manifest,
    registry,
)
from .registry import Checkpoint

if TYPE_CHECKING:
    from ..engine import Encoder
    from ..engine.probes import Spread
    from ..engine.torch import TorchEncoder

SECONDS = 1.0
AT_ONCE = 8
CARD_KEYS = ("license", "base_model")
COLLAPSED = (
    "Warning: '{name}' can hardly tell different things apart: {alike_pictures:.0%} of the pairs "
    "of clearly different pictures and {alike_texts:.0%} of the pairs of texts have a cosine "
    "over .95, and the scores of a text over all pictures range only from {low:.4f} to "
    "{high:.4f}. Searches would return nearly the same order for every query. It probably "
    "collapsed during training, or was never trained."
)


@dataclass
class Examination:
    """The result of an examination.

    ``problem`` is why the checkpoint cannot be used, ``warnings`` are what the user should know.
    """

    row: Row
    problem: GlamError | None = None
    warnings: list[str] = field(default_factory=list)


def examine(entry: Checkpoint, say: Say, *, speed: bool = True) -> Examination:
    """Examine a checkpoint without writing or downloading anything.

    :param speed: measure how many pictures and texts it encodes per second, which takes two seconds
    """
    examination = Examination(_registered(entry))
    try:
        directory = loading.locate(entry, download=False)
        examination.row |= _files(directory)
        examination.row |= _card_facts(directory)
        found = citation.of_folder(directory, entry.name, entry.fingerprint or "")
        examination.row["citation"] = found.line() if found else None
        completion.check_complete(directory)
        say("Loading and testing the checkpoint")
        fast = _tested(entry, directory, examination)
        if speed:
            say("Measuring its speed (about two seconds)")
            examination.row |= _speed(fast)
    except HubUnreachable as error:
        examination.row["self_test"] = error.message
    except GlamError as error:
        examination.problem = error
        examination.row["self_test"] = error.message
    return examination


def _registered(entry: Checkpoint) -> Row:
    return {
        "name": entry.name,
        "model": entry.model_id,
        "default": entry.name == registry.default_name(),
        "source": entry.source,
        "revision": entry.revision,
        "added": entry.added,
        "base": entry.base,
        "notes": entry.notes,
        "fingerprint": entry.fingerprint,
        "dimensions": entry.dimensions,
    }


def _files(directory: Path) -> Row:
    """Return every file that is not hidden, and their total size."""
    files = {
        file.relative_to(directory).as_posix(): file.stat().st_size
        for file in sorted(directory.rglob("*"))
        if file.is_file() and not file.name.startswith(".")
    }
    return {
        "folder": str(directory),
        "layout": layout.kind(directory) if files else None,
        "files": files,
        "bytes": sum(files.values()),
    }


def _card_facts(directory: Path) -> Row:
    """Return what the card's header says, and the base named in ``glam.json``."""
    header = card_header.of_folder(directory)
    row = {key: card_header.as_line(header.get(key)) for key in CARD_KEYS}
    with suppress(GlamError):
        row["base_model"] = row["base_model"] or pack_manifest.read(directory).get(
            "base"
        )
    return row


def collapse(name: str, encoder: "Encoder") -> str | None:
    """Return a warning if a checkpoint can hardly tell clearly different things apart."""
    from ..engine import probes

    found = probes.spread(encoder)
    return _collapsed(name, found) if found.is_collapsed else None


def _tested(entry: Checkpoint, directory: Path, examination: Examination) -> "Encoder":
    """Load, compare and test the checkpoint; return the engine it runs on here."""
    from ..engine import probes
    from ..engine.torch import TorchEncoder

    reference = TorchEncoder(directory)
    examination.row["fingerprint_now"] = reference.fingerprint
    loading.check_unchanged(entry, directory, reference.fingerprint)
    examination.row |= _shape(reference)
    examination.row["self_test"] = "passed"
    found = probes.spread(reference)
    examination.row |= _spread(found)
    if found.is_collapsed:
        examination.warnings.append(_collapsed(entry.name, found))
    engine, why_not = engine_choice.state(reference.fingerprint)
    examination.row |= {"engine": engine, "why_not_onnx": why_not}
    return engine_choice.exported(reference.fingerprint) or reference


def _shape(encoder: "TorchEncoder") -> Row:
    settings = encoder.preprocessing()
    is_cropped = settings.get("do_center_crop")
    weights = encoder.model.state_dict()
    scales = [value for name, value in weights.items() if name.endswith("logit_scale")]
    return {
        "dimensions": encoder.dimensions,
        "parameters": sum(one.numel() for one in encoder.model.parameters()),
        "longest_text": encoder.model.tokenizer.model_max_length,
        "picture_size": settings.get("crop_size" if is_cropped else "size"),
        "logit_scale": round(math.exp(float(scales[0])), 3) if scales else None,
    }


def _spread(found: "Spread") -> Row:
    return {
        "collapsed": found.is_collapsed,
        "alike_pictures": round(found.alike_pictures, 3),
        "alike_texts": round(found.alike_texts, 3),
        "score_spread": round(found.score_spread, 4),
    }


def _collapsed(name: str, found: "Spread") -> str:
    low, high = found.scores
    return COLLAPSED.format(
        name=name,
        alike_pictures=found.alike_pictures,
        alike_texts=found.alike_texts,
        low=low,
        high=high,
    )


def _speed(encoder: "Encoder") -> Row:
    """Measure pictures (decoded, of 320 × 240) and texts per second, for one second each."""
    from ..engine import probes

    pictures, texts = probes.pictures()[:AT_ONCE], probes.TEXTS[:AT_ONCE]
    return {
        "pictures_per_second": _rate(
            lambda: encoder.encode_prepared([encoder.prepare(p) for p in pictures])
        ),
        "texts_per_second": _rate(lambda: encoder.encode_texts(texts)),
    }


def _rate(encode: Callable[[], Any]) -> float:
    encode()  # warm up: the first call loads what the others use
    start, rounds = time.perf_counter(), 0
    while (passed := time.perf_counter() - start) < SECONDS:
        encode()
        rounds += 1
    return round(rounds * AT_ONCE / passed, 1)
