"""Tell what a file really is that is named like a spreadsheet, and what to do about it."""

import re
from collections.abc import Sequence
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from ...errors import BadRecords

PROGRAMS = {
    ".xlsx": "it is not an Excel workbook, or it is damaged or encrypted. Open it in Excel and save it "
    "as XLSX without a password, or as 'CSV UTF-8'.",
    ".xls": "it is not a workbook in Excel's older format, or it is damaged. Open it in Excel or "
    "LibreOffice and save it as XLSX, or as 'CSV UTF-8'.",
    ".ods": "it is not an OpenDocument spreadsheet, or it is damaged or encrypted. Open it in "
    "LibreOffice and save it as ODS without a password, or as XLSX.",
}
ZIP = b"PK\x03\x04"
COMPOUND = (
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # Excel's older format, or an encrypted file
)
STREAM_NAMES = {"EncryptedPackage", "Workbook", "Book"}
MARKUP = re.compile(rb"(\xef\xbb\xbf)?\s*<", re.S)
SPREADSHEET_XML = b"urn:schemas-microsoft-com:office:spreadsheet"
HEAD = 4096
NOT_TEXT = re.compile(rb"[\0-\x08\x0e-\x1a\x1c-\x1f]")
FOUND = {
    "xlsx": "is an Excel workbook in the format XLSX",
    "xls": "is a workbook in Excel's older format XLS",
    "ods": "is an OpenDocument spreadsheet",
    "tsv": "is text with tabs between its cells",
    "csv": "is plain text",
}


def check_kind(path: Path) -> None:
    """Check that a file is a spreadsheet in the format of its extension, as far as it begins so.

    :raises BadRecords: it is something else, which many programs export under these names
    """
    kind = _kind(path)
    if kind is None or path.suffix.lower() == f".{kind}":
        return
    if kind == "encrypted":
        raise BadRecords(
            f"{path} is encrypted. Open it in Excel or LibreOffice and save it without a password."
        )
    if kind == "html":
        raise BadRecords(
            f"{path} is an HTML page or XML, not a spreadsheet, although its name ends in "
            f"{path.suffix}. Open it in Excel or LibreOffice and save it as XLSX."
        )
    raise BadRecords(
        f"{path} {FOUND[kind]}, although its name ends in {path.suffix}. Rename it to "
        f"{path.with_suffix('.' + kind).name}."
    )


def damaged(path: Path) -> str:
    """Return what to say about a spreadsheet that cannot be read."""
    return f"{path} cannot be read: {PROGRAMS[path.suffix.lower()]}"


def _kind(path: Path) -> str | None:
    """Return the kind of file by its contents; None if it is not known, or damaged."""
    with path.open("rb") as fp:
        head = fp.read(HEAD)
    if head.startswith(ZIP):
        return _kind_of_archive(path)
    if head.startswith(COMPOUND):
        return _kind_of_compound(path)
    if MARKUP.match(head):
        return "html"
    if not head or NOT_TEXT.search(head):
        return None
    return "tsv" if b"\t" in head.partition(b"\n")[0] else "csv"


def _kind_of_archive(path: Path) -> str | None:
    try:
        with ZipFile(path) as archive:
            names: Sequence[str] = archive.namelist()
    except (BadZipFile, ValueError, NotImplementedError):
        return None
    if "[Content_Types].xml" in names:
        is_binary = "xl/workbook.bin" in names
        is_workbook = any(name.startswith("xl/") for name in names)
        return "xlsx" if is_workbook and not is_binary else None
    return "ods" if "content.xml" in names else None


def _kind_of_compound(path: Path) -> str | None:
    """Return the kind by the names in the file's directory, which are in UTF-16."""
    data = path.read_bytes()
    found = {name for name in STREAM_NAMES if name.encode("utf-16-le") in data}
    if "EncryptedPackage" in found:
        return "encrypted"
    return "xls" if found else None
