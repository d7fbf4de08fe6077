"""OpenDocument spreadsheets, written as text."""

from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile

SPACES = " ".join(
    f'xmlns:{prefix}="{address}"'
    for prefix, address in {
        "office": "urn:oasis:names:tc:opendocument:xmlns:office:1.0",
        "table": "urn:oasis:names:tc:opendocument:xmlns:table:1.0",
        "text": "urn:oasis:names:tc:opendocument:xmlns:text:1.0",
        "style": "urn:oasis:names:tc:opendocument:xmlns:style:1.0",
        "calcext": "urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0",
    }.items()
)
HIDDEN = (
    '<office:automatic-styles><style:style style:name="hidden">'
    '<style:table-properties table:display="false"/></style:style></office:automatic-styles>'
)


def cell(content="", kind="string", **attributes):
    """A cell; attributes such as office_value="1" and table_formula="=1" by name."""
    given = {"office_value-type": kind, **attributes} if kind else attributes
    written = "".join(f' {k.replace("_", ":", 1)}="{v}"' for k, v in given.items())
    return f"<table:table-cell{written}>{content}</table:table-cell>"


def of(value):
    """A cell with a text, a number or nothing; a string that is markup already stays as it is."""
    if value is None:
        return "<table:table-cell/>"
    if isinstance(value, str) and value.startswith("<table:"):
        return value
    if isinstance(value, str):
        return cell(f"<text:p>{escape(value)}</text:p>")
    return cell(kind="float", office_value=value)


def row(*values, repeated=None):
    times = f' table:number-rows-repeated="{repeated}"' if repeated else ""
    return f"<table:table-row{times}>{''.join(map(of, values))}</table:table-row>"


def table(name, *rows, style="shown"):
    written = (one if isinstance(one, str) else row(*one) for one in rows)
    begin = f'<table:table table:name="{name}" table:style-name="{style}">'
    return f"{begin}{''.join(written)}</table:table>"


def content(*tables, before=""):
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>{before}<office:document-content {SPACES}>{HIDDEN}'
        f"<office:body><office:spreadsheet>{''.join(tables)}</office:spreadsheet></office:body>"
        "</office:document-content>"
    )


def pack(path, text, **parts):
    """Save an archive with this content."""
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", text)
        for name, data in parts.items():
            archive.writestr(name, data)
    return path


def save(path, rows):
    """Save rows as the one sheet."""
    return pack(path, content(table("Sheet1", *rows)))
