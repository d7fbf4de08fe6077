"""Train the demo's checkpoint: ``python -m tools.demo_checkpoint.train DIRECTORY``.

A CLIP of a few million weights learns on drawings of finds and captions made for them. As it is
known what each caption asks for and what each drawing shows, every drawing of a batch that a
caption fits counts as right (UniCL, Yang et al., CVPR 2022), and the drawings' attributes are
learnt beside the captions by heads that are thrown away afterwards.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from llm_glam.demo.captions import caption
from llm_glam.demo.drawing import draw
from llm_glam.demo.finds import Find, find
from llm_glam.demo.terms import Term
from llm_glam.demo.words import VALUES

SIDE = 72  # pixels the model sees
DRAWN = 96  # pixels the drawings for training have on their short side
BATCH = 256
RATE = 1e-3
SPECIAL = ["<|startoftext|>", "<|endoftext|>"]
LONGEST = 32  # tokens
WORDS = 1829
COLUMNS = [(name, value) for name, values in VALUES.items() for value in values]


def main() -> None:
    """Draw, train, save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--drawings", type=int, default=20000)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    random = np.random.default_rng(args.seed)
    finds = [find(random) for _ in range(args.drawings)]
    pictures = drawn(finds, DRAWN)
    texts = [caption(one, random).words for one in finds for _ in range(4)]
    args.directory.mkdir(parents=True, exist_ok=True)
    tokenizer = make_tokenizer(texts, args.directory)
    model = make_model(tokenizer)
    fit(model, tokenizer, finds, pictures, args.epochs, random)
    save(model, tokenizer, args.directory)


def drawn(finds: Sequence[Find], size: int) -> NDArray[np.uint8]:
    """Drawings as the model sees them, shape (n, SIDE, SIDE, 3), by all cores."""
    started = time.monotonic()
    rows = []
    with ProcessPoolExecutor() as pool:
        for i, row in enumerate(pool.map(partial(_drawn, size), finds, chunksize=50)):
            rows.append(row)
            if i % 1000 == 999:
                _say(
                    f"{i + 1:,} drawings, {(i + 1) / (time.monotonic() - started):.0f}/s"
                )
    return np.stack(rows)


def _drawn(size: int, one: Find) -> NDArray[np.uint8]:
    picture = draw(one, size).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    return np.asarray(picture)


