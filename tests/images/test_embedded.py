"""What is inside pictures: EXIF, IPTC and XMP, and the sidecars beside them."""

import io
import os
import random
import struct
import time
import zlib

import pytest
from PIL import Image, PngImagePlugin
from PIL.TiffImagePlugin import IFDRational

from llm_glam.images import files
from llm_glam.images.embedded import record
from llm_glam.images.embedded.sidecars import Sidecars

from . import metadata as made
from .metadata import alt, bag, iptc, jpeg, resource, resources, xmp
from .test_pages import RGB, WHOLE, camera_file
from .tiffs import LONG, tiff

TITLE, XP_TITLE, XP_COMMENT, XP_AUTHOR, XP_KEYWORDS = 5, *range(0x9C9B, 0x9C9F)
DESCRIPTION, ARTIST, COPYRIGHT, COMMENT = 0x010E, 0x013B, 0x8298, 0x9286
EVERYTHING = xmp(
    alt("dc:title", de="Brosche", x_default="Brooch")
    + alt("dc:description", x_default="A bronze &lt;brooch&gt;")
    + bag("dc:subject", "bronze", "Fibel & Co".replace("&", "&amp;"), "bronze")
    + bag("dc:creator", "Ada Ash", "Ben Birch", kind="Seq")
    + alt("dc:rights", x_default="© Museum")
    + '<cc:license rdf:resource="https://creativecommons.org/licenses/by/4.0/"/>',
    'photoshop:DateCreated="1931-05-20T10:15:00.00+01:00" iptc:Location="Trench 2" '
    'photoshop:City="Bath" photoshop:State="Somerset" photoshop:Country="England" '
    'exif:GPSLatitude="51,22.8600N" exif:GPSLongitude="2,21.6W"',
)
EXPECTED = {
    "title": "Brooch",
    "caption": "A bronze <brooch>",
    "keywords": ["bronze", "Fibel & Co"],
    "creator": "Ada Ash; Ben Birch",
    "date": "1931-05-20T10:15:00+01:00",
    "rights": "© Museum",
    "licence": "https://creativecommons.org/licenses/by/4.0/",
    "sublocation": "Trench 2",
    "city": "Bath",
    "state": "Somerset",
    "country": "England",
    "latitude": 51.381,
    "longitude": -2.36,
}
IPTC = iptc(
    *((5, "Brooch"), (120, "A bronze brooch"), (25, "bronze"), (25, "pin")),
    *((80, "Ada Ash"), (80, "Ben Birch"), (55, "19310520"), (60, "101500+0100")),
    *((116, "© Museum"), (92, "Trench 2"), (90, "Bath"), (95, "Somerset")),
    (101, "England"),
)


def saved(format_, **options):
    out = io.BytesIO()
    Image.new("RGB", (8, 6)).save(out, format_, **options)
    return out.getvalue()


def read(picture, *sidecars):
    return record.read(picture, sidecars)


def jp2(*boxes):
    if not hasattr(Image.core, "jpeg2k_decoder"):
        pytest.skip("this Pillow has no JPEG 2000")
    return saved("JPEG2000") + b"".join(
        struct.pack(">I4s", len(content) + 8, b"uuid") + content for content in boxes
    )


def heic():
    pytest.importorskip("pillow_heif").register_heif_opener()
    exif = made.exif({ARTIST: "Ada Ash"})
    return saved("HEIF", xmp=EVERYTHING, exif=exif.tobytes())


XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
ITXT = made.chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + EVERYTHING)
PACKED = made.chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(EVERYTHING))


@pytest.mark.parametrize(
    "make",
    [
        lambda: jpeg(xmp=EVERYTHING),
        lambda: made.png(ITXT),
        lambda: made.png(PACKED),
        lambda: saved("WEBP", xmp=EVERYTHING),
        lambda: saved("TIFF", tiffinfo={700: EVERYTHING}),
        lambda: camera_file([(WHOLE, 0, RGB)], further={700: EVERYTHING}),
        lambda: jp2(XMP_UUID + EVERYTHING),
        heic,
    ],
    ids=["jpeg", "png", "packed-png", "webp", "tiff", "dng", "jp2", "heic"],
)
def test_xmp_is_read_from_every_format(make):
    assert read(make()) == EXPECTED


