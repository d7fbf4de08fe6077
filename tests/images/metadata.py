"""What pictures have inside, written by hand: XMP packets, IPTC blocks, Photoshop's resources."""

import hashlib
import io
import struct

from PIL import Image

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
NAMESPACES = " ".join(
    f'xmlns:{prefix}="{uri}"'
    for prefix, uri in {
        "rdf": RDF,
        "dc": "http://purl.org/dc/elements/1.1/",
        "photoshop": "http://ns.adobe.com/photoshop/1.0/",
        "xmpRights": "http://ns.adobe.com/xap/1.0/rights/",
        "cc": "http://creativecommons.org/ns#",
        "exif": "http://ns.adobe.com/exif/1.0/",
        "tiff": "http://ns.adobe.com/tiff/1.0/",
        "iptc": "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/",
        "ext": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    }.items()
)


def xmp(inner="", attributes=""):
    """A packet with these properties, as elements and as attributes."""
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF {NAMESPACES}>'
        f'<rdf:Description rdf:about="" {attributes}>{inner}</rdf:Description>'
        '</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


def alt(name, **texts):
    """A text in languages; ``x_default`` is the default."""
    items = (
        f'<rdf:li xml:lang="{language.replace("_", "-")}">{text}</rdf:li>'
        for language, text in texts.items()
    )
    return f"<{name}><rdf:Alt>{''.join(items)}</rdf:Alt></{name}>"


def bag(name, *texts, kind="Bag"):
    items = "".join(f"<rdf:li>{text}</rdf:li>" for text in texts)
    return f"<{name}><rdf:{kind}>{items}</rdf:{kind}></{name}>"


def iptc(*values, utf8=True):
    """A block of pairs of a dataset of record 2 and a text or bytes."""
    block = b"\x1c\x01\x5a\x00\x03\x1b%G" if utf8 else b""
    for number, value in values:
        raw = value.encode() if isinstance(value, str) else value
        block += struct.pack(">BBBH", 0x1C, 2, number, len(raw)) + raw
    return block


def resource(number, data):
    """A resource of Photoshop's, without a name."""
    head = b"8BIM" + struct.pack(">H", number) + b"\0\0"
    return head + struct.pack(">I", len(data)) + data + b"\0" * (len(data) % 2)


def resources(block, written_as=None):
    """IPTC among Photoshop's resources; ``written_as`` is the block that the digest is of."""
    digest = b"" if written_as is None else hashlib.md5(written_as).digest()
    return resource(0x0404, block) + (resource(0x0425, digest) if digest else b"")


def jpeg(*, xmp=None, photoshop=b"", exif=None):
    """A small JPEG with these parts; its resources may need several segments."""
    options = {"exif": exif} if exif is not None else {}
    out = io.BytesIO()
    Image.new("RGB", (8, 6)).save(out, "JPEG", **options)
    extra = []
    if xmp is not None:
        extra.append((0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp))
    for start in range(0, len(photoshop), 60_000):
        part = photoshop[start : start + 60_000]
        extra.append((0xED, b"Photoshop 3.0\0" + part))
    raw = out.getvalue()
    segments = b"".join(struct.pack(">BBH", 0xFF, n, len(d) + 2) + d for n, d in extra)
    return raw[:2] + segments + raw[2:]


def exif(main=None, inner=None, gps=None):
    """EXIF with these tags, in the first directory and in the two others."""
    found = Image.Exif()
    found.update(main or {})
    if inner:
        found.get_ifd(0x8769).update(inner)
    if gps:
        found.get_ifd(0x8825).update(gps)
    return found


def chunk(kind, data):
    """A chunk of a PNG; nobody checks its checksum here."""
    return struct.pack(">I", len(data)) + kind + data + b"\0\0\0\0"


def png(*chunks):
    """A small PNG with more chunks behind its pixels, where ExifTool writes them."""
    out = io.BytesIO()
    Image.new("RGB", (8, 6)).save(out, "PNG")
    return out.getvalue()[:-12] + b"".join(chunks) + out.getvalue()[-12:]


TIFF = {256: 8, 257: 6, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: 6, 279: 48}


def tiff_of(found):
    """A TIFF with this EXIF, and without pixels."""
    for tag, value in TIFF.items():
        found[tag] = value
    raw = found.tobytes()[6:]
    for tag in TIFF:
        del found[tag]
    return raw
