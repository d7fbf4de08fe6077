"""``python -m benchmarks embed|stages|cold|memory|equality|search|site|uploads|soak|matmul|train|match``: ours beside others.

Everything is made in .bench/: a ViT-B/32 of full size with random weights, in the layout of the
stock checkpoint, whose vectors cost what real ones cost; pictures; an environment with llm-clip.
"""

import argparse
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from . import matching, matmul, prepare, site, soak, uploads

MEGAPIXELS = {
    "1-megapixel JPEG": ((1024, 768), "jpg"),
    "12-megapixel JPEG": ((4000, 3000), "jpg"),
    "12-megapixel JP2": ((4000, 3000), "jp2"),
    "12-megapixel TIFF": ((4000, 3000), "tif"),
}
VARIANTS: dict[str, tuple[str, ...]] = {
    "ours": (),
    "ours without thumbnails": ("--no-thumbnails",),
    "ours, int8": ("--precision", "int8"),
    "llm-clip": (),
}
VECTORS = 1000
COUNTS = (10_000, 77_000, 1_000_000)


@dataclass(frozen=True)
class Bench:
    """Where things are, and how often each command runs."""

    folder: Path
    checkpoint: Path
    theirs: Path
    rounds: int

    def embed(self, variant: str, pictures: Path) -> float:
        """Seconds to embed a folder."""
        if variant == "llm-clip":
            command = ["embed-multi", "bench", "-m", "clip", "--binary"]
            command += ["--files", str(pictures), "*"]
        else:
            command = ["glam", "embed", "bench", str(pictures), *VARIANTS[variant]]
        return self.timed(variant, command)

    def forget(self, variant: str) -> None:
        """Delete the database."""
        (self.user(variant) / "embeddings.db").unlink(missing_ok=True)

    def similar(self, variant: str) -> float:
        """Seconds of a search by words in a new process."""
        return self.timed(variant, ["similar", "bench", "-c", "raccoon"])

    def timed(self, variant: str, command: list[str]) -> float:
        """Seconds of wall time of an ``llm`` command."""
        env = prepare.environment(self.user(variant))
        started = time.perf_counter()
        prepare.run([self.llm(variant), *command], self.folder, env)
        return time.perf_counter() - started

    def user(self, variant: str) -> Path:
        """LLM's directory."""
        return self.folder / f"user-{'theirs' if variant == 'llm-clip' else 'ours'}"

    def llm(self, variant: str) -> Path:
        """Our ``llm`` or that of llm-clip."""
        return self.theirs if variant == "llm-clip" else prepare.ours()