def raw_profile(data, name=b"iptc"):
    text = b"\n" + name + b"\n%8d\n%s\n" % (len(data), data.hex().encode())
    return made.chunk(b"zTXt", b"Raw profile type iptc\0\0" + zlib.compress(text))


@pytest.mark.parametrize(
    "make",
    [
        lambda: jpeg(photoshop=resources(IPTC)),
        lambda: jpeg(photoshop=resource(0x0BB7, b"x" * 70_001) + resources(IPTC)),
        lambda: saved("TIFF", tiffinfo={33723: IPTC}),
        lambda: saved("TIFF", tiffinfo={34377: resources(IPTC)}),
        lambda: made.png(raw_profile(resources(IPTC))),
        lambda: made.png(raw_profile(IPTC, b"IPTC profile")),
        lambda: jp2(bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38") + IPTC),
    ],
    ids=["jpeg", "two-segments", "tiff", "tiff-resources", "png", "bare-png", "jp2"],
)
def test_iptc_is_read_from_every_format(make):
    left_out = {"licence", "latitude", "longitude"}
    expected = {k: v for k, v in EXPECTED.items() if k not in left_out}
    expected |= {"caption": "A bronze brooch", "keywords": ["bronze", "pin"]}
    assert read(make()) == expected


@pytest.mark.parametrize("order", ["<", ">"])
def test_iptc_of_a_tiff_may_be_written_as_numbers(order):
    """As Photoshop does it; some programs then turn the bytes of each around."""
    block = iptc((5, "Brooch"), (120, "A bronze brooch"))
    block += b"\0" * (-len(block) % 4)
    numbers = struct.unpack(f"{order}{len(block) // 4}I", block)
    picture = tiff((8, 6), 8, bytes(48), {33723: (LONG, numbers)})
    assert read(picture) == {"title": "Brooch", "caption": "A bronze brooch"}


def rationals(*numbers):
    return tuple(IFDRational(round(n * 100), 100) for n in numbers)


EXIF = made.exif(
    {
        XP_TITLE: "Fibel № 7".encode("utf-16-le") + b"\0\0",
        XP_KEYWORDS: "bronze;pin;".encode("utf-16-le"),
        DESCRIPTION: "A bronze brooch",
        ARTIST: "Ada Ash;Ben Birch ",
        COPYRIGHT: "Ada Ash\0Museum\0",
    },
    {0x9003: "1931:05:20 10:15:00", 0x9011: "+01:00"},
    {1: "S", 2: rationals(51, 22, 51.6), 3: "W", 4: rationals(2, 21.6, 0)},
)


@pytest.mark.parametrize(
    "make",
    [
        lambda: jpeg(exif=EXIF),
        lambda: saved("WEBP", exif=EXIF),
        lambda: saved("PNG", exif=EXIF),
        lambda: made.png(made.chunk(b"eXIf", EXIF.tobytes()[6:])),
        lambda: made.tiff_of(EXIF),
        lambda: jp2(b"JpgTiffExif->JP2" + EXIF.tobytes()[6:]),
    ],
    ids=["jpeg", "webp", "png", "late-png", "tiff", "jp2"],
)
def test_exif_is_read_from_every_format(make):
    assert read(make()) == {
        "title": "Fibel № 7",
        "caption": "A bronze brooch",
        "keywords": ["bronze", "pin"],
        "creator": "Ada Ash; Ben Birch",
        "date": "1931-05-20T10:15:00+01:00",
        "rights": "Ada Ash; Museum",
        "latitude": -51.381,
        "longitude": -2.36,
    }


def test_xmp_comes_before_iptc_and_iptc_before_exif():
    exif = made.exif({DESCRIPTION: "exif", ARTIST: "exif", COPYRIGHT: "exif"})
    block = iptc((120, "iptc"), (80, "iptc"))
    picture = jpeg(
        xmp=xmp(alt("dc:description", x_default="xmp")),
        photoshop=resources(block),
        exif=exif,
    )
    assert read(picture) == {"caption": "xmp", "creator": "iptc", "rights": "exif"}


def test_blank_values_do_not_hide_those_behind_them():
    block = iptc((5, "   "), (116, "\0\0"), (25, " "))
    exif = made.exif({COPYRIGHT: "© Museum".encode()})
    packet = xmp(alt("dc:title", x_default=" ") + bag("dc:subject"), 'dc:rights=" "')
    picture = jpeg(xmp=packet, photoshop=resources(block), exif=exif)
    assert read(picture) == {"rights": "© Museum"}


def test_a_headline_is_the_title_where_there_is_no_other():
    assert read(jpeg(photoshop=resources(iptc((105, "Win"))))) == {"title": "Win"}
    both = jpeg(photoshop=resources(iptc((105, "Win"), (5, "IMG 1"))))
    assert read(both) == {"title": "IMG 1"}


# MWG: the digest beside IPTC tells whether it is what the XMP was made of.
OLD, NEW = iptc((5, "old"), (25, "old")), iptc((5, "new"), (25, "new"))


@pytest.mark.parametrize(
    ("written_as", "title"), [(NEW, "xmp"), (None, "xmp"), (OLD, "new")]
)
def test_iptc_that_was_changed_later_comes_before_xmp(written_as, title):
    packet = xmp(alt("dc:title", x_default="xmp") + bag("dc:subject", "xmp"))
    picture = jpeg(xmp=packet, photoshop=resources(NEW, written_as))
    assert read(picture) == {"title": title, "keywords": [title]}


def test_what_iptc_had_no_room_for_is_taken_from_xmp_all_the_same():
    long = "Sir Bartholomew Featherstonehaugh-Cholmondeley"
    block = iptc((80, long[:32]), (5, "new"))
    packet = xmp(bag("dc:creator", long, kind="Seq") + alt("dc:title", x_default="x"))
    picture = jpeg(xmp=packet, photoshop=resources(block, OLD))
    assert read(picture) == {"title": "new", "creator": long}


@pytest.mark.parametrize(
    ("block", "title"),
    [
        (iptc((5, "Grün"), utf8=True), "Grün"),
        (iptc((5, "Grün"), utf8=False), "Grün"),
        (iptc((5, "Grün".encode("latin-1")), utf8=False), "Grün"),
        (iptc((5, "“Grün” €".encode("cp1252")), utf8=False), "“Grün” €"),
        (iptc((5, "Grün".encode("latin-1")), utf8=True), "Grün"),
        (iptc((5, "Grün, schön".encode()[:-3]), utf8=True), "Grün, sch"),
        (
            b"\x1c\x01\x5a\x00\x03\x1b-L"
            + iptc((5, "Икона".encode("iso8859-5")), utf8=False),
            "Икона",
        ),
        (iptc((5, b"\x81\x8d"), utf8=False), None),
    ],
)
def test_charsets_of_iptc(block, title):
    found = read(jpeg(photoshop=resources(block)))
    assert found.get("title") == title or title is None


@pytest.mark.parametrize(
    "raw", ["Grün € ’".encode(), "Grün € ’".encode("cp1252")], ids=["utf-8", "cp1252"]
)
def test_exif_text_in_utf_8_or_windows_1252(raw):
    picture = jpeg(exif=made.exif({DESCRIPTION: raw}))
    assert read(picture) == {"caption": "Grün € ’"}


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"ASCII\0\0\0A brooch\0\0", "A brooch"),
        (b"UNICODE\0" + "Grün".encode("utf-16-le"), "Grün"),
        (b"UNICODE\0" + "Grün".encode("utf-16-be"), "Grün"),
        (b"UNICODE\0" + "\ufeffGrün".encode("utf-16-be"), "Grün"),
        (b"JIS\0\0\0\0\0" + "土器".encode("iso2022_jp"), "土器"),
        (b"\0" * 8 + "Grün".encode(), "Grün"),
        (b"Just some text", "Just some text"),
        (b"ASCII\0\0\0" + b" " * 100, None),
        (b"\0" * 100, None),
        (b"", None),
    ],
)
def test_charsets_of_a_users_comment(raw, text):
    found = read(jpeg(exif=made.exif(inner={COMMENT: raw})))
    assert found == ({"caption": text} if text else {})


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"],
)
def test_sidecars_in_every_encoding(encoding):
    packet = '<?xml version="1.0"?>' + EVERYTHING.decode().replace("\ufeff", "")
    assert read(saved("PNG"), packet.encode(encoding)) == EXPECTED


