"""Spreadsheets as other programs write them."""

from zipfile import ZipFile

from openpyxl import Workbook

ROWS = [
    ("file_name", "title", "sensitive"),
    ("red.png", "A red thing", "no"),
    ("green.png", "A green thing", "yes"),
    ("sub folder/blé.png", "A blue thing", "no"),
]
READ = [dict(zip(ROWS[0], row, strict=True)) for row in ROWS[1:]]


def save(path, rows=ROWS, change=None):
    """Save rows as a workbook; ``change`` then changes its first sheet."""
    book = Workbook()
    for row in rows:
        book.active.append(row)
    if change:
        change(book.active)
    book.save(path)
    return path


def edit(path, *replacements, part="xl/worksheets/sheet1.xml"):
    """Replace text in a part of a saved workbook, where it must be."""
    with ZipFile(path) as archive:
        parts = {name: archive.read(name).decode() for name in archive.namelist()}
    for old, new in replacements:
        assert old in parts[part], parts[part]
        parts[part] = parts[part].replace(old, new)
    with ZipFile(path, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return path
