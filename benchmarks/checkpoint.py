"""A full-size ViT-B/32 with random weights: the same cost as the real one, no download.

    python -m benchmarks.checkpoint DIRECTORY --vocabulary bpe_simple_vocab_16e6.txt.gz

The vocabulary is the one OpenAI published with CLIP; it is not part of this project.
"""

import gzip
import json
from pathlib import Path

import click

MERGES = 49152 - 256 - 2  # as CLIP's own tokenizer reads the file
START, END = "<|startoftext|>", "<|endoftext|>"


def make_legacy(directory: Path, vocabulary: Path, seed: int = 0) -> Path:
    """ViT-B/32 in the layout of the stock checkpoint: ``modules.json`` and ``0_CLIPModel/``."""
    import torch
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel

    folder = directory / "0_CLIPModel"
    folder.mkdir(parents=True)
    write_tokenizer(folder, vocabulary)
    torch.manual_seed(seed)
    special = {"bos_token_id": 49406, "eos_token_id": 49407, "pad_token_id": 49407}
    CLIPModel(CLIPConfig(text_config=special)).save_pretrained(folder)
    CLIPImageProcessor().save_pretrained(folder)
    module = {"idx": 0, "name": "0", "path": "0_CLIPModel"}
    module["type"] = "sentence_transformers.models.CLIPModel"
    _write(directory / "modules.json", [module])
    versions = {"sentence_transformers": "2.0.0", "transformers": "4.7.0"}
    _write(directory / "config_sentence_transformers.json", {"__version__": versions})
    return directory


def write_tokenizer(folder: Path, vocabulary: Path) -> None:
    """``vocab.json`` and ``merges.txt`` from CLIP's published list of merges."""
    lines = gzip.decompress(vocabulary.read_bytes()).decode("utf-8").split("\n")
    merges = [line for line in lines[1 : MERGES + 1] if line]
    letters = list(_bytes_to_unicode().values())
    words = [*letters, *(letter + "</w>" for letter in letters)]
    words += ["".join(merge.split()) for merge in merges] + [START, END]
    _write(folder / "vocab.json", {word: i for i, word in enumerate(words)})
    text = "\n".join(["#version: 0.2", *merges])
    (folder / "merges.txt").write_text(text + "\n", "utf-8")
    names = {"bos_token": START, "eos_token": END, "unk_token": END, "pad_token": END}
    settings = {"tokenizer_class": "CLIPTokenizer", "model_max_length": 77, **names}
    _write(folder / "tokenizer_config.json", settings)


def _bytes_to_unicode() -> dict[int, str]:
    """The letters byte-level BPE writes bytes with (GPT-2's table)."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    letters = {byte: chr(byte) for byte in printable}
    return letters | {byte: chr(256 + i) for i, byte in enumerate(others)}


def _write(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False), "utf-8")


@click.command()
@click.argument("directory", type=click.Path(path_type=Path))
@click.option(
    "--vocabulary", required=True, type=click.Path(exists=True, path_type=Path)
)
def main(directory: Path, vocabulary: Path) -> None:
    """Write the checkpoint to DIRECTORY."""
    make_legacy(directory, vocabulary)


if __name__ == "__main__":
    main()