def test_a_sidecar_in_windows_1252():
    packet = xmp(alt("dc:title", x_default="Grün")).decode().replace("\ufeff", "")
    assert read(saved("PNG"), packet.encode("cp1252")) == {"title": "Grün"}


def test_a_sidecar_comes_before_what_is_inside():
    inside = jpeg(photoshop=resources(NEW, OLD), xmp=xmp("<dc:rights>in</dc:rights>"))
    packet = xmp(alt("dc:title", x_default="beside"))
    found = read(inside, packet)
    assert found == {"title": "beside", "keywords": ["new"], "rights": "in"}


def test_without_a_default_language_the_first_counts():
    packet = xmp(alt("dc:title", fr="Broche", en="Brooch"))
    assert read(jpeg(xmp=packet)) == {"title": "Broche"}
    packet = xmp(alt("dc:title", x_default="", fr="Broche"))
    assert read(jpeg(xmp=packet)) == {"title": "Broche"}


def test_places_in_structures():
    place = (
        "<{0}><rdf:Bag><rdf:li rdf:parseType='Resource'><ext:City>{1}</ext:City>"
        "<ext:CountryName>{2}</ext:CountryName></rdf:li></rdf:Bag></{0}>"
    )
    made_at = place.format("ext:LocationCreated", "Bath", "England")
    shown = place.format("ext:LocationShown", "Rome", "Italy")
    assert read(jpeg(xmp=xmp(made_at))) == {"city": "Bath", "country": "England"}
    assert read(jpeg(xmp=xmp(made_at + shown)))["city"] == "Rome"
    attributes = "<ext:LocationShown><rdf:Seq><rdf:li ext:City='Rome'/></rdf:Seq></ext:LocationShown>"
    assert read(jpeg(xmp=xmp(attributes))) == {"city": "Rome"}
    nested = (
        "<ext:LocationShown><rdf:Bag><rdf:li><rdf:Description ext:City='Rome'/>"
        "</rdf:li></rdf:Bag></ext:LocationShown>"
    )
    assert read(jpeg(xmp=xmp(nested))) == {"city": "Rome"}


