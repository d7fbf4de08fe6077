"""TIFFs of kinds that Pillow reads but does not write."""

import struct

BYTE, ASCII, SHORT, LONG = 1, 2, 3, 4
SIZES = {BYTE: "B", ASCII: "s", SHORT: "H", LONG: "I"}


def tiff(size, bits, pixels, tags):
    """Return the bytes of a TIFF with one uncompressed strip.

    :param bits: per pixel
    :param tags: further tags with their type and values
    """
    fixed = {
        256: (LONG, [size[0]]),
        257: (LONG, [size[1]]),
        258: (SHORT, [bits]),
        259: (SHORT, [1]),
        273: (LONG, [8]),
        277: (SHORT, [1]),
        278: (LONG, [size[1]]),
        279: (LONG, [len(pixels)]),
    }
    body, entries = pixels + b"\0" * (len(pixels) % 2), b""
    every = {**fixed, **tags}
    for tag in sorted(every):
        kind, values = every[tag]
        content = (
            values
            if kind == ASCII
            else struct.pack(f"<{len(values)}{SIZES[kind]}", *values)
        )
        where = content.ljust(4, b"\0")
        if len(content) > 4:
            where = struct.pack("<I", 8 + len(body))
            body += content + b"\0" * (len(content) % 2)
        entries += struct.pack("<HHI", tag, kind, len(values)) + where
    directory = struct.pack("<H", len(every)) + entries + struct.pack("<I", 0)
    return struct.pack("<2sHI", b"II", 42, 8 + len(body)) + body + directory