def main() -> None:
    """Prepare, run, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "what", choices=[*TASKS, "site", "uploads", "soak", "matmul", "match"]
    )
    parser.add_argument("--folder", type=Path, default=Path(".bench"))
    parser.add_argument(
        "--vocabulary", type=Path, help="bpe_simple_vocab_16e6.txt.gz of CLIP"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--pictures", type=int, default=200, help="of 12 megapixels a quarter"
    )
    parser.add_argument(
        "--only", default="", help="a word of the kinds of picture to take"
    )
    parser.add_argument("--minutes", type=float, default=10, help="of soak")
    parser.add_argument("--seed", type=int, default=0, help="of soak")
    parser.add_argument("--database", type=Path, help="of match")
    parser.add_argument("--collection", default="usda", help="of match")
    args = parser.parse_args()
    print(
        f"{platform.processor() or platform.machine()}, {platform.python_version()}, {cores()} cores"
    )
    if args.what in ("site", "uploads"):  # need neither checkpoint nor llm-clip
        args.folder.mkdir(parents=True, exist_ok=True)
        measured = site if args.what == "site" else uploads
        return measured.report(args.folder.resolve())
    if args.what == "match":
        return matching.report(args.database, args.collection)
    if args.what == "soak":
        folder = args.folder.resolve() / "soak"
        return soak.report(folder, args.minutes, soak.PICTURES, args.seed)
    if args.what == "matmul":
        return matmul.report()
    bench = ready(args.folder.resolve(), args.vocabulary, args.rounds)
    kinds = {name: kind for name, kind in MEGAPIXELS.items() if args.only in name}
    TASKS[args.what](bench, args.pictures, kinds)


def ready(folder: Path, vocabulary: Path | None, rounds: int) -> Bench:
    """Make what is not there yet. llm-clip knows its checkpoint by the folder's name only."""
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = folder / "clip-ViT-B-32"
    if not checkpoint.exists():
        if vocabulary is None:
            raise SystemExit(
                "Give CLIP's vocabulary: --vocabulary bpe_simple_vocab_16e6.txt.gz"
            )
        make = [sys.executable, "-m", "benchmarks.checkpoint", str(checkpoint)]
        make += ["--vocabulary", str(vocabulary)]
        subprocess.run(make, check=True, cwd=prepare.ROOT)
    bench = Bench(folder, checkpoint, prepare.llm_clip(folder / "llm-clip"), rounds)
    user = folder / "user-ours"
    if not (user / "glam" / "models.json").exists():
        env = prepare.environment(user)
        prepare.run(
            [prepare.ours(), "glam", "models", "add", "big", checkpoint], folder, env
        )
        prepare.run([prepare.ours(), "glam", "models", "default", "big"], folder, env)
    return bench


Kinds = dict[str, tuple[tuple[int, int], str]]


def embed(bench: Bench, count: int, kinds: Kinds) -> None:
    """Pictures per second, start-up taken off by a run over two pictures.

    The collection is made before, by a run over one picture: for int8 that is when the
    precision's agreement is measured.
    """
    for name, (size, suffix) in kinds.items():
        folders = [
            prepare.pictures(
                bench.folder / f"{suffix}-{size[0]}-{n}", n, size, suffix, seed=n
            )
            for n in (1, 2, some(count, size))
        ]

        def rate(variant: str, folders: list[Path] = folders) -> float:
            bench.forget(variant)
            _, start, whole = (bench.embed(variant, folder) for folder in folders)
            return (len(list(folders[2].iterdir())) - 2) / (whole - start)

        report(f"embed, {name}", "pictures/s", bench.rounds, rate, VARIANTS)


def stages(bench: Bench, count: int, kinds: Kinds) -> None:
    """Milliseconds of a core by stage, and how near the model runs to what its engine can."""
    from . import stages as measured

    os.environ.update(prepare.environment(bench.user("ours")))
    encoder = measured.opened("big")
    rates = measured.forward(encoder, next(bench.folder.glob("jpg-1024-?")))
    print(", ".join(f"{name} {rate:.1f} pictures/s" for name, rate in rates.items()))
    print(f"ours of the engine's: {rates['ours'] / rates['engine']:.0%}")
    model = 1000 * cores() / rates["ours"]
    for name, (size, suffix) in kinds.items():
        folder = bench.folder / f"{suffix}-{size[0]}-20"
        prepare.pictures(folder, 20, size, suffix)
        spent = measured.preparing(encoder, folder) | {"model": model}
        total = sum(spent.values())
        shares = (f"{k} {v:.1f} ({v / total:.0%})" for k, v in spent.items())
        print(f"{name}, ms of a core: {', '.join(shares)}")


def cold(bench: Bench, count: int, kinds: Kinds) -> None:
    """A search in a new process over a thousand vectors."""
    small = prepare.pictures(bench.folder / "small", VECTORS, (224, 224))
    sides = ("ours", "llm-clip")
    for side in sides:
        bench.forget(side)
        bench.embed(side, small)
    report(f"similar -c, {VECTORS:,} vectors", "s", bench.rounds, bench.similar, sides)