@pytest.mark.parametrize(
    ("inner", "licence"),
    [
        ("<cc:license>CC0</cc:license>", "CC0"),
        ("<xmpRights:WebStatement>http://a.b</xmpRights:WebStatement>", "http://a.b"),
        (alt("xmpRights:UsageTerms", x_default="Ask us"), "Ask us"),
        (
            "<cc:license><rdf:Description><rdf:value>CC0</rdf:value></rdf:Description>"
            "</cc:license>",
            "CC0",
        ),
    ],
)
def test_licences(inner, licence):
    assert read(jpeg(xmp=xmp(inner))) == {"licence": licence}


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("1931", "1931"),
        ("1931-05", "1931-05"),
        ("1931-05-20T10:15Z", "1931-05-20T10:15Z"),
        ("1931:05:20 10:15:00", "1931-05-20T10:15:00"),
        ("2009-09-09T17:00:00, 2009-09-09", "2009-09-09T17:00:00"),
        ("about 1931", "about 1931"),
    ],
)
def test_dates_of_xmp(text, date):
    packet = xmp(attributes=f'photoshop:DateCreated="{text}"')
    assert read(jpeg(xmp=packet)) == {"date": date}


@pytest.mark.parametrize(
    ("values", "date"),
    [
        ([(55, "19310520")], "1931-05-20"),
        ([(55, "19310000")], "1931"),
        ([(55, "19310500"), (60, "101500+0100")], "1931-05"),
        ([(55, "1931-05-20"), (60, "10:15:00")], "1931-05-20T10:15:00"),
        ([(55, "00000000")], None),
        ([(55, "May 1931")], None),
        ([(60, "101500+0100")], None),
    ],
)
def test_dates_of_iptc(values, date):
    found = read(jpeg(photoshop=resources(iptc(*values))))
    assert found == ({"date": date} if date else {})


