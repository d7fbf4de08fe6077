"""A checkpoint whose vectors can be computed by hand, and pictures to go with it."""

import hashlib
from pathlib import Path

import numpy as np
from PIL import Image

WORDS = {"red": (1, 0, 0), "green": (0, 1, 0), "blue": (0, 0, 1), "grey": (1, 1, 1)}
RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
YELLOW = (255, 255, 0)


class Colours:
    """A picture's vector is its mean colour from 0 to 1, a word's is the colour it names."""

    dimensions = 3
    needed = 0

    def __init__(self, fingerprint: str = "c0c0") -> None:
        self.fingerprint = fingerprint
        self.pictures_encoded = 0
        self.texts_encoded = 0

    def prepare(self, picture):
        return np.asarray(picture.convert("RGB"), np.float64).mean(axis=(0, 1)) / 255

    def encode_prepared(self, prepared):
        self.pictures_encoded += len(prepared)
        return np.array(prepared, np.float32).reshape(-1, 3)

    def encode_texts(self, texts):
        self.texts_encoded += len(texts)
        return np.array([self._text(text) for text in texts], np.float32)

    def _text(self, text):
        if text in WORDS:
            return WORDS[text]
        digest = hashlib.md5(text.encode()).digest()
        return [1 + byte / 255 for byte in digest[:3]]


def picture(path: Path, colour=RED, size=(40, 30), **options) -> Path:
    """A file of one colour; its format is that of its extension."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path, **options)
    return path
