"""Choose the engine for a checkpoint: ONNX Runtime if it can be exported, otherwise torch.

Exports are stored under ``user_dir()/glam/engine/``, by fingerprint. ``LLM_GLAM_ENGINE=torch``
turns them off, ``LLM_GLAM_DEVICE`` names the device.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from .. import child_process
from ..engine import FP32
from ..formats import atomic
from ..progress import Say
from . import registry

if TYPE_CHECKING:
    from ..engine.onnx import OnnxEncoder

DEVICE = "LLM_GLAM_DEVICE"
EXPORTERS = (
    "llm-glam",
    "onnxruntime",
    "sentence-transformers",
    "torch",
    "transformers",
)


@dataclass(frozen=True)
class EngineOptions:
    """How to run a checkpoint.

    ``say`` reports progress; it is given if there is time to export for the fast engine;
    ``precision`` is that of the weights, None for the collection's own; ``device`` is given as
    torch names it, None for the best available.
    """

    say: Say | None = None
    precision: str | None = None
    device: str | None = field(default_factory=lambda: os.environ.get(DEVICE))

    @property
    def on_torch(self) -> bool:
        """Whether it will run on a GPU, which only torch can use."""
        if self.device:
            return self.device != "cpu"
        return self.say is not None and has_torch() and has_accelerator()


def directory() -> Path:
    """Return the folder of the exports."""
    return registry.directory() / "engine"


def is_on() -> bool:
    """Return whether the fast engine may be used."""
    chosen = os.environ.get("LLM_GLAM_ENGINE", "")
    return chosen != "torch" and find_spec("onnxruntime") is not None


def has_torch() -> bool:
    """Return whether torch is installed, without which checkpoints can only be used as exported."""
    return find_spec("torch") is not None


def has_accelerator() -> bool:
    """Return whether there is an NVIDIA GPU or an Apple chip, where torch is faster for pictures."""
    is_apple = sys.platform == "darwin" and platform.machine() == "arm64"
    return is_apple or Path("/proc/driver/nvidia").exists()


def exported(fingerprint: str | None, precision: str = FP32) -> "OnnxEncoder | None":
    """Return the fast engine of a checkpoint that has already been exported."""
    if not fingerprint or not is_on() or not directory().is_dir():
        return None
    from ..engine.onnx import OnnxEncoder, folder_name

    try:
        return OnnxEncoder(directory() / folder_name(fingerprint, precision))
    except (OSError, ValueError, LookupError):
        return None


def state(fingerprint: str) -> tuple[str, str | None]:
    """Return the engine a checkpoint uses for texts, and the reason if it is torch."""
    if exported(fingerprint):
        return "onnx", None
    if not is_on():
        is_chosen = find_spec("onnxruntime") is not None
        why = "LLM_GLAM_ENGINE=torch" if is_chosen else "onnxruntime is not installed"
        return "torch", why
    if _is_impossible(fingerprint, FP32):
        known = json.loads(_why_not(fingerprint, FP32).read_text("utf-8"))
        return "torch", str(known.get("reason"))
    return "torch", "not exported yet; this is done when pictures are embedded"


def export(
    checkpoint: Path, fingerprint: str | None, say: Say, precision: str = FP32
) -> "OnnxEncoder | None":
    """Export a checkpoint in a separate process; report once if that is impossible.

    :param fingerprint: if it is already known
    :return: None if torch must be used
    """
    if not is_on() or not has_torch():
        return None
    if fingerprint and _is_impossible(fingerprint, precision):
        return None
    say("Preparing the fast engine for this checkpoint (once, up to a minute)")
    done = run_exporter(checkpoint, directory(), precision)
    found = done.stdout.strip() or None
    if done.returncode and found:
        from ..engine.export import IMPOSSIBLE

        reason = (done.stderr.strip().splitlines() or ["it was interrupted"])[-1]
        say(f"This checkpoint runs on torch, the slower engine: {reason}")
        if done.returncode == IMPOSSIBLE:
            _remember(found, precision, reason)
    return exported(found, precision)


def run_exporter(
    checkpoint: Path, folder: Path, precision: str
) -> subprocess.CompletedProcess[str]:
    """Run :mod:`llm_glam.engine.export`, which prints the fingerprint, or why it cannot export."""
    command = child_process.python_module("llm_glam.engine.export")
    return subprocess.run(
        [*command, checkpoint, folder, "--precision", precision],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={
            **child_process.environment(),
            "PYTHONWARNINGS": "ignore",
            "PYTHONIOENCODING": "utf-8",
        },
    )


def forget(fingerprint: str) -> None:
    """Delete the exports of a temporary checkpoint."""
    for export_ in directory().glob(f"{fingerprint}*"):
        if export_.is_dir():
            shutil.rmtree(export_, ignore_errors=True)


def _is_impossible(fingerprint: str, precision: str) -> bool:
    """Return whether these versions are known to be unable to export it; others may."""
    try:
        known = json.loads(_why_not(fingerprint, precision).read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(known, dict) and known.get("versions") == _versions()


def _remember(fingerprint: str, precision: str, reason: str) -> None:
    path = _why_not(fingerprint, precision)
    known = {"reason": reason, "versions": _versions()}
    with suppress(OSError):  # remembering it only saves time
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic.write_text(path, json.dumps(known, indent=2))


def _why_not(fingerprint: str, precision: str) -> Path:
    return directory() / f"{fingerprint}-{precision}.json"


def _versions() -> dict[str, str]:
    return {name: version(name) for name in EXPORTERS}