def memory(bench: Bench, count: int, kinds: Kinds) -> None:
    """Peak memory of embedding 12-megapixel JPEGs, and of exporting the checkpoint."""
    number = some(count, (4000, 3000))
    few = prepare.pictures(bench.folder / "jpg-4000-50", 50, (4000, 3000))
    large = prepare.copies(few, number)
    bench.forget("ours")
    seconds = bench.embed("ours", large)
    print(f"{number} 12-megapixel JPEGs in {seconds:.0f} s, peak: {peak():.2f} GB")
    engine = [sys.executable, "-m", "llm_glam.engine.export", str(bench.checkpoint)]
    shutil.rmtree(bench.folder / "export", ignore_errors=True)
    prepare.run([*engine, str(bench.folder / "export")], prepare.ROOT, dict(os.environ))
    print(f"export, peak: {peak():.2f} GB (or less, where embedding took more)")


def equality(bench: Bench, count: int, kinds: Kinds) -> None:
    """How equal vectors are, for random weights and for the demo's trained ones."""
    from llm_glam.models.loading import OWN_CHECKPOINT

    from . import equality as measured

    measured.report([bench.checkpoint, OWN_CHECKPOINT], bench.folder)


def search(bench: Bench, count: int, kinds: Kinds) -> None:
    """Searching 10,000, 77,000 and 1,000,000 vectors: a new process, and a warm one."""
    from llm_glam.models import registry

    from . import search as measured

    os.environ.update(prepare.environment(bench.user("ours")))
    known = registry.get("big")
    for many in COUNTS:
        path = bench.folder / f"search-{many}.db"
        measured.database(path, many, known.model_id, str(known.fingerprint))
        places = {"ours": path, "llm-clip": measured.of_llm_clip(path)}

        def seconds(side: str, places: dict[str, Path] = places) -> float:
            question = ["similar", "bench", "-c", "raccoon", "-d", str(places[side])]
            return bench.timed(side, question)

        shutil.rmtree(bench.user("ours") / "glam" / "index", ignore_errors=True)
        print(f"{many:,} vectors, the first time: {seconds('ours'):.2f} s")
        time.sleep(3)  # so that it is sure that nothing was written since
        print(f"{many:,} vectors, the second time: {seconds('ours'):.2f} s")
        report(f"similar -c, {many:,}", "s", bench.rounds, seconds, places)
        measured.change(path)
        print(f"{many:,} vectors, after a change: {seconds('ours'):.2f} s")
        for together in (1, 20):
            spent = 1000 * measured.warm(path, together)
            print(f"{many:,} vectors, warm, {together} at once: {spent:.0f} ms")


def train(bench: Bench, count: int, kinds: Kinds) -> None:
    """Training beside sentence-transformers' own trainer, and the memory it takes."""
    from . import train as measured

    measured.report(bench.folder, bench.checkpoint, bench.user("ours"))


TASKS = {
    "search": search,
    "embed": embed,
    "stages": stages,
    "cold": cold,
    "memory": memory,
    "equality": equality,
    "train": train,
}


def peak() -> float:
    """The most that any child has taken so far, in GB."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6


def some(count: int, size: tuple[int, int]) -> int:
    """Fewer of the large ones."""
    return count if size[0] < 2000 else max(8, count // 4)


def report(
    name: str,
    unit: str,
    rounds: int,
    run: Callable[[str], float],
    sides: Iterable[str],
) -> None:
    """Run the sides alternately; medians, and their ratios to llm-clip's."""
    runs = [{side: run(side) for side in sides} for _ in range(rounds)]
    medians = {side: statistics.median(r[side] for r in runs) for side in runs[0]}
    for side, median in medians.items():
        ratio = median / medians["llm-clip"]
        print(f"{name}, {side}: {median:.2f} {unit}, ratio {ratio:.2f}", flush=True)


def cores() -> int:
    """Cores of this machine."""
    return os.cpu_count() or 1


if __name__ == "__main__":
    main()