@pytest.mark.parametrize(
    "text", ["0000:00:00 00:00:00", "    :  :     :  :  ", "yesterday", "", "1931"]
)
def test_dates_that_a_camera_did_not_know(text):
    assert read(jpeg(exif=made.exif(inner={0x9003: text}))) == {}


@pytest.mark.parametrize(
    "gps",
    [
        {2: rationals(51, 0, 0), 4: rationals(2, 0, 0)},
        {1: "N", 2: rationals(51, 0, 0)},
        {1: "N", 2: rationals(0, 0, 0), 3: "E", 4: rationals(0, 0, 0)},
        {1: "N", 2: rationals(91, 0, 0), 3: "E", 4: rationals(0, 0, 0)},
        {1: "N", 2: (IFDRational(0, 0),) * 3, 3: "E", 4: rationals(2, 0, 0)},
        {1: "Q", 2: rationals(51, 0, 0), 3: "E", 4: rationals(2, 0, 0)},
    ],
    ids=["no-direction", "half", "zero", "too-far", "no-number", "odd-direction"],
)
def test_coordinates_that_say_nothing(gps):
    assert read(jpeg(exif=made.exif(gps=gps))) == {}


@pytest.mark.parametrize(
    ("latitude", "longitude", "place"),
    [
        ("51,22,51.6N", "2,21.6W", (51.381, -2.36)),
        ("51.381S", "2.36e", (-51.381, 2.36)),
        ("-51.381", "2.36", (-51.381, 2.36)),
        ("51 22 51.6 N", "2 21 36 W", (51.381, -2.36)),
        ("51E", "2N", None),
        ("north", "east", None),
        ("nan", "nan", None),
    ],
)
def test_coordinates_of_xmp(latitude, longitude, place):
    packet = xmp(
        attributes=f'exif:GPSLatitude="{latitude}" exif:GPSLongitude="{longitude}"'
    )
    found = read(jpeg(xmp=packet))
    assert found == (dict(zip(record.COORDINATES, place, strict=True)) if place else {})


BOMB = (
    '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    + xmp("<dc:title>&b;</dc:title>").decode().replace("\ufeff", "")
)
OUTSIDE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + xmp(
    "<dc:title>&a;</dc:title>"
).decode().replace("\ufeff", "")


@pytest.mark.parametrize(
    "packet",
    [
        *(text.encode(e) for text in (BOMB, OUTSIDE) for e in ("utf-8", "utf-16")),
        b'<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">'
        + xmp("<dc:title>T</dc:title>"),
        xmp("<dc:title>&undefined;</dc:title>"),
        b"",
        b"\0" * 100,
        b"no XML",
        xmp("<dc:title>" + "<a>" * 100_000),
        xmp("<dc:title>" + "<a/>" * 100_000 + "</dc:title>"),
    ],
    ids=["bomb", "bomb-16", "file", "file-16", "dtd", "undefined", "empty", "zeros"]
    + ["text", "deep", "wide"],
)
def test_packets_that_are_refused(packet):
    started = time.process_time()
    assert read(jpeg(), packet) == {}
    assert time.process_time() - started < 1


def profiles(text):
    """Chunks for each kind of profile, many times, with a text that is long when unpacked."""
    packed = zlib.compress(text)
    for name in (b"iptc", b"8bim", b"xmp", b"exif", b"APP1") * 50:
        yield made.chunk(b"zTXt", b"Raw profile type " + name + b"\0\0" + packed)


