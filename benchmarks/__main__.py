"""``python -m benchmarks embed|cold|memory``: ours beside llm-clip, alternately, in one run.

Everything is made in .bench/: a ViT-B/32 of full size with random weights, in the layout of the
stock checkpoint, whose vectors cost what real ones cost; pictures; an environment with llm-clip.
"""

import argparse
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import prepare

MEGAPIXELS = {
    "1-megapixel JPEG": ((1024, 768), "jpg"),
    "12-megapixel JPEG": ((4000, 3000), "jpg"),
}
ONLY_OURS = {
    "12-megapixel JP2": ((4000, 3000), "jp2"),
    "12-megapixel TIFF": ((4000, 3000), "tif"),
}
VECTORS = 1000


@dataclass(frozen=True)
class Bench:
    """Where things are, and how often each command runs."""

    folder: Path
    checkpoint: Path
    theirs: Path
    rounds: int

    def embed(self, ours: bool, pictures: Path, *options: str, **env: str) -> float:
        """Seconds to embed a folder into a new database."""
        user = self.folder / ("user-ours" if ours else "user-theirs")
        (user / "embeddings.db").unlink(missing_ok=True)
        model = "glam-clip" if ours else "clip"
        command = [self.llm(ours), "embed-multi", "bench", "-m", model, *options]
        command += ["--files", pictures, "*"] + ([] if ours else ["--binary"])
        return self.timed(command, user, env)

    def similar(self, ours: bool) -> float:
        """Seconds of a search by words in a new process."""
        user = self.folder / ("user-ours" if ours else "user-theirs")
        return self.timed(
            [self.llm(ours), "similar", "bench", "-c", "raccoon"], user, {}
        )

    def timed(
        self, command: list[str | Path], user: Path, env: dict[str, str]
    ) -> float:
        """Seconds of wall time."""
        started = time.perf_counter()
        prepare.run(command, self.folder, prepare.environment(user, **env))
        return time.perf_counter() - started

    def llm(self, ours: bool) -> Path:
        """Our ``llm`` or that of llm-clip."""
        return prepare.ours() if ours else self.theirs


def main() -> None:
    """Prepare, run, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["embed", "cold", "memory"])
    parser.add_argument("--folder", type=Path, default=Path(".bench"))
    parser.add_argument(
        "--vocabulary", type=Path, help="bpe_simple_vocab_16e6.txt.gz of CLIP"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pictures", type=int, default=200)
    args = parser.parse_args()
    bench = ready(args.folder.resolve(), args.vocabulary, args.rounds)
    print(
        f"{platform.processor() or platform.machine()}, {platform.python_version()}, {cores()} cores"
    )
    {"embed": embed, "cold": cold, "memory": memory}[args.what](bench, args.pictures)


def ready(folder: Path, vocabulary: Path | None, rounds: int) -> Bench:
    """Make what is not there yet. llm-clip knows its checkpoint by the folder's name only."""
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = folder / "clip-ViT-B-32"
    if not checkpoint.exists():
        if vocabulary is None:
            raise SystemExit(
                "Give CLIP's vocabulary: --vocabulary bpe_simple_vocab_16e6.txt.gz"
            )
        make = [sys.executable, "-m", "benchmarks.checkpoint", checkpoint]
        subprocess.run(
            [*make, "--vocabulary", vocabulary], check=True, cwd=prepare.ROOT
        )
    bench = Bench(folder, checkpoint, prepare.llm_clip(folder / "llm-clip"), rounds)
    user = folder / "user-ours"
    if not (user / "glam" / "models.json").exists():
        env = prepare.environment(user)
        prepare.run(
            [prepare.ours(), "glam", "models", "add", "big", checkpoint], folder, env
        )
        prepare.run([prepare.ours(), "glam", "models", "default", "big"], folder, env)
    return bench


def embed(bench: Bench, count: int) -> None:
    """Pictures per second, start-up taken off by a run over one picture."""
    for name, (size, suffix) in {**MEGAPIXELS, **ONLY_OURS}.items():
        number = count if size[0] < 2000 else max(8, count // 4)
        many = prepare.pictures(
            bench.folder / f"{suffix}-{size[0]}", number, size, suffix
        )
        one = prepare.pictures(
            bench.folder / f"{suffix}-{size[0]}-one", 1, size, suffix
        )

        def rate(
            ours: bool, *, many: Path = many, one: Path = one, n: int = number
        ) -> float:
            return (n - 1) / (bench.embed(ours, many) - bench.embed(ours, one))

        sides = (True,) if name in ONLY_OURS else (True, False)
        report(name, "pictures/s", bench.rounds, [lambda s=s: rate(s) for s in sides])


def cold(bench: Bench, count: int) -> None:
    """A search in a new process over a thousand vectors."""
    small = prepare.pictures(bench.folder / "small", VECTORS, (224, 224))
    for ours in (True, False):
        bench.embed(ours, small)
    sides: list[Callable[[], float]] = [
        lambda s=s: bench.similar(s) for s in (True, False)
    ]
    report(f"similar -c, {VECTORS:,} vectors", "s", bench.rounds, sides)


def memory(bench: Bench, count: int) -> None:
    """Peak memory of embedding 12-megapixel pictures, in a child of this process."""
    large = prepare.pictures(
        bench.folder / "jpg-4000", max(8, count // 4), (4000, 3000)
    )
    bench.embed(True, large)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    print(f"embedding 12-megapixel JPEGs, peak: {peak:.2f} GB")


def report(name: str, unit: str, rounds: int, sides: list[Callable[[], float]]) -> None:
    """Run the sides alternately; medians, and the ratio of ours to theirs."""
    runs = [[side() for side in sides] for _ in range(rounds)]
    medians = [statistics.median(column) for column in zip(*runs, strict=True)]
    line = f"{name}: ours {medians[0]:.2f} {unit}"
    if len(medians) > 1:
        line += (
            f", llm-clip {medians[1]:.2f} {unit}, ratio {medians[0] / medians[1]:.2f}"
        )
    print(line, flush=True)


def cores() -> int:
    """Cores of this machine."""
    return os.cpu_count() or 1


if __name__ == "__main__":
    main()
