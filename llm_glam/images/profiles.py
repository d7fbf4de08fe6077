"""Find the colour profile of a picture's file: an embedded one, or what a PNG says in its place."""

import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

COLOR_MODES = ("RGB", "RGBA", "P", "PA")
# x and y of white, red, green and blue, as in the chunk cHRM.
SRGB = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
SAME_GAMMA = 0.05  # from 1 / 2.2, as libpng has it: such files are meant to be sRGB
SAME_COLORS = 0.002
GAMMAS = 0.1, 10.0  # others are damage
LARGEST = 10.0  # of a colour's X, Y and Z; of real ones, about 1
D50 = (0.9642, 1.0, 0.8249)
BRADFORD = np.array(
    [
        [0.8951, 0.2664, -0.1614],
        [-0.7502, 1.7135, 0.0367],
        [0.0389, -0.0685, 1.0296],
    ]
)
HEADER = ">II4s4s4s4s12s4s4sIIIQI12sI16s28x"
VERSION = 0x04200000


def of(im: Image.Image) -> bytes | None:
    """Return the colour profile of an RGB picture as an ICC profile, None where it is sRGB.

    Of what a PNG may have, the first counts, as in browsers: iCCP, sRGB, gAMA with cHRM.
    """
    embedded = im.info.get("icc_profile")
    if embedded:
        return embedded if im.mode in COLOR_MODES else None
    if im.format != "PNG" or "srgb" in im.info:
        return None
    gamma, colors = im.info.get("gamma"), im.info.get("chromaticity", SRGB)
    if not gamma or not GAMMAS[0] <= gamma <= GAMMAS[1]:
        return None
    matrix = _matrix(colors)
    if matrix is None:
        colors, matrix = SRGB, _matrix(SRGB)
    is_srgb = np.allclose(colors, SRGB, rtol=0, atol=SAME_COLORS)
    if matrix is None or (is_srgb and abs(gamma * 2.2 - 1) <= SAME_GAMMA):
        return None
    return _icc(matrix, 1 / gamma)


def _matrix(colors: Sequence[float]) -> NDArray[np.float64] | None:
    """Return XYZ of red, green and blue in its rows, seen in the white of ICC, which is D50.

    :return: None for colours that cannot be
    """
    x, y = np.array(colors, float).reshape(4, 2).T
    try:
        with np.errstate(all="raise"):
            white, *primaries = np.stack([x / y, np.ones(4), (1 - x - y) / y], axis=1)
            columns = np.stack(primaries, axis=1)
            columns = columns * np.linalg.solve(columns, white)
            cones = np.diag((BRADFORD @ D50) / (BRADFORD @ white))
            seen = np.linalg.solve(BRADFORD, cones @ BRADFORD @ columns).T
    except (np.linalg.LinAlgError, FloatingPointError):
        return None
    return seen if np.abs(seen).max() <= LARGEST else None


def _icc(matrix: NDArray[np.float64], exponent: float) -> bytes:
    """Return an ICC profile of three colours and an exponent."""
    curve = b"para" + struct.pack(">IHHi", 0, 0, 0, _fixed(exponent))
    contents = {b"wtpt": _xyz(D50)}
    for letter, row in zip((b"r", b"g", b"b"), matrix, strict=True):
        contents[letter + b"XYZ"] = _xyz(row)
        contents[letter + b"TRC"] = curve
    place = struct.calcsize(HEADER) + 4 + 12 * len(contents)
    table, data = struct.pack(">I", len(contents)), b""
    for name, content in contents.items():
        table += struct.pack(">4sII", name, place + len(data), len(content))
        data += content
    return _header(len(table + data)) + table + data


def _header(length: int) -> bytes:
    size = struct.calcsize(HEADER)
    white = struct.pack(">3i", *map(_fixed, D50))
    kind = (b"mntr", b"RGB ", b"XYZ ")
    return struct.pack(
        *(HEADER, size + length, 0, struct.pack(">I", VERSION), *kind, bytes(12)),
        *(b"acsp", bytes(4), 0, 0, 0, 0, 0, white, 0, bytes(16)),
    )


def _xyz(values: Sequence[float] | NDArray[np.float64]) -> bytes:
    return b"XYZ " + struct.pack(">I3i", 0, *map(_fixed, values))


def _fixed(value: float) -> int:
    return round(value * 65536)