@pytest.mark.parametrize(
    "make",
    [
        lambda: made.png(*profiles(b" " * 20_000_000)),
        lambda: made.png(*profiles(b"\niptc\n 5\n" + b"1c" * 10_000_000)),
        lambda: made.png(*[made.chunk(b"tEXt", b"")] * 500_000),
        lambda: jpeg(photoshop=resources(b"\x1c\x02\x19\0\1 " * 900_000)),
        lambda: jpeg(photoshop=resource(1, b"") * 300_000),
    ],
    ids=["spaces", "digits", "chunks", "datasets", "resources"],
)
def test_files_made_to_keep_us_busy(make):
    picture = make()
    started = time.process_time()
    assert read(picture) == {}
    assert time.process_time() - started < 1


def test_a_huge_packet_is_read_in_part():
    packet = xmp(
        alt("dc:title", x_default="Grün") + f"<dc:source>{'ü' * 5_000_000}</dc:source>"
    )
    assert read(jpeg(), packet) == {"title": "Grün"}


def test_control_characters_cost_nothing_but_themselves():
    packet = xmp(alt("dc:title", x_default="Bro\x00och\x0b")) + b"\0\0"
    assert read(jpeg(xmp=packet)) == {"title": "Brooch"}


def test_what_comes_before_damage_is_read():
    block = iptc((5, "Brooch"), (120, "A bronze brooch"))
    assert read(jpeg(photoshop=resources(block[:-5]))) == {"title": "Brooch"}
    packet = xmp(alt("dc:title", x_default="Brooch") + alt("dc:rights", x_default="©"))
    assert read(jpeg(xmp=packet[: packet.index(b"<dc:rights")])) == {"title": "Brooch"}


@pytest.mark.parametrize("seed", range(20))
def test_nothing_is_raised_for_damage(seed):
    """Bytes of each kind of block are changed, and the end is cut off."""
    chance = random.Random(seed)
    whole = jpeg(xmp=EVERYTHING, photoshop=resources(IPTC, OLD), exif=EXIF)
    pictures = [whole, made.png(PACKED, raw_profile(IPTC)), saved("TIFF", exif=EXIF)]
    for picture in pictures:
        raw = bytearray(picture)
        for _ in range(30):
            raw[chance.randrange(20, len(raw))] = chance.randrange(256)
        assert isinstance(read(bytes(raw)), dict | None)
        assert isinstance(read(bytes(raw[: chance.randrange(len(raw))])), dict | None)


def test_a_file_that_is_no_picture_has_no_record():
    assert read(b"no picture") is None


@pytest.mark.parametrize(
    "name", ["a.jpg.xmp", "a.xmp", "A.XMP", "a.JPG.Xmp", "a.JPEG.xmp"]
)
def test_sidecars_are_found_by_name(tmp_path, name):
    (tmp_path / "a.jpg").write_bytes(jpeg())
    (tmp_path / name).write_bytes(b"packet")
    (tmp_path / "ab.xmp").write_bytes(b"of another picture")
    found = Sidecars().read(files.file_at(tmp_path / "a.jpg", "a.jpg"))
    assert found == ([] if name == "a.JPEG.xmp" else [b"packet"])


def test_the_sidecar_with_the_whole_name_comes_first(tmp_path):
    for name in ("a.jpg", "a.xmp", "a.jpg.xmp"):
        (tmp_path / name).write_bytes(name.encode())
    found = Sidecars().read(files.file_at(tmp_path / "a.jpg", "a.jpg"))
    assert found == [b"a.jpg.xmp", b"a.xmp"]


@pytest.mark.skipif(os.name == "nt", reason="links need a permission on Windows")
def test_links_out_of_the_folder_pipes_and_folders_are_not_read(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    (tmp_path / "secret.xmp").write_bytes(b"secret")
    (folder / "a.jpg").write_bytes(jpeg())
    (folder / "a.xmp").symlink_to(tmp_path / "secret.xmp")
    os.mkfifo(folder / "a.jpg.xmp")
    (folder / "A.xmp").mkdir()
    assert Sidecars().read(files.file_at(folder / "a.jpg", "a.jpg")) == []


def test_reading_a_png_does_not_decode_it(monkeypatch):
    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", pytest.fail)
    assert read(made.png(ITXT)) == EXPECTED
