"""TIFFs of kinds that Pillow reads but does not write."""

import struct

BYTE, ASCII, SHORT, LONG, LONG8, IFD8 = 1, 2, 3, 4, 16, 18
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


def bigtiff(pictures):
    """Return the bytes of a BigTIFF of grey pictures; the second and further ones are SubIFDs.

    :param pictures: arrays with 8 bits per pixel
    """
    head = struct.pack("<2sHHHQ", b"II", 43, 8, 0, 0)
    body, directories = b"", []
    for picture in reversed(pictures):  # the first one has to know where the others are
        is_first = len(directories) == len(pictures) - 1
        place = len(head) + len(body)
        body += picture.tobytes()
        offsets = directories[::-1]
        where = len(head) + len(body)
        body += struct.pack(f"<{len(offsets)}Q", *offsets)
        tags = {
            254: (LONG, 1, 0 if is_first else 1),
            256: (LONG, 1, picture.shape[1]),
            257: (LONG, 1, picture.shape[0]),
            258: (LONG, 1, 8),
            259: (LONG, 1, 1),
            262: (LONG, 1, 1),
            273: (LONG8, 1, place),
            277: (LONG, 1, 1),
            278: (LONG, 1, picture.shape[0]),
            279: (LONG8, 1, picture.size),
        }
        if is_first and offsets:
            value = offsets[0] if len(offsets) == 1 else where
            tags[330] = (IFD8, len(offsets), value)
        directories.append(len(head) + len(body))
        body += struct.pack("<Q", len(tags))
        for tag, (kind, count, value) in sorted(tags.items()):
            value = (
                struct.pack("<II", value, 0)
                if kind == LONG
                else struct.pack("<Q", value)
            )
            body += struct.pack("<HHQ", tag, kind, count) + value
        body += struct.pack("<Q", 0)
    return head[:8] + struct.pack("<Q", directories[-1]) + body
