"""A real CLIP of a few thousand weights, in every layout people have."""

import json
import shutil
from pathlib import Path
from typing import Any

CAPTIONS = [
    "a raccoon drawn in ink",
    "a bronze coin with a ship",
    "apple, pear and plum",
    "letter from the harbour, 1909",
]


def make(directory: Path, *, seed: int = 0, size: int = 32, width: int = 32) -> Path:
    """A plain transformers ``CLIPModel`` directory with random weights."""
    tower = {
        "hidden_size": width,
        "intermediate_size": 2 * width,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
    }
    vision = {**tower, "image_size": size, "patch_size": size // 4}
    return _clip(directory, seed, tower, vision, projection_dim=16)


def full_size(directory: Path) -> Path:
    """A ViT-B/32 with random weights and a tokenizer of few words."""
    return _clip(directory, 0, {}, {}, projection_dim=512)


def _clip(directory: Path, seed: int, text: dict, vision: dict, **shape: int) -> Path:
    import torch
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPProcessor

    from tools.demo_checkpoint.train import make_tokenizer

    directory.mkdir(parents=True)
    tokenizer = make_tokenizer(CAPTIONS, directory, size=700, longest=77)
    torch.manual_seed(seed)
    tokens = {
        "vocab_size": len(tokenizer),
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    config = CLIPConfig(text_config={**text, **tokens}, vision_config=vision, **shape)
    CLIPModel(config).save_pretrained(directory)
    size = config.vision_config.image_size
    processor = CLIPImageProcessor(
        size={"shortest_edge": size}, crop_size={"height": size, "width": size}
    )
    CLIPProcessor(processor, tokenizer).save_pretrained(directory)
    return directory


def as_sentence_transformer(plain: Path, directory: Path) -> Path:
    """As sentence-transformers saves it today."""
    from sentence_transformers import SentenceTransformer

    SentenceTransformer(str(plain)).save_pretrained(str(directory))
    return directory


def as_legacy(plain: Path, directory: Path) -> Path:
    """``modules.json`` and ``0_CLIPModel/``, as the stock checkpoint still is."""
    from tokenizers import Tokenizer

    folder = directory / "0_CLIPModel"
    folder.mkdir(parents=True)
    for name in ("config.json", "model.safetensors", "tokenizer_config.json"):
        shutil.copy(plain / name, folder / name)
    words = Tokenizer.from_file(str(plain / "tokenizer.json")).model
    words.save(str(folder))  # vocab.json and merges.txt
    processor = json.loads((plain / "processor_config.json").read_text())
    _write(folder / "preprocessor_config.json", processor["image_processor"])
    module = {
        "idx": 0,
        "name": "0",
        "path": "0_CLIPModel",
        "type": "sentence_transformers.models.CLIPModel",
    }
    _write(directory / "modules.json", [module])
    versions = {"sentence_transformers": "2.0.0", "transformers": "4.7.0"}
    _write(directory / "config_sentence_transformers.json", {"__version__": versions})
    return directory


def as_bin(plain: Path, directory: Path) -> Path:
    """``pytorch_model.bin`` instead of safetensors."""
    import torch
    from safetensors.torch import load_file

    shutil.copytree(plain, directory)
    tensors = load_file(directory / "model.safetensors")
    torch.save(tensors, directory / "pytorch_model.bin")
    (directory / "model.safetensors").unlink()
    return directory


def as_bare(plain: Path, directory: Path) -> Path:
    """``config.json`` and ``pytorch_model.bin`` alone, as fine-tuning scripts leave them."""
    complete = as_bin(plain, directory.with_name(directory.name + "-complete"))
    directory.mkdir()
    for name in ("config.json", "pytorch_model.bin"):
        shutil.move(complete / name, directory / name)
    shutil.rmtree(complete)
    return directory


def without_tokens(plain: Path, directory: Path, *tokens: str) -> Path:
    """With a vocabulary that lacks some; they become the end token."""
    shutil.copytree(plain, directory)
    tokenizer = json.loads((directory / "tokenizer.json").read_text("utf-8"))
    for token in tokens:
        del tokenizer["model"]["vocab"][token]
    _write(directory / "tokenizer.json", tokenizer)
    return directory


def siglip(directory: Path, *, size: int = 32, masked: bool = True) -> Path:
    """A SigLIP: two towers trained with another loss, with a processor of its own.

    ``masked``: whether its tokenizer returns an attention mask, which most do not.
    """
    from transformers import (
        SiglipConfig,
        SiglipImageProcessor,
        SiglipModel,
        SiglipProcessor,
    )

    tokenizer, tower, text = _siglip_texts(directory)
    vision = {**tower, "image_size": size, "patch_size": size // 4}
    config = SiglipConfig(text_config=text, vision_config=vision)
    SiglipModel(config).save_pretrained(directory)
    processor = SiglipImageProcessor(size={"height": size, "width": size})
    SiglipProcessor(processor, tokenizer).save_pretrained(directory)
    if not masked:
        path = directory / "tokenizer_config.json"
        settings = json.loads(path.read_text("utf-8"))
        _write(path, {**settings, "model_input_names": ["input_ids"]})
    return directory


def siglip2(directory: Path) -> Path:
    """A SigLIP 2 for pictures of any shape (NaFlex)."""
    from transformers import (
        Siglip2Config,
        Siglip2ImageProcessor,
        Siglip2Model,
        Siglip2Processor,
    )

    tokenizer, tower, text = _siglip_texts(directory)
    vision = {**tower, "num_patches": 256, "patch_size": 16}
    config = Siglip2Config(text_config=text, vision_config=vision)
    Siglip2Model(config).save_pretrained(directory)
    Siglip2Processor(Siglip2ImageProcessor(), tokenizer).save_pretrained(directory)
    return directory


def _siglip_texts(directory: Path) -> tuple[Any, dict[str, int], dict[str, int]]:
    """A tokenizer, and the settings of both towers and of the one for texts."""
    import torch

    from tools.demo_checkpoint.train import make_tokenizer

    directory.mkdir(parents=True)
    tokenizer = make_tokenizer(CAPTIONS, directory, size=700, longest=64)
    torch.manual_seed(0)
    tower = {
        "hidden_size": 24,
        "intermediate_size": 48,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
    }
    text = {
        **tower,
        "vocab_size": len(tokenizer) + 1,  # Siglip2Tokenizer has a mask token
        "max_position_embeddings": 64,
        "projection_size": 24,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    return tokenizer, tower, text


def _write(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2), "utf-8")
