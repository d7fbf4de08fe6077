"""What the benchmarks need: pictures, a full-size checkpoint, llm-clip in an environment of its own."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from llm_glam.demo.catalogue import catalogue
from llm_glam.demo.drawing import draw

ROOT = Path(__file__).resolve().parent.parent
NOISE = 12  # of 255: about as large as photographs, and no two alike


def pictures(
    folder: Path, count: int, size: tuple[int, int], suffix: str = "jpg", seed: int = 0
) -> Path:
    """So many pictures, width and height in pixels, no two alike; kept from run to run."""
    if folder.is_dir() and len(list(folder.iterdir())) == count:
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    width, height = size
    drawn = [
        np.asarray(draw(find, 300).resize(size, Image.Resampling.BICUBIC), np.int16)
        for find, _ in catalogue(8)
    ]
    for i in range(count):
        noise = random.integers(-NOISE, NOISE, (height, width, 1), np.int16)
        values = np.clip(drawn[i % len(drawn)] + noise, 0, 255).astype(np.uint8)
        Image.fromarray(values).save(
            folder / f"{folder.name}-{i:05}.{suffix}", **_options(suffix)
        )
    return folder


def copies(folder: Path, count: int) -> Path:
    """So many files of other contents with the same pixels: a few bytes follow each picture."""
    target = Path(f"{folder}-{count}")
    sources = sorted(folder.iterdir())
    target.mkdir(exist_ok=True)
    for i in range(count):
        path = target / f"{i:05}{sources[0].suffix}"
        if not path.exists():
            path.write_bytes(sources[i % len(sources)].read_bytes() + b"%d" % i)
    return target


def _options(suffix: str) -> dict[str, object]:
    if suffix == "jp2":
        return {"quality_mode": "rates", "quality_layers": [12]}
    return {"quality": 88} if suffix == "jpg" else {}


def llm_clip(folder: Path) -> Path:
    """The ``llm`` of an environment with llm-clip and without us."""
    llm = folder / "bin" / "llm"
    if not llm.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        constraints = ["--constraint", str(ROOT / "constraints.txt")]
        install = [str(folder / "bin" / "pip"), "install", "--quiet", *constraints]
        subprocess.run([*install, "torch", "pillow", "llm-clip"], check=True)
    return llm


def ours() -> Path:
    """The ``llm`` of this environment."""
    return Path(sys.executable).with_name("llm")


def environment(user: Path, **more: str) -> dict[str, str]:
    """Environment variables for a run with a user directory of its own."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("LLM_")}
    return {**kept, "LLM_USER_PATH": str(user), "HF_HUB_OFFLINE": "1", **more}


def run(command: Sequence[str | Path], cwd: Path, env: dict[str, str]) -> str:
    """Run a command quietly; gives what it wrote to stdout."""
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{command} failed:\n{done.stderr}")
    return done.stdout