def make_tokenizer(
    texts: Sequence[str], directory: Path, *, size: int = WORDS, longest: int = LONGEST
) -> Any:
    """A byte-pair tokenizer of the texts' words, as CLIP's, saved in the directory.

    It knows each of the 256 bytes both within a word and at its end, so that nothing is unknown:
    unknown means the end token, and CLIP reads no further than the first of these.

    :param size: of its vocabulary, in tokens, at most; ``longest`` is where it cuts texts off
    """
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
    from transformers import CLIPTokenizer

    tokenizer = Tokenizer(models.BPE(unk_token=SPECIAL[1], end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        # The ends of words are called special only for the trainer to have them from the start;
        # what is saved of the model are plain tokens.
        special_tokens=SPECIAL + [f"{letter}</w>" for letter in letters],
        end_of_word_suffix="</w>",
        initial_alphabet=letters,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.model.save(str(directory))
    start, end = SPECIAL
    settings = {
        "tokenizer_class": "CLIPTokenizer",
        "model_max_length": longest,
        "bos_token": start,
        "eos_token": end,
        "unk_token": end,
        "pad_token": end,
    }
    (directory / "tokenizer_config.json").write_text(
        json.dumps(settings, indent=2), "utf-8"
    )
    return CLIPTokenizer.from_pretrained(directory)


def make_model(tokenizer: Any) -> Any:
    """A ``CLIPModel`` with random weights for pictures of SIDE pixels."""
    from transformers import CLIPConfig, CLIPModel

    vision = {
        "image_size": SIDE,
        "patch_size": 12,
        "hidden_size": 192,
        "intermediate_size": 576,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
    }
    text = {
        "vocab_size": len(tokenizer),
        "max_position_embeddings": LONGEST,
        "hidden_size": 128,
        "intermediate_size": 384,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    return CLIPModel(
        CLIPConfig(text_config=text, vision_config=vision, projection_dim=128)
    )


def fit(
    model: Any,
    tokenizer: Any,
    finds: Sequence[Find],
    pictures: NDArray[np.uint8],
    epochs: int,
    random: np.random.Generator,
) -> None:
    """Train the model in place; a line an epoch on stderr."""
    heads = nn.ModuleList(nn.Linear(128, len(values)) for values in VALUES.values())
    weights = [*model.parameters(), *heads.parameters()]
    optimizer = torch.optim.AdamW(
        weights, lr=RATE, weight_decay=0.05, betas=(0.9, 0.98)
    )
    shown = torch.from_numpy(np.stack([_one_hot(one) for one in finds]))
    steps = epochs * (len(finds) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, RATE, steps, pct_start=0.08
    )
    model.train()
    for epoch in range(epochs):
        started, losses = time.monotonic(), []
        order = random.permutation(len(finds))
        for start in range(0, len(order) - BATCH + 1, BATCH):
            chosen = order[start : start + BATCH]
            terms = [caption(finds[i], random) for i in chosen]
            seen = augmented(pictures[chosen])
            loss = _loss(model, tokenizer, heads, seen, terms, shown[chosen])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(weights, 1.0)
            optimizer.step()
            schedule.step()
            model.logit_scale.data.clamp_(0, np.log(50))
            losses.append(loss.item())
        speed = len(losses) * BATCH / (time.monotonic() - started)
        _say(
            f"epoch {epoch + 1}/{epochs}: loss {np.mean(losses):.3f}, {speed:.0f} pictures/s"
        )


def _loss(
    model: Any,
    tokenizer: Any,
    heads: Any,
    seen: Tensor,
    terms: Sequence[Term],
    shown: Tensor,
) -> Tensor:
    words = [term.words for term in terms]
    tokens = tokenizer(words, padding=True, truncation=True, return_tensors="pt")
    out = model(pixel_values=seen, **tokens)
    asked = torch.from_numpy(np.stack([_allowed(term) for term in terms]))
    fits = (shown @ (1 - asked).T == 0).float()  # picture x caption
    logits = out.logits_per_image
    loss = 0.5 * (_matching(logits, fits) + _matching(logits.T, fits.T))
    start = 0
    for head, values in zip(heads, VALUES.values(), strict=True):
        answer = shown[:, start : start + len(values)].argmax(1)
        start += len(values)
        loss = loss + 0.2 * functional.cross_entropy(head(out.image_embeds * 8), answer)
    return loss


def _matching(logits: Tensor, fits: Tensor) -> Tensor:
    """Cross entropy with all that fits equally right."""
    right = fits / fits.sum(1, keepdim=True).clamp(min=1)
    return -(right * logits.log_softmax(1)).sum(1).mean()


def _one_hot(one: Find) -> NDArray[np.float32]:
    return np.array(
        [getattr(one, name) == value for name, value in COLUMNS], np.float32
    )


def _allowed(term: Term) -> NDArray[np.float32]:
    anything = {name: frozenset(values) for name, values in VALUES.items()}
    wants = {**anything, **term.wants}
    return np.array([value in wants[name] for name, value in COLUMNS], np.float32)


def augmented(pictures: NDArray[np.uint8]) -> Tensor:
    """Moved, scaled, mirrored and lit differently; shape (n, 3, SIDE, SIDE), normalised."""
    batch = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
    n = len(batch)
    scale = torch.empty(n, 2).uniform_(0.85, 1.12)
    move = torch.empty(n, 2).uniform_(-0.12, 0.12)
    flip = torch.where(torch.rand(n) < 0.5, -1.0, 1.0)
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0], theta[:, 1, 1], theta[:, :, 2] = (
        scale[:, 0] * flip,
        scale[:, 1],
        move,
    )
    grid = functional.affine_grid(theta, list(batch.shape), align_corners=False)
    batch = functional.grid_sample(
        batch, grid, padding_mode="border", mode="bilinear", align_corners=False
    )
    light = torch.empty(n, 1, 1, 1).uniform_(0.85, 1.15)
    return ((batch * light).clamp(0, 1) - 0.5) / 0.5


def save(model: Any, tokenizer: Any, directory: Path) -> None:
    """In half precision, as transformers saves a CLIP."""
    from transformers import CLIPImageProcessor, CLIPProcessor

    side = {"height": SIDE, "width": SIDE}
    processor = CLIPImageProcessor(
        size=side, do_center_crop=False, image_mean=[0.5] * 3, image_std=[0.5] * 3
    )
    model.eval().half().save_pretrained(directory)
    CLIPProcessor(processor, tokenizer).save_pretrained(directory)
    (directory / "model.safetensors").chmod(0o644)
    for name in ("vocab.json", "merges.txt"):  # tokenizer.json has both
        (directory / name).unlink()


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
