"""Training: what an epoch takes beside the plain trainer, and what memory a larger batch takes."""

import csv
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from . import prepare

PAIRS = 2_000
EPOCHS = 20
BATCH = 512
RATE = 1e-3
FEW = 400  # pairs for a few steps of all weights
LARGER = (64, 256)  # pairs of a batch whose memory is compared
SECONDS = re.compile(r"Training data ready: .*, ([\d,]+) s")


def report(folder: Path, checkpoint: Path, user: Path) -> None:
    """Print seconds of the one pass and of the epochs, ours beside the plain trainer's."""
    data = pairs(folder / "train-pairs", PAIRS)
    options = ["--tune", "projections", "--epochs", str(EPOCHS), "--batch", str(BATCH)]
    options += ["--learning-rate", str(RATE), "--held-out", "0.1"]
    said, _ = train(user, data, "timed", options)
    found = SECONDS.search(said)
    assert found, said
    once = float(found[1].replace(",", ""))
    epochs = seconds(user, "timed")
    result = PAIRS - PAIRS // 10
    print(f"{PAIRS:,} pairs, ours: one pass over all of them {once:.0f} s")
    print(f"{result:,} pairs, ours: {len(epochs)} epochs {sum(epochs):.2f} s")
    theirs = plain(checkpoint, data, result)
    ours = sum(epochs) / len(epochs)
    print(f"{result:,} pairs, plain trainer: one epoch {theirs:.1f} s")
    print(
        f"an epoch {ours:.3f} s beside {theirs:.1f} s: {theirs / ours:,.0f} times; with the one "
        f"pass {EPOCHS * theirs / (once + EPOCHS * ours):.1f} times for {EPOCHS} epochs "
        "(theirs computed from one)"
    )
    few = pairs(folder / "train-few", FEW)
    peaks = []
    for batch in LARGER:
        options = ["--tune", "all", "--epochs", "1", "--batch", str(batch)]
        peaks.append(train(user, few, f"peak-{batch}", options)[1])
    for batch, peak in zip(LARGER, peaks, strict=True):
        print(f"all weights, batches of {batch}: peak {peak:.2f} GB")
    print(f"the larger takes {peaks[1] / peaks[0] - 1:+.0%}")


def pairs(folder: Path, count: int) -> Path:
    """So many pictures, each with a caption of its own, as a table."""
    prepare.pictures(folder / "pictures", count, (320, 240))
    table = folder / "captions.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["file_name", "caption"])
        for number, path in enumerate(sorted((folder / "pictures").iterdir())):
            caption = f"find {number} of trench {number % 37}, drawn in ink"
            writer.writerow([f"pictures/{path.name}", caption])
    return table


def train(
    user: Path, data: Path, name: str, options: Sequence[str]
) -> tuple[str, float]:
    """What ``llm glam train`` says, and the most memory in GB that it took.

    Random weights learn nothing, so that it may refuse to register them.
    """
    command = [
        str(prepare.ours()),
        "glam",
        "train",
        str(data),
        "--name",
        name,
        *options,
    ]
    with tempfile.TemporaryFile("w+", encoding="utf-8") as file:
        env = prepare.environment(user)
        process = subprocess.Popen(
            command, env=env, stdout=subprocess.DEVNULL, stderr=file
        )
        _, status, used = os.wait4(process.pid, 0)
        file.seek(0)
        said = file.read()
    if status and "Nothing was registered" not in said:
        raise SystemExit(f"{command} failed:\n{said}")
    return said, used.ru_maxrss / 1e6


def seconds(user: Path, name: str) -> list[float]:
    """Of each epoch that was learnt in."""
    lines = (user / "glam" / "train" / name / "log.jsonl").read_text("utf-8")
    epochs = [json.loads(line) for line in lines.splitlines()]
    return [epoch["seconds"] for epoch in epochs if epoch["number"]]


def plain(checkpoint: Path, data: Path, count: int) -> float:
    """Seconds that one epoch takes with sentence-transformers' own trainer."""
    work = "from benchmarks.train import learn_plainly; import sys; "
    work += "learn_plainly(*sys.argv[1:])"
    command = [sys.executable, "-c", work, str(checkpoint), str(data), str(count)]
    said = prepare.run(command, prepare.ROOT, prepare.environment(data.parent))
    return float(said.splitlines()[-1])  # before it stands what the trainer prints


def learn_plainly(checkpoint: str, data: str, count: str) -> None:
    """Train the projections as its documentation shows, and print the seconds of one epoch."""
    from datasets import Dataset
    from sentence_transformers import (
        SentenceTransformer,
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )
    from sentence_transformers.losses import MultipleNegativesRankingLoss

    model = SentenceTransformer(checkpoint, device="cpu")
    for name, weight in model.named_parameters():
        weight.requires_grad_("projection" in name)
    with Path(data).open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))[: int(count)]
    folder = Path(data).parent
    texts = [row["caption"] for row in rows]
    images = [str(folder / row["file_name"]) for row in rows]
    both = ("query_to_doc", "doc_to_query")
    loss = MultipleNegativesRankingLoss(
        model, scale=100, directions=both, partition_mode="per_direction"
    )
    settings = SentenceTransformerTrainingArguments(
        output_dir=str(folder / "plain"),
        num_train_epochs=1,
        per_device_train_batch_size=BATCH,
        learning_rate=RATE,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )
    trainer = SentenceTransformerTrainer(
        model=model,
        args=settings,
        train_dataset=Dataset.from_dict({"caption": texts, "image": images}),
        loss=loss,
    )
    began = time.perf_counter()
    trainer.train()
    print(time.perf_counter() - began)
