"""Workbooks in Excel's format before 2007 (BIFF8), written record by record."""

import struct

SECTOR = 512
FREE, END, FAT = -1, -2, -3
GENERAL, DATE, DURATION, YEAR, ZEROS = range(5)  # styles of cells
FORMATS = {164: "yyyy\\-mm\\-dd", 165: "[h]:mm:ss", 166: "yyyy", 167: "0000000"}


def record(kind, data=b""):
    return struct.pack("<HH", kind, len(data)) + data


def begin(kind):
    return record(0x809, struct.pack("<HHHHII", 0x600, kind, 0xDBB, 0x7CC, 0, 0))


def text(value, length="<H"):
    encoded = value.encode("utf-16-le")
    return struct.pack(length, len(encoded) // 2) + b"\1" + encoded


def cell(kind, row, column, data=b"", style=GENERAL):
    return record(kind, struct.pack("<HHH", row, column, style) + data)


def label(row, column, value):
    return cell(0x204, row, column, text(value))


def number(row, column, value, style=GENERAL):
    return cell(0x203, row, column, struct.pack("<d", value), style)


def blank(row, column):
    return cell(0x201, row, column)


def boolean(row, column, value):
    return cell(0x205, row, column, bytes([value, 0]))


def error(row, column, code):
    return cell(0x205, row, column, bytes([code, 1]))


def formula(row, column, value, flags=0):
    return cell(6, row, column, struct.pack("<dHIH", value, flags, 0, 0))


def merged(*ranges):
    """Ranges of first and last row, first and last column, from 0."""
    data = b"".join(struct.pack("<HHHH", *one) for one in ranges)
    return record(0xE5, struct.pack("<H", len(ranges)) + data)


def any_cell(row, column, value):
    write = {str: label, bool: boolean, int: number, float: number}.get(type(value))
    return write(row, column, value) if write else b""


def of_rows(rows):
    return b"".join(
        any_cell(r, c, value)
        for r, row in enumerate(rows)
        for c, value in enumerate(row)
    )


def stream(sheets, hidden=(), before=b""):
    """A workbook's stream: its sheets by name, each as the records of its cells."""
    head = begin(5) + before + record(0x42, struct.pack("<H", 1200))
    font = struct.pack("<5H4B", 200, 0, 8, 400, 0, 0, 0, 0, 0) + text("Arial", "<B")
    head += record(0x31, font) * 5
    for key, shown in FORMATS.items():
        head += record(0x41E, struct.pack("<H", key) + text(shown))
    for key in (0, *FORMATS):
        head += record(0xE0, struct.pack("<HHH", 0, key, 1) + bytes(14))
    bodies = [begin(0x10) + cells + record(10) for cells in sheets.values()]
    names = [text(name, "<B") for name in sheets]
    position = len(head) + sum(10 + len(name) for name in names) + 4
    for name, shown, body in zip(names, sheets, bodies, strict=True):
        state = 1 if shown in hidden else 0
        head += record(0x85, struct.pack("<IBB", position, state, 0) + name)
        position += len(body)
    return head + record(10) + b"".join(bodies)


def compound(data, name="Workbook", chain=None):
    """A compound file with one stream; ``chain`` replaces the sectors that follow its sectors."""
    data = data.ljust(4096, b"\0")
    count = -(-len(data) // SECTOR)
    follow = [*range(1, count), END] if chain is None else chain
    table = [*follow, FREE, FAT]  # the directory, and this table
    table[count] = END
    sectors = -(-len(table) // 128)
    table = [*follow, END, *[FAT] * sectors]
    table += [FREE] * (128 * sectors - len(table))
    first = count + 1
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    header += struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    header += struct.pack("<iiiiiiiii", 0, sectors, count, 0, 4096, END, 0, END, 0)
    places = [first + n if n < sectors else FREE for n in range(109)]
    header += struct.pack("<109i", *places)
    entries = entry("Root Entry", 5, END, 0, child=1) + entry(name, 2, 0, len(data))
    body = data.ljust(count * SECTOR, b"\0") + entries.ljust(SECTOR, b"\0")
    return header + body + struct.pack(f"<{len(table)}i", *table)


def entry(name, kind, start, size, child=-1):
    encoded = (name + "\0").encode("utf-16-le")
    data = encoded.ljust(64, b"\0") + struct.pack(
        "<HBBiii", len(encoded), kind, 1, -1, -1, child
    )
    return data + bytes(36) + struct.pack("<iii", start, size, 0)


def save(path, sheets, **options):
    """Save sheets as a workbook; a list of rows is one sheet."""
    if not isinstance(sheets, dict):
        sheets = {"Sheet1": sheets}
    cells = {
        name: of_rows(rows) if isinstance(rows, list) else rows
        for name, rows in sheets.items()
    }
    path.write_bytes(compound(stream(cells, **options)))
    return path
